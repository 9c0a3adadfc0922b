//! `khutulun agent install` and `uninstall`: the agent as a systemd unit.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use khutulun_agent::{Unit, UnitScope};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::InstallArguments,
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::Style,
};

/// Where the system's units of an administrator are.
const SYSTEM_UNITS: &str = "/etc/systemd/system";

struct Installed<'a> {
    path: PathBuf,
    text: &'a str,
    next: Vec<String>,
    written: bool,
}

impl Answer for Installed<'_> {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.agent-unit/1",
            "path": self.path.display().to_string(),
            "text": self.text,
            "written": self.written,
            "next": self.next,
        })
    }

    fn text(&self, _style: Style) -> String {
        let path = self.path.display();
        let next: String = self.next.iter().map(|next| format!("  {next}\n")).collect();
        match self.written {
            true => format!("wrote {path}; nothing is enabled or started. Next:\n{next}"),
            false => format!("# {path}\n{}# Then:\n{}", self.text, next.replace("  ", "#   ")),
        }
    }
}

fn scope(arguments: &InstallArguments) -> UnitScope {
    let root = rustix::process::geteuid().is_root();
    if arguments.system || root && !arguments.user { UnitScope::System } else { UnitScope::User }
}

/// Where the unit is.
fn path(scope: UnitScope) -> Result<PathBuf, CliError> {
    let folder = match scope {
        UnitScope::System => PathBuf::from(SYSTEM_UNITS),
        UnitScope::User => {
            let absolute =
                |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            absolute("XDG_CONFIG_HOME")
                .or_else(|| Some(absolute("HOME")?.join(".config")))
                .ok_or_else(|| {
                    CliError::new(Exit::Usage, "found no place for the unit")
                        .place("the environment")
                        .why("neither XDG_CONFIG_HOME nor HOME is an absolute path")
                        .next("set HOME, or: khutulun agent install --system")
                })?
                .join("systemd/user")
        }
    };
    Ok(folder.join(Unit::NAME))
}

fn systemctl(scope: UnitScope) -> &'static str {
    match scope {
        UnitScope::System => "systemctl",
        UnitScope::User => "systemctl --user",
    }
}

pub(super) fn install(arguments: &InstallArguments, session: &Session) -> Result<Exit, CliError> {
    let scope = scope(arguments);
    let path = path(scope)?;
    let program = env::current_exe().and_then(fs::canonicalize).map_err(|error| {
        CliError::new(Exit::Failed, "failed to find khutulun's own program")
            .place("/proc/self/exe")
            .cause(&error)
            .next("run khutulun from a place that it can read")
    })?;
    let unit = Unit { scope, program, state: session.root().to_owned() };
    let text = unit.text().map_err(|why| {
        CliError::usage("cannot write a unit", why).next("--state DIR with another path, or move the program")
    })?;
    if let Ok(there) = fs::read_to_string(&path)
        && !is_ours(&there)
    {
        return Err(foreign(&path));
    }
    if !arguments.dry_run {
        write(&path, &text).map_err(|error| {
            CliError::new(Exit::Failed, "failed to write the unit")
                .place(path.display().to_string())
                .cause(&error)
                .next("run it as root, or: khutulun agent install --user")
        })?;
    }
    let systemctl = systemctl(scope);
    let mut next =
        vec![format!("{systemctl} daemon-reload"), format!("{systemctl} enable --now {}", Unit::NAME)];
    if scope == UnitScope::User {
        next.push("loginctl enable-linger, so that it goes on when you log out".to_owned());
    }
    answer::give(&Installed { path, text: &text, next, written: !arguments.dry_run }, session.format)?;
    Ok(Exit::Success)
}

/// Writes a file whole, under another name first.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let new = folder.join(format!(".{}.{}", Unit::NAME, std::process::id()));
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).inspect_err(|_| drop(fs::remove_file(&new)))
}

fn is_ours(text: &str) -> bool {
    text.starts_with("# Written by `khutulun agent install`")
}

fn foreign(path: &Path) -> CliError {
    CliError::new(Exit::Denied, "the unit that is there is somebody else's")
        .place(path.display().to_string())
        .why("it does not say that `khutulun agent install` wrote it")
        .next("move it away, then run the command again")
}

pub(super) fn uninstall(arguments: &InstallArguments) -> Result<Exit, CliError> {
    let scope = scope(arguments);
    let path = path(scope)?;
    let systemctl = systemctl(scope);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            answer::write(format!("there is no {}\n", path.display()).as_bytes())?;
            return Ok(Exit::Success);
        }
        other => other.map_err(|error| {
            CliError::new(Exit::Failed, "failed to read the unit")
                .place(path.display().to_string())
                .cause(&error)
                .next("mend its permissions, then run the command again")
        })?,
    };
    if !is_ours(&text) {
        return Err(foreign(&path));
    }
    let wanted = path.with_file_name(match scope {
        UnitScope::System => "multi-user.target.wants",
        UnitScope::User => "default.target.wants",
    });
    if wanted.join(Unit::NAME).symlink_metadata().is_ok() {
        return Err(CliError::new(Exit::Busy, "the unit is enabled")
            .place(path.display().to_string())
            .why("without it, systemd would complain at each start of the machine")
            .next(format!("{systemctl} disable --now {}, then run the command again", Unit::NAME)));
    }
    if !arguments.dry_run {
        fs::remove_file(&path).map_err(|error| {
            CliError::new(Exit::Failed, "failed to remove the unit")
                .place(path.display().to_string())
                .cause(&error)
                .next("run it as root, or: khutulun agent uninstall --user")
        })?;
    }
    let done = if arguments.dry_run { "would remove" } else { "removed" };
    answer::write(format!("{done} {}; next: {systemctl} daemon-reload\n", path.display()).as_bytes())?;
    Ok(Exit::Success)
}
