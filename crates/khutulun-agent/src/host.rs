//! What an agent needs of the program that it is in.

use khutulun_api::BoxFuture;
use khutulun_events::{Due, Event, EventError, Performed};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The program around an agent: what it says, and how it shows things.
pub trait Host: Send + Sync {
    /// Says something to whoever looks after the agent, in a line without a line feed.
    fn note(&self, text: &str);

    /// Returns an event as a document.
    fn document(&self, event: &Event) -> Json;
}

/// Whoever does what triggers want done.
pub trait Act: Send + Sync {
    /// Performs a reaction, to its end: see [`khutulun_events::perform`].
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Performed, EventError>>;

    /// Goes on with what an agent had begun that was killed, to its end.
    fn take_up<'a>(&'a self) -> BoxFuture<'a, ()>;
}

/// What an agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The kind of this document.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// Since when, in milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
    /// The cursor up to which events were looked at.
    pub cursor: u64,
    /// How many processes it hears of.
    pub processes: u64,
    /// How many timers it keeps.
    pub timers: u64,
    /// Whether an alarm is set, for the next of them.
    pub alarm: bool,
    /// How many files it watches.
    pub files: u64,
    /// How many events it recorded.
    pub told: u64,
    /// How many processes have something to tell that could not be recorded yet.
    pub waiting: u64,
    /// How many reactions are at work.
    pub at_work: u64,
    /// How many reactions were performed.
    pub performed: u64,
}
