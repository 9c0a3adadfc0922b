//! Programs by a name that is never used twice, also for other programs to ask.

use std::{fs, io};

use crate::process_key::{ProcessKey, boot_id};

/// A process, told apart from all others of this machine, also those of other boots and containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessName {
    /// The machine's id, its boot's, and the process namespace's, with `/` between: within one of these, pids mean the same.
    pub boot: String,
    /// The pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
}

impl ProcessName {
    /// Returns the name of this process.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let key = ProcessKey::of(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { boot: boot()?, pid, start_ticks: key.start_ticks })
    }

    /// Returns whether the process has certainly ended. Of one that cannot be seen from here nothing is certain, unless it was
    /// of an earlier boot of this machine.
    pub fn is_gone(&self) -> bool {
        let Ok(own) = boot() else { return false };
        if own == self.boot {
            return !ProcessKey { pid: self.pid, start_ticks: self.start_ticks }.is_alive();
        }
        let parts = |boot: &str| {
            let mut parts = boot.splitn(3, '/').map(str::to_owned);
            Some((parts.next().filter(|machine| !machine.is_empty())?, parts.next()?))
        };
        match (parts(&own), parts(&self.boot)) {
            (Some((machine, boot)), Some((its_machine, its_boot))) => {
                machine == its_machine && boot != its_boot && !its_boot.is_empty()
            }
            _ => false,
        }
    }
}

fn boot() -> io::Result<String> {
    // Not there in many containers; then earlier boots are not told apart from other machines.
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    Ok(format!("{}/{}/{}", machine.trim_end(), boot_id()?, namespace.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_certainly_ended_is_gone() {
        let own = ProcessName::own().expect("this test runs");
        assert!(!own.is_gone());
        assert!(ProcessName { start_ticks: own.start_ticks - 1, ..own.clone() }.is_gone());
        // Of other machines, and of other containers of this one, nobody here can tell.
        let elsewhere = ["", "x/y/z", "/b/n", "only"].map(str::to_owned);
        for boot in elsewhere {
            assert!(!ProcessName { boot: boot.clone(), ..own.clone() }.is_gone(), "{boot}");
        }
        let container = format!("{}-other", own.boot);
        assert!(!ProcessName { boot: container, ..own.clone() }.is_gone());
        let machine = own.boot.split('/').next().expect("there is a first part").to_owned();
        let earlier = ProcessName { boot: format!("{machine}/earlier/pid:[1]"), ..own };
        assert_eq!(earlier.is_gone(), !machine.is_empty());
    }
}
