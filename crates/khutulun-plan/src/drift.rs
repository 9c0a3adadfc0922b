//! What was seen of a node and should not be so, and what its design says is to be done about it.

use std::collections::BTreeSet;

use floria::{Evaluated, EvaluationError, Evaluator, Graph, Site, Value, Vertex, VertexId};
use khutulun_api::names;

use crate::{demand::Demand, keeping::says};

/// The policy type that says what is to be done about drift. The profile's version is no part of it.
const POLICY: (&str, &str) = ("khutulun.policies:", ":Drift");

/// Metadata of an attribute, a boolean: it must stay as the last operation left it.
const COMPARE: &str = "khutulun.compare";

/// What is to be done about a node that is not as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftAction {
    /// It is reported, and nothing else.
    #[default]
    Report,
    /// It is made what it should be.
    Repair,
    /// What was seen is what should be from now on.
    Adopt,
    /// It is not even reported.
    Ignore,
}

impl DriftAction {
    /// Returns the word for it, as policies have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Repair => "repair",
            Self::Adopt => "adopt",
            Self::Ignore => "ignore",
        }
    }
}

/// What holds for a node about drift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftPolicy {
    /// What is to be done.
    pub action: DriftAction,
    /// The policy that says so, by its name. None: there is none.
    pub policy: Option<String>,
    /// Attributes that must stay as the last operation left them.
    pub compared: BTreeSet<String>,
}

impl DriftPolicy {
    /// Returns what holds for a node: the last of the policies that target it, or a group that it is in, decides.
    ///
    /// # Errors
    ///
    /// When a property of the policy cannot be computed.
    pub fn of(graph: &Graph, node: VertexId, evaluator: &mut Evaluator<'_>) -> Result<Self, EvaluationError> {
        let Some(vertex) = graph.vertex(node) else { return Ok(Self::default()) };
        let is_compared =
            |property: &floria::Property| says(&property.metadata, COMPARE) && !property.read_only;
        let declared = vertex.properties.iter().filter(|(_, property)| is_compared(property));
        let mut found =
            Self { compared: declared.map(|(name, _)| name.clone()).collect(), ..Self::default() };
        let Some(policy) = policies(graph, node).max_by_key(|policy| policy.id) else { return Ok(found) };
        let mut property = |name: &str| match evaluator.property(Site::Vertex(policy.id), name) {
            Ok(Evaluated::Known(value)) => Ok(value),
            Ok(Evaluated::Unknown(_)) => Ok(Value::Null),
            Err(error) => Err(error),
        };
        found.policy = policy.metadata.get(names::POLICY).and_then(Value::as_text).map(str::to_owned);
        found.action = match property("action")?.as_text() {
            Some("repair") => DriftAction::Repair,
            Some("adopt") => DriftAction::Adopt,
            Some("ignore") => DriftAction::Ignore,
            _ => DriftAction::Report,
        };
        found.compared.extend(
            texts(&property("compare")?)
                .filter(|name| vertex.properties.contains_key(*name))
                .map(str::to_owned),
        );
        let ignored = property("ignore")?;
        for name in texts(&ignored) {
            found.compared.remove(name);
        }
        Ok(found)
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_list().unwrap_or_default().iter().filter_map(Value::as_text)
}

/// The policies about drift that target a node, or a group that it is in.
fn policies(graph: &Graph, node: VertexId) -> impl Iterator<Item = &Vertex> {
    let sources = |name: &'static str, id: VertexId| {
        graph.incoming(id).filter(move |edge| edge.name == name).map(|edge| edge.source)
    };
    let groups = sources(names::MEMBER, node);
    let targeting = std::iter::once(node).chain(groups).flat_map(move |id| sources(names::TARGET, id));
    let is_about_drift = |vertex: &&Vertex| {
        vertex.metadata.contains_key(names::POLICY)
            && vertex.classes.iter().any(|class| class.0.starts_with(POLICY.0) && class.0.ends_with(POLICY.1))
    };
    targeting.filter_map(|id| graph.vertex(id)).filter(is_about_drift)
}

/// Something that was seen of a node and should not be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The attribute. None: it is the node's state.
    pub attribute: Option<String>,
    /// What was seen.
    pub seen: Value,
    /// What it should be.
    pub intended: Value,
}

impl Drift {
    /// Tells whether what was seen can be what should be.
    pub fn is_acceptable(&self) -> bool {
        self.attribute.is_some() || self.seen.as_text() != Some(names::UNSUPERVISED)
    }

