//! `khutulun simulate`: a design in a world that fails on purpose, before it touches a machine.

use std::{collections::BTreeMap, fs, num::NonZero, sync::Arc, thread};

use floria::{Functions, Graph};
use khutulun_simulator::{
    Coverage, Explored, Finding, Met, Scenario, Subject, Told, Violation, explore, findings, own_story,
    promise,
};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::SimulateArguments,
    error::CliError,
    exit::Exit,
    intention::Intention,
    inventory::Others,
    session::Session,
    terminal::{Style, harmless},
};

/// How many nodes a note names; the rest is counted, and data has all.
const NAMES_MAX: usize = 5;

pub(crate) fn run(arguments: &SimulateArguments, session: &Session) -> Result<Exit, CliError> {
    let intention = Intention::read(session, &arguments.design)?;
    let others = Others::of_files(arguments.inventory.iter().map(|path| path.as_path()), &intention.design)?;
    // What cannot be instantiated or planned at all says why here, and not a thousand times.
    let graph = intention.resolve(session, &Graph::default(), &others, &mut (1..))?.graph;
    let subject = subject(&intention, session, others);
    if !arguments.scenario.is_empty() {
        return play(arguments, session, &subject);
    }
    let path = arguments.design.path.display().to_string();
    let mut simulation = Simulation {
        service: intention.namespace.0.clone(),
        path,
        seeds: arguments.seeds,
        findings: findings(&graph),
        explored: Explored::default(),
        transcript: Vec::new(),
    };
    match arguments.seed {
        Some(seed) => simulation.replay(&subject, seed),
        None => {
            session.progress.say(&format!("Simulating {} stories\n", arguments.seeds));
            let threads = thread::available_parallelism().map_or(1, NonZero::get);
            simulation.explored = explore(0..arguments.seeds, threads, |seed| own_story(&subject, seed));
            if let Some((seed, _)) = simulation.explored.failed {
                simulation.transcript = own_story(&subject, seed).tell(true).transcript;
            }
        }
    }
    session.progress.settle();
    answer::give(&simulation, session.format)?;
    Ok(if simulation.explored.failed.is_some() { Exit::Failed } else { Exit::Success })
}

/// Plays scenarios, until one fails.
fn play(arguments: &SimulateArguments, session: &Session, subject: &Subject) -> Result<Exit, CliError> {
    for path in &arguments.scenario {
        let failed = |what: &str, exit, why: String| {
            CliError::new(exit, format!("{what} a scenario")).place(path.display().to_string()).why(why)
        };
        let text = fs::read_to_string(path).map_err(|error| {
            failed("failed to read", Exit::Usage, error.to_string())
                .next("give a file as docs/simulation.md describes it")
        })?;
        let played = Scenario::read(&text).and_then(|scenario| scenario.play_own(subject.clone()));
        played.map_err(|error| {
            let lines = error.transcript.iter().map(|line| format!("\n{}", harmless(line)));
            failed("failed to play", Exit::Failed, format!("{error}{}", lines.collect::<String>()))
                .next("mend the scenario or the design, then play it again")
        })?;
    }
    session.progress.settle();
    answer::give(&Played(arguments.scenario.len()), session.format)?;
    Ok(Exit::Success)
}

struct Played(usize);

impl Answer for Played {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.simulation/1", "scenarios": self.0, "ok": true })
    }

    fn text(&self, style: Style) -> String {
        let scenarios =
            if self.0 == 1 { "the scenario is as it says" } else { "all scenarios are as they say" };
        format!("{} {scenarios}\n", style.green("OK:"))
    }
}

fn subject(intention: &Intention, session: &Session, others: Others) -> Subject {
    let functions: Arc<dyn Functions> = session.functions.clone();
    let mut subject = Subject::new(intention.namespace.clone(), functions, vec![intention.design.clone()]);
    subject.inputs.clone_from(&intention.inputs);
    subject.others = others.into_graphs();
    subject
}

struct Simulation {
    service: String,
    path: String,
    seeds: u64,
    findings: Vec<Finding>,
    explored: Explored,
    transcript: Vec<String>,
}

impl Simulation {
    fn replay(&mut self, subject: &Subject, seed: u64) {
        self.seeds = 1;
        let Told { violations, coverage, transcript, questions } = own_story(subject, seed).tell(true);
        let mut asked: BTreeMap<(String, String), u64> = BTreeMap::new();
        questions.into_iter().for_each(|one| *asked.entry(one).or_default() += 1);
        let failed = (!violations.is_empty()).then_some((seed, violations));
        self.explored = Explored { coverage, failed, questions: asked };
        self.transcript = transcript;
    }

