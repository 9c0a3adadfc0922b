//! The promises, checked after every step from outside: by what was committed, and by what is there.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use floria::{Batch, Change, Entity, EntityKey, Graph, LogRow, Namespace, Record, Value, Vertex, VertexId};
use khutulun_api::{Operation, OperationId, RunId, names};
use khutulun_engine::{Settlement, stream_of};
use khutulun_plan::{Action, Goal, Plan, machine_name};

use crate::{
    host::{Host, Memory, looks, short},
    ledger::{Ledger, Phase, Recorded, is_planned, same, unmet},
};

/// What no operation, record or change may ever hold: it is known to the simulated drivers alone.
pub(crate) const CANARY: &str = "canary-6f1d4f";

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The number of the promise.
    pub promise: u8,
    /// What happened.
    pub what: String,
}

/// Returns a promise in a few words.
pub fn promise(number: u8) -> &'static str {
    match number {
        1 => "an effect never precedes its durable intent",
        2 => "at most one live effect per operation id",
        3 => "no operation starts before what it depends on has succeeded",
        4 => "every effect belongs to exactly one instance: no orphans, no leaks",
        5 => "a recorded success means that the effect exists",
        6 => "leases are held one at a time, and a stale epoch is refused",
        7 => "destroy terminates, from every state",
        8 => "with faults removed, every run ends in a bounded number of steps",
        9 => "event cursors only move forward and are gapless",
        10 => "what ran is a subset of what was planned",
        11 => "adopted and protected things are never destroyed without an explicit word",
        12 => "no secret's bytes occur in what is stored or sent",
        13 => "idle: nothing is asked for when nothing happens",
        _ => "the simulator itself",
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "promise {} ({}): {}", self.promise, promise(self.promise), self.what)
    }
}

/// Watches what is committed and what happens.
#[derive(Default)]
pub(crate) struct Laws {
    pub(crate) violations: Vec<Violation>,
    ledgers: HashMap<RunId, Ledger>,
    streams: HashMap<String, RunId>,
    /// The last epoch of the lease, and the process that took it.
    lease: (u64, u32),
    /// The last row of the log that the follower has read.
    cursor: u64,
    /// The steps that somebody has approved.
    approved: HashSet<(RunId, u32)>,
    /// Nodes that are protected.
    spared: Vec<String>,
    /// Nodes that were there before they were managed.
    adopted: HashSet<VertexId>,
    /// Nodes that were let go: what is there of them is nobody's.
    released: HashSet<String>,
    /// Nodes that have changed by themselves since anything was done to them.
    drifted: HashSet<String>,
    /// Looks for the canary, which costs more than all else.
    pub(crate) scans: bool,
}

