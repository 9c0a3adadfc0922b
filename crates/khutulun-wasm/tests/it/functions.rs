//! Functions that are components.

use std::sync::Arc;

use floria::{Artifact, Custom, Implementation, Value};
use khutulun_api::NoMachine;
use khutulun_wasm::{Limits, WasmExecutor};

use crate::support::{Double, HOSTILE, plugin};

const FUNCTIONS: &[u8] = include_bytes!("../guests/functions.wasm");

/// Ample: compiling is not a part of it, but a machine may be busy.
const TIMEOUT_MS: u64 = 600_000;

fn library(content: &[u8]) -> (WasmExecutor, Artifact) {
    let machine = Arc::new(Double::new());
    let Implementation::Plugin(artifact) = plugin(&machine, content) else { panic!("it is a plugin") };
    (WasmExecutor::new(machine, Vec::new()), artifact)
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let (executor, artifact) = library(FUNCTIONS);
    executor.call_function(&artifact, name, arguments, TIMEOUT_MS)
}

#[test]
fn a_function_gets_values_and_gives_one() {
    assert_eq!(call("square", &[7.into()]), Ok(49.into()));
    assert_eq!(call("square", &[0.5.into()]), Ok(0.25.into()));
    assert_eq!(
        call("square", &[i64::MAX.into()]),
        Err("the square of 9223372036854775807 does not fit 64 bits".to_owned())
    );
}

#[test]
fn every_kind_of_value_crosses_whole() {
    let scalar = Custom {
        type_name: "tosca:scalar:Size B".to_owned(),
        order: 1_000_000_000.into(),
        text: "1 GB".to_owned(),
    };
    let arguments = [
        Value::Null,
        true.into(),
        (-1).into(),
        f64::NAN.into(),
        "höhe".into(),
        Value::Bytes(vec![0, 255]),
        Value::List(vec![scalar.clone().into(), Value::Null]),
        Value::Map([(scalar.clone().into(), 1.into()), (2.into(), scalar.into())].into()),
    ];
    assert_eq!(call("echo", &arguments), Ok(Value::List(arguments.to_vec())));
}

#[test]
fn every_call_has_an_instance_of_its_own() {
    let (executor, artifact) = library(FUNCTIONS);
    for _ in 0..3 {
        assert_eq!(executor.call_function(&artifact, "calls", &[], TIMEOUT_MS), Ok(1.into()));
    }
}

#[test]
fn one_that_misbehaves_is_stopped() {
    let failure = |name| call(name, &[]).unwrap_err();
    assert_eq!(failure("panic"), "plugin `plugins/hostile.wasm` trapped: it panicked or gave up");
    assert_eq!(
        failure("allocate"),
        "plugin `plugins/hostile.wasm` was stopped: it wanted more than 67108864 bytes of memory"
    );
    let (executor, artifact) = library(FUNCTIONS);
    let executor = executor.with_limits(Limits { computing_ms_max: 300, ..Limits::default() });
    assert_eq!(
        executor.call_function(&artifact, "loop", &[], TIMEOUT_MS).unwrap_err(),
        "plugin `plugins/hostile.wasm` was stopped: it computed for more than 300 ms without asking for anything"
    );
}

#[test]
fn one_whose_time_is_over_is_stopped() {
    let (executor, artifact) = library(FUNCTIONS);
    let error = executor.call_function(&artifact, "loop", &[], 50).unwrap_err();
    assert_eq!(error, "plugin `plugins/hostile.wasm` was stopped: its time was over");
}

#[test]
fn a_component_of_another_world_has_no_functions() {
    let (executor, artifact) = library(HOSTILE);
    let error = executor.call_function(&artifact, "square", &[1.into()], TIMEOUT_MS).unwrap_err();
    assert!(
        error.starts_with(
            "failed to load plugin `plugins/hostile.wasm`: it is not a component of functions that imports nothing: "
        ),
        "{error}"
    );
}

#[test]
fn components_at_hand_need_no_machine() {
    let (_, artifact) = library(FUNCTIONS);
    let executor = WasmExecutor::new(Arc::new(NoMachine), Vec::new());
    let error = executor.call_function(&artifact, "square", &[2.into()], TIMEOUT_MS).unwrap_err();
    assert!(error.starts_with("failed to find plugin `plugins/hostile.wasm`"), "{error}");
    let executor = executor.with_components([(artifact.digest.clone(), FUNCTIONS.to_vec())]);
    assert_eq!(executor.call_function(&artifact, "square", &[2.into()], TIMEOUT_MS), Ok(4.into()));
}
