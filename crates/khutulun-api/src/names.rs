//! The words that lowering, planning, the engine and the drivers agree on.

/// The prefix of the events of the lifecycle: `lifecycle.create` and so on. Lowering gives this prefix to the operations of
/// every interface whose type is, or derives from, the profile's `Lifecycle`; others keep their interface's name.
pub const LIFECYCLE: &str = "lifecycle";

/// The operations that bring a node into being, in this order.
pub const LIFECYCLE_UP: [&str; 3] = ["create", "configure", "start"];

/// The operations that take a node away, in this order.
pub const LIFECYCLE_DOWN: [&str; 2] = ["stop", "delete"];

/// The operation that looks at reality and changes nothing. Its output `state` is one of [`STATES`].
pub const OBSERVE: &str = "observe";

/// The operation that answers where a node's output can be read. Its output `source` is a map: either `file` with a list of
/// paths, or `program` with `arguments` and `follow-arguments`, which the host runs.
pub const LOGS: &str = "logs";

/// The states that `observe` may answer: there and working; there and at rest; ended with a failure; not there; and
/// [`UNSUPERVISED`].
pub const STATES: [&str; 5] = ["running", "stopped", "failed", "absent", UNSUPERVISED];

/// The state of what is there and working, and of which whoever kept it is gone: `start` gives it somebody, and leaves it as it is.
pub const UNSUPERVISED: &str = "unsupervised";

/// Tells whether what is seen in one of [`STATES`] is there and working.
pub fn is_at_work(state: &str) -> bool {
    matches!(state, "running" | UNSUPERVISED)
}

/// Metadata of a vertex: marks a node, the unit of planning. Its value is the name of the TOSCA node template.
pub const NODE: &str = floria::rules::NODE;

/// Metadata of a vertex: marks a capability in its node.
pub const CAPABILITY: &str = "khutulun.capability";

/// Metadata of an edge: the name of the TOSCA relationship template that it was made from, if it was made from one.
pub const RELATIONSHIP: &str = "khutulun.relationship";

/// Metadata of a vertex: how far the lifecycle has come, one of [`LIFECYCLE_STATES`]. Written by the engine only.
pub const STATE: &str = "khutulun.state";

/// The lifecycle states of a node, as [`STATE`] holds them.
pub const LIFECYCLE_STATES: [&str; 7] =
    ["initial", "created", "configured", "started", "stopped", "deleted", "failed"];

/// Metadata of a vertex: the values that its last successful bring-up was made from, as a map; what a plan compares with.
/// Written by the engine only.
pub const APPLIED: &str = "khutulun.applied";

/// Metadata of a vertex: true while the node's design has changed since [`APPLIED`] was written. A plan puts it there where it
/// changes a node; the engine takes it away when the node is up again.
pub const PENDING: &str = "khutulun.pending";

/// Metadata of a vertex: the event of the operation that was tried last and is not known to have succeeded, such as
/// `lifecycle.start`; a part of its effect may be there. Gone once an operation succeeds. Written by the engine only.
pub const ATTEMPTED: &str = "khutulun.attempted";

/// Metadata of a property: what a change of it needs, one of [`CHANGES`]. Lowering copies it from the definition's metadata.
pub const CHANGE: &str = floria::rules::CHANGE;

/// What a change of a property needs: nothing at all; `configure` alone; stop, configure and start (the default); delete and
/// create anew.
pub const CHANGES: [&str; 4] = ["none", "configure", "restart", "replace"];

/// Metadata of an operation: whether running it again does no harm, a boolean. Every operation of a driver is taken to be
/// repeatable; a script is not, unless it says so here.
pub const REPEATABLE: &str = "khutulun.repeatable";

/// Metadata of the service's template and vertex: the outputs, as a list of names; each is a property of the vertex whose
/// name is [`OUTPUT_PREFIX`] and its own.
pub const OUTPUTS: &str = "khutulun.outputs";

/// The prefix of the properties of a service's vertex that hold its outputs, so that no input has the same name.
pub const OUTPUT_PREFIX: &str = "output:";

