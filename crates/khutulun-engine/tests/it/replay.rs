//! Journals: any beginning of one is enough to go on from, and old ones stay readable.

mod workflows;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use floria::{
    Batch, Graph, LogEntry, LogQuery, LogRow, MemoryStore, Record, Revision, Store as _, Value, ValueMap,
    VertexId,
};
use khutulun_api::{FailureClass, Operation, OperationId, Outcome, Recovery, RunId};
use khutulun_engine::{
    Conduct, Effect, EngineOptions, Input, Lease, Owner, Present, Run, RunReport, RunState, Setup, StepEnd,
    TakeUp, stream_of,
};
use khutulun_plan::{Goal, Plan};
use proptest::prelude::*;

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{Memory, World, failed},
};

/// A world without a runtime: what operations come to depends on nothing but themselves, what comes next on the seed.
#[derive(Default)]
struct Replay {
    store: Arc<MemoryStore>,
    /// Operations that never succeed, and those that succeed at the second attempt, by `node.operation`.
    broken: BTreeSet<String>,
    shaky: BTreeSet<String>,
    executed: BTreeMap<OperationId, Outcome>,
    /// All commits, each with what had been executed before.
    commits: Vec<(Batch, BTreeMap<OperationId, Outcome>)>,
    seed: u64,
}

impl Replay {
    fn below(&mut self, bound: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % bound
    }

    fn setup(&self, run: RunId) -> Setup {
        let lease = Present::read(&*self.store, &namespace()).unwrap().lease;
        let lease =
            lease.unwrap_or_else(|| Lease::new(namespace(), VertexId(self.store.allocate(1).unwrap().start)));
        Setup {
            run,
            lease: lease.taken(Owner::default(), 0, 30_000),
            options: EngineOptions {
                conduct: Conduct { parallel_max: 3, keep_going: true },
                attempts_max_script: 2,
                ..EngineOptions::default()
            },
            functions: Arc::new(SketchFunctions),
            author: "alice@h1".to_owned(),
        }
    }

    /// Does an operation, and checks what must hold whenever one is done.
    fn execute(&mut self, operation: &Operation) -> Outcome {
        let state = RunState::read(&*self.store, operation.id.run).unwrap();
        let step = &state.steps[operation.id.step as usize];
        assert!(step.in_flight() && step.attempt == operation.id.attempt, "no effect without an intent");
        for after in &state.plan.steps[operation.id.step as usize].after {
            let end = &state.steps[*after as usize].end;
            let is_over =
                *end == StepEnd::Succeeded || state.plan.goal == Goal::Workflow && *end == StepEnd::Skipped;
            assert!(is_over, "nothing before its turn: {end:?}");
        }
        let key = format!("{}.{}", operation.subject.node, operation.event);
        let outcome = if self.broken.contains(&key) {
            failed(FailureClass::Permanent)
        } else if self.shaky.contains(&key) && operation.id.attempt == 1 {
            failed(FailureClass::Transient)
        } else {
            let pid = Value::Integer(i64::from(operation.id.step));
            Outcome::Succeeded([("pid".to_owned(), pid)].into())
        };
        assert!(self.executed.insert(operation.id, outcome.clone()).is_none(), "one effect for each id");
        outcome
    }

    fn drive(&mut self, mut run: Run, effects: Vec<Effect>) -> RunReport {
        let mut open = effects;
        loop {
            assert!(!open.is_empty(), "it stopped");
            let place = self.below(open.len());
            let input = match open.remove(place) {
                Effect::Commit(batch) => {
                    let revision = self.store.commit(&batch).unwrap();
                    self.commits.push(((*batch).clone(), self.executed.clone()));
                    Input::Committed(revision)
                }
                Effect::Execute(operation) => {
                    let OperationId { step, attempt, .. } = operation.id;
                    Input::Finished { step, attempt, outcome: self.execute(&operation) }
                }
                Effect::Recover(operation) => {
                    let OperationId { step, attempt, .. } = operation.id;
                    let outcome = self.executed.get(&operation.id).cloned();
                    let recovery = outcome.map_or(Recovery::NeverStarted, Recovery::Finished);
                    Input::Recovered { step, attempt, recovery }
                }
                Effect::Rest { step, .. } => Input::Rested { step },
                Effect::Done(report) => return report,
                Effect::Tell(_) => continue,
                Effect::Lost(lost) => panic!("{lost:?}"),
            };
            open.extend(run.handle(input));
        }
    }

