//! One call of a component, in an instance of its own.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::Value;
use khutulun_api::{Failure, FailureClass, Machine, Operation, Outcome};
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::{
    Grant, Limits, NoReports, Reports,
    bindings::{PluginPre, exports::khutulun::plugin::operations as exported},
    engine::{Loaded, Runtime},
    flat::{self, Special},
    host::{State, Stop},
    report::clean,
};

/// How long a plugin may compute to say what it is, in milliseconds.
const MANIFEST_COMPUTING_MS_MAX: u64 = 5_000;

/// How long that may take on a machine that has little time for it.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a manifest may be, in bytes.
const MANIFEST_BYTES_MAX: usize = 64 << 10;

/// How long the message of a failure may be, in bytes: it is one sentence.
pub(crate) const MESSAGE_BYTES_MAX: usize = 2 << 10;

/// How long the detail of a failure may be, in bytes: some screens.
const DETAIL_BYTES_MAX: usize = 16 << 10;

/// What a call has around it.
pub(crate) struct Around {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) reports: Arc<dyn Reports>,
    /// What the component asks for, and what it is allowed.
    pub(crate) grants: Vec<Arc<Grant>>,
    pub(crate) deadline: Instant,
}

/// Does an operation. However it ends, the instance is gone.
pub(crate) fn invoke(
    runtime: &Runtime,
    loaded: &Loaded,
    operation: &Arc<Operation>,
    around: Around,
) -> Outcome {
    let request = match request(operation) {
        Ok(request) => request,
        Err(reason) => {
            return failed(Failure::permanent(format!(
                "failed to hand the node to {}: {reason}",
                loaded.label
            )));
        }
    };
    let Around { machine, limits, reports, grants, deadline } = around;
    let state = State::new(machine, limits, reports, Some(Arc::clone(operation)), grants, deadline);
    let mut store = store(runtime, state);
    let answer = {
        let _ticking = runtime.ticker().tick();
        loaded
            .pre
            .instantiate(&mut store)
            .and_then(|plugin| plugin.khutulun_plugin_operations().call_invoke(&mut store, &request))
    };
    let denied = std::mem::take(&mut store.data_mut().denied);
    drop(store);

    let failure = match answer {
        Ok(Ok(value)) => match outputs(&value) {
            Ok(outputs) => return Outcome::Succeeded(outputs),
            Err(reason) => {
                Failure::permanent(format!("{} answered a malformed value: {reason}", loaded.label))
            }
        },
        Ok(Err(failure)) => Failure {
            class: match failure.class {
                exported::FailureClass::Transient => FailureClass::Transient,
                exported::FailureClass::Permanent => FailureClass::Permanent,
                exported::FailureClass::NeedsOperator => FailureClass::NeedsOperator,
                exported::FailureClass::UnknownOutcome => FailureClass::UnknownOutcome,
                exported::FailureClass::Denied => FailureClass::Denied,
            },
            message: clean(&failure.message, MESSAGE_BYTES_MAX),
            detail: clean(&failure.detail, DETAIL_BYTES_MAX),
        },
        Err(error) => Failure::permanent(format!("{} {}", loaded.label, ending(&error))),
    };
    failed(if denied.is_empty() { failure } else { with_denials(&loaded.label, failure, &denied) })
}

/// Asks a component what it is. It has no grant meanwhile.
pub(crate) fn manifest(
    runtime: &Runtime,
    pre: &PluginPre<State>,
    machine: &Arc<dyn Machine>,
    limits: &Arc<Limits>,
) -> Result<String, String> {
    let deadline = Instant::now() + MANIFEST_TIMEOUT;
    let limits = Limits {
        computing_ms_max: limits.computing_ms_max.min(MANIFEST_COMPUTING_MS_MAX),
        ..Limits::clone(limits)
    };
    let (machine, limits) = (Arc::clone(machine), Arc::new(limits));
    let mut store =
        store(runtime, State::new(machine, limits, Arc::new(NoReports), None, Vec::new(), deadline));
    let _ticking = runtime.ticker().tick();
    let answer = pre
        .instantiate(&mut store)
        .and_then(|plugin| plugin.khutulun_plugin_operations().call_manifest(&mut store));
    let json = answer.map_err(|error| format!("it {}", ending(&error)))?;
    if json.len() > MANIFEST_BYTES_MAX {
        return Err(format!("it has more than {MANIFEST_BYTES_MAX} bytes"));
    }
    Ok(json)
}

/// Returns the store of one call, which ends when the state says so.
pub(crate) fn store(runtime: &Runtime, state: State) -> Store<State> {
    let request_bytes_max = state.limits.request_bytes_max;
    let mut store = Store::new(runtime.engine(), state);
    store.limiter(|state| state);
    // What a guest hands over may name the same bytes many times; this counts them each time.
    store.set_hostcall_fuel(request_bytes_max);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| match store.data().stop() {
        Some(stop) => Err(stop.into()),
        None => Ok(UpdateDeadline::Continue(1)),
    });
    store
}

fn request(operation: &Operation) -> Result<exported::Request, String> {
    let entries = operation.inputs.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone()));
    let inputs = Value::Map(entries.collect());
    Ok(exported::Request {
        operation: operation.id.to_string(),
        event: operation.event.clone(),
        service: operation.subject.service.clone(),
        node: operation.subject.node.clone(),
        vertex: operation.subject.vertex.0,
        inputs: flat::pack(&inputs, Special::Text)
            .map_err(|reason| format!("the inputs are too much: {reason}"))?,
        context: flat::pack(&operation.context, Special::Text)
            .map_err(|reason| format!("what the graph says of it is too much: {reason}"))?,
        timeout_ms: operation.timeout_ms,
    })
}

fn outputs(
    value: &crate::bindings::khutulun::plugin::values::Value,
) -> Result<BTreeMap<String, Value>, String> {
    let Value::Map(entries) = flat::unpack(value)? else {
        return Err("it is not a map of outputs".to_owned());
    };
    let output = |(name, value)| match name {
        Value::Text(name) => Ok((name, value)),
        other => Err(format!("the name of an output is {}, not text", other.kind())),
    };
    entries.into_iter().map(output).collect()
}

/// Says how a call ended that did not return.
pub(crate) fn ending(error: &wasmtime::Error) -> String {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return format!("was stopped: {stop}");
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "trapped: it panicked or gave up".to_owned(),
        Some(trap) => format!("trapped: {trap}"),
        None => format!("trapped: {}", clean(&error.root_cause().to_string(), MESSAGE_BYTES_MAX)),
    }
}

/// A failure after a denial is, first of all, about the denial: it is what an operator can mend.
fn with_denials(label: &str, failure: Failure, denied: &[String]) -> Failure {
    Failure {
        class: FailureClass::Denied,
        message: format!("{label} was not granted {}", denied.join(", ")),
        detail: if failure.detail.is_empty() {
            failure.message
        } else {
            format!("{}\n{}", failure.message, failure.detail)
        },
    }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(failure)
}
