//! Queries over Floria graphs.
//!
//! A [`Query`] is a set of entities, and steps from it to others along edges and containment. [`Query::parse`] reads its text
//! form; [`Query::run`] answers it on any [`Snapshot`](floria::Snapshot), from the narrowest index that the store has for it;
//! [`Query::explain`] says how.
//!
//! ```
//! use floria::{At, MemoryStore, Store as _};
//! use floria_query::{Query, Vocabulary};
//!
//! let vocabulary = Vocabulary::default().metadata("state", "khutulun.state");
//! let query = Query::parse("in shop state:failed ->* type:Database", &vocabulary)?;
//! assert!(query.run(&*MemoryStore::new().snapshot(At::Now)?)?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Relations`] is the same graph for algorithms: orders, circles, components, and what depends on what.

mod algorithms;
mod condition;
mod explain;
mod parse;
mod plan;
mod query;
mod run;
mod scan;
mod vocabulary;

pub use algorithms::{Cycle, Relations};
pub use explain::{Explained, Explanation};
pub use parse::ParseError;
pub use query::{Comparison, Condition, Direction, Meaning, Query, Step, Test, Times};
pub use vocabulary::Vocabulary;
