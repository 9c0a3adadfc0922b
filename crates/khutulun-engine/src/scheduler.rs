//! The order of steps as a state machine: which may start, and which never will.

mod going;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use floria::Value;
use khutulun_api::{Failure, FailureClass, Outcome, Recovery};

pub use words::{Conduct, Happened, Known, Order, StepFacts};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Waits for others, or for its turn.
    Waiting,
    /// Its intent is being recorded.
    Intended,
    /// Its intent is recorded, and it waits for a place.
    Prepared,
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
    /// Its conditions are being looked at, or whether it is approved.
    Deciding,
    /// Somebody has to approve it.
    Unapproved,
    Failed,
    /// Failed, and steps for that case go on.
    Caught,
    /// Not run, and never will be.
    Skipped,
    Succeeded,
}

/// How many operations have an intent and no outcome at a time, where no more may run: their intents are made durable together
/// and ahead, so that a free place is taken at once. After an interruption, somebody is asked about as many.
const INTENDED_MAX: usize = 64;

/// How many states there are.
const STATES: usize = State::Succeeded as usize + 1;

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
/// no step is there for (unless the run keeps going) or a cancellation no new intent is made, and those that were made ahead are
/// taken back; when nothing runs any more, the run is done.
///
/// A step with others before it comes to its turn when all of those are over: succeeded, failed with steps for that case, or
/// not run. It is run if one of those leads to it, and none that must have succeeded has failed. Otherwise it is not run, and
/// nor is what it alone leads to.
///
/// Nothing here reads a clock, a store or chance: the same inputs give the same answers.
#[derive(Debug)]
pub struct Scheduler {
    conduct: Conduct,
    steps: Vec<Step>,
    /// How many steps are in each state.
    counts: [usize; STATES],
    /// Those that were interrupted and may be run, or run again.
    interrupted: BTreeSet<u32>,
    resting: BTreeSet<u32>,
    /// Those whose intents are recorded and that wait for a place, in the plan's order.
    prepared: BTreeSet<u32>,
    /// Steps that wait for nothing but their turn, in the plan's order.
    ready: BTreeSet<u32>,
    /// The same of steps that run no code, which need no place.
    ready_without_code: BTreeSet<u32>,
    /// How many operations have an intent and no outcome yet.
    busy: usize,
    cancelled: bool,
    done: bool,
}

