//! An alarm by the machine's clock.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_gettime, timerfd_settime,
    },
};

/// Becomes readable at a time of the machine's clock, also when the machine slept meanwhile, and when somebody sets the clock. While
/// it is set to nothing, nothing is armed anywhere.
pub(crate) struct Alarm(OwnedFd);

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(timerfd_create(TimerfdClockId::Realtime, flags)?))
    }

    /// Sets it to a time in milliseconds since 1970-01-01T00:00:00Z, or to nothing.
    pub(crate) fn set(&self, at_ms: Option<u64>) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = at_ms.map_or(zero, |at_ms| Timespec {
            tv_sec: i64::try_from(at_ms / 1000).unwrap_or(i64::MAX),
            // A time of zero would be nothing.
            tv_nsec: i64::try_from(at_ms % 1000 * 1_000_000).unwrap_or(0).max(1),
        });
        let flags = match at_ms {
            Some(_) => TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET,
            None => TimerfdTimerFlags::empty(),
        };
        let set = Itimerspec { it_interval: zero, it_value: at };
        match timerfd_settime(&self.0, flags, &set) {
            // The clock was set since the last time; it is set all the same.
            Err(Errno::CANCELED) => timerfd_settime(&self.0, flags, &set)?,
            other => other?,
        };
        Ok(())
    }

    /// Returns whether it is set to a time.
    pub(crate) fn is_set(&self) -> bool {
        timerfd_gettime(&self.0).is_ok_and(|set| set.it_value.tv_sec != 0 || set.it_value.tv_nsec != 0)
    }

    /// Makes it silent again.
    pub(crate) fn heard(&self) {
        let mut buffer = [0_u8; 8];
        // That the clock was set is an error here, and reason enough to look at the clock.
        let _ = rustix::io::read(&self.0, &mut buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_to_nothing_is_not_armed() {
        let alarm = Alarm::new().unwrap();
        assert!(!alarm.is_set());
        alarm.set(Some(u64::MAX / 2_000_000)).unwrap();
        assert!(alarm.is_set());
        alarm.set(None).unwrap();
        assert!(!alarm.is_set());
    }
}