/// Metadata of a property of a service: it is an input that must have a value, given or by default, before anything is planned;
/// a boolean.
pub const REQUIRED: &str = "khutulun.required";

/// Metadata of a node: its artifacts, as a map from names to maps with `path` and `digest` (see [`floria::Artifact`]), `type`,
/// and where there are any `version`, `properties` and [`CHANGE`]. What the context of an operation shows as `artifacts`.
pub const ARTIFACTS: &str = "khutulun.artifacts";

/// Metadata of a vertex: marks a service, outermost or inside of the node that it substitutes. Its value is the service's name.
pub const SERVICE: &str = "khutulun.service";

/// Metadata of a node that was made with a count: its index among the nodes of its template.
pub const INDEX: &str = floria::rules::INDEX;

/// Metadata of a node that stands for one of another service: a map of that service's `namespace`, its `path` and its `id`.
pub const SELECTED: &str = floria::rules::SELECTED;

/// Metadata of a node: the names of the requirements whose relationships are not made yet, since what decides where they lead
/// is not known yet. Gone once there are none.
pub const WAITING: &str = floria::rules::WAITING;

/// Metadata of an edge: what it takes of its target's properties, as a map from their names to amounts.
pub const ALLOCATION: &str = floria::rules::ALLOCATION;

/// Metadata of a capability: the classes of nodes that may use it, as a list; where that is restricted.
pub const VALID_SOURCES: &str = floria::rules::VALID_SOURCES;

/// Metadata of a capability: the classes of relationships that may lead to it, as a list; where that is restricted.
pub const VALID_RELATIONSHIPS: &str = floria::rules::VALID_RELATIONSHIPS;

/// Metadata of a capability: whose nodes may use it, as a list of `internal` (those of its own service) and `external` (those of
/// others), the preferred first; where that is said.
pub const REACH: &str = "khutulun.reach";

/// Metadata of a vertex: marks a group; its value is the group's name. Its edges [`MEMBER`] lead to its members.
pub const GROUP: &str = "khutulun.group";

/// Metadata of a vertex: marks a policy; its value is the policy's name. Its edges [`TARGET`] lead to its targets.
pub const POLICY: &str = "khutulun.policy";

/// Metadata of a vertex: marks a trigger in its policy; its value is the trigger's name.
pub const TRIGGER: &str = "khutulun.trigger";

/// Metadata of a vertex: marks a workflow; its value is the workflow's name.
pub const WORKFLOW: &str = "khutulun.workflow";

/// Metadata of a vertex: marks a step in its workflow; its value is the step's name. Its edges [`TARGET`] lead to its targets.
pub const STEP: &str = "khutulun.step";

/// The name of the edges from a group to its members.
pub const MEMBER: &str = "member";

/// The name of the edges from a policy or a step to its targets.
pub const TARGET: &str = "target";

/// The names of the edges from a step of a workflow to those that follow it: when all was done, and when something failed.
pub const FOLLOWERS: [&str; 2] = ["on_success", "on_failure"];

/// The property of a step that works on relationships: the name of a requirement of its targets.
pub const TARGET_RELATIONSHIP: &str = "target_relationship";

/// The property of a trigger that holds the event that it is for, such as `monitor.overloaded`.
pub const EVENT: &str = "event";

/// The handler that holds what must hold before a workflow, a step or the action of a trigger is run. Nothing runs it: its inputs
/// are the conditions, named by their places from `0`. They are inputs of a handler, and not values of properties, because a
/// property is evaluated where it is, and these are evaluated somewhere else: those of a step at each of its targets (a node or
/// a relationship), those of a trigger at each target of its policy, and those of a workflow at the workflow itself.
pub const CONDITION: &str = "condition";

/// The handlers of a step or a trigger that hold its activities: `activity.0` and so on, in order. Nothing runs them as they are.
/// Their metadata has [`ACTIVITY_KIND`] and [`ACTIVITY_SUBJECT`]; their inputs are evaluated at each target, as [`CONDITION`] is.
pub const ACTIVITY: &str = "activity";

