//! Evaluation: demand-driven, with reads recorded, and incremental.

mod changes;
mod evaluator;
mod memos;
mod messages;
mod refresh;

pub use changes::Structure;
pub use evaluator::{Evaluator, Reads};
pub use memos::{Memos, Touched};

use serde::{Deserialize, Serialize};

use crate::{Call, EdgeId, Expression, Origin, Value, VertexId};

/// How deep evaluation may nest, counting each property and each list, map or call around it: 170 properties of which each
/// passes the next one's value to a function. The bound keeps the machine's stack (2 MiB in a thread) from being the limit.
pub const EVALUATION_DEPTH_MAX: usize = 512;

/// Where an expression stands: what `SELF` means in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Site {
    /// On a vertex.
    Vertex(VertexId),
    /// On an edge.
    Edge(EdgeId),
}

/// What an expression came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// A value.
    Known(Value),
    /// Not known before run time: these properties have no value yet. In order, each once.
    Unknown(Vec<(Site, String)>),
}

/// Functions by name, as a language brings them.
pub trait Functions: Send + Sync {
    /// Calls a function. Arguments come unevaluated; [`Evaluator::evaluate`] evaluates them where the function is not
    /// lazy. An unknown function is an error that names it.
    ///
    /// What a function looks at in the graph itself, it says with [`Evaluator::depends_on`].
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError>;

    /// Calls a preparer: [`Self::call`] with the value as one more argument. A language whose preparers are worth it has a
    /// shorter way to the same.
    fn prepare(
        &self,
        preparer: &Call,
        value: Value,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut call = preparer.clone();
        call.arguments.push(Expression::Literal(value));
        self.call(&call, site, evaluator)
    }
}

/// Why an expression has no value and never will, as things are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong.
    pub message: String,
    /// Where the expression was written.
    pub origin: Option<Origin>,
}

impl EvaluationError {
    /// Makes an error that says nothing of its place; the evaluator adds that of the nearest call or property.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), origin: None }
    }

    /// Adds a place, where there is none yet.
    fn at(mut self, origin: &Option<Origin>) -> Self {
        if self.origin.is_none() {
            self.origin.clone_from(origin);
        }
        self
    }
}
