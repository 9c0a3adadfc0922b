//! Carries what the engine says of a run to the progress, and keeps what operations put out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use floria::Value;
use khutulun_api::{Operation, Outcome, RunId};
use khutulun_engine::{Observer, RunReport, RunState, StepEnd, StepState};
use khutulun_plan::{Action, Plan, Step};

use crate::progress::{Event, Progress};

/// Watches one run.
pub(crate) struct Watcher {
    progress: Progress,
    /// Steps that succeeded before this command, when it goes on with a run.
    done_before: Vec<u32>,
    /// Operations that had been begun before this command: it waits until they have ended, or begins them again.
    asked_after: Mutex<BTreeSet<u32>>,
    outputs: Mutex<BTreeMap<u32, BTreeMap<String, Value>>>,
    /// Steps that stand for others and do nothing themselves: nobody needs to hear of them.
    silent: Mutex<BTreeSet<u32>>,
}

impl Watcher {
    /// Makes a watcher of a new run.
    pub(crate) fn new(progress: Progress) -> Self {
        Self {
            progress,
            done_before: Vec::new(),
            asked_after: Mutex::default(),
            outputs: Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// Makes a watcher of a run that goes on.
    pub(crate) fn of_resumed(progress: Progress, state: &RunState) -> Self {
        let of = |is_meant: &dyn Fn(&StepState) -> bool| -> Vec<u32> {
            (0..).zip(&state.steps).filter(|(_, step)| is_meant(step)).map(|(step, _)| step).collect()
        };
        let is_operation = |step: &u32| {
            state.plan.steps.get(*step as usize).is_some_and(|planned| planned.implementation.is_some())
        };
        let in_flight = of(&StepState::in_flight);
        Self {
            done_before: of(&|step| step.end == StepEnd::Succeeded),
            asked_after: Mutex::new(in_flight.into_iter().filter(is_operation).collect()),
            ..Self::new(progress)
        }
    }

    /// Returns what the operations put out that ended while somebody watched, by step.
    pub(crate) fn outputs(&self) -> BTreeMap<u32, BTreeMap<String, Value>> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watcher {
    fn is_silent(&self, step: u32) -> bool {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).contains(&step)
    }
}

impl Observer for Watcher {
    fn run_began(&self, run: RunId, plan: &Arc<Plan>, _: usize) {
        let silent = |(_, step): &(u32, &Step)| step.implementation.is_none() && step.action == Action::Keep;
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) =
            (0..).zip(&plan.steps).filter(silent).map(|(index, _)| index).collect();
        self.progress.show(Event::Began { run: run.0, plan: Arc::clone(plan) });
        for step in self.done_before.iter().filter(|step| !self.is_silent(**step)) {
            self.progress.show(Event::Succeeded { step: *step });
        }
        for step in self.asked_after.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.progress.show(Event::Started { step: *step });
        }
    }

    fn step_started(&self, step: u32, _: &Operation) {
        // Of one that had been begun before somebody was told already.
        if self.asked_after.lock().unwrap_or_else(PoisonError::into_inner).remove(&step) {
            return;
        }
        self.progress.show(Event::Started { step });
    }

    fn step_skipped(&self, step: u32) {
        if !self.is_silent(step) {
            self.progress.show(Event::Skipped { step });
        }
    }

    fn step_ended(&self, step: u32, outcome: &Outcome, again: bool) {
        match outcome {
            Outcome::Succeeded(outputs) => {
                self.outputs.lock().unwrap_or_else(PoisonError::into_inner).insert(step, outputs.clone());
                if !self.is_silent(step) {
                    self.progress.show(Event::Succeeded { step });
                }
            }
            Outcome::Failed(failure) if again => {
                self.progress.show(Event::Retrying { step, message: failure.message.clone() });
            }
            Outcome::Failed(failure) => {
                self.progress.show(Event::Failed { step, message: failure.message.clone() });
            }
        }
    }

    fn run_stopping(&self) {
        self.progress
            .show(Event::Note("stopping, as `khutulun cancel` asked: what runs is finished".to_owned()));
    }

    fn run_ended(&self, report: &RunReport) {
        self.progress.show(Event::Ended { result: report.result.word() });
    }
}
