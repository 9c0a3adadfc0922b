//! What policies' triggers want done, done by the agent.

use std::{collections::BTreeMap, sync::Arc};

use floria::{LogQuery, Namespace, Revision, Store, StoreError};
use khutulun_agent::Act;
use khutulun_api::{BoxFuture, RunId, SystemClock, names};
use khutulun_engine::{Cancel, Engine, EngineError, Owner, RunResult, stream_of, unfinished};
use khutulun_events::{Actor, Due, EventError, Performed, perform};
use khutulun_host::{LocalMachine, ScriptExecutor, StateDirectory};

use crate::{
    author, busy,
    error::CliError,
    error::chain,
    execution,
    executors::{self, Executors},
    functions::SessionFunctions,
    progress::{Event, Progress},
    scaling::Scaling,
    session::Session,
    watcher::Watcher,
};

/// Performs reactions, with one engine for all: what it loaded and compiled stays loaded.
pub(super) struct Reactions {
    engine: Engine,
    store: Arc<dyn Store>,
    functions: Arc<SessionFunctions>,
    scripts: ScriptExecutor,
    scaling: Scaling,
    state: StateDirectory,
    progress: Progress,
    author: String,
    /// What plans say of where and with what their steps run.
    session: Session,
}

impl Reactions {
    pub(super) fn new(
        session: &Session,
        state: &StateDirectory,
        store: Arc<dyn Store>,
    ) -> Result<Self, CliError> {
        // By it the agent knows its own runs again.
        let author = format!("agent of {}", author::name());
        let executors = Arc::new(Executors::new(state, &session.progress)?);
        let engine = Engine::new(Arc::clone(&store), executors, session.functions.clone())
            .with_owner(Owner { author: author.clone(), ..busy::owner() })
            .with_presence(busy::presence(state))
            .with_drivers(executors::digests_for_engine());
        let machine = LocalMachine::new(state.clone(), executors::supervisor()?);
        Ok(Self {
            engine,
            scaling: Scaling::new(session, Arc::clone(&store)),
            store,
            functions: session.functions.clone(),
            scripts: ScriptExecutor::new(&machine),
            state: state.clone(),
            progress: session.progress.apart(),
            author,
            session: session.without_profiles(),
        })
    }

    /// Who the agent is, for the log.
    pub(super) fn author(&self) -> &str {
        &self.author
    }

    async fn perform(&self, due: &Due) -> Result<Performed, EventError> {
        let watcher = Watcher::new(self.progress.apart());
        let cancel = Cancel::new();
        let basis = self.session.basis(&due.reaction.service, Revision(0));
        let actor = Actor {
            engine: &self.engine,
            store: &*self.store,
            functions: &*self.functions,
            host: basis.host,
            drivers: basis.drivers,
            clock: &SystemClock,
            scaler: &self.scaling,
            observer: &watcher,
            cancel: &cancel,
        };
        let performed = perform(&actor, due).await;
        execution::tidy(&self.state, &*self.store, &self.scripts);
        performed
    }

    /// The runs of an agent that was killed. Those of people are theirs to go on with.
    fn own_unfinished(&self) -> Result<Vec<(Namespace, RunId)>, EngineError> {
        let services = self.store.namespaces().map_err(unread("list the services"))?;
        let mut own = Vec::new();
        for service in services.into_iter().filter(|service| !service.0.starts_with(names::OWN_NAMESPACE)) {
            let Some(run) = unfinished(&*self.store, &service)? else { continue };
            let query = LogQuery { stream: Some(stream_of(run)), limit: Some(1), ..LogQuery::default() };
            let rows = self.store.log(&query).map_err(unread("read the journal"))?;
            let author = rows.first().and_then(|row| row.author.as_ref());
            if author.is_some_and(|author| author.name == self.author) {
                own.push((service, run));
            }
        }
        Ok(own)
    }

    async fn take_up(&self) {
        let own = match self.own_unfinished() {
            Ok(own) => own,
            Err(error) => {
                return self.note(format!("cannot go on with earlier reactions: {}", chain(&error)));
            }
        };
        for (service, run) in own {
            self.note(format!("goes on with run {run} of `{service}`"));
            let watcher = Watcher::new(self.progress.apart());
            let cancel = Cancel::new();
            let resumed = self.engine.resume(&service, Some(run), BTreeMap::new(), &watcher, &cancel).await;
            match resumed {
                Ok(report) if report.result == RunResult::NeedsOperator => {
                    self.note(format!("run {run} of `{service}` needs an answer: khutulun resume {run}"));
                }
                Ok(_) => {}
                Err(error) => {
                    let why = chain(&error);
                    self.note(format!("cannot go on with run {run} of `{service}`: {why}"));
                }
            }
        }
        execution::tidy(&self.state, &*self.store, &self.scripts);
    }

    fn note(&self, text: String) {
        self.progress.show(Event::Note(text));
    }
}

impl Act for Reactions {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Performed, EventError>> {
        Box::pin(self.perform(due))
    }

    fn take_up<'a>(&'a self) -> BoxFuture<'a, ()> {
        Box::pin(self.take_up())
    }
}

fn unread(attempt: &'static str) -> impl FnOnce(StoreError) -> EngineError {
    move |source| EngineError::Store { attempt, source }
}
