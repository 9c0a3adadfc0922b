//! Running a script once.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::AsFd,
        unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Component, Path, PathBuf},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use floria::{Artifact, Value};
use khutulun_api::{Failure, FailureClass, Outcome};
use rustix::{
    event::{PollFd, PollFlags},
    process::Signal,
};

use super::{
    FOLDER_VARIABLE, KILL_WAIT_MS, Starter,
    descendants::{End, Family},
    signals::Signals,
    spawn::spawn,
};
use crate::{
    command::{Capture, OUTPUT_SETTLE_MS},
    fence,
    files::{self, Durability},
    process_key::ProcessKey,
    record::{Answer, Phase, Record, ScriptAssignment, write_json},
    state::load_artifact,
};

/// How much of each output of a script is kept in its file, in bytes: enough to find out what went wrong, and a script that
/// writes for ever does not fill the disk.
const LOG_BYTES_MAX: usize = 1 << 20;

/// The largest outputs of a script, in bytes: they go to the journal and the graph.
const OUTPUTS_BYTES_MAX: usize = 1 << 20;

/// How much of the end of an output goes into a failure's detail, in bytes: a screen.
const DETAIL_BYTES_MAX: usize = 4 << 10;

/// How long a script has between TERM and KILL when its time is over, in milliseconds.
pub(crate) const SCRIPT_GRACE_MS: u64 = 2_000;

/// The exit code that says that trying again may help: EX_TEMPFAIL of sysexits.h.
const EXIT_TEMPORARY: i32 = 75;

/// The marker of a script that was started, or (by its content) that never will be.
pub(crate) const STARTED: &str = "started";

/// Runs a script to its end and leaves its outcome in `result.json`.
pub(super) fn run_once(
    folder: &Path,
    assignment: &ScriptAssignment,
    signals: &Signals,
    starter: &Starter,
) -> Result<(), Answer> {
    let unwritable = |error: io::Error| Answer::system(format!("write to `{}`", folder.display()), &error);
    if folder.join(STARTED).exists() {
        return Err(Answer::Already);
    }
    // The files are laid out by this program, which has no other thread: had one of them been open for writing while another
    // thread started a program, executing it would fail as "text file busy".
    let root = folder.join("files");
    for artifact in std::iter::once(&assignment.script).chain(&assignment.dependencies) {
        lay_out(&assignment.artifacts, &root, artifact)?;
    }
    let script = root.join(relative(&assignment.script.path)?);
    let (program, leading) = interpreter(&script)?;
    files::write_whole(&folder.join("input.json"), assignment.input.as_bytes(), 0o600, Durability::Session)
        .map_err(unwritable)?;
    let mut record = Record::starting(folder, "").map_err(unwritable)?;
    record.write(folder, Durability::Session).map_err(unwritable)?;
    let entered = fence::enter(assignment.pass.as_ref()).map_err(Answer::fenced)?;
    // From here on it counts as started.
    mark(folder, "started").map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Answer::Already,
        _ => unwritable(error),
    })?;
    let started = start(folder, assignment, &script, program, leading);
    drop(entered);
    let outcome = match started {
        Err(answer) => {
            starter.answer(&Answer::Started);
            Outcome::Failed(Failure::permanent(super::describe(&answer)))
        }
        Ok(mut child) => {
            record.phase = Phase::Running;
            record.child = ProcessKey::of(child.id());
            // If this cannot be written, neither can the result: then the outcome is unknown, and said so.
            let _ = record.write(folder, Durability::Session);
            starter.answer(&Answer::Started);
            attend(folder, assignment, &mut child, record.child, signals)
        }
    };
    let result = folder.join("result.json");
    if let Err(error) = write_json(&result, &outcome, Durability::PowerLoss) {
        return Err(unwritable(error));
    }
    record.phase = Phase::Ended;
    let _ = record.write(folder, Durability::Session);
    Ok(())
}

/// Makes the marker of a script, durably. Fails when there is one.
pub(crate) fn mark(folder: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(STARTED))?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    files::sync_folder(folder)
}

/// Copies an artifact to its relative path.
fn lay_out(artifacts: &Path, root: &Path, artifact: &Artifact) -> Result<(), Answer> {
    let path = root.join(relative(&artifact.path)?);
    let content = load_artifact(artifacts, &artifact.digest).map_err(|error| match error {
        khutulun_api::MachineError::NotFound { what } => Answer::NotFound(what),
        khutulun_api::MachineError::System { attempt, source } => Answer::system(attempt, &source),
        other => Answer::Refused(format!("file `{}` cannot be used: {other}", artifact.path)),
    })?;
    let attempt = || format!("lay out file `{}`", path.display());
    let executable = content.starts_with(b"#!")
        || fs::metadata(artifacts.join(&artifact.digest))
            .is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0);
    let write = || {
        if let Some(folder) = path.parent() {
            files::make_private_folder(folder)?;
        }
        let mode = if executable { 0o700 } else { 0o600 };
        files::write_whole(&path, &content, mode, Durability::Session)
    };
    write().map_err(|error| Answer::system(attempt(), &error))
}

