//! Telling: what happened becomes events, each once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use floria::{Functions, Namespace, Site, Store, Value};
use khutulun_api::ProcessIdentity;
use khutulun_events::{Emission, EventError, emit_with};
use khutulun_host::ProcessChange;

use crate::{
    file,
    host::Host,
    marks::{Mark, Marks},
    nodes,
    process::{self, Told},
    sources::{self, FILE_MARK, Kind, Source, TIMER_MARK},
    timer::{Beat, Due},
};

/// The event of a file that changed.
const FILE_CHANGED: &str = "file.changed";

/// What the names of processes' marks begin with.
const PROCESS_MARK: &str = "process ";

/// Records what happened. All its methods block for as long as the store does.
pub(crate) struct Teller {
    store: Arc<dyn Store>,
    functions: Arc<dyn Functions>,
    host: Arc<dyn Host>,
    author: String,
    marks: Marks,
    /// The latest of each process.
    processes: BTreeMap<ProcessIdentity, ProcessChange>,
    /// Those that may have something to tell: it is tried again when the store could not be used.
    waiting: BTreeSet<ProcessIdentity>,
    sources: Vec<Source>,
    beats: BTreeMap<String, Beat>,
    problems: Vec<String>,
    /// Whether policies were read and all that follows was done.
    has_read: bool,
    told: u64,
}

/// An event with what is remembered of it.
struct Telling {
    emission: Emission,
    mark: Mark,
}

