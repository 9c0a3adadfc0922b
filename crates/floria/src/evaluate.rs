//! Evaluation: demand-driven, with reads recorded.

use crate::{Call, EdgeId, Expression, Graph, Origin, Property, Value, VertexId};

/// Where an expression stands: what `SELF` means in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Not known before run time: these properties have no value yet.
    Unknown(Vec<(Site, String)>),
}

/// Functions by name, as a language brings them.
pub trait Functions: Send + Sync {
    /// Calls a function. Arguments come unevaluated; [`Evaluator::evaluate`] evaluates them where the function is not
    /// lazy. An unknown function is an error that names it.
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError>;
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

/// Evaluates expressions in one graph, each property once.
pub struct Evaluator<'a> {
    graph: &'a Graph,
    functions: &'a dyn Functions,
}

impl<'a> Evaluator<'a> {
    /// Makes an evaluator with nothing evaluated yet.
    pub fn new(graph: &'a Graph, functions: &'a dyn Functions) -> Self {
        Self { graph, functions }
    }

    /// Returns the graph that expressions are evaluated in.
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Declares properties unknown before run time, whatever the graph holds: those of what is about to change.
    pub fn forget(&mut self, _site: Site, _property: &str) {}

    /// Evaluates an expression that stands at `site`.
    pub fn evaluate(&mut self, _expression: &Expression, _site: Site) -> Result<Evaluated, EvaluationError> {
        unreachable!("being written with engineer F: memo, reads, cycles")
    }

    /// Returns the value of a property: its updater's, prepared, or else what is stored.
    pub fn property(&mut self, _site: Site, _name: &str) -> Result<Evaluated, EvaluationError> {
        unreachable!("being written with engineer F: memo, reads, cycles")
    }

    /// Coerces and validates a value with a property's preparer.
    pub fn prepare(
        &mut self,
        _property: &Property,
        _value: Value,
        _site: Site,
    ) -> Result<Value, EvaluationError> {
        let _ = self.functions;
        unreachable!("being written with engineer F")
    }
}
