//! What starts next, and when a run is over.

use std::collections::BTreeMap;

use floria::Value;
use khutulun_api::{Failure, FailureClass, Outcome};

use super::{INTENDED_MAX, Order, Scheduler, State};
use crate::report::RunResult;

impl Scheduler {
    pub(super) fn go_on(&mut self, orders: &mut Vec<Order>) {
        // What is in flight is settled before anything starts: an answer may be needed first.
        if self.count(State::Recovering) > 0 {
            return;
        }
        if !self.interrupted.is_empty() {
            self.take_up(orders);
        }
        if self.stopping() {
            for index in std::mem::take(&mut self.resting) {
                self.set(index, State::Failed);
            }
            for index in std::mem::take(&mut self.prepared) {
                self.busy -= 1;
                self.set(index, State::Waiting);
                orders.push(Order::Withdraw { step: index, attempt: self.steps[index as usize].attempt });
            }
        }
        if !self.stopping() {
            self.start(orders);
        }
        self.end(orders);
    }

    /// Goes on with what was interrupted, where the run goes on.
    fn take_up(&mut self, orders: &mut Vec<Order>) {
        for index in self.interrupted.clone() {
            if !self.stopping() {
                if self.has_place() {
                    self.busy += 1;
                    self.execute(index, orders);
                }
            } else if self.cancelled || self.count(State::InDoubt) == 0 {
                // A run that ends leaves nothing in flight; one that waits for an answer does.
                let touched = self.steps[index as usize].state == State::Repeatable;
                let class = if touched { FailureClass::UnknownOutcome } else { FailureClass::Transient };
                let message = "it was interrupted, and not taken up again because the run stops".to_owned();
                let outcome = Outcome::Failed(Failure { class, message, detail: String::new() });
                let attempt = self.steps[index as usize].attempt;
                // It did not fail by itself, so nothing that is there for its failure goes on.
                orders.push(Order::RecordOutcome { step: index, attempt, outcome, touched, caught: false });
                self.set(index, State::Failed);
            }
        }
    }

    /// Notes a step that waits for nothing any more.
    pub(super) fn enqueue(&mut self, index: u32) {
        let queue = if self.steps[index as usize].facts.runs_code {
            &mut self.ready
        } else {
            &mut self.ready_without_code
        };
        queue.insert(index);
    }

    fn start(&mut self, orders: &mut Vec<Order>) {
        while let Some(index) = self.ready_without_code.pop_first() {
            self.steps[index as usize].attempt += 1;
            if self.steps[index as usize].facts.decides {
                self.set(index, State::Deciding);
                orders.push(Order::Decide { step: index });
            } else if self.steps[index as usize].facts.approval {
                self.set(index, State::Deciding);
                orders.push(Order::Approve { step: index });
            } else {
                self.finish(index, Outcome::Succeeded(BTreeMap::<String, Value>::new()), false, orders);
            }
        }
        // What was interrupted comes first.
        while self.interrupted.is_empty()
            && self.has_place()
            && let Some(index) = self.prepared.pop_first()
        {
            self.execute(index, orders);
        }
        while self.interrupted.is_empty()
            && let Some(index) = self.ready.first().copied()
            && self.busy < self.intended_max(index)
        {
            self.ready.remove(&index);
            self.busy += 1;
            let step = &mut self.steps[index as usize];
            step.attempt += 1;
            orders.push(Order::RecordIntent { step: index, attempt: step.attempt });
            self.set(index, State::Intended);
        }
    }

    /// How many operations may have an intent, this one's among them.
    fn intended_max(&self, index: u32) -> usize {
        let places = self.conduct.parallel_max.max(1);
        if self.steps[index as usize].facts.early { places.max(INTENDED_MAX) } else { places }
    }

    fn has_place(&self) -> bool {
        self.count(State::Running) < self.conduct.parallel_max.max(1)
    }

    fn execute(&mut self, index: u32, orders: &mut Vec<Order>) {
        self.set(index, State::Running);
        orders.push(Order::Execute { step: index, attempt: self.steps[index as usize].attempt });
    }

    fn end(&mut self, orders: &mut Vec<Order>) {
        let waiting = !self.ready.is_empty() || !self.ready_without_code.is_empty();
        let open = self.count(State::Resting) + self.count(State::Deciding);
        if self.busy > 0 || open > 0 || (waiting && !self.stopping()) {
            return;
        }
        let over = [State::Succeeded, State::Caught, State::Skipped];
        let result = if self.count(State::InDoubt) > 0 {
            RunResult::NeedsOperator
        } else if self.count(State::Failed) > 0 {
            RunResult::Failed
        } else if over.into_iter().map(|state| self.count(state)).sum::<usize>() == self.steps.len() {
            orders.push(Order::Conclude);
            RunResult::Succeeded
        } else if self.count(State::Unapproved) > 0 && !self.cancelled {
            RunResult::NeedsOperator
        } else {
            RunResult::Cancelled
        };
        self.done = true;
        orders.push(Order::Done(result));
    }
}
