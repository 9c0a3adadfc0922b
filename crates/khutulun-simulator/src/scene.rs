//! A world in which only what somebody has written down goes wrong.

use std::{
    cell::{RefCell, RefMut},
    collections::BTreeMap,
    fmt::Write as _,
    rc::Rc,
};

use floria::Value;
use khutulun_api::{FailureClass, Operation, names};
use khutulun_engine::{EngineOptions, Question, Settlement};

use crate::{
    bug::Bug,
    fate::{Delivery, Fate, Point, StoreFate},
    host::{Behaviour, Ending, Memory, short},
    laws::Violation,
    planning::Subject,
    task::{Ended, Task},
    world::World,
};

/// In how many steps everything that somebody does has to come to an end.
const STEPS_MAX: u32 = 200_000;

/// How an operation misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// Which, as `db.start`.
    pub operation: String,
    /// How.
    pub behaviour: Behaviour,
    /// How often it does so.
    pub times: u32,
}

/// A moment of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Just before the store has its commit of this number, from 1.
    BeforeCommit(u32),
    /// Just after that, before it knows.
    AfterCommit(u32),
    /// Just before a host begins this operation.
    BeforeEffect(String),
    /// Just after its effect.
    AfterEffect(String),
    /// The point of this number, from 0, of all four kinds.
    Number(u32),
}

/// What happens to a process at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It dies.
    Dies,
    /// It stands still.
    StandsStill,
    /// Somebody asks for its run's end.
    IsCancelled,
}

/// What goes wrong.
#[derive(Debug)]
pub struct Rules {
    /// How operations misbehave.
    pub misbehaviours: Vec<Misbehaviour>,
    /// What drivers can tell, by operation.
    pub memories: BTreeMap<String, Memory>,
    /// What all other drivers can tell.
    pub memory: Memory,
    /// Whether what a process has begun goes on when it dies.
    pub outlives: bool,
    /// What becomes of commits: of which one of each process, from 1.
    pub commits: BTreeMap<u32, StoreFate>,
    /// What happens to the process that begins next.
    pub next: Option<(Moment, Event)>,
    /// The same, of those that have begun.
    moments: BTreeMap<u32, (Moment, Event)>,
    counts: BTreeMap<u32, u32>,
    points: BTreeMap<u32, u32>,
    /// What happens to a process now, besides dying.
    due: Vec<(u32, Event)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            misbehaviours: Vec::new(),
            memories: BTreeMap::new(),
            memory: Memory::Keeps,
            outlives: false,
            commits: BTreeMap::new(),
            next: None,
            moments: BTreeMap::new(),
            counts: BTreeMap::new(),
            points: BTreeMap::new(),
            due: Vec::new(),
        }
    }
}

/// Makes an operation fail.
pub fn failing(class: FailureClass, has_effect: bool) -> Behaviour {
    Behaviour { has_effect, ending: Ending::Fails(class), ..Behaviour::GOOD }
}

/// Whether an operation is the one that somebody means: `db.start`, `db.*`, `*.start` or `*.*`.
fn is_meant(pattern: &str, operation: &Operation) -> bool {
    let node = operation.subject.node.as_str();
    let name = short(node, &operation.event);
    let event = name.strip_prefix(node).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    pattern == "*.*"
        || pattern == name
        || pattern.strip_suffix(".*") == Some(node)
        || pattern.strip_prefix("*.") == Some(event)
}

struct ByRules {
    rules: Rc<RefCell<Rules>>,
    committing: u32,
}

impl Fate for ByRules {
    fn memory(&mut self, operation: &Operation) -> Memory {
        let rules = self.rules.borrow();
        let memory = rules.memories.iter().find(|(pattern, _)| is_meant(pattern, operation));
        memory.map_or(rules.memory, |(_, memory)| *memory)
    }

    fn behaviour(&mut self, operation: &Operation) -> Behaviour {
        let mut rules = self.rules.borrow_mut();
        let meant = |one: &&mut Misbehaviour| one.times > 0 && is_meant(&one.operation, operation);
        match rules.misbehaviours.iter_mut().find(meant) {
            Some(one) => {
                one.times -= 1;
                // What hangs ends at its time limit.
                Behaviour { lasts_ms: one.behaviour.lasts_ms.min(operation.timeout_ms), ..one.behaviour }
            }
            None => Behaviour::GOOD,
        }
    }

