//! The run as a state machine, without input and output.

use std::collections::{BTreeMap, BTreeSet};

use floria::Value;
use khutulun_api::{Failure, FailureClass, Outcome, Recovery};

use crate::report::RunResult;

/// What a core must know of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFacts {
    /// The steps that must have succeeded before.
    pub after: Vec<u32>,
    /// Whether code runs. Without, the step succeeds as soon as it may start, and has no intent.
    pub runs_code: bool,
    /// How often it is tried in one go while its failures are transient, at least 1.
    pub attempts_max: u32,
}

/// How a run is to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// How many operations may run at a time, at least 1.
    pub parallel_max: usize,
    /// Whether what does not depend on a failed step goes on after the failure. Otherwise nothing new starts.
    pub keep_going: bool,
}

/// What is known of a step from the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was never started.
    Untouched,
    /// There is an intent without an outcome, or an outcome that says that nobody knows.
    InFlight {
        /// Which attempt.
        attempt: u32,
    },
    /// It failed; trying it again takes the next attempt.
    Failed {
        /// Which attempt.
        attempt: u32,
    },
    /// It succeeded.
    Succeeded,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins.
    Begin,
    /// The run goes on after an interruption or a failure, with what the journal says of each step.
    Resume(Vec<Known>),
    /// The intent of a step is durable.
    Recorded(u32),
    /// An operation ended, and what it put out fits.
    Finished(u32, Outcome),
    /// The executor, or an operator, has said what became of an operation.
    Recovered(u32, Recovery),
    /// The pause before another attempt is over.
    Rested(u32),
    /// Nothing new is to start.
    Cancel,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make the intent durable, then say [`Input::Recorded`].
    RecordIntent {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Do the operation, then say [`Input::Finished`].
    Execute {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Ask the executor what became of the operation, then say [`Input::Recovered`].
    Recover {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Make the outcome durable, with the changes of the graph that follow from it, before any effect that comes later.
    RecordOutcome {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// Whether it may have had an effect: whether code ran, or may have.
        touched: bool,
    },
    /// Rest before the next attempt, then say [`Input::Rested`].
    Rest {
        /// The step.
        step: u32,
        /// How many attempts of this go have failed.
        failures: u32,
    },
    /// Make the plan's last changes of the graph.
    Conclude,
    /// The run is over, for now or for ever.
    Done(RunResult),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Waits for others, or for its turn.
    Waiting,
    /// Its intent is being recorded.
    Intended,
    Running,
    /// The executor is being asked.
    Recovering,
    /// Never had an effect; may be run under the same attempt, once all others were asked.
    Unstarted,
    /// May have had an effect; may be run again under the same attempt, once all others were asked.
    Repeatable,
    /// An operator has to say what became of it.
    InDoubt,
    Resting,
    Failed,
    Succeeded,
}

#[derive(Debug)]
struct Step {
    facts: StepFacts,
    state: State,
    dependents: Vec<u32>,
    /// How many steps it still waits for.
    waits_for: usize,
    /// The last attempt, from 1; 0 before the first.
    attempt: u32,
    /// How many attempts of this go have failed.
    failures: u32,
}

/// A run as a state machine: what happened goes in, what is to be done comes out.
///
/// It keeps these laws: an operation is executed only after its intent was recorded, and after all steps that it waits for
/// have succeeded; nothing that waits for a failed step is ever executed; after a failure (unless the run keeps going) or a
/// cancellation no new intent is made; when nothing runs any more, the run is done.
///
/// Nothing here reads a clock, a store or chance: the same inputs give the same effects.
#[derive(Debug)]
pub struct Core {
    conduct: Conduct,
    steps: Vec<Step>,
    /// How many steps are in each state.
    counts: BTreeMap<State, usize>,
    /// Steps that wait for nothing but a free place, in the plan's order.
    ready: BTreeSet<u32>,
    /// The same of steps that run no code, which need no place.
    ready_without_code: BTreeSet<u32>,
    /// How many operations have an intent and no outcome yet.
    busy: usize,
    cancelled: bool,
    done: bool,
}

impl Core {
    /// Makes a run that has not begun.
    pub fn new(steps: Vec<StepFacts>, conduct: Conduct) -> Self {
        let mut dependents: Vec<Vec<u32>> = vec![Vec::new(); steps.len()];
        for (index, facts) in (0..).zip(&steps) {
            for after in &facts.after {
                dependents[*after as usize].push(index);
            }
        }
        let counts = BTreeMap::from([(State::Waiting, steps.len())]);
        let steps = steps
            .into_iter()
            .zip(dependents)
            .map(|(facts, dependents)| Step {
                waits_for: facts.after.len(),
                facts,
                state: State::Waiting,
                dependents,
                attempt: 0,
                failures: 0,
            })
            .collect();
        Self {
            conduct,
            steps,
            counts,
            ready: BTreeSet::new(),
            ready_without_code: BTreeSet::new(),
            busy: 0,
            cancelled: false,
            done: false,
        }
    }

    /// Takes in what happened and returns what is to be done, in order.
    ///
    /// Inputs that do not fit the state, such as the outcome of a step that does not run, change nothing: they are echoes of
    /// what was settled otherwise.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.done {
            return effects;
        }
        match input {
            Input::Begin => self.enqueue_first(),
            Input::Resume(known) => self.resume(known, &mut effects),
            Input::Recorded(index) => {
                if self.steps[index as usize].state == State::Intended {
                    self.set(index, State::Running);
                    effects
                        .push(Effect::Execute { step: index, attempt: self.steps[index as usize].attempt });
                }
            }
            Input::Finished(index, outcome) => {
                // An intent that could not be made, because an input has no value, ends before it is recorded.
                let touched = match self.steps[index as usize].state {
                    State::Running => true,
                    State::Intended => false,
                    _ => return effects,
                };
                self.busy -= 1;
                self.finish(index, outcome, touched, &mut effects);
            }
            Input::Recovered(index, recovery) => {
                if self.steps[index as usize].state == State::Recovering {
                    self.recovered(index, recovery, &mut effects);
                }
            }
            Input::Rested(index) => {
                if self.steps[index as usize].state == State::Resting {
                    self.set(index, State::Waiting);
                    self.enqueue(index);
                }
            }
            Input::Cancel => self.cancelled = true,
        }
        self.go_on(&mut effects);
        effects
    }

    fn resume(&mut self, known: Vec<Known>, effects: &mut Vec<Effect>) {
        let mut succeeded = Vec::new();
        for (index, known) in (0..).zip(known) {
            let step = &mut self.steps[index as usize];
            match known {
                Known::Untouched => {}
                Known::Failed { attempt } => step.attempt = attempt,
                Known::InFlight { attempt } => {
                    step.attempt = attempt;
                    self.set(index, State::Recovering);
                    effects.push(Effect::Recover { step: index, attempt });
                }
                Known::Succeeded => {
                    self.set(index, State::Succeeded);
                    succeeded.push(index);
                }
            }
        }
        self.enqueue_first();
        for index in succeeded {
            self.release(index);
        }
    }

    fn enqueue_first(&mut self) {
        for index in self.all_in(&[State::Waiting]) {
            if self.steps[index as usize].waits_for == 0 {
                self.enqueue(index);
            }
        }
    }

    /// Lets those go that waited for a step.
    fn release(&mut self, index: u32) {
        for dependent in std::mem::take(&mut self.steps[index as usize].dependents) {
            let step = &mut self.steps[dependent as usize];
            step.waits_for -= 1;
            if step.waits_for == 0 && step.state == State::Waiting {
                self.enqueue(dependent);
            }
        }
    }

    fn finish(&mut self, index: u32, outcome: Outcome, touched: bool, effects: &mut Vec<Effect>) {
        let stopping = self.stopping();
        let step = &mut self.steps[index as usize];
        let transient =
            matches!(&outcome, Outcome::Failed(failure) if failure.class == FailureClass::Transient);
        let succeeded = matches!(outcome, Outcome::Succeeded(_));
        effects.push(Effect::RecordOutcome { step: index, attempt: step.attempt, outcome, touched });
        if succeeded {
            self.set(index, State::Succeeded);
            self.release(index);
            return;
        }
        step.failures += 1;
        if transient && !stopping && step.failures < step.facts.attempts_max {
            effects.push(Effect::Rest { step: index, failures: step.failures });
            self.set(index, State::Resting);
        } else {
            self.set(index, State::Failed);
        }
    }

    fn recovered(&mut self, index: u32, recovery: Recovery, effects: &mut Vec<Effect>) {
        let state = match recovery {
            Recovery::Finished(outcome) => return self.finish(index, outcome, true, effects),
            Recovery::NeverStarted => State::Unstarted,
            Recovery::Repeatable => State::Repeatable,
            Recovery::Unknown(_) => State::InDoubt,
        };
        self.set(index, state);
    }

    fn set(&mut self, index: u32, state: State) {
        let step = &mut self.steps[index as usize];
        if let Some(count) = self.counts.get_mut(&step.state) {
            *count -= 1;
        }
        *self.counts.entry(state).or_default() += 1;
        step.state = state;
    }

    fn count(&self, state: State) -> usize {
        self.counts.get(&state).copied().unwrap_or_default()
    }

    /// Whether nothing new may start.
    fn stopping(&self) -> bool {
        self.cancelled
            || (!self.conduct.keep_going && self.count(State::Failed) > 0)
            || self.count(State::InDoubt) > 0
    }

    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        // What is in flight is settled before anything starts: an answer may be needed first.
        if self.count(State::Recovering) > 0 {
            return;
        }
        if self.count(State::Unstarted) + self.count(State::Repeatable) > 0 {
            self.take_up(effects);
        }
        if self.stopping() && self.count(State::Resting) > 0 {
            for index in self.all_in(&[State::Resting]) {
                self.set(index, State::Failed);
            }
        }
        if !self.stopping() {
            self.start(effects);
        }
        self.end(effects);
    }

    fn all_in(&self, states: &[State]) -> Vec<u32> {
        (0..)
            .zip(&self.steps)
            .filter(|(_, step)| states.contains(&step.state))
            .map(|(index, _)| index)
            .collect()
    }

    /// Goes on with what was interrupted, where the run goes on.
    fn take_up(&mut self, effects: &mut Vec<Effect>) {
        for index in self.all_in(&[State::Unstarted, State::Repeatable]) {
            if !self.stopping() {
                self.set(index, State::Running);
                self.busy += 1;
                effects.push(Effect::Execute { step: index, attempt: self.steps[index as usize].attempt });
            } else if self.cancelled || self.count(State::InDoubt) == 0 {
                // A run that ends leaves nothing in flight; one that waits for an answer does.
                let touched = self.steps[index as usize].state == State::Repeatable;
                let class = if touched { FailureClass::UnknownOutcome } else { FailureClass::Transient };
                let message = "it was interrupted, and not taken up again because the run stops".to_owned();
                let outcome = Outcome::Failed(Failure { class, message, detail: String::new() });
                self.finish(index, outcome, touched, effects);
            }
        }
    }

    /// Notes a step that waits for nothing any more.
    fn enqueue(&mut self, index: u32) {
        let queue = if self.steps[index as usize].facts.runs_code {
            &mut self.ready
        } else {
            &mut self.ready_without_code
        };
        queue.insert(index);
    }

    fn start(&mut self, effects: &mut Vec<Effect>) {
        while let Some(index) = self.ready_without_code.pop_first() {
            self.steps[index as usize].attempt += 1;
            self.finish(index, Outcome::Succeeded(BTreeMap::<String, Value>::new()), false, effects);
        }
        while self.busy < self.conduct.parallel_max.max(1)
            && let Some(index) = self.ready.pop_first()
        {
            self.busy += 1;
            let step = &mut self.steps[index as usize];
            step.attempt += 1;
            effects.push(Effect::RecordIntent { step: index, attempt: step.attempt });
            self.set(index, State::Intended);
        }
    }

    fn end(&mut self, effects: &mut Vec<Effect>) {
        let waiting = !self.ready.is_empty() || !self.ready_without_code.is_empty();
        if self.busy > 0 || self.count(State::Resting) > 0 || (waiting && !self.stopping()) {
            return;
        }
        let result = if self.count(State::InDoubt) > 0 {
            RunResult::NeedsOperator
        } else if self.count(State::Failed) > 0 {
            RunResult::Failed
        } else if self.count(State::Succeeded) == self.steps.len() {
            effects.push(Effect::Conclude);
            RunResult::Succeeded
        } else {
            RunResult::Cancelled
        };
        self.done = true;
        effects.push(Effect::Done(result));
    }
}
