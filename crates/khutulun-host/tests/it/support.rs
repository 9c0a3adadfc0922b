//! A machine with a state directory of its own, and ways to wait for things without sleeping blindly.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use khutulun_api::{Machine as _, ProcessIdentity, ProcessSpec, ProcessStatus, RestartPolicy};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand};

/// How long a condition may take to become true. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// The supervisor that the tests start.
pub(crate) const SUPERVISOR: &str = env!("CARGO_BIN_EXE_khutulun-supervisor");

/// A machine in a temporary state directory, which ends what it started.
pub(crate) struct Sandbox {
    pub(crate) machine: LocalMachine,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let machine = machine_at(&folder.path().join("state"));
        Self { machine, _folder: folder }
    }

    pub(crate) fn root(&self) -> &Path {
        self.machine.state().root()
    }

    pub(crate) fn process_folder(&self) -> PathBuf {
        self.root().join("processes/shop/web")
    }

    pub(crate) fn status(&self) -> ProcessStatus {
        self.machine.process_status(&identity()).expect("a status")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.process_folder().join("stdout.log")).unwrap_or_default()
    }

    /// Returns the record that the supervisor wrote.
    pub(crate) fn record(&self) -> serde_json::Value {
        let text = fs::read(self.process_folder().join("status.json")).expect("a record");
        serde_json::from_slice(&text).expect("JSON")
    }

    pub(crate) fn supervisor_pid(&self) -> u32 {
        self.record()["supervisor"]["pid"].as_u64().expect("a pid").try_into().expect("a pid")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.machine.stop_process(&identity());
    }
}

pub(crate) fn machine_at(root: &Path) -> LocalMachine {
    let state = StateDirectory::open(root).expect("a state directory");
    LocalMachine::with_systemd(state, SupervisorCommand::new(SUPERVISOR, ["supervise"]), None)
}

pub(crate) fn identity() -> ProcessIdentity {
    ProcessIdentity { service: "shop".to_owned(), node: "web".to_owned() }
}

/// A shell that runs a text, started by operation `1-0`.
pub(crate) fn shell(script: &str) -> ProcessSpec {
    ProcessSpec {
        identity: identity(),
        operation: "1-0".to_owned(),
        command: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
        environment: BTreeMap::new(),
        directory: None,
        user: None,
        restart: RestartPolicy::Never,
        restarts_max: 3,
        restart_delay_ms: 1,
        stop_signal: "TERM".to_owned(),
        stop_grace_ms: 300_000,
    }
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns whether a process runs; a zombie does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
        !matches!(state, Some('Z' | 'X') | None)
    })
}

/// Sends a signal by name to a process that a test started.
pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(status.expect("kill").success(), "kill -{name} {pid}");
}

/// Returns the pids of all living processes with `entry` in their environment.
pub(crate) fn family(entry: &str) -> Vec<u32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|item| item.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            environment(*pid).split(|byte| *byte == 0).any(|item| item == entry.as_bytes()) && is_alive(*pid)
        })
        .collect()
}

/// The environment of a process, as it was when it was executed; empty if it is gone or somebody else's. In the middle of executing a
/// program a process shows none: that is waited for.
fn environment(pid: u32) -> Vec<u8> {
    loop {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return Vec::new() };
        if !environment.is_empty() || has_no_environment(pid) {
            return environment;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process has ended or has an empty environment, by proc_pid_stat(5): no memory (field 23), or nothing between the
/// beginning of its environment (field 50) and the end (field 51).
fn has_no_environment(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_ascii_whitespace().collect();
    // The first of these is field 3.
    let [memory, begin, end] = [23, 50, 51].map(|field| fields[field - 3].parse::<u64>().expect("a number"));
    memory == 0 || (end != 0 && begin == end)
}

/// Says that a test could not have what it needs. Not captured, unlike what a test prints.
pub(crate) fn skipped(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
