//! A state directory, a design and a home of a test's own, with the real binary in it. Whatever the test does, nothing of it
//! is left afterwards.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

/// How long anything may take before a test gives up: far above what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

static COUNTER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    /// What every process of the test's services has in its environment, so that none can hide.
    pub(crate) mark: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }

    /// Checks that standard error holds a five-part error.
    #[track_caller]
    pub(crate) fn five_parts(&self) -> &Self {
        for part in ["error: ", "\n  where  ", "\n  why  ", "\n  unchanged  ", "\n  next  "] {
            assert!(self.stderr.contains(part), "no {part:?} in:\n{}", self.stderr);
        }
        self
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::Builder::new().prefix("khutulun-cli-").tempdir().unwrap();
        Self { folder, mark: format!("{}-{number}", std::process::id()) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Writes a file of the test's own and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes the design of two processes as `pair/service.yaml` and returns its directory.
    pub(crate) fn pair(&self) -> PathBuf {
        self.write("pair/service.yaml", include_str!("designs/pair.yaml"));
        self.write("pair/scripts/note.sh", include_str!("designs/note.sh"));
        self.path("pair")
    }

    /// Writes the design of three processes as `trio/service.yaml` and returns its directory: `one` has the input `colour`, `two` the
    /// input `size`, and `last` a script that fails for the colour black.
    pub(crate) fn trio(&self) -> PathBuf {
        self.write("trio/service.yaml", include_str!("designs/trio.yaml"));
        self.write("trio/scripts/gate.sh", include_str!("designs/gate.sh"));
        self.path("trio")
    }

    /// The pid of the only process of a role.
    #[track_caller]
    pub(crate) fn pid(&self, role: &str) -> u32 {
        let found = self.processes();
        let mut all = found.iter().filter(|(found, _)| found == role);
        match (all.next(), all.next()) {
            (Some((_, pid)), None) => *pid,
            _ => panic!("there is not one process of {role}: {found:?}"),
        }
    }

    /// The binary with arguments, and with nothing of this process's environment that could matter.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Another build of it, such as the released one, can be tried with the same tests.
        let binary = std::env::var_os("KHUTULUN_TEST_BINARY");
        let mut command = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_khutulun").into()));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env("KHUTULUN_STATE", self.state())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.start(arguments))
    }

    /// Starts the binary.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The input that marks the processes of the design.
    pub(crate) fn mark_input(&self) -> String {
        format!("mark={}", self.mark)
    }

    /// Deploys a design with the mark, without asking.
    #[track_caller]
    pub(crate) fn deploy(&self, design: &Path, more: &[&str]) -> Ended {
        let (mark, design) = (self.mark_input(), design.display().to_string());
        let mut arguments = vec!["deploy", &design, "--yes", "-i", &mark];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// The pids of the processes with this mark, by the role that the design gave them.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let environment = environment(pid);
            if variable(&environment, "MARK=").is_some_and(|mark| mark == self.mark) {
                found.push((variable(&environment, "ROLE=").unwrap_or_default(), pid));
            }
        }
        found.sort();
        found
    }

    /// The roles of the processes with this mark.
    pub(crate) fn roles(&self) -> Vec<String> {
        self.processes().into_iter().map(|(role, _)| role).collect()
    }

    /// Processes that have to do with the state directory in any way: supervisors, scripts, services.
    pub(crate) fn family(&self) -> Vec<(u32, String)> {
        let needle = self.folder.path().display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
            let line = words(fs::read(entry.path().join("cmdline")).unwrap_or_default());
            if line.contains(&needle) || words(environment(pid)).contains(&needle) {
                found.push((pid, line));
            }
        }
        found
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.state().exists() {
            let status = finish(self.start(&["status", "--stored", "-o", "json", "--progress", "none"]));
            let status: Json = serde_json::from_str(&status.stdout).unwrap_or_default();
            for service in status["services"].as_array().into_iter().flatten() {
                let name = service["service"].as_str().unwrap_or_default();
                let _ = finish(self.start(&["destroy", name, "--yes", "--progress", "none"]));
            }
        }
        // What a failed test left behind ends by pid: these carry the test's own folder or mark.
        for (pid, _) in self.family() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        for (_, pid) in self.processes() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

/// The value of a variable that a process was started with, by its name and `=`.
pub(crate) fn variable_of(pid: u32, name: &str) -> Option<String> {
    variable(&environment(pid), name)
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let mut entries = environment.split(|byte| *byte == 0);
    entries.find_map(|entry| String::from_utf8_lossy(entry).strip_prefix(name).map(ToOwned::to_owned))
}

/// What the environment of a process was when it was executed; empty if it is gone or somebody else's. In the middle of executing
/// a program a process shows none: that is waited for.
fn environment(pid: u32) -> Vec<u8> {
    loop {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return Vec::new() };
        if !environment.is_empty() || has_no_environment(pid) {
            return environment;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process has ended or has an empty environment, by proc_pid_stat(5): no memory (field 23), or nothing between the
/// beginning of its environment (field 50) and the end (field 51).
fn has_no_environment(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
    // The first of these is field 3.
    let [memory, begin, end] = [23, 50, 51].map(|field| fields[field - 3].parse::<u64>().unwrap());
    memory == 0 || (end != 0 && begin == end)
}

/// Waits for a child's end while its output is read.
#[track_caller]
pub(crate) fn finish(mut child: Child) -> Ended {
    fn reader(stream: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let status = poll("the command ends", || child.try_wait().unwrap());
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ended { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Looks at a condition until it holds, within [`PATIENCE`].
#[track_caller]
pub(crate) fn poll<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(INTERVAL);
    }
}

/// Reads lines of a stream until one holds a text, and returns all of them; the rest is read and dropped.
#[track_caller]
pub(crate) fn read_until(stream: impl std::io::Read + Send + 'static, wanted: &str) -> Vec<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let mut lines = Vec::new();
    while let Ok(line) = receiver.recv_timeout(PATIENCE) {
        let found = line.contains(wanted);
        lines.push(line);
        if found {
            return lines;
        }
    }
    panic!("no {wanted:?} in {lines:#?}");
}

/// Says loudly that a test could not have what it needs: that is not a pass.
pub(crate) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "\n*** SKIPPED {test}: {why}\n");
}
