//! The grammar of `khutulun store`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What can be done with the store as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Count what is in the store.
    Stats,
    /// Look at everything, and say what is damaged. Exits 1 when something is.
    Verify,
    /// Bring an older store to this version's schema; a copy of the old one stays beside it.
    Migrate,
    /// Copy the store to a new file while it is used. Artifacts and logs, which lie beside it in the state directory, are not
    /// in the copy.
    Backup(StoreBackupArguments),
    /// Put a copy in place of the store, once all of it was looked at.
    Restore(StoreRestoreArguments),
    /// Write the graph, or a part of it, to a file that any store can import.
    Export(StoreExportArguments),
    /// Read a graph from a file that `export` wrote: all of it, or nothing.
    Import(StoreImportArguments),
    /// Find things in the graph, by what they are and what they are connected to.
    Query(StoreQueryArguments),
    /// Show what differs between two revisions, and who changed it. Exits 2 when something does.
    Diff(StoreDiffArguments),
    /// Show who changed what and when, and in which run.
    Log(StoreLogArguments),
    /// Forget the older part of history. Nothing else ever does; what was done is recorded.
    Forget(StoreForgetArguments),
}

#[derive(Debug, Args)]
pub(crate) struct StoreBackupArguments {
    /// The file to make.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StoreRestoreArguments {
    /// The copy.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace the store that is there.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// What a graph is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExchangeFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// CBOR.
    Cbor,
    /// MessagePack.
    Msgpack,
}

#[derive(Debug, Args)]
pub(crate) struct StoreExportArguments {
    /// A service, or another namespace, with those below it [default: all].
    #[arg(value_name = "SERVICE")]
    pub(crate) namespace: Option<String>,
    /// The file to make [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The format [default: what the file's name says; on standard output JSON for `-o json`; else YAML].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExchangeFormat>,
    /// As it was at this revision.
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<u64>,
    /// Refuse when something leads out of what is selected, rather than leave it out.
    #[arg(long)]
    pub(crate) whole: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreImportArguments {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The format [default: what the file's name says, else YAML].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExchangeFormat>,
    /// Give everything new ids, rather than those of the file.
    #[arg(long)]
    pub(crate) renumber: bool,
    /// Commit so many entities at a time, rather than all at once, for a graph that does not fit in memory.
    #[arg(long, value_name = "N", value_parser = stage)]
    pub(crate) stage: Option<usize>,
}

fn stage(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("it is a number of entities, 1 or more".to_owned()),
        Ok(stage) => Ok(stage),
    }
}

#[derive(Debug, Args)]
pub(crate) struct StoreQueryArguments {
    /// The query: `web`, `type:Process`, `state:failed`, `port>1024`, `web -> *`, `type:Database <-* *`; quote it for the shell.
    #[arg(value_name = "QUERY", required = true)]
    pub(crate) query: Vec<String>,
    /// As it was at this revision.
    #[arg(long, value_name = "REVISION")]
    pub(crate) at: Option<u64>,
    /// Say how it was answered: which index, and how much was read.
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreDiffArguments {
    /// The one revision; 0 is the empty store.
    #[arg(value_name = "FROM")]
    pub(crate) from: u64,
    /// The other revision [default: the present one].
    #[arg(value_name = "TO")]
    pub(crate) to: Option<u64>,
    /// Only of this service.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StoreLogArguments {
    /// Only what is about this service.
    #[arg(value_name = "SERVICE")]
    pub(crate) namespace: Option<String>,
    /// Only records of this stream, such as `run/17`.
    #[arg(long, value_name = "STREAM")]
    pub(crate) stream: Option<String>,
    /// Only what was committed after this revision.
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    pub(crate) since: u64,
    /// At most so many rows.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct StoreForgetArguments {
    /// What was replaced before this revision goes; from then on nothing earlier can be asked for.
    #[arg(long, value_name = "REVISION")]
    pub(crate) before: u64,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}
