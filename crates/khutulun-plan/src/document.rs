//! The plan as a document.

use std::collections::BTreeMap;

use floria::{
    Change, ClassName, Expression, Implementation, Named, Namespace, Origin, Revision, Site, Value, VertexId,
};
use khutulun_api::Subject;
use serde::{Deserialize, Serialize};

/// The schema of a plan as a document. Within a major number, fields are only added.
pub const SCHEMA: &str = "khutulun.plan/1";

/// What has to happen for the instances to become what is wanted. It can be saved, shown and approved, and then binds: a run
/// executes only what its plan holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The service.
    pub namespace: Namespace,
    /// What it is for.
    pub goal: Goal,
    /// The namespace's revision that it was made from; a run refuses when it has moved.
    pub base: Revision,
    /// The digest of the design that it leads to; None for a removal.
    pub design: Option<String>,
    /// One entry for each node that something happens to, or that stays, in the design's order.
    pub nodes: Vec<NodeChange>,
    /// The operations; an index in this list is the operation's step.
    pub steps: Vec<Step>,
    /// The workflow that is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Changes of the graph that the run commits when it starts: new and changed vertexes and edges.
    pub prepare: Vec<Change>,
    /// Changes of the graph that the run commits when all steps succeeded: what is gone.
    pub conclude: Vec<Change>,
}

impl Plan {
    /// Makes a plan of nothing, from a revision of a service's namespace.
    pub fn empty(namespace: &Namespace, base: Revision, goal: Goal) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            namespace: namespace.clone(),
            goal,
            base,
            design: None,
            nodes: Vec::new(),
            steps: Vec::new(),
            workflow: None,
            prepare: Vec::new(),
            conclude: Vec::new(),
        }
    }

    /// Returns whether there is nothing to do and nothing to change.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.prepare.is_empty() && self.conclude.is_empty()
    }

    /// Returns whether each step comes after those that it waits for, as all plans are made. One that was read may say anything.
    pub fn is_in_order(&self) -> bool {
        (0u32..)
            .zip(&self.steps)
            .all(|(place, step)| step.after.iter().chain(&step.otherwise).all(|before| *before < place))
    }

    /// Returns the same document without what the run changes at once ([`Self::prepare`]), to be written down where those changes
    /// are, too.
    pub fn without_prepared(&self) -> impl Serialize {
        let Self { schema, namespace, goal, base, design, nodes, steps, workflow, prepare: _, conclude } =
            self;
        Begun { schema, namespace, goal, base, design, nodes, steps, workflow, prepare: [], conclude }
    }

    /// Returns whether something waits for what is not known yet: there is more to do when it is known.
    pub fn waits(&self) -> bool {
        self.count(Action::Wait) > 0
    }

    /// Returns the path of a node by what it is called on machines.
    pub fn path_of<'a>(&'a self, machine_name: &'a str) -> &'a str {
        if !machine_name.contains('.') {
            return machine_name;
        }
        let mut paths = self.nodes.iter().map(|node| node.node.as_str());
        // For each step of a large plan: most paths are told apart by their length.
        let is_called =
            |path: &&str| path.len() == machine_name.len() && crate::machine_name(path) == machine_name;
        paths.find(is_called).unwrap_or(machine_name)
    }

    /// Returns the steps that run code, with their indexes.
    pub fn operations(&self) -> impl Iterator<Item = (u32, &Step)> {
        (0u32..).zip(&self.steps).filter(|(_, step)| step.implementation.is_some())
    }

    /// Returns the step that puts out what the workflow does: the last one, where it has outputs.
    pub fn answer(&self) -> Option<u32> {
        let last = self.steps.len().checked_sub(1).filter(|_| self.goal == Goal::Workflow)?;
        self.steps[last].answer.as_ref()?;
        u32::try_from(last).ok()
    }

    /// Returns how many nodes this happens to.
    pub fn count(&self, action: Action) -> usize {
        self.nodes.iter().filter(|node| node.action == action).count()
    }
}

