//! What a run does with its steps, as the scheduler orders.

use std::collections::{BTreeMap, VecDeque};

use floria::Value;
use khutulun_api::{Failure, Operation, Outcome};

use super::Run;
use crate::{
    context,
    effect::{Effect, TakeUp, Tell},
    journal::{SUPERSEDED, StepState},
    merge::Changed,
    report::{Question, RunReport, RunResult, Settlement, StepEnd, StepReport},
    scheduler::{Happened, Order},
    settle::settle,
};

impl Run {
    /// Tells the scheduler what happened, and does what it orders, as far as that takes no effect. The rest gathers.
    pub(super) fn schedule(&mut self, happened: Happened, effects: &mut Vec<Effect>) {
        let mut happened = VecDeque::from([happened]);
        while let Some(next) = happened.pop_front() {
            for order in self.scheduler.handle(next) {
                match order {
                    Order::RecordIntent { step, attempt } => match self.intend(step, attempt) {
                        Ok(()) => self.gathered.intended.push(step),
                        Err(failure) => {
                            happened.push_back(Happened::Finished(step, Outcome::Failed(failure)));
                        }
                    },
                    Order::RecordOutcome { step, attempt, outcome, touched, caught } => {
                        self.record(step, attempt, outcome, touched, caught);
                    }
                    Order::Decide { step } => happened.push_back(Happened::Decided(step, self.decide(step))),
                    Order::Approve { step } => happened.push_back(self.approval(step)),
                    Order::Skip { step, decided } => self.skip(step, decided),
                    Order::Conclude => self.conclude(),
                    Order::Done(result) => self.end(result),
                    Order::Rest { step, failures } => self.rest(step, failures),
                    Order::Execute { step, attempt } => self.execute(step, attempt, effects),
                    Order::Withdraw { step, attempt } => self.withdraw(step, attempt),
                    Order::Recover { step, attempt } => {
                        let mut operation = self.operation_again(step, attempt);
                        // Whoever keeps it from being run twice has to let go of it, under this lease.
                        operation.repeatable |= self.take_up.says(step) == Some(&Settlement::Retry);
                        self.gathered.later.push(Effect::Recover(operation));
                    }
                }
            }
        }
    }

    /// Makes the operation of a step, and its intent a part of the next commit.
    fn intend(&mut self, step: u32, attempt: u32) -> Result<(), Failure> {
        let id = self.operation_id(step, attempt);
        let planned = &self.plan.steps[step as usize];
        let mut operation = context::operation(&self.graph, &*self.setup.functions, planned, id)?;
        operation.epoch = self.setup.lease.epoch;
        self.gathered.records.push(self.journal.intent(step, attempt, &operation.inputs));
        self.steps[step as usize] =
            StepState { attempt, inputs: operation.inputs.clone(), end: StepEnd::InFlight };
        self.operations.insert(step, operation);
        Ok(())
    }

    /// Makes the operation of a step again that has an intent.
    fn operation_again(&self, step: u32, attempt: u32) -> Operation {
        let id = self.operation_id(step, attempt);
        let planned = &self.plan.steps[step as usize];
        let inputs = self.steps[step as usize].inputs.clone();
        let mut operation =
            context::operation_again(&self.graph, &*self.setup.functions, planned, id, inputs)
                .expect("a step with an intent has code");
        operation.epoch = self.setup.lease.epoch;
        operation
    }

    fn execute(&mut self, step: u32, attempt: u32, effects: &mut Vec<Effect>) {
        let operation = match self.operations.remove(&step) {
            Some(operation) => operation,
            None => self.operation_again(step, attempt),
        };
        self.steps[step as usize].end = StepEnd::InFlight;
        if self.expired_ms.is_some() {
            self.held_back.push(operation);
        } else {
            effects.push(Effect::Execute(operation));
        }
    }

    fn withdraw(&mut self, step: u32, attempt: u32) {
        self.operations.remove(&step);
        self.steps[step as usize].end = StepEnd::NotStarted;
        self.gathered.records.push(self.journal.withdrawn(step, attempt));
    }

    fn rest(&mut self, step: u32, failures: u32) {
        let of_step = |told: &&mut Tell| matches!(told, Tell::Ended { step: told, .. } if *told == step);
        if let Some(Tell::Ended { again, .. }) = self.gathered.told.iter_mut().rfind(of_step) {
            *again = true;
        }
        let options = &self.setup.options;
        let doublings = failures.saturating_sub(1).min(20);
        let ms = options.rest_ms_first.saturating_mul(1 << doublings).min(options.rest_ms_max);
        self.gathered.later.push(Effect::Rest { step, ms });
    }

