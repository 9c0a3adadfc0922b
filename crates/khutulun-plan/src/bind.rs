//! The inputs of a workflow, put in the place of the calls that read them.

use std::collections::BTreeMap;

use floria::{Call, Expression, Value};
use khutulun_api::names;

/// The values of a workflow's inputs. Inputs that are not here are the service's.
pub(crate) type Bindings = BTreeMap<String, Value>;

/// Returns an expression with the values of inputs in the place of the calls that read them.
///
/// # Errors
///
/// When a call reads a part of a value that the value does not have, in a sentence.
pub(crate) fn bind(expression: &Expression, bindings: &Bindings) -> Result<Expression, String> {
    let all =
        |items: &[Expression]| items.iter().map(|item| bind(item, bindings)).collect::<Result<Vec<_>, _>>();
    Ok(match expression {
        Expression::Literal(value) => Expression::Literal(value.clone()),
        Expression::List(items) => Expression::List(all(items)?),
        Expression::Map(entries) => Expression::Map(
            entries
                .iter()
                .map(|(key, value)| Ok((bind(key, bindings)?, bind(value, bindings)?)))
                .collect::<Result<_, String>>()?,
        ),
        Expression::Call(call) => match read_by(call, bindings) {
            None => Expression::from(Call { arguments: all(&call.arguments)?, ..(**call).clone() }),
            Some((name, value)) => {
                let mut value = value;
                for step in &call.arguments[1..] {
                    let step = bind(step, bindings)?;
                    let Some(step) = step.as_literal() else {
                        return Err(format!(
                            "which part of the input `{name}` is meant has to be said literally"
                        ));
                    };
                    value = part(value, step).ok_or_else(|| format!("the input `{name}` has no `{step}`"))?;
                }
                Expression::Literal(value.clone())
            }
        },
    })
}

/// The name and the value of the input that a call reads, if it reads one of these.
fn read_by<'a>(call: &'a Call, bindings: &'a Bindings) -> Option<(&'a str, &'a Value)> {
    let name =
        call.arguments.first().filter(|_| call.function == names::GET_INPUT)?.as_literal()?.as_text()?;
    Some((name, bindings.get(name)?))
}

fn part<'a>(value: &'a Value, step: &Value) -> Option<&'a Value> {
    match value {
        Value::Map(entries) => entries.get(step),
        Value::List(items) => items.get(usize::try_from(step.as_integer()?).ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: Vec<Value>) -> Expression {
        let arguments = arguments.into_iter().map(Expression::Literal).collect();
        Expression::from(Call { function: names::GET_INPUT.to_owned(), arguments, origin: None })
    }

    #[test]
    fn inputs_of_the_workflow_are_put_in_and_others_left() {
        let bindings =
            Bindings::from([("to".to_owned(), Value::map([("hosts", Value::List(vec!["a".into()]))]))]);
        let host = read(vec!["to".into(), "hosts".into(), 0.into()]);
        assert_eq!(bind(&host, &bindings), Ok(Expression::Literal("a".into())));
        let other = read(vec!["from".into()]);
        assert_eq!(
            bind(&Expression::List(vec![other.clone()]), &bindings),
            Ok(Expression::List(vec![other]))
        );
        let missing = read(vec!["to".into(), "port".into()]);
        assert_eq!(bind(&missing, &bindings), Err("the input `to` has no `port`".to_owned()));
    }
}
