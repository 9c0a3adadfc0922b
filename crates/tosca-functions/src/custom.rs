//! Functions that designs define (TOSCA 2.0, 10.4), as a literal value that travels with each call of them.
//!
//! A call of `custom:<name>` has the [`Definition`] as its first argument, and behind it the arguments of the function. The
//! definition holds the signatures that the call may mean, each with its schemas and with its implementation by digest, so that an
//! instance works after its package is gone:
//!
//! ```yaml
//! name: area                  # the name of the definition: implementations tell their functions apart by it
//! signatures:                 # tried in order: the first that fits the arguments is called
//! - arguments: [ float, float ] # each a schema, as `Schema::to_value` writes it
//!   optional_arguments: [ … ]
//!   variadic: true
//!   result: float             # absent: anything
//!   component: { path: functions.wasm, digest: 9f86… }
//!   timeout: 10000            # milliseconds
//! - script: { path: area.py, digest: 60303… }
//!   dependencies: [ { path: lib.py, digest: … } ]
//! ```
//!
//! [`DesignFunctions`] calls them, beside TOSCA's own. What runs an implementation is a [`FunctionRunner`]: nothing here starts
//! a program or knows a component.

mod call;

use floria::{Artifact, Implementation, Value, ValueMap};

use crate::Schema;

pub use call::{DesignFunctions, FunctionRunner};

/// What comes before the name of a design's function in a call.
pub const CUSTOM_NAMESPACE: &str = "custom:";

/// A function, as far as a call of it may need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name of its definition, without `$` and namespaces.
    pub name: String,
    /// The signatures that the call may mean, in order.
    pub signatures: Vec<Signature>,
}

/// One signature of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What must be given, in order.
    pub arguments: Vec<Schema>,
    /// What may follow.
    pub optional_arguments: Vec<Schema>,
    /// Whether the last of all these may be repeated; without any of them, whether anything is taken.
    pub variadic: bool,
    /// What it gives. None: anything.
    pub result: Option<Schema>,
    /// What computes it.
    pub implementation: Implementation,
    /// How long that may take, in milliseconds. None: as long as the runner gives it.
    pub timeout_ms: Option<u64>,
}

impl Signature {
    /// Returns whether it takes so many arguments.
    pub fn takes(&self, count: usize) -> bool {
        let least = self.arguments.len();
        count >= least && (self.variadic || count <= least + self.optional_arguments.len())
    }

    /// Returns what the argument at a position, from 0, must be. None: anything.
    pub fn argument(&self, position: usize) -> Option<&Schema> {
        let mut all = self.arguments.iter().chain(&self.optional_arguments);
        let last = self.optional_arguments.last().or(self.arguments.last());
        all.nth(position).or(last.filter(|_| self.variadic))
    }
}

impl Definition {
    /// Writes it as a value, as the module says.
    pub fn to_value(&self) -> Value {
        let signatures = self.signatures.iter().map(Signature::to_value).collect();
        Value::map([("name", Value::from(self.name.as_str())), ("signatures", Value::List(signatures))])
    }

    /// Reads it from a value.
    ///
    /// # Errors
    /// A sentence, when the value is none that [`Definition::to_value`] writes.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let name = value.get("name").and_then(Value::as_text).ok_or("it has no name")?;
        let signatures = value.get("signatures").and_then(Value::as_list).ok_or("it has no signatures")?;
        let signatures = signatures.iter().map(Signature::from_value).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), signatures })
    }
}

impl Signature {
    fn to_value(&self) -> Value {
        let mut map = ValueMap::new();
        let mut put = |key: &str, value: Value| map.insert(key.into(), value);
        let schemas = |all: &[Schema]| Value::List(all.iter().map(Schema::to_value).collect());
        if !self.arguments.is_empty() {
            put("arguments", schemas(&self.arguments));
        }
        if !self.optional_arguments.is_empty() {
            put("optional_arguments", schemas(&self.optional_arguments));
        }
        if self.variadic {
            put("variadic", true.into());
        }
        if let Some(result) = &self.result {
            put("result", result.to_value());
        }
        match &self.implementation {
            Implementation::Driver(name) => put("driver", name.as_str().into()),
            Implementation::Plugin(artifact) => put("component", artifact_value(artifact)),
            Implementation::Script { artifact, dependencies } => {
                if !dependencies.is_empty() {
                    let dependencies = dependencies.iter().map(artifact_value).collect();
                    put("dependencies", Value::List(dependencies));
                }
                put("script", artifact_value(artifact))
            }
        };
        if let Some(timeout_ms) = self.timeout_ms {
            put("timeout", Value::Integer(i64::try_from(timeout_ms).unwrap_or(i64::MAX)));
        }
        Value::Map(map)
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let schema = |value: &Value| Schema::from_value(value).map_err(|error| error.to_string());
        let schemas = |key: &str| -> Result<Vec<Schema>, String> {
            let all = value.get(key).map_or(Some(&[][..]), Value::as_list);
            all.ok_or_else(|| format!("its `{key}` are not a list"))?.iter().map(schema).collect()
        };
        let implementation = if let Some(component) = value.get("component") {
            Implementation::Plugin(read_artifact(component)?)
        } else if let Some(script) = value.get("script") {
            let dependencies = value.get("dependencies").and_then(Value::as_list).unwrap_or_default();
            Implementation::Script {
                artifact: read_artifact(script)?,
                dependencies: dependencies.iter().map(read_artifact).collect::<Result<_, _>>()?,
            }
        } else {
            let driver = value.get("driver").and_then(Value::as_text);
            Implementation::Driver(driver.ok_or("one of its signatures has no implementation")?.to_owned())
        };
        let timeout = value.get("timeout").and_then(Value::as_integer);
        Ok(Self {
            arguments: schemas("arguments")?,
            optional_arguments: schemas("optional_arguments")?,
            variadic: value.get("variadic").and_then(Value::as_boolean).unwrap_or(false),
            result: value.get("result").map(schema).transpose()?,
            implementation,
            timeout_ms: timeout.and_then(|timeout| u64::try_from(timeout).ok()),
        })
    }
}

fn artifact_value(artifact: &Artifact) -> Value {
    Value::map([("path", artifact.path.as_str()), ("digest", artifact.digest.as_str())])
}

fn read_artifact(value: &Value) -> Result<Artifact, String> {
    let text = |key: &str| {
        let text = value.get(key).and_then(Value::as_text).map(str::to_owned);
        text.ok_or_else(|| format!("a file of it has no `{key}`"))
    };
    Ok(Artifact { path: text("path")?, digest: text("digest")? })
}
