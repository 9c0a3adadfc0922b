//! A plugin tested as an ordinary library: a double stands in for the host.

#[cfg(not(target_arch = "wasm32"))]
use std::cell::RefCell;

use crate::{Answer, Error, Plugin, Request, commands, http, log, processes};

/// A double of the host. What a test does not override is denied.
#[expect(missing_docs, reason = "each method is the request of its name in this crate's modules")]
pub trait Host {
    fn log(&mut self, _level: log::Level, _message: &str) {}

    fn run(&mut self, request: &commands::Request) -> Result<commands::Response, Error> {
        Err(Error::Denied(format!("program `{}` is not granted", request.program)))
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        Err(Error::Denied(format!("reading `{path}` is not granted")))
    }

    fn write(&mut self, path: &str, _content: &[u8], _mode: u32) -> Result<(), Error> {
        Err(Error::Denied(format!("writing `{path}` is not granted")))
    }

    fn remove(&mut self, path: &str) -> Result<(), Error> {
        Err(Error::Denied(format!("removing `{path}` is not granted")))
    }

    fn artifact(&mut self, _digest: &str) -> Result<String, Error> {
        Err(Error::Denied("artifacts are not granted".to_owned()))
    }

    fn call(&mut self, request: &http::Request) -> Result<http::Response, Error> {
        Err(Error::Denied(format!("socket `{}` is not granted", request.socket)))
    }

    fn start_process(&mut self, _spec: &processes::Spec) -> Result<processes::Status, Error> {
        Err(Error::Denied("processes are not granted".to_owned()))
    }

    fn observe_process(&mut self) -> Result<processes::Status, Error> {
        Err(Error::Denied("processes are not granted".to_owned()))
    }

    fn stop_process(&mut self) -> Result<processes::Status, Error> {
        Err(Error::Denied("processes are not granted".to_owned()))
    }

    fn remove_process(&mut self) -> Result<(), Error> {
        Err(Error::Denied("processes are not granted".to_owned()))
    }
}

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    static HOST: RefCell<Option<Box<dyn Host>>> = const { RefCell::new(None) };
}

/// Runs a request of a plugin with a double in the host's place, on this thread.
#[cfg(not(target_arch = "wasm32"))]
pub fn with_host<P: Plugin>(host: impl Host + 'static, request: &Request) -> Answer {
    HOST.with_borrow_mut(|slot| *slot = Some(Box::new(host)));
    let answer = crate::plugin::dispatch::<P>(request);
    HOST.with_borrow_mut(|slot| *slot = None);
    answer
}

/// Asks the double. Without one, every request is an error.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn ask<T>(request: impl FnOnce(&mut dyn Host) -> Result<T, Error>) -> Result<T, Error> {
    HOST.with_borrow_mut(|slot| match slot {
        Some(host) => request(host.as_mut()),
        None => Err(Error::Refused("there is no host: this is not a component".to_owned())),
    })
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn log(level: log::Level, message: &str) {
    HOST.with_borrow_mut(|slot| {
        if let Some(host) = slot {
            host.log(level, message);
        }
    });
}
