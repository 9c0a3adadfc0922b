//! The agent on a store and a machine, with a clock that is moved by hand.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod breaking;
mod hearing;
mod socket;
mod support;
