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

mod authors;
pub mod build;
mod commits;
mod concurrency;
mod content;
mod deletion;
mod equivalence;
mod history;
mod indexes;
mod laws;
mod log;
mod namespaces;
mod plugins;
pub mod reads;
mod retention;
mod snapshots;
mod verify;
mod watch;

/// A place for one store. Each call opens what is there: the first call makes an empty store, a later one sees what an
/// earlier one committed, be that one still open (another process) or dropped (a restart).
pub type Home = Box<dyn Fn() -> Arc<dyn Store>>;

/// What is to be shown, and how.
pub type Case = (&'static str, fn(&Home));

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Commits are whole or not at all, counted, compared and set.
    Commits,
    /// What a store refuses, and what it must not.
    Laws,
    /// Plugins are entities as all others are.
    Plugins,
    /// The log is complete, in order, and found again by what it is about.
    Log,
    /// Who committed what.
    Authors,
    /// What goes in comes out.
    Content,
    /// One revision, whatever is committed meanwhile; and the revisions of the past.
    Snapshots,
    /// Each index holds what it should, at every revision.
    Indexes,
    /// Namespaces are there as long as something is in them.
    Namespaces,
    /// What goes with what is deleted, and what forbids it.
    Deletion,
    /// Every row once, in order, however it comes.
    Watch,
    /// What is forgotten, what is not, and that it is never silent.
    Retention,
    /// What differs between revisions, and who changed it.
    History,
    /// A whole store is found whole, and counted.
    Verify,
    /// Several threads, and several open stores, at once.
    Concurrency,
    /// The same answers as the store in memory, whatever it is given.
    Equivalence,
}

impl Group {
    /// All groups, in the order that they are run in.
    pub const ALL: [Self; 16] = [
        Self::Commits,
        Self::Laws,
        Self::Plugins,
        Self::Log,
        Self::Authors,
        Self::Content,
        Self::Snapshots,
        Self::Indexes,
        Self::Namespaces,
        Self::Deletion,
        Self::Watch,
        Self::Retention,
        Self::History,
        Self::Verify,
        Self::Concurrency,
        Self::Equivalence,
    ];

    /// Returns the cases of the group, by name.
    pub fn cases(self) -> &'static [Case] {
        match self {
            Self::Commits => commits::CASES,
            Self::Laws => laws::CASES,
            Self::Plugins => plugins::CASES,
            Self::Log => log::CASES,
            Self::Authors => authors::CASES,
            Self::Content => content::CASES,
            Self::Snapshots => snapshots::CASES,
            Self::Indexes => indexes::CASES,
            Self::Namespaces => namespaces::CASES,
            Self::Deletion => deletion::CASES,
            Self::Watch => watch::CASES,
            Self::Retention => retention::CASES,
            Self::History => history::CASES,
            Self::Verify => verify::CASES,
            Self::Concurrency => concurrency::CASES,
            Self::Equivalence => equivalence::CASES,
        }
    }
}

/// Returns all cases, by name.
pub fn cases() -> Vec<Case> {
    Group::ALL.map(Group::cases).concat()
}

/// Runs all cases, each in a new home.
///
/// # Panics
///
/// When a case fails: after all have run, with the names of those that failed. Why is on standard error.
pub fn run(new_home: &dyn Fn() -> Home) {
    run_groups(&Group::ALL, new_home);
}

/// Runs the cases of some groups, each in a new home: for a store that is not done yet.
///
/// # Panics
///
/// As [`run`].
pub fn run_groups(groups: &[Group], new_home: &dyn Fn() -> Home) {
    let cases: Vec<_> = groups.iter().flat_map(|group| group.cases()).collect();
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, case)| catch_unwind(AssertUnwindSafe(|| case(&new_home()))).is_err())
        .map(|(name, _)| *name)
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed: {}", failed.len(), cases.len(), failed.join(", "));
}
