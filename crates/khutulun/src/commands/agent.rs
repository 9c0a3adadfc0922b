//! `khutulun agent`: the long-running form of the program.

mod install;
mod reactions;
mod status;

use std::sync::Arc;

use floria::{KeptGraphs, Store};
use khutulun_agent::{Agent, AgentError, AgentLock, Host, LockError, Stop};
use khutulun_api::{Clock as _, SystemClock};
use khutulun_events::{Event, EventError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value as Json;

use self::reactions::Reactions;
use crate::{
    cli::{AgentArguments, AgentCommand},
    commands::events,
    error::{CliError, chain},
    exit::Exit,
    interruption::{Interruption, Words},
    progress::{self, Progress},
    runtime,
    session::Session,
    time,
};

/// How much of the services' instances stays in memory between events, in octets as they are stored: some 40,000 nodes.
const GRAPHS_OCTETS_MAX: usize = 96 << 20;

pub(crate) fn run(arguments: &AgentArguments, session: &Session) -> Result<Exit, CliError> {
    match &arguments.command {
        None => work(session),
        Some(AgentCommand::Status) => status::run(session),
        Some(AgentCommand::Install(arguments)) => install::install(arguments, session),
        Some(AgentCommand::Uninstall(arguments)) => install::uninstall(arguments),
    }
}

/// Works until somebody ends it.
fn work(session: &Session) -> Result<Exit, CliError> {
    let (state, store) = session.writer()?;
    let lock = AgentLock::take(state.root(), SystemClock.now_ms()).map_err(|error| taken(session, &error))?;
    raise_files();
    let store: Arc<dyn Store> = Arc::new(KeptGraphs::new(store, GRAPHS_OCTETS_MAX));
    // A live view is of one run; here there may be none, or many.
    session.progress.settle();
    let voice = Arc::new(Voice(session.progress.apart()));
    let reactions = Reactions::new(session, &state, Arc::clone(&store))?;
    let author = reactions.author().to_owned();
    let agent = Agent {
        state,
        store,
        functions: session.functions.clone(),
        act: Arc::new(reactions),
        host: voice.clone(),
        clock: Arc::new(SystemClock),
        author,
    };
    let stop = Stop::default();
    let runtime = runtime::start()?;
    Interruption::new(session.progress.apart(), INTERRUPTED).begin({
        let stop = stop.clone();
        move || stop.stop()
    })?;
    let worked = runtime.block_on(agent.run(&stop, || voice.note("at work: it hears of what happens")));
    session.progress.settle();
    drop(lock);
    worked.map_err(|error| failed(session, &error))?;
    Ok(Exit::Success)
}

/// A process is heard of through a file, so there must be room for many.
fn raise_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, the death of supervisors that are killed may go unheard, and nothing else.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// What the agent says that is interrupted.
const INTERRUPTED: Words = Words {
    stopping: "stopping: what is at work is finished; Ctrl-C again leaves at once",
    left: || {
        CliError::new(Exit::Interrupted, "left while reactions were at work")
            .place("the agent")
            .why("it was interrupted twice")
            .unchanged("what was recorded stays; what was running goes on or ends by itself")
            .next("khutulun agent, which goes on with it")
    },
};

/// What the agent says goes where progress goes.
struct Voice(Progress);

impl Host for Voice {
    fn note(&self, text: &str) {
        self.0.show(progress::Event::Note(crate::terminal::harmless(text)));
    }

    fn document(&self, event: &Event) -> Json {
        events::document(event)
    }
}

fn taken(session: &Session, error: &LockError) -> CliError {
    let place = session.root().display().to_string();
    match error {
        LockError::Taken(holder) => {
            let error = CliError::new(Exit::Busy, "an agent is at work here already").place(place);
            match holder {
                Some(holder) => error
                    .why(format!(
                        "pid {}, since {} ({})",
                        holder.pid,
                        time::rfc3339(holder.since_ms),
                        time::ago(holder.since_ms, time::now_ms())
                    ))
                    .next(format!("khutulun agent status, or end it: kill {}", holder.pid)),
                None => error.why("it is just beginning or ending").next("khutulun agent status"),
            }
        }
        LockError::System { .. } => CliError::new(Exit::Unreachable, "failed to become the agent")
            .place(place)
            .cause(error)
            .next("mend what is said above, then run the command again"),
    }
}

fn failed(session: &Session, error: &AgentError) -> CliError {
    let make =
        |exit, what| CliError::new(exit, what).place(session.root().display().to_string()).why(chain(error));
    match error {
        AgentError::Store(_) | AgentError::Events(EventError::Store { .. } | EventError::Engine(_)) => {
            make(Exit::Unreachable, "failed to use the store")
        }
        _ => make(Exit::Failed, "the agent cannot work"),
    }
    .next("mend what is said above, then run the command again")
}
