//! When timers are due. Pure: nothing here reads a clock.

/// The shortest time between two events of a timer, in milliseconds: what wants more is not a timer's work.
pub(crate) const EVERY_MS_MIN: u64 = 100;

/// Whether a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// At this time, in milliseconds since 1970-01-01T00:00:00Z.
    At(u64),
    /// Now: it counts as of this time, and so many more were missed since the last.
    Now { as_of_ms: u64, missed: u64 },
}

/// The beat of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// When it was due last, or first seen, in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) last_ms: u64,
    /// How often it is due, in milliseconds.
    pub(crate) every_ms: u64,
}

impl Beat {
    /// Says when it is due.
    ///
    /// However many were missed (the agent did not run, the machine slept, the clock was set forward), one is due. The times keep
    /// their beat. Where the clock was set back to before the last, the beat begins anew from now: nobody waits for the old time to
    /// come again.
    pub(crate) fn due(&mut self, now_ms: u64) -> Due {
        let every_ms = self.every_ms.max(EVERY_MS_MIN);
        self.last_ms = self.last_ms.min(now_ms);
        match (now_ms - self.last_ms) / every_ms {
            0 => Due::At(self.last_ms.saturating_add(every_ms)),
            beats => Due::Now { as_of_ms: self.last_ms + beats * every_ms, missed: beats - 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(last_ms: u64, every_ms: u64, now_ms: u64) -> Due {
        Beat { last_ms, every_ms }.due(now_ms)
    }

    #[test]
    fn a_timer_keeps_its_beat() {
        assert_eq!(due(1000, 500, 1000), Due::At(1500));
        assert_eq!(due(1000, 500, 1499), Due::At(1500));
        assert_eq!(due(1000, 500, 1500), Due::Now { as_of_ms: 1500, missed: 0 });
        assert_eq!(due(1000, 500, 1510), Due::Now { as_of_ms: 1500, missed: 0 });
    }

    #[test]
    fn what_was_missed_is_due_once() {
        assert_eq!(due(1000, 500, 10_100), Due::Now { as_of_ms: 10_000, missed: 17 });
        assert_eq!(due(10_000, 500, 10_100), Due::At(10_500));
    }

    #[test]
    fn a_clock_that_was_set_back_is_not_waited_for() {
        let mut beat = Beat { last_ms: 1_000_000, every_ms: 500 };
        assert_eq!(beat.due(2000), Due::At(2500));
        assert_eq!(beat.due(2500), Due::Now { as_of_ms: 2500, missed: 0 });
        assert_eq!(due(u64::MAX, 500, u64::MAX), Due::At(u64::MAX));
    }

    #[test]
    fn a_timer_does_not_keep_a_core_busy() {
        assert_eq!(due(1000, 0, 1000), Due::At(1100));
    }
}
