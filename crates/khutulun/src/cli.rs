//! The grammar of the command line. A verb that is not built yet is not here.

mod agent;
mod events;
mod reality;
mod removal;
mod revisions;
mod runs;
mod simulate;
mod store;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use agent::{AgentArguments, AgentCommand, InstallArguments};
pub(crate) use events::{EmitArguments, EventsArguments, EventsCommand};
pub(crate) use reality::{
    AdoptArguments, ForgetArguments, OperateArguments, RefreshArguments, RunArguments, StatusArguments,
};
pub(crate) use removal::RemovalArguments;
pub(crate) use revisions::{
    DiffArguments, HistoryArguments, RollbackArguments, ScaleArguments, UpdateArguments,
};
pub(crate) use runs::CancelArguments;
pub(crate) use simulate::SimulateArguments;
pub(crate) use store::{
    ExchangeFormat, StoreArguments, StoreBackupArguments, StoreCommand, StoreDiffArguments,
    StoreExportArguments, StoreForgetArguments, StoreImportArguments, StoreLogArguments, StoreQueryArguments,
    StoreRestoreArguments,
};

/// Shown below the help of every command.
const EXIT_CODES: &str = "\
Exit codes: 0 success or nothing to do, 1 the operation failed, 2 changes planned or drift found (plan, diff, refresh), \
3 the design is invalid, 4 stopped part-way and resumable, 5 busy, 6 store unreachable, 7 denied, \
8 timed out waiting (the run goes on), 9 needs an operator's answer, 64 usage, 70 a bug of ours, 130 interrupted.";

/// Khutulun is an orchestrator: it plans, deploys, watches and removes services that TOSCA 2.0 describes, the way a good
/// sysadmin would by hand.
#[derive(Debug, Parser)]
#[command(name = "khutulun", version, after_help = EXIT_CODES, max_term_width = 110)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalOptions {
    /// Where everything is kept [default: $XDG_STATE_HOME/khutulun, else ~/.local/state/khutulun].
    #[arg(long, global = true, value_name = "DIR", env = "KHUTULUN_STATE", hide_env_values = true)]
    pub(crate) state: Option<PathBuf>,
    /// Where profiles are that designs can import by name, besides the built-in ones: a folder of them, or one, as a directory
    /// or an archive. May be given several times [env: KHUTULUN_PROFILES, with colons between paths] [default:
    /// $XDG_DATA_HOME/khutulun/profiles, else ~/.local/share/khutulun/profiles].
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) profiles: Vec<PathBuf>,
    /// How the answer is written to standard output.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        env = "KHUTULUN_OUTPUT"
    )]
    #[arg(hide_env_values = true)]
    pub(crate) output: Format,
    /// How progress is shown on standard error.
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", env = "KHUTULUN_PROGRESS")]
    #[arg(hide_env_values = true)]
    pub(crate) progress: ProgressMode,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// JSON, one line for each item.
    Jsonl,
    /// One YAML document.
    Yaml,
    /// SARIF 2.1.0, for editors and code scanning; only of `validate`.
    Sarif,
    /// One TOSCA file that says all that the design says, with imported files in it; only of `compile`. Profiles stay
    /// imports. Paths in it start at the working directory.
    Tosca,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// `tty` on a terminal, else `plain`.
    Auto,
    /// A live tree.
    Tty,
    /// One line for each thing that happens.
    Plain,
    /// One JSON object for each thing that happens.
    Json,
    /// Not at all.
    None,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with designs.
    ///
    /// This is about TOSCA alone: whether a design is what the standard allows. What khutulun cannot run yet, and whether the
    /// files of artifacts are there, is said by `plan` and `compile`, which touch nothing either.
    Validate(ValidateArguments),
    /// Show the graph of templates that a design becomes, or the instances that are made of it.
    Compile(CompileArguments),
    /// Draw templates or instances, as SVG, DOT or Mermaid.
    Graph(GraphArguments),
    /// Show what `deploy` would do, and why. Exits 2 when there is something to do.
    Plan(PlanArguments),
    /// Try a design in a simulated world that fails in every way: crashes, lost messages, failing drivers, clocks that jump. No
    /// machine and no state directory is touched.
    Simulate(SimulateArguments),
    /// Make a design real, or change what is there to match it.
    #[command(visible_aliases = ["apply", "up"])]
    Deploy(DeployArguments),
    /// Give a service other inputs; all else stays as it was intended last. No design is needed.
    Update(UpdateArguments),
    /// Make as many nodes of node templates as somebody says.
    Scale(ScaleArguments),
    /// Make a service what it was intended to be at a revision.
    Rollback(RollbackArguments),
    /// Show the runs of services, and the revisions that they led to.
    History(HistoryArguments),
    /// Show what differs between what was intended at two revisions. Exits 2 when something does.
    Diff(DiffArguments),
    /// Show the nodes of services, and whether they are alive.
    Status(StatusArguments),
    /// Show what nodes wrote.
    Logs(LogsArguments),
    /// Show what happened and what happens; tell that something did.
    Events(EventsArguments),
    /// React to what happens: hear of processes, timers and files, and do what policies say, until Ctrl-C.
    ///
    /// Everything else works with and without it. At most one is at work on a state directory.
    Agent(AgentArguments),
    /// Show a service's outputs, or one of them.
    Outputs(OutputsArguments),
    /// Run a workflow, or one operation on nodes or relationships.
    Run(RunArguments),
    /// Look at what is really there, record it, and say what is not as it should be. Exits 2 when something is not.
    Refresh(RefreshArguments),
    /// Stop nodes, after those of them that depend on others of them.
    Stop(OperateArguments),
    /// Start nodes, after those of them that they depend on.
    Start(OperateArguments),
    /// Stop nodes and start them again.
    Restart(OperateArguments),
    /// Take what is there already under management, without touching it.
    Adopt(AdoptArguments),
    /// Let go of nodes without touching them, and say what remains where.
    Forget(ForgetArguments),
    /// Take a service away.
    #[command(visible_aliases = ["undeploy", "down"])]
    Destroy(DestroyArguments),
    /// Go on with a run that was stopped.
    Resume(ResumeArguments),
    /// Stop a run, whoever is at work on it; it can be resumed.
    Cancel(CancelArguments),
    /// Make, look at, unpack and check archives of designs (CSAR).
    Csar(CsarArguments),
    /// Show the profiles that designs can import, and what is in them; lock those that they do import.
    Profile(ProfileArguments),
    /// Look after the store: copies, checks, exchange, history.
    Store(StoreArguments),
    /// Show what a diagnostic's code means, with examples; or why a requirement leads where it does.
    Explain(ExplainArguments),
    /// Show the version and the built-in drivers.
    Version,
}