impl Scheduler {
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
        let mut counts = [0; STATES];
        counts[State::Waiting as usize] = steps.len();
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
            interrupted: BTreeSet::new(),
            resting: BTreeSet::new(),
            prepared: BTreeSet::new(),
            ready: BTreeSet::new(),
            ready_without_code: BTreeSet::new(),
            busy: 0,
            cancelled: false,
            done: false,
        }
    }

    /// Lets nothing new start.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Returns whether the end of this attempt is waited for.
    pub fn executes(&self, index: u32, attempt: u32) -> bool {
        self.is(index, attempt, State::Running)
    }

    /// Returns whether the answer of what became of this attempt is waited for.
    pub fn recovers(&self, index: u32, attempt: u32) -> bool {
        self.is(index, attempt, State::Recovering)
    }

    fn is(&self, index: u32, attempt: u32, state: State) -> bool {
        self.steps.get(index as usize).is_some_and(|step| step.state == state && step.attempt == attempt)
    }

    /// Takes in what happened and returns what is to be done, in order.
    ///
    /// Inputs that do not fit the state, such as the outcome of a step that does not run, change nothing: they are echoes of
    /// what was settled otherwise.
    pub fn handle(&mut self, input: Happened) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.done {
            return orders;
        }
        match input {
            Happened::Begin => self.enqueue_first(),
            Happened::Resume(known) => self.resume(known, &mut orders),
            Happened::Recorded(index) => {
                if self.steps[index as usize].state == State::Intended {
                    self.set(index, State::Prepared);
                }
            }
            Happened::Finished(index, outcome) => {
                // An intent that could not be made, because an input has no value, ends before it is recorded.
                let touched = match self.steps[index as usize].state {
                    State::Running => true,
                    State::Intended => false,
                    _ => return orders,
                };
                self.busy -= 1;
                self.finish(index, outcome, touched, &mut orders);
            }
            Happened::Recovered(index, recovery) => {
                if self.steps[index as usize].state == State::Recovering {
                    self.recovered(index, recovery, &mut orders);
                }
            }
            Happened::Decided(index, answer) => {
                if self.steps[index as usize].state == State::Deciding {
                    self.decided(index, answer, &mut orders);
                }
            }
            Happened::Unapproved(index) => {
                if self.steps[index as usize].state == State::Deciding {
                    self.set(index, State::Unapproved);
                }
            }
            Happened::Rested(index) => {
                if self.steps[index as usize].state == State::Resting {
                    self.set(index, State::Waiting);
                    self.enqueue(index);
                }
            }
            Happened::Cancel => self.cancelled = true,
        }
        self.go_on(&mut orders);
        orders
    }

    fn resume(&mut self, known: Vec<Known>, orders: &mut Vec<Order>) {
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
                    orders.push(Order::Recover { step: index, attempt });
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
            self.release(index, orders);
        }
    }

    fn enqueue_first(&mut self) {
        for index in 0..self.steps.len() as u32 {
            let step = &self.steps[index as usize];
            if step.state == State::Waiting && step.waits_for == 0 {
                self.enqueue(index);
            }
        }
    }

    /// Lets those go that waited for a step which is over.
    fn release(&mut self, index: u32, orders: &mut Vec<Order>) {
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
                            orders.push(Order::Skip { step: dependent, decided: false });
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

    fn decided(
        &mut self,
        index: u32,
        answer: Result<Option<BTreeMap<String, Value>>, Failure>,
        orders: &mut Vec<Order>,
    ) {
        let outcome = match answer {
            Ok(None) => {
                self.set(index, State::Skipped);
                orders.push(Order::Skip { step: index, decided: true });
                return self.release(index, orders);
            }
            Ok(Some(outputs)) => Outcome::Succeeded(outputs),
            Err(failure) => Outcome::Failed(failure),
        };
        self.finish(index, outcome, false, orders);
    }

    fn finish(&mut self, index: u32, outcome: Outcome, touched: bool, orders: &mut Vec<Order>) {
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
        orders.push(Order::RecordOutcome { step: index, attempt, outcome, touched, caught });
        if class.is_none() || caught {
            self.set(index, if caught { State::Caught } else { State::Succeeded });
            self.release(index, orders);
        } else if !is_last && !stopping {
            orders.push(Order::Rest { step: index, failures });
            self.set(index, State::Resting);
        } else {
            self.set(index, State::Failed);
        }
    }

    fn recovered(&mut self, index: u32, recovery: Recovery, orders: &mut Vec<Order>) {
        let state = match recovery {
            Recovery::Finished(outcome) => return self.finish(index, outcome, true, orders),
            Recovery::NeverStarted => State::Unstarted,
            Recovery::Repeatable => State::Repeatable,
            Recovery::Unknown(_) => State::InDoubt,
        };
        self.set(index, state);
    }

    fn set(&mut self, index: u32, state: State) {
        let before = std::mem::replace(&mut self.steps[index as usize].state, state);
        self.counts[before as usize] -= 1;
        self.counts[state as usize] += 1;
        match before {
            State::Unstarted | State::Repeatable => drop(self.interrupted.remove(&index)),
            State::Resting => drop(self.resting.remove(&index)),
            State::Prepared => drop(self.prepared.remove(&index)),
            _ => {}
        }
        match state {
            State::Unstarted | State::Repeatable => drop(self.interrupted.insert(index)),
            State::Resting => drop(self.resting.insert(index)),
            State::Prepared => drop(self.prepared.insert(index)),
            _ => {}
        }
    }

    fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// Whether nothing new may start.
    fn stopping(&self) -> bool {
        self.cancelled
            || (!self.conduct.keep_going && self.count(State::Failed) > 0)
            || self.count(State::InDoubt) > 0
    }
}
