//! The pure machine: what it asks for, in which order, and what it makes of answers that come late, twice or not as hoped.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Batch, Change, Revision, Store as _, StoreError, Value, Vertex, VertexId};
use khutulun_api::{FailureClass, Operation, Outcome, RunId, names};
use khutulun_engine::{
    Effect, EngineOptions, Input, Lease, Lost, Owner, Present, Run, RunResult, RunState, Setup, StepEnd,
    TakeUp, Tell,
};
use khutulun_plan::Plan;

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{Memory, World, failed},
};

/// A run that the test drives by hand: commits and operations are kept until they are answered.
struct Hand {
    world: World,
    run: Run,
    commits: Vec<Arc<Batch>>,
    operations: Vec<Operation>,
    asked: Vec<Operation>,
    /// All effects but commits, in order, as words.
    log: Vec<String>,
}

fn owner(pid: u32) -> Owner {
    Owner { pid, verb: "deploy".to_owned(), ..Owner::default() }
}

fn lease(world: &World) -> Lease {
    let lease = Present::read(&*world.store, &namespace()).unwrap().lease;
    lease.unwrap_or_else(|| Lease::new(namespace(), VertexId(world.store.allocate(1).unwrap().start)))
}

fn setup(world: &World, run: RunId, owner: Owner, now_ms: u64) -> Setup {
    Setup {
        run,
        lease: lease(world).taken(owner, now_ms, 30_000),
        options: EngineOptions::default(),
        functions: Arc::new(SketchFunctions),
        author: "alice@h1".to_owned(),
    }
}

impl Hand {
    fn begin(design: &str) -> Self {
        let world = World::new(Memory::Good);
        let plan = world.deploy_plan(design);
        Self::begin_with(world, plan)
    }

    fn begin_with(world: World, plan: Plan) -> Self {
        let run = RunId(world.store.allocate(1).unwrap().start);
        let setup = setup(&world, run, owner(1), 0);
        let base = plan.base;
        let (run, effects) = Run::begin(setup, plan, world.graph(), base, Vec::new()).unwrap();
        Self::of(world, run, effects)
    }

    fn take_up(world: World, run: RunId, how: TakeUp) -> Self {
        let state = RunState::read(&*world.store, run).unwrap();
        let revision = world.store.namespace_revision(&namespace()).unwrap();
        let (run, effects) =
            Run::take_up(setup(&world, run, owner(2), 0), state, world.graph(), revision, how);
        Self::of(world, run, effects)
    }

    fn of(world: World, run: Run, effects: Vec<Effect>) -> Self {
        let (commits, operations, asked) = (Vec::new(), Vec::new(), Vec::new());
        let mut hand = Self { world, run, commits, operations, asked, log: Vec::new() };
        hand.take(effects);
        hand
    }

