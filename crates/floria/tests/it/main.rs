//! Floria from outside: one file per thing.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod deletion;
mod difference;
mod evaluate;
mod graph;
mod history;
mod incremental;
mod kept;
mod support;
mod values;
mod verify;
