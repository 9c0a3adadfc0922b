//! Boolean logic (TOSCA 2.0, 10.2.2.1).

use floria::Value;

use crate::arguments::{boolean, exactly};

/// `$and`: two or more booleans.
pub(crate) fn and(arguments: &[Value]) -> Result<Value, String> {
    all(arguments).map(|values| values.into_iter().all(|value| value).into())
}

/// `$or`: two or more booleans.
pub(crate) fn or(arguments: &[Value]) -> Result<Value, String> {
    all(arguments).map(|values| values.into_iter().any(|value| value).into())
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

fn all(arguments: &[Value]) -> Result<Vec<bool>, String> {
    if arguments.len() < 2 {
        return Err(format!("expected at least 2 arguments, found {}", arguments.len()));
    }
    arguments.iter().enumerate().map(|(place, argument)| boolean(argument, place)).collect()
}
