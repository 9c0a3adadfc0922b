//! What the journal of a run says, as it is read from the commits.

use floria::Value;
use khutulun_api::Operation;
use khutulun_plan::{Goal, PlannedValue, Step};

use crate::host::short;

/// How far a step came, as what was committed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Untouched,
    InFlight,
    Succeeded,
    Failed(String),
    Caught,
    Skipped,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) attempt: u32,
    pub(crate) phase: Phase,
    pub(crate) inputs: Option<Value>,
}

/// What the journal of a run says, read from the commits as they are made.
pub(crate) struct Ledger {
    pub(crate) goal: Goal,
    pub(crate) plan: Vec<Step>,
    pub(crate) steps: Vec<Recorded>,
    pub(crate) end: Option<String>,
    /// Nodes that it lets go.
    pub(crate) lets_go: Vec<String>,
    /// Whether it makes real what somebody intends, which is recorded when it begins.
    pub(crate) is_intended: bool,
}

pub(crate) fn same(inputs: &Value, operation: &Operation) -> bool {
    let Some(inputs) = inputs.as_map() else { return false };
    inputs.len() == operation.inputs.len()
        && operation.inputs.iter().all(|(name, value)| inputs.get(&Value::from(name.as_str())) == Some(value))
}

pub(crate) fn is_planned(step: &Step, operation: &Operation) -> bool {
    step.event == operation.event
        && step.implementation.as_ref() == Some(&operation.implementation)
        && step.subject == operation.subject
        && step.inputs.iter().all(|(name, planned)| match planned {
            PlannedValue::Known(value) => operation.inputs.get(name) == Some(value),
            PlannedValue::Unknown(_) => true,
        })
}

/// Why a step may not start, if it may not.
pub(crate) fn unmet(ledger: &Ledger, step: &Step) -> Option<String> {
    // What leads to a step of a workflow need not have been run at all.
    let strict = step.otherwise.is_empty() && ledger.goal != Goal::Workflow;
    let of = |index: &u32| {
        let step = ledger.plan.get(*index as usize);
        step.map_or_else(|| index.to_string(), |step| short(&step.subject.node, &step.event))
    };
    for before in &step.after {
        let phase = ledger.steps.get(*before as usize).map(|recorded| &recorded.phase);
        let is_approval = ledger.plan.get(*before as usize).is_some_and(|step| step.approval.is_some());
        let fine = match phase {
            Some(Phase::Succeeded) => true,
            _ if is_approval => false,
            Some(Phase::Skipped | Phase::Caught) => !strict,
            _ => false,
        };
        if !fine {
            return Some(format!("{} is {phase:?}", of(before)));
        }
    }
    None
}
