//! Graphs out of the store and into it, as files.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use floria::{At, Author, Namespace, Revision, Store as _, StoreError};
use floria_exchange::{Boundary, ExchangeError, Format, Ids, ImportOptions, Selection, Stages};
use khutulun_api::names;
use serde_json::{Value as Json, json};

use super::reader;
use crate::{
    answer::{self, Answer},
    author,
    cli::{self, ExchangeFormat, StoreExportArguments, StoreImportArguments},
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::{Style, harmless},
};

/// What was moved.
struct Moved {
    verb: &'static str,
    numbers: Vec<(&'static str, u64)>,
    sentence: String,
}

impl Answer for Moved {
    fn document(&self) -> Json {
        let mut document = json!({ "schema": format!("khutulun.store-{}/1", self.verb) });
        for (name, number) in &self.numbers {
            document[*name] = json!(number);
        }
        document
    }

    fn text(&self, _style: Style) -> String {
        format!("{}\n", harmless(&self.sentence))
    }
}

/// The format that was asked for, else the one of the file's name, else YAML. A graph on standard output is the answer of its
/// command, and written as answers are to be.
fn format(asked: Option<ExchangeFormat>, file: Option<&Path>, answer: Option<cli::Format>) -> Format {
    match asked {
        Some(ExchangeFormat::Json) => Format::Json,
        Some(ExchangeFormat::Yaml) => Format::Yaml,
        Some(ExchangeFormat::Cbor) => Format::Cbor,
        Some(ExchangeFormat::Msgpack) => Format::MessagePack,
        None => match answer {
            Some(cli::Format::Json | cli::Format::Jsonl) => Format::Json,
            _ => file.and_then(Format::of_path).unwrap_or(Format::Yaml),
        },
    }
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

pub(crate) fn export(arguments: &StoreExportArguments, session: &Session) -> Result<Exit, CliError> {
    let store = reader(session)?;
    let at = arguments.at.map_or(At::Now, |revision| At::Revision(Revision(revision)));
    let snapshot = store.snapshot(at).map_err(|error| session.store_error(error))?;
    let selection = match &arguments.namespace {
        // Who is at work here is of no use elsewhere.
        None => Selection::Without(Namespace(names::LEASES.to_owned())),
        Some(namespace) => {
            let namespace = Namespace(namespace.clone());
            let known = snapshot.namespaces().map_err(|error| session.store_error(error))?;
            if !known.iter().any(|other| other.is_under(&namespace)) {
                return Err(session.no_service(&namespace.0, &known));
            }
            Selection::Under(namespace)
        }
    };
    let boundary = if arguments.whole { Boundary::Refuse } else { Boundary::Cut };
    let file = arguments.out.as_deref().filter(|file| !is_standard(file));
    let format = format(arguments.format, file, file.is_none().then_some(session.format));
    let Some(path) = file else {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = floria_exchange::export(&*snapshot, &selection, boundary, format, &mut out)
            .and_then(|_| out.flush().map_err(ExchangeError::Write));
        return match written {
            Ok(()) => Ok(Exit::Success),
            Err(ExchangeError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Exit::Success)
            }
            Err(error) => Err(failed("failed to export the graph", "standard output", &error)),
        };
    };
    // It has its name only once it is whole.
    // Another export of this name has another file.
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write_new(&partial, path, |out| {
        floria_exchange::export(&*snapshot, &selection, boundary, format, out)
    });
    let exported = written.map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        failed("failed to export the graph", &path.display().to_string(), &error)
    })?;
    let left_out = exported.edges_left_out + exported.containers_cut + exported.reads_left_out;
    let note = match left_out {
        0 => String::new(),
        count => format!("; {count} references lead out of what was selected and were left out"),
    };
    let sentence = format!("Exported {} entities to {} ({format}){note}.", exported.entities, path.display());
    let numbers = vec![
        ("entities", exported.entities),
        ("edges_left_out", exported.edges_left_out),
        ("containers_cut", exported.containers_cut),
        ("reads_left_out", exported.reads_left_out),
    ];
    answer::give(&Moved { verb: "export", numbers, sentence }, session.format)?;
    Ok(Exit::Success)
}

