//! Stories that somebody wrote down: what is there, what goes wrong, what somebody does, and what must hold.
//!
//! `docs/simulation.md` has the grammar.

use std::{collections::BTreeMap, sync::Arc};

use khutulun_api::FailureClass;
use khutulun_engine::{Conduct, EngineOptions, RunResult, Settlement};
use khutulun_plan::Goal;

use crate::{
    bug::Bug,
    fate::StoreFate,
    host::{Behaviour, Ending, Memory},
    planning::Subject,
    scene::{Event, Misbehaviour, Moment, Scene, failing},
    sketch::{self, SketchFunctions},
    task::{Ended, Task},
};

/// What is wrong with a scenario, or with what happened in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub why: String,
    /// What happened until then, in lines; nothing, when the line makes no sense.
    pub transcript: Vec<String>,
}

/// A story that somebody wrote down.
#[derive(Clone, Debug)]
pub struct Scenario {
    designs: Vec<(String, String)>,
    lines: Vec<(u32, String)>,
}

type Answer<T> = Result<T, String>;

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// When a design in it has no name. What else makes no sense is said when it is played.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario = Self { designs: Vec::new(), lines: Vec::new() };
        let mut in_design = false;
        for (line, text) in (1..).zip(text.lines()) {
            let is_inner = text.starts_with(' ') || text.starts_with('\t');
            let words = text.trim();
            if words.is_empty() || words.starts_with('#') {
                continue;
            }
            match (is_inner && in_design, words.strip_prefix("design ")) {
                (true, _) => {
                    let design = scenario.designs.last_mut().map(|(_, text)| text);
                    design.into_iter().for_each(|text| *text += &format!("{words}\n"));
                }
                (false, Some(name)) => {
                    in_design = true;
                    scenario.designs.push((name.trim().to_owned(), String::new()));
                }
                (false, None) if words == "design" => {
                    let why = "a design needs a name".to_owned();
                    return Err(ScenarioError { line, why, transcript: Vec::new() });
                }
                (false, None) => {
                    in_design = false;
                    scenario.lines.push((line, words.to_owned()));
                }
            }
        }
        Ok(scenario)
    }

    /// Plays it with the designs that are in it. `bug` plants one, to show that expectations can fail.
    ///
    /// # Errors
    ///
    /// When a line makes no sense, when what it expects does not hold, or when a promise is broken.
    pub fn play(&self, bug: Option<Bug>) -> Result<(), ScenarioError> {
        let none = |why: String| ScenarioError { line: 0, why, transcript: Vec::new() };
        let designs = self.designs.iter().map(|(_, text)| sketch::design(text));
        let designs = designs.collect::<Result<Vec<_>, _>>().map_err(|error| none(error.to_string()))?;
        let names = self.designs.iter().map(|(name, _)| name.clone()).collect();
        self.play_with(Subject::new(sketch::namespace(), Arc::new(SketchFunctions), designs), names, bug)
    }

    /// Plays it with somebody's own design, which is called `design`.
    ///
    /// # Errors
    ///
    /// As [`Self::play`], and when it has designs of its own.
    pub fn play_own(&self, subject: Subject) -> Result<(), ScenarioError> {
        if !self.designs.is_empty() {
            let why = "the scenario has designs of its own, and another one was given".to_owned();
            return Err(ScenarioError { line: 0, why, transcript: Vec::new() });
        }
        self.play_with(subject, vec!["design".to_owned()], None)
    }

    fn play_with(&self, subject: Subject, names: Vec<String>, bug: Option<Bug>) -> Result<(), ScenarioError> {
        let mut player = Player {
            names,
            subject,
            options: EngineOptions::default(),
            bug,
            scene: None,
            last: None,
            effects_before: 0,
            tolerated: Vec::new(),
        };
        let mut at = 0;
        let mut played = Ok(());
        for (line, words) in &self.lines {
            at = *line;
            played = player.line(words).and_then(|()| player.holds());
            if played.is_err() {
                break;
            }
        }
        played.map_err(|why| {
            let transcript = player.scene.map(|scene| scene.world().transcript().to_vec());
            ScenarioError { line: at, why, transcript: transcript.unwrap_or_default() }
        })
    }
}

struct Player {
    names: Vec<String>,
    subject: Subject,
    options: EngineOptions,
    bug: Option<Bug>,
    scene: Option<Scene>,
    last: Option<Ended>,
    /// How many effects there were before what somebody did last.
    effects_before: usize,
    /// Promises that are expected to be broken.
    tolerated: Vec<u8>,
}

