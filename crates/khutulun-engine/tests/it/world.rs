//! A world in which operations have effects, and in which everything can crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use floria::{Graph, MemoryStore, Store, Value};
use floria_resolver::{Limits, NoHooks, Request, StoreIds, resolve};
use khutulun_api::{Clock, Failure, FailureClass, Outcome, names};
use khutulun_engine::{
    Cancel, Engine, EngineError, EngineOptions, Owner, RunReport, RunState, StepEnd, unfinished,
};
use khutulun_plan::{Basis, Plan, plan_deploy, plan_destroy};
use tokio::sync::Notify;

pub(crate) use crate::reality::{Crash, Memory};
use crate::{
    reality::{MortalStore, Reality, SimulatedExecutor, key_of},
    sketch::{self, SketchFunctions, namespace},
};

/// A store and a reality that outlive processes.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) reality: Arc<Mutex<Reality>>,
    pub(crate) memory: Memory,
    pub(crate) options: EngineOptions,
    pub(crate) held: Arc<(Mutex<BTreeSet<String>>, Notify)>,
    pub(crate) clock: Arc<HandClock>,
    /// The processes that there were, by pid.
    processes: Arc<Mutex<Vec<Arc<Crash>>>>,
    gate: Arc<Mutex<()>>,
}

/// A clock that is moved by hand.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn move_by(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        // Some time after 1970, so that it can be moved back.
        (1_000_000_000 + self.0.load(Ordering::SeqCst)) as u64
    }
}

/// What became of a process.
pub(crate) enum Fate {
    Died,
    Ended(Result<RunReport, EngineError>),
}

impl Fate {
    pub(crate) fn report(self) -> RunReport {
        match self {
            Self::Ended(result) => result.unwrap(),
            Self::Died => panic!("the process died"),
        }
    }
}

impl World {
    pub(crate) fn new(memory: Memory) -> Self {
        Self::on(Arc::new(MemoryStore::new()), memory)
    }

    /// Makes another world on the same store.
    pub(crate) fn on(store: Arc<MemoryStore>, memory: Memory) -> Self {
        Self {
            store,
            reality: Arc::default(),
            memory,
            options: EngineOptions { rest_ms_first: 1, rest_ms_max: 2, ..EngineOptions::default() },
            held: Arc::default(),
            clock: Arc::default(),
            processes: Arc::default(),
            gate: Arc::default(),
        }
    }

    pub(crate) fn engine(&self, crash: &Arc<Crash>) -> Engine {
        let store = MortalStore {
            inner: Arc::clone(&self.store),
            crash: Arc::clone(crash),
            gate: Arc::clone(&self.gate),
        };
        let executor = SimulatedExecutor {
            store: Arc::clone(&self.store),
            reality: Arc::clone(&self.reality),
            crash: Arc::clone(crash),
            memory: self.memory,
            held: Arc::clone(&self.held),
        };
        let processes = Arc::clone(&self.processes);
        let pid = {
            let mut processes = processes.lock().unwrap();
            processes.push(Arc::clone(crash));
            processes.len() as u32 - 1
        };
        let is_gone = move |owner: &Owner| processes.lock().unwrap()[owner.pid as usize].is_dead();
        Engine::new(Arc::new(store), Arc::new(executor), Arc::new(SketchFunctions))
            .with_options(self.options)
            .with_clock(self.clock.clone())
            .with_owner(Owner {
                pid,
                host: "h1".to_owned(),
                author: "alice@h1".to_owned(),
                ..Owner::default()
            })
            .with_presence(Arc::new(is_gone))
    }

    pub(crate) fn graph(&self) -> Graph {
        self.store.graph(&namespace()).unwrap()
    }

    pub(crate) fn deploy_plan(&self, design: &str) -> Plan {
        let actual = self.graph();
        let wanted = resolve(
            &Request {
                design: &sketch::design(design),
                inputs: &BTreeMap::new(),
                counts: &floria_resolver::OWN_COUNTS,
                current: &actual,
                inventory: &[],
                functions: &SketchFunctions,
                limits: Limits::default(),
            },
            &mut StoreIds::new(self.store.as_ref()),
            &mut NoHooks,
        )
        .unwrap()
        .graph;
        let namespace = namespace();
        let base = self.store.namespace_revision(&namespace).unwrap();
        plan_deploy(&Basis::new(&namespace, base, &SketchFunctions), &wanted, &actual, "digest").unwrap()
    }

    pub(crate) fn destroy_plan(&self) -> Plan {
        let namespace = namespace();
        let base = self.store.namespace_revision(&namespace).unwrap();
        plan_destroy(&Basis::new(&namespace, base, &SketchFunctions), &self.graph()).unwrap()
    }

