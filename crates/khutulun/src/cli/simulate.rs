//! The grammar of `khutulun simulate`.

use std::path::PathBuf;

use clap::Args;

use super::DesignArguments;

#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    #[command(flatten)]
    pub(crate) design: DesignArguments,
    /// How many stories are told; each has a seed of its own, from 0.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) seeds: u64,
    /// Tell only the story of this seed, with all that happens in it.
    #[arg(long, value_name = "S", conflicts_with_all = ["seeds", "scenario"])]
    pub(crate) seed: Option<u64>,
    /// Play what a file says instead, in which the design is called `design`. May be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub(crate) scenario: Vec<PathBuf>,
    /// A file of `store export` with services that the design may select from. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Vec<PathBuf>,
}
