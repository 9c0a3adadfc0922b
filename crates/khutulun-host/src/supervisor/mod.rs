//! The supervisor: a tiny process that outlives whoever started it, and keeps one other process.
//!
//! It begins no thread and no runtime. For its whole life it holds the lock of its folder, so there is at most one per
//! folder, and it writes what it does to `status.json`. It does nothing when its starter died before it had the lock: whoever
//! looks afterwards, looks at a folder in which nothing will happen any more.

mod descendants;
mod found;
mod keep;
pub(crate) mod once;
mod signals;
mod spawn;

use std::{
    fs::OpenOptions,
    io::{self, BufRead as _, Write as _},
    os::fd::AsFd as _,
    path::Path,
    process::ExitCode,
};

use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags};

use self::signals::Signals;
use crate::{
    record::{Answer, Assignment},
    wait::{self, FolderLock},
};

/// The environment variable that names the folder of a supervised process or script: with it, whatever a supervisor left
/// behind can be found, wherever it went.
pub(crate) const FOLDER_VARIABLE: &str = "KHUTULUN_FOLDER";

/// How long killed processes may take to go away, in milliseconds, before the supervisor gives up on them. A process in an
/// uninterruptible wait of the kernel does not die before that wait ends.
pub(crate) const KILL_WAIT_MS: u64 = 30_000;

/// Keeps one process, or runs one script, in `folder`: the whole program of `khutulun supervise FOLDER`.
///
/// What to do comes from the starter on standard input, and the answer goes to it on standard output; then both are closed.
/// The folder must exist.
pub fn supervise(folder: &Path) -> ExitCode {
    match run(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(answer) => {
            Starter.answer(&answer);
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<(), Answer> {
    close_inherited_files();
    let signals = Signals::register().map_err(|error| Answer::system("handle signals", &error))?;
    // A session of its own: no terminal, and no signals from one. It fails only for the leader of a group, who is detached
    // enough. The starter blocked the terminal's signals until here.
    let _ = rustix::process::setsid();
    SigSet::empty()
        .thread_set_mask()
        .map_err(|error| Answer::system("unblock signals", &io::Error::from(error)))?;
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let assignment = Starter.listen()?;
    let folder = folder
        .canonicalize()
        .map_err(|error| Answer::system(format!("find folder `{}`", folder.display()), &error))?;
    std::env::set_current_dir("/").map_err(|error| Answer::system("change to folder `/`", &error))?;
    let lock = FolderLock::try_take(&folder)
        .map_err(|error| Answer::system(format!("lock folder `{}`", folder.display()), &error))?;
    let Some(_lock) = lock else {
        return Err(Answer::Busy);
    };
    if Starter.is_gone() {
        return Err(Answer::Refused("the starter is gone".to_owned()));
    }
    match assignment {
        Assignment::Process(assignment) => keep::keep(&folder, *assignment, &signals, &Starter),
        Assignment::Script(assignment) => once::run_once(&folder, &assignment, &signals, &Starter),
    }
}

/// Closes what the starter's own starters forgot to close: it would stay open as long as the process lives.
fn close_inherited_files() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let files: Vec<i32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for file in files.into_iter().filter(|file| *file > 2) {
        // Nothing of this program's own is open yet; the folder that was just read is closed, which is an error to ignore.
        let _ = nix::unistd::close(file);
    }
}

/// Whoever started this supervisor, at the other ends of its standard input and output.
struct Starter;

impl Starter {
    fn listen(&self) -> Result<Assignment, Answer> {
        let mut line = Vec::new();
        io::stdin()
            .lock()
            .read_until(b'\n', &mut line)
            .map_err(|error| Answer::system("read the assignment", &error))?;
        // A starter that was killed in the middle leaves half a line.
        serde_json::from_slice(&line)
            .map_err(|error| Answer::Refused(format!("the assignment cannot be read: {error}")))
    }

    /// Returns whether the starter ended. It keeps its end of the pipe open until it has the answer.
    fn is_gone(&self) -> bool {
        let stdin = io::stdin();
        let mut polled = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
        wait::poll(&mut polled, Some(std::time::Instant::now())).is_ok_and(|ready| ready != 0)
    }

    /// Answers, and lets the starter go.
    fn answer(&self, answer: &Answer) {
        if let Ok(mut line) = serde_json::to_vec(answer) {
            line.push(b'\n');
            // A starter that is gone does not need the answer.
            let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
        }
        if let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdin(&null);
            let _ = rustix::stdio::dup2_stdout(&null);
        }
    }
}

/// Returns an answer as a sentence.
pub(crate) fn describe(answer: &Answer) -> String {
    match answer {
        Answer::Started => "started".to_owned(),
        Answer::Already => "started before".to_owned(),
        Answer::Busy => "busy".to_owned(),
        Answer::Refused(text) => text.clone(),
        Answer::NotFound(what) => format!("{what} was not found"),
        Answer::System { attempt, message, .. } => format!("failed to {attempt}: {message}"),
    }
}
