//! The test suite that every Floria store passes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use floria::{MemoryStore, Store};
//!
//! floria_conformance::run(&|| {
//!     let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
//!     Box::new(move || store.clone())
//! });
//! ```

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "this is a test, and a test may panic")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use floria::Store;

pub mod build;
mod commits;
mod concurrency;
mod content;
mod equivalence;
mod laws;
mod log;

/// A place for one store. Each call opens what is there: the first call makes an empty store, a later one sees what an
/// earlier one committed, be that one still open (another process) or dropped (a restart).
pub type Home = Box<dyn Fn() -> Arc<dyn Store>>;

/// What is to be shown, and how.
pub type Case = (&'static str, fn(&Home));

/// Returns all cases, by name.
pub fn cases() -> Vec<Case> {
    let groups =
        [commits::CASES, laws::CASES, log::CASES, content::CASES, concurrency::CASES, equivalence::CASES];
    groups.concat()
}

/// Runs all cases, each in a new home.
///
/// # Panics
///
/// When a case fails: after all have run, with the names of those that failed. Why is on standard error.
pub fn run(new_home: &dyn Fn() -> Home) {
    let cases = cases();
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, case)| catch_unwind(AssertUnwindSafe(|| case(&new_home()))).is_err())
        .map(|(name, _)| *name)
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed: {}", failed.len(), cases.len(), failed.join(", "));
}