/// A plan that is written down where what it changes at once is, too.
#[derive(Serialize)]
struct Begun<'a> {
    schema: &'a str,
    namespace: &'a Namespace,
    goal: &'a Goal,
    base: &'a Revision,
    design: &'a Option<String>,
    nodes: &'a [NodeChange],
    steps: &'a [Step],
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: &'a Option<String>,
    prepare: [(); 0],
    conclude: &'a [Change],
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The instances become what the design says.
    Deploy,
    /// The instances go.
    Destroy,
    /// One operation on nodes or relationships.
    Run,
    /// A workflow.
    Workflow,
    /// Some nodes are stopped.
    Stop,
    /// Some nodes are started.
    Start,
    /// Some nodes are stopped and started.
    Restart,
    /// Some nodes are looked at.
    Refresh,
    /// What is there already is taken under management, untouched.
    Adopt,
    /// Some nodes are let go, and stay as they are.
    Forget,
}

impl Goal {
    /// Returns the word for it, as the journal has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Destroy => "destroy",
            Self::Run => "run",
            Self::Workflow => "workflow",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Refresh => "refresh",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }
}

/// What happens to a node as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeChange {
    /// The node's path in the service: `web-0`, `client/impl/software`.
    pub node: String,
    /// Its most specific class, as a person knows its type. None: it has no class.
    pub class: Option<ClassName>,
    /// What happens to it.
    pub action: Action,
    /// Why, as sentences for a person: one for each property that changes and so on.
    pub reasons: Vec<Reason>,
    /// Where the node was asked for.
    pub origin: Option<Origin>,
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Keep,
    /// It is new, or half-made and made complete.
    Create,
    /// It is changed where it is.
    Update,
    /// It goes and is made anew.
    Replace,
    /// It goes.
    Delete,
    /// One operation is run on it.
    Run,
    /// Nothing yet: a requirement of it, or of what it depends on, has no relationship yet.
    Wait,
    /// It is looked at, and what is seen is recorded.
    Observe,
    /// It is there already, and is taken under management as it is.
    Adopt,
    /// It is no longer managed, and stays as it is.
    Forget,
}

/// Why something happens to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Reason {
    /// It is in the design and not there.
    New,
    /// It is there and not in the design.
    Removed,
    /// The service is destroyed.
    Destroyed,
    /// An earlier run left it in this lifecycle state.
    Incomplete {
        /// The state.
        state: String,
    },
    /// A value changed: `property` is `port`, `capability.endpoint.port`, `input.start.flag` or `requirement.database`.
    Changed {
        /// Which value.
        property: String,
        /// What it was; None: there was none.
        from: Option<Value>,
        /// What it will be; None: there will be none, or it is unknown before run time.
        to: Option<Value>,
        /// Whether it is unknown before run time.
        unknown: bool,
        /// Where the new value was asked for.
        origin: Option<Origin>,
    },
    /// The code of an operation changed.
    Code {
        /// The operation's event.
        event: String,
    },
    /// One of its values is computed from an attribute that the plan is going to change.
    Dependency {
        /// The node that has the attribute.
        node: String,
        /// The attribute.
        property: String,
    },
    /// Where a requirement of it leads is not known yet.
    Waiting {
        /// The requirement.
        requirement: String,
    },
    /// It depends on a node that waits.
    Behind {
        /// That node.
        node: String,
    },
    /// Somebody asked for this operation.
    Asked {
        /// The operation's event.
        event: String,
    },
    /// What was seen of it is not what it should be: see [`khutulun_api::names::OBSERVED`].
    Drift {
        /// What was seen, such as `absent`, or the attribute that differs.
        seen: String,
        /// What it should be.
        intended: String,
    },
    /// It was there before it was managed ([`khutulun_api::names::ADOPTED`]), and nobody said that it is to go.
    Adopted,
    /// An operation of one of its relationships is run at its end, or it follows its target.
    Relationship {
        /// The relationship, as `web.database`.
        relationship: String,
        /// The node that it leads to.
        target: String,
        /// What is the matter with it.
        cause: Cause,
    },
}

