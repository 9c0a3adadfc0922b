//! Validation clauses (9.10) on literal values.

use std::cmp::Ordering;
use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span};

use super::Compiler;
use crate::model::{Call, Expression, ExpressionKind, Number, Schema, Timestamp, Value, Version};

impl Compiler<'_> {
    /// Checks a literal value against the clauses of its schema and data type. `None` when one does not hold, which
    /// is reported; what only run time can know holds for now.
    pub(super) fn validate(
        &self,
        value: &Value,
        schema: &Schema,
        span: Span,
        what: &dyn Display,
    ) -> Option<()> {
        let data_type = self.base_of(schema.data_type).map(|_| self.data(schema.data_type));
        let inherited = data_type.map(|data| data.validation.as_slice()).unwrap_or_default();
        let clauses = inherited.iter().chain(&schema.validation);
        // 9.1.2.2: the number of a scalar is of a type of its own.
        let number = match value {
            Value::Scalar(scalar) => match scalar.number {
                Number::Integer(number) => Some(Value::Integer(number)),
                Number::Float(number) => Some(Value::Float(number)),
            },
            _ => None,
        };
        let units = data_type.and_then(|data| data.units.as_ref()).filter(|_| number.is_some());
        let of_number = units.map(|units| self.data(units.data_type).validation.as_slice());
        let of_number = of_number.unwrap_or_default().iter();
        let all = of_number.map(|clause| (clause, number.as_ref().unwrap_or(value)));
        for (clause, value) in all.chain(clauses.map(|clause| (clause, value))) {
            match evaluate(clause, value) {
                Ok(Some(Value::Boolean(false))) => {
                    self.report(
                        Diagnostic::error("invalid-value", format!("{what} has a value that is not allowed"))
                            .at(Place::new(span, "does not satisfy the validation clause"))
                            .related(Place::new(clause.span, "must hold"))
                            .chapter("9.10"),
                    );
                    return None;
                }
                Ok(_) => {}
                Err(problem) => {
                    self.report(
                        Diagnostic::error("invalid-validation", problem.message)
                            .at(Place::new(problem.span, "in this validation clause"))
                            .related(Place::new(span, "checked for this value"))
                            .chapter("9.10"),
                    );
                    return None;
                }
            }
        }
        Some(())
    }
}

/// What is wrong with a clause itself.
struct Problem {
    message: String,
    span: Span,
}

