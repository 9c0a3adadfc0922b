//! Events of a store.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod crashes;
mod designs;
mod emitting;
mod following;
mod reacting;
mod reactor;
mod reading;
mod storm;
mod support;
mod world;