/// Returns the path of a file in a package, if it stays inside.
pub(crate) fn relative(path: &str) -> Result<PathBuf, Answer> {
    let path = Path::new(path);
    let inside =
        path.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if inside && path.file_name().is_some() {
        Ok(path.to_owned())
    } else {
        Err(Answer::Refused(format!("`{}` is not the path of a file inside a package", path.display())))
    }
}

/// Returns the program that runs a script, and what comes before the script in its arguments: the script itself when it says
/// how to be run, otherwise what its name says.
pub(crate) fn interpreter(script: &Path) -> Result<(OsString, Option<OsString>), Answer> {
    let mut start = [0_u8; 4];
    let count = File::open(script)
        .and_then(|mut file| io::Read::read(&mut file, &mut start))
        .map_err(|error| Answer::system(format!("read `{}`", script.display()), &error))?;
    if start[..count].starts_with(b"#!") || start[..count] == *b"\x7fELF" {
        return Ok((script.into(), None));
    }
    let by_name = match script.extension().and_then(|extension| extension.to_str()) {
        Some("sh") => "sh",
        Some("py") => "python3",
        _ if fs::metadata(script).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0) => {
            return Ok((script.into(), None));
        }
        _ => {
            return Err(Answer::Refused(format!(
                "nothing says how to run `{}`: begin it with `#!` and an interpreter, or name it .sh or .py",
                script.file_name().unwrap_or_default().to_string_lossy()
            )));
        }
    };
    Ok((by_name.into(), Some(script.into())))
}

fn start(
    folder: &Path,
    assignment: &ScriptAssignment,
    script: &Path,
    program: OsString,
    leading: Option<OsString>,
) -> Result<Child, Answer> {
    let input = File::open(folder.join("input.json"))
        .map_err(|error| Answer::system("open the input of the script", &error))?;
    let mut command = Command::new(program);
    command
        .args(leading)
        .envs(&assignment.environment)
        .env(FOLDER_VARIABLE, folder)
        .env("KHUTULUN_OUTPUTS", folder.join("outputs.json"))
        .stdin(Stdio::from(input))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Beside the script: `. ../lib.sh` and `python3 helper.py` work as they did where it was written.
    let directory = script.parent().unwrap_or(folder);
    spawn(command, directory, None)
}

/// One output of a script: the beginning goes to a file, the end to a failure.
struct Output<R> {
    capture: Capture<R>,
    file: Option<File>,
    written: usize,
    tail: Vec<u8>,
}

impl<R: io::Read + AsFd> Output<R> {
    fn new(pipe: Option<R>, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        // Without a file, on a full disk, the end is still there for the outcome.
        Ok(Self { capture: Capture::new(pipe, 0)?, file: file.ok(), written: 0, tail: Vec::new() })
    }

    fn take(&mut self) -> io::Result<()> {
        let Self { capture, file, written, tail } = self;
        capture.take_each(|bytes| {
            let room = LOG_BYTES_MAX.saturating_sub(*written);
            let part = &bytes[..bytes.len().min(room)];
            if let Some(open) = file
                && open.write_all(part).is_err()
            {
                *file = None;
            }
            *written += part.len();
            tail.extend_from_slice(bytes);
            if tail.len() > DETAIL_BYTES_MAX {
                tail.drain(..tail.len() - DETAIL_BYTES_MAX);
            }
        })
    }
}

/// What came of a script.
struct Attended {
    end: Option<End>,
    /// Its time was over.
    timed_out: bool,
    /// Somebody asked its supervisor to end.
    asked: bool,
}

