//! SQLite as a store: the conformance suite, files that are not as they should be, and a crash.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod backup;
mod conformance;
mod crash;
mod files;
mod history;
mod power;
mod verify;
mod watch;
