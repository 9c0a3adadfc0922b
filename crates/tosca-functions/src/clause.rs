//! Validation clauses (TOSCA 2.0, 9.10), as a schema holds them.

use floria::Value;

use crate::{CUSTOM_NAMESPACE, arguments::boolean, describe, logic, nested, table};

/// The call that stands for the value which a clause is about (10.2.1.5): `{ $value: [ … ] }`.
pub const VALUE_CALL: &str = "$value";

/// The mark of a literal map that looks like a call.
const LITERAL: &str = "$literal";

/// How deep clauses may nest: far beyond what people write, well within any stack.
const DEPTH_MAX: usize = 64;

/// Calls a function of the design by its name with its namespace, with its definition and arguments.
pub(crate) type Caller<'c> = &'c mut dyn FnMut(&str, &[Value]) -> Result<Value, String>;

/// Writes a literal value so that a clause takes it for one.
pub fn escape_literal(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(escape_literal).collect()),
        call_like if call(&call_like).is_some() => Value::map([(LITERAL, call_like)]),
        other => other,
    }
}

/// Returns whether a term calls a function of the design.
pub(crate) fn calls_custom(term: &Value) -> bool {
    match (call(term), term) {
        (Some((LITERAL, _)), _) => false,
        (Some((name, arguments)), _) => {
            is_custom(name) || arguments.as_list().is_some_and(|all| all.iter().any(calls_custom))
        }
        (None, Value::List(items)) => items.iter().any(calls_custom),
        (None, _) => false,
    }
}

fn is_custom(name: &str) -> bool {
    name.strip_prefix('$').is_some_and(|name| name.starts_with(CUSTOM_NAMESPACE))
}

/// Says which part of a clause does not hold for a value; None when it holds. Without a caller, what calls functions of the
/// design is taken to hold.
pub(crate) fn violated(clause: &Value, value: &Value, caller: &mut Option<Caller<'_>>) -> Option<String> {
    // The whole of a conjunction says less than the part of it that fails.
    if let Some(("$and", Value::List(parts))) = call(clause) {
        return parts.iter().find_map(|part| violated(part, value, caller));
    }
    if caller.is_none() && calls_custom(clause) {
        return None;
    }
    match evaluate(clause, value, caller, 0) {
        Ok(Value::Boolean(true)) => None,
        Ok(Value::Boolean(false)) => {
            Some(format!("{} does not satisfy {}", describe::literal(value), render(clause)))
        }
        Ok(other) => {
            Some(format!("{} comes to {}, not to a boolean", render(clause), describe::value(&other)))
        }
        Err(message) => Some(format!("{} cannot be checked: {message}", render(clause))),
    }
}

/// A call's name and its arguments.
fn call(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_map()?;
    let (key, arguments) = map.first_key_value()?;
    let name = key.as_text()?;
    (map.len() == 1 && name.starts_with('$')).then_some((name, arguments))
}

fn evaluate(
    term: &Value,
    subject: &Value,
    caller: &mut Option<Caller<'_>>,
    depth: usize,
) -> Result<Value, String> {
    if depth > DEPTH_MAX {
        return Err(format!("it nests deeper than {DEPTH_MAX} levels"));
    }
    let Some((name, arguments)) = call(term) else {
        return match term {
            Value::List(items) => items
                .iter()
                .map(|item| evaluate(item, subject, caller, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::List),
            literal => Ok(literal.clone()),
        };
    };
    if name == LITERAL {
        return Ok(arguments.clone());
    }
    let arguments = arguments.as_list().ok_or_else(|| format!("the arguments of `{name}` are not a list"))?;
    let own = |message| format!("`{name}`: {message}");
    if let Some(deciding) = logic::deciding(&name[1..]) {
        logic::enough(arguments.len()).map_err(own)?;
        let operand = |place: usize| {
            let operand = evaluate(&arguments[place], subject, caller, depth + 1)?;
            boolean(&operand, place).map_err(own)
        };
        return logic::decide(deciding, arguments.len(), operand).map(Value::from);
    }
    let mut each = |argument| evaluate(argument, subject, caller, depth + 1);
    if is_custom(name)
        && let Some((definition, given)) = arguments.split_first()
    {
        let mut arguments = vec![definition.clone()];
        for argument in given {
            arguments.push(each(argument)?);
        }
        let caller = caller.as_mut().ok_or("there is nobody to call functions of the design")?;
        return caller(&name[1..], &arguments);
    }
    let arguments: Vec<Value> = arguments.iter().map(each).collect::<Result<_, _>>()?;
    if name == VALUE_CALL {
        return nested::descend(subject, &arguments, "the value").cloned();
    }
    let function = table::pure(&name[1..]).ok_or_else(|| format!("there is no function `{name}`"))?;
    function(&arguments).map_err(own)
}

/// A clause on one line, as a person writes it.
fn render(term: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(render).collect::<Vec<_>>().join(", ");
    match (call(term), term) {
        (Some((VALUE_CALL, Value::List(way))), _) if way.is_empty() => VALUE_CALL.to_owned(),
        (Some((LITERAL, literal)), _) => literal.to_string(),
        (Some((name, Value::List(arguments))), _) if is_custom(name) => {
            // A person writes no definition.
            let given = arguments.get(1..).unwrap_or_default();
            format!("{{ ${}: [ {} ] }}", &name[1 + CUSTOM_NAMESPACE.len()..], list(given))
        }
        (Some((name, Value::List(arguments))), _) => format!("{{ {name}: [ {} ] }}", list(arguments)),
        (None, Value::List(items)) => format!("[ {} ]", list(items)),
        (_, literal) => literal.to_string(),
    }
}
