//! The run as a state machine, without input and output.

use std::collections::{BTreeMap, BTreeSet};

use floria::Value;
use khutulun_api::{Failure, FailureClass, Outcome, Recovery};

use crate::report::RunResult;

/// What a core must know of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFacts {
    /// The steps that must have succeeded before: see [`khutulun_plan::Step::after`].
    pub after: Vec<u32>,
    /// The steps whose failure leads here: see [`khutulun_plan::Step::otherwise`].
    pub otherwise: Vec<u32>,
    /// Whether it stands for the end of those before it: see [`khutulun_plan::Step::gathers`].
    pub gathers: bool,
    /// Whether it is only run where conditions hold, which somebody has to look at.
    pub decides: bool,
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
    /// It failed, and the steps for that case are taken: it is not tried again.
    Caught,
    /// Its conditions do not hold.
    Skipped,
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
    /// Somebody has looked at the conditions of a step: whether they hold, or why nobody can tell.
    Decided(u32, Result<bool, Failure>),
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
        /// Whether it failed and steps for that case are taken, so that it is not tried again.
        caught: bool,
    },
    /// Look at the conditions of a step, then say [`Input::Decided`].
    Decide {
        /// The step.
        step: u32,
    },
    /// The step is not run.
    Skip {
        /// The step.
        step: u32,
        /// Whether its conditions say so, which has to be made durable as an outcome is. Otherwise it follows from what became
        /// of other steps.
        decided: bool,
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
    /// Its conditions are being looked at.
    Deciding,
    Failed,
    /// Failed, and steps for that case go on.
    Caught,
    /// Not run, and never will be.
    Skipped,
    Succeeded,
}

