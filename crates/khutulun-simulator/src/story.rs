//! A story: somebody wants things of a service while the world fails, and then while it does not.

use std::collections::BTreeMap;

use khutulun_api::{RunId, names};
use khutulun_engine::{Conduct, EngineOptions, Question, RunReport, RunResult, Settlement};

use crate::{
    bug::Bug,
    chance::Chance,
    coverage::{Coverage, Met},
    fate::{ByChance, Memories, Point, Rates},
    laws::Violation,
    planning::Subject,
    task::{Ended, Task},
    world::{Kind, MACHINES, World},
};

/// How many steps the world may fail for.
const SAFETY_STEPS_MAX: u32 = 600;

/// How many things somebody tries while the world fails.
const ACTIONS_MAX: u32 = 9;

/// A story.
#[derive(Clone)]
pub struct Story {
    /// Decides what comes when, and what goes wrong.
    pub seed: u64,
    /// The service.
    pub subject: Subject,
    /// What somebody wants, in order.
    pub wants: Vec<Task>,
    /// How often what goes wrong.
    pub rates: Rates,
    /// How engines behave.
    pub options: EngineOptions,
    /// What drivers can tell.
    pub memories: Memories,
    /// Whether the service is brought up once more before it is taken away, when nothing fails any more.
    pub ends_deployed: bool,
    /// A bug that is planted.
    pub bug: Option<Bug>,
}

/// What came of a story.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// What was met.
    pub coverage: Coverage,
    /// What happened, in lines, if that was asked for.
    pub transcript: Vec<String>,
    /// What the operator was asked: the nodes and events.
    pub questions: Vec<(String, String)>,
}

/// Draws how engines behave.
pub(crate) fn drawn_options(chance: &mut Chance) -> EngineOptions {
    EngineOptions {
        conduct: Conduct { parallel_max: chance.one_of(&[1, 2, 4, 8]), keep_going: chance.permille(300) },
        attempts_max_script: chance.one_of(&[1, 2, 3]),
        ..EngineOptions::default()
    }
}

impl Story {
    /// Tells it. `in_full` notes down what happens.
    pub fn tell(&self, in_full: bool) -> Told {
        let mut chance = Chance::new(self.seed);
        let fate = ByChance::new(Chance::new(chance.number()), self.rates, self.memories);
        let mut world = World::new(self.subject.clone(), self.options, Box::new(fate), self.bug);
        world.planted.iter_mut().for_each(|planted| planted.seeded(self.seed));
        world.laws.scans = self.bug == Some(Bug::SecretPutOut) || self.seed.is_multiple_of(8);
        for (design, _) in &self.subject.designs {
            let spared = [names::PROTECTED, names::ADOPTED];
            for template in &design.vertexes {
                if spared.iter().any(|word| template.metadata.contains_key(word)) {
                    world.laws.spare(template.name.clone());
                }
            }
        }
        if in_full {
            world.write_down();
        }
        world.coverage.note(Met::Story);
        let mut teller = Teller {
            story: self,
            world,
            chance,
            questions: Vec::new(),
            asked: Vec::new(),
            failed: None,
            is_calm: false,
        };
        teller.fails();
        if teller.world.laws.violations.is_empty() {
            teller.recovers();
        }
        let Teller { mut world, asked, .. } = teller;
        let transcript = world.transcript().to_vec();
        let violations = std::mem::take(&mut world.laws.violations);
        Told { violations, coverage: world.coverage, transcript, questions: asked }
    }
}

pub(crate) struct Teller<'s> {
    pub(crate) story: &'s Story,
    pub(crate) world: World,
    chance: Chance,
    /// What the operator was asked last.
    pub(crate) questions: Vec<Question>,
    pub(crate) asked: Vec<(String, String)>,
    /// The last run, if it failed.
    failed: Option<RunId>,
    /// Whether nothing fails any more.
    pub(crate) is_calm: bool,
}

