//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ends, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Success = 0,
    /// The operation failed.
    Failed = 1,
    /// Changes are planned, or something is not as it should be.
    Changes = 2,
    /// The design is invalid.
    InvalidDesign = 3,
    /// Stopped part-way; it can be resumed.
    Stopped = 4,
    /// Somebody else is at work on the service.
    Busy = 5,
    /// The store or the state directory cannot be used.
    Unreachable = 6,
    /// Something was asked for that was not granted.
    Denied = 7,
    /// It took longer than somebody wanted to wait; the run goes on.
    TimedOut = 8,
    /// An operator has to answer a question.
    NeedsOperator = 9,
    /// The command line makes no sense.
    Usage = 64,
    /// A bug of ours.
    Bug = 70,
    /// Interrupted twice.
    Interrupted = 130,
}

impl Exit {
    /// Returns the number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
