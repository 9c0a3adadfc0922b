//! Functions of literal arguments, evaluated (10.2.2 to 10.2.5).

use std::cmp::Ordering;

use diagnostics::Span;

use crate::model::{Call, Expression, ExpressionKind, Number, Scalar, Timestamp, Value, Version};

/// Why a function has no value.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) span: Span,
}

/// The value of an expression for `$value`; `Ok(None)` when only run time can know.
pub(super) fn evaluate(expression: &Expression, subject: Option<&Value>) -> Result<Option<Value>, Problem> {
    match &expression.kind {
        ExpressionKind::Value(value) => Ok(Some(value.clone())),
        ExpressionKind::List(items) => {
            let items: Result<Option<Vec<_>>, _> = items.iter().map(|item| evaluate(item, subject)).collect();
            Ok(items?.map(Value::List))
        }
        ExpressionKind::Map(entries) => {
            let mut values = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let (Some(key), Some(value)) = (evaluate(key, subject)?, evaluate(value, subject)?) else {
                    return Ok(None);
                };
                values.push((key, value));
            }
            Ok(Some(Value::Map(values)))
        }
        ExpressionKind::Call(call) => evaluate_call(call, subject, expression.span),
    }
}

fn evaluate_call(call: &Call, subject: Option<&Value>, span: Span) -> Result<Option<Value>, Problem> {
    match call {
        Call::Value { nested } => {
            let Some(mut current) = subject else { return Ok(None) };
            for item in nested {
                let next = match (evaluate(item, subject)?, current) {
                    (None, _) => return Ok(None),
                    (Some(Value::String(name)), map @ Value::Map(_)) => map.get(&name),
                    (Some(Value::Integer(index)), Value::List(items)) => {
                        usize::try_from(index).ok().and_then(|index| items.get(index))
                    }
                    _ => None,
                };
                // Not there: an optional property without a value cannot be wrong.
                let Some(next) = next else { return Ok(None) };
                current = next;
            }
            Ok(Some(current.clone()))
        }
        Call::Concat(arguments) => evaluate_function("concat", arguments, subject, span),
        Call::Function { function, arguments } => evaluate_function(function, arguments, subject, span),
        _ => Ok(None),
    }
}