impl Player {
    /// The scene, which begins when the first thing happens in it.
    fn scene(&mut self) -> &mut Scene {
        let (subject, options, bug) = (&self.subject, self.options, self.bug);
        self.scene.get_or_insert_with(|| Scene::new(subject.clone(), options, bug))
    }

    fn line(&mut self, words: &str) -> Answer<()> {
        if let Some(result) = words.strip_prefix("=> ") {
            return self.ended_as(result);
        }
        let mut words = words.split_whitespace();
        let first = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match first {
            "given" => self.given(&rest),
            "do" => self.does(&rest),
            "go" if rest == ["on"] => {
                self.notes_effects();
                self.last = self.scene().goes_on();
                Ok(())
            }
            "wait" => {
                let ms = number(rest.first())?;
                self.scene().waits(ms);
                Ok(())
            }
            "expect" => self.expects(&rest),
            other => Err(format!(
                "a line begins with given, do, go on, wait, expect or =>, and not with `{other}`"
            )),
        }
    }

    fn given(&mut self, words: &[&str]) -> Answer<()> {
        match words {
            ["parallel", count] => self.options.conduct.parallel_max = number(Some(count))? as usize,
            ["keep", "going"] => self.options.conduct = Conduct { keep_going: true, ..self.options.conduct },
            ["attempts", count] => self.options.attempts_max_script = number(Some(count))? as u32,
            ["clock", "of", "machine", machine, "jumps", ms] => {
                let machine = self.machine(machine)?;
                let ms = ms.parse().map_err(|_| format!("`{ms}` is no number"))?;
                self.scene().jumps(machine, ms);
            }
            ["commit", place, "fails"] => {
                let place = number(Some(place))? as u32;
                self.scene().rules().commits.insert(place, StoreFate::Fails);
            }
            ["commit", place, "is", "silent"] => {
                let place = number(Some(place))? as u32;
                self.scene().rules().commits.insert(place, StoreFate::Silent);
            }
            ["store", "is", "well"] => self.scene().rules().commits.clear(),
            ["effects", "outlive", "processes"] => self.scene().rules().outlives = true,
            ["all", "is", "well"] => self.scene().rules().misbehaviours.clear(),
            [operation, "forgets" | "keeps" | "repeats"] => {
                let memory = match words[1] {
                    "forgets" => Memory::Forgets,
                    "repeats" => Memory::Repeats,
                    _ => Memory::Keeps,
                };
                self.scene().rules().memories.insert((*operation).to_owned(), memory);
            }
            [node, "stops"] => self.scene().changes(node, false)?,
            [node, "vanishes"] => self.scene().changes(node, true)?,
            [operation, "fails", class, rest @ ..] => {
                let class = class_of(class)?;
                let (has_effect, rest) = after_effect(rest);
                self.misbehaves(operation, failing(class, has_effect), rest)?;
            }
            [operation, "hangs", rest @ ..] => {
                let (has_effect, rest) = after_effect(rest);
                let class = FailureClass::UnknownOutcome;
                let behaviour = Behaviour { lasts_ms: u64::MAX, ..failing(class, has_effect) };
                self.misbehaves(operation, behaviour, rest)?;
            }
            [operation, "takes", ms, rest @ ..] => {
                let lasts_ms = number(Some(ms))?;
                self.misbehaves(operation, Behaviour { lasts_ms, ..Behaviour::GOOD }, rest)?;
            }
            [operation, "puts", "out", "nonsense", rest @ ..] => {
                let behaviour = Behaviour { ending: Ending::PutsOutNonsense, ..Behaviour::GOOD };
                self.misbehaves(operation, behaviour, rest)?;
            }
            other => return Err(format!("nothing like `given {}` can be given", other.join(" "))),
        }
        Ok(())
    }

    fn misbehaves(&mut self, operation: &str, behaviour: Behaviour, often: &[&str]) -> Answer<()> {
        let times = match often {
            [] | ["once"] => 1,
            ["twice"] => 2,
            ["always"] => u32::MAX,
            [count, "times"] => number(Some(count))? as u32,
            other => return Err(format!("`{}` is not how often", other.join(" "))),
        };
        let operation = operation.to_owned();
        self.scene().rules().misbehaviours.push(Misbehaviour { operation, behaviour, times });
        Ok(())
    }

    fn machine(&self, word: &str) -> Answer<usize> {
        match word {
            "0" => Ok(0),
            "1" => Ok(1),
            other => Err(format!("there are the machines 0 and 1, and no `{other}`")),
        }
    }

    fn notes_effects(&mut self) {
        self.effects_before = self.scene().world().host.effects().count();
    }