    /// Looks at the conditions of a step, and at what it puts out: what does not fit is a failure.
    fn decide(&mut self, step: u32) -> Result<Option<BTreeMap<String, Value>>, Failure> {
        let planned = &self.plan.steps[step as usize];
        let functions = &*self.setup.functions;
        if !context::holds(&self.graph, functions, planned)? {
            return Ok(None);
        }
        let Some(answer) = &planned.answer else { return Ok(Some(BTreeMap::new())) };
        let outputs = context::answer(&self.graph, functions, answer)?;
        match self.take_in(step, Outcome::Succeeded(outputs)) {
            Outcome::Succeeded(outputs) => Ok(Some(outputs)),
            Outcome::Failed(failure) => Err(failure),
        }
    }

    /// Looks whether somebody has approved a step. What nobody has answered is a question.
    fn approval(&mut self, step: u32) -> Happened {
        let answer = match &mut self.take_up {
            TakeUp::GoOn(settlements) => settlements.remove(&step),
            TakeUp::Cancel | TakeUp::Supersede => None,
        };
        match answer {
            Some(Settlement::Succeeded(_)) => Happened::Decided(step, Ok(Some(BTreeMap::new()))),
            Some(Settlement::Failed) => {
                Happened::Decided(step, Err(Failure::permanent("it was not approved")))
            }
            Some(Settlement::Retry) | None => {
                let question = self.plan.steps[step as usize].approval.clone();
                self.doubts.insert(step, question.unwrap_or_default());
                Happened::Unapproved(step)
            }
        }
    }

    fn skip(&mut self, step: u32, decided: bool) {
        if decided {
            self.gathered.records.push(self.journal.skipped(step));
        }
        self.steps[step as usize].end = StepEnd::Skipped;
        self.gathered.told.push(Tell::Skipped { step });
    }

    /// Takes in what an operation put out before the scheduler hears of it: what does not fit is a failure.
    pub(super) fn take_in(&mut self, step: u32, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Succeeded(_) => {
                let outcome = self.settle(step, outcome, true);
                self.gathered.settled = Some(step);
                outcome
            }
            Outcome::Failed(_) => outcome,
        }
    }

    /// Makes what follows from an outcome a part of the next commit.
    fn settle(&mut self, step: u32, outcome: Outcome, touched: bool) -> Outcome {
        let planned = &self.plan.steps[step as usize];
        let functions = &*self.setup.functions;
        let (outcome, changed) = settle(&mut self.graph, functions, &self.plan, planned, outcome, touched);
        self.gathered.changes.extend(changed);
        outcome
    }

    /// Makes an outcome a part of the next commit, with what follows from it.
    fn record(&mut self, step: u32, attempt: u32, outcome: Outcome, touched: bool, caught: bool) {
        let outcome = match self.gathered.settled.take_if(|settled| *settled == step) {
            Some(_) => outcome,
            None => self.settle(step, outcome, touched),
        };
        self.gathered.records.push(self.journal.outcome(step, attempt, &outcome, caught));
        let state = &mut self.steps[step as usize];
        state.attempt = attempt;
        state.end = match &outcome {
            Outcome::Succeeded(_) => StepEnd::Succeeded,
            Outcome::Failed(failure) if caught => StepEnd::Caught(failure.clone()),
            Outcome::Failed(failure) => StepEnd::Failed(failure.clone()),
        };
        self.gathered.told.push(Tell::Ended { step, outcome, again: false });
    }

    fn conclude(&mut self) {
        for change in &self.plan.conclude {
            self.gathered.changes.push(Changed::of(change.clone(), &self.graph));
            self.graph.apply(change);
        }
    }

    /// Ends the run, for now or for ever: nobody has the lease any more.
    fn end(&mut self, result: RunResult) {
        let (result, word) = match (&self.take_up, result) {
            (TakeUp::Cancel, RunResult::Failed) => (RunResult::Cancelled, RunResult::Cancelled.word()),
            (TakeUp::Supersede, RunResult::Failed | RunResult::Cancelled) => {
                (RunResult::Cancelled, SUPERSEDED)
            }
            (_, result) => (result, result.word()),
        };
        if result != RunResult::NeedsOperator {
            self.gathered.records.extend(self.journal.end(word));
        }
        self.setup.lease.holder = None;
        self.gathered.lease = true;
        self.gathered.result = Some(result);
    }

    pub(super) fn make_report(&self, result: RunResult) -> RunReport {
        let steps = (0..)
            .zip(self.plan.steps.iter().zip(&self.steps))
            .map(|(index, (step, state))| StepReport {
                step: index,
                node: step.subject.node.clone(),
                event: step.event.clone(),
                origin: step.origin.clone(),
                attempt: state.attempt,
                end: state.end.clone(),
            })
            .collect();
        let questions = self
            .doubts
            .iter()
            .map(|(index, text)| {
                let step = &self.plan.steps[*index as usize];
                Question {
                    operation: self.operation_id(*index, self.steps[*index as usize].attempt),
                    node: step.subject.node.clone(),
                    event: step.event.clone(),
                    origin: step.origin.clone(),
                    text: text.clone(),
                }
            })
            .collect();
        RunReport { run: self.setup.run, result, steps, questions }
    }
}