/// The value of a function; `Ok(None)` when only run time can know.
pub(super) fn evaluate_function(
    function: &str,
    arguments: &[Expression],
    subject: Option<&Value>,
    span: Span,
) -> Result<Option<Value>, Problem> {
    if matches!(function, "and" | "or") {
        // An unknown part does not matter when another one decides.
        let decisive = function == "or";
        let mut is_known = true;
        for argument in arguments {
            match evaluate(argument, subject)? {
                Some(Value::Boolean(answer)) if answer == decisive => {
                    return Ok(Some(Value::Boolean(decisive)));
                }
                Some(Value::Boolean(_)) => {}
                None => is_known = false,
                Some(other) => return Err(not_boolean(&other, argument.span)),
            }
        }
        return Ok(is_known.then_some(Value::Boolean(!decisive)));
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match evaluate(argument, subject)? {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    // What depends on where it is.
    if matches!(function, "node_index" | "relationship_index") {
        return Ok(None);
    }
    let answer = match function {
        "not" | "xor" => logic(function, &values),
        "equal" | "greater_than" | "greater_or_equal" | "less_than" | "less_or_equal" | "valid_values"
        | "matches" => comparison(function, &values),
        "length" | "concat" | "join" | "token" => text(function, &values),
        "union" | "intersection" => set(function, &values),
        "sum" | "difference" | "product" | "quotient" | "remainder" | "round" | "floor" | "ceil" => {
            arithmetic(function, &values)
        }
        _ => containment(function, &values),
    };
    answer.map(Some).map_err(|message| {
        let message = message.unwrap_or_else(|| {
            let kinds: Vec<_> = values.iter().map(Value::kind).collect();
            format!("`${function}` cannot be used with: {}", kinds.join(", "))
        });
        Problem { message, span }
    })
}

/// A value, or what is wrong: nothing when the arguments are not what the function takes.
type Answer = Result<Value, Option<String>>;

fn logic(function: &str, values: &[Value]) -> Answer {
    match (function, values) {
        ("not", [Value::Boolean(answer)]) => Ok(Value::Boolean(!answer)),
        ("xor", [Value::Boolean(left), Value::Boolean(right)]) => Ok(Value::Boolean(left != right)),
        _ => Err(values
            .iter()
            .find(|value| !matches!(value, Value::Boolean(_)))
            .map(|value| format!("a boolean is needed here, not a {}", value.kind()))),
    }
}

fn comparison(function: &str, values: &[Value]) -> Answer {
    let [left, right] = values else { return Err(None) };
    let accepts: fn(Ordering) -> bool = match function {
        "equal" => return Ok(Value::Boolean(is_equal(left, right))),
        "valid_values" => {
            let Value::List(allowed) = right else { return Err(None) };
            return Ok(Value::Boolean(allowed.iter().any(|other| is_equal(left, other))));
        }
        "matches" => {
            let (Value::String(text), Value::String(pattern)) = (left, right) else { return Err(None) };
            return match regex_lite::Regex::new(pattern) {
                Ok(pattern) => Ok(Value::Boolean(pattern.is_match(text))),
                Err(error) => Err(Some(format!("`{pattern}` is not a regular expression: {error}"))),
            };
        }
        "greater_than" => Ordering::is_gt,
        "greater_or_equal" => Ordering::is_ge,
        "less_than" => Ordering::is_lt,
        _ => Ordering::is_le,
    };
    match (order(left, right), left, right) {
        (Some(ordering), ..) => Ok(Value::Boolean(accepts(ordering))),
        // 9.1.2.3: versions with different qualifiers are of different branches. None is before or behind the other.
        (None, Value::Version(_), Value::Version(_)) | (None, Value::Float(_), Value::Float(_)) => {
            Ok(Value::Boolean(false))
        }
        (None, ..) => {
            Err(Some(format!("`${function}` cannot compare a {} with a {}", left.kind(), right.kind())))
        }
    }
}

fn containment(function: &str, values: &[Value]) -> Answer {
    let [all, part] = values else { return Err(None) };
    let entries: Vec<&Value> = match all {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) if function.ends_with("_key") || function.ends_with("_keys") => {
            entries.iter().map(|(key, _)| key).collect()
        }
        Value::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    let has = |wanted: &Value| entries.iter().any(|entry| is_equal(entry, wanted));
    let answer = match (function, all, part) {
        ("has_prefix", Value::String(text), Value::String(part)) => text.starts_with(&**part),
        ("has_suffix", Value::String(text), Value::String(part)) => text.ends_with(&**part),
        ("contains", Value::String(text), Value::String(part)) => text.contains(&**part),
        ("has_prefix", Value::List(items), Value::List(part)) => {
            items.get(..part.len()).is_some_and(|items| are_equal(items, part))
        }
        ("has_suffix", Value::List(items), Value::List(part)) => {
            let start = items.len().checked_sub(part.len());
            start.is_some_and(|start| are_equal(&items[start..], part))
        }
        ("contains", Value::List(items), Value::List(part)) => {
            part.is_empty() || items.windows(part.len()).any(|window| are_equal(window, part))
        }
        ("has_entry", Value::List(_) | Value::Map(_), entry) => has(entry),
        ("has_key", Value::Map(_), key) => has(key),
        ("has_all_entries", Value::List(_) | Value::Map(_), Value::List(wanted))
        | ("has_all_keys", Value::Map(_), Value::List(wanted)) => wanted.iter().all(has),
        ("has_any_entry", Value::List(_) | Value::Map(_), Value::List(wanted))
        | ("has_any_key", Value::Map(_), Value::List(wanted)) => wanted.iter().any(has),
        _ => return Err(None),
    };
    Ok(Value::Boolean(answer))
}

fn text(function: &str, values: &[Value]) -> Answer {
    let count = |count: usize| i64::try_from(count).map(Value::Integer).map_err(|_| None);
    match (function, values) {
        ("length", [Value::String(text)]) => count(text.chars().count()),
        ("length", [Value::Bytes(bytes)]) => count(bytes.len()),
        ("length", [Value::List(items)]) => count(items.len()),
        ("length", [Value::Map(entries)]) => count(entries.len()),
        ("concat", [Value::List(_), ..]) => Ok(Value::List(lists(values)?.concat())),
        ("concat", _) => Ok(Value::String(strings(values)?.concat().into())),
        ("join", [Value::List(items)]) => Ok(Value::String(strings(items)?.concat().into())),
        ("join", [Value::List(items), Value::String(delimiter)]) => {
            Ok(Value::String(strings(items)?.join(delimiter).into()))
        }
        ("token", [_, Value::String(separators), _]) if separators.is_empty() => {
            Err(Some("`$token`: there is no character to separate by".to_owned()))
        }
        ("token", [Value::String(text), Value::String(separators), Value::Integer(index)]) => {
            let mut tokens = text.split(|letter: char| separators.contains(letter));
            let token = usize::try_from(*index).ok().and_then(|index| tokens.nth(index));
            let missing = || Some(format!("`$token`: there is no part {index} of \"{text}\""));
            token.map(|token| Value::String(token.into())).ok_or_else(missing)
        }
        _ => Err(None),
    }
}

fn strings(values: &[Value]) -> Result<Vec<&str>, Option<String>> {
    values.iter().map(|value| value.as_str().ok_or(None)).collect()
}

fn lists(values: &[Value]) -> Result<Vec<&[Value]>, Option<String>> {
    let mut lists = Vec::with_capacity(values.len());
    for value in values {
        let Value::List(items) = value else { return Err(None) };
        lists.push(items.as_slice());
    }
    Ok(lists)
}

fn set(function: &str, values: &[Value]) -> Answer {
    let lists = lists(values)?;
    let (first, rest) = lists.split_first().ok_or(None)?;
    let mut entries: Vec<Value> = Vec::new();
    // In the order in which they are first seen: the standard leaves it open, but the same must give the same.
    let all = if function == "union" { lists.concat() } else { first.to_vec() };
    for value in all {
        let is_in = |list: &&[Value]| list.iter().any(|other| is_equal(other, &value));
        let belongs = function == "union" || rest.iter().all(is_in);
        if belongs && !is_in(&entries.as_slice()) {
            entries.push(value);
        }
    }
    Ok(Value::List(entries))
}

fn arithmetic(function: &str, values: &[Value]) -> Answer {
    if let Some(Value::Scalar(scalar)) = values.iter().find(|value| matches!(value, Value::Scalar(_))) {
        return scalars(function, values, scalar);
    }
    let numbers = values.iter().map(number_of).collect::<Option<Vec<Number>>>().ok_or(None)?;
    compute(function, &numbers).map(value_of)
}

/// Arithmetic in the canonical unit; the result is in it.
fn scalars(function: &str, values: &[Value], model: &Scalar) -> Answer {
    let mut numbers = Vec::with_capacity(values.len());
    for (position, value) in values.iter().enumerate() {
        let is_scalar_wanted = matches!(function, "sum" | "difference") || position == 0;
        match value {
            Value::Scalar(scalar) if scalar.family == model.family && is_scalar_wanted => {
                numbers.push(scalar.canonical);
            }
            other if !is_scalar_wanted => numbers.push(number_of(other).ok_or(None)?),
            _ => return Err(None),
        }
    }
    let result = match (function, numbers.as_slice()) {
        // No float on the way: it would be another number where there are many digits.
        ("quotient", [Number::Integer(left), Number::Integer(right)]) if *right != 0 => {
            left.checked_div(*right).map(Number::Integer).ok_or_else(|| overflow(function))?
        }
        _ => compute(function, &numbers)?,
    };
    let result = match (result, model.canonical) {
        // 10.2.5.4: truncated where the scalar has integers.
        (Number::Float(value), Number::Integer(_)) => {
            Number::Integer(integer(value.trunc()).ok_or_else(|| overflow(function))?)
        }
        (Number::Integer(value), Number::Float(_)) => Number::Float(value as f64),
        (result, _) => result,
    };
    Ok(Value::Scalar(Box::new(Scalar {
        number: result,
        unit: model.canonical_unit.clone(),
        canonical: result,
        canonical_unit: model.canonical_unit.clone(),
        family: model.family,
    })))
}

fn overflow(function: &str) -> Option<String> {
    Some(format!("the result of `${function}` does not fit 64 bits with a sign"))
}

fn compute(function: &str, numbers: &[Number]) -> Result<Number, Option<String>> {
    let fold = |whole: fn(i64, i64) -> Option<i64>, real: fn(f64, f64) -> f64| {
        let (first, rest) = numbers.split_first().ok_or(None)?;
        rest.iter().try_fold(*first, |sum, number| match (sum, *number) {
            (Number::Integer(sum), Number::Integer(number)) => {
                whole(sum, number).map(Number::Integer).ok_or_else(|| overflow(function))
            }
            (sum, number) => Ok(Number::Float(real(sum.as_float(), number.as_float()))),
        })
    };
    let finite = |number: Number| match number.as_float().is_finite() {
        true => Ok(number),
        false => Err(Some(format!("the result of `${function}` is no number"))),
    };
    let is_zero = numbers.get(1).is_some_and(|number| number.as_float() == 0.0);
    match function {
        "sum" => fold(i64::checked_add, |sum, number| sum + number).and_then(finite),
        "difference" => fold(i64::checked_sub, |sum, number| sum - number).and_then(finite),
        "product" => fold(i64::checked_mul, |sum, number| sum * number).and_then(finite),
        "quotient" | "remainder" if is_zero => Err(Some(format!("`${function}`: division by zero"))),
        "quotient" => match numbers {
            [left, right] => finite(Number::Float(left.as_float() / right.as_float())),
            _ => Err(None),
        },
        // The quotient of the lowest integer by -1 does not fit; the remainder does.
        "remainder" => {
            fold(|left, right| Some(left.wrapping_rem(right)), |sum, number| sum % number).and_then(finite)
        }
        _ => {
            let [number] = numbers else { return Err(None) };
            let Number::Float(value) = *number else { return Ok(*number) };
            let whole = match function {
                // 10.2.5.6: a half is rounded down, also below zero.
                "round" if value - value.floor() > 0.5 => value.ceil(),
                "round" => value.floor(),
                "floor" => value.floor(),
                _ => value.ceil(),
            };
            integer(whole).map(Number::Integer).ok_or_else(|| overflow(function))
        }
    }
}

fn integer(value: f64) -> Option<i64> {
    // The bounds are powers of two, so they are exact; the upper one is the first that does not fit.
    const END: f64 = 9_223_372_036_854_775_808.0;
    (-END..END).contains(&value).then_some(value as i64)
}

fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::Integer(value) => Some(Number::Integer(*value)),
        Value::Float(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

/// A number as a value.
pub(super) fn value_of(number: Number) -> Value {
    match number {
        Number::Integer(value) => Value::Integer(value),
        Number::Float(value) => Value::Float(value),
    }
}

fn not_boolean(value: &Value, span: Span) -> Problem {
    Problem { message: format!("a boolean is needed here, not a {}", value.kind()), span }
}

/// Whether two values come to the same, also what is in them.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => are_equal(left, right),
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right.iter().any(|(other, another)| is_equal(key, other) && is_equal(value, another))
                })
        }
        _ => left == right || order(left, right) == Some(Ordering::Equal),
    }
}

fn are_equal(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            number_of(left)?.compare(number_of(right)?)
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Version(left), Value::Version(right)) => left.partial_cmp(right),
        (Value::Scalar(left), Value::Scalar(right)) => left.partial_cmp(right),
        // The standard's own examples compare scalars with plain numbers: in canonical units.
        (Value::Scalar(left), Value::Integer(_) | Value::Float(_)) => order(&value_of(left.canonical), right),
        (Value::Integer(_) | Value::Float(_), Value::Scalar(right)) => {
            order(left, &value_of(right.canonical))
        }
        (Value::Timestamp(left), Value::String(right)) => Some((**left).cmp(&Timestamp::parse(right)?)),
        (Value::String(left), Value::Timestamp(right)) => Some(Timestamp::parse(left)?.cmp(right)),
        (Value::Version(left), Value::String(right)) => (**left).partial_cmp(&Version::parse(right)?),
        (Value::String(left), Value::Version(right)) => Version::parse(left)?.partial_cmp(&**right),
        _ => None,
    }
}
