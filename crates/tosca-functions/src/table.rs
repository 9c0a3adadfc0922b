//! The functions by name.

use floria::{Call, Evaluated, EvaluationError, Evaluator, Expression, Functions, Site, Value};

use crate::{
    allocation, arguments, arithmetic, artifact, coerce, comparison, containment, graph_query, logic,
    position, sets, substitution, text,
};

/// What comes before a function's name in a call.
pub const NAMESPACE: &str = "tosca:";

/// The function that prepares values.
const COERCE: &str = "coerce";

/// From values to a value; the error is a sentence without the function's name.
pub(crate) type Pure = fn(&[Value]) -> Result<Value, String>;

/// Reads the graph.
type Graph = fn(&Call, Site, &mut Evaluator<'_>) -> Result<Evaluated, EvaluationError>;

#[derive(Clone, Copy)]
enum Function {
    Pure(Pure),
    /// Pure too, but does not need all of its arguments.
    Lazy(Pure, Graph),
    Graph(Graph),
}

/// By name, in order: a search is a few comparisons.
const TABLE: &[(&str, Function)] = &[
    ("and", Function::Lazy(logic::and, logic::lazily)),
    ("available_allocation", Function::Graph(allocation::available_allocation)),
    ("ceil", Function::Pure(arithmetic::ceil)),
    (COERCE, Function::Graph(coerce::call)),
    ("concat", Function::Pure(text::concat)),
    ("contains", Function::Pure(containment::contains)),
    ("difference", Function::Pure(arithmetic::difference)),
    ("equal", Function::Pure(comparison::equal)),
    ("floor", Function::Pure(arithmetic::floor)),
    ("get_artifact", Function::Graph(artifact::get_artifact)),
    ("get_attribute", Function::Graph(graph_query::get_attribute)),
    ("get_input", Function::Graph(graph_query::get_input)),
    ("get_output", Function::Graph(substitution::get_output)),
    ("get_property", Function::Graph(graph_query::get_property)),
    ("greater_or_equal", Function::Pure(comparison::greater_or_equal)),
    ("greater_than", Function::Pure(comparison::greater_than)),
    ("has_all_entries", Function::Pure(containment::has_all_entries)),
    ("has_all_keys", Function::Pure(containment::has_all_keys)),
    ("has_any_entry", Function::Pure(containment::has_any_entry)),
    ("has_any_key", Function::Pure(containment::has_any_key)),
    ("has_entry", Function::Pure(containment::has_entry)),
    ("has_key", Function::Pure(containment::has_key)),
    ("has_prefix", Function::Pure(containment::has_prefix)),
    ("has_suffix", Function::Pure(containment::has_suffix)),
    ("intersection", Function::Pure(sets::intersection)),
    ("join", Function::Pure(text::join)),
    ("length", Function::Pure(text::length)),
    ("less_or_equal", Function::Pure(comparison::less_or_equal)),
    ("less_than", Function::Pure(comparison::less_than)),
    ("matches", Function::Pure(comparison::matches)),
    ("node_index", Function::Graph(position::node_index)),
    ("not", Function::Pure(logic::not)),
    ("or", Function::Lazy(logic::or, logic::lazily)),
    ("product", Function::Pure(arithmetic::product)),
    ("quotient", Function::Pure(arithmetic::quotient)),
    ("relationship_index", Function::Graph(position::relationship_index)),
    ("remainder", Function::Pure(arithmetic::remainder)),
    ("round", Function::Pure(arithmetic::round)),
    ("sum", Function::Pure(arithmetic::sum)),
    ("token", Function::Pure(text::token)),
    ("union", Function::Pure(sets::union)),
    ("valid_values", Function::Pure(comparison::valid_values)),
    ("xor", Function::Pure(logic::xor)),
];

fn find(name: &str) -> Option<Function> {
    TABLE.binary_search_by_key(&name, |(name, _)| name).ok().map(|place| TABLE[place].1)
}

/// Returns the pure function of this name.
pub(crate) fn pure(name: &str) -> Option<Pure> {
    match find(name)? {
        Function::Pure(function) | Function::Lazy(function, _) => Some(function),
        Function::Graph(_) => None,
    }
}

/// Calls a pure function by its name, without `$` and namespace. All arguments are there already, but `and` and `or` look at
/// no more of them than they need.
///
/// # Errors
/// A sentence for a person, without the function's name: what is wrong with the arguments, or that there is no such function.
pub fn call_pure(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let function = pure(name).ok_or_else(|| format!("there is no function of values `{name}`"))?;
    function(arguments)
}

/// Returns the names of the pure functions, in order.
pub fn pure_functions() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name).filter(|name| is_pure(name))
}

/// Returns whether there is a function of this name (without the namespace).
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// Returns whether there is a function of this name (without the namespace) that reads nothing but its arguments; only
/// such can be in validation clauses.
pub fn is_pure(name: &str) -> bool {
    pure(name).is_some()
}

/// TOSCA's functions, as a [`floria::Evaluator`] takes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToscaFunctions;

impl Functions for ToscaFunctions {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let name = call.function.strip_prefix(NAMESPACE).unwrap_or_default();
        match find(name) {
            Some(Function::Graph(function) | Function::Lazy(_, function)) => function(call, site, evaluator),
            Some(Function::Pure(function)) => match arguments::evaluate(&call.arguments, site, evaluator)? {
                Ok(values) => function(&values)
                    .map(Evaluated::Known)
                    .map_err(|message| EvaluationError::new(format!("`${name}`: {message}"))),
                Err(unknown) => Ok(Evaluated::Unknown(unknown)),
            },
            None => Err(EvaluationError::new(format!("there is no function `{}`", call.function))),
        }
    }

    fn prepare(
        &self,
        preparer: &Call,
        value: Value,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        if preparer.function.strip_prefix(NAMESPACE) == Some(COERCE) {
            return coerce::prepare(preparer, value, site, evaluator);
        }
        let mut call = preparer.clone();
        call.arguments.push(Expression::Literal(value));
        self.call(&call, site, evaluator)
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.is_sorted_by_key(|(name, _)| name));
    }
}
