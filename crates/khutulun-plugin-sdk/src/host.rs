//! What a plugin can ask the host for. Each request is checked against the plugin's grant.

pub use crate::bindings::khutulun::plugin::errors::Error;

/// Does a request: on wasm32 through the import, elsewhere through the test's double.
macro_rules! request {
    ($import:expr, $double:expr) => {{
        #[cfg(target_arch = "wasm32")]
        let answer = $import;
        #[cfg(not(target_arch = "wasm32"))]
        let answer = crate::testing::ask($double);
        answer
    }};
}

/// Lines for the log of the operation that runs.
pub mod log {
    pub use crate::bindings::khutulun::plugin::log::Level;

    /// Writes a line. Always granted; its rate and size are limited.
    pub fn write(level: Level, message: &str) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::khutulun::plugin::log::write(level, message);
        #[cfg(not(target_arch = "wasm32"))]
        crate::testing::log(level, message);
    }

    /// Writes a line of the level `info`.
    pub fn info(message: &str) {
        write(Level::Info, message);
    }

    /// Writes a line of the level `warning`.
    pub fn warning(message: &str) {
        write(Level::Warning, message);
    }
}

/// Programs that run to their end. No shell is involved.
pub mod commands {
    use super::Error;
    pub use crate::bindings::khutulun::plugin::commands::{Request, Response};

    /// Runs a program and waits for it. A program that fails is no error: see [`Response::exit_code`].
    pub fn run(request: &Request) -> Result<Response, Error> {
        request!(crate::bindings::khutulun::plugin::commands::run(request), |host| host.run(request))
    }
}

/// Files below granted paths.
pub mod files {
    use super::Error;

    /// Reads a file.
    pub fn read(path: &str) -> Result<Vec<u8>, Error> {
        request!(crate::bindings::khutulun::plugin::files::read(path), |host| host.read(path))
    }

    /// Writes a file whole or not at all; `mode` is the permission bits.
    pub fn write(path: &str, content: &[u8], mode: u32) -> Result<(), Error> {
        request!(crate::bindings::khutulun::plugin::files::write(path, content, mode), |host| host
            .write(path, content, mode))
    }

    /// Removes a file; one that is not there is fine.
    pub fn remove(path: &str) -> Result<(), Error> {
        request!(crate::bindings::khutulun::plugin::files::remove(path), |host| host.remove(path))
    }

    /// Returns where an artifact of the service is on this machine, by its digest.
    pub fn artifact(digest: &str) -> Result<String, Error> {
        request!(crate::bindings::khutulun::plugin::files::artifact(digest), |host| host.artifact(digest))
    }
}

/// HTTP servers on granted unix sockets.
pub mod http {
    use super::Error;
    pub use crate::bindings::khutulun::plugin::http::{Request, Response};

    /// Calls a server. An answer with a status of failure is no error.
    pub fn call(request: &Request) -> Result<Response, Error> {
        request!(crate::bindings::khutulun::plugin::http::call(request), |host| host.call(request))
    }
}

/// The process of the node whose operation runs, started and kept by the host.
pub mod processes {
    use super::Error;
    pub use crate::bindings::khutulun::plugin::processes::{RestartPolicy, Spec, State, Status};

    /// Starts it; returns once it was executed, or could not be. Doing it again in the same operation does nothing.
    pub fn start(spec: &Spec) -> Result<Status, Error> {
        request!(crate::bindings::khutulun::plugin::processes::start(spec), |host| host.start_process(spec))
    }

    /// Looks at it.
    pub fn observe() -> Result<Status, Error> {
        request!(crate::bindings::khutulun::plugin::processes::observe(), |host| host.observe_process())
    }

    /// Asks it to end, and kills it after its grace.
    pub fn stop() -> Result<Status, Error> {
        request!(crate::bindings::khutulun::plugin::processes::stop(), |host| host.stop_process())
    }

    /// Forgets it once it ended, and removes its files.
    pub fn remove() -> Result<(), Error> {
        request!(crate::bindings::khutulun::plugin::processes::remove(), |host| host.remove_process())
    }
}
