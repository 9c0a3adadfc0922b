//! How long it takes from an event's commit to the first effect of what a policy wants done: the whole agent, on SQLite, with an
//! executor that does nothing but look at the clock. The event is about one node; the service has as many as one says, each with two
//! capabilities, an edge, and the operations and properties of an ordinary node.
//!
//! `cargo run --release -p khutulun-agent --example reaction_time [EVENTS] [NODES] [FOLDER]`

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use floria::{
    Artifact, Batch, Change, Edge, EdgeId, Handler, Implementation, KeptGraphs, Metadata, Named, Namespace,
    Property, Site, Store, Value, Vertex, VertexId,
};
use floria_sqlite::SqliteStore;
use khutulun_agent::{Act, Agent, Host, Stop};
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery, SystemClock, names};
use khutulun_engine::{Cancel, Engine};
use khutulun_events::{Actor, Due, Emission, Event, EventError, NoScaler, Performed, emit, perform};
use khutulun_host::StateDirectory;
use rustix::time::{ClockId, clock_gettime};
use tosca_functions::ToscaFunctions;

/// An executor whose only effect is that it says when.
struct Watch(mpsc::Sender<Instant>);

impl Executor for Watch {
    fn execute<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, Outcome> {
        let _ = self.0.send(Instant::now());
        Box::pin(std::future::ready(Outcome::Succeeded(BTreeMap::new())))
    }

    fn recover<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(std::future::ready(Recovery::NeverStarted))
    }
}

struct Reactions {
    engine: Engine,
    store: Arc<dyn Store>,
    ended: mpsc::Sender<()>,
}

impl Reactions {
    async fn perform(&self, due: &Due) -> Result<Performed, EventError> {
        let actor = Actor {
            engine: &self.engine,
            store: &*self.store,
            functions: &ToscaFunctions,
            host: None,
            drivers: &[],
            clock: &SystemClock,
            scaler: &NoScaler,
            observer: &(),
            cancel: &Cancel::new(),
        };
        let performed = perform(&actor, due).await;
        let _ = self.ended.send(());
        performed
    }
}

impl Act for Reactions {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Performed, EventError>> {
        Box::pin(self.perform(due))
    }

    fn take_up<'a>(&'a self) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Quiet;

impl Host for Quiet {
    fn note(&self, text: &str) {
        eprintln!("{text}");
    }

    fn document(&self, _: &Event) -> serde_json::Value {
        serde_json::Value::Null
    }
}

fn vertex(id: u64, name: &str, container: Option<u64>, kind: Option<&str>) -> Vertex {
    Vertex {
        id: VertexId(id),
        namespace: Namespace("shop".to_owned()),
        name: name.to_owned(),
        container: container.map(VertexId),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: kind.map(|kind| (kind.to_owned(), Value::from(name))).into_iter().collect(),
        origin: None,
    }
}

fn handler(implementation: Option<Implementation>, metadata: Metadata) -> Handler {
    Handler {
        implementation,
        inputs: Named::new(),
        outputs: Named::new(),
        timeout_ms_max: None,
        metadata,
        origin: None,
    }
}

/// Nodes with operations, and a policy whose trigger calls one of the first node.
fn service(store: &dyn Store, nodes: u64) -> Result<VertexId, Box<dyn Error>> {
    let ids = store.allocate(10 + 4 * nodes)?;
    let first = ids.start;
    let [own, web, policy, trigger, edge] = [0, 1, 2, 3, 4].map(|offset| first + offset);
    let node = node(web, "web", own);
    let mut does = vertex(trigger, "told", Some(policy), Some(names::TRIGGER));
    let event = Property { value: Some(Value::from("told")), ..Property::default() };
    does.properties.insert(names::EVENT.to_owned(), event);
    let activity = Metadata::from([
        (names::ACTIVITY_KIND.to_owned(), Value::from("call_operation")),
        (names::ACTIVITY_SUBJECT.to_owned(), Value::from("care.note")),
    ]);
    does.handlers.insert(format!("{}.0", names::ACTIVITY), handler(None, activity));
    let mut care = vertex(policy, "care", Some(own), Some(names::POLICY));
    for (name, number) in [("times_max", 1_000), ("within", 1)] {
        let property = Property { value: Some(Value::Integer(number)), ..Property::default() };
        care.properties.insert(name.to_owned(), property);
    }
    let target = Edge {
        id: EdgeId(edge),
        namespace: Namespace("shop".to_owned()),
        name: names::TARGET.to_owned(),
        index: 0,
        source: VertexId(policy),
        target: VertexId(web),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    };
    let vertexes = [vertex(own, "shop", None, None), node, care, does];
    let mut changes: Vec<Change> =
        vertexes.into_iter().map(Change::put).chain([Change::put(target.clone())]).collect();
    let mut before = web;
    for place in 1..nodes {
        let [id, endpoint, feature, edge] = [0, 1, 2, 3].map(|offset| first + 10 + 4 * place + offset);
        changes.push(Change::put(self::node(id, &format!("worker-{place}"), own)));
        changes.push(Change::put(vertex(endpoint, "endpoint", Some(id), None)));
        changes.push(Change::put(vertex(feature, "feature", Some(id), None)));
        let (source, target_id) = (VertexId(id), VertexId(before));
        let name = "upstream".to_owned();
        changes.push(Change::put(Edge {
            id: EdgeId(edge),
            name,
            source,
            target: target_id,
            ..target.clone()
        }));
        before = endpoint;
    }
    store.commit(&Batch { changes, ..Batch::default() })?;
    Ok(VertexId(web))
}

