//! Inputs as a person gives them: on the command line, and in files.

use std::{collections::BTreeMap, path::PathBuf};

use floria::{Expression, Value};
use tosca_functions::{Base, Schema};

use crate::{error::CliError, exit::Exit};

/// How large a file of inputs may be, in bytes: far above what a person writes, far below what hurts.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// An input before its type is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// From the command line: the text after `=`.
    Text(String),
    /// From a file.
    Value(Value),
}

/// The inputs by name.
pub(crate) type Inputs = BTreeMap<String, Given>;

/// Gathers inputs: files in their order, then the command line.
pub(crate) fn gather(arguments: &[String], files: &[PathBuf]) -> Result<Inputs, CliError> {
    let mut inputs = Inputs::new();
    for file in files {
        read_file(file, &mut inputs)?;
    }
    for argument in arguments {
        let Some((name, text)) = argument.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(CliError::usage(
                format!("cannot read the input `{argument}`"),
                "an input is a name, `=` and a value",
            )
            .next("-i NAME=VALUE, such as -i port=8080"));
        };
        inputs.insert(name.to_owned(), Given::Text(text.to_owned()));
    }
    Ok(inputs)
}

fn read_file(file: &PathBuf, inputs: &mut Inputs) -> Result<(), CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Usage, "cannot read the inputs")
            .place(file.display().to_string())
            .why(why)
            .next("give a YAML or JSON file that holds a map from input names to values")
    };
    let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(failed(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let value: Value = serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))?;
    match value {
        Value::Null => {}
        Value::Map(entries) => {
            for (name, value) in entries {
                let Value::Text(name) = name else {
                    return Err(failed(format!("the name `{name}` is not a text")));
                };
                inputs.insert(name, Given::Value(value));
            }
        }
        other => return Err(failed(format!("it holds a {}, not a map", other.kind()))),
    }
    Ok(())
}

/// Turns inputs into values. `is_text` says whether an input wants text: then what was given on the command line is taken
/// as it is, so that `-i version=1.10` stays what was written; a value in quotes loses them.
pub(crate) fn values(
    inputs: Inputs,
    is_text: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Value>, CliError> {
    inputs
        .into_iter()
        .map(|(name, given)| {
            let value = match given {
                Given::Value(value) => value,
                Given::Text(text) => parse(&text, is_text(&name)).map_err(|why| {
                    CliError::usage(format!("cannot read the value of input `{name}`"), why)
                        .next(format!("quote it twice: -i '{name}=\"…\"'"))
                })?,
            };
            Ok((name, value))
        })
        .collect()
}

/// Returns whether the schema of a property wants text, or what is written as text (a version `1.10` is no float): then what the
/// command line says is taken as it is.
pub(crate) fn wants_text(preparer: Option<&Expression>) -> bool {
    let Some(Expression::Call(call)) = preparer else { return false };
    let schema = call.arguments.first().and_then(Expression::as_literal);
    let schema = schema.and_then(|schema| Schema::from_value(schema).ok());
    let base = schema.and_then(|schema| Some(schema.types.first()?.base));
    base.is_some_and(|base| {
        matches!(base, Base::String | Base::Bytes | Base::Timestamp | Base::Scalar | Base::Version)
    })
}

fn parse(text: &str, is_text: bool) -> Result<Value, String> {
    let quoted = text.starts_with(['"', '\'']);
    if is_text && !quoted {
        return Ok(Value::Text(text.to_owned()));
    }
    match serde_yaml::from_str(text) {
        Ok(value) => Ok(value),
        // `'s-Hertogenbosch` is a text that only looks quoted.
        Err(_) if is_text => Ok(Value::Text(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_text: bool, expected: Value) {
        assert_eq!(parse(text, is_text), Ok(expected));
    }

    #[test]
    fn values_are_yaml_unless_a_text_is_wanted() {
        check("8080", false, Value::Integer(8080));
        check("8080", true, "8080".into());
        check("\"8080\"", true, "8080".into());
        check("true", false, true.into());
        check("[1, b]", false, Value::List(vec![Value::Integer(1), "b".into()]));
        check("{k: 1.5}", false, Value::map([("k", 1.5)]));
        check("", true, "".into());
        check("", false, Value::Null);
        check("yes: no: maybe", true, "yes: no: maybe".into());
    }

    #[test]
    fn the_command_line_wins_over_files_and_a_name_is_needed() {
        let file = std::env::temp_dir().join(format!("khutulun-inputs-{}.yaml", std::process::id()));
        std::fs::write(&file, "a: 1\nb: 2\n").unwrap();
        let inputs = gather(&["b=3".to_owned()], std::slice::from_ref(&file)).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(inputs["a"], Given::Value(Value::Integer(1)));
        assert_eq!(inputs["b"], Given::Text("3".to_owned()));
        assert_eq!(gather(&["=3".to_owned()], &[]).unwrap_err().exit, Exit::Usage);
    }
}