    /// Lives until the work is done or the process dies.
    pub(crate) async fn live(
        &self,
        crash: &Arc<Crash>,
        work: impl Future<Output = Result<RunReport, EngineError>>,
    ) -> Fate {
        let died = crash.died.notified();
        tokio::pin!(died);
        died.as_mut().enable();
        let fate = tokio::select! {
            biased;
            result = work => Fate::Ended(result),
            () = died => Fate::Died,
        };
        // A commit that had begun when the process died is over before anybody looks.
        drop(self.gate.lock().unwrap());
        if crash.is_dead() { Fate::Died } else { fate }
    }

    pub(crate) async fn run(&self, plan: Plan, crash: &Arc<Crash>) -> Fate {
        let engine = self.engine(crash);
        let cancel = Cancel::new();
        self.live(crash, engine.run(plan, &(), &cancel)).await
    }

    /// Resumes the last run, answering questions truthfully.
    pub(crate) async fn resume(&self, crash: &Arc<Crash>) -> Fate {
        let engine = self.engine(crash);
        let cancel = Cancel::new();
        let mut answers = BTreeMap::new();
        loop {
            let fate = self
                .live(crash, engine.resume(&namespace(), None, std::mem::take(&mut answers), &(), &cancel))
                .await;
            match fate {
                Fate::Ended(Ok(report)) if !report.questions.is_empty() => {
                    let reality = self.reality.lock().unwrap();
                    for question in &report.questions {
                        let answer = match reality.outcomes.get(&question.operation) {
                            Some(Outcome::Succeeded(outputs)) => {
                                khutulun_engine::Settlement::Succeeded(outputs.clone())
                            }
                            Some(Outcome::Failed(_)) => khutulun_engine::Settlement::Failed,
                            None => khutulun_engine::Settlement::Retry,
                        };
                        answers.insert(question.operation.step, answer);
                    }
                }
                other => return other,
            }
        }
    }

    pub(crate) fn unfinished(&self) -> bool {
        unfinished(&*self.store, &namespace()).unwrap().is_some()
    }

    /// Returns whether all that the unfinished run can do now is to wait for operations that are held.
    pub(crate) fn only_waits(&self) -> bool {
        let Some(run) = unfinished(&*self.store, &namespace()).unwrap() else { return false };
        let state = RunState::read(&*self.store, run).unwrap();
        let held = self.held.0.lock().unwrap();
        let seen = &self.reality.lock().unwrap().seen;
        state.plan.steps.iter().zip(&state.steps).all(|(step, known)| match known.end {
            StepEnd::NotStarted => {
                step.after.iter().any(|after| state.steps[*after as usize].end != StepEnd::Succeeded)
            }
            StepEnd::InFlight => {
                let key = key_of(&step.subject.node, &step.event);
                held.contains(&key) && seen.contains_key(&key)
            }
            StepEnd::Succeeded | StepEnd::Failed(_) | StepEnd::Caught(_) | StepEnd::Skipped => true,
        })
    }

    #[track_caller]
    pub(crate) fn check_laws(&self) {
        let reality = self.reality.lock().unwrap();
        assert_eq!(reality.violations, Vec::<String>::new());
    }

    /// Checks that reality is what the graph says of it, node by node (promise 5).
    #[track_caller]
    pub(crate) fn check_truth(&self) {
        let reality = self.reality.lock().unwrap();
        let graph = self.graph();
        for vertex in graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)) {
            let state = vertex.metadata.get(names::STATE).and_then(Value::as_text).unwrap();
            let live = reality.live.get(&vertex.name).cloned().unwrap_or_default();
            let attempted =
                vertex.metadata.get(names::ATTEMPTED).and_then(Value::as_text).unwrap_or_default();
            let starts = vertex.handlers.contains_key("lifecycle.start");
            match state {
                "started" if starts && attempted != "lifecycle.stop" => {
                    assert!(live.contains("started"), "{}", vertex.name)
                }
                "stopped" if attempted != "lifecycle.start" => {
                    assert!(!live.contains("started"), "{}", vertex.name)
                }
                "initial" | "deleted" if attempted.is_empty() => assert!(live.is_empty(), "{}", vertex.name),
                _ => {}
            }
        }
        // Promise 4: nothing is there that belongs to nobody.
        for node in reality.live.keys() {
            let vertex = graph.vertexes().find(|vertex| vertex.name == *node);
            let state = vertex.and_then(|vertex| vertex.metadata.get(names::STATE)).and_then(Value::as_text);
            assert!(state.is_some_and(|state| state != "initial"), "{node} is an orphan in state {state:?}");
        }
    }

    pub(crate) fn live_nodes(&self) -> Vec<String> {
        self.reality.lock().unwrap().live.keys().cloned().collect()
    }
}

pub(crate) fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure { class, message: "it said no".to_owned(), detail: String::new() })
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