fn write_new<T>(
    partial: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, ExchangeError>,
) -> Result<T, ExchangeError> {
    if path.symlink_metadata().is_ok() {
        return Err(ExchangeError::Write(exists()));
    }
    let mut out = BufWriter::new(File::create(partial).map_err(ExchangeError::Write)?);
    let written = write(&mut out)?;
    out.flush().map_err(ExchangeError::Write)?;
    out.get_ref().sync_all().map_err(ExchangeError::Write)?;
    take_name(partial, path).map_err(ExchangeError::Write)?;
    Ok(written)
}

fn exists() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is one already")
}

/// Gives a file its name, unless another one has it.
fn take_name(partial: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(partial, path) {
        Ok(()) => std::fs::remove_file(partial),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        // A file system without links.
        Err(_) => std::fs::rename(partial, path),
    }
}

pub(crate) fn import(arguments: &StoreImportArguments, session: &Session) -> Result<Exit, CliError> {
    let path = &arguments.file;
    let place = if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() };
    let format = format(arguments.format, Some(path), None);
    let input: Box<dyn Read> = if is_standard(path) {
        Box::new(io::stdin().lock())
    } else {
        // A directory can be opened, and says only later that it cannot be read; by then there would be a store.
        let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        });
        let file = opened.map_err(|error| {
            CliError::new(Exit::Failed, "failed to read the file")
                .place(place.clone())
                .cause(&error)
                .next("give the path of a file that `khutulun store export` wrote")
        })?;
        Box::new(BufReader::new(file))
    };
    let (_, store) = session.writer()?;
    let options = ImportOptions {
        ids: if arguments.renumber { Ids::Renumber } else { Ids::Keep },
        stages: arguments.stage.map_or(Stages::One, Stages::Of),
        author: Some(Author { name: author::name(), stream: None }),
        ..ImportOptions::default()
    };
    let imported = floria_exchange::import(&store, format, input, &options).map_err(|error| {
        let mut failure = failed("failed to import the graph", &place, &error);
        if arguments.renumber && matches!(error, ExchangeError::Partial { .. }) {
            failure.next.clear();
            return failure
                .next("import it anew, into another store: --state DIR (with --renumber it cannot go on)");
        }
        failure
    })?;
    let revision = imported.revision.map_or(0, |revision| revision.0);
    let sentence = match imported.revision {
        Some(revision) => format!(
            "Imported {} entities from {place} ({format}), beside {} that were there already; the store is at revision {}.",
            imported.entities, imported.unchanged, revision.0
        ),
        None => format!("All {} entities of {place} were there already.", imported.unchanged),
    };
    let numbers =
        vec![("entities", imported.entities), ("unchanged", imported.unchanged), ("revision", revision)];
    answer::give(&Moved { verb: "import", numbers, sentence }, session.format)?;
    Ok(Exit::Success)
}

fn failed(what: &str, place: &str, error: &ExchangeError) -> CliError {
    let (exit, unchanged, next) = match error {
        ExchangeError::Store(StoreError::Invalid(_)) => {
            (Exit::Failed, "the store is as it was", "import it into a store of its own: --state DIR")
        }
        ExchangeError::Store(StoreError::Conflict { .. }) => (
            Exit::Busy,
            "the store is as it was; whoever else is at work on it goes on",
            "run the same import again",
        ),
        ExchangeError::Store(_) => (
            Exit::Unreachable,
            "the store holds what it held before",
            "mend what is said above, then run the command again",
        ),
        ExchangeError::Partial { .. } => (
            Exit::Stopped,
            "what was imported before stays, and each batch of it is whole",
            "mend what is said above, then run the same import again: it goes on where it stopped",
        ),
        ExchangeError::Write(_) => {
            (Exit::Failed, "the store is as it was", "give another place for the file: --out FILE")
        }
        _ => (Exit::Failed, "the store is as it was", "mend the file, or export it again"),
    };
    CliError::new(exit, what).place(place.to_owned()).cause(error).unchanged(unchanged).next(next)
}
