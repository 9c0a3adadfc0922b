//! The grammar of commands about designs, which change nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DesignArguments;

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
    /// were deployed. Of the state directory nothing is read but what was intended of a service, where one is named.
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
