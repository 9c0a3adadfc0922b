//! The difference between what is wanted and what is there, as a plan.
//!
//! [`plan_deploy`], [`plan_destroy`], [`plan_operate`], [`plan_run`] and [`plan_workflow`] return a [`Plan`]: a document of
//! [`Step`]s in a directed acyclic graph, with the reason of each. A plan has been made for one revision of its namespace and
//! binds: a run executes only what its plan holds. [`render()`] shows it to a person.
//!
//! [`plan_refresh`] only looks; [`drift()`] says what of what was seen should not be so, and [`plan_repair`] and
//! [`plan_acceptance`] do something about that. [`plan_adopt`] and [`plan_forget`] change what is managed, and touch nothing.
//!
//! # How nodes are compared
//!
//! For each node (a vertex with the metadata [`khutulun_api::names::NODE`]) the plan evaluates the values that the node is
//! made from ([`applied`]) and compares them with those that its last successful operation was made from
//! ([`khutulun_api::names::APPLIED`]). What a difference needs is what the strongest [`Demand`] of the differing values asks
//! for. A value that depends on an attribute which the plan is going to change counts as changed, and as unknown before run
//! time; while nothing that it depends on changes, the stored attribute is used. So `plan(x, x)` is empty.
//!
//! # How steps are ordered
//!
//! A node depends on the nodes that its outgoing edges lead to, on those whose attributes its values read, and on those of the
//! service that it contains, if it contains one. It is brought
//! up after what it depends on, and stopped and deleted before that. A node that depends on one which is restarted or replaced
//! is itself only restarted when one of its own values changes, or may change: that a server was restarted is no reason to
//! restart its clients. Where both have steps, they are ordered as above.
//!
//! # What waits
//!
//! A node that has a requirement without its relationships yet ([`khutulun_api::names::WAITING`]) is not brought up, nor changed;
//! neither is what depends on it and would have to come after it. [`Action::Wait`] says so. What decides where the requirement
//! leads may be known after the run: then the next plan goes on.
//!
//! These are functions from data to data: nothing here reads a clock, a store or a file.

mod adopt;
mod applied;
mod around;
mod as_made;
mod assemble;
mod bind;
mod decide;
mod demand;
mod deploy;
mod destroy;
mod document;
mod draft;
mod drift;
mod error;
mod flow;
mod forget;
mod inputs;
mod instances;
mod keeping;
mod needs;
mod node;
mod operate;
mod order;
mod origins;
mod place;
mod refresh;
mod relationships;
mod render;
mod repair;
mod run;
mod workflow;

pub use adopt::{AdoptError, plan_adopt};
pub use applied::{applied, applied_after};
pub use demand::Demand;
pub use deploy::plan_deploy;
pub use destroy::plan_destroy;
pub use document::{
    Action, Cause, Goal, NodeChange, OutputTarget, Plan, PlannedValue, Reason, SCHEMA, Step, StepAnswer,
};
pub use drift::{Drift, DriftAction, DriftPolicy, drift, expected};
pub use error::PlanError;
pub use flow::{workflow_named, workflows};
pub use forget::{ForgetError, plan_forget};
pub use needs::needs;
pub use node::{machine_name, parts_of, subject_of};
pub use operate::plan_operate;
pub use refresh::{NotAsked, plan_acceptance, plan_refresh};
pub use relationships::relationship_made;
pub use render::render;
pub use repair::plan_repair;
pub use run::{plan_operation, plan_run, relationships};
pub use workflow::{WORKFLOW_DEPTH_MAX, WORKFLOW_STEPS_MAX, plan_trigger, plan_workflow, policy_targets};

use floria::{Functions, Implementation, Namespace, Revision};

/// What every plan is made from.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The service.
    pub namespace: &'a Namespace,
    /// The namespace's revision that the actual graph was read at.
    pub base: Revision,
    /// What expressions may call.
    pub functions: &'a dyn Functions,
    /// How long an operation may take that says nothing of it, in milliseconds.
    pub timeout_ms_default: u64,
    /// The host that operations are run on, by name. None: plans do not say.
    pub host: Option<&'a str>,
    /// The digests of the drivers that operations are run with, by name. A driver that is not here has none in the plan.
    pub drivers: &'a [(&'a str, &'a str)],
    /// Whether nodes go although they are protected ([`khutulun_api::names::PROTECTED`]).
    pub unprotected: bool,
    /// Whether nodes go that were there before they were managed ([`khutulun_api::names::ADOPTED`]). Without it they are let go.
    pub adopted_too: bool,
}

/// How long an operation may take that says nothing of it, in milliseconds, where nobody chose otherwise. Long enough for a
/// package installation, short enough that a hung script is noticed the same morning.
pub const TIMEOUT_MS_DEFAULT: u64 = 600_000;

impl<'a> Basis<'a> {
    /// Makes a basis with the default time limit.
    pub fn new(namespace: &'a Namespace, base: Revision, functions: &'a dyn Functions) -> Self {
        Self {
            namespace,
            base,
            functions,
            timeout_ms_default: TIMEOUT_MS_DEFAULT,
            host: None,
            drivers: &[],
            unprotected: false,
            adopted_too: false,
        }
    }

    /// Makes a plan of nothing yet.
    pub(crate) fn plan(&self, goal: Goal) -> Plan {
        Plan::empty(self.namespace, self.base, goal)
    }

    /// Says where a step runs its code, and with which driver.
    pub(crate) fn located(&self, mut step: Step) -> Step {
        let Some(implementation) = &step.implementation else { return step };
        step.host = self.host.map(str::to_owned);
        if let Implementation::Driver(name) = implementation {
            let known = self.drivers.iter().find(|(driver, _)| driver == name);
            step.driver_digest = known.map(|(_, digest)| (*digest).to_owned());
        }
        step
    }
}
