//! The resolver from outside: one file per thing.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod again;
mod brute_force;
mod counts;
mod explained;
mod hooks;
mod instances;
mod patterns;
mod search;
mod support;
mod waiting;