impl Teller<'_> {
    pub(crate) fn is_broken(&self) -> bool {
        !self.world.laws.violations.is_empty()
    }

    /// The first part: all faults.
    fn fails(&mut self) {
        let rates = self.story.rates;
        let (mut wanted, mut actions) = (0, 0);
        let mut last: Option<u32> = None;
        for _ in 0..SAFETY_STEPS_MAX {
            if self.is_broken() {
                return;
            }
            if self.world.living().next().is_none() {
                if let Some(last) = last.take() {
                    wanted += usize::from(self.notes(last));
                    self.rests();
                }
                if wanted >= self.story.wants.len() || actions >= ACTIONS_MAX {
                    return;
                }
                actions += 1;
                let task = self.next_task(wanted);
                let machine = self.chance.below(MACHINES);
                last = Some(self.world.spawn(machine, task));
                continue;
            }
            self.disturbs(rates, &mut actions);
            if !self.world.step() && self.world.living().next().is_some() {
                self.world.laws.broken(8, "a process waits, and nothing is on its way to it");
            }
        }
    }

    /// What goes wrong besides what is asked of fate.
    fn disturbs(&mut self, rates: Rates, actions: &mut u32) {
        if self.chance.permille(15) {
            self.world.follow();
        }
        if self.chance.permille(rates.crashes)
            && let Some(process) = self.living_one()
        {
            self.world.dies_at(process, Point::Between, None);
        }
        if self.chance.permille(rates.pauses)
            && let Some(process) = self.living_one()
        {
            let for_ms = self.chance.one_of(&[500, 20_000, 100_000]);
            self.world.processes[process as usize].is_paused = true;
            self.world.say(|| format!("process {process} stands still for {for_ms} ms"));
            self.world.later(for_ms, Kind::Wakes(process));
        }
        if self.chance.permille(rates.jumps) {
            let jump = self.chance.one_of(&[-86_400_000, -20_000, 20_000, 90_000, 86_400_000]);
            let machine = self.chance.below(MACHINES);
            self.world.coverage.note(if jump < 0 { Met::ClockBackwards } else { Met::ClockForwards });
            self.world.say(|| format!("the clock of machine {machine} jumps by {jump} ms"));
            self.world.off_ms[machine] += jump;
            // Whoever lives there believes that leases have expired.
            if jump > 0 && rates.rivals > 0 && self.chance.permille(600) {
                self.rival(actions, machine);
            }
        }
        if self.chance.permille(rates.cancels)
            && let Some(process) = self.living_one()
        {
            self.world.cancel(process);
        }
        if self.chance.permille(rates.drifts) {
            let (place, vanishes) = (self.chance.below(8), self.chance.permille(500));
            self.world.drift(|running| place.checked_rem(running.len()), vanishes);
        }
        if self.chance.permille(rates.rivals) {
            let machine = self.chance.below(MACHINES);
            self.rival(actions, machine);
        }
        if self.story.bug == Some(Bug::EffectNotPlanned)
            && self.chance.permille(10)
            && let Some(process) = self.living_one()
        {
            self.world.does_more(process);
        }
    }

    /// Somebody else wants something.
    fn rival(&mut self, actions: &mut u32, machine: usize) {
        if *actions >= ACTIONS_MAX || self.world.living().count() >= 3 {
            return;
        }
        *actions += 1;
        let task = match self.chance.below(5) {
            0 => Task::Deploy(self.chance.below(self.story.subject.designs.len())),
            1 => Task::Destroy,
            2 => Task::Cancel,
            _ => Task::Resume(BTreeMap::new()),
        };
        self.world.spawn(machine, task);
    }

    fn living_one(&mut self) -> Option<u32> {
        let count = self.world.living().count();
        let place = self.chance.below(count);
        let process = self.world.living().nth(place).map(|process| process.id);
        process.filter(|process| !self.world.processes[*process as usize].is_paused)
    }

    /// Notes how a process ended. True: what it was for is reached, or given up.
    fn notes(&mut self, process: u32) -> bool {
        let state = &self.world.processes[process as usize];
        let task = state.task.clone();
        match state.ended.clone() {
            Some(Ended::Done(report)) => {
                self.reached(&task, &report);
                self.questions.clone_from(&report.questions);
                let questions = report.questions.iter();
                self.asked.extend(questions.map(|one| (one.node.clone(), one.event.clone())));
                let wanted = !matches!(task, Task::Cancel | Task::Resume(_));
                match report.result {
                    RunResult::Succeeded => wanted || self.chance.permille(500),
                    RunResult::Failed => self.chance.permille(300),
                    RunResult::Cancelled | RunResult::NeedsOperator => false,
                }
            }
            Some(Ended::NothingToDo | Ended::Refused(_)) => true,
            _ => false,
        }
    }

    /// Counts what a run was for, and checks that it is so.
    pub(crate) fn reached(&mut self, task: &Task, report: &RunReport) {
        let is_last = self.world.last_run() == Some(report.run);
        self.failed = (report.result == RunResult::Failed && is_last).then_some(report.run);
        if report.result != RunResult::Succeeded {
            return;
        }
        let met = match task {
            Task::Scale { .. } => Met::Scaled,
            Task::RollBack => Met::RolledBack,
            Task::Unwind(_) => Met::Unwound,
            Task::Repair => Met::Repaired,
            Task::Accept => Met::Accepted,
            Task::Adopt(_) => Met::Adopted,
            _ => return,
        };
        self.world.coverage.note(met);
        if !is_last {
            return;
        }
        match task {
            Task::Scale { node, count, .. } => {
                let found = self.world.instances_of(node);
                if found != *count {
                    self.world
                        .laws
                        .broken(8, format!("there should be {count} of {node}, and there are {found}"));
                }
            }
            Task::Unwind(Some(design)) => self.has_nothing_to_do(*design, "an unwinding"),
            Task::Unwind(None) if !self.world.graph().is_empty() => {
                self.world.laws.broken(7, "after an unwinding to nothing, instances are there");
            }
            _ => {}
        }
    }

    /// The last run failed: what was intended before it, if anything was.
    fn unwinding(&mut self) -> Option<Task> {
        let failed = self.failed.take().filter(|run| self.world.last_run() == Some(*run))?;
        self.world.intended_before(failed).map(Task::Unwind)
    }

    /// What somebody does next, as things are.
    fn next_task(&mut self, wanted: usize) -> Task {
        if self.world.unfinished().is_some() {
            if self.chance.permille(120) {
                self.world.coverage.note(Met::DestroyHalfMade);
                return Task::Destroy;
            }
            if self.chance.permille(80) {
                return Task::Cancel;
            }
            return self.resuming();
        }
        if self.chance.permille(150)
            && let Some(unwinding) = self.unwinding()
        {
            return unwinding;
        }
        // A run that failed can be resumed, or planned anew.
        if self.chance.permille(200) { self.resuming() } else { self.story.wants[wanted].clone() }
    }

    /// Goes on, with what the operator finds out by looking.
    pub(crate) fn resuming(&mut self) -> Task {
        let mut answers = BTreeMap::new();
        for question in std::mem::take(&mut self.questions) {
            let id = question.operation;
            if Some(id.run) != self.world.unfinished() || self.world.host.is_running(id) {
                continue;
            }
            if self.world.laws.is_approval(id.run, id.step) {
                answers.extend(self.approval().map(|answer| (id.step, answer)));
                continue;
            }
            let answer = match self.world.looked_up(id) {
                Some(outputs) => Settlement::Succeeded(outputs),
                None if self.chance.permille(300) => Settlement::Failed,
                None => Settlement::Retry,
            };
            self.world.coverage.note(match &answer {
                Settlement::Succeeded(_) => Met::SettledSucceeded,
                Settlement::Failed => Met::SettledFailed,
                Settlement::Retry => Met::SettledRetry,
            });
            answers.insert(id.step, answer);
        }
        Task::Resume(answers)
    }

    /// Somebody is asked whether a step may go on. None: he does not answer now.
    fn approval(&mut self) -> Option<Settlement> {
        self.world.coverage.note(Met::ApprovalAsked);
        let (met, answer) = match self.chance.below(10) {
            0..=5 => (Met::Approved, Settlement::Succeeded(BTreeMap::new())),
            6 | 7 if !self.is_calm => return None,
            _ => (Met::Disapproved, Settlement::Failed),
        };
        self.world.coverage.note(met);
        Some(answer)
    }

    /// Looks at what is there while nobody is at work.
    pub(crate) fn rests(&mut self) {
        let is_running = self.world.host.operations.keys().any(|id| self.world.host.is_running(*id));
        if self.world.unfinished().is_none() && !is_running {
            self.world.check_at_rest();
        }
    }
}
