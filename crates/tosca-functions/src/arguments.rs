//! Arguments on their way into a function.

use floria::{Evaluated, EvaluationError, Evaluator, Expression, Site, Value};

use crate::describe;

/// The properties that have no value yet.
pub(crate) type Unknown = Vec<(Site, String)>;

/// Evaluates arguments: their values, or what is not known yet of all of them.
pub(crate) fn evaluate(
    arguments: &[Expression],
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Result<Vec<Value>, Unknown>, EvaluationError> {
    let mut values = Vec::with_capacity(arguments.len());
    let mut unknown = Unknown::new();
    for argument in arguments {
        match evaluator.evaluate(argument, site)? {
            Evaluated::Known(value) => values.push(value),
            Evaluated::Unknown(more) => unknown.extend(more),
        }
    }
    if unknown.is_empty() {
        return Ok(Ok(values));
    }
    Ok(Err(in_order(unknown)))
}

/// In order, each once, as `Evaluated::Unknown` promises.
pub(crate) fn in_order(mut unknown: Unknown) -> Unknown {
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

/// Takes exactly `N` arguments.
pub(crate) fn exactly<const N: usize>(arguments: &[Value]) -> Result<&[Value; N], String> {
    arguments.try_into().map_err(|_| {
        format!("expected {N} argument{}, found {}", if N == 1 { "" } else { "s" }, arguments.len())
    })
}

/// Takes a boolean.
pub(crate) fn boolean(argument: &Value, place: usize) -> Result<bool, String> {
    argument.as_boolean().ok_or_else(|| wrong(argument, place, "a boolean"))
}

/// Takes a list.
pub(crate) fn list(argument: &Value, place: usize) -> Result<&[Value], String> {
    argument.as_list().ok_or_else(|| wrong(argument, place, "a list"))
}

/// Says that an argument, counted from 0, is not what it has to be.
pub(crate) fn wrong(argument: &Value, place: usize, expected: &str) -> String {
    format!("argument {} must be {expected}, not {}", place + 1, describe::value(argument))
}
