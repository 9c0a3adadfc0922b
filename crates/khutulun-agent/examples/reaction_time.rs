//! How long it takes from an event's commit to the first effect of what a policy wants done: the whole agent, on SQLite, with an
//! executor that does nothing but look at the clock.
//!
//! `cargo run --release -p khutulun-agent --example reaction_time [EVENTS] [FOLDER]`

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use floria::{
    Artifact, Batch, Change, Edge, EdgeId, Handler, Implementation, Metadata, Named, Namespace, Property,
    Site, Store, Value, Vertex, VertexId,
};
use floria_sqlite::SqliteStore;
use khutulun_agent::{Act, Agent, Host, Stop};
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery, SystemClock, names};
use khutulun_engine::{Cancel, Engine};
use khutulun_events::{Actor, Due, Emission, Event, EventError, NoScaler, Performed, emit, perform};
use khutulun_host::StateDirectory;
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
    store: Arc<SqliteStore>,
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

/// A node with an operation, and a policy whose trigger calls it.
fn service(store: &dyn Store) -> Result<VertexId, Box<dyn Error>> {
    let first = store.allocate(10)?.start;
    let [own, web, policy, trigger, edge] = [0, 1, 2, 3, 4].map(|offset| first + offset);
    let mut node = vertex(web, "web", Some(own), Some(names::NODE));
    let artifact = Artifact { path: "note.sh".to_owned(), digest: "0".repeat(64) };
    let script = Implementation::Script { artifact, dependencies: Vec::new() };
    node.handlers.insert("care.note".to_owned(), handler(Some(script), Metadata::new()));
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
    let changes = vertexes.into_iter().map(Change::put).chain([Change::put(target)]).collect();
    store.commit(&Batch { changes, ..Batch::default() })?;
    Ok(VertexId(web))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().map_or(Ok(500), |text| text.parse())?;
    let folder = match arguments.next() {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let state = StateDirectory::open(folder.path().join("state"))?;
    let store = Arc::new(SqliteStore::open(state.database())?);
    let web = service(&*store)?;
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
    for _ in 0..events {
        let before = Instant::now();
        emit(&*store, &ToscaFunctions, &emission)?;
        let committed = Instant::now();
        let began = begins.recv_timeout(Duration::from_secs(60))?;
        commits.push(committed - before);
        // It may have begun before the one who told it had its answer.
        reactions.push(began.saturating_duration_since(committed));
        ends.recv_timeout(Duration::from_secs(60))?;
    }
    stop.stop();
    thread.join().map_err(|_| "the agent panicked")??;
    for (what, times) in
        [("to record the event", &mut commits), ("from there to the first effect", &mut reactions)]
    {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        println!("{what}: median {:.2} ms, 90 % {:.2} ms, 99 % {:.2} ms", at(50), at(90), at(99));
    }
    Ok(())
}
