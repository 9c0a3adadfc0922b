//! Packages as strangers send them.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as its test does")]

mod archives;
mod catalog;
mod create;
mod extract;
mod formats;
mod meta;
mod root;
mod sources;
mod tars;
mod zips;