/// Which design, and the values of its inputs.
#[derive(Clone, Debug, Args)]
pub(crate) struct DesignArguments {
    /// A TOSCA file; a directory with one that is obvious: where its TOSCA.meta says, else `service.yaml`, else the only
    /// YAML file with a service template, else the only YAML file; or an archive (.csar, .zip, .tar, .tgz, .tar.zst).
    /// For `deploy` and `plan` also a saved plan; for these, `graph` and `explain` also a service, as it was intended last.
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) path: PathBuf,
    /// An input. The value is YAML, such as `8080`, `[a, b]` or `{k: v}`; for an input of a text type it is taken as it is.
    /// May be given several times.
    ///
    /// Inputs are said anew each time: one that is not given has its default, also when the last deploy had another value
    /// (`plan` then shows the change). Keep a file of them for `--inputs`.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// A YAML or JSON file with a map of inputs; `-i` wins over it. May be given several times, the last one wins.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// What the service is called [default: `template_name` in the file's metadata, else the directory's or file's name].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// TOSCA files, directories with one that is obvious, and archives (.csar, .zip, .tar, .tgz, .tar.zst).
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompileArguments {
    #[command(flatten)]
    pub(crate) design: DesignArguments,
    /// Show the instances that would be made with these inputs, with their values, and where requirements lead, as if nothing
    /// were deployed. No state directory is read.
    #[arg(long)]
    pub(crate) instantiate: bool,
    /// A file of `store export` with services that the design may select from. May be given several times.
    #[arg(long, value_name = "FILE", requires = "instantiate")]
    pub(crate) inventory: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    /// A design, or the name of a deployed service, whose instances are drawn (`shop:` where there is also a file `shop`).
    #[command(flatten)]
    pub(crate) design: DesignArguments,
    /// Draw the templates of a design. That is what is drawn of a path.
    #[arg(long, conflicts_with = "instances")]
    pub(crate) templates: bool,
    /// Draw the instances that would be made of a design with these inputs, as if nothing were deployed.
    #[arg(long)]
    pub(crate) instances: bool,
    /// What kind of picture.
    #[arg(long = "format", value_name = "KIND", default_value = "svg")]
    pub(crate) picture: Picture,
    /// Where to write it [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Kinds of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// For browsers.
    Svg,
    /// For Graphviz.
    Dot,
    /// For pages that draw Mermaid.
    Mermaid,
}

impl Picture {
    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) design: DesignArguments,
    /// Show what `destroy` would do instead.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Save the plan in this file; `deploy FILE` runs exactly it, or nothing.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) removal: RemovalArguments,
}

/// What every command that runs a plan takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExecutionArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArguments,
    #[command(flatten)]
    pub(crate) removal: RemovalArguments,
}

