//! The names of the events that khutulun itself raises.

/// A node's lifecycle state changed.
pub const NODE_STATE: &str = "node.state";

/// A node was seen in another state than before.
pub const NODE_OBSERVED: &str = "node.observed";

/// An operation of a run ended.
pub const OPERATION_ENDED: &str = "operation.ended";

/// A run began.
pub const RUN_BEGAN: &str = "run.began";

/// A run goes on.
pub const RUN_RESUMED: &str = "run.resumed";

/// A run ended.
pub const RUN_ENDED: &str = "run.ended";

/// Rows of the log were forgotten before they were read.
pub const LOG_GAP: &str = "log.gap";

/// A trigger did something.
pub const POLICY_REACTED: &str = "policy.reacted";

/// A trigger should have done something, and did not: it did so too often.
pub const POLICY_EXHAUSTED: &str = "policy.exhausted";

/// A trigger did nothing, since its condition cannot be decided.
pub const POLICY_UNDECIDED: &str = "policy.undecided";

/// A trigger should have done something that cannot be planned.
pub const POLICY_FAILED: &str = "policy.failed";

/// Rows of the log were forgotten before triggers saw them: what should have followed from them does not.
pub const POLICY_MISSED: &str = "policy.missed";

/// Those that only rows of the log can be: nobody may emit one.
pub const RESERVED: [&str; 12] = [
    NODE_STATE,
    NODE_OBSERVED,
    OPERATION_ENDED,
    RUN_BEGAN,
    RUN_RESUMED,
    RUN_ENDED,
    LOG_GAP,
    POLICY_REACTED,
    POLICY_EXHAUSTED,
    POLICY_UNDECIDED,
    POLICY_FAILED,
    POLICY_MISSED,
];
