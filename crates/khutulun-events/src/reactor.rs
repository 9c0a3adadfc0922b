//! Which reactions are due: events are looked at in order, service by service, and what follows is handed out.

mod lane;

use std::collections::BTreeMap;

use floria::{Batch, Functions, Graph, Namespace, Record, Store};
use khutulun_api::{RunId, names as words};

use crate::{
    error::EventError,
    event::Event,
    names,
    perform::Performed,
    reacted::{self, Progress, Said},
    reaction::{Limit, Reaction},
    read::{Page, Reader, end},
};
use lane::{Lane, Verdict};

/// How often a trigger may start, stop or make one node where its policy does not say, and how often it may do anything because of
/// what it itself caused: a process that always ends is not started for ever, and a circle of events comes to rest.
pub const LIMIT_DEFAULT: Limit = Limit { times_max: 5, within_ms: 600_000 };

/// How many events are read at once.
const EVENTS_MAX: usize = 500;

/// How many events may be looked at before it is recorded how far they were, while there is always something to do: as many may be
/// looked at again after a crash.
const UNRECORDED_MAX: u64 = 1_000;

/// How many rows of the log that nobody wants to hear of may be read again after a crash.
const UNRECORDED_ROWS_MAX: u64 = 10_000;

/// A reaction whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is to be done.
    pub reaction: Reaction,
    /// The stage to begin with: those before it were done.
    pub stage: usize,
    /// The run of the stage before that, which must have succeeded.
    pub after: Option<RunId>,
    /// All that was recorded up to this cursor was there before this reaction began.
    pub read_to: u64,
}

/// Makes reactions of events: reads them in order, and hands out for each service one reaction at a time.
///
/// The log is the queue. Only a bounded number of events of each service is in memory; of one that is at work for long, the rest is
/// read again later. How far events were looked at is recorded from time to time, and what triggers did is recorded in the same
/// transaction as it begins. So after a crash events may be looked at again, and none is acted on twice by one trigger: see
/// [`Reactor::open`]. An idle reactor writes nothing.
///
/// A trigger reacts to what happens once it is there, not to what happened before.
///
/// It looks at the instances of a service for each of its events: a store that keeps them in memory ([`floria::KeptGraphs`]) makes that
/// cost what the event concerns.
pub struct Reactor {
    reader: Reader,
    /// All events up to here are in lanes, or nobody wants them.
    cursor: u64,
    /// What is recorded of how far events were looked at.
    recorded: u64,
    /// How many events were looked at since.
    unrecorded: u64,
    lanes: BTreeMap<Namespace, Lane>,
}

impl Reactor {
    /// Begins where the last one of this store ended, whatever ended it; the first one of a store begins with what happens from now
    /// on.
    ///
    /// # Errors
    ///
    /// When the store cannot be used.
    pub fn open(store: &dyn Store) -> Result<Self, EventError> {
        let mut lanes: BTreeMap<Namespace, Lane> = BTreeMap::new();
        let mut recorded = None;
        reacted::read_after(store, None, 0, |said| match said {
            Said::Looked(cursor) => recorded = Some(cursor),
            Said::Reacted(reacted) => lanes.entry(reacted.service.clone()).or_default().take_in(&reacted),
        })?;
        let recorded = match recorded {
            Some(recorded) => recorded,
            None => {
                let recorded = end(store)?;
                commit(store, vec![reacted::looked(recorded)])?;
                recorded
            }
        };
        lanes.values_mut().for_each(|lane| lane.forget_done(recorded));
        Ok(Self { reader: Reader::new(), cursor: recorded, recorded, unrecorded: 0, lanes })
    }

    /// Returns the cursor up to which events were read.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Reads some of the events that came since. Returns whether there are more.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`]. Nothing is lost.
    pub fn read(&mut self, store: &dyn Store) -> Result<bool, EventError> {
        let Page { events, cursor, more } = self.reader.read(store, self.cursor, EVENTS_MAX)?;
        for service in self.reader.changed_policies() {
            self.lanes.entry(service).or_default().forget_interests();
        }
        for gap in events.iter().filter_map(Event::gap) {
            commit(store, vec![reacted::missed(Namespace(String::new()), gap)])?;
            // It is told once, also where nothing follows from anything.
            self.unrecorded += 1;
        }
        for event in &events {
            for service in services(store, event)? {
                let lane = self.lanes.entry(service.clone()).or_default();
                if event.name == names::RUN_ENDED {
                    lane.run_ended(event.cursor);
                }
                if lane.wants(store, &service, &event.name)? {
                    lane.push(event);
                }
            }
        }
        self.cursor = cursor;
        Ok(more)
    }

