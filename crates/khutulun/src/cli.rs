//! The grammar of the command line. A verb that is not built yet is not here.

mod agent;
mod design;
mod events;
mod packages;
mod reality;
mod revisions;
mod runs;
mod simulate;
mod store;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use agent::{AgentArguments, AgentCommand, InstallArguments};
pub(crate) use design::{
    CompileArguments, ExplainArguments, ExplainCommand, ExplainRequirementArguments, GraphArguments, Picture,
    ValidateArguments,
};
pub(crate) use events::{EmitArguments, EventsArguments, EventsCommand};
pub(crate) use packages::{
    CsarArguments, CsarCommand, CsarCreateArguments, CsarExtractArguments, CsarPathArguments,
    ProfileArguments, ProfileCommand,
};
pub(crate) use reality::{
    AdoptArguments, ForgetArguments, OperateArguments, RefreshArguments, RunArguments, StatusArguments,
};
pub(crate) use revisions::{
    DiffArguments, HistoryArguments, RollbackArguments, ScaleArguments, UpdateArguments,
};
pub(crate) use runs::{
    CancelArguments, ConductArguments, ExecutionArguments, OnFailure, RemovalArguments, ResumeArguments,
};
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
    /// For `deploy` and `plan` also a saved plan; for these, `compile`, `graph` and `explain` also a service, as it was intended
    /// last.
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
    /// What the workflow of this run put out, instead of the service's outputs.
    #[arg(long, value_name = "RUN", conflicts_with = "name")]
    pub(crate) run: Option<u64>,
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