    fn does(&mut self, words: &[&str]) -> Answer<()> {
        let (what, moment) = match words.iter().position(|word| *word == "and") {
            Some(place) => (&words[..place], Some(moment_of(&words[place + 1..])?)),
            None => (words, None),
        };
        let (what, machine) = match what {
            [what @ .., "on", "machine", machine] => (what, self.machine(machine)?),
            what => (what, 0),
        };
        let task = match what {
            ["deploy", design] => Task::Deploy(self.design(design)?),
            ["destroy"] => Task::Destroy,
            ["cancel"] => Task::Cancel,
            ["resume"] => Task::Resume(BTreeMap::new()),
            ["resume", "answering", answer] => Task::Resume(self.answers(answer)?),
            ["run", "workflow", name] => Task::Workflow((*name).to_owned()),
            ["refresh"] => Task::Refresh,
            ["repair"] => Task::Repair,
            ["accept"] => Task::Accept,
            ["adopt", design] => Task::Adopt(self.design(design)?),
            ["forget"] => Task::Forget(None),
            ["forget", node] => Task::Forget(Some((*node).to_owned())),
            ["scale", design, node, count] => Task::Scale {
                design: self.design(design)?,
                node: (*node).to_owned(),
                count: number(Some(count))?,
            },
            ["roll", "back"] => Task::RollBack,
            ["unwind", "to", "nothing"] => Task::Unwind(None),
            ["unwind", "to", design] => Task::Unwind(Some(self.design(design)?)),
            [verb @ ("stop" | "start" | "restart"), nodes @ ..] if nodes.len() < 2 => {
                let goal = match *verb {
                    "stop" => Goal::Stop,
                    "start" => Goal::Start,
                    _ => Goal::Restart,
                };
                Task::Change(goal, nodes.first().map(|node| (*node).to_owned()))
            }
            ["run", operation] => {
                let (node, operation) =
                    operation.rsplit_once('.').ok_or_else(|| format!("`{operation}` is no operation"))?;
                Task::Operate { node: node.to_owned(), operation: operation.to_owned() }
            }
            other => return Err(format!("nobody can do `{}`", other.join(" "))),
        };
        self.notes_effects();
        let scene = self.scene();
        scene.rules().next = moment;
        self.last = scene.does(task, machine);
        Ok(())
    }

    fn answers(&mut self, word: &str) -> Answer<BTreeMap<u32, Settlement>> {
        let scene = self.scene();
        Ok(match word {
            "truly" => scene.truths(),
            "failed" | "retry" | "approved" => {
                let answer = match word {
                    "failed" => Settlement::Failed,
                    "retry" => Settlement::Retry,
                    _ => Settlement::Succeeded(BTreeMap::new()),
                };
                scene.questions().iter().map(|one| (one.operation.step, answer.clone())).collect()
            }
            other => {
                return Err(format!(
                    "questions are answered truly, failed, retry or approved, and not `{other}`"
                ));
            }
        })
    }

    fn design(&self, name: &str) -> Answer<usize> {
        let place = self.names.iter().position(|known| known == name);
        place.ok_or_else(|| format!("there is no design `{name}`"))
    }

    fn ended_as(&self, result: &str) -> Answer<()> {
        let found = match &self.last {
            None => "stands still".to_owned(),
            Some(Ended::Done(report)) => match report.result {
                RunResult::NeedsOperator => "needs operator".to_owned(),
                other => other.word().to_owned(),
            },
            Some(Ended::NothingToDo) => "nothing to do".to_owned(),
            Some(Ended::Busy) => "busy".to_owned(),
            Some(Ended::Unfinished) => "unfinished".to_owned(),
            Some(Ended::NotBegun) => "not begun".to_owned(),
            Some(Ended::TakenOver) => "taken over".to_owned(),
            Some(Ended::Contended) => "contended".to_owned(),
            Some(Ended::StoreFailed) => "store failed".to_owned(),
            Some(Ended::Refused(why)) => format!("refused: {why}"),
            Some(Ended::Died) => "died".to_owned(),
        };
        let is_refused = result == "refused" && found.starts_with("refused");
        if found == result || is_refused { Ok(()) } else { Err(format!("it ended otherwise: {found}")) }
    }

