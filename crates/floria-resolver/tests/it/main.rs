//! The resolver from outside: one file per thing.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod hooks;
mod instances;
mod support;
