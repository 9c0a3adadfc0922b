//! Processes by a name that is never used twice.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

/// A process of this boot: its pid, and the clock tick that it started in. A pid alone is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessKey {
    /// The pid.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub(crate) start_ticks: u64,
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    parent: u32,
    start_ticks: u64,
    /// 0 when it has ended.
    memory_bytes: u64,
    /// Where its environment begins and ends. 0 until it has one: while its program is being executed.
    environment: (u64, u64),
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the program's name in parentheses, which may hold anything: fields are counted from the last `)`.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        // State is field 3, parent 4.
        let start_ticks = fields.nth(22 - 5)?.parse().ok()?;
        let memory_bytes = fields.next()?.parse().ok()?;
        let environment = (fields.nth(50 - 24)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { state, parent, start_ticks, memory_bytes, environment })
    }

    /// Returns whether it was executed with an empty environment.
    fn has_no_environment(self) -> bool {
        self.environment.1 != 0 && self.environment.0 == self.environment.1
    }

    fn is_alive(self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

impl ProcessKey {
    /// Returns the key of a process that exists, ended or not.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, start_ticks: Stat::read(pid)?.start_ticks })
    }

    /// Returns whether it runs. A zombie does not.
    pub(crate) fn is_alive(self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks && stat.is_alive())
    }

    /// Opens it, if it runs. What the answer refers to stays the same process, even when its pid is reused.
    pub(crate) fn open(self) -> Option<OwnedFd> {
        let fd = rustix::process::pidfd_open(self.as_pid()?, PidfdFlags::empty()).ok()?;
        // Compared after opening: from now on the pid cannot change hands under us.
        self.is_alive().then_some(fd)
    }

    /// Returns the pid as the system calls take it.
    pub(crate) fn as_pid(self) -> Option<Pid> {
        Pid::from_raw(self.pid.cast_signed())
    }
}

/// Returns the id of this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned())
}

/// Returns the children of this program that were not waited for, without allocating for none.
pub(crate) fn own_children() -> Vec<u32> {
    let pid = std::process::id();
    match fs::read_to_string(format!("/proc/self/task/{pid}/children")) {
        Ok(text) => text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect(),
        // A kernel without CONFIG_PROC_CHILDREN.
        Err(_) => {
            all_pids().filter(|other| Stat::read(*other).is_some_and(|stat| stat.parent == pid)).collect()
        }
    }
}

/// Kills every process that has `entry` (such as `NAME=value`) in its environment, and returns how many there were.
///
/// This finds what a supervisor that was killed left behind, wherever it went.
pub(crate) fn kill_by_environment(entry: &str) -> usize {
    let mut killed = 0;
    // What is killed may be making more of itself: look again until nothing is found, at most this often.
    const ROUNDS_MAX: usize = 16;
    for _ in 0..ROUNDS_MAX {
        let mut found = 0;
        for pid in all_pids().filter(|pid| *pid != std::process::id()) {
            let Some(key) = ProcessKey::of(pid) else { continue };
            let Some(fd) = key.open() else { continue };
            if has_environment(pid, entry) && rustix::process::pidfd_send_signal(&fd, Signal::KILL).is_ok() {
                found += 1;
                let deadline = Instant::now() + Duration::from_secs(1);
                let _ = crate::wait::wait_readable(&[std::os::fd::AsFd::as_fd(&fd)], Some(deadline));
            }
        }
        killed += found;
        if found == 0 {
            break;
        }
    }
    killed
}

fn has_environment(pid: u32, entry: &str) -> bool {
    environment(pid).split(|byte| *byte == 0).any(|item| item == entry.as_bytes())
}

/// Returns the environment of a process, as it was when it was executed; empty if it is gone or somebody else's. In the middle of
/// executing a program a process shows none: that is waited for.
fn environment(pid: u32) -> Vec<u8> {
    // A program on a disk that does not answer may be in there for ever.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return Vec::new() };
        let passing =
            || Stat::read(pid).is_some_and(|stat| stat.memory_bytes != 0 && !stat.has_no_environment());
        if !environment.is_empty() || !passing() || Instant::now() >= deadline {
            return environment;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn all_pids() -> impl Iterator<Item = u32> {
    fs::read_dir(Path::new("/proc"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let start = "42 (a) S 7 (b) R 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000";
        // From here on, each field is its own number.
        let rest: String = (24..=52).map(|field| format!(" {field}")).collect();
        let expected =
            Stat { state: b'R', parent: 1, start_ticks: 987_654, memory_bytes: 1000, environment: (50, 51) };
        assert_eq!(Stat::parse(&format!("{start}{rest}")), Some(expected));
    }

    #[test]
    fn a_pid_with_other_ticks_is_another_process() {
        let own = ProcessKey::of(std::process::id()).expect("this test runs");
        assert!(own.is_alive());
        assert!(own.open().is_some());
        let earlier = ProcessKey { start_ticks: own.start_ticks - 1, ..own };
        assert!(!earlier.is_alive());
        assert!(earlier.open().is_none());
    }
}