    #[track_caller]
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let word = match effect {
                Effect::Commit(batch) => {
                    self.commits.push(batch);
                    assert_eq!(self.commits.len(), 1, "one commit at a time");
                    continue;
                }
                Effect::Execute(operation) => {
                    let word = format!("execute {}", key(&operation));
                    self.operations.push(operation);
                    word
                }
                Effect::Recover(operation) => {
                    let word = format!("recover {}", key(&operation));
                    self.asked.push(operation);
                    word
                }
                Effect::Rest { step, ms } => format!("rest {step} {ms}"),
                Effect::Tell(Tell::Began { done }) => format!("began {done}"),
                Effect::Tell(Tell::Ended { step, again, .. }) => {
                    format!("ended {step}{}", if again { " again" } else { "" })
                }
                Effect::Tell(Tell::Skipped { step }) => format!("skipped {step}"),
                Effect::Done(report) => report.result.word().to_owned(),
                Effect::Lost(lost) => format!("{lost:?}"),
            };
            self.log.push(word);
        }
    }

    #[track_caller]
    fn tell(&mut self, input: Input) {
        let effects = self.run.handle(input);
        self.take(effects);
    }

    /// Commits what is open.
    #[track_caller]
    fn commit(&mut self) {
        let batch = self.commits.pop().unwrap();
        let result = self.world.store.commit(&batch);
        drop(batch);
        match result {
            Ok(revision) => self.tell(Input::Committed(revision)),
            Err(StoreError::Conflict { .. }) => {
                let present = Present::read(&*self.world.store, &namespace()).unwrap();
                self.tell(Input::Conflicted(Box::new(present)));
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn finish(&mut self, key_of: &str, outcome: Outcome) -> OperationEcho {
        let place = self.operations.iter().position(|operation| key(operation) == key_of).unwrap();
        let id = self.operations.remove(place).id;
        let echo = OperationEcho { step: id.step, attempt: id.attempt, outcome };
        self.tell(echo.input());
        echo
    }

    fn log(&mut self) -> String {
        std::mem::take(&mut self.log).join(", ")
    }

    /// Changes one node as somebody else would.
    fn meddle(&self, node: &str, change: impl FnOnce(&mut Vertex)) {
        let mut vertex = self.world.graph().vertexes().find(|vertex| vertex.name == node).unwrap().clone();
        change(&mut vertex);
        let batch = Batch { changes: vec![Change::put(vertex)], ..Batch::default() };
        self.world.store.commit(&batch).unwrap();
    }
}

/// What an operation said, to be said again.
struct OperationEcho {
    step: u32,
    attempt: u32,
    outcome: Outcome,
}

impl OperationEcho {
    fn input(&self) -> Input {
        let Self { step, attempt, outcome } = self;
        Input::Finished { step: *step, attempt: *attempt, outcome: outcome.clone() }
    }
}

fn key(operation: &Operation) -> String {
    format!("{}.{}", operation.subject.node, operation.event.trim_start_matches("lifecycle."))
}

fn ok(outputs: &[(&str, i64)]) -> Outcome {
    let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), Value::Integer(*value)));
    Outcome::Succeeded(outputs.collect())
}

#[test]
fn nothing_is_executed_or_told_before_it_is_durable_and_what_comes_meanwhile_gathers() {
    let mut hand = Hand::begin("a T create()\nb T create() start()\nc T create()");
    assert_eq!(hand.log(), "");
    let kinds = |hand: &Hand| {
        let kinds = hand.commits[0].records.iter().map(|record| record.kind.clone());
        kinds.collect::<Vec<_>>().join(" ")
    };
    // The beginning and the first intents are one commit.
    assert_eq!(kinds(&hand), "begin begin intent intent intent");
    hand.commit();
    assert_eq!(hand.log(), "began 0, execute a.create, execute b.create, execute c.create");
    hand.finish("a.create", ok(&[]));
    assert_eq!(kinds(&hand), "outcome");
    // While that is open, two others end.
    hand.finish("b.create", ok(&[]));
    hand.finish("c.create", ok(&[]));
    assert_eq!(hand.log(), "");
    hand.commit();
    assert_eq!(kinds(&hand), "outcome intent outcome");
    assert_eq!(hand.log(), "ended 0");
    hand.commit();
    assert_eq!(hand.log(), "ended 1, ended 3, execute b.start");
    let echo = hand.finish("b.start", ok(&[]));
    assert_eq!(kinds(&hand), "outcome end end");
    assert!(hand.run.report().is_none());
    hand.commit();
    assert_eq!(hand.log(), "ended 2, succeeded");
    assert_eq!(hand.run.report().unwrap().result, RunResult::Succeeded);
    hand.tell(echo.input());
    hand.tell(Input::Cancel);
    assert_eq!(hand.log(), "");
    assert!(lease(&hand.world).holder.is_none());
    assert_eq!(lease(&hand.world).epoch, 1);
}