    fn notes(&self) -> Vec<String> {
        let names = |of: &dyn Fn(&Finding) -> Option<String>| {
            let all: Vec<String> = self.findings.iter().filter_map(of).collect();
            let mut text =
                all.iter().take(NAMES_MAX).map(|name| harmless(name)).collect::<Vec<_>>().join(", ");
            if all.len() > NAMES_MAX {
                text += &format!(" and {} more", all.len() - NAMES_MAX);
            }
            (!all.is_empty()).then_some(text)
        };
        let remains = names(&|finding| match finding {
            Finding::Remains { node } => Some(node.clone()),
            _ => None,
        });
        let runs_on = names(&|finding| match finding {
            Finding::RunsOn { node } => Some(node.clone()),
            _ => None,
        });
        let asks = names(&|finding| match finding {
            Finding::AsksAfterLoss { node, operations } => {
                Some(format!("{node} ({})", operations.join(", ")))
            }
            _ => None,
        });
        let mut notes = Vec::new();
        notes.extend(remains.map(|nodes| {
            format!("what these nodes create stays after `destroy`, since they have no `delete`: {nodes}")
        }));
        notes.extend(runs_on.map(|nodes| {
            format!(
                "these nodes run on after `destroy`, since they have neither `stop` nor `delete`: {nodes}"
            )
        }));
        notes.extend(asks.map(|nodes| {
            format!(
                "these operations are scripts that nobody runs twice by himself; if a machine is lost with one, an operator is \
                 asked how it ended: {nodes}"
            )
        }));
        let asked: u64 = self.explored.questions.values().sum();
        if asked > 0 {
            let most = self.explored.questions.iter().max_by_key(|(_, count)| **count);
            let most = most.map_or_else(String::new, |((node, event), count)| {
                format!(", most often about {} of {} ({count})", harmless(event), harmless(node))
            });
            let stories = self.explored.coverage.count(Met::Story);
            notes.push(format!("the operator was asked {} in {stories} stories{most}", times(asked)));
        }
        notes
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

impl Answer for Simulation {
    fn document(&self) -> Json {
        let coverage: &Coverage = &self.explored.coverage;
        let met: serde_json::Map<String, Json> =
            coverage.counts().map(|(met, count)| (met.word().to_owned(), count.into())).collect();
        let questions = self.explored.questions.iter();
        let questions: Vec<Json> = questions
            .map(|((node, event), count)| json!({ "node": node, "event": event, "count": count }))
            .collect();
        let broken = |violation: &Violation| {
            let number = violation.promise;
            json!({ "promise": number, "text": promise(number), "what": violation.what })
        };
        let failed = self.explored.failed.as_ref().map(|(seed, violations)| {
            json!({ "seed": seed, "broken": violations.iter().map(broken).collect::<Vec<_>>() })
        });
        json!({
            "schema": "khutulun.simulation/1",
            "service": self.service,
            "stories": coverage.count(Met::Story),
            "ok": failed.is_none(),
            "met": met,
            "questions": questions,
            "notes": self.notes(),
            "failed": failed,
            "transcript": self.transcript,
        })
    }

    fn text(&self, style: Style) -> String {
        let coverage = &self.explored.coverage;
        let mut text = String::new();
        for line in &self.transcript {
            text += &format!("{}\n", harmless(line));
        }
        if !self.transcript.is_empty() {
            text += "\n";
        }
        text += &style.bold(&format!(
            "{} {} of {}: deployed, deployed again and taken away, while the world fails, and then while it does not",
            coverage.count(Met::Story),
            if coverage.count(Met::Story) == 1 { "story" } else { "stories" },
            harmless(&self.service)
        ));
        text += "\n";
        text += &coverage.to_string();
        for note in self.notes() {
            text += &format!("{} {note}\n", style.dim("note:"));
        }
        match &self.explored.failed {
            None => text += &format!("{} all promises held\n", style.green("OK:")),
            Some((seed, violations)) => {
                for violation in violations {
                    text += &format!("{} {}\n", style.red("broken:"), harmless(&violation.to_string()));
                }
                text += &format!(
                    "This is a bug of khutulun, not of the design. To see it again: khutulun simulate {} --seed {seed}\n",
                    harmless(&self.path)
                );
            }
        }
        text
    }
}
