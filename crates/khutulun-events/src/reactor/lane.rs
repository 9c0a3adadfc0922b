//! The events of one service that wait to be looked at, and what its triggers did.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use floria::{EntityKey, Functions, Graph, LogQuery, Namespace, Site, Store, VertexId};
use khutulun_api::RunId;

use super::{Due, LIMIT_DEFAULT, Progress, graph_of};
use crate::{
    error::EventError,
    event::{Event, Gap},
    perform::Performed,
    reacted::{self, Reacted, Said},
    reaction::{Considered, Limit, Reaction, Stage, all_triggers, event_of, react_by},
    read::{Reader, log},
};

/// How many events of a service are in memory; the rest waits in the log.
const QUEUE_MAX: usize = 256;

/// How many runs of reactions are remembered: those whose events may still come.
const RUNS_MAX: usize = 1_000;

/// How many of the last times that a trigger did something to a target are remembered: no limit is larger.
const TIMES_MAX: usize = 1_000;

/// How often a reaction may be, where that is limited.
fn limit_of(reaction: &Reaction) -> Option<Limit> {
    let is_limited = reaction.is_of_lifecycle || reaction.is_of_itself;
    reaction.limit.or(is_limited.then_some(LIMIT_DEFAULT))
}

/// What is kept of a service.
#[derive(Default)]
pub(super) struct Lane {
    /// Its triggers, by the events that they are for. None: nobody has looked since they changed.
    interests: Option<BTreeMap<String, Vec<VertexId>>>,
    /// Events in order, from the first one that nobody has looked at.
    queue: VecDeque<Event>,
    /// Events after this cursor are not in the queue, which was full.
    behind: Option<u64>,
    /// What follows from the event that is being looked at.
    pub(super) pending: VecDeque<Reaction>,
    /// The event whose reaction is at work.
    at_work: Option<u64>,
    /// Whether nothing is handed out before a run ends.
    waits: bool,
    /// The cursor of the last end of a run.
    run_ended: u64,
    /// How far reactions came, by event and trigger.
    done: BTreeMap<(u64, VertexId), Progress>,
    /// Reactions of which only the log knows how far they came.
    doubted: BTreeSet<(u64, VertexId)>,
    /// When triggers did something to targets: the last times.
    fired: HashMap<(VertexId, Site), VecDeque<u64>>,
    /// Whom it was told of that they did so too often.
    told: HashSet<(VertexId, Site)>,
    /// All that happened to a target up to here was there when it was looked at last.
    looked: HashMap<(VertexId, Site), u64>,
    /// The triggers that led to a run.
    chains: BTreeMap<RunId, Vec<VertexId>>,
    /// Where triggers were made.
    made: HashMap<VertexId, u64>,
}

/// What becomes of a reaction whose turn it is.
pub(super) enum Verdict {
    /// It was done, or there is nothing to be done.
    Skip,
    /// It is one too many, which is told.
    Exhausted(Box<Exhausted>),
    /// It is handed out; at other targets it is one too many.
    Go(Box<Due>, Option<Box<Exhausted>>),
}

/// A reaction that is one too many.
pub(super) struct Exhausted {
    pub(super) reaction: Reaction,
    pub(super) limit: Limit,
}

fn interests(graph: &Graph) -> BTreeMap<String, Vec<VertexId>> {
    let mut interests: BTreeMap<String, Vec<VertexId>> = BTreeMap::new();
    for (trigger, event) in all_triggers(graph) {
        interests.entry(event.to_owned()).or_default().push(trigger.id);
    }
    interests
}

impl Lane {
    /// Takes in what was recorded of a reaction.
    pub(super) fn take_in(&mut self, reacted: &Reacted) {
        self.done.insert((reacted.cursor, reacted.trigger), reacted.progress);
        self.remember_run(reacted.run, &reacted.chain);
        if reacted.counts {
            self.fire(reacted.trigger, &reacted.targets, reacted.time_ms);
        }
    }

    fn fire(&mut self, trigger: VertexId, targets: &[Site], time_ms: u64) {
        for target in targets {
            let times = self.fired.entry((trigger, *target)).or_default();
            times.push_back(time_ms);
            if times.len() > TIMES_MAX {
                times.pop_front();
            }
            self.told.remove(&(trigger, *target));
        }
    }

    fn remember_run(&mut self, run: Option<RunId>, chain: &[VertexId]) {
        let Some(run) = run else { return };
        self.chains.insert(run, chain.to_vec());
        if self.chains.len() > RUNS_MAX {
            self.chains.pop_first();
        }
    }

