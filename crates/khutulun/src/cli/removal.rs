//! The explicit words for what would otherwise stay.

use clap::Args;

/// What may go that otherwise stays.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RemovalArguments {
    /// Delete nodes, or make them anew, also where their metadata `khutulun.protected` says that they stay.
    #[arg(long)]
    pub(crate) allow_protected: bool,
    /// Delete nodes that were adopted, instead of letting go of them.
    #[arg(long)]
    pub(crate) delete_adopted: bool,
}
