//! The reference binary: composes every layer into one command line.
//!
//! The life of a command: [`main`] lets a supervisor be a supervisor, parses the command line, and hands it to the
//! module of its verb; the verb answers on standard output, shows progress on standard error, and ends with an exit code
//! or with an error in five parts. What a command does not need (store, threads, Wasm) is never begun.

mod answer;
mod cli;
mod commands;
mod entry;
mod error;
mod exit;
mod inputs;
mod lock;
mod progress;
mod start;
mod state;
mod terminal;
mod time;

pub use start::main;
