//! A machine that is not there.

use std::path::{Path, PathBuf};

use crate::{
    CommandRequest, CommandResult, HttpRequest, HttpResponse, Machine, MachineError, ProcessIdentity,
    ProcessSpec, ProcessStatus,
};

/// A [`Machine`] that refuses everything: for code that must have no effect, such as instantiation hooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMachine;

fn refused<T>() -> Result<T, MachineError> {
    Err(MachineError::Refused("there is no machine here".to_owned()))
}

impl Machine for NoMachine {
    fn run_command(&self, _request: &CommandRequest) -> Result<CommandResult, MachineError> {
        refused()
    }

    fn read_file(&self, _path: &Path, _bytes_max: usize) -> Result<Vec<u8>, MachineError> {
        refused()
    }

    fn write_file(&self, _path: &Path, _content: &[u8], _mode: u32) -> Result<(), MachineError> {
        refused()
    }

    fn remove_file(&self, _path: &Path) -> Result<(), MachineError> {
        refused()
    }

    fn http(&self, _request: &HttpRequest) -> Result<HttpResponse, MachineError> {
        refused()
    }

    fn start_process(&self, _spec: &ProcessSpec) -> Result<ProcessStatus, MachineError> {
        refused()
    }

    fn process_status(&self, _identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        refused()
    }

    fn stop_process(&self, _identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        refused()
    }

    fn remove_process(&self, _identity: &ProcessIdentity) -> Result<(), MachineError> {
        refused()
    }

    fn artifact(&self, _digest: &str) -> Result<PathBuf, MachineError> {
        refused()
    }
}
