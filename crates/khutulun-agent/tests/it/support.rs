//! An agent at work in a directory of its own.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use floria::{Batch, Change, Metadata, Namespace, Property, Store, Value, Vertex, VertexId};
use floria_sqlite::SqliteStore;
use khutulun_agent::{Act, Agent, AgentError, Host, SOCKET, Status, Stop, ask};
use khutulun_api::{BoxFuture, Clock, names};
use khutulun_events::{Due, Event, EventError, Performed, read};
use khutulun_host::StateDirectory;
use serde_json::{Value as Json, json};
use tosca_functions::ToscaFunctions;

/// How long a condition may take to become true. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the clock says at first: a time that no test lives to see, so that an alarm by the machine's own clock does not ring.
const LONG_AFTER_MS: u64 = 4_000_000_000_000;

/// A clock that is moved by hand.
#[derive(Default)]
pub(crate) struct HandClock(pub(crate) AtomicU64);

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Keeps what it is told, and what it is asked to do.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) notes: Mutex<Vec<String>>,
    pub(crate) due: Mutex<Vec<Due>>,
    /// Breaks down when it is told something.
    pub(crate) breaks: bool,
    /// Reactions do not end while somebody has this.
    pub(crate) held: tokio::sync::Mutex<()>,
}

impl Act for Told {
    fn perform<'a>(&'a self, due: &'a Due) -> BoxFuture<'a, Result<Performed, EventError>> {
        self.due.lock().unwrap().push(due.clone());
        Box::pin(async {
            drop(self.held.lock().await);
            Ok(Performed::default())
        })
    }

    fn take_up<'a>(&'a self) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Host for Told {
    fn note(&self, text: &str) {
        assert!(!self.breaks, "it was told: {text}");
        self.notes.lock().unwrap().push(text.to_owned());
    }

    fn document(&self, event: &Event) -> Json {
        json!({ "cursor": event.cursor, "name": event.name, "data": event.data, "author": event.author })
    }
}

/// A state directory with a store in which the service `shop` is.
pub(crate) struct Place {
    pub(crate) state: StateDirectory,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) folder: tempfile::TempDir,
}

/// An agent at work.
pub(crate) struct AtWork {
    pub(crate) told: Arc<Told>,
    store: Arc<SqliteStore>,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), AgentError>>>,
    root: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let store = Arc::new(SqliteStore::open(state.database()).unwrap());
        let place = Self { state, store, clock: Arc::new(HandClock(AtomicU64::new(LONG_AFTER_MS))), folder };
        place.put(vertex(place.id(), "shop", None));
        place
    }

    pub(crate) fn id(&self) -> VertexId {
        VertexId(self.store.allocate(1).unwrap().start)
    }

    pub(crate) fn put(&self, vertex: Vertex) {
        self.store.commit(&Batch { changes: vec![Change::put(vertex)], ..Batch::default() }).unwrap();
    }

    /// Adds a policy of one of khutulun's own types.
    pub(crate) fn policy(&self, name: &str, kind: &str, property: &str, value: Value) -> VertexId {
        let id = self.id();
        let mut policy = vertex(id, name, None);
        policy.metadata.insert(names::POLICY.to_owned(), name.into());
        policy.classes.push(floria::ClassName(format!("khutulun.policies:0.1:{kind}")));
        policy.properties.insert(property.to_owned(), Property { value: Some(value), ..Property::default() });
        self.put(policy);
        id
    }

    /// Starts an agent, and returns once it hears.
    pub(crate) fn agent(&self) -> AtWork {
        self.agent_with(self.store.clone(), Told::default())
    }

    pub(crate) fn agent_with(&self, store: Arc<dyn Store>, told: Told) -> AtWork {
        let told = Arc::new(told);
        let agent = Agent {
            state: self.state.clone(),
            store,
            functions: Arc::new(ToscaFunctions),
            act: told.clone(),
            host: told.clone(),
            clock: self.clock.clone(),
            author: "agent@h1".to_owned(),
        };
        let stop = Stop::default();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = thread::spawn({
            let stop = stop.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(agent.run(&stop, || ready.send(()).unwrap()))
            }
        });
        is_ready.recv_timeout(PATIENCE).expect("the agent began");
        AtWork {
            told,
            store: self.store.clone(),
            stop,
            thread: Some(thread),
            root: self.state.root().to_owned(),
        }
    }
}

impl AtWork {
    pub(crate) fn status(&self) -> Status {
        ask(&self.root).expect("a status")
    }

    /// The events that there are.
    pub(crate) fn events(&self) -> Vec<Event> {
        read(&*self.store, 0, usize::MAX).unwrap().events
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.name).collect()
    }

    pub(crate) fn event(&self, name: &str) -> Event {
        eventually(name, || self.names().iter().any(|other| other == name));
        self.events().into_iter().find(|event| event.name == name).unwrap()
    }

    pub(crate) fn end(self) {
        self.stop.stop();
        self.ended().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> Result<(), AgentError> {
        self.thread.take().unwrap().join().unwrap()
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.root.join(SOCKET)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and returns all that comes back.
    pub(crate) fn send(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // One who does not want to hear all of it says so early, and closes.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> String {
        let mut request =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(body);
        self.send(&request)
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the status of an answer: `200`.
pub(crate) fn code(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

pub(crate) fn vertex(id: VertexId, name: &str, container: Option<VertexId>) -> Vertex {
    Vertex {
        id,
        namespace: Namespace("shop".to_owned()),
        name: name.to_owned(),
        container,
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