    /// Forgets what is needed only for events up to a cursor.
    pub(super) fn forget_done(&mut self, cursor: u64) {
        self.done.retain(|(of, _), _| *of > cursor);
    }

    /// Its triggers may be others.
    pub(super) fn forget_interests(&mut self) {
        self.interests = None;
    }

    /// Returns whether a trigger is for events of this name.
    pub(super) fn wants(
        &mut self,
        store: &dyn Store,
        service: &Namespace,
        event: &str,
    ) -> Result<bool, EventError> {
        if self.interests.is_none() {
            self.interests = Some(interests(&graph_of(store, service)?));
        }
        Ok(self.interests.as_ref().is_some_and(|interests| interests.contains_key(event)))
    }

    /// Returns what its triggers make of an event.
    pub(super) fn react(&mut self, event: &Event, graph: &Graph, functions: &dyn Functions) -> Considered {
        let interests = self.interests.get_or_insert_with(|| interests(graph));
        let known = interests.get(&event.name).into_iter().flatten();
        // One that changed, or went, after the event was read is as it is now.
        let triggers = known
            .filter_map(|id| graph.vertex(*id))
            .filter(|trigger| event_of(trigger) == Some(event.name.as_str()));
        react_by(triggers, event, graph, functions)
    }

    /// Adds an event, or leaves it in the log.
    pub(super) fn push(&mut self, event: &Event) {
        if self.behind.is_some() {
            return;
        }
        if self.queue.len() >= QUEUE_MAX {
            self.behind = Some(event.cursor - 1);
            return;
        }
        self.queue.push_back(event.clone());
    }