    fn graph(&self) -> Graph {
        self.store.graph(&namespace()).unwrap()
    }
}

fn design(nodes: &[(Vec<u8>, bool)]) -> String {
    let mut text = String::new();
    for (index, (requires, reads)) in nodes.iter().enumerate() {
        text += &format!("n{index} T @pid create() start()>pid");
        for target in requires.iter().filter(|target| usize::from(**target) < index) {
            text += &format!(" ->n{target}");
        }
        if *reads && index > 0 {
            text += &format!(" seen=$n{}.pid", index - 1);
        }
        text += "\n";
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_beginning_of_a_journal_is_left_resuming_ends_the_same(
        nodes in prop::collection::vec((prop::collection::vec(0..6_u8, 0..3), any::<bool>()), 1..6),
        broken in prop::collection::btree_set((0..6_u8, any::<bool>()), 0..2),
        shaky in prop::collection::btree_set((0..6_u8, any::<bool>()), 0..3),
        seed in any::<u64>(),
    ) {
        let keys = |picked: &BTreeSet<(u8, bool)>| -> BTreeSet<String> {
            let operation = |starts: &bool| if *starts { "start" } else { "create" };
            picked.iter().map(|(node, starts)| format!("n{node}.lifecycle.{}", operation(starts))).collect()
        };
        let world = World::new(Memory::Good);
        let plan = world.deploy_plan(&design(&nodes));
        let (broken, shaky) = (keys(&broken), keys(&shaky));
        let mut first = Replay { store: world.store, broken, shaky, seed, ..Replay::default() };
        let run = RunId(first.store.allocate(1).unwrap().start);
        let base = plan.base;
        let (machine, effects) = Run::begin(first.setup(run), plan, Graph::default(), base, Vec::new()).unwrap();
        let report = first.drive(machine, effects);
        let graph = first.graph();

        for count in 1..=first.commits.len() {
            let mut second = Replay {
                broken: first.broken.clone(),
                shaky: first.shaky.clone(),
                executed: first.commits[count - 1].1.clone(),
                seed: seed ^ count as u64,
                ..Replay::default()
            };
            for (batch, _) in &first.commits[..count] {
                second.store.commit(batch).unwrap();
            }
            let state = RunState::read(&*second.store, run).unwrap();
            if state.end.as_deref() != Some("succeeded") {
                let present = Present::read(&*second.store, &namespace()).unwrap();
                let how = TakeUp::GoOn(BTreeMap::new());
                let (machine, effects) =
                    Run::take_up(second.setup(run), state, present.graph, present.revision, how);
                let again = second.drive(machine, effects);
                prop_assert_eq!(again.result, report.result);
            }
            prop_assert_eq!(&second.graph(), &graph);
        }
    }
}

/// A journal as it was written when runs got leases: whatever changes, it is read as this.
const JOURNAL: &str = include_str!("../golden/journal-1.hex");

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// What a journal says, in lines.
fn told(run: RunId, rows: &[LogRow]) -> String {
    let state = RunState::fold(run, rows).unwrap().unwrap();
    let mut text = format!("{} of {}, epoch {}", state.plan.goal.word(), state.plan.namespace, state.epoch);
    for (step, known) in state.plan.steps.iter().zip(&state.steps) {
        let inputs: Vec<String> =
            known.inputs.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let end = match &known.end {
            StepEnd::Failed(failure) => format!("failed ({:?}): {}", failure.class, failure.message),
            other => format!("{other:?}").to_lowercase(),
        };
        let _ = write!(
            text,
            "\n{} {}{} #{}: {end}",
            step.subject.node,
            step.event,
            inputs.concat(),
            known.attempt
        );
    }
    format!("{text}\n{}", state.end.unwrap_or_default())
}

#[test]
fn an_old_journal_is_read_as_ever() {
    let rows: Vec<LogRow> = floria::decode(&octets(JOURNAL)).unwrap();
    let kinds: Vec<&str> = rows
        .iter()
        .filter_map(|row| match &row.entry {
            floria::LogEntry::Record(record) => Some(record.kind.as_str()),
            floria::LogEntry::Change(_) => None,
        })
        .collect();
    let kinds = kinds.join(" ");
    assert!(
        kinds.starts_with("begin intent outcome intent outcome intent outcome intent outcome end resume"),
        "{kinds}"
    );
    assert!(kinds.ends_with("resume intent outcome end"), "{kinds}");
    assert_eq!(
        told(RunId(17), &rows),
        "deploy of shop, epoch 2
a lifecycle.create #1: succeeded
a lifecycle.start port=80 #2: succeeded
b lifecycle.start up=1 #2: failed (Permanent): it said no
failed"
    );
}

/// Writes a journal as it is written today, in the format of the golden one.
fn today() -> (RunId, Vec<LogRow>) {
    let world = World::new(Memory::Good);
    let plan =
        world.deploy_plan("a T port=80 @pid create() start(port=$SELF.port)>pid\nb T ->a start(up=$a.pid)");
    let broken = BTreeSet::from(["b.lifecycle.start".to_owned()]);
    let shaky = BTreeSet::from(["a.lifecycle.start".to_owned()]);
    let mut replay = Replay { store: world.store, broken, shaky, ..Replay::default() };
    replay.store.allocate(12).unwrap();
    let run = RunId(replay.store.allocate(1).unwrap().start);
    let base = plan.base;
    let (machine, effects) = Run::begin(replay.setup(run), plan, Graph::default(), base, Vec::new()).unwrap();
    replay.drive(machine, effects);
    let present = Present::read(&*replay.store, &namespace()).unwrap();
    let state = RunState::read(&*replay.store, run).unwrap();
    let how = TakeUp::GoOn(BTreeMap::new());
    let (machine, effects) = Run::take_up(replay.setup(run), state, present.graph, present.revision, how);
    replay.drive(machine, effects);
    let query = LogQuery { stream: Some(stream_of(run)), ..LogQuery::default() };
    (run, replay.store.log(&query).unwrap())
}

#[test]
fn what_is_written_today_says_what_it_said_when_the_golden_journal_was_written() {
    let (run, rows) = today();
    if let Ok(place) = std::env::var("KHUTULUN_WRITE_GOLDEN") {
        let hex: String = floria::encode(&rows).unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
        let lines: Vec<&str> =
            hex.as_bytes().chunks(100).map(|line| std::str::from_utf8(line).unwrap()).collect();
        std::fs::write(place, lines.join("\n") + "\n").unwrap();
        return;
    }
    let golden: Vec<LogRow> = floria::decode(&octets(JOURNAL)).unwrap();
    assert_eq!(told(run, &rows), told(RunId(17), &golden));
}

/// What a store says that was damaged, or written by somebody else, is refused before anything is done about it.
#[test]
fn a_journal_that_cannot_have_been_written_is_damaged() {
    let sound = World::new(Memory::Good).deploy_plan("a T create()\nb T ->a start()");
    let read = |plan: &Plan, rest: &[(&str, Vec<(&str, Value)>)]| {
        let begin = vec![("plan", Value::Bytes(floria::encode(plan).unwrap())), ("epoch", 1.into())];
        let begin = ("begin", begin);
        let rows = std::iter::once(&begin).chain(rest).map(|(kind, body)| {
            let record = Record {
                stream: stream_of(RunId(1)),
                namespace: namespace(),
                kind: (*kind).to_owned(),
                body: Value::map(body.iter().cloned()),
            };
            LogRow {
                sequence: 1,
                revision: Revision(1),
                time_ms: 0,
                author: None,
                entry: LogEntry::Record(record),
            }
        });
        RunState::fold(RunId(1), &rows.collect::<Vec<_>>()).map(drop).map_err(|error| error.to_string())
    };
    let at = |step: i64| {
        vec![("step", step.into()), ("attempt", 1.into()), ("inputs", Value::Map(ValueMap::new()))]
    };
    assert_eq!(read(&sound, &[("intent", at(0))]), Ok(()));
    let damaged = |why: &str| Err(format!("the journal of run 1 is damaged at row 1: {why}"));
    for wrong in [0, 1, 7] {
        let mut plan = sound.clone();
        plan.steps[0].after = vec![wrong];
        assert_eq!(read(&plan, &[]), damaged("the plan's steps are not in order"), "{wrong}");
    }
    let mut plan = sound.clone();
    plan.steps[0].implementation = None;
    assert_eq!(read(&plan, &[("intent", at(0))]), damaged("an intent of a step without code"));
    let doubt = [("result", "failed".into()), ("class", "unknown-outcome".into()), ("message", "?".into())];
    let doubt = at(0).into_iter().chain(doubt).collect();
    assert_eq!(read(&plan, &[("outcome", doubt)]), damaged("doubts about a step without code"));
}
