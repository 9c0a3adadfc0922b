//! The grammar of commands about runs.

use std::num::NonZeroU32;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The run's number, or the service [default: the only run that has not ended].
    #[arg(value_name = "RUN|SERVICE")]
    pub(crate) which: Option<String>,
    /// How long to wait until what runs has ended, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    pub(crate) timeout: NonZeroU32,
}
