//! What a component of functions is: values from values.

use crate::{Value, bindings::khutulun::plugin::values::Value as Flat, flat};

/// Computes functions that a design defines.
///
/// The instance is new in every call and can ask the host for nothing, so a result depends on the arguments alone: the host
/// may keep it, and calls functions for previews too.
pub trait FunctionLibrary {
    /// Calls a function by the name of its definition, without `$` and namespace. The arguments fit one of its signatures;
    /// the result is checked against it. An error is a sentence for a person, without a period: what is wrong with the
    /// arguments.
    fn call(name: &str, arguments: &[Value]) -> Result<Value, String>;
}

/// Does what the export asks for.
pub fn call<L: FunctionLibrary>(name: &str, arguments: &Flat) -> Result<Flat, String> {
    match flat::unpack(arguments).map_err(|error| format!("failed to read the arguments: {error}"))? {
        Value::List(arguments) => L::call(name, &arguments).map(|result| flat::pack(&result)),
        other => Err(format!("the arguments are a {}, not a list", other.kind())),
    }
}