    fn delivery(&mut self) -> Delivery {
        Delivery::After(1)
    }

    fn commit(&mut self) -> StoreFate {
        self.rules.borrow().commits.get(&self.committing).copied().unwrap_or(StoreFate::Fine)
    }

    fn store_takes_ms(&mut self) -> u64 {
        1
    }

    fn dies(&mut self, process: u32, point: Point, operation: Option<&Operation>) -> bool {
        let mut rules = self.rules.borrow_mut();
        let rules = &mut *rules;
        if point == Point::Between {
            return false;
        }
        let count = rules.counts.entry(process).or_default();
        *count += u32::from(point == Point::BeforeCommit);
        self.committing = *count;
        let passed = rules.points.entry(process).or_default();
        *passed += 1;
        let Some((moment, event)) = rules.moments.get(&process) else { return false };
        let about = |pattern: &str| operation.is_some_and(|operation| is_meant(pattern, operation));
        let is_now = match moment {
            Moment::BeforeCommit(number) => point == Point::BeforeCommit && count == number,
            Moment::AfterCommit(number) => point == Point::AfterCommit && count == number,
            Moment::BeforeEffect(pattern) => point == Point::BeforeEffect && about(pattern),
            Moment::AfterEffect(pattern) => point == Point::AfterEffect && about(pattern),
            Moment::Number(number) => *passed == number + 1,
        };
        let event = *event;
        if is_now {
            rules.moments.remove(&process);
            rules.due.push((process, event));
        }
        is_now && event == Event::Dies
    }

    fn goes_along(&mut self) -> bool {
        !self.rules.borrow().outlives
    }

    fn next(&mut self, _: usize, first: usize) -> usize {
        first
    }

    fn calm(&mut self) {}
}

/// A world in which only what somebody has written down goes wrong.
pub struct Scene {
    world: World,
    rules: Rc<RefCell<Rules>>,
    questions: Vec<Question>,
}

impl Scene {
    /// Makes a world in which nothing is there yet.
    pub fn new(subject: Subject, options: EngineOptions, bug: Option<Bug>) -> Self {
        let rules: Rc<RefCell<Rules>> = Rc::default();
        let fate = ByRules { rules: Rc::clone(&rules), committing: 0 };
        let mut world = World::new(subject, options, Box::new(fate), bug);
        world.write_down();
        world.laws.scans = true;
        Self { world, rules, questions: Vec::new() }
    }