/// The value of an expression for `$value`; `Ok(None)` when only run time can know.
fn evaluate(expression: &Expression, subject: &Value) -> Result<Option<Value>, Problem> {
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

fn evaluate_call(call: &Call, subject: &Value, span: Span) -> Result<Option<Value>, Problem> {
    match call {
        Call::GetInput { .. } | Call::GetProperty(_) | Call::GetAttribute(_) => Ok(None),
        Call::Value { nested } => {
            let mut current = subject;
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
        Call::Concat(arguments) => {
            let mut text = String::new();
            for argument in arguments {
                match evaluate(argument, subject)? {
                    Some(Value::String(part)) => text.push_str(&part),
                    _ => return Ok(None),
                }
            }
            Ok(Some(Value::String(text.into())))
        }
        Call::Function { function, arguments } => evaluate_function(function, arguments, subject, span),
    }
}

fn evaluate_function(
    function: &str,
    arguments: &[Expression],
    subject: &Value,
    span: Span,
) -> Result<Option<Value>, Problem> {
    let boolean = |answer: bool| Ok(Some(Value::Boolean(answer)));
    if matches!(function, "and" | "or") {
        // An unknown part does not matter when another one decides.
        let decisive = function == "or";
        let mut is_known = true;
        for argument in arguments {
            match evaluate(argument, subject)? {
                Some(Value::Boolean(answer)) if answer == decisive => return boolean(decisive),
                Some(Value::Boolean(_)) => {}
                None => is_known = false,
                Some(other) => return Err(not_boolean(&other, argument.span)),
            }
        }
        return if is_known { boolean(!decisive) } else { Ok(None) };
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match evaluate(argument, subject)? {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    let compare = |accepts: fn(Ordering) -> bool| match order(&values[0], &values[1]) {
        Some(ordering) => boolean(accepts(ordering)),
        None => Err(Problem {
            message: format!(
                "`${function}` cannot compare a {} with a {}",
                values[0].kind(),
                values[1].kind()
            ),
            span,
        }),
    };
    match (function, values.as_slice()) {
        ("not", [Value::Boolean(answer)]) => boolean(!answer),
        ("xor", [Value::Boolean(left), Value::Boolean(right)]) => boolean(left != right),
        ("not" | "xor", [first, ..]) => Err(not_boolean(first, span)),
        ("equal", [left, right]) => boolean(is_equal(left, right)),
        ("greater_than", [_, _]) => compare(Ordering::is_gt),
        ("greater_or_equal", [_, _]) => compare(Ordering::is_ge),
        ("less_than", [_, _]) => compare(Ordering::is_lt),
        ("less_or_equal", [_, _]) => compare(Ordering::is_le),
        ("valid_values", [value, Value::List(allowed)]) => {
            boolean(allowed.iter().any(|other| is_equal(value, other)))
        }
        ("matches", [Value::String(text), Value::String(pattern)]) => match regex_lite::Regex::new(pattern) {
            Ok(pattern) => boolean(pattern.is_match(text)),
            Err(error) => {
                Err(Problem { message: format!("`{pattern}` is not a regular expression: {error}"), span })
            }
        },
        ("has_prefix", [Value::String(text), Value::String(part)]) => boolean(text.starts_with(&**part)),
        ("has_suffix", [Value::String(text), Value::String(part)]) => boolean(text.ends_with(&**part)),
        ("contains", [Value::String(text), Value::String(part)]) => boolean(text.contains(&**part)),
        ("has_prefix", [Value::List(items), Value::List(part)]) => boolean(items.starts_with(part)),
        ("has_suffix", [Value::List(items), Value::List(part)]) => boolean(items.ends_with(part)),
        ("contains", [Value::List(items), Value::List(part)]) => {
            boolean(part.is_empty() || items.windows(part.len()).any(|window| window == part.as_slice()))
        }
        ("has_entry", [Value::List(items), entry]) => boolean(items.iter().any(|item| is_equal(item, entry))),
        ("has_entry", [Value::Map(entries), entry]) => {
            boolean(entries.iter().any(|(_, value)| is_equal(value, entry)))
        }
        ("has_key", [Value::Map(entries), key]) => {
            boolean(entries.iter().any(|(name, _)| is_equal(name, key)))
        }
        ("length", [Value::String(text)]) => Ok(Some(Value::Integer(text.chars().count() as i64))),
        ("length", [Value::Bytes(bytes)]) => Ok(Some(Value::Integer(bytes.len() as i64))),
        ("length", [Value::List(items)]) => Ok(Some(Value::Integer(items.len() as i64))),
        ("length", [Value::Map(entries)]) => Ok(Some(Value::Integer(entries.len() as i64))),
        _ => {
            let kinds: Vec<_> = values.iter().map(Value::kind).collect();
            let message = format!("`${function}` cannot be used with: {}", kinds.join(", "));
            Err(Problem { message, span })
        }
    }
}

fn not_boolean(value: &Value, span: Span) -> Problem {
    Problem { message: format!("a boolean is needed here, not a {}", value.kind()), span }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    left == right || order(left, right) == Some(Ordering::Equal)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Integer(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Integer(right)) => left.partial_cmp(&(*right as f64)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Version(left), Value::Version(right)) => left.partial_cmp(right),
        (Value::Scalar(left), Value::Scalar(right)) => left.partial_cmp(right),
        // The standard's own examples compare scalars with plain numbers: in canonical units.
        (Value::Scalar(left), Value::Integer(_) | Value::Float(_)) => order(&number(left.canonical), right),
        (Value::Integer(_) | Value::Float(_), Value::Scalar(right)) => order(left, &number(right.canonical)),
        (Value::Timestamp(left), Value::String(right)) => Some((**left).cmp(&Timestamp::parse(right)?)),
        (Value::String(left), Value::Timestamp(right)) => Some(Timestamp::parse(left)?.cmp(right)),
        (Value::Version(left), Value::String(right)) => (**left).partial_cmp(&Version::parse(right)?),
        (Value::String(left), Value::Version(right)) => Version::parse(left)?.partial_cmp(&**right),
        _ => None,
    }
}

fn number(number: Number) -> Value {
    match number {
        Number::Integer(value) => Value::Integer(value),
        Number::Float(value) => Value::Float(value),
    }
}