/// Waits for a script and says what came of it.
fn attend(
    folder: &Path,
    assignment: &ScriptAssignment,
    child: &mut Child,
    key: Option<ProcessKey>,
    signals: &Signals,
) -> Outcome {
    let mut tail = Vec::new();
    let attended = (|| {
        let pid = key
            .and_then(ProcessKey::as_pid)
            .ok_or_else(|| io::Error::other("/proc does not show the script"))?;
        let mut stdout = Output::<ChildStdout>::new(child.stdout.take(), &folder.join("stdout.log"))?;
        let mut stderr = Output::<ChildStderr>::new(child.stderr.take(), &folder.join("stderr.log"))?;
        let attended =
            wait_for_end(&Family::new(pid), &mut stdout, &mut stderr, assignment.timeout_ms, signals);
        tail = if stderr.tail.is_empty() { stdout.tail } else { stderr.tail };
        attended
    })();
    let detail = String::from_utf8_lossy(&tail).into_owned();
    let failed = |class, message: String| Outcome::Failed(Failure { class, message, detail: detail.clone() });
    let name = &assignment.script.path;
    match attended {
        Err(error) => {
            failed(FailureClass::UnknownOutcome, format!("waiting for script `{name}` failed: {error}"))
        }
        Ok(Attended { end: None, .. }) => {
            failed(FailureClass::UnknownOutcome, format!("script `{name}` did not end after it was killed"))
        }
        Ok(Attended { timed_out: true, .. }) => failed(
            FailureClass::Permanent,
            format!("script `{name}` took longer than {} ms and was ended", assignment.timeout_ms),
        ),
        Ok(Attended { asked: true, .. }) => {
            failed(FailureClass::Permanent, format!("script `{name}` was ended by somebody"))
        }
        Ok(Attended { end: Some(end), .. }) => match (end.exit_code, end.signal) {
            (Some(0), _) => match outputs(folder) {
                Ok(outputs) => Outcome::Succeeded(outputs),
                Err(why) => failed(FailureClass::Permanent, format!("script `{name}` succeeded, but {why}")),
            },
            (Some(EXIT_TEMPORARY), _) => failed(
                FailureClass::Transient,
                format!("script `{name}` ended with code {EXIT_TEMPORARY}, which asks to try again"),
            ),
            (Some(code), _) => {
                failed(FailureClass::Permanent, format!("script `{name}` ended with code {code}"))
            }
            (None, signal) => failed(
                FailureClass::Permanent,
                format!("script `{name}` was ended by signal {}", signal.unwrap_or_default()),
            ),
        },
    }
}

/// Waits until the script ended and its output with it. Its time limit ends its group; what it put into other groups on
/// purpose, such as a daemon, lives on.
fn wait_for_end(
    family: &Family,
    stdout: &mut Output<ChildStdout>,
    stderr: &mut Output<ChildStderr>,
    timeout_ms: u64,
    signals: &Signals,
) -> io::Result<Attended> {
    let mut attended = Attended { end: None, timed_out: false, asked: false };
    let mut deadline = Instant::now() + Duration::from_millis(timeout_ms);
    let mut killed = false;
    loop {
        if attended.end.is_none()
            && let Some(end) = family.ended()?
        {
            attended.end = Some(end);
            if attended.timed_out || attended.asked {
                family.signal_group(Signal::KILL);
            }
            deadline = Instant::now() + Duration::from_millis(OUTPUT_SETTLE_MS);
            // What it wrote itself is in its pipes now. However long the next look at the clock takes, none of it is lost.
            stdout.take()?;
            stderr.take()?;
        }
        let done = stdout.capture.is_done() && stderr.capture.is_done();
        if attended.end.is_some() && (done || Instant::now() >= deadline) {
            family.reap()?;
            return Ok(attended);
        }
        let happened = {
            let files: Vec<PollFd<'_>> = [stdout.capture.fd(), stderr.capture.fd()]
                .into_iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            signals.wait(&files, Some(deadline))?
        };
        if happened.files != 0 {
            stdout.take()?;
            stderr.take()?;
        }
        if attended.end.is_some() {
            continue;
        }
        let over = Instant::now() >= deadline;
        if (over || happened.end) && !attended.timed_out && !attended.asked {
            attended.timed_out = over;
            attended.asked = !over;
            family.signal_group(Signal::TERM);
            deadline = Instant::now() + Duration::from_millis(SCRIPT_GRACE_MS);
        } else if over && !killed {
            killed = true;
            family.signal_group(Signal::KILL);
            deadline = Instant::now() + Duration::from_millis(KILL_WAIT_MS);
        } else if over {
            return Ok(attended);
        }
    }
}

/// Returns the outputs that a script wrote to the file it was given, or else those that it printed.
fn outputs(folder: &Path) -> Result<BTreeMap<String, Value>, String> {
    let written = read_outputs(&folder.join("outputs.json"), "the file of its outputs")?;
    if let Some(written) = written {
        return serde_json::from_slice(&written)
            .map_err(|error| format!("the file of its outputs is not a JSON object: {error}"));
    }
    // What it printed is its outputs only when it is one JSON object; anything else is talk.
    let printed = read_outputs(&folder.join("stdout.log"), "its output")?.unwrap_or_default();
    Ok(serde_json::from_slice(&printed).unwrap_or_default())
}

fn read_outputs(path: &Path, what: &str) -> Result<Option<Vec<u8>>, String> {
    match files::read_bounded(path, OUTPUTS_BYTES_MAX) {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Ok(None) => Err(format!("{what} is larger than {OUTPUTS_BYTES_MAX} bytes")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{what} cannot be read: {error}")),
    }
}
