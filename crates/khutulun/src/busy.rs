//! Who is at work on a service: one run at a time, by its lease in the store.

use std::sync::Arc;

use floria::{Namespace, Store, StoreError};
use khutulun_engine::{Holder, Lease, Owner, Presence};
use khutulun_host::{ProcessName, StateDirectory};

use crate::{author, entry, error::CliError, exit::Exit, session::Session, time};

/// What this machine knows of other programs, and of what they did.
struct Machine {
    state: StateDirectory,
}

impl Presence for Machine {
    fn is_gone(&self, owner: &Owner) -> bool {
        is_gone(owner)
    }

    fn epoch_seen(&self, service: &Namespace) -> u64 {
        self.state.epoch_seen(&service.0)
    }
}

fn is_gone(owner: &Owner) -> bool {
    let Owner { boot, pid, start_ticks, .. } = owner;
    ProcessName { boot: boot.clone(), pid: *pid, start_ticks: *start_ticks }.is_gone()
}

/// Returns what the engine asks about other programs.
pub(crate) fn presence(state: &StateDirectory) -> Arc<dyn Presence> {
    Arc::new(Machine { state: state.clone() })
}

/// Returns what this program is, for others to know.
pub(crate) fn owner() -> Owner {
    // Of a process that the operating system does not tell about nobody knows whether it is gone: its lease expires.
    let (boot, start_ticks) =
        ProcessName::own().map_or((String::new(), 0), |own| (own.boot, own.start_ticks));
    Owner {
        host: author::host(),
        boot,
        pid: std::process::id(),
        start_ticks,
        author: author::name(),
        verb: String::new(),
    }
}

/// Returns who is at work on a service, if somebody is.
pub(crate) fn holder(store: &dyn Store, service: &Namespace) -> Result<Option<Holder>, StoreError> {
    let lease = Lease::read(store, service)?;
    Ok(lease.and_then(|lease| lease.held(time::now_ms(), &is_gone).cloned()))
}

/// Refuses to go on while somebody else is at work on a service. The lease itself is taken by the run, once somebody has agreed.
pub(crate) fn refuse(session: &Session, store: &dyn Store, service: &Namespace) -> Result<(), CliError> {
    // A graph that was imported may hold any name, and this one becomes that of files.
    entry::check_name(&service.0)?;
    match holder(store, service).map_err(|error| session.store_error(error))? {
        Some(holder) => Err(error(session, service, &holder)),
        None => Ok(()),
    }
}

/// Says that somebody is at work on a service.
pub(crate) fn error(session: &Session, service: &Namespace, holder: &Holder) -> CliError {
    let since =
        format!("since {} ({})", time::rfc3339(holder.since_ms), time::ago(holder.since_ms, time::now_ms()));
    CliError::new(Exit::Busy, format!("the service `{service}` is busy"))
        .place(session.root().display().to_string())
        .why(format!("{} has been at work on it {since}", who(holder)))
        .unchanged("this command changed nothing; the other one goes on")
        .next("wait until it ends")
        .next(format!("khutulun cancel {service}"))
}

/// Names a program that is at work.
pub(crate) fn who(holder: &Holder) -> String {
    let Owner { host, pid, author, verb, .. } = &holder.owner;
    let place = if *host == author::host() { String::new() } else { format!(" on {host}") };
    format!("`khutulun {verb}` by {author} (pid {pid}{place})")
}
