//! TOSCA's built-in functions of values, as a component of the world `function-library` (see `wit/README.md`).
//!
//! They are the functions of `tosca-functions`, compiled for another machine: a host that has nothing of khutulun but that
//! world computes with them as khutulun does, down to the words of errors. khutulun itself calls the native ones, which need
//! no crossing; a test compares the two on generated calls. Functions that ask the graph are not here: the world has no
//! imports, and with them every step of a path would cross the boundary.

use floria::{Custom, Value};
use khutulun_plugin_sdk::{Custom as PluginCustom, FunctionLibrary, Value as PluginValue, export_functions};

/// The functions, by their names without `$`.
#[derive(Clone, Copy, Debug)]
pub struct ToscaLibrary;

impl FunctionLibrary for ToscaLibrary {
    fn call(name: &str, arguments: &[PluginValue]) -> Result<PluginValue, String> {
        let arguments: Vec<Value> = arguments.iter().map(inside).collect();
        tosca_functions::call_pure(name, &arguments).map(outside)
    }
}

export_functions!(ToscaLibrary);

/// A value as the functions know it.
fn inside(value: &PluginValue) -> Value {
    match value {
        PluginValue::Null => Value::Null,
        PluginValue::Boolean(value) => Value::Boolean(*value),
        PluginValue::Integer(value) => Value::Integer(*value),
        PluginValue::Float(value) => Value::Float(*value),
        PluginValue::Text(text) => Value::Text(text.clone()),
        PluginValue::Bytes(bytes) => Value::Bytes(bytes.clone()),
        PluginValue::List(items) => Value::List(items.iter().map(inside).collect()),
        PluginValue::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (inside(key), inside(value))).collect())
        }
        PluginValue::Custom(custom) => Value::from(Custom {
            type_name: custom.type_name.clone(),
            order: inside(&custom.order),
            text: custom.text.clone(),
        }),
    }
}

/// A value as it crosses the boundary.
fn outside(value: Value) -> PluginValue {
    match value {
        Value::Null => PluginValue::Null,
        Value::Boolean(value) => PluginValue::Boolean(value),
        Value::Integer(value) => PluginValue::Integer(value),
        Value::Float(value) => PluginValue::Float(value),
        Value::Text(text) => PluginValue::Text(text),
        Value::Bytes(bytes) => PluginValue::Bytes(bytes),
        Value::List(items) => PluginValue::List(items.into_iter().map(outside).collect()),
        Value::Map(entries) => {
            PluginValue::Map(entries.into_iter().map(|(key, value)| (outside(key), outside(value))).collect())
        }
        Value::Custom(custom) => {
            let Custom { type_name, order, text } = *custom;
            PluginValue::Custom(Box::new(PluginCustom { type_name, order: outside(order), text }))
        }
    }
}