    /// Returns what an attribute needs to be as it was: something has to be run, or it stays as it was seen. None: it is about the
    /// state.
    pub(crate) fn demand(&self, node: &Vertex) -> Option<Demand> {
        let property = node.properties.get(self.attribute.as_ref()?)?;
        Some(Demand::of(&property.metadata).unwrap_or_default().max(Demand::Configure))
    }
}

/// Returns what a deployment has to put right of a node: all that drifted, but for what its policy ignores. Where an operation did
/// not succeed, what was seen counts all the same: what is not there is not configured once more, but made.
pub(crate) fn to_put_right(graph: &Graph, node: &Vertex, evaluator: &mut Evaluator<'_>) -> Vec<Drift> {
    // As a rule nobody has looked, or all is as it should be; then no policy is asked.
    if !may_drift(node) {
        return Vec::new();
    }
    let policy = DriftPolicy::of(graph, node.id, evaluator).unwrap_or_default();
    if policy.action == DriftAction::Ignore {
        return Vec::new();
    }
    if node.metadata.contains_key(names::ATTEMPTED) {
        return of_state(node).into_iter().collect();
    }
    drift(node, &policy)
}

/// Tells whether something may have drifted, whatever the policy.
pub(crate) fn may_drift(node: &Vertex) -> bool {
    let Some(observed) = node.metadata.get(names::OBSERVED) else { return false };
    let state = node.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial");
    let seen = observed.get("state").and_then(Value::as_text).unwrap_or_default();
    let differs = |(name, seen): (&Value, &Value)| {
        let property = name.as_text().and_then(|name| node.properties.get(name));
        property.is_some_and(|property| property.value.as_ref().is_some_and(|value| value != seen))
    };
    expected(state).is_some_and(|intended| !satisfies(seen, intended))
        || observed.get("attributes").and_then(Value::as_map).into_iter().flatten().any(differs)
}

/// Returns how what was last seen of a node ([`names::OBSERVED`]) differs from what it should be. The state comes first.
///
/// Nothing differs where nobody has looked, or where an operation did not succeed: then nobody knows what to expect. The policy's
/// action does not matter here.
pub fn drift(node: &Vertex, policy: &DriftPolicy) -> Vec<Drift> {
    let Some(observed) = node.metadata.get(names::OBSERVED) else { return Vec::new() };
    if node.metadata.contains_key(names::ATTEMPTED) {
        return Vec::new();
    }
    let seen = observed.get("state").and_then(Value::as_text).unwrap_or_default();
    let mut found: Vec<Drift> = of_state(node).into_iter().collect();
    // What is not there has no attributes to be compared.
    for name in policy.compared.iter().filter(|_| seen != "absent") {
        let intended = node.properties.get(name).and_then(|property| property.value.as_ref());
        let (Some(seen), Some(intended)) =
            (observed.get("attributes").and_then(|seen| seen.get(name)), intended)
        else {
            continue;
        };
        if seen != intended {
            found.push(Drift {
                attribute: Some(name.clone()),
                seen: seen.clone(),
                intended: intended.clone(),
            });
        }
    }
    found
}

/// Returns how the state that was last seen of a node differs from what it should be.
fn of_state(node: &Vertex) -> Option<Drift> {
    let state = node.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial");
    let seen = node.metadata.get(names::OBSERVED)?.get("state").and_then(Value::as_text).unwrap_or_default();
    let intended = expected(state).filter(|intended| !satisfies(seen, intended))?;
    let intended = if is_left_alone(seen, intended) { SUPERVISED } else { intended };
    Some(Drift { attribute: None, seen: seen.into(), intended: intended.into() })
}

/// Returns what should be seen of a node in a lifecycle state, one of [`names::STATES`]. None: anything may be.
pub fn expected(state: &str) -> Option<&'static str> {
    match state {
        "started" => Some("running"),
        "created" | "configured" | "stopped" => Some("stopped"),
        _ => None,
    }
}

/// Tells whether what was seen is what should be. Whatever does not run is at rest: not all that is stopped leaves something to be
/// seen, and what ended with a failure before it was stopped may still say so.
fn satisfies(seen: &str, intended: &str) -> bool {
    match intended {
        "running" => seen == "running",
        _ => !names::is_at_work(seen),
    }
}

/// What something should be that runs, as it should, and that nobody keeps.
pub(crate) const SUPERVISED: &str = "supervised";

fn is_left_alone(seen: &str, intended: &str) -> bool {
    intended == "running" && seen == names::UNSUPERVISED
}
