//! What goes wrong in an agent, and how it goes on.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use floria::{
    At, Author, Batch, Finding, Forgotten, Handler, LogQuery, LogRow, Metadata, Named, Property, Revision,
    Signal, Snapshot, Stats, Store, StoreError, Value,
};
use khutulun_agent::AgentError;
use khutulun_api::names;
use khutulun_events::REACTIONS;

use crate::support::{Place, Told, eventually, vertex};

/// A store whose log cannot be read once, and then the stream of reactions not.
struct Sulky {
    inner: Arc<dyn Store>,
    sulks: AtomicBool,
    sulks_again: AtomicBool,
}

impl Store for Sulky {
    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        let sulks = match query.stream.as_deref() {
            None => &self.sulks,
            Some(REACTIONS) => &self.sulks_again,
            Some(_) => return self.inner.log(query),
        };
        if sulks.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable { attempt: "read".to_owned(), source: "not now".into() });
        }
        self.inner.log(query)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        self.inner.commit(batch)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.inner.allocate(count)
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.inner.snapshot(at)
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        self.inner.signal()
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        self.inner.forget_before(revision, keep, author)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.inner.stats()
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        self.inner.verify()
    }
}

/// A policy of the whole service with a trigger that does something when `told` happens.
fn put_trigger(place: &Place) {
    let service = place.store.graph(&floria::Namespace("shop".to_owned())).unwrap();
    let service = service.vertexes().next().unwrap().id;
    let (policy, trigger) = (place.id(), place.id());
    let mut care = vertex(policy, "policy:care", Some(service));
    care.metadata.insert(names::POLICY.to_owned(), "care".into());
    place.put(care);
    let mut told = vertex(trigger, "told", Some(policy));
    told.metadata.insert(names::TRIGGER.to_owned(), "told".into());
    let event = Property { value: Some(Value::from("webhook.told")), ..Property::default() };
    told.properties.insert(names::EVENT.to_owned(), event);
    let activity = [(names::ACTIVITY_KIND, "call_operation"), (names::ACTIVITY_SUBJECT, "care.note")];
    let handler = Handler {
        implementation: None,
        inputs: Named::new(),
        outputs: Named::new(),
        timeout_ms_max: None,
        metadata: activity.map(|(key, word)| (key.to_owned(), word.into())).into_iter().collect::<Metadata>(),
        origin: None,
    };
    told.handlers.insert(format!("{}.0", names::ACTIVITY), handler);
    place.put(told);
}

/// What was at work when reading failed is not waited for by a reactor that never heard how it ended.
#[test]
fn after_errors_events_are_reacted_to_again() {
    let place = Place::new();
    put_trigger(&place);
    let inner = place.store.clone();
    let store = Arc::new(Sulky { inner, sulks: AtomicBool::new(false), sulks_again: AtomicBool::new(false) });
    let agent = place.agent_with(store.clone(), Told::default());
    let told = Arc::clone(&agent.told);
    let begun = |count| told.due.lock().unwrap().len() >= count;
    let held = told.held.blocking_lock();
    agent.post("/events/told?service=shop", b"");
    eventually("it reacts", || begun(1));
    store.sulks_again.store(true, Ordering::SeqCst);
    store.sulks.store(true, Ordering::SeqCst);
    agent.post("/events/other?service=shop", b"");
    eventually("it cannot look", || !store.sulks.load(Ordering::SeqCst));
    drop(held);
    // What was at work is not recorded as done here, so it comes again; and so does what is new.
    eventually("it reacts again", || begun(2));
    agent.end();
}

#[test]
fn an_agent_that_breaks_down_ends_and_says_so() {
    let place = Place::new();
    let agent = place.agent_with(place.store.clone(), Told { breaks: true, ..Told::default() });
    place.policy("never", "Timer", "every", Value::from("now and then"));
    assert!(matches!(agent.ended(), Err(AgentError::Broken)));
}