/// Metadata of the handler of an activity: one of [`ACTIVITY_KINDS`].
pub const ACTIVITY_KIND: &str = "khutulun.activity";

/// The kinds of activities (TOSCA 2.0, 13.2.3).
pub const ACTIVITY_KINDS: [&str; 4] = ["delegate", "set_state", "call_operation", "inline"];

/// Metadata of the handler of an activity: the workflow, the state, or the event of the operation.
pub const ACTIVITY_SUBJECT: &str = "khutulun.subject";

/// The handler of a workflow that is a file instead of steps.
pub const WORKFLOW_RUN: &str = "run";

/// The handler of a workflow that holds its outputs: its inputs are the values, by name, evaluated at the workflow once it has
/// ended; its outputs are the attributes that those go to which operations put out, as the values of these read them. Nobody runs it.
pub const WORKFLOW_OUTPUTS: &str = "outputs";

/// Metadata of a handler, a boolean: it is a notification, which comes from outside. Nobody runs it; what it brings goes where
/// its outputs say.
pub const NOTIFICATION: &str = "khutulun.notification";

/// The function that reads an input of the service (TOSCA 2.0, 10.2.1.1). In what a workflow holds, the inputs of the workflow go
/// before those of the service; whoever runs the workflow puts their values in its place.
pub const GET_INPUT: &str = "tosca:get_input";

/// The prefix of the events of relationships' operations that deploying runs at both ends: [`RELATIONSHIP_OPERATIONS`]. Lowering
/// gives it to the operations of every interface whose type is, or derives from, the profile's `Configure`.
pub const CONFIGURE: &str = "relationship";

/// What deploying runs on relationships. Before and after the source is configured, and the same of the target; when a target has
/// come to be, and a source; when the values of a target changed; when a target goes, and a source. Those of the target's end
/// are run where the target is.
pub const RELATIONSHIP_OPERATIONS: [&str; 9] = [
    "pre_configure_source",
    "pre_configure_target",
    "post_configure_source",
    "post_configure_target",
    "add_target",
    "add_source",
    "target_changed",
    "remove_target",
    "remove_source",
];

/// Metadata of a node: what was last seen of it, as a map with `state` (one of [`STATES`]), `at` (milliseconds since
/// 1970-01-01T00:00:00Z) and `attributes` (those seen, by name). Beside what is intended, never in its place. Written by the
/// engine only.
pub const OBSERVED: &str = "khutulun.observed";

/// Metadata of a node, a boolean: it was there before it was managed. It goes only when a plan says so explicitly.
pub const ADOPTED: &str = "khutulun.adopted";

/// Metadata of a node, from its template's: a boolean; while it is true, no plan may delete or replace the node.
pub const PROTECTED: &str = floria::rules::PROTECTED;

/// Metadata of a workflow's step: what somebody has to approve before it starts, as a question.
pub const APPROVAL: &str = "khutulun.approval";

/// The prefix of operations that khutulun itself does for triggers and workflows, such as `orchestration.heal`: lowering gives it to the
/// operations of interfaces whose type is, or derives from, a profile's `Orchestration`. They have no code.
pub const ORCHESTRATION: &str = "orchestration";

/// Bring what is not as it should be back to that; make as many of a node template as the input `to` says, or `by` more or
/// fewer.
pub const ORCHESTRATION_OPERATIONS: [&str; 2] = ["heal", "scale"];

/// The namespaces that hold no service but what khutulun keeps for itself begin with this.
pub const OWN_NAMESPACE: &str = ".";

/// The namespaces of leases: this, `/` and the service.
pub const LEASES: &str = ".leases";

/// The stream of what happened outside: see `khutulun-events`.
pub const EVENTS: &str = "events";

/// The stream of the revisions of services.
pub const REVISIONS: &str = "revisions";

/// The longest name of a service or node on a machine, in bytes: two of them and a suffix still make a file name (255).
pub const NAME_BYTES_MAX: usize = 110;
