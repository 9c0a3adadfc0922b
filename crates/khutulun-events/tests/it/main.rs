//! Events of a store.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod emitting;
mod following;
mod reading;
mod storm;
mod support;
