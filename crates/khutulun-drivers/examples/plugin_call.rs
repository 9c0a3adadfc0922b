//! Measures what a call of a driver costs: `cargo run --release -p khutulun-drivers --example plugin_call`.
//!
//! Best of five, as everywhere here. The operation is `lifecycle.create` of the process driver, which reads its properties
//! and asks for nothing, so that the sandbox is all that is measured. `benches/` has the same under criterion.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Implementation, Value, VertexId};
use khutulun_api::{Machine, Operation, OperationId, Outcome, RunId, Subject};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand};
use khutulun_wasm::{BuiltIn, WasmExecutor};

/// How many calls make one sample of a warm call.
const CALLS: u32 = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("khutulun-plugin-call-{}", std::process::id()));
    let state = StateDirectory::open(folder.join("state"))?;
    let machine = Arc::new(LocalMachine::new(state, SupervisorCommand::new("/bin/false", [""])));
    let code = folder.join("code");
    let operation = operation();

    for driver in khutulun_drivers::drivers() {
        println!("{:<24} {:>9} bytes", format!("component {}", driver.name), driver.bytes.len());
    }
    let compiled = best(|| {
        // Nothing is kept from the time before.
        let _ = std::fs::remove_dir_all(&code);
        call(&executor(machine.clone(), &code), &operation)
    })?;
    show("first call ever", compiled, "engine start, compile, keep, manifest, call");
    for entry in std::fs::read_dir(&code)? {
        println!("{:<24} {:>9} bytes", "compiled code", entry?.metadata()?.len());
    }
    let cold = best(|| call(&executor(machine.clone(), &code), &operation))?;
    show("first call, cold", cold, "engine start, load compiled code, manifest, call");
    let executor = executor(machine, &code);
    let warm = best(|| (0..CALLS).try_for_each(|_| call(&executor, &operation)))?;
    show("warm call", (warm.0 / CALLS, warm.1 / CALLS), "fresh instance, call, drop");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn executor(machine: Arc<dyn Machine>, code: &PathBuf) -> WasmExecutor {
    let drivers = khutulun_drivers::drivers().iter();
    let drivers =
        drivers.map(|driver| BuiltIn { name: driver.name, bytes: driver.bytes, digest: driver.digest });
    WasmExecutor::new(machine, drivers.collect()).with_cache(code)
}

fn operation() -> Operation {
    let command = Value::List(["sleep", "300"].map(Value::from).to_vec());
    let properties = Value::map([("command", command)]);
    Operation {
        id: OperationId { run: RunId(1), step: 0, attempt: 1 },
        subject: Subject {
            service: "shop".into(),
            node: "web".into(),
            vertex: VertexId(1),
            relationship: None,
            origin: None,
        },
        event: "lifecycle.create".into(),
        implementation: Implementation::Driver("process".into()),
        inputs: BTreeMap::new(),
        context: Value::map([("properties", properties)]),
        timeout_ms: 10_000,
        epoch: 0,
        repeatable: false,
    }
}

fn call(executor: &WasmExecutor, operation: &Operation) -> Result<(), String> {
    match executor.execute_here(operation) {
        Outcome::Succeeded(_) => Ok(()),
        Outcome::Failed(failure) => Err(failure.message),
    }
}

/// Returns the best wall time, and the best time that this thread used.
fn best(mut work: impl FnMut() -> Result<(), String>) -> Result<(Duration, Duration), String> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        let begin = (Instant::now(), used());
        work()?;
        best = (best.0.min(begin.0.elapsed()), best.1.min(used().saturating_sub(begin.1)));
    }
    Ok(best)
}

fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn show(name: &str, (wall, used): (Duration, Duration), what: &str) {
    println!("{name:<24} {wall:>12?} wall {used:>12?} used  {what}");
}
