//! The time, as the engine is told it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Says what time it is. The simulator brings its own.
pub trait Clock: Send + Sync {
    /// Returns the time in milliseconds since 1970-01-01T00:00:00Z. It may jump, also backwards.
    fn now_ms(&self) -> u64;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
