//! Instantiation hooks that are components.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Entity, Properties, Value, VertexId};
use floria_resolver::{Adaptation, Hook, Hooks};
use khutulun_api::{Operation, OperationId, Outcome, RunId, Subject};

use crate::{
    WasmExecutor,
    call::{self, Around},
    error::sentence,
};

/// How long a hook may take, where its handler does not say. It has nothing to wait for but its turn on a busy machine: what
/// bounds it is `Limits::computing_ms_max`.
const TIMEOUT_MS: u64 = 60_000;

/// Runs instantiation hooks whose implementation is a component: a driver or a plugin.
///
/// A hook has no authority at all, whatever its manifest asks for and the operator allows: it is run for previews too. Its
/// request is that of an operation (`instantiate.before`, `instantiate.after`) whose context holds `properties` (those with a
/// value), `metadata` and `classes` of the instance. It answers a map with `properties` and `metadata` to set, both optional,
/// or fails with the reason why the instance must not be made.
pub struct WasmHooks<'e> {
    executor: &'e WasmExecutor,
}

impl WasmExecutor {
    /// Returns what runs instantiation hooks, on the calling thread.
    pub fn hooks(&self) -> WasmHooks<'_> {
        WasmHooks { executor: self }
    }
}

impl Hooks for WasmHooks<'_> {
    fn run(&mut self, hook: &Hook<'_>) -> Result<Adaptation, String> {
        let implementation =
            hook.handler.implementation.clone().ok_or_else(|| format!("`{}` has no code", hook.event))?;
        let inner = &self.executor.inner;
        let runtime = inner.runtime().map_err(|error| sentence(&error))?;
        let loaded = inner.load(&implementation).map_err(|error| sentence(&error))?;
        let timeout_ms = hook.handler.timeout_ms_max.unwrap_or(TIMEOUT_MS);
        let operation = Arc::new(Operation {
            id: OperationId { run: RunId(0), step: 0, attempt: 0 },
            subject: Subject {
                service: hook.instance.namespace().0.clone(),
                node: hook.path.to_owned(),
                vertex: VertexId(hook.instance.key().id().unwrap_or(0)),
                relationship: None,
                origin: hook.handler.origin.clone(),
            },
            event: hook.event.to_owned(),
            implementation,
            inputs: hook.inputs.clone(),
            context: context(hook.instance),
            timeout_ms,
            epoch: 0,
            repeatable: false,
        });
        let around = Around {
            machine: Arc::clone(&inner.machine),
            limits: Arc::clone(&inner.limits),
            reports: Arc::clone(&inner.reports),
            grants: vec![Arc::default()],
            deadline: Instant::now() + Duration::from_millis(timeout_ms),
        };
        match call::invoke(&runtime, &loaded, &operation, around) {
            Outcome::Succeeded(outputs) => {
                adaptation(outputs).map_err(|reason| format!("{}: {reason}", loaded.label))
            }
            Outcome::Failed(failure) => Err(failure.message),
        }
    }
}

fn context(instance: &Entity) -> Value {
    let values = |properties: &Properties| {
        let known =
            properties.iter().filter_map(|(name, property)| Some((name.as_str(), property.value.clone()?)));
        Value::map(known)
    };
    let metadata = instance.metadata().iter().map(|(name, value)| (name.as_str(), value.clone()));
    let classes = instance.classes().map(|class| Value::from(class.0.as_str())).collect();
    Value::map([
        ("properties", instance.properties().map_or_else(Value::default, values)),
        ("metadata", Value::map(metadata)),
        ("classes", Value::List(classes)),
    ])
}

fn adaptation(outputs: BTreeMap<String, Value>) -> Result<Adaptation, String> {
    let mut adaptation = Adaptation::default();
    for (name, value) in outputs {
        let target = match name.as_str() {
            "properties" => &mut adaptation.properties,
            "metadata" => &mut adaptation.metadata,
            _ => return Err(format!("it answered `{name}`, which a hook does not have")),
        };
        let Value::Map(entries) = value else { return Err(format!("its `{name}` are not a map")) };
        for (key, value) in entries {
            let Value::Text(key) = key else {
                return Err(format!("one of its `{name}` has no text for a name"));
            };
            target.insert(key, value);
        }
    }
    Ok(adaptation)
}
