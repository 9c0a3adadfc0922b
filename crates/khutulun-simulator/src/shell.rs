//! What processes do for their runs: in the simulated world what the real shell does on tokio.

use std::sync::Arc;

use floria::Batch;
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery};
use khutulun_engine::{Effect, Input, Lost, RunReport, RunResult, Tell};

use crate::{
    bug::Bug,
    coverage::Met,
    fate::Delivery,
    process::Asked,
    task::Ended,
    world::{Kind, World},
};

impl World {
    /// Does what a run asks for.
    pub(crate) fn perform(&mut self, process: u32, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Commit(batch) => self.sends(process, batch),
                Effect::Execute(operation) => {
                    let state = &mut self.processes[process as usize];
                    match state.early.iter().position(|id| *id == operation.id) {
                        // A bug has asked for it already.
                        Some(place) => drop(state.early.swap_remove(place)),
                        None => self.asks(process, operation, false),
                    }
                }
                Effect::Recover(operation) => self.asks(process, operation, true),
                Effect::Rest { step, ms } => self.later(ms, Kind::Rested(process, step)),
                Effect::Tell(Tell::Ended { step, outcome: Outcome::Failed(_), .. }) => {
                    self.goes_on_after_failure(process, step);
                }
                Effect::Tell(_) => {}
                Effect::Done(report) => {
                    self.coverage.note(match report.result {
                        RunResult::Succeeded => Met::RunSucceeded,
                        RunResult::Failed => Met::RunFailed,
                        RunResult::Cancelled => Met::RunCancelled,
                        RunResult::NeedsOperator => Met::RunNeedsOperator,
                    });
                    self.coverage.add(Met::Question, report.questions.len() as u64);
                    return self.done(process, report);
                }
                Effect::Lost(lost) => {
                    return self.lost(process, lost);
                }
            }
        }
    }

    fn done(&mut self, process: u32, report: RunReport) {
        let state = &mut self.processes[process as usize];
        if std::mem::take(&mut state.supersedes) {
            state.run = None;
            state.has_begun = false;
            state.asked.clear();
            self.forget_events_of(process);
            return self.later(1, Kind::Go(process));
        }
        self.ends(process, Ended::Done(report));
    }

    fn lost(&mut self, process: u32, lost: Lost) {
        self.coverage.note(match lost {
            Lost::NotBegun => Met::Stale,
            Lost::TakenOver | Lost::Contended => Met::FencedOff,
        });
        self.ends(
            process,
            match lost {
                Lost::NotBegun => Ended::NotBegun,
                Lost::TakenOver => Ended::TakenOver,
                Lost::Contended => Ended::Contended,
            },
        );
    }

    fn sends(&mut self, process: u32, batch: Arc<Batch>) {
        let state = &mut self.processes[process as usize];
        if std::mem::replace(&mut state.commit_is_open, true) {
            self.laws.broken(1, format!("process {process} has two commits open"));
        }
        if self.planted.as_ref().is_some_and(|planted| planted.bug == Bug::IntentAfterEffect) {
            self.asks_early(process, &batch);
        }
        let after_ms = self.fate.store_takes_ms();
        self.later(after_ms, Kind::Store(process, batch));
    }

    pub(crate) fn asks(&mut self, process: u32, operation: Operation, recovers: bool) {
        self.requests += 1;
        let number = self.requests;
        let limit_ms = operation.timeout_ms.saturating_add(self.options.grace_ms);
        let OperationId { step, attempt, .. } = operation.id;
        let timeout_ms = operation.timeout_ms;
        let asked = Asked { number, step, attempt, recovers, timeout_ms };
        self.processes[process as usize].asked.push(asked);
        self.later(limit_ms, Kind::Limit(process, number));
        let until_ms = self.now_ms + limit_ms;
        let operation = Arc::new(operation);
        let request = |operation| Kind::Request { process, number, operation, recovers, until_ms };
        match self.fate.delivery() {
            Delivery::Lost => self.coverage.note(Met::RequestLost),
            Delivery::After(ms) => self.later(ms, request(operation)),
            Delivery::Twice => {
                self.coverage.note(Met::RequestRepeated);
                self.later(1, request(Arc::clone(&operation)));
                self.later(40, request(operation));
            }
        }
    }

    pub(crate) fn stored(&mut self, process: u32, input: Input) {
        self.processes[process as usize].commit_is_open = false;
        self.tell(process, input);
    }

    pub(crate) fn answered(&mut self, process: u32, number: u64, input: Input) {
        self.processes[process as usize].asked.retain(|asked| asked.number != number);
        self.tell(process, input);
    }

    /// Nobody has answered for as long as anybody waits.
    pub(crate) fn overdue(&mut self, process: u32, number: u64) {
        let state = &mut self.processes[process as usize];
        let Some(place) = state.asked.iter().position(|asked| asked.number == number) else { return };
        let Asked { step, attempt, recovers, timeout_ms, .. } = state.asked.swap_remove(place);
        let message = format!("it took longer than {timeout_ms} ms, and whoever runs it did not end it");
        let input = if recovers {
            self.coverage.note(Met::RecoverySilent);
            let recovery = Recovery::Unknown("whoever runs it did not answer in time".to_owned());
            Input::Recovered { step, attempt, recovery }
        } else {
            let class = FailureClass::UnknownOutcome;
            let failure = Failure { class, message, detail: String::new() };
            Input::Finished { step, attempt, outcome: Outcome::Failed(failure) }
        };
        self.say(|| format!("process {process} waits no longer for step {step}"));
        self.tell(process, input);
    }

    pub(crate) fn renew(&mut self, process: u32) {
        let machine = self.processes[process as usize].machine;
        let now_ms = self.wall_ms(machine);
        self.coverage.note(Met::Renewed);
        self.later(self.options.lease_ms / 3, Kind::Renew(process));
        self.tell(process, Input::Renew { now_ms });
    }

    /// Hands something to a process's run, and does what it asks for.
    pub(crate) fn tell(&mut self, process: u32, input: Input) {
        let machine = self.processes[process as usize].machine;
        let now_ms = self.wall_ms(machine);
        let renewing = matches!(input, Input::Renew { .. });
        let state = &mut self.processes[process as usize];
        let Some(run) = &mut state.run else { return };
        let mut inputs = Vec::with_capacity(2);
        let expired = run.expires_ms() > 0 && now_ms >= run.expires_ms();
        if expired && !renewing && !state.has_expired {
            inputs.extend([Input::Expired { now_ms }, Input::Renew { now_ms }]);
        }
        state.has_expired = expired;
        inputs.push(input);
        let effects = run.handle_all(inputs);
        self.perform(process, effects);
    }

    /// Somebody asks a process for the end of its run.
    pub(crate) fn cancel(&mut self, process: u32) {
        if self.processes[process as usize].run.is_some() {
            self.coverage.note(Met::Cancelled);
            self.say(|| format!("process {process} is asked to cancel"));
            self.tell(process, Input::Cancel);
        }
    }
}
