//! The metadata by which an engine marks what its vertexes are.

/// A node; the value is the name of its template.
pub(crate) const NODE: &str = floria::rules::NODE;

/// A capability in its node.
pub(crate) const CAPABILITY: &str = "khutulun.capability";

/// A service, outermost or nested.
pub(crate) const SERVICE: &str = "khutulun.service";

/// A node that stands for one of another service.
pub(crate) const SELECTED: &str = floria::rules::SELECTED;

/// Of a node: the requirements whose edges are not made yet.
pub(crate) const WAITING: &str = floria::rules::WAITING;

/// Of a node: how far its lifecycle has come.
pub(crate) const STATE: &str = "khutulun.state";

/// Of a node: the operation that was tried last and is not known to have succeeded.
pub(crate) const ATTEMPTED: &str = "khutulun.attempted";

/// A group.
pub(crate) const GROUP: &str = "khutulun.group";

/// A policy.
pub(crate) const POLICY: &str = "khutulun.policy";

/// A trigger of a policy.
pub(crate) const TRIGGER: &str = "khutulun.trigger";

/// A workflow.
pub(crate) const WORKFLOW: &str = "khutulun.workflow";

/// A step of a workflow.
pub(crate) const STEP: &str = "khutulun.step";

use floria::Metadata;

use crate::ShapeKind;

/// Returns what a vertex with these marks is drawn as; None: as a capability of what contains it.
pub(crate) fn kind(metadata: &Metadata, is_outermost: bool) -> Option<ShapeKind> {
    let marks = [
        (SELECTED, ShapeKind::Selected),
        (NODE, ShapeKind::Node),
        (SERVICE, ShapeKind::Service),
        (GROUP, ShapeKind::Group),
        (TRIGGER, ShapeKind::Trigger),
        (POLICY, ShapeKind::Policy),
        (STEP, ShapeKind::Step),
        (WORKFLOW, ShapeKind::Workflow),
    ];
    match marks.iter().find(|(mark, _)| metadata.contains_key(*mark)) {
        Some((_, kind)) => Some(*kind),
        None if is_outermost => Some(ShapeKind::Service),
        None if metadata.contains_key(CAPABILITY) => None,
        None => Some(ShapeKind::Other),
    }
}