    /// Returns what goes wrong, to be changed.
    pub fn rules(&self) -> RefMut<'_, Rules> {
        self.rules.borrow_mut()
    }

    /// Returns the world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Begins a process on a machine, which is 0 or 1.
    pub fn begin(&mut self, task: Task, machine: usize) -> u32 {
        let process = self.world.spawn(machine, task);
        let mut rules = self.rules.borrow_mut();
        if let Some(next) = rules.next.take() {
            rules.moments.insert(process, next);
        }
        process
    }

    /// Lets the world go on until a process ends, and returns how. None: it stands still.
    pub fn works(&mut self, process: u32) -> Option<Ended> {
        for _ in 0..STEPS_MAX {
            let state = &self.world.processes[process as usize];
            if state.is_paused {
                return None;
            }
            if let Some(ended) = &state.ended {
                let ended = ended.clone();
                if let Ended::Done(report) = &ended {
                    self.questions.clone_from(&report.questions);
                }
                return Some(ended);
            }
            if !self.world.step() {
                self.world.laws.broken(8, format!("process {process} waits for nothing"));
                return None;
            }
            let due = std::mem::take(&mut self.rules.borrow_mut().due);
            for (process, event) in due {
                match event {
                    Event::Dies => {}
                    Event::StandsStill => {
                        self.world.processes[process as usize].is_paused = true;
                        self.world.say(|| format!("process {process} stands still"));
                    }
                    Event::IsCancelled => self.world.cancel(process),
                }
            }
        }
        self.world.laws.broken(8, format!("process {process} goes on for ever"));
        None
    }

    /// Does something to its end, or until it stands still.
    pub fn does(&mut self, task: Task, machine: usize) -> Option<Ended> {
        let process = self.begin(task, machine);
        self.works(process)
    }

    /// Lets the process go on that stands still.
    pub fn goes_on(&mut self) -> Option<Ended> {
        let process = self.world.processes.iter_mut().find(|process| process.is_paused)?;
        process.is_paused = false;
        let id = process.id;
        self.works(id)
    }

    /// Lets time pass, with what happens in it.
    pub fn waits(&mut self, ms: u64) {
        let until_ms = self.world.now_ms + ms;
        while self.world.next_due_ms().is_some_and(|due_ms| due_ms <= until_ms) && self.world.step() {}
        self.world.now_ms = self.world.now_ms.max(until_ms);
    }

    /// What runs stops by itself, or vanishes.
    ///
    /// # Errors
    ///
    /// When it does not run, or something is done to it.
    pub fn changes(&mut self, node: &str, vanishes: bool) -> Result<(), String> {
        match self.world.drift(|running| running.iter().position(|other| *other == node), vanishes) {
            true => Ok(()),
            false => Err(format!("`{node}` does not run, or something is done to it")),
        }
    }

    /// Lets a machine's wall clock jump.
    pub fn jumps(&mut self, machine: usize, ms: i64) {
        self.world.off_ms[machine] += ms;
    }

    /// Returns what the operator was asked last.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Answers all questions as somebody does who has looked.
    pub fn truths(&self) -> BTreeMap<u32, Settlement> {
        let answer = |question: &Question| {
            let outputs = self.world.looked_up(question.operation);
            (question.operation.step, outputs.map_or(Settlement::Retry, Settlement::Succeeded))
        };
        self.questions.iter().map(answer).collect()
    }

    /// Returns whether a run has begun and not ended.
    pub fn is_unfinished(&self) -> bool {
        self.world.unfinished().is_some()
    }

    /// Returns the plan for a design as a person sees it. None: there is nothing to do.
    pub fn planned(&mut self, design: usize) -> Option<String> {
        match self.world.plan_deploy(design) {
            Ok(plan) => (!plan.is_empty()).then(|| khutulun_plan::render(&plan)),
            Err(why) => Some(why),
        }
    }

    /// Returns the state of a node, as it is stored. None: there is no such node.
    pub fn state_of(&self, node: &str) -> Option<String> {
        let graph = self.world.graph();
        let vertex = graph.vertexes().find(|vertex| graph.path_of(vertex.id) == node)?;
        let state = vertex.metadata.get(names::STATE).and_then(Value::as_text);
        Some(state.unwrap_or("initial").to_owned())
    }

    /// Checks what holds while nothing goes on, and returns all promises that were broken until now.
    pub fn violations(&mut self) -> &[Violation] {
        if !self.is_unfinished() && self.world.living().next().is_none() {
            self.world.check_at_rest();
        }
        self.world.follow();
        &self.world.laws.violations
    }

    /// Returns all that is stored and all that is there, in lines that do not depend on numbers that were given.
    pub fn all(&self) -> String {
        let graph = self.world.graph();
        let mut lines: Vec<String> = Vec::new();
        for vertex in graph.vertexes() {
            let mut line = graph.path_of(vertex.id);
            for (key, value) in &vertex.metadata {
                let _ = write!(line, " {key}={value}");
            }
            for (name, property) in &vertex.properties {
                let value = property.value.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                let _ = write!(line, " {name}:{value}");
            }
            lines.push(line);
        }
        for edge in graph.edges() {
            let (source, target) = (graph.path_of(edge.source), graph.path_of(edge.target));
            lines.push(format!("{source} {}[{}] {target}", edge.name, edge.index));
        }
        for (node, thing) in self.world.host.things() {
            let (created, started) = (thing.created.is_some(), thing.started.is_some());
            lines.push(format!("there: {node} created {created} started {started}"));
        }
        lines.sort();
        lines.join("\n")
    }
}
