//! The activities of a trigger as a plan (TOSCA 2.0, 16.5): as those of a workflow's step are.

use std::ops::Range;

use floria::{Evaluator, Graph, Site, Value, Vertex, VertexId};
use khutulun_api::names;

use super::{Expansion, Frame, Spot, expand};
use crate::{
    Basis,
    document::{Plan, Step},
    error::PlanError,
    flow::{self, FlowStep},
};

/// Plans activities of a trigger, by their places, at these of the targets of its policy: in order at each target, and at all targets
/// at once. What the trigger's condition says is asked again when its turn comes.
///
/// # Errors
///
/// When there is no such trigger, or something in it cannot be done or evaluated.
pub fn plan_trigger(
    basis: &Basis<'_>,
    actual: &Graph,
    trigger: VertexId,
    targets: &[Site],
    activities: Range<usize>,
) -> Result<Plan, PlanError> {
    let is_trigger = |vertex: &&Vertex| vertex.metadata.contains_key(names::TRIGGER);
    let vertex = actual.vertex(trigger).filter(is_trigger).ok_or_else(|| PlanError::Step {
        step: trigger.to_string(),
        why: "there is no such trigger".to_owned(),
        origin: None,
    })?;
    let name = path_of(actual, vertex);
    let mut evaluator = Evaluator::new(actual, basis.functions);
    let expanded = expand(basis, &mut evaluator, &|_, _| false, &|expansion| {
        expansion.trigger(vertex, &name, targets, &activities)
    })?;
    Ok(expanded.plan(basis, &name))
}

/// The name of a trigger after that of its policy: `heal/exited`.
fn path_of(graph: &Graph, trigger: &Vertex) -> String {
    let text = |vertex: &Vertex, key| {
        vertex.metadata.get(key).and_then(Value::as_text).unwrap_or(&vertex.name).to_owned()
    };
    let policy = trigger.container.and_then(|policy| graph.vertex(policy));
    let policy = policy.map(|policy| text(policy, names::POLICY)).unwrap_or_default();
    format!("{policy}/{}", text(trigger, names::TRIGGER))
}

/// Returns what a policy is for: the nodes among its targets, and those in groups among them, each once.
pub fn policy_targets(graph: &Graph, policy: VertexId) -> Vec<VertexId> {
    let sites = graph.vertex(policy).map(|policy| flow::targets(graph, policy)).unwrap_or_default();
    sites.into_iter().filter_map(|site| if let Site::Vertex(id) = site { Some(id) } else { None }).collect()
}

impl<'a> Expansion<'_, 'a> {
    fn trigger(
        &mut self,
        vertex: &'a Vertex,
        name: &str,
        targets: &[Site],
        activities: &Range<usize>,
    ) -> Result<(), PlanError> {
        let step = FlowStep {
            vertex,
            name: vertex.name.as_str(),
            after: Vec::new(),
            otherwise: Vec::new(),
            is_caught: false,
        };
        let spot = Spot { step: &step, part: name, frame: &Frame::default() };
        let begin = self.add(self.mark(vertex, "begin", name))?;
        let mut all = vec![begin];
        for site in targets {
            self.target(spot, *site, begin, activities, &mut all)?;
        }
        self.add(Step { after: all, gathers: true, ..self.mark(vertex, "end", name) })?;
        Ok(())
    }
}