impl Laws {
    pub(crate) fn broken(&mut self, promise: u8, what: impl Into<String>) {
        let violation = Violation { promise, what: what.into() };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// A run is going to begin with this plan.
    pub(crate) fn planned(&mut self, run: RunId, plan: &Plan, is_intended: bool) {
        let steps = vec![Recorded::default(); plan.steps.len()];
        self.streams.insert(stream_of(run), run);
        let lets_go = plan.nodes.iter().filter(|node| node.action == Action::Forget);
        let lets_go = lets_go.map(|node| machine_name(&node.node).into_owned()).collect();
        let (goal, plan) = (plan.goal, plan.steps.clone());
        self.ledgers.insert(run, Ledger { goal, plan, steps, end: None, lets_go, is_intended });
    }

    /// What a run is for.
    pub(crate) fn goal_of(&self, run: RunId) -> Option<Goal> {
        self.ledgers.get(&run).map(|ledger| ledger.goal)
    }

    /// Whether a step of a run waits for somebody to approve it.
    pub(crate) fn is_approval(&self, run: RunId, step: u32) -> bool {
        self.approvals(run).any(|approval| approval == step)
    }

    /// The steps of a run that somebody has to approve, and that have not succeeded.
    pub(crate) fn approvals(&self, run: RunId) -> impl Iterator<Item = u32> {
        let ledger = self.ledgers.get(&run).into_iter();
        let steps = ledger.flat_map(|ledger| (0..).zip(ledger.plan.iter().zip(&ledger.steps)));
        let open = steps
            .filter(|(_, (step, recorded))| step.approval.is_some() && recorded.phase != Phase::Succeeded);
        open.map(|(index, _)| index)
    }

    /// Somebody goes on with a run, with these answers.
    pub(crate) fn answered(&mut self, run: RunId, answers: &BTreeMap<u32, Settlement>) {
        let approved = answers.iter().filter(|(_, answer)| matches!(answer, Settlement::Succeeded(_)));
        self.approved.extend(approved.map(|(step, _)| (run, *step)));
    }

    /// Something has changed by itself.
    pub(crate) fn drifts(&mut self, node: String) {
        self.drifted.insert(node);
    }

    /// Somebody has looked at these nodes, and put right what was not as it should be: now all is as it is recorded.
    pub(crate) fn put_right(&mut self, nodes: &[String]) {
        self.drifted.retain(|node| !nodes.contains(node));
    }

    /// Whether a node has changed by itself since anything was done to it.
    pub(crate) fn has_changed(&self, node: &str) -> bool {
        self.drifted.contains(node)
    }

    /// Whether something has changed by itself, and nothing was done about it.
    pub(crate) fn has_drifted(&self) -> bool {
        !self.drifted.is_empty()
    }

    /// Checks that what was recorded as seen of a node is what is there.
    pub(crate) fn seen(&mut self, node: &str, vertex: &Vertex, host: &Host) {
        let recorded = vertex.metadata.get(names::OBSERVED).and_then(|seen| seen.get("state"));
        let recorded = recorded.and_then(Value::as_text).unwrap_or("nothing");
        if recorded != host.seen(node) {
            let there = host.seen(node);
            self.broken(5, format!("{recorded} was seen of {node} just now, and it is {there}"));
        }
    }

    pub(crate) fn spare(&mut self, node: String) {
        self.spared.push(node);
    }

    /// A process took the lease.
    pub(crate) fn taken(&mut self, process: u32, epoch: u64) {
        let (last, holder) = self.lease;
        if epoch <= last {
            self.broken(
                6,
                format!("the lease went from epoch {last} of process {holder} to {epoch} of {process}"),
            );
        }
        self.lease = (epoch, process);
    }

    /// The store has taken a batch of a process that works under this epoch.
    pub(crate) fn committed(&mut self, process: u32, epoch: u64, batch: &Batch, host: &Host) {
        if (epoch, process) != self.lease {
            let (last, holder) = self.lease;
            self.broken(
                6,
                format!("process {process} committed under epoch {epoch}, and process {holder} holds {last}"),
            );
        }
        self.intended(batch);
        for change in &batch.changes {
            match change {
                Change::Put(Entity::Vertex(vertex)) if vertex.metadata.contains_key(names::ADOPTED) => {
                    self.adopted.insert(vertex.id);
                }
                Change::Put(Entity::Vertex(vertex)) => drop(self.adopted.remove(&vertex.id)),
                Change::Delete(EntityKey::Vertex(id)) => drop(self.adopted.remove(id)),
                _ => {}
            }
        }
        for record in &batch.records {
            if let Some(run) = self.streams.get(&record.stream).copied() {
                self.recorded(run, record, host);
            }
        }
        if self.scans {
            let mut leaks = 0;
            batch.records.iter().for_each(|record| leaks += u32::from(holds_canary(&record.body)));
            for change in &batch.changes {
                if let Change::Put(Entity::Vertex(vertex)) = change {
                    leaks += u32::from(vertex_holds_canary(vertex));
                }
            }
            if leaks > 0 {
                self.broken(12, "a commit holds the canary".to_owned());
            }
        }
    }

    /// What is intended is recorded when the run that it leads to begins: not before, not after, and not without one.
    fn intended(&mut self, batch: &Batch) {
        let begins = batch.records.iter().filter(|record| record.kind == "begin");
        let begins = begins.filter_map(|record| self.streams.get(&record.stream));
        let begins: Vec<RunId> = begins.filter(|run| self.ledgers[*run].is_intended).copied().collect();
        let run_of = |record: &Record| record.body.get("run").and_then(Value::as_integer);
        let recorded = batch.records.iter().filter(|record| record.stream == names::REVISIONS);
        let recorded: Vec<Option<i64>> = recorded.map(run_of).collect();
        if recorded != begins.iter().map(|run| Some(run.0 as i64)).collect::<Vec<_>>() {
            self.broken(
                10,
                format!("runs {begins:?} begin, and the intentions of {recorded:?} are recorded"),
            );
        }
    }

    fn recorded(&mut self, run: RunId, record: &Record, host: &Host) {
        let number = |key: &str| record.body.get(key).and_then(Value::as_integer).unwrap_or(-1);
        let Some(ledger) = self.ledgers.get_mut(&run) else { return };
        let mut broken = None;
        match record.kind.as_str() {
            "intent" | "withdrawn" | "outcome" if ledger.end.is_some() => {
                broken = Some((8, format!("{} of run {run} after its end", record.kind)));
            }
            "intent" => {
                if let Some(step) = ledger.steps.get_mut(number("step") as usize) {
                    if step.phase == Phase::InFlight || step.phase == Phase::Succeeded {
                        broken = Some((
                            2,
                            format!(
                                "an intent for step {} of run {run} while it is {:?}",
                                number("step"),
                                step.phase
                            ),
                        ));
                    }
                    *step = Recorded {
                        attempt: number("attempt") as u32,
                        phase: Phase::InFlight,
                        inputs: record.body.get("inputs").cloned(),
                    };
                }
            }
            "withdrawn" => {
                let (index, attempt) = (number("step") as u32, number("attempt") as u32);
                if let Some(step) = ledger.steps.get_mut(index as usize) {
                    let id = OperationId { run, step: index, attempt };
                    if step.phase != Phase::InFlight || step.attempt != attempt || host.times(id) > 0 {
                        let phase = &step.phase;
                        broken = Some((1, format!("the intent of {id} is taken back while it is {phase:?}")));
                    }
                    step.phase = Phase::Untouched;
                }
            }
            "outcome" => {
                let index = number("step") as usize;
                let attempt = number("attempt") as u32;
                let word = |key: &str| record.body.get(key).and_then(Value::as_text).unwrap_or_default();
                let runs_code = ledger.plan.get(index).is_some_and(|step| step.implementation.is_some());
                if let Some(step) = ledger.steps.get_mut(index) {
                    let id = OperationId { run, step: index as u32, attempt };
                    let phase = match word("result") {
                        "succeeded" => Phase::Succeeded,
                        "skipped" => Phase::Skipped,
                        _ if record.body.get("caught") == Some(&Value::Boolean(true)) => Phase::Caught,
                        _ => Phase::Failed(word("class").to_owned()),
                    };
                    if phase == Phase::Succeeded && runs_code && host.times(id) == 0 {
                        broken = Some((
                            5,
                            format!("operation {id} is recorded as succeeded and never had its effect"),
                        ));
                    }
                    let planned = ledger.plan.get(index);
                    let is_approval = planned.is_some_and(|planned| planned.approval.is_some());
                    if phase == Phase::Succeeded && is_approval && !self.approved.contains(&(run, id.step)) {
                        broken = Some((3, format!("step {id} went on, and nobody has approved it")));
                    }
                    if phase == Phase::Succeeded
                        && let Some(planned) = planned.filter(|planned| planned.action == Action::Adopt)
                    {
                        self.released.remove(&planned.subject.node);
                    }
                    step.attempt = attempt;
                    step.phase = phase;
                }
            }
            "resume" => ledger.end = None,
            "end" => {
                let result = record.body.get("result").and_then(Value::as_text);
                ledger.end = Some(result.unwrap_or_default().to_owned());
                if result == Some("succeeded") {
                    self.released.extend(ledger.lets_go.iter().cloned());
                }
            }
            _ => {}
        }
        if let Some((promise, what)) = broken {
            self.broken(promise, what);
        }
    }

    /// A host begins an operation, and had seen this epoch before.
    pub(crate) fn begins(&mut self, operation: &Operation, fence: u64) {
        if operation.epoch < fence.max(1) {
            let (id, epoch) = (operation.id, operation.epoch);
            let name = short(&operation.subject.node, &operation.event);
            self.broken(
                6,
                format!("{name} ({id}) begins under epoch {epoch}, and the host has seen {fence}"),
            );
        }
    }

    /// A host is about to let an operation have its effect.
    pub(crate) fn happens(&mut self, operation: &Operation, memory: Memory, times: u32) {
        let id = operation.id;
        let name = short(&operation.subject.node, &operation.event);
        if times > 0 && memory != Memory::Repeats {
            self.broken(2, format!("{name} ({id}) happened {} times", times + 1));
        }
        if self.scans && (operation.inputs.values().any(holds_canary) || holds_canary(&operation.context)) {
            self.broken(12, format!("{name} ({id}) was given the canary"));
        }
        let goal = self.ledgers.get(&id.run).map(|ledger| ledger.goal);
        // An update may stop it, to start it again.
        let goes = name.ends_with(".delete") || (goal == Some(Goal::Destroy) && name.ends_with(".stop"));
        let stays =
            self.spared.contains(&operation.subject.node) || self.adopted.contains(&operation.subject.vertex);
        if goes && stays {
            self.broken(11, format!("{name} ({id}) happened to what is adopted or protected"));
        }
        if matches!(goal, Some(Goal::Refresh | Goal::Adopt | Goal::Forget)) && !looks(operation) {
            self.broken(10, format!("{name} ({id}) happened, and nobody wanted more than to look"));
        }
        if operation.subject.relationship.is_none() && !looks(operation) {
            self.released.remove(&operation.subject.node);
            if [".start", ".stop", ".delete"].iter().any(|word| name.ends_with(word)) {
                self.drifted.remove(&operation.subject.node);
            }
        }
        let Some(ledger) = self.ledgers.get(&id.run) else {
            return self.broken(1, format!("{name} ({id}) happened, and there is no such run"));
        };
        let mut broken = Vec::new();
        match ledger.steps.get(id.step as usize) {
            Some(step) => {
                let in_flight = match &step.phase {
                    Phase::InFlight => true,
                    Phase::Failed(class) => class == "unknown-outcome",
                    _ => false,
                };
                let inputs_agree = step.inputs.as_ref().is_some_and(|inputs| same(inputs, operation));
                if step.attempt != id.attempt || !in_flight || !inputs_agree {
                    broken.push((
                        1,
                        format!("{name} ({id}) happened, and its intent is not recorded: {:?}", step.phase),
                    ));
                }
            }
            None => broken.push((10, format!("{name} ({id}) happened, and the plan has no such step"))),
        }
        if let Some(step) = ledger.plan.get(id.step as usize) {
            if !is_planned(step, operation) {
                broken.push((10, format!("{name} ({id}) happened, and is not what was planned")));
            }
            broken
                .extend(unmet(ledger, step).map(|why| (3, format!("{name} ({id}) happened although {why}"))));
        }
        broken.into_iter().for_each(|(promise, what)| self.broken(promise, what));
    }

    /// Somebody reads the log on from where he was.
    pub(crate) fn followed(&mut self, rows: &[LogRow], holds: u64) {
        for row in rows {
            if row.sequence != self.cursor + 1 {
                let (before, after) = (self.cursor, row.sequence);
                self.broken(9, format!("after row {before} of the log came row {after}"));
            }
            self.cursor = self.cursor.max(row.sequence);
        }
        if self.cursor > holds {
            let cursor = self.cursor;
            self.broken(9, format!("the log has {holds} rows, and row {cursor} was seen before"));
        }
    }

    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Checks what is there against what is stored, while nothing is going on.
    pub(crate) fn at_rest(&mut self, graph: &Graph, namespace: &Namespace, host: &Host) {
        let mut known: BTreeMap<String, &Vertex> = BTreeMap::new();
        for vertex in graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)) {
            if let Some(subject) = khutulun_plan::subject_of(graph, vertex.id) {
                known.insert(subject.node, vertex);
            }
        }
        let text = |vertex: &Vertex, key: &str| {
            vertex.metadata.get(key).and_then(Value::as_text).unwrap_or_default().to_owned()
        };
        for (node, vertex) in &known {
            let (state, attempted) = (text(vertex, names::STATE), text(vertex, names::ATTEMPTED));
            let thing = host.things().get(node);
            let has_code = |operation: &str| {
                let handler = vertex.handlers.get(&format!("{}.{operation}", names::LIFECYCLE));
                handler.is_some_and(|handler| handler.implementation.is_some())
            };
            let started = thing.is_some_and(|thing| thing.started.is_some());
            let is_elsewhere =
                self.released.contains(node) || (state == "started" && self.drifted.contains(node));
            if !attempted.is_empty() || self.is_spared(node) || is_elsewhere {
                continue;
            }
            if state == "started" && has_code("start") && !started {
                self.broken(5, format!("{node} is recorded as started in `{namespace}` and does not run"));
            }
            if state == "stopped" && has_code("stop") && started {
                self.broken(5, format!("{node} is recorded as stopped in `{namespace}` and runs"));
            }
            if matches!(state.as_str(), "initial" | "") && thing.is_some() {
                self.broken(4, format!("{node} was never brought up, and something of it is there"));
            }
            if state == "deleted" && has_code("delete") && thing.is_some() {
                self.broken(4, format!("{node} is recorded as deleted, and something of it is there"));
            }
        }
        for node in host.things().keys().filter(|node| !known.contains_key(*node)) {
            let left = self.takes_away(node, host);
            if left {
                self.broken(4, format!("something of {node} is there, and no instance has it"));
            }
        }
    }

    /// Whether what is there of a node that is gone should have been taken away: whether it ever had a plan that could.
    fn takes_away(&self, node: &str, host: &Host) -> bool {
        let Some(thing) = host.things().get(node) else { return false };
        let could = |word: &str| {
            self.ledgers.values().any(|ledger| {
                ledger.plan.iter().any(|step| {
                    step.subject.node == node && step.implementation.is_some() && step.event.ends_with(word)
                })
            })
        };
        let deletes = could(".delete");
        !self.released.contains(node) && (deletes || (thing.started.is_some() && could(".stop")))
    }

    fn is_spared(&self, node: &str) -> bool {
        self.spared.iter().any(|spared| spared == node)
    }
}

fn holds_canary(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains(CANARY),
        Value::List(items) => items.iter().any(holds_canary),
        Value::Map(entries) => entries.iter().any(|(key, value)| holds_canary(key) || holds_canary(value)),
        Value::Bytes(octets) => octets.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()),
        _ => false,
    }
}

fn vertex_holds_canary(vertex: &Vertex) -> bool {
    vertex.metadata.values().any(holds_canary)
        || vertex.properties.values().any(|property| property.value.as_ref().is_some_and(holds_canary))
}
