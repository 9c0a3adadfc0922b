//! Pictures: what is in them, where it is, and that names stay text.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod build;
mod hostile;
mod laws;
mod page;
mod pictures;