/// Why something happens to a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is new, or leads to another node than before.
    New,
    /// A value of it, or the code of an operation, changed.
    Changed,
    /// An earlier run left it half-made.
    Incomplete,
    /// Its source is configured anew.
    SourceChanged,
    /// Its source is made anew.
    SourceReplaced,
    /// Its target changes.
    TargetChanged,
    /// Its target is made anew.
    TargetReplaced,
    /// It goes, leads elsewhere from now on, or an end of it goes.
    Gone,
}

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is about.
    pub subject: Subject,
    /// The event, such as `lifecycle.start`.
    pub event: String,
    /// The code, with its digest where it came with the service. None: nothing runs and the step has no effect; it only
    /// marks how far the node has come, or stands for a node that stays as it is where many wait for many.
    pub implementation: Option<Implementation>,
    /// The inputs as far as they are known now.
    pub inputs: BTreeMap<String, PlannedValue>,
    /// What inputs that are not known yet are computed from, where that is not what the operation says of itself; evaluated at
    /// what it is about.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub expressions: Named<Expression>,
    /// The steps that must have succeeded before this one starts, by index, in order: all of those that are run at all, and
    /// where there are any here or in [`Self::otherwise`], at least one of all.
    pub after: Vec<u32>,
    /// Steps whose failure leads to this one, by index, in order. What fails with such a step behind it is not tried again, and
    /// the run goes on there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<u32>,
    /// Whether it stands for the end of the steps before it: where one of those failed, it counts as failed. Otherwise it is
    /// not run then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gathers: bool,
    /// What must hold when its turn comes, evaluated at what it is about; else it is not run. Only of a step without code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Expression>,
    /// What it does to the node.
    pub action: Action,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// The lifecycle state that the node is in when this step succeeded; where it is of a relationship, how far that one is made.
    /// None: it stays as it is.
    pub state: Option<String>,
    /// What becomes of the relationship that it is of when it succeeded, where that one goes or leads elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Change>,
    /// Where the operation was asked for.
    pub origin: Option<Origin>,
    /// Attributes that outputs of it go to as well, besides those that its operation says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputTarget>,
    /// What it puts out itself. Only of a step without code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<StepAnswer>>,
    /// The host that it runs on, by name. None: the one that the engine is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The digest of the driver that the plan was made with, where a driver runs it. A saved plan is not run with another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_digest: Option<String>,
    /// What somebody has to approve before it starts, as a question. Only of a step without code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// When somebody asked for it, in milliseconds since 1970-01-01T00:00:00Z: what it sees is recorded as seen then. Only of a
    /// step that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<u64>,
    /// The part of a workflow that it belongs to: the step's name, after those of the steps that inline its workflow, with `/`
    /// between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTarget {
    /// The output.
    pub output: String,
    /// What has the attribute.
    pub site: Site,
    /// The attribute.
    pub attribute: String,
}

/// What a step without code puts out when its turn comes: the outputs of a workflow that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// The workflow: where the values are evaluated.
    pub workflow: VertexId,
    /// The values, by output. What is not known then is null.
    pub values: Named<Expression>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A value as a plan knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedValue {
    /// Known now.
    Known(Value),
    /// Known when these have a value: as `web.pid`.
    Unknown(Vec<String>),
}

impl Cause {
    /// Returns it as a person reads it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::New => "it is new",
            Self::Changed => "it changes",
            Self::Incomplete => "an earlier run left it half-made",
            Self::SourceChanged => "its source is configured anew",
            Self::SourceReplaced => "its source is made anew",
            Self::TargetChanged => "its target changes",
            Self::TargetReplaced => "its target is made anew",
            Self::Gone => "it goes",
        }
    }
}
