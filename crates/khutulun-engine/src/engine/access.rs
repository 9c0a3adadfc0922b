//! What the engine asks of the store.

use std::{ops::Range, sync::Arc};

use floria::{Change, Entity, EntityKey, LogEntry, LogQuery, Namespace, Revision, Store};
use khutulun_api::RunId;
use khutulun_plan::Plan;

use super::Engine;
use crate::{
    error::EngineError,
    journal::{RunState, runs, unfinished},
    present::Present,
};

/// How many names an error gives of what has changed; more help nobody.
const MOVED_NAMES_MAX: usize = 5;

impl Engine {
    pub(super) async fn present(&self, namespace: &Namespace) -> Result<Present, EngineError> {
        let namespace = namespace.clone();
        let present = self.on_store(move |store| Present::read(store, &namespace)).await;
        present.map_err(EngineError::store("read the instances"))
    }

    pub(super) async fn allocate(&self, count: u64) -> Result<Range<u64>, EngineError> {
        let ids = self.on_store(move |store| store.allocate(count)).await;
        ids.map_err(EngineError::store("number the run"))
    }

    pub(super) async fn refuse_unfinished(&self, namespace: &Namespace) -> Result<(), EngineError> {
        let open = async || {
            let namespace = namespace.clone();
            self.on_store(move |store| unfinished(store, &namespace)).await
        };
        if open().await?.is_none() {
            return Ok(());
        }
        // It may have begun since the lease was read, or end now: whoever ends it lets the lease go with the same commit.
        self.refuse_busy(namespace).await?;
        match open().await? {
            Some(run) => Err(EngineError::Unfinished { namespace: namespace.clone(), run }),
            None => Ok(()),
        }
    }

    /// Says who is at work on a service, if somebody is. Nothing is taken: a plan that somebody still has to agree to is made
    /// without a lease.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`]; when the store cannot be read.
    async fn refuse_busy(&self, namespace: &Namespace) -> Result<(), EngineError> {
        let lease = self.present(namespace).await?.lease;
        lease.as_ref().map_or(Ok(()), |lease| lease.refuse(self.clock.now_ms(), &*self.presence))
    }

    pub(super) async fn last(&self, namespace: &Namespace) -> Result<Option<RunId>, EngineError> {
        let namespace = namespace.clone();
        let runs = self.on_store(move |store| runs(store, &namespace)).await?;
        Ok(runs.last().map(|last| last.run))
    }

    pub(super) async fn state(&self, run: RunId) -> Result<RunState, EngineError> {
        self.on_store(move |store| RunState::read(store, run)).await
    }

    /// Calls the store, which blocks, where blocking does no harm.
    pub(crate) async fn on_store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> T {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || call(&*store)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down cancels what has not begun; whoever waits goes with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    pub(super) async fn stale(&self, plan: &Plan, actual: Revision) -> EngineError {
        let (namespace, base) = (plan.namespace.clone(), plan.base);
        let query = LogQuery { namespace: Some(namespace.clone()), since: base, ..LogQuery::default() };
        let rows = self.on_store(move |store| store.log(&query)).await.unwrap_or_default();
        let mut moved: Vec<String> = Vec::new();
        for row in &rows {
            let name = match &row.entry {
                LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => vertex.name.clone(),
                LogEntry::Change(Change::Put(Entity::Edge(edge))) => edge.name.clone(),
                LogEntry::Change(Change::Delete(EntityKey::Vertex(id))) => {
                    format!("vertex {id}, which is gone")
                }
                LogEntry::Change(Change::Delete(EntityKey::Edge(id))) => format!("edge {id}, which is gone"),
                _ => continue,
            };
            if !moved.contains(&name) {
                moved.push(name);
            }
        }
        if moved.len() > MOVED_NAMES_MAX {
            let more = moved.len() - MOVED_NAMES_MAX;
            moved.truncate(MOVED_NAMES_MAX);
            moved.push(format!("{more} more"));
        }
        EngineError::Stale { namespace, base: base.0, actual: actual.0, moved }
    }
}
