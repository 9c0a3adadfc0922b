//! The main process of a supervisor and everything that it started.

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus};

use super::{KILL_WAIT_MS, signals::Signals};
use crate::process_key::own_children;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// The main process, leader of its group, and all its descendants.
///
/// The supervisor is their subreaper (prctl(2)): a descendant whose parent ended becomes the supervisor's child, also when it
/// left the group. So nothing is left exactly when the supervisor has no children.
pub(super) struct Family {
    main: Pid,
}

impl Family {
    /// Takes care of a process that was just started as the leader of a group.
    pub(super) fn new(main: Pid) -> Self {
        Self { main }
    }

    /// Returns how the main process ended, if it did. It stays a zombie, so that the number of its group stays taken.
    pub(super) fn ended(&self) -> io::Result<Option<End>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(rustix::process::waitid(WaitId::Pid(self.main), options)?.as_ref().map(end))
    }

    /// Waits for strays that ended, so that they do not stay zombies, and returns those that have not.
    pub(super) fn living_strays(&self) -> Vec<Pid> {
        let mut living = Vec::new();
        for pid in own_children().into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            if pid != self.main && matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(None)) {
                living.push(pid);
            }
        }
        living
    }

    /// Sends a signal to the main process's group. Stopped processes are woken to get it.
    pub(super) fn signal_group(&self, signal: Signal) {
        // The group is there until the main process was waited for; an error means that nobody in it may be signalled.
        let _ = rustix::process::kill_process_group(self.main, signal);
        if signal != Signal::KILL {
            let _ = rustix::process::kill_process_group(self.main, Signal::CONT);
        }
    }

    /// Ends what the main process, which ended, left behind: with `signal`, and from the deadline on with KILL. Returns
    /// whether nothing is left. Then the main process is waited for too.
    ///
    /// `asked`: the group has had the signal already. It becomes true when the supervisor is asked to end meanwhile.
    pub(super) fn end_strays(
        &self,
        signals: &Signals,
        signal: Signal,
        deadline: Instant,
        asked: &mut bool,
    ) -> io::Result<bool> {
        let mut gave_up = false;
        let mut strays = self.living_strays();
        if !strays.is_empty() {
            // Who was asked already is not asked twice: many programs take that for impatience.
            if !*asked {
                self.signal_group(signal);
            }
            for stray in &strays {
                if rustix::process::getpgid(Some(*stray)).is_ok_and(|group| group != self.main) {
                    // A child that was not waited for keeps its pid.
                    let _ = rustix::process::kill_process(*stray, signal);
                }
            }
        }
        let give_up = deadline + Duration::from_millis(KILL_WAIT_MS);
        while !strays.is_empty() {
            let now = Instant::now();
            if now >= give_up {
                gave_up = true;
                break;
            }
            if now >= deadline {
                self.signal_group(Signal::KILL);
                for stray in &strays {
                    let _ = rustix::process::kill_process(*stray, Signal::KILL);
                }
            }
            *asked |= signals.wait(&[], Some(if now >= deadline { give_up } else { deadline }))?.end;
            strays = self.living_strays();
        }
        self.reap()?;
        Ok(!gave_up)
    }

    /// Waits for the main process, which ended.
    pub(super) fn reap(&self) -> io::Result<()> {
        rustix::process::waitid(WaitId::Pid(self.main), WaitIdOptions::EXITED)?;
        Ok(())
    }
}

fn end(status: &WaitIdStatus) -> End {
    End { exit_code: status.exit_status(), signal: status.terminating_signal() }
}
