//! What happens on one host becomes events, and events are handed to whoever reacts.
//!
//! An [`Agent`] works on one state directory, at most one of them ([`AgentLock`]). It hears of processes that end, of timers, of
//! files that change and of what is told at its unix socket, and records each as an event (`khutulun-events`), together with
//! what it needs to know after a crash so that nothing is told twice. It looks at all events, its own and those of every other command,
//! and has done what policies' triggers want done ([`Act`]). It works without polling: between two things that happen, it does
//! nothing at all.

mod agent;
mod alarm;
mod bell;
mod ears;
mod file;
mod host;
mod lock;
mod marks;
mod nodes;
mod process;
mod reacting;
mod request;
mod socket;
mod sources;
mod teller;
mod timer;
mod unit;

pub use agent::{Agent, AgentError, Stop};
pub use host::{Act, Host, Status};
pub use lock::{AgentLock, Holder, LockError};
pub use process::{EXITED, RESTARTED, UNSUPERVISED};
pub use request::{AskError, ask};
pub use socket::{BODY_BYTES_MAX, CONNECTIONS_MAX, SOCKET};
pub use unit::{Unit, UnitScope};
