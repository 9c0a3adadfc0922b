//! Why a component cannot be used.

use std::path::PathBuf;

use khutulun_api::MachineError;

/// Why a component cannot be used. What happens to an operation that runs is a `Failure` instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WasmError {
    /// No driver of that name is built in.
    #[error("there is no driver `{name}` in this khutulun; there is: {known}")]
    UnknownDriver {
        /// The name.
        name: String,
        /// Those that are there, separated by commas.
        known: String,
    },
    /// The implementation is not a component.
    #[error("a script is not a component")]
    NotAComponent,
    /// The machine does not have the plugin's file.
    #[error("failed to find plugin `{path}`")]
    Find {
        /// Its path in the package.
        path: String,
        /// Why.
        #[source]
        source: MachineError,
    },
    /// The plugin's file cannot be read.
    #[error("failed to read plugin `{path}`")]
    Read {
        /// Its path in the package.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The plugin's file is not the one that was deployed.
    #[error("plugin `{path}` is not the one that the service was deployed with: its content changed")]
    Changed {
        /// Its path in the package.
        path: String,
    },
    /// The component is larger than the limit.
    #[error("{component} is larger than {limit} bytes")]
    TooLarge {
        /// What it is.
        component: String,
        /// The limit.
        limit: usize,
    },
    /// The Wasm engine did not start.
    #[error("failed to start the wasm engine: {reason}")]
    Engine {
        /// Why.
        reason: String,
    },
    /// The component is not one, or asks for what khutulun does not offer.
    #[error("failed to load {component}: {reason}")]
    Load {
        /// What it is.
        component: String,
        /// Why.
        reason: String,
    },
    /// The folder for compiled code cannot be used.
    #[error("failed to use `{path}` for compiled code: {reason}")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The component's manifest cannot be read.
    #[error("failed to read the manifest of {component}: {reason}")]
    Manifest {
        /// What it is.
        component: String,
        /// Why.
        reason: String,
    },
}

/// Returns an error with its causes in one sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
