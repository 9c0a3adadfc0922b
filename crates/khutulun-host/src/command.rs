//! Running a program to its end.

use std::{
    io::{self, Read, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use khutulun_api::{CommandRequest, CommandResult, MachineError};
use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, PidfdFlags, Signal},
};

use crate::{
    files::{self, system},
    wait,
};

/// How long the output of a program that ended is waited for, in milliseconds: a daemon that it started may hold it open for
/// ever.
pub(crate) const OUTPUT_SETTLE_MS: u64 = 250;

/// Runs a program to its end.
pub(crate) fn run(request: &CommandRequest, default_directory: &Path) -> Result<CommandResult, MachineError> {
    let program = &request.program;
    let directory = request.directory.as_deref().unwrap_or(default_directory);
    if !directory.is_dir() {
        return Err(MachineError::NotFound { what: format!("working directory `{}`", directory.display()) });
    }
    let mut child = Command::new(program)
        .args(&request.arguments)
        .envs(&request.environment)
        .current_dir(directory)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MachineError::NotFound { what: format!("program `{program}`") },
            _ => system(format!("execute `{program}`"))(error),
        })?;
    let attended = attend(&mut child, request);
    if !matches!(attended, Ok(Some(_))) {
        if let Some(group) = pid_of(&child) {
            // It was not waited for: the number of its group is its own.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
    }
    attended.map_err(system(format!("attend to `{program}`")))?.ok_or_else(|| MachineError::TimedOut {
        what: format!("program `{program}`"),
        timeout_ms: request.timeout_ms,
    })
}

/// Feeds a child and takes what it writes, until it ended. None: it took too long, and still runs.
fn attend(child: &mut Child, request: &CommandRequest) -> io::Result<Option<CommandResult>> {
    let pid = pid_of(child).ok_or_else(|| io::Error::other("it has no pid"))?;
    let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut stdin = child.stdin.take();
    let mut input = request.input.as_slice();
    let mut stdout = Capture::new(child.stdout.take(), request.output_bytes_max)?;
    let mut stderr = Capture::new(child.stderr.take(), request.output_bytes_max)?;
    if let Some(stdin) = &stdin {
        set_nonblocking(stdin)?;
    }
    let limit = Instant::now() + Duration::from_millis(request.timeout_ms);
    let mut status: Option<ExitStatus> = None;
    let mut deadline = limit;
    loop {
        if input.is_empty() {
            stdin = None;
        }
        if let Some(status) = status
            && stdout.is_done()
            && stderr.is_done()
        {
            return Ok(Some(result(status, stdout, stderr)));
        }
        let mut who = Vec::with_capacity(4);
        let mut polled = Vec::with_capacity(4);
        let mut watch = |source, fd, flags| {
            who.push(source);
            polled.push(PollFd::from_borrowed_fd(fd, flags));
        };
        if status.is_none() {
            watch(Source::End, ended.as_fd(), PollFlags::IN);
        }
        if let Some(fd) = stdout.fd() {
            watch(Source::Stdout, fd, PollFlags::IN);
        }
        if let Some(fd) = stderr.fd() {
            watch(Source::Stderr, fd, PollFlags::IN);
        }
        if let Some(stdin) = &stdin {
            watch(Source::Stdin, stdin.as_fd(), PollFlags::OUT);
        }
        let ready = wait::poll(&mut polled, Some(deadline))?;
        drop(polled);
        if ready == 0 {
            return Ok(status.map(|status| result(status, stdout, stderr)));
        }
        for (_, source) in who.into_iter().enumerate().filter(|(index, _)| ready & 1 << index != 0) {
            match source {
                Source::End => {
                    status = child.try_wait()?;
                    deadline = limit.min(Instant::now() + Duration::from_millis(OUTPUT_SETTLE_MS));
                }
                Source::Stdout => stdout.take()?,
                Source::Stderr => stderr.take()?,
                Source::Stdin => {
                    let Some(pipe) = &mut stdin else { continue };
                    match pipe.write(input) {
                        Ok(count) => input = &input[count..],
                        Err(error) if would_block(&error) => {}
                        // It does not want to read: that is its right.
                        Err(_) => input = &[],
                    }
                }
            }
        }
    }
}

enum Source {
    End,
    Stdout,
    Stderr,
    Stdin,
}

fn result(
    status: ExitStatus,
    stdout: Capture<impl Read + AsFd>,
    stderr: Capture<impl Read + AsFd>,
) -> CommandResult {
    CommandResult {
        exit_code: status.code(),
        signal: status.signal(),
        stdout: stdout.kept,
        stderr: stderr.kept,
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(child.id().cast_signed())
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}

/// Takes what comes out of a pipe, and keeps the first part of it.
pub(crate) struct Capture<R> {
    pipe: Option<R>,
    /// What is kept.
    pub(crate) kept: Vec<u8>,
    bytes_max: usize,
}

impl<R: Read + AsFd> Capture<R> {
    /// Begins to take; without a pipe there is nothing to take.
    pub(crate) fn new(pipe: Option<R>, bytes_max: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            set_nonblocking(pipe)?;
        }
        Ok(Self { pipe, kept: Vec::new(), bytes_max })
    }

    /// Returns the file to wait for, until the pipe ended.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Returns whether the pipe ended.
    pub(crate) fn is_done(&self) -> bool {
        self.pipe.is_none()
    }

    /// Takes what is there now.
    pub(crate) fn take(&mut self) -> io::Result<()> {
        self.take_each(|_| {})
    }

    /// Takes what is there now, and shows all of it, also what is not kept.
    pub(crate) fn take_each(&mut self, mut show: impl FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = [0_u8; 16 << 10];
        // A program that writes faster than we read must not keep us from its time limit.
        const READS_MAX: usize = 64;
        for _ in 0..READS_MAX {
            let Some(pipe) = &mut self.pipe else { return Ok(()) };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    show(&buffer[..count]);
                    let room = self.bytes_max.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(&buffer[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads a file that a driver asked for.
pub(crate) fn read_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, MachineError> {
    files::read_bounded(path, bytes_max)
        .map_err(files::system_or_not_found(format!("read file `{}`", path.display()), path))?
        .ok_or_else(|| MachineError::TooLarge {
            what: format!("file `{}`", path.display()),
            limit: bytes_max,
        })
}
