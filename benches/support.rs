//! What the benchmarks share: hello-world, taken through the layers one by one.
//!
//! Run them with `cargo bench --package benches`.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use floria::{Batch, Design, Graph, Implementation, Namespace, Record, Store, Value, VertexId};
use floria_resolver::{Limits, NoHooks, Request, resolve};
use floria_sqlite::SqliteStore;
use khutulun_api::{BoxFuture, Executor, Operation, OperationId, Outcome, Recovery, RunId, Subject};
use khutulun_engine::{Cancel, Engine, RunResult};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand};
use khutulun_lowering::{Options, SourceFiles, lower};
use khutulun_plan::{Basis, Plan, plan_deploy};
use khutulun_wasm::{BuiltIn, WasmExecutor};
use tosca::FileSources;
use tosca_functions::ToscaFunctions;
use tosca_profiles::WithProfiles;

/// The example that everything is measured on.
pub const HELLO_WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/hello-world/service.yaml");

/// Compiles and lowers a design: from text to templates.
pub fn compile(path: &str) -> Design {
    let sources = WithProfiles::new(FileSources::new().expect("there is a working directory"));
    let compilation = tosca::compile(path, &sources);
    let model = compilation.model.expect("the example is valid");
    let options = Options {
        service: "hello-world",
        texts: &compilation.sources,
        files: &SourceFiles(&sources),
        root: None,
    };
    lower(&model, &options).expect("the example can be lowered").design
}

/// Compares a design with what is in a store.
pub fn plan(design: &Design, store: &dyn Store) -> Plan {
    let namespace = &design.namespace;
    let base = store.namespace_revision(namespace).expect("the store can be read");
    let actual: Graph = store.graph(namespace).expect("the store can be read");
    let wanted = resolve(
        &Request {
            design,
            inputs: &BTreeMap::new(),
            counts: &floria_resolver::OWN_COUNTS,
            current: &actual,
            inventory: &[],
            functions: &ToscaFunctions,
            limits: Limits::default(),
        },
        &mut (1_u64 << 40..),
        &mut NoHooks,
    )
    .expect("the example can be resolved")
    .graph;
    plan_deploy(&Basis::new(namespace, base, &ToscaFunctions), &wanted, &actual, &design.digest())
        .expect("the example can be planned")
}

/// A store in a folder, with hello-world deployed in it by an executor that does nothing.
pub fn deployed(folder: &Path, design: &Design) -> SqliteStore {
    let path = folder.join("khutulun.db");
    let store = Arc::new(SqliteStore::open(&path).expect("a store can be made"));
    let plan = plan(design, store.as_ref());
    let engine = Engine::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(Idle), Arc::new(ToscaFunctions));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    let report =
        runtime.block_on(engine.run(plan, &(), &Cancel::new())).expect("the example can be deployed");
    assert_eq!(report.result, RunResult::Succeeded, "doing nothing succeeds");
    drop(engine);
    drop(store);
    SqliteStore::open(path).expect("a store can be opened again")
}

/// An executor that does nothing, successfully.
struct Idle;

impl Executor for Idle {
    fn execute<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Succeeded(BTreeMap::new()) })
    }

    fn recover<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async { Recovery::Repeatable })
    }
}

/// The smallest batch that a journal commits: one record.
pub fn record() -> Batch {
    let record = Record {
        stream: "run/1".into(),
        namespace: Namespace("hello-world".into()),
        kind: "intent".into(),
        body: Value::map([("step", 1_i64)]),
    };
    Batch { records: vec![record], ..Batch::default() }
}

/// The built-in drivers, on this machine, with compiled code kept in a folder.
pub fn drivers(folder: &Path) -> WasmExecutor {
    let state = StateDirectory::open(folder.join("state")).expect("a state directory can be made");
    let machine = LocalMachine::new(state, SupervisorCommand::new("/nonexistent", ["supervise"]));
    let drivers = khutulun_drivers::drivers()
        .iter()
        .map(|driver| BuiltIn { name: driver.name, bytes: driver.bytes, digest: driver.digest })
        .collect();
    WasmExecutor::new(Arc::new(machine), drivers).with_cache(folder.join("cache"))
}

/// Looks at a process that is not there: one call of the process driver, with one request to the host.
pub fn observe() -> Operation {
    Operation {
        id: OperationId { run: RunId(1), step: 0, attempt: 1 },
        subject: Subject {
            service: "hello-world".into(),
            node: "web".into(),
            vertex: VertexId(1),
            origin: None,
            relationship: None,
        },
        event: "lifecycle.observe".into(),
        implementation: Implementation::Driver("process".into()),
        inputs: BTreeMap::new(),
        context: Value::map::<&str, Value>([]),
        timeout_ms: 20_000,
        epoch: 0,
        repeatable: false,
    }
}
