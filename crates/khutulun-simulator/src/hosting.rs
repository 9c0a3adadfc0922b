//! What is on its way to a host and from it, and what operations do there.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Value, VertexId};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery};
use khutulun_engine::Input;
use khutulun_plan::{Goal, subject_of};

use crate::{
    bug::Planted,
    coverage::Met,
    fate::{Delivery, Point},
    host::{Arrival, Behaviour, Ending, Memory, Progress, short},
    planning::put_out,
    sketch::event_of,
    world::{Kind, World},
};

impl World {
    pub(crate) fn request(
        &mut self,
        process: u32,
        number: u64,
        operation: &Arc<Operation>,
        recovers: bool,
        until_ms: u64,
    ) {
        if self.now_ms > until_ms {
            return self.coverage.note(Met::RequestLate);
        }
        let point = if recovers { Point::Between } else { Point::BeforeEffect };
        if self.processes[process as usize].is_alive && self.dies_at(process, point, Some(operation)) {
            return;
        }
        let name = short(&operation.subject.node, &operation.event);
        let memory = self.fate.memory(operation);
        if recovers {
            return self.recover(process, number, operation, memory);
        }
        let fence = self.host.fence;
        let fate = &mut self.fate;
        let planted = &mut self.planted;
        let behaviour = || {
            let behaviour = fate.behaviour(operation);
            let nothing = planted.as_mut().is_some_and(Planted::does_nothing);
            if nothing { Behaviour { has_effect: false, ..Behaviour::GOOD } } else { behaviour }
        };
        let arrival = self.host.arrive(operation, (process, number), memory, behaviour);
        match arrival {
            Arrival::Repeated => {}
            Arrival::Refused => {
                self.coverage.note(Met::StaleRefused);
                self.say(|| format!("the host refuses {name} of epoch {}", operation.epoch));
                let class = FailureClass::Denied;
                let failure = Failure { class, ..Failure::permanent("the lease was taken over") };
                self.finished(process, number, operation.id, Outcome::Failed(failure));
            }
            Arrival::Joined => self.say(|| format!("{name} runs already")),
            Arrival::Begins => {
                self.laws.begins(operation, fence);
                self.say(|| format!("{name} begins ({})", operation.id));
                let Some(held) = self.host.operations.get(&operation.id) else { return };
                let (beginnings, behaviour) = (held.beginnings, held.behaviour);
                if behaviour.lasts_ms >= operation.timeout_ms {
                    self.coverage.note(Met::Hung);
                } else if behaviour.lasts_ms > 1_000 {
                    self.coverage.note(Met::Slow);
                }
                let after_ms = (behaviour.lasts_ms / 2).min(operation.timeout_ms);
                self.later(after_ms, Kind::Happens(operation.id, beginnings));
            }
        }
    }

    fn recover(&mut self, process: u32, number: u64, operation: &Operation, memory: Memory) {
        let outputs = &self.outputs;
        let put_out = |operation: &Operation, generation, fits| put_out(outputs, operation, generation, fits);
        let Some(recovery) = self.host.recover(operation, (process, number), memory, put_out) else {
            return;
        };
        if self.planted.as_mut().is_some_and(Planted::repeats_in_recovery)
            && memory == Memory::Keeps
            && self.host.times(operation.id) > 0
        {
            self.let_happen(operation.id);
        }
        self.recovered(process, number, operation.id, recovery);
    }

    fn recovered(&mut self, process: u32, number: u64, id: OperationId, recovery: Recovery) {
        self.coverage.note(match &recovery {
            Recovery::Finished(_) => Met::RecoveryFinished,
            Recovery::NeverStarted => Met::RecoveryNeverStarted,
            Recovery::Repeatable => Met::RecoveryRepeatable,
            Recovery::Unknown(_) => Met::RecoveryUnknown,
        });
        self.say(|| format!("of {id} the host knows: {recovery:?}"));
        let OperationId { step, attempt, .. } = id;
        self.deliver(process, number, Input::Recovered { step, attempt, recovery });
    }

    pub(crate) fn happens(&mut self, id: OperationId, beginning: u32) {
        let Some(held) = self.host.operations.get(&id) else { return };
        if held.progress != Progress::Running || held.beginnings != beginning {
            return;
        }
        let (behaviour, process) = (held.behaviour, held.asked_by.0);
        let operation = held.operation.clone();
        if behaviour.has_effect {
            self.let_happen(id);
            let is_alive = self.processes[process as usize].is_alive;
            if is_alive && self.dies_at(process, Point::AfterEffect, Some(&operation)) {
                // It may have taken the operation along, and then nothing ends.
                if !self.host.is_running(id) {
                    return;
                }
            }
        }
        self.later(behaviour.lasts_ms - behaviour.lasts_ms / 2, Kind::Ends(id, beginning));
    }

