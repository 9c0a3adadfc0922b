//! The resolver: from a design, inputs and what is there to the graph of instances that is wanted (TOSCA 2.0, 4.2.2).
//!
//! [`resolve`] makes the instances that the templates of a [`Design`](floria::Design) ask for and the edges between them. It is
//! deterministic, changes nothing in the world, and keeps what exists: an instance of the same name in the same place is the
//! same instance. [`Hooks`] may look at each instance as it is made.
//!
//! Nothing here knows a language (TOSCA), an engine, a clock or a disk.

mod amounts;
mod candidates;
mod error;
pub mod explain;
mod hooks;
mod instances;
mod keep;
mod request;
mod resolve;
mod select;
mod solver;
mod substitute;
mod trees;

pub use error::{ResolveError, Tried};
pub use explain::{Explanation, Postponed};
pub use hooks::{AFTER_INSTANTIATION, Adaptation, BEFORE_INSTANTIATION, Hook, Hooks, NoHooks};
pub use request::{Counts, Ids, Inventory, Limits, OWN_COUNTS, Request, StoreIds};
pub use resolve::{Resolution, explain, outermost, resolve};
