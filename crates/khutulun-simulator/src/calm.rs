//! The second part of a story: nothing fails any more, and everything has to come to its end.

use khutulun_api::names;
use khutulun_engine::RunResult;

use crate::{
    coverage::Met,
    story::Teller,
    task::{Ended, Task},
};

/// In how many steps each thing that somebody wants has to come to an end once nothing fails any more, for each template. Far
/// above what any needs: a run of eight nodes takes some two hundred.
const LIVENESS_STEPS_MAX: usize = 2_000;

/// How often a run is resumed once nothing fails any more, before it counts as one that never ends.
const ROUNDS_MAX: u32 = 6;

/// Within this time everything that was on its way has arrived: the longest limit, and the longest delay.
const QUIET_MS: u64 = 3_600_000;

impl Teller<'_> {
    /// The second part: nothing fails any more, and everything has to end.
    pub(crate) fn recovers(&mut self) {
        self.world.fate.calm();
        self.is_calm = true;
        self.world.say(|| "nothing fails any more".to_owned());
        self.world.processes.iter_mut().for_each(|process| process.is_paused = false);
        self.works(8, "what was at work");
        for _ in 0..ROUNDS_MAX {
            if self.is_broken() || self.world.unfinished().is_none() {
                break;
            }
            let task = self.resuming();
            if let Some(how) = self.does(task, 8) {
                self.notes_questions(&how);
            }
        }
        if self.is_broken() {
            return;
        }
        if let Some(run) = self.world.unfinished() {
            return self.world.laws.broken(8, format!("run {run} does not end, however often it is resumed"));
        }
        self.rests();
        self.is_put_right();
        if self.story.ends_deployed && !self.is_broken() {
            self.is_deployed();
        }
        if !self.is_broken() {
            self.is_destroyed();
        }
        if !self.is_broken() {
            self.is_idle();
        }
    }

    fn notes_questions(&mut self, how: &Ended) {
        if let Ended::Done(report) = how {
            self.questions.clone_from(&report.questions);
            let questions = report.questions.iter();
            self.asked.extend(questions.map(|one| (one.node.clone(), one.event.clone())));
        }
    }

    /// Lets everybody who is at work come to an end.
    fn works(&mut self, promise: u8, what: &str) {
        let size = self.story.subject.designs.iter().map(|(design, _)| design.size()).sum::<u64>() as usize;
        let steps_max = LIVENESS_STEPS_MAX * size.max(1);
        let mut steps = 0;
        while self.world.living().next().is_some() && !self.is_broken() {
            steps += 1;
            if steps > steps_max || !self.world.step() {
                let why = if steps > steps_max { "goes on for ever" } else { "waits for nothing" };
                return self.world.laws.broken(promise, format!("{what} {why}"));
            }
        }
    }

    /// Does something until it is done, waiting for leases.
    fn does(&mut self, task: Task, promise: u8) -> Option<Ended> {
        for _ in 0..ROUNDS_MAX {
            let process = self.world.spawn(0, task.clone());
            self.works(promise, &task.describe());
            let how = self.world.processes[process as usize].ended.clone()?;
            match how {
                Ended::Busy => self.waits_for_lease(),
                Ended::NotBegun => {}
                other => return Some(other),
            }
        }
        self.world.laws.broken(promise, format!("{} never gets the lease", task.describe()));
        None
    }

    /// Somebody waits until a lease has expired.
    fn waits_for_lease(&mut self) {
        let Some(expires_ms) = self.world.lease().and_then(|lease| lease.holder).map(|one| one.expires_ms)
        else {
            return;
        };
        self.world.now_ms += expires_ms.saturating_sub(self.world.wall_ms(0));
    }

    fn is_deployed(&mut self) {
        let last = self.story.wants.iter().rev().find_map(|want| match want {
            Task::Deploy(design) => Some(*design),
            _ => None,
        });
        let Some(design) = last else { return };
        match self.does(Task::Deploy(design), 8) {
            Some(Ended::Done(report)) if report.result == RunResult::Succeeded => {}
            Some(Ended::NothingToDo) | None => {}
            // The design asks for what may not be.
            Some(Ended::Refused(_)) if self.is_protected() || self.has(names::ADOPTED) => return,
            Some(other) => {
                return self
                    .world
                    .laws
                    .broken(8, format!("with faults removed, deploying ends with {other:?}"));
            }
        }
        self.rests();
        if self.is_broken() {
            return;
        }
        self.has_nothing_to_do(design, "a deployment");
    }

    pub(crate) fn has_nothing_to_do(&mut self, design: usize, after: &str) {
        match self.world.plan_deploy(design) {
            Ok(plan) if plan.is_empty() => {}
            Ok(plan) => {
                let text = khutulun_plan::render(&plan);
                self.world.laws.broken(8, format!("the plan after {after} is not empty:\n{text}"));
            }
            Err(why) => self.world.laws.broken(8, format!("there is no plan after {after}: {why}")),
        }
    }

    /// Somebody looks at what has changed by itself, and puts it right.
    fn is_put_right(&mut self) {
        if self.is_broken() || !self.world.laws.has_drifted() {
            return;
        }
        for task in [Task::Refresh, Task::Repair, Task::Refresh] {
            match self.does(task.clone(), 8) {
                Some(Ended::Done(report)) if report.result == RunResult::Succeeded => {
                    self.reached(&task, &report);
                }
                Some(Ended::NothingToDo) | None => {}
                // A node cannot run where what it needs is meant not to.
                Some(Ended::Done(_)) if task == Task::Repair && !self.world.is_all_started() => return,
                Some(other) => {
                    let what = task.describe();
                    self.world.laws.broken(8, format!("with faults removed, {what} ends with {other:?}"));
                }
            }
            if self.is_broken() {
                return;
            }
            if task == Task::Refresh {
                let nodes = self.world.check_seen();
                if !self.world.can_put_right() {
                    self.world.laws.put_right(&nodes);
                }
            }
        }
        if self.world.can_put_right() {
            self.world.laws.broken(8, "after a repair, not all is as it should be");
        }
        self.rests();
    }

    /// Whether something is there that may not go.
    fn is_protected(&self) -> bool {
        self.has(names::PROTECTED)
    }

    fn has(&self, word: &str) -> bool {
        self.world.graph().vertexes().any(|vertex| vertex.metadata.get(word) == Some(&true.into()))
    }

    fn is_destroyed(&mut self) {
        let is_protected = self.is_protected();
        match self.does(Task::Destroy, 7) {
            Some(Ended::Done(report)) if report.result == RunResult::Succeeded => {}
            // Nobody said that it may go.
            Some(Ended::Refused(_)) if is_protected => return self.world.coverage.note(Met::Protected),
            Some(Ended::NothingToDo) | None => {}
            Some(other) => {
                return self
                    .world
                    .laws
                    .broken(7, format!("with faults removed, destroying ends with {other:?}"));
            }
        }
        if !self.world.graph().is_empty() {
            self.world.laws.broken(7, "after a removal, instances are there");
        }
        self.world.check_at_rest();
    }

    /// What was on its way arrives, and then nothing happens any more.
    fn is_idle(&mut self) {
        let effects = self.world.host.happened.len();
        let until_ms = self.world.now_ms + QUIET_MS;
        while self.world.next_due_ms().is_some_and(|due_ms| due_ms <= until_ms) {
            self.world.step();
        }
        if !self.world.is_idle() {
            self.world.laws.broken(13, "something wakes up although nothing goes on");
        }
        if self.world.host.happened.len() > effects {
            self.world.laws.broken(13, "something has an effect although nothing goes on");
        }
        self.world.follow();
    }
}
