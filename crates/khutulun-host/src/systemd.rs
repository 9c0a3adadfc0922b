//! Processes as systemd units.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use khutulun_api::{CommandRequest, MachineError, ProcessIdentity, ProcessSpec, ProcessState, ProcessStatus};

use crate::{
    command,
    files::{self, Durability, system},
    state::StateDirectory,
    supervised::remove_empty_parents,
    unit::{operation_of, owner_lines, unit_name, unit_text},
    user,
};

/// How long `systemctl` may take beside a process's grace, in milliseconds.
const SYSTEMCTL_TIMEOUT_MS: u64 = 60_000;

/// How much of what `systemctl` says is kept, in bytes.
const SYSTEMCTL_OUTPUT_BYTES_MAX: usize = 64 << 10;

/// The largest unit file, in bytes.
const UNIT_BYTES_MAX: usize = 1 << 20;

/// Whose systemd it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemdScope {
    /// The system's, for root.
    System,
    /// A user's. Its units end with the user's last session, unless `loginctl enable-linger` was called for the user.
    User,
}

/// systemd, through `systemctl` and unit files.
///
/// A process is the unit `khutulun-SERVICE-NODE.service`, started but not enabled: whether it starts with the machine is the
/// operator's choice (`systemctl enable`). Its output goes to the same files as under our own supervisor. Two things differ: the
/// wait before a restart does not double (systemd can since version 254), and a process of another user needs a working
/// directory of its own.
///
/// What is proven: the text of units, by `systemd-analyze verify` where that is installed; the sequence of commands, their
/// errors and the reading of their answers, against a stand-in for `systemctl`. What is not: a run under a real systemd as
/// process 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Systemd {
    /// Whose it is.
    pub scope: SystemdScope,
    /// Where unit files go.
    pub unit_folder: PathBuf,
    /// The `systemctl` to call: a name or a path.
    pub systemctl: String,
}

impl Systemd {
    /// Returns this machine's systemd, if it is the init system: the system's for root, otherwise the user's.
    pub fn detect() -> Option<Self> {
        // sd_booted(3).
        if !Path::new("/run/systemd/system").is_dir() {
            return None;
        }
        let systemctl = "systemctl".to_owned();
        if rustix::process::geteuid().is_root() {
            let unit_folder = PathBuf::from("/etc/systemd/system");
            return Some(Self { scope: SystemdScope::System, unit_folder, systemctl });
        }
        // Without a manager of the user's own (in a container, from cron), units would be out of reach.
        let run = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
        if !run.join("systemd/private").exists() {
            return None;
        }
        let configuration = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
        Some(Self { scope: SystemdScope::User, unit_folder: configuration.join("systemd/user"), systemctl })
    }

    pub(crate) fn start(
        &self,
        state: &StateDirectory,
        spec: &ProcessSpec,
    ) -> Result<ProcessStatus, MachineError> {
        let folder = state.process(&spec.identity)?;
        let text = unit_text(spec, &folder, self.scope == SystemdScope::User)?;
        if let Some(program) = spec.command.first().filter(|program| program.contains('/'))
            && !Path::new(program).exists()
        {
            return Err(MachineError::NotFound { what: format!("program `{program}`") });
        }
        if let Some(directory) = spec.directory.as_deref().filter(|directory| !directory.is_dir()) {
            return Err(MachineError::NotFound {
                what: format!("working directory `{}`", directory.display()),
            });
        }
        let run_as = spec.user.as_deref().map(user::resolve).transpose()?.flatten();
        if let Some(run_as) = run_as.as_ref().filter(|_| spec.directory.is_none()) {
            // systemd changes the directory as the user, who cannot reach into the state directory.
            return Err(MachineError::Refused(format!(
                "a systemd unit of user `{}` needs a working directory of its own",
                run_as.name
            )));
        }
        if let Some(old) = self.own_unit(&spec.identity)? {
            let status = self.status(state, &spec.identity)?;
            let same = operation_of(&old) == Some(spec.operation.as_str());
            match status.state {
                ProcessState::Running if same => return Ok(status),
                ProcessState::Running => {
                    return Err(MachineError::Refused(format!(
                        "unit `{}` runs already, started by operation {}",
                        status.name,
                        operation_of(&old).unwrap_or("unknown")
                    )));
                }
                // It was started before and ended since. `inactive` with no exit code is a unit that never ran.
                ProcessState::Stopped | ProcessState::Failed if same && status.exit_code.is_some() => {
                    return Ok(status);
                }
                _ => {}
            }
        }
        let attempt = || format!("make folder `{}`", folder.display());
        files::make_private_folder(&folder.join("work")).map_err(system(attempt()))?;
        let path = self.unit_path(&spec.identity);
        let write = || {
            fs::create_dir_all(&self.unit_folder)?;
            files::write_whole(&path, text.as_bytes(), 0o644, Durability::PowerLoss)
        };
        write().map_err(system(format!("write unit `{}`", path.display())))?;
        let name = unit_name(&spec.identity);
        self.call(&["daemon-reload"], 0)?;
        // A unit that failed too often refuses to start before it is reset; one that did not, has nothing to reset.
        let _ = self.call(&["reset-failed", &name], 0);
        self.call(&["start", &name], 0)?;
        self.status(state, &spec.identity)
    }

