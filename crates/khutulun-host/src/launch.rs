//! Starting a supervisor and hearing its answer.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use khutulun_api::MachineError;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::{
    files::system,
    record::{Answer, Assignment},
    wait,
};

/// How long a supervisor may take from its start to its answer, in milliseconds. It takes about one; this is for machines that
/// are short of memory.
pub(crate) const ANSWER_WAIT_MS: u64 = 60_000;

/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The program and arguments that start a supervisor, before the folder: `khutulun supervise`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorCommand {
    /// The program: an absolute path.
    pub program: OsString,
    /// The arguments before the folder.
    pub arguments: Vec<OsString>,
}

impl SupervisorCommand {
    /// Makes the command of a program that calls [`crate::supervise`] with its last argument.
    pub fn new<A: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }
}

/// Starts supervisors, and waits for those that ended while this program runs, so that they do not stay zombies.
#[derive(Debug)]
pub(crate) struct Launcher {
    command: SupervisorCommand,
    started: Mutex<Vec<Child>>,
}

impl Launcher {
    pub(crate) fn new(command: SupervisorCommand) -> Self {
        Self { command, started: Mutex::new(Vec::new()) }
    }

    /// Starts a supervisor for a folder and returns its answer. It goes on when this program ends.
    pub(crate) fn launch(&self, folder: &Path, assignment: &Assignment) -> Result<Answer, MachineError> {
        self.reap();
        let mut line = serde_json::to_vec(assignment)
            .map_err(io::Error::from)
            .map_err(system("write the assignment of a supervisor"))?;
        line.push(b'\n');
        let mut command = Command::new(&self.command.program);
        // What `ps` shows: `khutulun supervise …/processes/SERVICE/NODE`.
        if let Some(name) = Path::new(&self.command.program).file_name() {
            command.arg0(name);
        }
        command
            .args(&self.command.arguments)
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let attempt = || format!("start a supervisor for `{}`", folder.display());
        let mut child = without_terminal_signals(|| command.spawn()).map_err(system(attempt()))?;
        let result = converse(&mut child, &line);
        match result {
            Ok(answer) => {
                self.started.lock().unwrap_or_else(PoisonError::into_inner).push(child);
                Ok(answer)
            }
            Err(error) => {
                // It did not answer; whether it lives cannot be told from here. Dead, it can do nothing late.
                let _ = child.kill();
                let _ = child.wait();
                Err(system(attempt())(error))
            }
        }
    }

    /// Waits for supervisors that ended.
    pub(crate) fn reap(&self) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

/// Tells a supervisor what to do and hears its answer. Its standard input stays open until then: it shows that we live.
fn converse(child: &mut Child, line: &[u8]) -> io::Result<Answer> {
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    match stdin.write_all(line) {
        // It ended without reading; its answer, if any, says why.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    let deadline = Instant::now() + Duration::from_millis(ANSWER_WAIT_MS);
    let mut answer = Vec::new();
    let mut buffer = [0_u8; 4096];
    while !answer.ends_with(b"\n") && answer.len() < ANSWER_BYTES_MAX {
        if wait::wait_readable(&[stdout.as_fd()], Some(deadline))? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {ANSWER_WAIT_MS} ms"),
            ));
        }
        match stdout.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    drop(stdin);
    serde_json::from_slice(&answer)
        .map_err(|_| io::Error::other("it ended without an answer: is the command a supervisor's?"))
}

/// Does something while the terminal's signals wait. A child inherits that, until the supervisor has its own session: a Ctrl-C
/// meant for us does not end it half-way.
fn without_terminal_signals<T>(action: impl FnOnce() -> T) -> T {
    let terminal = SigSet::from_iter([Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTSTP]);
    let before = terminal.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let result = action();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}