#[test]
fn what_comes_twice_or_too_late_changes_nothing() {
    let mut hand = Hand::begin("a T @pid start()>pid");
    hand.tell(Input::Finished { step: 0, attempt: 1, outcome: ok(&[("pid", 7)]) });
    hand.commit();
    assert_eq!(hand.log(), "began 0, execute a.start");
    hand.tell(Input::Committed(Revision(99)));
    for (step, attempt) in [(0, 2), (7, 1)] {
        hand.tell(Input::Finished { step, attempt, outcome: ok(&[]) });
    }
    assert!(hand.commits.is_empty());
    let mut echo = hand.finish("a.start", ok(&[("pid", 1)]));
    echo.outcome = ok(&[("pid", 2)]);
    hand.tell(echo.input());
    hand.tell(Input::Rested { step: 0 });
    hand.commit();
    assert_eq!(hand.log(), "ended 0, succeeded");
    let graph = hand.world.graph();
    let a = graph.vertexes().find(|vertex| vertex.name == "a").unwrap();
    assert_eq!(a.properties.get("pid").unwrap().value, Some(Value::Integer(1)));
}

#[test]
fn what_somebody_else_wrote_meanwhile_stays_property_by_property() {
    let mut hand = Hand::begin("a T @pid @seen create() start()>pid\nb T ->a start()");
    hand.commit();
    hand.finish("a.create", ok(&[]));
    hand.commit();
    hand.finish("a.start", ok(&[("pid", 7)]));
    // Somebody notes what was seen of `a`, and changes `b`, while the commit that makes `a` started is on its way.
    let observed = Value::map([("state", "running")]);
    hand.meddle("a", |vertex| {
        vertex.properties.get_mut("seen").unwrap().value = Some(Value::Integer(3));
        vertex.metadata.insert(names::OBSERVED.to_owned(), observed.clone());
    });
    hand.meddle("b", |vertex| drop(vertex.metadata.insert("note".to_owned(), Value::from("mine"))));
    hand.commit();
    assert_eq!(hand.log(), "began 0, execute a.create, ended 0, execute a.start");
    // It is tried again, on top of what is there now; and so is the next one.
    hand.commit();
    hand.finish("b.start", ok(&[]));
    hand.meddle("b", |vertex| drop(vertex.metadata.insert("note".to_owned(), Value::from("again"))));
    hand.commit();
    hand.commit();
    assert!(hand.log().ends_with("succeeded"));
    let graph = hand.world.graph();
    let node = |name: &str| graph.vertexes().find(|vertex| vertex.name == name).unwrap();
    let a = node("a");
    assert_eq!(a.properties.get("pid").unwrap().value, Some(Value::Integer(7)));
    assert_eq!(a.properties.get("seen").unwrap().value, Some(Value::Integer(3)));
    assert_eq!(a.metadata.get(names::OBSERVED), Some(&observed));
    assert_eq!(a.metadata.get(names::STATE), Some(&Value::from("started")));
    assert_eq!(node("b").metadata.get("note"), Some(&Value::from("again")));
    assert_eq!(node("b").metadata.get(names::STATE), Some(&Value::from("started")));
}

#[test]
fn what_somebody_else_took_away_does_not_come_back() {
    let mut hand = Hand::begin("a T start()\nb T start()");
    hand.commit();
    hand.finish("a.start", ok(&[]));
    let id = hand.world.graph().vertexes().find(|vertex| vertex.name == "a").unwrap().id;
    let changes = vec![Change::delete(floria::EntityKey::Vertex(id))];
    hand.world.store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    hand.commit();
    hand.commit();
    assert!(hand.world.graph().vertex(id).is_none());
    hand.finish("b.start", ok(&[]));
    hand.commit();
    assert!(hand.log().ends_with("succeeded"));
}