#[derive(Debug)]
struct Step {
    facts: StepFacts,
    state: State,
    /// Whether there are steps for the case that it fails.
    catches: bool,
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
/// have succeeded; nothing that waits for a failed step is ever executed, unless it is there for that case; after a failure that
/// no step is there for (unless the run keeps going) or a cancellation no new intent is made; when nothing runs any more, the
/// run is done.
///
/// A step with others before it comes to its turn when all of those are over: succeeded, failed with steps for that case, or
/// not run. It is run if one of those leads to it, and none that must have succeeded has failed. Otherwise it is not run, and
/// nor is what it alone leads to.
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
    /// Makes a run that has not begun. Each step comes after those that it waits for.
    pub fn new(steps: Vec<StepFacts>, conduct: Conduct) -> Self {
        let mut dependents: Vec<Vec<u32>> = vec![Vec::new(); steps.len()];
        for (index, facts) in (0..).zip(&steps) {
            for before in facts.after.iter().chain(&facts.otherwise) {
                dependents[*before as usize].push(index);
            }
        }
        let mut catches = vec![false; steps.len()];
        for (index, facts) in steps.iter().enumerate().rev() {
            let passed_on = if facts.gathers && catches[index] { facts.after.as_slice() } else { &[] };
            facts.otherwise.iter().chain(passed_on).for_each(|before| catches[*before as usize] = true);
        }
        let counts = BTreeMap::from([(State::Waiting, steps.len())]);
        let steps = steps
            .into_iter()
            .zip(dependents)
            .zip(catches)
            .map(|((facts, dependents), catches)| Step {
                waits_for: facts.after.len() + facts.otherwise.len(),
                facts,
                state: State::Waiting,
                catches,
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
            Input::Decided(index, answer) => {
                if self.steps[index as usize].state == State::Deciding {
                    self.decided(index, answer, &mut effects);
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
        let mut over = Vec::new();
        for (index, known) in (0..).zip(known) {
            let step = &mut self.steps[index as usize];
            let state = match known {
                Known::Untouched => continue,
                Known::Failed { attempt } => {
                    step.attempt = attempt;
                    continue;
                }
                Known::InFlight { attempt } => {
                    step.attempt = attempt;
                    self.set(index, State::Recovering);
                    effects.push(Effect::Recover { step: index, attempt });
                    continue;
                }
                Known::Caught => State::Caught,
                Known::Skipped => State::Skipped,
                Known::Succeeded => State::Succeeded,
            };
            self.set(index, state);
            over.push(index);
        }
        self.enqueue_first();
        for index in over {
            self.release(index, effects);
        }
    }

    fn enqueue_first(&mut self) {
        for index in self.all_in(&[State::Waiting]) {
            if self.steps[index as usize].waits_for == 0 {
                self.enqueue(index);
            }
        }
    }

    /// Lets those go that waited for a step which is over.
    fn release(&mut self, index: u32, effects: &mut Vec<Effect>) {
        let mut over = vec![index];
        while let Some(index) = over.pop() {
            for dependent in std::mem::take(&mut self.steps[index as usize].dependents) {
                let step = &mut self.steps[dependent as usize];
                step.waits_for -= 1;
                if step.waits_for > 0 || step.state != State::Waiting {
                    continue;
                }
                match self.verdict(dependent) {
                    None => self.enqueue(dependent),
                    Some(state) => {
                        self.set(dependent, state);
                        if state == State::Skipped {
                            effects.push(Effect::Skip { step: dependent, decided: false });
                        }
                        over.push(dependent);
                    }
                }
            }
        }
    }

    /// What becomes of a step without being run, once all before it is over. None: it is run.
    fn verdict(&self, index: u32) -> Option<State> {
        let StepFacts { after, otherwise, gathers, .. } = &self.steps[index as usize].facts;
        let state = |step: &u32| self.steps[*step as usize].state;
        let is_refuted = after.iter().any(|step| state(step) == State::Caught && !otherwise.contains(step));
        let is_reached = after.iter().any(|step| state(step) == State::Succeeded)
            || otherwise.iter().any(|step| state(step) == State::Caught);
        match (is_refuted, is_reached) {
            (true, _) if *gathers => Some(State::Caught),
            (false, true) => None,
            _ => Some(State::Skipped),
        }
    }

    fn decided(&mut self, index: u32, answer: Result<bool, Failure>, effects: &mut Vec<Effect>) {
        let outcome = match answer {
            Ok(false) => {
                self.set(index, State::Skipped);
                effects.push(Effect::Skip { step: index, decided: true });
                return self.release(index, effects);
            }
            Ok(true) => Outcome::Succeeded(BTreeMap::new()),
            Err(failure) => Outcome::Failed(failure),
        };
        self.finish(index, outcome, false, effects);
    }

    fn finish(&mut self, index: u32, outcome: Outcome, touched: bool, effects: &mut Vec<Effect>) {
        let (stopping, cancelled) = (self.stopping(), self.cancelled);
        let step = &mut self.steps[index as usize];
        let attempt = step.attempt;
        let class = match &outcome {
            Outcome::Succeeded(_) => None,
            Outcome::Failed(failure) => Some(failure.class),
        };
        step.failures += u32::from(class.is_some());
        let is_last = class != Some(FailureClass::Transient) || step.failures >= step.facts.attempts_max;
        // What nobody knows to have failed has no steps for that case, and what is stopped is tried again by whoever resumes.
        let caught = step.catches
            && is_last
            && !cancelled
            && class.is_some_and(|class| class != FailureClass::UnknownOutcome);
        let failures = step.failures;
        effects.push(Effect::RecordOutcome { step: index, attempt, outcome, touched, caught });
        if class.is_none() || caught {
            self.set(index, if caught { State::Caught } else { State::Succeeded });
            self.release(index, effects);
        } else if !is_last && !stopping {
            effects.push(Effect::Rest { step: index, failures });
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
                let attempt = self.steps[index as usize].attempt;
                // It did not fail by itself, so nothing that is there for its failure goes on.
                effects.push(Effect::RecordOutcome { step: index, attempt, outcome, touched, caught: false });
                self.set(index, State::Failed);
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
            if self.steps[index as usize].facts.decides {
                self.set(index, State::Deciding);
                effects.push(Effect::Decide { step: index });
            } else {
                self.finish(index, Outcome::Succeeded(BTreeMap::<String, Value>::new()), false, effects);
            }
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
            effects.push(Effect::Conclude);
            RunResult::Succeeded
        } else {
            RunResult::Cancelled
        };
        self.done = true;
        effects.push(Effect::Done(result));
    }
}
