//! Components are found, checked, compiled once and called afresh.

use std::{collections::BTreeMap, fs, sync::Arc};

use floria::{Artifact, Implementation, Value};
use khutulun_api::{Executor, Outcome, Recovery};
use khutulun_wasm::{BuiltIn, WasmExecutor};

use crate::support::{Double, HOSTILE, failure, hostile, operation, outputs, plugin};

#[test]
fn every_call_has_an_instance_of_its_own() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new());
    for _ in 0..5 {
        assert_eq!(outputs(&executor, &implementation, "calls", &[])["calls"], Value::Integer(1));
    }
}

#[test]
fn a_value_comes_back_as_it_went() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new());
    let mut operation = operation(&implementation, "echo", &[("text", "höhe\0")]);
    operation
        .inputs
        .insert("nested".into(), Value::List(vec![Value::map([("a", Value::Float(-0.0))]), Value::Null]));
    operation.inputs.insert("bytes".into(), Value::Bytes(vec![0, 255]));
    assert_eq!(executor.execute_here(&operation), Outcome::Succeeded(operation.inputs.clone()));
}

#[test]
fn compiled_code_is_kept_and_used_again() {
    let (machine, implementation) = hostile();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("compiled");
    let kept = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let call = || {
        let executor = WasmExecutor::new(machine.clone(), Vec::new()).with_cache(&folder);
        outputs(&executor, &implementation, "calls", &[])
    };
    let first = call();
    let [file] = &kept()[..] else { panic!("{:?}", kept()) };
    let made = fs::metadata(file).unwrap().modified().unwrap();
    assert_eq!(call(), first);
    assert_eq!(kept(), std::slice::from_ref(file));
    assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), made);

    // What is broken is made anew.
    fs::write(file, "junk").unwrap();
    assert_eq!(call(), first);
    assert!(fs::metadata(file).unwrap().len() > 1000);
}

#[test]
fn a_folder_for_compiled_code_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (machine, implementation) = hostile();
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let executor = WasmExecutor::new(machine, Vec::new()).with_cache(place.path());
    let message = failure(&executor, &implementation, "calls").message;
    assert!(message.contains("it is open to others, with mode 777"), "{message}");
}

#[test]
fn a_plugin_that_changed_since_it_was_deployed_is_refused() {
    let (machine, implementation) = hostile();
    let Implementation::Plugin(artifact) = &implementation else { panic!() };
    fs::write(machine.folder.path().join(&artifact.digest), b"\0asm\x0d\0\x01\0").unwrap();
    let executor = WasmExecutor::new(machine.clone(), Vec::new());
    assert_eq!(
        failure(&executor, &implementation, "calls").message,
        "plugin `plugins/hostile.wasm` is not the one that the service was deployed with: its content changed"
    );
}

#[test]
fn what_is_no_plugin_is_refused_with_a_reason() {
    let machine = Arc::new(Double::new());
    let executor =
        WasmExecutor::new(machine.clone(), vec![BuiltIn { name: "process", bytes: b"", digest: "" }]);
    let check = |implementation: &Implementation, expected: &str| {
        let message = failure(&executor, implementation, "calls").message;
        assert!(message.starts_with(expected), "{message}");
    };
    check(&plugin(&machine, b"junk"), "failed to load plugin `plugins/hostile.wasm`: ");
    check(&plugin(&machine, b"\0asm\x0d\0\x01\0"), "failed to load plugin `plugins/hostile.wasm`: ");
    check(&plugin(&machine, &HOSTILE[..HOSTILE.len() / 2]), "failed to load plugin `plugins/hostile.wasm`: ");
    check(
        &Implementation::Plugin(Artifact { path: "gone.wasm".into(), digest: "0".repeat(64) }),
        "failed to find plugin `gone.wasm`: artifact 000",
    );
    check(
        &Implementation::Driver("docker".into()),
        "there is no driver `docker` in this khutulun; there is: process",
    );
}

#[test]
fn a_manifest_says_what_a_plugin_asks_for() {
    let (machine, implementation) = hostile();
    let manifest = WasmExecutor::new(machine, Vec::new()).manifest(&implementation).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.repeatable), ("hostile", false));
    assert_eq!(manifest.asks.commands[0].program, "/bin/echo");
    assert!(manifest.asks.processes);
}

#[test]
fn only_a_plugin_that_promises_it_is_run_again_after_a_crash() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let recover = |implementation: &Implementation| {
        let operation = operation(implementation, "lifecycle.start", &[]);
        runtime.block_on(executor.recover(&operation))
    };
    assert_eq!(recover(&Implementation::Driver("process".into())), Recovery::Repeatable);
    assert_eq!(
        recover(&implementation),
        Recovery::Unknown(
            "plugin `plugins/hostile.wasm` may have done `lifecycle.start` on `web`, and does not promise that doing it \
             again does no harm"
                .into()
        )
    );
}

#[test]
fn an_operation_without_inputs_has_an_empty_map() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new());
    assert_eq!(outputs(&executor, &implementation, "echo", &[]), BTreeMap::new());
}