/// A node as it is deployed: with operations, properties, and its state.
fn node(id: u64, name: &str, service: u64) -> Vertex {
    let mut node = vertex(id, name, Some(service), Some(names::NODE));
    let artifact = Artifact { path: "note.sh".to_owned(), digest: "0".repeat(64) };
    let script = Implementation::Script { artifact, dependencies: Vec::new() };
    for operation in ["create", "configure", "start", "stop", "delete"] {
        let operation = format!("{}.{operation}", names::LIFECYCLE);
        node.handlers.insert(operation, handler(Some(script.clone()), Metadata::new()));
    }
    node.handlers.insert("care.note".to_owned(), handler(Some(script), Metadata::new()));
    for property in ["command", "folder", "user", "port", "address"] {
        let value = Value::from(format!("the {property} of {name}"));
        node.properties.insert(property.to_owned(), Property { value: Some(value), ..Property::default() });
    }
    node.metadata.insert(names::STATE.to_owned(), "started".into());
    node
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().map_or(Ok(500), |text| text.parse())?;
    let nodes: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let folder = match arguments.next() {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let state = StateDirectory::open(folder.path().join("state"))?;
    let store: Arc<dyn Store> = Arc::new(KeptGraphs::new(SqliteStore::open(state.database())?, 96 << 20));
    let web = service(&*store, nodes)?;
    let (began, begins) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    let engine = Engine::new(store.clone(), Arc::new(Watch(began)), Arc::new(ToscaFunctions));
    let agent = Agent {
        state,
        store: store.clone(),
        functions: Arc::new(ToscaFunctions),
        act: Arc::new(Reactions { engine, store: store.clone(), ended }),
        host: Arc::new(Quiet),
        clock: Arc::new(SystemClock),
        author: "agent".to_owned(),
    };
    let stop = Stop::default();
    let (ready, is_ready) = mpsc::channel();
    let thread = std::thread::spawn({
        let stop = stop.clone();
        move || -> Result<(), String> {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime
                .block_on(agent.run(&stop, || {
                    let _ = ready.send(());
                }))
                .map_err(|error| error.to_string())
        }
    });
    is_ready.recv()?;
    let emission = Emission {
        service: Namespace("shop".to_owned()),
        site: Some(Site::Vertex(web)),
        name: "told".to_owned(),
        data: BTreeMap::new(),
        author: None,
    };
    let (mut commits, mut reactions) = (Vec::new(), Vec::new());
    // What is read once is not what an event costs.
    const FIRST: usize = 10;
    let mut used = Duration::ZERO;
    for event in 0..FIRST + events {
        if event == FIRST {
            (commits, reactions) = (Vec::new(), Vec::new());
            used = processor_time();
        }
        let before = Instant::now();
        emit(&*store, &ToscaFunctions, &emission)?;
        let committed = Instant::now();
        let began = begins.recv_timeout(Duration::from_secs(60))?;
        commits.push(committed - before);
        // It may have begun before the one who told it had its answer.
        reactions.push(began.saturating_duration_since(committed));
        ends.recv_timeout(Duration::from_secs(60))?;
    }
    let used = (processor_time() - used).as_secs_f64() * 1000.0 / events as f64;
    stop.stop();
    thread.join().map_err(|_| "the agent panicked")??;
    for (what, times) in
        [("to record the event", &mut commits), ("from there to the first effect", &mut reactions)]
    {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        println!(
            "{nodes} nodes, {what}: median {:.2} ms, 90 % {:.2} ms, 99 % {:.2} ms",
            at(50),
            at(90),
            at(99)
        );
    }
    let peak = std::fs::read_to_string("/proc/self/status")?;
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!(
        "{nodes} nodes, processor time of an event, its reaction and the run: {used:.2} ms; peak of memory {peak}"
    );
    Ok(())
}

/// How much processor time all threads took so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
