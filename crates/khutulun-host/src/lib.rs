//! What a driver or a script may ask of a machine.
//!
//! A [`LocalMachine`] runs commands, moves files, calls HTTP servers on sockets, and keeps processes that outlive it: as
//! ordinary systemd units where systemd is there, else under [`supervise`], a tiny process of our own for each. A
//! [`ScriptExecutor`] runs the scripts of a service, each under the same supervisor, so that its outcome is there even when
//! nobody waited for it; [`FunctionScripts`] those that compute functions. Everything is kept in a [`StateDirectory`].
//!
//! Nothing here decides what is allowed, and nothing here polls.

mod command;
mod fence;
mod fenced;
mod files;
mod function;
mod http;
mod launch;
mod log_tail;
mod machine;
mod process_key;
mod process_name;
mod process_watch;
mod record;
mod script;
mod signal_name;
mod state;
mod supervised;
mod supervisor;
mod systemd;
mod unit;
mod user;
mod wait;

pub use fenced::Fenced;
pub use function::{FunctionFile, FunctionScripts};
pub use launch::SupervisorCommand;
pub use log_tail::{LogChunk, LogTail};
pub use machine::LocalMachine;
pub use process_name::ProcessName;
pub use process_watch::{ProcessChange, ProcessWatch};
pub use script::ScriptExecutor;
pub use state::StateDirectory;
pub use supervisor::supervise;
pub use systemd::{Systemd, SystemdScope};
pub use user::own_name;
