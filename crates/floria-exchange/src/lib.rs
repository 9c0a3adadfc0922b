//! Import and export of Floria graphs in YAML, JSON, CBOR and MessagePack, without loss.
//!
//! [`export`] writes what is selected of a [`Snapshot`](floria::Snapshot) to a file, [`import`] reads a file into a
//! [`Store`](floria::Store). Below them, [`Writer`] and [`Reader`] know files, entity by entity: a graph of any size passes
//! through a page of memory.
//!
//! ```
//! use floria::{At, MemoryStore, Store as _};
//! use floria_exchange::{Boundary, Format, ImportOptions, Selection, export, import};
//!
//! let (store, other) = (MemoryStore::new(), MemoryStore::new());
//! let mut file = Vec::new();
//! export(&*store.snapshot(At::Now)?, &Selection::All, Boundary::Cut, Format::Yaml, &mut file)?;
//! import(&other, Format::Yaml, file.as_slice(), &ImportOptions::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The files
//!
//! Every file says `schema: floria.graph/1`, then its entities, then their count: a file that was cut short is no graph. JSON
//! and CBOR are one map (`schema`, `entities`, `count`); YAML and MessagePack are a sequence of maps: one with `schema`, one for
//! each entity, one with `count`. An entity is a map from its kind (`class`, `plugin`, `vertex_template`, `edge_template`,
//! `vertex`, `edge`) to its fields, which have the names of Floria's; what is empty or false is left out. Entities are in canonical
//! order: by kind, then by namespace and name or by id.
//!
//! Values are what they are in the format, with these exceptions, which are maps of one key:
//!
//! | value | form | in |
//! |---|---|---|
//! | bytes | `{$bytes: base64}` | JSON, YAML |
//! | a float that is not finite | `{$float: nan}`, `inf`, `-inf`, or the 64 bits of another NaN: `0x7ff8000000000001` | JSON, YAML |
//! | a map with keys that are not text | `{$map: [[key, value], …]}` | JSON, YAML |
//! | a map with a key that begins with `$` | the same | all |
//! | a custom value | `{$custom: {type: …, order: …, text: …}}` | all |
//!
//! Numbers with a point or an exponent are floats, the others are integers. Expressions are `{literal: value}`, `{list: […]}`,
//! `{map: [[key, value], …]}` and `{call: {function: …, arguments: […]}}`.

mod cbor;
mod decode;
mod error;
mod event;
mod export;
mod format;
mod import;
mod json;
mod json_write;
mod message_pack;
mod octets;
mod part;
mod reader;
mod renumber;
mod writer;
mod yaml;
mod yaml_write;

pub use error::{ExchangeError, Malformed, Place};
pub use export::{Boundary, Exported, Selection, export};
pub use format::{Format, UnknownFormat};
pub use import::{Ids, ImportOptions, Imported, Stages, import};
pub use reader::{Limits, Reader};
pub use writer::{SCHEMA, Writer};