    fn expects(&mut self, words: &[&str]) -> Answer<()> {
        let before = self.effects_before;
        let names = self.names.clone();
        let scene = self.scene();
        let effects: Vec<String> = scene.world().host.effects().skip(before).collect();
        match words {
            ["nothing", "is", "there"] => {
                let there = scene.world().host.things();
                same("there is", &there.keys().cloned().collect::<Vec<_>>().join(" "), "")
            }
            ["nothing", "is", "stored"] => same("there is", &scene.all(), ""),
            ["running", nodes @ ..] => {
                let running = scene.world().host.things().iter();
                let running =
                    running.filter(|(_, thing)| thing.started.is_some()).map(|(node, _)| node.clone());
                same("running are", &running.collect::<Vec<_>>().join(" "), &nodes.join(" "))
            }
            ["effects", wanted @ ..] => same("the effects were", &effects.join(" "), &wanted.join(" ")),
            ["no", "effects"] => same("the effects were", &effects.join(" "), ""),
            ["no", "effects", "of", node] => {
                let of_node = effects.iter().filter(|effect| effect.starts_with(&format!("{node}.")));
                same("the effects were", &of_node.cloned().collect::<Vec<_>>().join(" "), "")
            }
            ["questions", count] => same("questions", &scene.questions().len().to_string(), count),
            ["an", "unfinished", "run"] => same("unfinished", &scene.is_unfinished().to_string(), "true"),
            ["no", "unfinished", "run"] => same("unfinished", &scene.is_unfinished().to_string(), "false"),
            ["nothing", "to", "do", "for", design] => {
                let place = names.iter().position(|known| known == design);
                let place = place.ok_or_else(|| format!("there is no design `{design}`"))?;
                scene.planned(place).map_or(Ok(()), |plan| Err(format!("there is something to do:\n{plan}")))
            }
            ["promise", number, "is", "broken"] => {
                let number = number.parse::<u8>().map_err(|_| format!("`{number}` is no number"))?;
                let is_broken = scene.violations().iter().any(|broken| broken.promise == number);
                self.tolerated.push(number);
                if is_broken { Ok(()) } else { Err(format!("promise {number} was kept")) }
            }
            [node, "is", state] => {
                let found = scene.state_of(node).unwrap_or_else(|| "gone".to_owned());
                same(&format!("{node} is"), &found, state)
            }
            other => Err(format!("nothing like `expect {}` can be expected", other.join(" "))),
        }
    }

    /// Whether all promises were kept until now, but for those that are expected to be broken.
    fn holds(&mut self) -> Answer<()> {
        let tolerated = self.tolerated.clone();
        // With a bug planted, it is the scenario that says what comes of it.
        if self.bug.is_some() {
            return Ok(());
        }
        let Some(scene) = &mut self.scene else { return Ok(()) };
        let mut broken = scene.violations().iter();
        broken
            .find(|broken| !tolerated.contains(&broken.promise))
            .map_or(Ok(()), |broken| Err(broken.to_string()))
    }
}

fn same(what: &str, found: &str, expected: &str) -> Answer<()> {
    if found == expected {
        return Ok(());
    }
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    Err(format!("{what} {}, and not {}", shown(found), shown(expected)))
}

fn number(word: Option<&&str>) -> Answer<u64> {
    let word = word.copied().unwrap_or_default();
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

fn class_of(word: &str) -> Answer<FailureClass> {
    Ok(match word {
        "transient" => FailureClass::Transient,
        "permanent" => FailureClass::Permanent,
        "needs-operator" => FailureClass::NeedsOperator,
        "unknown-outcome" => FailureClass::UnknownOutcome,
        "denied" => FailureClass::Denied,
        other => return Err(format!("`{other}` is no class of failures")),
    })
}

fn after_effect<'w>(words: &'w [&'w str]) -> (bool, &'w [&'w str]) {
    match words {
        ["after", "its", "effect", rest @ ..] => (true, rest),
        rest => (false, rest),
    }
}

fn moment_of(words: &[&str]) -> Answer<(Moment, Event)> {
    let (event, words) = match words {
        ["die", rest @ ..] => (Event::Dies, rest),
        ["stand", "still", rest @ ..] => (Event::StandsStill, rest),
        ["cancel", rest @ ..] => (Event::IsCancelled, rest),
        other => return Err(format!("`{}` cannot happen to a process", other.join(" "))),
    };
    let moment = match words {
        ["before", "commit", place] => Moment::BeforeCommit(number(Some(place))? as u32),
        ["after", "commit", place] => Moment::AfterCommit(number(Some(place))? as u32),
        ["before", operation] => Moment::BeforeEffect((*operation).to_owned()),
        ["after", operation] => Moment::AfterEffect((*operation).to_owned()),
        other => return Err(format!("`{}` is no moment", other.join(" "))),
    };
    Ok((moment, event))
}
