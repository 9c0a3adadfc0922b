//! Expressions: values that have yet to be computed.

use serde::{Deserialize, Serialize};

use crate::{Origin, Value};

/// Something that becomes a [`Value`] when it is evaluated in a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expression {
    /// Already a value.
    Literal(Value),
    /// A list with at least one call somewhere in it.
    List(Vec<Expression>),
    /// A map with at least one call somewhere in it, in the order of the source.
    Map(Vec<(Expression, Expression)>),
    /// A call of a function. Boxed, since most expressions are literals and a call is three times as large.
    Call(Box<Call>),
}

/// A call of a function by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The function, with the namespace that defines it: `tosca:concat`.
    pub function: String,
    /// The arguments, evaluated before the call unless the function is lazy.
    pub arguments: Vec<Expression>,
    /// Where the call was written.
    pub origin: Option<Origin>,
}

impl Expression {
    /// Returns the value, if there is nothing to compute.
    pub fn as_literal(&self) -> Option<&Value> {
        if let Self::Literal(value) = self { Some(value) } else { None }
    }
}

impl From<Value> for Expression {
    fn from(value: Value) -> Self {
        Self::Literal(value)
    }
}

impl From<Call> for Expression {
    fn from(call: Call) -> Self {
        Self::Call(Box::new(call))
    }
}