    pub(crate) fn status(
        &self,
        state: &StateDirectory,
        identity: &ProcessIdentity,
    ) -> Result<ProcessStatus, MachineError> {
        let folder = state.process(identity)?;
        let name = unit_name(identity);
        let mut status = ProcessStatus {
            state: ProcessState::Absent,
            pid: None,
            start_ticks: None,
            exit_code: None,
            signal: None,
            restarts: 0,
            operation: None,
            supervisor: "systemd".to_owned(),
            name: name.clone(),
            log_files: vec![folder.join("stdout.log"), folder.join("stderr.log")],
            error: None,
        };
        let Some(text) = self.own_unit(identity)? else { return Ok(status) };
        status.operation = operation_of(&text).map(str::to_owned);
        let shown = self.call(
            &[
                "show",
                &name,
                "-p",
                "LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic,ExecMainCode,ExecMainStatus,NRestarts,Result",
            ],
            0,
        )?;
        let properties: BTreeMap<&str, &str> =
            shown.lines().filter_map(|line| line.split_once('=')).collect();
        let property = |name: &str| properties.get(name).copied().unwrap_or_default();
        status.restarts = property("NRestarts").parse().unwrap_or(0);
        if let Some(pid) = property("MainPID").parse::<u32>().ok().filter(|pid| *pid != 0) {
            status.pid = Some(pid);
            status.start_ticks = crate::process_key::ProcessKey::of(pid).map(|key| key.start_ticks);
        }
        let code: Option<i32> = property("ExecMainStatus").parse().ok();
        // CLD_EXITED, and CLD_KILLED or CLD_DUMPED, of waitid(2). 0: it has not ended.
        match property("ExecMainCode") {
            "1" => status.exit_code = code,
            "2" | "3" => status.signal = code,
            _ => {}
        }
        status.state = match property("ActiveState") {
            "active" | "activating" | "deactivating" | "reloading" => ProcessState::Running,
            "failed" => ProcessState::Failed,
            "inactive" => ProcessState::Stopped,
            other => {
                return Err(MachineError::Refused(format!(
                    "systemd says that unit `{name}` is in state `{other}`, which khutulun does not know"
                )));
            }
        };
        if status.state == ProcessState::Failed {
            status.error = Some(format!("systemd says `{}`", property("Result")));
        }
        Ok(status)
    }

    pub(crate) fn stop(
        &self,
        state: &StateDirectory,
        identity: &ProcessIdentity,
    ) -> Result<ProcessStatus, MachineError> {
        if let Some(text) = self.own_unit(identity)? {
            let grace_ms = text
                .lines()
                .find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix("ms")?.parse().ok())
                .unwrap_or(0);
            self.call(&["stop", &unit_name(identity)], grace_ms)?;
        }
        self.status(state, identity)
    }

    pub(crate) fn remove(
        &self,
        state: &StateDirectory,
        identity: &ProcessIdentity,
    ) -> Result<(), MachineError> {
        let folder = state.process(identity)?;
        if self.own_unit(identity)?.is_some() {
            let status = self.status(state, identity)?;
            if status.state == ProcessState::Running {
                return Err(MachineError::Refused(format!("unit `{}` runs: stop it first", status.name)));
            }
            let name = unit_name(identity);
            // An operator may have enabled it; then there are links to remove.
            self.call(&["disable", &name], 0)?;
            let path = self.unit_path(identity);
            fs::remove_file(&path).map_err(system(format!("remove unit `{}`", path.display())))?;
            self.call(&["daemon-reload"], 0)?;
            // What failed is remembered even without its file; what did not fail is not known any more, which is an error.
            let _ = self.call(&["reset-failed", &name], 0);
        }
        files::remove_folder(&folder).map_err(system(format!("remove folder `{}`", folder.display())))?;
        remove_empty_parents(state.root(), &folder);
        Ok(())
    }

    fn unit_path(&self, identity: &ProcessIdentity) -> PathBuf {
        self.unit_folder.join(unit_name(identity))
    }

    /// Returns the text of the unit of a process. None: there is none. A file of this name that is somebody else's is refused:
    /// two identities can have one name (`a-b` with `c`, and `a` with `b-c`).
    fn own_unit(&self, identity: &ProcessIdentity) -> Result<Option<String>, MachineError> {
        let path = self.unit_path(identity);
        let bytes = match files::read_bounded(&path, UNIT_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(system(format!("read unit `{}`", path.display())))?,
        };
        let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        if !text.contains(&owner_lines(identity)) {
            return Err(MachineError::Refused(format!(
                "unit `{}` was not made for node `{}` of service `{}`",
                path.display(),
                identity.node,
                identity.service
            )));
        }
        Ok(Some(text))
    }

    /// Calls `systemctl` and returns what it said.
    fn call(&self, arguments: &[&str], extra_ms: u64) -> Result<String, MachineError> {
        let scope = match self.scope {
            SystemdScope::System => "--system",
            SystemdScope::User => "--user",
        };
        let request = CommandRequest {
            program: self.systemctl.clone(),
            arguments: std::iter::once(scope).chain(arguments.iter().copied()).map(str::to_owned).collect(),
            timeout_ms: SYSTEMCTL_TIMEOUT_MS.saturating_add(extra_ms),
            output_bytes_max: SYSTEMCTL_OUTPUT_BYTES_MAX,
            ..CommandRequest::default()
        };
        let result = command::run(&request, Path::new("/"), || Ok(()))?;
        if result.exit_code == Some(0) {
            return Ok(String::from_utf8_lossy(&result.stdout).into_owned());
        }
        Err(MachineError::System {
            attempt: format!("run `systemctl {}`", arguments.join(" ")),
            source: io::Error::other(String::from_utf8_lossy(&result.stderr).trim().to_owned()),
        })
    }
}
