//! What a command works with: the person's options, the state directory and the store, each opened when it is needed.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use floria::{Namespace, Revision, Store as _, StoreError};
use floria_sqlite::SqliteStore;
use khutulun_api::{MachineError, names};
use khutulun_host::StateDirectory;
use khutulun_plan::Basis;

use crate::{
    author,
    cli::{Format, GlobalOptions, RemovalArguments},
    error::{CliError, chain},
    execution::INTERRUPTED,
    executors,
    exit::Exit,
    functions::{SessionFunctions, functions},
    interruption::Interruption,
    profiles::Profiles,
    progress::Progress,
    state,
};

/// So little free space, in bytes, is likely to be why a store fails.
const FREE_BYTES_FEW: u64 = 4 << 20;

/// One command's surroundings.
pub(crate) struct Session {
    /// How the answer is written.
    pub(crate) format: Format,
    /// Where progress goes.
    pub(crate) progress: Progress,
    /// The functions that values are computed with.
    pub(crate) functions: Arc<SessionFunctions>,
    /// The profiles that somebody keeps.
    pub(crate) profiles: Profiles,
    /// Whoever interrupts the command.
    pub(crate) interruption: Interruption,
    root: PathBuf,
    host: String,
    removal: OnceLock<RemovalArguments>,
    drivers: Vec<(&'static str, &'static str)>,
}

impl Session {
    /// Begins a session. Nothing is opened or made yet.
    pub(crate) fn new(options: &GlobalOptions) -> Result<Self, CliError> {
        let root = state::locate(options.state.as_deref())?;
        let progress = Progress::new(options.progress);
        Ok(Self {
            format: options.output,
            functions: Arc::new(functions(&root)),
            interruption: Interruption::new(progress.clone(), INTERRUPTED),
            progress,
            profiles: Profiles::new(&options.profiles),
            root,
            host: author::host(),
            removal: OnceLock::new(),
            drivers: executors::digests().collect(),
        })
    }

    /// Returns what plans of a service are made from.
    pub(crate) fn basis<'a>(&'a self, service: &'a Namespace, base: Revision) -> Basis<'a> {
        let removal = self.removal.get().copied().unwrap_or_default();
        Basis {
            host: Some(&self.host),
            drivers: &self.drivers,
            unprotected: removal.allow_protected,
            adopted_too: removal.delete_adopted,
            ..Basis::new(service, base, &*self.functions)
        }
    }

    /// Returns another session of the same kind that knows no profiles: for whoever reads no designs from files.
    pub(crate) fn without_profiles(&self) -> Self {
        Self {
            format: self.format,
            progress: self.progress.clone(),
            interruption: self.interruption.clone(),
            functions: Arc::clone(&self.functions),
            profiles: Profiles::none(),
            root: self.root.clone(),
            host: self.host.clone(),
            removal: self.removal.clone(),
            drivers: self.drivers.clone(),
        }
    }

    /// Takes what may go for this command.
    pub(crate) fn allow(&self, removal: RemovalArguments) {
        // A command says it once, at its beginning.
        let _ = self.removal.set(removal);
    }

    /// Returns the path of the state directory, which may not be there.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens the store to read it. None: there is no state yet, so nothing is deployed.
    pub(crate) fn reader(&self) -> Result<Option<SqliteStore>, CliError> {
        match std::fs::metadata(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        let database = self.state_directory()?.database();
        // An empty one was being made when the disk was full or the power failed.
        if std::fs::metadata(&database).map_or(0, |metadata| metadata.len()) == 0 {
            return Ok(None);
        }
        let unread = match SqliteStore::open_read_only(&database) {
            Ok(store) => return Ok(Some(store)),
            Err(error) => error,
        };
        // What was interrupted in a write, or is of an older version, must be opened to write once.
        SqliteStore::open(&database).map(Some).map_err(|error| {
            let mut failure = self.store_error(error);
            let before = chain(&unread);
            if !failure.why.contains(&before) {
                failure.why = format!("{before}\n{}", failure.why);
            }
            failure
        })
    }

    /// Opens the state directory, making it when it is not there.
    pub(crate) fn state_directory(&self) -> Result<StateDirectory, CliError> {
        StateDirectory::open(&self.root).map_err(|error| self.state_error(&error))
    }

    /// Opens the store to read and write, making it when it is not there.
    pub(crate) fn writer(&self) -> Result<(StateDirectory, SqliteStore), CliError> {
        let state = self.state_directory()?;
        let store = SqliteStore::open(state.database()).map_err(|error| self.store_error(error))?;
        Ok((state, store))
    }

    /// An error of the store, with the place that this session knows.
    pub(crate) fn store_error(&self, error: StoreError) -> CliError {
        let mut error = CliError::from(error).place(self.root.display().to_string());
        // SQLite calls many things an input/output error that are only a lack of space.
        if let Ok(disk) = rustix::fs::statvfs(&self.root) {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free < FREE_BYTES_FEW {
                error.why.push_str(&format!("\nonly {} KiB are free on its disk", free / 1024));
            }
        }
        error
    }

    /// An error of the state directory.
    pub(crate) fn state_error(&self, error: &MachineError) -> CliError {
        CliError::new(Exit::Unreachable, "failed to use the state directory")
            .place(self.root.display().to_string())
            .cause(error)
            .unchanged("nothing was written, and what runs goes on running")
            .next("give a directory that you may write: --state DIR (or KHUTULUN_STATE)")
    }

    /// Returns the services, in order.
    pub(crate) fn services(&self, store: &SqliteStore) -> Result<Vec<Namespace>, CliError> {
        let known = store.namespaces().map_err(|error| self.store_error(error))?;
        Ok(known.into_iter().filter(|namespace| !namespace.0.starts_with(names::OWN_NAMESPACE)).collect())
    }

    /// Returns the service that is meant: the one named, else the only one.
    pub(crate) fn service(&self, store: &SqliteStore, name: Option<&str>) -> Result<Namespace, CliError> {
        let known = self.services(store)?;
        match name {
            Some(name) => known
                .iter()
                .find(|service| service.0 == name)
                .cloned()
                .ok_or_else(|| self.no_service(name, &known)),
            None => match known.as_slice() {
                [only] => Ok(only.clone()),
                [] => Err(self.nothing_deployed()),
                several => Err(CliError::usage(
                    "several services could be meant",
                    format!("there are {}", quoted(several)),
                )
                .next(format!("say which one: --name {}", several[0]))),
            },
        }
    }

    /// There is no such service.
    pub(crate) fn no_service(&self, name: &str, known: &[Namespace]) -> CliError {
        if known.is_empty() {
            return self.nothing_deployed();
        }
        CliError::usage(
            format!("there is no service `{}`", crate::terminal::harmless(name)),
            format!("there are {}", quoted(known)),
        )
        .place(self.root.display().to_string())
        .next(format!("khutulun status --name {}", known[0]))
    }

    /// There is no service at all.
    pub(crate) fn nothing_deployed(&self) -> CliError {
        CliError::usage("there is no service", "nothing is deployed in this state directory")
            .place(self.root.display().to_string())
            .next("khutulun deploy PATH, or --state DIR when it was deployed from elsewhere")
    }
}

/// How many names are listed.
const QUOTED_MAX: usize = 50;

/// Names in backticks, with commas: of many, the first.
pub(crate) fn quoted<T: std::fmt::Display>(names: &[T]) -> String {
    let listed = names.iter().take(QUOTED_MAX).map(|name| format!("`{name}`"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(QUOTED_MAX) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}
