//! The grammar of commands about archives and profiles.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