#[test]
fn whoever_lost_the_lease_asks_for_nothing_more() {
    let mut hand = Hand::begin("a T start()\nb T ->a start()");
    hand.commit();
    let mut other = Hand::take_up(
        World::on(Arc::clone(&hand.world.store), Memory::Good),
        hand.run.id(),
        TakeUp::GoOn(BTreeMap::new()),
    );
    other.commit();
    assert_eq!(other.log(), "began 0, recover a.start");
    assert_eq!(other.asked[0].epoch, 2);
    hand.finish("a.start", ok(&[]));
    hand.commit();
    assert_eq!(hand.log(), format!("began 0, execute a.start, {:?}", Lost::TakenOver));
    assert!(hand.commits.is_empty());
    hand.tell(Input::Cancel);
    assert!(hand.commits.is_empty());
}

#[test]
fn a_beginning_that_is_refused_does_nothing() {
    let world = World::new(Memory::Good);
    let plan = world.deploy_plan("a T start()");
    let mut second = Hand::begin_with(World::on(Arc::clone(&world.store), Memory::Good), plan.clone());
    let mut first = Hand::begin_with(world, plan);
    first.commit();
    second.commit();
    assert_eq!(second.log(), format!("{:?}", Lost::NotBegun));
    assert_eq!(first.log(), "began 0, execute a.start");
}

#[test]
fn with_an_expired_lease_nothing_starts_until_it_is_renewed_durably() {
    let mut hand = Hand::begin("a T start()\nb T ->a start()");
    hand.commit();
    assert_eq!(hand.run.expires_ms(), 30_000);
    hand.finish("a.start", ok(&[]));
    hand.tell(Input::Expired { now_ms: 40_000 });
    hand.commit();
    assert_eq!(hand.log(), "began 0, execute a.start, ended 0");
    hand.tell(Input::Renew { now_ms: 41_000 });
    assert_eq!(hand.log(), "");
    hand.commit();
    assert_eq!(hand.log(), "execute b.start");
    assert_eq!(hand.run.expires_ms(), 71_000);
    hand.finish("b.start", ok(&[]));
    hand.commit();
    assert_eq!(hand.run.expires_ms(), 0);
}

#[test]
fn a_run_that_was_left_is_cancelled_or_superseded_and_never_waits_for_answers() {
    for (how, word) in [(TakeUp::Cancel, "cancelled"), (TakeUp::Supersede, "superseded")] {
        let mut left = Hand::begin("a T start()\nb T start()\nc T ->a start()");
        left.commit();
        let run = left.run.id();
        let mut hand = Hand::take_up(left.world, run, how.clone());
        hand.commit();
        assert_eq!(hand.log(), "began 0, recover a.start, recover b.start");
        let unknown = khutulun_api::Recovery::Unknown("who knows".to_owned());
        hand.tell(Input::Recovered { step: 0, attempt: 1, recovery: unknown });
        hand.tell(Input::Recovered {
            step: 1,
            attempt: 1,
            recovery: khutulun_api::Recovery::Finished(ok(&[])),
        });
        hand.commit();
        while !hand.commits.is_empty() {
            hand.commit();
        }
        assert!(hand.log().ends_with("cancelled"));
        let state = RunState::read(&*hand.world.store, run).unwrap();
        assert_eq!(state.end.as_deref(), Some(word));
        assert!(state.steps[0].in_flight(), "whoever resumes it asks again");
        assert_eq!((&state.steps[1].end, &state.steps[2].end), (&StepEnd::Succeeded, &StepEnd::NotStarted));
    }
}

#[test]
fn a_transient_failure_rests_and_the_rest_grows() {
    let world = World::new(Memory::Good);
    let mut plan = world.deploy_plan("a T start()");
    // What a driver runs is tried again.
    plan.steps[0].implementation = Some(floria::Implementation::Driver("process".to_owned()));
    let mut hand = Hand::begin_with(world, plan);
    hand.commit();
    hand.finish("a.start", failed(FailureClass::Transient));
    hand.commit();
    assert_eq!(hand.log(), "began 0, execute a.start, ended 0 again, rest 0 500");
    hand.tell(Input::Rested { step: 0 });
    hand.commit();
    hand.finish("a.start", failed(FailureClass::Transient));
    hand.commit();
    assert_eq!(hand.log(), "execute a.start, ended 0 again, rest 0 1000");
}
