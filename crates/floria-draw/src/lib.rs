//! Draws Floria designs and graphs as pictures.
//!
//! The life of a picture: a [`floria::Design`] of templates or a [`floria::Graph`] of instances becomes a [`Drawing`], which
//! is plain data: boxes that may nest ([`Shape`]) and the [`Arrow`]s between them. A drawing is written as [`Drawing::dot`]
//! for Graphviz, as [`Drawing::mermaid`] for pages that draw Mermaid, or as [`Drawing::svg`], for which the layout is made here.
//!
//! Equal designs and graphs give equal pictures. Whatever a name holds, it stays text.
//!
//! Nothing here knows a language (TOSCA), an engine, a clock or a disk.

mod design;
mod dot;
mod drawing;
mod graph;
mod label;
mod layout;
mod marks;
mod mermaid;
mod svg;

pub use drawing::{Arrow, ArrowKind, Capability, Drawing, Shape, ShapeId, ShapeKind, Subject, Target};