/// How a run behaves.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ConductArguments {
    /// At most so many operations at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) parallel: u16,
    /// What happens to the rest when an operation fails. What depends on it never starts.
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    pub(crate) on_failure: OnFailure,
}

/// What happens to the rest when an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// What runs is finished, and nothing new starts.
    Stop,
    /// What does not depend on it goes on.
    Continue,
    /// As `stop`, and then what was done is undone: the service becomes what was intended before, or goes. Of what deploys.
    Unwind,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    #[command(flatten)]
    pub(crate) design: DesignArguments,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `type:Process`.
    #[arg(value_name = "SELECTOR", required = true)]
    pub(crate) selectors: Vec<String>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Go on with what is written from now, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// At most so many of the last lines of each file.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: usize,
}

#[derive(Debug, Args)]
pub(crate) struct OutputsArguments {
    /// Print only the value of this output, as it is.
    #[arg(value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DestroyArguments {
    /// The service, or the path of its design [default: the only service].
    #[arg(value_name = "SERVICE|PATH")]
    pub(crate) service: Option<String>,
    /// The service.
    #[arg(long, value_name = "SERVICE", conflicts_with = "service")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run's number, or the service [default: the only unfinished run].
    #[arg(value_name = "RUN|SERVICE")]
    pub(crate) which: Option<String>,
    /// Say what became of a step that nobody could find out: `3=succeeded`, `3=failed` or `3=retry`; of one that asks for it,
    /// whether it may go on: `3=approved` or `3=refused`.
    #[arg(long, value_name = "STEP=HOW")]
    pub(crate) settle: Vec<String>,
    /// Do not ask whether to go on with what was not known when the run was planned.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArguments,
    /// For going back, where that is what is left to do.
    #[command(flatten)]
    pub(crate) removal: RemovalArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CsarArguments {
    #[command(subcommand)]
    pub(crate) command: CsarCommand,
}

/// What can be done with archives.
#[derive(Debug, Subcommand)]
pub(crate) enum CsarCommand {
    /// Make an archive of a directory: byte for byte the same for the same files.
    Create(CsarCreateArguments),
    /// Show what a package says about itself, and its files.
    Inspect(CsarPathArguments),
    /// Write a package's files to a new directory.
    Extract(CsarExtractArguments),
    /// Read every byte of a package and say whether it is whole, with its digest.
    Verify(CsarPathArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CsarCreateArguments {
    /// The directory.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    /// The archive to make [default: the directory's name and `.csar`, in the working directory].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The file that the package starts with, by its path in the directory; a TOSCA.meta that says so is added.
    #[arg(long, value_name = "FILE")]
    pub(crate) entry: Option<String>,
    /// A file with templates for substitution, for that TOSCA.meta. May be given several times.
    #[arg(long, value_name = "FILE", requires = "entry")]
    pub(crate) other: Vec<String>,
    /// Who makes it, for that TOSCA.meta.
    #[arg(long, value_name = "NAME", requires = "entry")]
    pub(crate) created_by: Option<String>,
    /// Pack hidden files too.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Replace an archive that is there.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CsarPathArguments {
    /// An archive (.csar, .zip, .tar, .tgz, .tar.zst), or a directory.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CsarExtractArguments {
    /// An archive (.csar, .zip, .tar, .tgz, .tar.zst), or a directory.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The directory to make; it may be there when it is empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArguments {
    #[command(subcommand)]
    pub(crate) command: ProfileCommand,
}

/// What can be seen of profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Show the profiles that designs can import by name.
    List,
    /// Write `khutulun.lock` beside designs: which profiles and files from the network they import, by digest. From then on
    /// they are valid with exactly these. Name all designs of a folder at once.
    Lock {
        /// TOSCA files, and directories with one that is obvious.
        #[arg(value_name = "PATH", default_value = ".")]
        paths: Vec<PathBuf>,
    },
    /// Show what is in a profile.
    Show {
        /// The name, such as `khutulun.process:0.1`.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct ExplainArguments {
    #[command(subcommand)]
    pub(crate) what: Option<ExplainCommand>,
    /// The code, such as `unknown-type`; diagnostics have it in brackets.
    #[arg(value_name = "CODE", required = true)]
    pub(crate) code: Option<String>,
}

/// What else can be explained.
#[derive(Debug, Subcommand)]
pub(crate) enum ExplainCommand {
    /// Show where a requirement leads: each candidate, and the first thing about it that is not as asked for.
    ///
    /// What is deployed already is taken into account, as `plan` does; nothing is touched.
    Requirement(ExplainRequirementArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainRequirementArguments {
    /// The node and its requirement: `web/database`, `web-3/database`, `client/impl/software/host`.
    #[arg(value_name = "NODE/REQUIREMENT")]
    pub(crate) requirement: String,
    #[command(flatten)]
    pub(crate) design: DesignArguments,
}
