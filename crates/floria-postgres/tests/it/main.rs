//! PostgreSQL as a store, on a real server: the conformance suite, several hosts, broken connections and damage.
//!
//! Whether there is a server is only known at run time, so the tests have a harness that can skip them then: they count as
//! ignored, never as passed. `crates/floria-postgres/tests/install-postgres.sh` installs one on Debian.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod breaks;
mod damage;
mod proxy;
mod schemas;
mod server;

use std::{process::ExitCode, sync::Arc};

use floria::Store;
use floria_conformance::Home;
use floria_postgres::PostgresStore;
use libtest_mimic::{Arguments, Trial};

use server::Server;

/// A test, by name.
type Test = (&'static str, fn(&Server));

/// The tests of this store alone.
const OWN: &[Test] = &[
    (
        "a commit is settled when its connection breaks",
        breaks::a_commit_is_settled_when_its_connection_breaks,
    ),
    (
        "terminated processes lose nothing and repeat nothing",
        breaks::terminated_processes_lose_nothing_and_repeat_nothing,
    ),
    ("a snapshot outlives its connection", breaks::a_snapshot_outlives_its_connection),
    ("a watch outlives its connection", breaks::a_watch_outlives_its_connection),
    ("a server that fails keeps what was answered", breaks::a_server_that_fails_keeps_what_was_answered),
    ("killed hosts leave whole commits only", breaks::killed_hosts_leave_whole_commits_only),
    ("hosts that make a new store at once make one", schemas::hosts_that_make_a_new_store_at_once_make_one),
    ("a schema of a newer version is refused", schemas::a_schema_of_a_newer_version_is_refused),
    (
        "a schema that was updated meanwhile takes no commit of an older program",
        schemas::a_schema_that_was_updated_meanwhile_takes_no_commit_of_an_older_program,
    ),
    ("an update of a schema is whole or not at all", schemas::an_update_of_a_schema_is_whole_or_not_at_all),
    (
        "a schema of another program is refused and left alone",
        schemas::a_schema_of_another_program_is_refused_and_left_alone,
    ),
    ("names of schemas are taken as they are", schemas::names_of_schemas_are_taken_as_they_are),
    ("what cannot be reached is told", schemas::what_cannot_be_reached_is_told),
    (
        "a store may be used and dropped within a runtime",
        schemas::a_store_may_be_used_and_dropped_within_a_runtime,
    ),
    ("verify finds what was changed", damage::verify_finds_what_was_changed),
    ("a row that is damaged is named", damage::a_row_that_is_damaged_is_named),
];

fn main() -> ExitCode {
    if breaks::child() {
        return ExitCode::SUCCESS;
    }
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
    let own = OWN.iter().map(|&(name, test)| {
        let server = server.clone();
        trial(&server.clone(), name, move || test(there(&server)))
    });
    let code = libtest_mimic::run(&arguments, conforming.chain(own).collect()).exit_code();
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
