//! Asks nodes what changes nothing: how they are, and where their logs are. Not a run: nothing is journalled, and no answer is kept.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Graph, Implementation, Namespace, Revision, Vertex, VertexId};
use khutulun_api::{Executor as _, Failure, Operation, OperationId, Outcome, RunId};
use khutulun_host::{LocalMachine, ScriptExecutor};
use khutulun_plan::{Basis, plan_run};
use tokio::task::JoinSet;

use crate::{
    error::CliError,
    executors::{self, Executors},
    instance, runtime,
    session::Session,
};

/// The number of the run that questions belong to: no run has it.
pub(crate) const NO_RUN: RunId = RunId(0);

/// How long a node may take to answer, in milliseconds: a person waits for it.
const ANSWER_MS_MAX: u64 = 10_000;

/// How many nodes are asked at once.
const PARALLEL_MAX: usize = 16;

/// Asks nodes.
pub(crate) struct Prober<'a> {
    session: &'a Session,
}

impl<'a> Prober<'a> {
    /// Makes one that has not asked yet, and has begun nothing.
    pub(crate) fn new(session: &'a Session) -> Self {
        Self { session }
    }

    /// Asks nodes with an event and returns their answers. Nodes that do not handle it are left out.
    pub(crate) fn ask(
        &self,
        graph: &Graph,
        nodes: &[&Vertex],
        event: &str,
    ) -> Result<BTreeMap<VertexId, Outcome>, CliError> {
        let mut operations = Vec::new();
        let mut answers = BTreeMap::new();
        for (index, node) in (0..).zip(nodes) {
            let Some(handler) = node.handlers.get(event) else { continue };
            if handler.implementation.is_none() {
                continue;
            }
            // So no journal is mixed up with this, and no file with those of others who ask at the same time.
            let id = OperationId { run: NO_RUN, step: index, attempt: std::process::id() };
            match operation(self.session, graph, node, event, id) {
                Ok(operation) => operations.push(operation),
                Err(failure) => drop(answers.insert(node.id, Outcome::Failed(failure))),
            }
        }
        if operations.is_empty() {
            return Ok(answers);
        }
        let state = self.session.state_directory()?;
        let executors = Arc::new(Executors::new(&state, &self.session.progress)?);
        let scripts = ScriptExecutor::new(&LocalMachine::new(state, executors::supervisor()?));
        let asked = runtime::start()?.block_on(async {
            let mut answers = Vec::new();
            let mut tasks = JoinSet::new();
            for operation in operations {
                if tasks.len() >= PARALLEL_MAX {
                    answers.extend(tasks.join_next().await.and_then(Result::ok));
                }
                let (executors, scripts) = (Arc::clone(&executors), scripts.clone());
                tasks.spawn(async move {
                    (operation.subject.vertex, answer(&executors, &scripts, &operation).await)
                });
            }
            while let Some(answer) = tasks.join_next().await {
                answers.extend(answer.ok());
            }
            answers
        });
        answers.extend(asked);
        Ok(answers)
    }
}

/// Asks one node, anew: a script's answer is kept by its operation's id, and a killed program may have had this one's pid.
async fn answer(executors: &Executors, scripts: &ScriptExecutor, operation: &Operation) -> Outcome {
    let is_script = matches!(operation.implementation, Implementation::Script { .. });
    if is_script && let Err(error) = scripts.forget(&operation.id) {
        return Outcome::Failed(Failure::permanent(crate::error::chain(&error)));
    }
    let outcome = executors.execute(operation).await;
    if is_script {
        // What cannot be removed now goes with the next run, or before the next question under this id.
        let _ = scripts.forget(&operation.id);
    }
    outcome
}

fn operation(
    session: &Session,
    graph: &Graph,
    node: &Vertex,
    event: &str,
    id: OperationId,
) -> Result<Operation, Failure> {
    let name = instance::name(graph, node);
    let namespace: &Namespace = &node.namespace;
    let basis = Basis {
        timeout_ms_default: ANSWER_MS_MAX,
        ..Basis::new(namespace, Revision(0), &*session.functions)
    };
    let plan = plan_run(&basis, graph, &name, event, &BTreeMap::new())
        .map_err(|error| Failure::permanent(crate::error::chain(&error)))?;
    let mut step = plan.steps.into_iter().next().ok_or_else(|| Failure::permanent("nothing to ask"))?;
    step.timeout_ms = step.timeout_ms.min(ANSWER_MS_MAX);
    khutulun_engine::operation(graph, &*session.functions, &step, id)
}
