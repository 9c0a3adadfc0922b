//! Floria from outside: one file per thing.

mod evaluate;
mod support;
