//! Running a program to its end.

use std::{
    io::{self, Read, Write as _},
    num::NonZero,
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
    process::{Pid, PidfdFlags, Resource, Rlimit, Signal},
};

use crate::{
    files::{self, system},
    wait,
};

/// How long the output of a program that ended is waited for, in milliseconds: a daemon that it started may hold it open for
/// ever.
pub(crate) const OUTPUT_SETTLE_MS: u64 = 250;

/// Runs a program to its end. What `enter` returns is dropped once the program was executed.
pub(crate) fn run<E>(
    request: &CommandRequest,
    default_directory: &Path,
    enter: impl FnOnce() -> Result<E, MachineError>,
) -> Result<CommandResult, MachineError> {
    let program = &request.program;
    let directory = request.directory.as_deref().unwrap_or(default_directory);
    if !directory.is_dir() {
        return Err(MachineError::NotFound { what: format!("working directory `{}`", directory.display()) });
    }
    let mut command = Command::new(program);
    command.args(&request.arguments).envs(&request.environment).current_dir(directory);
    let limits = Limits {
        timeout_ms: request.timeout_ms,
        output_bytes_max: request.output_bytes_max,
        excess: Excess::Drop,
    };
    let entered = enter()?;
    let child = execute(&mut command, program);
    drop(entered);
    finish(child?, program, &request.input, limits)
}

/// How much a program may use.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How long it may take, in milliseconds; then it and its children are killed.
    pub(crate) timeout_ms: u64,
    /// How much of each output is kept, in bytes.
    pub(crate) output_bytes_max: usize,
    /// What becomes of more.
    pub(crate) excess: Excess,
}

/// What becomes of output beyond the limit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// It is read and dropped.
    Drop,
    /// The program is killed. It only computes: what it started and left is killed, too, as soon as it ended.
    Stop,
}

/// Runs a command to its end. `program` is what messages call it.
pub(crate) fn run_to_end(
    command: &mut Command,
    program: &str,
    input: &[u8],
    limits: Limits,
) -> Result<CommandResult, MachineError> {
    let child = execute(command, program)?;
    finish(child, program, input, limits)
}

fn execute(command: &mut Command, program: &str) -> Result<Child, MachineError> {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(command).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            MachineError::NotFound { what: format!("program `{}`", command.get_program().to_string_lossy()) }
        }
        _ => system(format!("execute `{program}`"))(error),
    })
}

/// Attends to a program that was executed, to its end.
fn finish(
    mut child: Child,
    program: &str,
    input: &[u8],
    limits: Limits,
) -> Result<CommandResult, MachineError> {
    if limits.excess == Excess::Stop
        && let Some(pid) = pid_of(&child)
    {
        limit_processor_time(pid, limits.timeout_ms);
    }
    let attended = attend(&mut child, input, limits);
    if !matches!(attended, Ok(Some(_))) {
        if let Some(group) = pid_of(&child) {
            // It was not waited for: the number of its group is its own.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
    }
    let too_large = || MachineError::TooLarge {
        what: format!("the output of program `{program}`"),
        limit: limits.output_bytes_max,
    };
    match attended {
        Ok(Some((_, true))) if limits.excess == Excess::Stop => Err(too_large()),
        Ok(Some((result, _))) => Ok(result),
        Ok(None) => Err(MachineError::TimedOut {
            what: format!("program `{program}`"),
            timeout_ms: limits.timeout_ms,
        }),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(too_large()),
        Err(error) => Err(system(format!("attend to `{program}`"))(error)),
    }
}

/// Limits what a program that only computes may compute in all, even when whoever waits for it is killed. It may use all processors
/// until its time is over.
fn limit_processor_time(pid: Pid, timeout_ms: u64) {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let seconds = (timeout_ms.div_ceil(1000) + 1).saturating_mul(processors as u64);
    let limit = Rlimit { current: Some(seconds), maximum: Some(seconds) };
    // Where the system's own limit is lower, that one holds.
    let _ = rustix::process::prlimit(Some(pid), Resource::Cpu, limit);
}

/// Starts a command. A program that we wrote a moment ago may still be open for writing in a child that another thread is
/// starting; until that executes its own program, ours cannot be executed.
fn spawn(command: &mut Command) -> io::Result<Child> {
    const ATTEMPTS_MAX: u32 = 100;
    let mut attempt = 1;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempt < ATTEMPTS_MAX => {
                attempt += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            spawned => return spawned,
        }
    }
}

/// Feeds a child and takes what it writes, until it ended; also says whether it wrote more than is kept. None: it took too long,
/// and still runs, as it does after an error.
fn attend(child: &mut Child, mut input: &[u8], limits: Limits) -> io::Result<Option<(CommandResult, bool)>> {
    let pid = pid_of(child).ok_or_else(|| io::Error::other("it has no pid"))?;
    let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut stdin = child.stdin.take();
    let mut stdout = Capture::new(child.stdout.take(), limits.output_bytes_max)?;
    let mut stderr = Capture::new(child.stderr.take(), limits.output_bytes_max)?;
    if let Some(stdin) = &stdin {
        set_nonblocking(stdin)?;
    }
    let limit = Instant::now() + Duration::from_millis(limits.timeout_ms);
    let mut status: Option<ExitStatus> = None;
    let mut deadline = limit;
    loop {
        if input.is_empty() {
            stdin = None;
        }
        if status.is_none() && limits.excess == Excess::Stop && (stdout.dropped || stderr.dropped) {
            return Err(io::ErrorKind::FileTooLarge.into());
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
                    if limits.excess == Excess::Stop {
                        // It was not waited for yet: the number of its group is its own.
                        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                    }
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
) -> (CommandResult, bool) {
    let is_more = stdout.dropped || stderr.dropped;
    let result = CommandResult {
        exit_code: status.code(),
        signal: status.signal(),
        stdout: stdout.kept,
        stderr: stderr.kept,
    };
    (result, is_more)
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
    /// Whether there was more.
    dropped: bool,
}

impl<R: Read + AsFd> Capture<R> {
    /// Begins to take; without a pipe there is nothing to take.
    pub(crate) fn new(pipe: Option<R>, bytes_max: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            set_nonblocking(pipe)?;
        }
        Ok(Self { pipe, kept: Vec::new(), bytes_max, dropped: false })
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
                    self.dropped |= count > room;
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
