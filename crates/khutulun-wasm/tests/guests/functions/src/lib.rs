//! Functions for tests: some compute, some misbehave.

use std::sync::atomic::{AtomicI64, Ordering};

use khutulun_plugin_sdk::{FunctionLibrary, Value, export_functions};

/// Counts the calls of this instance: always 1, unless an instance is used twice.
static CALLS: AtomicI64 = AtomicI64::new(0);

/// The functions.
#[derive(Clone, Copy, Debug)]
pub struct Library;

impl FunctionLibrary for Library {
    fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (name, arguments) {
            ("echo", _) => Ok(Value::List(arguments.to_vec())),
            ("same", [value]) => Ok(value.clone()),
            ("calls", []) => Ok(Value::Integer(CALLS.fetch_add(1, Ordering::Relaxed) + 1)),
            ("square", [Value::Integer(number)]) => number
                .checked_mul(*number)
                .map(Value::Integer)
                .ok_or_else(|| format!("the square of {number} does not fit 64 bits")),
            ("square", [Value::Float(number)]) => Ok(Value::Float(number * number)),
            ("panic", _) => panic!("a function that panics"),
            ("loop", _) => loop {
                std::hint::black_box(arguments);
            },
            ("allocate", _) => {
                let mut all = Vec::new();
                loop {
                    all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            _ => Err(format!("there is no `{name}` of {} arguments", arguments.len())),
        }
    }
}

export_functions!(Library);
