//! How long a storm of events takes, and how much memory: recording, reading, looking at and acting on them, on SQLite.
//!
//!     cargo run --release -p khutulun-events --example storm_time [EVENTS]

use std::{collections::BTreeMap, error::Error, fs, sync::Arc, time::Instant};

use floria::{
    Batch, Call, Change, Evaluated, EvaluationError, Evaluator, Expression, Functions, Handler,
    Implementation, Metadata, Named, Namespace, Property, Site, Store, Value, Vertex, VertexId,
};
use floria_sqlite::SqliteStore;
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery, SystemClock, names as words};
use khutulun_engine::{Cancel, Engine};
use khutulun_events::{Actor, Emission, NoScaler, Reactor, Reader, emit, emit_all, perform};

/// How many events a transaction records where they come in groups.
const GROUP: usize = 500;

struct Attributes;

impl Functions for Attributes {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        evaluator.property(site, &call.function)
    }
}

struct Nothing;

impl Executor for Nothing {
    fn execute<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Succeeded(BTreeMap::new()) })
    }

    fn recover<'a>(&'a self, _: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async { Recovery::Repeatable })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let events: usize = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let store: Arc<SqliteStore> = Arc::new(SqliteStore::open(folder.path().join("store.db"))?);
    service(&*store)?;
    Reactor::open(&*store)?;
    let service = Namespace("shop".to_owned());
    let emission = |name: &str| Emission {
        service: service.clone(),
        site: Some(Site::Vertex(VertexId(2))),
        name: name.to_owned(),
        data: [("load".to_owned(), Value::from(0.5))].into(),
        author: Some("storm".to_owned()),
    };
    let few = events / 100;
    let timer = Timer::new();
    for _ in 0..few {
        emit(&*store, &Attributes, &emission("alone"))?;
    }
    timer.tell("recorded one by one", few);
    let timer = Timer::new();
    for _ in 0..events / GROUP {
        emit_all(&*store, &Attributes, &vec![emission("quiet"); GROUP], Some("storm"))?;
    }
    timer.tell("recorded in groups", events);
    let timer = Timer::new();
    let (mut reader, mut cursor, mut count) = (Reader::new(), 0, 0);
    loop {
        let page = reader.read(&*store, cursor, GROUP)?;
        (cursor, count) = (page.cursor, count + page.events.len());
        if !page.more {
            break;
        }
    }
    timer.tell("read", count);
    let timer = Timer::new();
    act(&store)?;
    timer.tell("looked at: the condition does not hold", events);
    for _ in 0..few {
        emit(&*store, &Attributes, &emission("loud"))?;
    }
    let timer = Timer::new();
    let acted = act(&store)?;
    timer.tell("acted on, a run of one operation for each", acted);
    Ok(())
}

/// Reacts until nothing is left to be done; returns how many reactions there were.
fn act(store: &Arc<SqliteStore>) -> Result<usize, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::new(store.clone(), Arc::new(Nothing), Arc::new(Attributes));
    let cancel = Cancel::new();
    let actor = Actor {
        engine: &engine,
        store: &**store,
        functions: &Attributes,
        host: None,
        drivers: &[],
        clock: &SystemClock,
        scaler: &NoScaler,
        observer: &(),
        cancel: &cancel,
    };
    let mut reactor = Reactor::open(&**store)?;
    let mut acted = 0;
    loop {
        let more = reactor.read(&**store)?;
        let due = reactor.due(&**store, &Attributes)?;
        let is_over = due.is_empty() && !more;
        for due in due {
            let performed = runtime.block_on(perform(&actor, &due))?;
            reactor.ended(due, Some(performed));
            acted += 1;
        }
        reactor.settle(&**store)?;
        if is_over {
            return Ok(acted);
        }
    }
}

/// A service with one node and two policies: one whose condition does not hold, and one without a condition.
fn service(store: &dyn Store) -> Result<(), Box<dyn Error>> {
    store.allocate(100)?;
    let mut shop = vertex(1, "shop", None);
    shop.metadata.insert(words::SERVICE.to_owned(), "shop".into());
    let mut node = vertex(2, "web", Some(1));
    node.metadata.insert(words::NODE.to_owned(), "web".into());
    node.metadata.insert(words::STATE.to_owned(), "started".into());
    let no = Property { value: Some(false.into()), ..Property::default() };
    node.properties.insert("ready".to_owned(), no);
    let code = Some(Implementation::Driver("nothing".to_owned()));
    node.handlers.insert("care.note".to_owned(), Handler { implementation: code, ..silent(Named::new()) });
    let mut changes = vec![Change::put(shop), Change::put(node)];
    for (id, event, has_condition) in [(10, "quiet", true), (20, "loud", false)] {
        let mut policy = vertex(id, &format!("policy:{event}"), Some(1));
        policy.metadata.insert(words::POLICY.to_owned(), event.into());
        let mut trigger = vertex(id + 1, event, Some(id));
        trigger.metadata.insert(words::TRIGGER.to_owned(), event.into());
        let value = Property { value: Some(event.into()), ..Property::default() };
        trigger.properties.insert(words::EVENT.to_owned(), value);
        let mut activity = silent(Named::new());
        activity.metadata.insert(words::ACTIVITY_KIND.to_owned(), words::ACTIVITY_KINDS[2].into());
        activity.metadata.insert(words::ACTIVITY_SUBJECT.to_owned(), "care.note".into());
        trigger.handlers.insert(format!("{}.0", words::ACTIVITY), activity);
        if has_condition {
            let ready =
                Expression::from(Call { function: "ready".to_owned(), arguments: Vec::new(), origin: None });
            let inputs = Named::from([("0".to_owned(), ready)]);
            trigger.handlers.insert(words::CONDITION.to_owned(), silent(inputs));
        }
        changes.extend([Change::put(policy), Change::put(trigger)]);
    }
    store.commit(&Batch { changes, ..Batch::default() })?;
    Ok(())
}

fn vertex(id: u64, name: &str, container: Option<u64>) -> Vertex {
    Vertex {
        id: VertexId(id),
        namespace: Namespace("shop".to_owned()),
        name: name.to_owned(),
        container: container.map(VertexId),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}

fn silent(inputs: Named<Expression>) -> Handler {
    Handler {
        implementation: None,
        inputs,
        outputs: Named::new(),
        timeout_ms_max: None,
        metadata: Metadata::new(),
        origin: None,
    }
}

struct Timer(Instant);

impl Timer {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn tell(&self, what: &str, count: usize) {
        let micros = self.0.elapsed().as_micros() as f64 / count.max(1) as f64;
        let peak = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim().to_owned();
        println!("{count:>8} {what}: {micros:.1} µs each; peak of memory so far {peak}");
    }
}
