//! The grammar of `khutulun events`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct EventsArguments {
    #[command(subcommand)]
    pub(crate) command: Option<EventsCommand>,
    /// Which nodes: `web`, `web/3`, `shop:web`, `type:Process` [default: everything].
    #[arg(value_name = "SELECTOR")]
    pub(crate) selectors: Vec<String>,
    /// The service [default: all].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Go on with what happens from now, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// What came after this: the cursor of the last event that was read, or a time back from now, such as 90s, 10m, 2h, 3d
    /// [default: the beginning; with -f, now].
    #[arg(long, value_name = "CURSOR|TIME")]
    pub(crate) since: Option<String>,
    /// Only events of these names; `*` stands for anything, as in `node.*`. May be given several times.
    #[arg(long = "type", value_name = "NAME")]
    pub(crate) types: Vec<String>,
}

/// What else can be done with events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Tell that something happened: policies of the service hear of it.
    ///
    /// Where it is a notification of the selected nodes, what is given becomes values of the attributes that its outputs go to.
    Emit(EmitArguments),
}

#[derive(Debug, Args)]
pub(crate) struct EmitArguments {
    /// Its name: that of a notification, as `interface.notification`, or any other.
    #[arg(value_name = "NAME")]
    pub(crate) event: String,
    /// The nodes that it is about, and what comes with it, as NAME=VALUE; values are YAML.
    #[arg(value_name = "SELECTOR|NAME=VALUE")]
    pub(crate) words: Vec<String>,
    /// The service [default: that of the selector, else the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// It is about no service: the policies of all of them hear of it.
    #[arg(long, conflicts_with = "name")]
    pub(crate) everywhere: bool,
}
