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

/// Functions of values. By name, in order: a search is a few comparisons.
///
/// They stand apart from those that ask the graph, so that a component of these alone has nothing of the graph in it.
const PURE: &[(&str, Pure)] = &[
    ("and", logic::and),
    ("ceil", arithmetic::ceil),
    ("concat", text::concat),
    ("contains", containment::contains),
    ("difference", arithmetic::difference),
    ("equal", comparison::equal),
    ("floor", arithmetic::floor),
    ("greater_or_equal", comparison::greater_or_equal),
    ("greater_than", comparison::greater_than),
    ("has_all_entries", containment::has_all_entries),
    ("has_all_keys", containment::has_all_keys),
    ("has_any_entry", containment::has_any_entry),
    ("has_any_key", containment::has_any_key),
    ("has_entry", containment::has_entry),
    ("has_key", containment::has_key),
    ("has_prefix", containment::has_prefix),
    ("has_suffix", containment::has_suffix),
    ("intersection", sets::intersection),
    ("join", text::join),
    ("length", text::length),
    ("less_or_equal", comparison::less_or_equal),
    ("less_than", comparison::less_than),
    ("matches", comparison::matches),
    ("not", logic::not),
    ("or", logic::or),
    ("product", arithmetic::product),
    ("quotient", arithmetic::quotient),
    ("remainder", arithmetic::remainder),
    ("round", arithmetic::round),
    ("sum", arithmetic::sum),
    ("token", text::token),
    ("union", sets::union),
    ("valid_values", comparison::valid_values),
    ("xor", logic::xor),
];

/// Functions that ask the graph, in the same way.
const GRAPH: &[(&str, Graph)] = &[
    ("available_allocation", allocation::available_allocation),
    (COERCE, coerce::call),
    ("get_artifact", artifact::get_artifact),
    ("get_attribute", graph_query::get_attribute),
    ("get_input", graph_query::get_input),
    ("get_output", substitution::get_output),
    ("get_property", graph_query::get_property),
    ("node_index", position::node_index),
    ("relationship_index", position::relationship_index),
];

fn find<F: Copy>(table: &[(&str, F)], name: &str) -> Option<F> {
    table.binary_search_by_key(&name, |(name, _)| name).ok().map(|place| table[place].1)
}

/// Returns the pure function of this name.
pub(crate) fn pure(name: &str) -> Option<Pure> {
    find(PURE, name)
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
    PURE.iter().map(|(name, _)| *name)
}

/// Returns whether there is a function of this name (without the namespace).
pub fn is_function(name: &str) -> bool {
    pure(name).is_some() || find(GRAPH, name).is_some()
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
        if logic::deciding(name).is_some() {
            return logic::lazily(call, site, evaluator);
        }
        if let Some(function) = find(GRAPH, name) {
            return function(call, site, evaluator);
        }
        let function = pure(name)
            .ok_or_else(|| EvaluationError::new(format!("there is no function `{}`", call.function)))?;
        match arguments::evaluate(&call.arguments, site, evaluator)? {
            Ok(values) => function(&values)
                .map(Evaluated::Known)
                .map_err(|message| EvaluationError::new(format!("`${name}`: {message}"))),
            Err(unknown) => Ok(Evaluated::Unknown(unknown)),
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
    use super::{GRAPH, PURE};

    #[test]
    fn the_tables_are_in_order() {
        assert!(PURE.is_sorted_by_key(|(name, _)| name));
        assert!(GRAPH.is_sorted_by_key(|(name, _)| name));
    }
}
