//! Scripts as functions: values in, a value out, and nothing else.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    io::{self, BufRead as _, Read as _},
    os::unix::{ffi::OsStringExt as _, fs::DirBuilderExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use floria::Artifact;
use khutulun_api::{MachineError, describe_error};

use crate::{
    command::{Excess, Limits, run_to_end},
    files::{self, Durability, system},
    record::Answer,
    supervisor::{describe, once},
};

/// How long a function may take where its signature does not say, in milliseconds: every plan waits for it.
const TIMEOUT_MS: u64 = 10_000;

/// The largest result and the most that it may say on standard error, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// How much of the end of standard error a message has, in bytes: some lines.
const TAIL_BYTES_MAX: usize = 2 << 10;

/// How long the first line of a script may be, in bytes: what Linux reads of it.
const FIRST_LINE_BYTES_MAX: u64 = 256;

/// A file that a function needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFile {
    /// What is in it.
    pub content: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Runs scripts that compute functions.
///
/// A script is run as that of an operation is: by the interpreter that its first line names, else by what its name says. **It
/// gets** the function's name as its only argument, the arguments as JSON on standard input, and an environment with nothing
/// but `PATH`, `LC_ALL`, `HOME`, `TMPDIR` and `KHUTULUN_FUNCTION` (the name again). It works in the folder that it is in, with its dependencies at
/// their relative paths; all of that, `HOME` and `TMPDIR` too, is a temporary folder of this one call. **It gives** the result as JSON on
/// standard output, and code 0.
///
/// It runs as the user who runs khutulun, for plans and previews too. Nothing keeps it from more than computing; what is to be
/// kept from that is a component.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionScripts;

impl FunctionScripts {
    /// Runs a script to its end and returns what it wrote on standard output. `find` returns the files.
    ///
    /// # Errors
    /// A sentence: why it could not be run, or how it ended, with the end of what it wrote on standard error.
    pub fn run(
        &self,
        script: &Artifact,
        dependencies: &[Artifact],
        function: &str,
        input: &[u8],
        timeout_ms: Option<u64>,
        find: &dyn Fn(&Artifact) -> Result<FunctionFile, String>,
    ) -> Result<Vec<u8>, String> {
        let name = &script.path;
        let not_run =
            |error: MachineError| format!("script `{name}` could not be run: {}", describe_error(&error));
        let scratch = Scratch::new().map_err(|error| not_run(system("make a temporary folder")(error)))?;
        let root = scratch.0.join("files");
        for artifact in std::iter::once(script).chain(dependencies) {
            let file = find(artifact)?;
            lay_out(&root, artifact, &file).map_err(not_run)?;
        }
        let path = root.join(once::relative(name).map_err(|answer| refused(name, answer))?);
        let mut command = command(&path).map_err(|answer| refused(name, answer))?;
        command
            .arg(function)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &scratch.0)
            .env("TMPDIR", &scratch.0)
            .env("KHUTULUN_FUNCTION", function)
            .current_dir(path.parent().unwrap_or(&root));
        let limits = Limits {
            timeout_ms: timeout_ms.unwrap_or(TIMEOUT_MS),
            output_bytes_max: OUTPUT_BYTES_MAX,
            excess: Excess::Stop,
        };
        let result = run_to_end(&mut command, name, input, limits).map_err(|error| match error {
            MachineError::TimedOut { timeout_ms, .. } => {
                format!("script `{name}` took longer than {timeout_ms} ms")
            }
            MachineError::TooLarge { limit, .. } => format!("script `{name}` wrote more than {limit} bytes"),
            other => not_run(other),
        })?;
        let ending = match (result.exit_code, result.signal) {
            (Some(0), _) => return Ok(result.stdout),
            (Some(code), _) => format!("script `{name}` ended with code {code}"),
            (None, signal) => format!("script `{name}` was ended by signal {}", signal.unwrap_or_default()),
        };
        let said = String::from_utf8_lossy(&result.stderr);
        let tail = &said[said.ceil_char_boundary(said.len().saturating_sub(TAIL_BYTES_MAX))..];
        Err(match tail.trim() {
            "" => ending,
            tail => format!("{ending}: {tail}"),
        })
    }
}

/// The program that runs a script, with what comes before the function's name.
fn command(script: &Path) -> Result<Command, Answer> {
    // The interpreter is run, not the script: temporary folders may lie where nothing can be executed.
    if let Some((interpreter, option)) = first_line(script) {
        let mut command = Command::new(interpreter);
        command.args(option).arg(script);
        return Ok(command);
    }
    let (program, leading) = once::interpreter(script)?;
    let mut command = Command::new(program);
    command.args(leading);
    Ok(command)
}

/// The interpreter that a first line names, and the one argument that it may have.
fn first_line(script: &Path) -> Option<(OsString, Option<OsString>)> {
    let mut line = Vec::new();
    let file = fs::File::open(script).ok()?.take(FIRST_LINE_BYTES_MAX);
    io::BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    let line = line.strip_prefix(b"#!")?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (program, option) = line.split_at(end);
    let option = option.trim_ascii();
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    (!program.is_empty()).then(|| (text(program), (!option.is_empty()).then(|| text(option))))
}

fn lay_out(root: &Path, artifact: &Artifact, file: &FunctionFile) -> Result<(), MachineError> {
    let relative =
        once::relative(&artifact.path).map_err(|answer| MachineError::Refused(describe(&answer)))?;
    let path = root.join(relative);
    let write = || {
        if let Some(folder) = path.parent() {
            files::make_private_folder(folder)?;
        }
        let mode = if file.executable || file.content.starts_with(b"#!") { 0o700 } else { 0o600 };
        files::write_whole(&path, &file.content, mode, Durability::Session)
    };
    write().map_err(system(format!("lay out file `{}`", artifact.path)))
}

fn refused(name: &str, answer: Answer) -> String {
    format!("script `{name}` could not be run: {}", describe(&answer))
}

/// A temporary folder for the owner alone, gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("khutulun-function-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                // A process of the same number left it, or somebody else made it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is the temporary folder's to clear.
        let _ = files::remove_folder(&self.0);
    }
}
