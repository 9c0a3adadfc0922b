//! A PostgreSQL server of the tests' own.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to start, on a slow machine.
const START_MAX: Duration = Duration::from_secs(180);

/// Who runs it when the tests are run by root, which PostgreSQL refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A server in a folder of its own that listens on a unix socket there and nowhere else. It ends when this is dropped, or when
/// the process of the tests ends in whatever way.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    process: Option<Child>,
    schemas: AtomicU64,
}

impl Server {
    /// Starts one, or returns why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("there is no PostgreSQL server on this machine")?;
        let user = if rustix::process::geteuid().is_root() { Some(other_user()?) } else { None };
        let folder = tempfile::Builder::new().prefix("floria-pg").tempdir().unwrap();
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        // Whoever the tests are run by must reach the socket.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut server = Self { folder, programs, user, process: None, schemas: AtomicU64::new(0) };
        let made = server
            .command("initdb")
            .args(["--auth=trust", "--username=floria", "--encoding=UTF8", "--no-locale", "--pgdata"])
            .arg(server.data())
            .output()
            .map_err(|error| format!("initdb does not run: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        server.run()?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        self.by_user(&mut command);
        command
    }

    fn by_user(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
    }

    /// Starts the server process and waits until it answers.
    fn run(&mut self) -> Result<(), String> {
        // The shell ends the server when its standard input does: with this process, however that ends. What it starts in
        // the background would have no input otherwise.
        let script =
            "exec 3<&0; \"$@\" 3<&- & server=$!; (cat <&3 >/dev/null; kill -QUIT $server) & wait $server";
        let socket = format!("unix_socket_directories={}", self.folder.path().display());
        let mut command = Command::new("sh");
        self.by_user(&mut command);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        command
            .args(["-c", script, "floria-postgres-tests"])
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=", "-c", &socket, "-c", "max_connections=200"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        self.process = Some(command.spawn().map_err(|error| format!("sh does not run: {error}"))?);
        let start = Instant::now();
        while !self.is_ready() {
            let ended = self.process.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some());
            if ended || start.elapsed() > START_MAX {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(format!("the PostgreSQL server does not start: {log}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let output = self.psql("SELECT 1");
        output.is_ok_and(|output| output.trim() == "1")
    }

    /// Runs SQL as somebody who is not a store, and returns the values, one row a line.
    pub(crate) fn psql(&self, sql: &str) -> Result<String, String> {
        let output = self
            .command("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--username=floria"])
            .args(["--set=ON_ERROR_STOP=1", "--dbname=postgres", "--command", sql, "--host"])
            .arg(self.folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Returns the URL of a schema that nobody had before. It is not there yet.
    pub(crate) fn url(&self) -> String {
        let number = self.schemas.fetch_add(1, Ordering::Relaxed);
        self.url_of(&format!("s{number}"))
    }

    /// Returns the URL of a schema.
    pub(crate) fn url_of(&self, schema: &str) -> String {
        format!("postgres://floria@{}/postgres?schema={schema}", escaped(self.folder()))
    }

    /// Returns the folder with its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server at once, as if the machine had failed, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.stop();
        self.run().unwrap();
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // The end of its input is what the shell waits for.
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a folder as the host of a URL.
pub(crate) fn escaped(folder: &Path) -> String {
    folder.display().to_string().replace('/', "%2F")
}

/// Returns the folder with the programs of the newest server.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A link on the path may be to one program of several.
    let on_path =
        std::env::split_paths(&path).find_map(|folder| fs::canonicalize(folder.join("initdb")).ok());
    on_path.and_then(|initdb| Some(initdb.parent()?.to_owned())).or_else(|| {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .filter(|(_, folder)| folder.join("initdb").exists())
            .collect();
        versions.sort();
        versions.pop().map(|(_, folder)| folder)
    })
}

fn other_user() -> Result<(u32, u32), String> {
    let users = fs::read_to_string(Path::new("/etc/passwd")).map_err(|error| error.to_string())?;
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let ids = USERS.iter().find_map(|name| ids(name));
    ids.ok_or_else(|| {
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`".to_owned()
    })
}
