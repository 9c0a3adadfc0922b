//! The machine that khutulun runs on.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use khutulun_api::{
    CommandRequest, CommandResult, HttpRequest, HttpResponse, Machine, MachineError, NoMachine, Operation,
    ProcessIdentity, ProcessSpec, ProcessStatus,
};

use crate::{
    command,
    fence::{self, Entered, Pass},
    files::{self, Durability, system},
    http,
    launch::{Launcher, SupervisorCommand},
    state::StateDirectory,
    supervised,
    systemd::Systemd,
};

/// The machine that khutulun runs on.
///
/// Its processes are systemd units where systemd is the init system, and otherwise are kept by khutulun's own supervisor.
/// Their output is appended to files and not rotated; `logrotate` with `copytruncate` can.
/// Nothing here checks whether a driver may do what it asks for: that is the executor's part.
#[derive(Clone, Debug)]
pub struct LocalMachine {
    state: StateDirectory,
    launcher: Arc<Launcher>,
    systemd: Option<Systemd>,
    /// On whose behalf things are done, where that may be taken over meanwhile.
    pass: Option<Pass>,
}

impl LocalMachine {
    /// Makes a machine that keeps processes the way this machine does: see [`Systemd::detect`].
    pub fn new(state: StateDirectory, supervisor: SupervisorCommand) -> Self {
        Self::with_systemd(state, supervisor, Systemd::detect())
    }

    /// Makes a machine with the systemd given, or without one.
    pub fn with_systemd(
        state: StateDirectory,
        supervisor: SupervisorCommand,
        systemd: Option<Systemd>,
    ) -> Self {
        Self { state, launcher: Arc::new(Launcher::new(supervisor)), systemd, pass: None }
    }

    /// Returns the state directory.
    pub fn state(&self) -> &StateDirectory {
        &self.state
    }

    fn enter(&self) -> Result<Option<Entered>, MachineError> {
        Ok(fence::enter(self.pass.as_ref())?)
    }

    pub(crate) fn launcher(&self) -> &Arc<Launcher> {
        &self.launcher
    }
}

impl Machine for LocalMachine {
    fn run_command(&self, request: &CommandRequest) -> Result<CommandResult, MachineError> {
        command::run(request, self.state.root(), || self.enter())
    }

    fn read_file(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, MachineError> {
        command::read_file(path, bytes_max)
    }

    fn write_file(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), MachineError> {
        let attempt = || format!("write file `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(system(attempt()))?;
        }
        let _entered = self.enter()?;
        files::write_whole(path, content, mode, Durability::PowerLoss).map_err(system(attempt()))
    }

    fn remove_file(&self, path: &Path) -> Result<(), MachineError> {
        let _entered = self.enter()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(system(format!("remove file `{}`", path.display()))(error))
            }
            _ => Ok(()),
        }
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, MachineError> {
        http::call(request, self.enter()?)
    }

    fn start_process(&self, spec: &ProcessSpec) -> Result<ProcessStatus, MachineError> {
        match &self.systemd {
            Some(systemd) => {
                let _entered = self.enter()?;
                systemd.start(&self.state, spec)
            }
            None => supervised::start(&self.state, &self.launcher, spec, self.pass.as_ref()),
        }
    }

    fn process_status(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        match &self.systemd {
            Some(systemd) => systemd.status(&self.state, identity),
            None => supervised::status(&self.state, identity),
        }
    }

    fn stop_process(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        match &self.systemd {
            Some(systemd) => {
                let _entered = self.enter()?;
                systemd.stop(&self.state, identity)
            }
            None => {
                supervised::stop(&self.state, identity, self.pass.as_ref()).inspect(|_| self.launcher.reap())
            }
        }
    }

    fn remove_process(&self, identity: &ProcessIdentity) -> Result<(), MachineError> {
        let _entered = self.enter()?;
        match &self.systemd {
            Some(systemd) => systemd.remove(&self.state, identity),
            None => supervised::remove(&self.state, identity),
        }
    }

    fn artifact(&self, digest: &str) -> Result<PathBuf, MachineError> {
        self.state.artifact(digest)
    }

    fn bound_to(&self, operation: &Operation) -> Option<Arc<dyn Machine>> {
        match Pass::of(&self.state, operation) {
            Ok(pass) => Some(Arc::new(Self { pass, ..self.clone() })),
            Err(_) => Some(Arc::new(NoMachine)),
        }
    }
}
