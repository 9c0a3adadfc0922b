//! PostgreSQL as a store, on a real server: the conformance suite, several hosts, broken connections and damage.
//!
//! Whether there is a server is only known at run time, so the tests have a harness that can skip them then: they count as
//! ignored, never as passed. `crates/floria-postgres/tests/install-postgres.sh` installs one on Debian.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod server;

use std::{process::ExitCode, sync::Arc};

use floria::Store;
use floria_conformance::Home;
use floria_postgres::PostgresStore;
use libtest_mimic::{Arguments, Trial};

use server::Server;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = if arguments.list { Err("only listed".to_owned()) } else { Server::start() };
    if let (Err(why), false) = (&server, arguments.list) {
        eprintln!("SKIPPED: {why}; run crates/floria-postgres/tests/install-postgres.sh as root");
    }
    let server = Arc::new(server);
    let conforming = floria_conformance::cases().into_iter().map(|(name, case)| {
        let server = server.clone();
        trial(&server.clone(), &format!("conformance: {name}"), move || case(&home(there(&server))))
    });
    let code = libtest_mimic::run(&arguments, conforming.collect()).exit_code();
    // The server ends here, and not when the process does.
    drop(server);
    code
}

fn there(server: &Result<Server, String>) -> &Server {
    server.as_ref().expect("the test is ignored without a server")
}

fn trial(server: &Result<Server, String>, name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    let run = move || {
        test();
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(server.is_err())
}

/// A place for one store: a schema.
fn home(server: &Server) -> Home {
    let url = server.url();
    Box::new(move || {
        let store: Arc<dyn Store> = Arc::new(PostgresStore::connect(&url).unwrap());
        store
    })
}
