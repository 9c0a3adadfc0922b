//! Boolean logic (TOSCA 2.0, 10.2.2.1).

use floria::{Call, Evaluated, EvaluationError, Evaluator, Site, Value};

use crate::{
    arguments::{self, Unknown, boolean, exactly},
    table::NAMESPACE,
};

/// `$and`: booleans. The first that is false decides, and nobody looks at those behind it.
pub(crate) fn and(arguments: &[Value]) -> Result<Value, String> {
    enough(arguments.len())?;
    decide(false, arguments.len(), |place| boolean(&arguments[place], place)).map(Value::from)
}

/// `$or`: booleans. The first that is true decides, and nobody looks at those behind it.
pub(crate) fn or(arguments: &[Value]) -> Result<Value, String> {
    enough(arguments.len())?;
    decide(true, arguments.len(), |place| boolean(&arguments[place], place)).map(Value::from)
}

/// The operand that decides a call of this function alone, if it is `and` or `or`.
pub(crate) fn deciding(function: &str) -> Option<bool> {
    match function {
        "and" => Some(false),
        "or" => Some(true),
        _ => None,
    }
}

/// Looks at the operands, which are asked for by their places, until one decides.
pub(crate) fn decide(
    deciding: bool,
    count: usize,
    mut operand: impl FnMut(usize) -> Result<bool, String>,
) -> Result<bool, String> {
    for place in 0..count {
        if operand(place)? == deciding {
            return Ok(deciding);
        }
    }
    Ok(!deciding)
}

/// `$and` and `$or` on expressions, of which no more are evaluated than are needed (10.2.2.1.1).
///
/// An operand that is not known yet does not hide one behind it that decides: whatever it will be, the result stands. And an
/// operand that fails, behind one that is not known yet, may never be needed: the result is not known then.
pub(crate) fn lazily(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let name = call.function.strip_prefix(NAMESPACE).unwrap_or_default();
    let deciding = deciding(name).expect("the table has only `and` and `or` as lazy functions");
    let failed = |message| EvaluationError::new(format!("`${name}`: {message}"));
    enough(call.arguments.len()).map_err(failed)?;
    let mut unknown = Unknown::new();
    for (place, argument) in call.arguments.iter().enumerate() {
        let operand = evaluator.evaluate(argument, site).and_then(|operand| match operand {
            Evaluated::Known(value) => boolean(&value, place).map(Ok).map_err(failed),
            Evaluated::Unknown(more) => Ok(Err(more)),
        });
        match operand {
            Ok(Ok(operand)) if operand == deciding => return Ok(Evaluated::Known(operand.into())),
            Ok(Ok(_)) => {}
            Ok(Err(more)) => unknown.extend(more),
            Err(error) if unknown.is_empty() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(match unknown.is_empty() {
        true => Evaluated::Known((!deciding).into()),
        false => Evaluated::Unknown(arguments::in_order(unknown)),
    })
}

/// `$not`: one boolean.
pub(crate) fn not(arguments: &[Value]) -> Result<Value, String> {
    let [argument] = exactly(arguments)?;
    Ok((!boolean(argument, 0)?).into())
}

/// `$xor`: two booleans.
pub(crate) fn xor(arguments: &[Value]) -> Result<Value, String> {
    let [first, second] = exactly(arguments)?;
    Ok((boolean(first, 0)? ^ boolean(second, 1)?).into())
}

/// Whether there are operands at all. The standard wants two; one alone is told as a warning when it is compiled, and is the result.
pub(crate) fn enough(count: usize) -> Result<(), String> {
    if count == 0 { Err("expected at least 1 argument, found 0".to_owned()) } else { Ok(()) }
}
