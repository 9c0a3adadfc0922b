//! What an operation is run on: a node, a relationship, or a workflow that is a file.

use std::collections::BTreeMap;

use floria::{Evaluated, Evaluator, Expression, Graph, Handler, Handlers, Named, Origin, Site, Value};
use khutulun_api::{Subject, describe_unknown, names};

use crate::{
    Basis,
    document::{Action, PlannedValue, Step},
    error::PlanError,
    node::{operation_of, owning_node, state_after, subject_of},
    relationships,
};

/// What an operation is run on.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) subject: Subject,
    /// What a person calls it.
    pub(crate) name: String,
    handlers: &'a Handlers,
    /// How far its lifecycle has come; None: it has none.
    pub(crate) state: Option<&'a str>,
    origin: Option<&'a Origin>,
}

impl<'a> Place<'a> {
    /// Returns the place at a site. None: there is nothing.
    pub(crate) fn at(graph: &'a Graph, site: Site) -> Option<Self> {
        match site {
            Site::Vertex(id) => {
                let vertex = graph.vertex(id)?;
                let subject = subject_of(graph, id)?;
                let state = vertex.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial");
                Some(Self {
                    name: graph.path_of(id),
                    subject,
                    handlers: &vertex.handlers,
                    state: vertex.metadata.contains_key(names::NODE).then_some(state),
                    origin: vertex.origin.as_ref(),
                })
            }
            Site::Edge(id) => {
                let edge = graph.edge(id)?;
                let source = subject_of(graph, owning_node(graph, edge.source)?.id)?;
                let index = if edge.index > 0 { format!("[{}]", edge.index) } else { String::new() };
                Some(Self {
                    name: format!("{}.{}{index}", source.node, edge.name),
                    subject: Subject { relationship: Some(id), ..source },
                    handlers: &edge.handlers,
                    state: None,
                    origin: edge.origin.as_ref(),
                })
            }
        }
    }

    /// Tells whether it is a node.
    pub(crate) fn is_node(&self) -> bool {
        self.state.is_some()
    }

    /// Returns the handler that is run for an event; a notification is not run.
    pub(crate) fn handler(&self, event: &str) -> Option<&'a Handler> {
        self.handlers.get(event).filter(|handler| handler.implementation.is_some())
    }

    /// Returns the events that something runs for.
    pub(crate) fn events(&self) -> Vec<String> {
        let run = self.handlers.iter().filter(|(_, handler)| handler.implementation.is_some());
        run.map(|(event, _)| event.clone()).collect()
    }

    /// Returns what an operation is about: one of a relationship that is run at the target's end, the target.
    fn subject_of(&self, graph: &Graph, event: &str) -> Subject {
        let edge = self.subject.relationship.and_then(|id| graph.edge(id));
        let edge =
            edge.filter(|_| relationships::operation_of(event).is_some_and(relationships::is_of_target));
        let target = edge.and_then(|edge| subject_of(graph, owning_node(graph, edge.target)?.id));
        let at_target = |target| Subject { relationship: self.subject.relationship, ..target };
        target.map_or_else(|| self.subject.clone(), at_target)
    }

    /// Makes the step of an operation: `given` inputs go before the operation's own. Without code for it, nothing runs, and the
    /// step only marks how far the node has come.
    pub(crate) fn step(
        &self,
        basis: &Basis<'_>,
        evaluator: &mut Evaluator<'_>,
        event: &str,
        given: &Named<Expression>,
    ) -> Result<Step, PlanError> {
        let handler = self.handler(event);
        let mut step = basis.located(Step {
            implementation: handler.and_then(|handler| handler.implementation.clone()),
            timeout_ms: handler
                .and_then(|handler| handler.timeout_ms_max)
                .unwrap_or(basis.timeout_ms_default),
            origin: handler.and_then(|handler| handler.origin.as_ref()).or(self.origin).cloned(),
            state: self.state.and_then(|state| {
                // What is up stays up when it is created or configured again: only a bring-up goes from one of these to the next.
                let is_past = |new: &&str| {
                    matches!(
                        (*new, state),
                        ("created", "configured" | "started" | "stopped") | ("configured", "started")
                    )
                };
                operation_of(event).and_then(state_after).filter(|new| !is_past(new)).map(str::to_owned)
            }),
            ..empty(self.subject_of(evaluator.graph(), event), event, Action::Run)
        });
        let Some(handler) = handler else { return Ok(step) };
        let own = handler.inputs.iter().filter(|(name, _)| !given.contains_key(*name));
        for (name, expression) in own.chain(given) {
            let value = match evaluator.evaluate(expression, self.subject.site()) {
                Ok(Evaluated::Known(value)) => PlannedValue::Known(value),
                Ok(Evaluated::Unknown(properties)) => {
                    if given.contains_key(name) {
                        step.expressions.insert(name.clone(), expression.clone());
                    }
                    let describe =
                        |(site, name): &(Site, String)| describe_unknown(evaluator.graph(), *site, name);
                    PlannedValue::Unknown(properties.iter().map(describe).collect())
                }
                Err(source) => {
                    return Err(PlanError::Evaluation {
                        node: self.name.clone(),
                        property: format!("input {name} of {event}"),
                        origin: handler.origin.clone(),
                        source: Box::new(source),
                    });
                }
            };
            step.inputs.insert(name.clone(), value);
        }
        Ok(step)
    }
}

/// Makes a step that does nothing.
pub(crate) fn empty(subject: Subject, event: &str, action: Action) -> Step {
    Step {
        subject,
        event: event.to_owned(),
        implementation: None,
        inputs: BTreeMap::new(),
        expressions: Named::new(),
        after: Vec::new(),
        otherwise: Vec::new(),
        gathers: false,
        conditions: Vec::new(),
        action,
        timeout_ms: 0,
        state: None,
        then: None,
        origin: None,
        outputs: Vec::new(),
        answer: None,
        host: None,
        driver_digest: None,
        approval: None,
        asked_ms: None,
        part: None,
    }
}