    /// Reads what was left in the log, up to a cursor, once all that is in memory was looked at. Returns what was forgotten meanwhile.
    pub(super) fn refill(
        &mut self,
        store: &dyn Store,
        service: &Namespace,
        read_to: u64,
    ) -> Result<Vec<Gap>, EventError> {
        let mut gaps = Vec::new();
        let Some(mut cursor) = self.behind.filter(|_| self.queue.is_empty()) else { return Ok(gaps) };
        let mut reader = Reader::new();
        while cursor < read_to {
            let page = reader.read(store, cursor, QUEUE_MAX)?;
            gaps.extend(page.events.iter().filter_map(Event::gap));
            for event in page.events.into_iter().filter(|event| event.cursor <= read_to) {
                let is_ours = event.service == *service || event.service.0.is_empty();
                if is_ours && self.wants(store, service, &event.name)? {
                    self.queue.push_back(event);
                }
            }
            cursor = page.cursor;
            if !self.queue.is_empty() {
                break;
            }
        }
        self.behind = Some(cursor).filter(|cursor| *cursor < read_to);
        Ok(gaps)
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// A run of the service ended.
    pub(super) fn run_ended(&mut self, cursor: u64) {
        self.run_ended = cursor;
        self.waits = false;
    }

    /// Returns whether something may be handed out.
    pub(super) fn is_ready(&self) -> bool {
        self.at_work.is_none() && !self.waits && self.has_more()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.at_work.is_none() && !self.has_more()
    }

    fn has_more(&self) -> bool {
        !self.queue.is_empty() || !self.pending.is_empty() || self.behind.is_some()
    }

    /// Returns the cursor up to which nothing is left to be done, of events up to one.
    pub(super) fn position(&self, read_to: u64) -> u64 {
        let first = [
            self.at_work,
            self.pending.front().map(|reaction| reaction.cursor),
            self.queue.front().map(|event| event.cursor),
        ];
        let first = first.into_iter().flatten().map(|cursor| cursor - 1);
        first.chain(self.behind).min().unwrap_or(read_to)
    }

    /// Returns whether a trigger was there when an event happened.
    pub(super) fn exists_before(
        &mut self,
        store: &dyn Store,
        trigger: VertexId,
        cursor: u64,
    ) -> Result<bool, EventError> {
        if let Some(made) = self.made.get(&trigger) {
            return Ok(*made < cursor);
        }
        let query =
            LogQuery { entity: Some(EntityKey::Vertex(trigger)), limit: Some(1), ..LogQuery::default() };
        let made = log(store, &query)?.first().map_or(0, |row| row.sequence);
        self.made.insert(trigger, made);
        Ok(made < cursor)
    }

    /// Puts the triggers that led to an event before the one that it leads to.
    pub(super) fn extend_chain(&self, reaction: &mut Reaction, run: Option<RunId>) {
        let Some(chain) = run.and_then(|run| self.chains.get(&run)) else { return };
        reaction.is_of_itself = chain.contains(&reaction.trigger);
        reaction.chain.clone_from(chain);
        if !reaction.is_of_itself {
            reaction.chain.push(reaction.trigger);
        }
    }

    /// Finds out how far a reaction came, where nobody knew how it ended.
    pub(super) fn settle_doubt(&mut self, store: &dyn Store, reaction: &Reaction) -> Result<(), EventError> {
        let key = (reaction.cursor, reaction.trigger);
        if !self.doubted.contains(&key) {
            return Ok(());
        }
        let mut found = Vec::new();
        reacted::read_after(store, Some(&reaction.service), reaction.cursor, |said| {
            if let Said::Reacted(reacted) = said
                && (reacted.cursor, reacted.trigger) == key
            {
                found.push(reacted);
            }
        })?;
        // What was begun by then is counted, and known by its run.
        found.iter().for_each(|reacted| self.take_in(reacted));
        self.doubted.remove(&key);
        Ok(())
    }

    /// Decides what becomes of a reaction; if it is handed out, it is at work from now on.
    pub(super) fn decide(&mut self, mut reaction: Reaction, read_to: u64) -> Verdict {
        let trigger = reaction.trigger;
        let (stage, after) = match self.done.get(&(reaction.cursor, trigger)) {
            Some(Progress::Over) => return Verdict::Skip,
            Some(Progress::Stages(done, _)) if *done >= reaction.stages.len() => return Verdict::Skip,
            Some(Progress::Stages(done, run)) => (*done, *run),
            None => (0, None),
        };
        if reaction.stages == [Stage::Heal] {
            // Who was looked at since is as it should be, or was made so.
            let looked = |target: &Site| self.looked.get(&(trigger, *target)).copied().unwrap_or_default();
            reaction.targets.retain(|target| looked(target) < reaction.cursor);
        }
        let mut exhausted = None;
        if let Some(limit) = limit_of(&reaction).filter(|_| stage == 0) {
            let (allowed, refused): (Vec<Site>, Vec<Site>) = reaction
                .targets
                .iter()
                .partition(|target| self.is_allowed(trigger, **target, limit, reaction.time_ms));
            reaction.targets = allowed;
            // It is told once.
            let untold: Vec<Site> =
                refused.into_iter().filter(|target| self.told.insert((trigger, *target))).collect();
            if !untold.is_empty() {
                let reaction = Reaction { targets: untold, ..reaction.clone() };
                exhausted = Some(Box::new(Exhausted { reaction, limit }));
            }
        }
        if reaction.targets.is_empty() {
            return exhausted.map_or(Verdict::Skip, Verdict::Exhausted);
        }
        self.at_work = Some(reaction.cursor);
        Verdict::Go(Box::new(Due { reaction, stage, after, read_to }), exhausted)
    }

    fn is_allowed(&mut self, trigger: VertexId, target: Site, limit: Limit, time_ms: u64) -> bool {
        let Some(times) = self.fired.get_mut(&(trigger, target)) else { return limit.times_max > 0 };
        while times.front().is_some_and(|time| time.saturating_add(limit.within_ms) <= time_ms) {
            times.pop_front();
        }
        times.len() < usize::try_from(limit.times_max).map_or(TIMES_MAX, |max| max.min(TIMES_MAX))
    }

    /// Takes in what became of a reaction.
    pub(super) fn ended(&mut self, due: Due, performed: Option<Performed>) {
        self.at_work = None;
        let Due { reaction, stage, after, read_to } = due;
        let key = (reaction.cursor, reaction.trigger);
        let Some(performed) = performed else {
            self.done.insert(key, Progress::Stages(stage, after));
            self.doubted.insert(key);
            self.pending.push_front(reaction);
            return;
        };
        performed.runs.iter().for_each(|run| self.remember_run(Some(*run), &reaction.chain));
        if performed.counts && limit_of(&reaction).is_some() {
            self.fire(reaction.trigger, &reaction.targets, reaction.time_ms);
        }
        if performed.is_busy {
            self.done.insert(key, Progress::Stages(performed.stage, performed.after));
            // Whoever is at work may have ended meanwhile.
            self.waits = self.run_ended <= read_to;
            self.pending.push_front(reaction);
            return;
        }
        if reaction.stages == [Stage::Heal] {
            for target in &reaction.targets {
                self.looked.insert((reaction.trigger, *target), read_to);
            }
        }
        self.done.insert(key, Progress::Over);
    }
}