    /// Returns the reactions whose turn it is: for each service that is not at work, at most one. Each must be ended by
    /// [`Reactor::ended`]. What nothing follows from is passed over.
    ///
    /// # Errors
    ///
    /// When the store cannot be used. Nothing is lost, but the caller must begin again with a new reactor.
    pub fn due(&mut self, store: &dyn Store, functions: &dyn Functions) -> Result<Vec<Due>, EventError> {
        let mut due = Vec::new();
        let mut records = Vec::new();
        let services: Vec<Namespace> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.is_ready())
            .map(|(service, _)| service.clone())
            .collect();
        for service in services {
            due.extend(self.next(store, functions, &service, &mut records)?);
        }
        commit(store, records)?;
        Ok(due)
    }

    /// The next reaction of a service.
    fn next(
        &mut self,
        store: &dyn Store,
        functions: &dyn Functions,
        service: &Namespace,
        records: &mut Vec<Record>,
    ) -> Result<Option<Due>, EventError> {
        let Self { lanes, unrecorded, cursor, .. } = self;
        let Some(lane) = lanes.get_mut(service) else { return Ok(None) };
        loop {
            if let Some(reaction) = lane.pending.front() {
                let reaction = reaction.clone();
                lane.settle_doubt(store, &reaction)?;
                lane.pending.pop_front();
                let graph = &graph_of(store, service)?;
                let verdict = lane.decide(reaction, *cursor);
                match verdict {
                    Verdict::Skip => {}
                    Verdict::Exhausted(exhausted) => {
                        records.push(reacted::exhausted(graph, &exhausted.reaction, exhausted.limit, true));
                    }
                    Verdict::Go(due, exhausted) => {
                        records.extend(exhausted.map(|exhausted| {
                            reacted::exhausted(graph, &exhausted.reaction, exhausted.limit, false)
                        }));
                        return Ok(Some(*due));
                    }
                }
                continue;
            }
            let gaps = lane.refill(store, service, *cursor)?;
            records.extend(gaps.into_iter().map(|gap| reacted::missed(service.clone(), gap)));
            let Some(event) = lane.pop() else { return Ok(None) };
            *unrecorded += 1;
            let graph = &graph_of(store, service)?;
            let considered = lane.react(&event, graph, functions);
            let undecided = considered.undecided.iter();
            records.extend(undecided.map(|what| reacted::undecided(graph, service, event.cursor, what)));
            for mut reaction in considered.reactions {
                if lane.exists_before(store, reaction.trigger, event.cursor)? {
                    lane.extend_chain(&mut reaction, event.run);
                    lane.pending.push_back(reaction);
                }
            }
        }
    }

    /// Takes in what became of a reaction that was handed out. None: nobody knows; it is handed out again, from where it was.
    pub fn ended(&mut self, due: Due, performed: Option<Performed>) {
        if let Some(lane) = self.lanes.get_mut(&due.reaction.service) {
            lane.ended(due, performed);
        }
    }

    /// Returns whether nothing is at work, and nothing that was read is left to be done.
    pub fn is_idle(&self) -> bool {
        self.lanes.values().all(Lane::is_idle)
    }

    /// Records how far events were looked at, where that is worth a commit: nothing is left to be done, or a lot was. To be called
    /// once there is nothing to hand out.
    ///
    /// # Errors
    ///
    /// When the store cannot be used. Nothing is lost.
    pub fn settle(&mut self, store: &dyn Store) -> Result<(), EventError> {
        let is_nothing = self.unrecorded == 0 && self.cursor < self.recorded + UNRECORDED_ROWS_MAX;
        if is_nothing || !self.is_idle() && self.unrecorded < UNRECORDED_MAX {
            return Ok(());
        }
        let position =
            self.lanes.values().map(|lane| lane.position(self.cursor)).min().unwrap_or(self.cursor);
        if position > self.recorded {
            commit(store, vec![reacted::looked(position)])?;
            self.recorded = position;
            self.lanes.values_mut().for_each(|lane| lane.forget_done(position));
        }
        self.unrecorded = 0;
        Ok(())
    }
}

/// The services whose policies hear of an event.
fn services(store: &dyn Store, event: &Event) -> Result<Vec<Namespace>, EventError> {
    if event.name == names::LOG_GAP {
        return Ok(Vec::new());
    }
    let is_service =
        |service: &Namespace| !service.0.is_empty() && !service.0.starts_with(words::OWN_NAMESPACE);
    if !event.service.0.is_empty() {
        return Ok(Some(event.service.clone()).filter(is_service).into_iter().collect());
    }
    let known = store.namespaces().map_err(EventError::store("list the services"))?;
    Ok(known.into_iter().filter(is_service).collect())
}

/// The instances of a service as they are now.
fn graph_of(store: &dyn Store, service: &Namespace) -> Result<Graph, EventError> {
    store.graph(service).map_err(EventError::store("read the instances"))
}

fn commit(store: &dyn Store, records: Vec<Record>) -> Result<(), EventError> {
    if records.is_empty() {
        return Ok(());
    }
    let attempt = "record what was looked at";
    store.commit(&Batch { records, ..Batch::default() }).map(drop).map_err(EventError::store(attempt))
}