impl Teller {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        functions: Arc<dyn Functions>,
        host: Arc<dyn Host>,
        author: String,
    ) -> Result<Self, EventError> {
        let marks = Marks::read(&*store).map_err(failed("read what was told"))?;
        Ok(Self {
            store,
            functions,
            host,
            author,
            marks,
            processes: BTreeMap::new(),
            waiting: BTreeSet::new(),
            sources: Vec::new(),
            beats: BTreeMap::new(),
            problems: Vec::new(),
            has_read: false,
            told: 0,
        })
    }

    /// Returns how many processes, timers and files there are, how many events were told, and how many processes may have something to tell.
    pub(crate) fn numbers(&self) -> [u64; 5] {
        let files = self.sources.len() - self.beats.len();
        [
            self.processes.len(),
            self.beats.len(),
            files,
            usize::try_from(self.told).unwrap_or(0),
            self.waiting.len(),
        ]
        .map(|number| number as u64)
    }

    /// Takes in what changed of processes, and tells what is to be told.
    pub(crate) fn processes(&mut self, changes: Vec<ProcessChange>) -> Result<(), EventError> {
        for change in changes {
            let identity = change.identity.clone();
            self.waiting.insert(identity.clone());
            if change.status.is_some() {
                self.processes.insert(identity, change);
            } else {
                self.processes.remove(&identity);
            }
        }
        self.retry()
    }

    /// Tells what could not be told before.
    pub(crate) fn retry(&mut self) -> Result<(), EventError> {
        let mut services: BTreeMap<String, Vec<ProcessIdentity>> = BTreeMap::new();
        for identity in &self.waiting {
            services.entry(identity.service.clone()).or_default().push(identity.clone());
        }
        for (service, identities) in services {
            self.of_service(&service, &identities)?;
        }
        Ok(())
    }

    fn of_service(&mut self, service: &str, identities: &[ProcessIdentity]) -> Result<(), EventError> {
        let mut due = Vec::new();
        for identity in identities {
            let name = mark_of(identity);
            let Some(change) = self.processes.get(identity) else {
                // It was removed: nothing of it can be told any more.
                self.forget(&name)?;
                self.waiting.remove(identity);
                continue;
            };
            let told = self.marks.get(&name).and_then(Told::from_value);
            match process::tell(told.as_ref(), change) {
                Some(tell) => due.push((identity.clone(), name, tell)),
                None => {
                    self.waiting.remove(identity);
                }
            }
        }
        let namespace = Namespace(service.to_owned());
        if due.is_empty() {
            return Ok(());
        }
        let wanted: Vec<&str> = due.iter().map(|(identity, ..)| identity.node.as_str()).collect();
        let nodes =
            nodes::by_machine_names(&*self.store, &namespace, &wanted).map_err(failed("read the nodes"))?;
        let mut tellings = Vec::new();
        for (identity, name, (event, data, told)) in due {
            let Some(node) = nodes.get(&identity.node) else {
                // A process that no node is of: it is nobody's.
                self.waiting.remove(&identity);
                continue;
            };
            let mark = self
                .marks
                .put(&*self.store, &name, told.to_value())
                .map_err(failed("remember what was told"))?;
            let emission = self.emission(&namespace, Some(Site::Vertex(*node)), event.to_owned(), data);
            tellings.push((identity, Telling { emission, mark }));
        }
        let (identities, tellings): (Vec<_>, Vec<_>) = tellings.into_iter().unzip();
        self.tell(tellings)?;
        self.waiting.retain(|identity| !identities.contains(identity));
        Ok(())
    }

    /// What follows from the policies is done again, as if they were new.
    pub(crate) fn forget_sources(&mut self) {
        self.has_read = false;
    }

    /// Reads what policies ask for. Returns the paths of the files that are to be watched; None: all is as it was.
    pub(crate) fn read_sources(&mut self, now_ms: u64) -> Result<Option<BTreeSet<PathBuf>>, EventError> {
        let found = sources::read(&*self.store, &*self.functions).map_err(failed("read the policies"))?;
        for problem in found.problems.iter().filter(|problem| !self.problems.contains(problem)) {
            self.host.note(problem);
        }
        self.problems = found.problems;
        if self.sources == found.sources && self.has_read {
            return Ok(None);
        }
        self.has_read = true;
        self.sources = found.sources;
        let wanted: BTreeSet<String> = self.sources.iter().map(Source::mark).collect();
        let gone: Vec<String> = [TIMER_MARK, FILE_MARK]
            .into_iter()
            .flat_map(|prefix| self.marks.beginning_with(prefix))
            .filter(|name| !wanted.contains(*name))
            .map(str::to_owned)
            .collect();
        gone.iter().try_for_each(|name| self.forget(name))?;
        self.beats.clear();
        let mut paths = BTreeSet::new();
        for source in self.sources.clone() {
            let name = source.mark();
            match &source.kind {
                Kind::Timer(every_ms) => {
                    let last = self.marks.get(&name).and_then(Value::as_integer);
                    let last_ms = match last.and_then(|last| u64::try_from(last).ok()) {
                        Some(last_ms) => last_ms,
                        None => {
                            // From now on it is known, so that starting the agent again does not put it off.
                            self.remember(&name, time_value(now_ms))?;
                            now_ms
                        }
                    };
                    self.beats.insert(name, Beat { last_ms, every_ms: *every_ms });
                }
                Kind::File(path) => {
                    paths.insert(path.clone());
                    if self.marks.get(&name).is_none() {
                        self.remember(&name, file::look(path))?;
                    }
                }
            }
        }
        Ok(Some(paths))
    }

    /// Tells of timers that are due, and returns when the next one is. None: there is none.
    pub(crate) fn timers(&mut self, now_ms: u64) -> Result<Option<u64>, EventError> {
        let mut next: Option<u64> = None;
        let timers: Vec<Source> =
            self.sources.iter().filter(|source| matches!(source.kind, Kind::Timer(_))).cloned().collect();
        for source in timers {
            let name = source.mark();
            let Some(beat) = self.beats.get_mut(&name) else { continue };
            let mut due = beat.due(now_ms);
            if let Due::Now { as_of_ms, missed } = due {
                let data = BTreeMap::from([
                    ("policy".to_owned(), Value::from(source.name.as_str())),
                    ("missed".to_owned(), Value::Integer(i64::try_from(missed).unwrap_or(i64::MAX))),
                ]);
                // By its name any policy of the service can ask for it.
                let event = format!("timer.{}", source.name);
                self.tell_of(&source, None, event, data, time_value(as_of_ms))?;
                let Some(beat) = self.beats.get_mut(&name) else { continue };
                beat.last_ms = as_of_ms;
                due = beat.due(now_ms);
            }
            if let Due::At(at_ms) = due {
                next = Some(next.map_or(at_ms, |next| next.min(at_ms)));
            }
        }
        Ok(next)
    }

    /// Tells of files that changed, of those that `touched` says; None: of all.
    pub(crate) fn files(&mut self, touched: Option<&BTreeSet<PathBuf>>) -> Result<(), EventError> {
        for source in self.sources.clone() {
            let Kind::File(path) = &source.kind else { continue };
            if touched.is_some_and(|touched| !touched.contains(path)) {
                continue;
            }
            let look = file::look(path);
            if self.marks.get(&source.mark()) == Some(&look) {
                continue;
            }
            let data = BTreeMap::from([
                ("policy".to_owned(), Value::from(source.name.as_str())),
                ("path".to_owned(), Value::from(path.to_string_lossy().as_ref())),
                ("exists".to_owned(), Value::Boolean(look != Value::Null)),
            ]);
            // One name for all files: it is about the policy that asked.
            let site = Some(Site::Vertex(source.policy));
            self.tell_of(&source, site, FILE_CHANGED.to_owned(), data, look)?;
        }
        Ok(())
    }

    fn tell_of(
        &mut self,
        source: &Source,
        site: Option<Site>,
        event: String,
        data: BTreeMap<String, Value>,
        value: Value,
    ) -> Result<(), EventError> {
        let mark =
            self.marks.put(&*self.store, &source.mark(), value).map_err(failed("remember what was told"))?;
        let emission = self.emission(&source.service, site, event, data);
        self.tell(vec![Telling { emission, mark }])
    }

    fn emission(
        &self,
        service: &Namespace,
        site: Option<Site>,
        name: String,
        data: BTreeMap<String, Value>,
    ) -> Emission {
        Emission { service: service.clone(), site, name, data, author: Some(self.author.clone()) }
    }

    /// Records events and their marks together. What cannot be taken in is said and counts as told.
    fn tell(&mut self, tellings: Vec<Telling>) -> Result<(), EventError> {
        if tellings.is_empty() {
            return Ok(());
        }
        let emissions: Vec<Emission> = tellings.iter().map(|telling| telling.emission.clone()).collect();
        let changes: Vec<_> = tellings.iter().map(|telling| telling.mark.change.clone()).collect();
        let emitted = emit_with(&*self.store, &*self.functions, &emissions, &changes, Some(&self.author));
        match emitted {
            Ok(_) => {
                self.told += emissions.len() as u64;
                tellings.into_iter().for_each(|telling| self.marks.keep(telling.mark));
                Ok(())
            }
            Err(error @ (EventError::Engine(_) | EventError::Store { .. })) => Err(error),
            Err(_) if tellings.len() > 1 => {
                tellings.into_iter().try_for_each(|telling| self.tell(vec![telling]))
            }
            Err(error) => {
                let telling = tellings.into_iter().next().expect("there is one");
                self.host.note(&format!("`{}` was not told: {error}", telling.emission.name));
                let change = telling.mark.change.clone();
                self.commit(&[change])?;
                self.marks.keep(telling.mark);
                Ok(())
            }
        }
    }

    fn remember(&mut self, name: &str, value: Value) -> Result<(), EventError> {
        let mark = self.marks.put(&*self.store, name, value).map_err(failed("remember what was told"))?;
        self.commit(std::slice::from_ref(&mark.change))?;
        self.marks.keep(mark);
        Ok(())
    }

    fn forget(&mut self, name: &str) -> Result<(), EventError> {
        let Some(mark) = self.marks.remove(name) else { return Ok(()) };
        self.commit(std::slice::from_ref(&mark.change))?;
        self.marks.keep(mark);
        Ok(())
    }

    fn commit(&self, changes: &[floria::Change]) -> Result<(), EventError> {
        emit_with(&*self.store, &*self.functions, &[], changes, Some(&self.author)).map(drop)
    }
}

fn mark_of(identity: &ProcessIdentity) -> String {
    format!("{PROCESS_MARK}{}/{}", identity.service, identity.node)
}

fn time_value(time_ms: u64) -> Value {
    Value::Integer(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

fn failed(attempt: &'static str) -> impl FnOnce(floria::StoreError) -> EventError {
    move |source| EventError::Store { attempt, source }
}