    /// Lets an operation have its effect, as its host does not ask whether it may.
    fn let_happen(&mut self, id: OperationId) {
        let Some(held) = self.host.operations.get(&id) else { return };
        self.laws.happens(&held.operation, held.memory, held.happened);
        if self.laws.goal_of(id.run) == Some(Goal::Deploy) {
            self.check_needs(&Arc::clone(&held.operation));
        }
        let Some(held) = self.host.operations.get(&id) else { return };
        let name = short(&held.operation.subject.node, &held.operation.event);
        self.coverage.note(Met::Effect);
        if held.operation.subject.relationship.is_some() {
            self.coverage.note(Met::OfRelationship);
        }
        if self.planted.as_mut().is_some_and(|planted| planted.loses_deletions(&name)) {
            if let Some(held) = self.host.operations.get_mut(&id) {
                held.happened += 1;
            }
            return;
        }
        self.host.happen(id);
        self.say(|| format!("EFFECT {name} ({id})"));
    }

    /// Checks, without asking the plan, that what an operation needs is there: a node is started when those that it requires run, and a
    /// relationship is made known when both of its ends do.
    fn check_needs(&mut self, operation: &Operation) {
        let event = operation.event.rsplit('.').next().unwrap_or_default();
        let graph = self.graph();
        let needed: Vec<VertexId> = match (event, operation.subject.relationship) {
            ("start", None) => graph.outgoing(operation.subject.vertex).map(|edge| edge.target).collect(),
            ("add_target" | "add_source", Some(edge)) => {
                graph.edge(edge).into_iter().flat_map(|edge| [edge.source, edge.target]).collect()
            }
            _ => return,
        };
        for id in needed {
            let starts = graph.vertex(id).and_then(|vertex| vertex.handlers.get(&event_of("start")));
            let Some(subject) = subject_of(&graph, id).filter(|_| starts.is_some()) else { continue };
            let runs = self.host.seen(&subject.node) == "running" || self.laws.has_changed(&subject.node);
            if !runs {
                let (name, needed) = (short(&operation.subject.node, &operation.event), subject.node);
                self.laws.broken(3, format!("{name} ({}) happened, and {needed} does not run", operation.id));
            }
        }
    }

    pub(crate) fn operation_ends(&mut self, id: OperationId, beginning: u32) {
        let running =
            |held: &&crate::host::Held| held.progress == Progress::Running && held.beginnings == beginning;
        let Some(held) = self.host.operations.get(&id).filter(running) else { return };
        let (asked_by, behaviour) = (held.asked_by, held.behaviour);
        match behaviour.ending {
            Ending::Fails(class) => {
                self.coverage.note(match class {
                    FailureClass::Transient => Met::Transient,
                    FailureClass::Permanent => Met::Permanent,
                    FailureClass::NeedsOperator => Met::NeedsOperator,
                    FailureClass::UnknownOutcome => Met::UnknownOutcome,
                    FailureClass::Denied => Met::Denied,
                });
                if behaviour.has_effect {
                    self.coverage.note(Met::FailedWithEffect);
                }
            }
            Ending::PutsOutNonsense => self.coverage.note(Met::Nonsense),
            Ending::Succeeds => {}
        }
        let outputs = &self.outputs;
        let outcome =
            self.host.end(id, |operation, generation, fits| put_out(outputs, operation, generation, fits));
        let outcome = match &self.planted {
            Some(planted) => planted.leaks(outcome),
            None => outcome,
        };
        self.say(|| format!("{id} ends: {outcome:?}"));
        self.finished(asked_by.0, asked_by.1, id, outcome);
        self.answer_waiting(id);
    }

    /// Tells those who asked what became of an operation while it ran.
    pub(crate) fn answer_waiting(&mut self, id: OperationId) {
        let Some(held) = self.host.operations.get_mut(&id) else { return };
        let waiting = std::mem::take(&mut held.waiting);
        if waiting.is_empty() {
            return;
        }
        let operation = held.operation.clone();
        for (process, number) in waiting {
            let memory = self.fate.memory(&operation);
            let outputs = &self.outputs;
            let put_out =
                |operation: &Operation, generation, fits| put_out(outputs, operation, generation, fits);
            if let Some(recovery) = self.host.recover(&operation, (process, number), memory, put_out) {
                self.recovered(process, number, id, recovery);
            }
        }
    }

    fn finished(&mut self, process: u32, number: u64, id: OperationId, outcome: Outcome) {
        let OperationId { step, attempt, .. } = id;
        self.deliver(process, number, Input::Finished { step, attempt, outcome });
    }

    fn deliver(&mut self, process: u32, number: u64, input: Input) {
        if !self.processes[process as usize].is_alive {
            return;
        }
        match self.fate.delivery() {
            Delivery::Lost => self.coverage.note(Met::AnswerLost),
            Delivery::After(ms) => self.later(ms, Kind::Answer(process, number, input)),
            Delivery::Twice => {
                self.coverage.note(Met::AnswerRepeated);
                self.later(1, Kind::Answer(process, number, input.clone()));
                self.later(30, Kind::Answer(process, number, input));
            }
        }
    }

    /// What the operator finds out about an operation.
    pub(crate) fn looked_up(&self, id: OperationId) -> Option<BTreeMap<String, Value>> {
        let outputs = &self.outputs;
        self.host.looked_up(id, |operation, generation, fits| put_out(outputs, operation, generation, fits))
    }
}
