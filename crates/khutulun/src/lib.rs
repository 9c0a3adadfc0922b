//! Khutulun, the program: composes every layer into one command line.
//!
//! The life of a command: [`main`] lets a supervisor be a supervisor, parses the command line, and hands it to the
//! module of its verb; the verb answers on standard output, shows progress on standard error, and ends with an exit code
//! or with an error in five parts. What a command does not need (store, threads, Wasm) is never begun.

mod start;

mod busy;
mod cli;
mod commands;

mod change;
mod dependents;
mod design;
mod entry;
mod execution;
mod executors;
mod functions;
mod health;
mod history;
mod hooks;
mod inputs;
mod instance;
mod intention;
mod interruption;
mod inventory;
mod lockfile;
mod package;
mod plan_file;
mod plan_view;
mod probe;
mod profiles;
mod proposal;
mod question;
mod reality;
mod refresh_view;
mod resolution;
mod revision;
mod run_view;
mod runtime;
mod scaling;
mod selection;
mod selector;
mod session;
mod source;
mod state;
mod status_view;
mod store_identity;
mod unwinding;
mod watcher;

mod answer;
mod author;
mod error;
mod exit;
mod explanation;
mod progress;
mod terminal;
mod time;

pub use start::main;
