//! Progress on standard error: a live tree on a terminal, plain or JSON lines elsewhere.

mod board;
mod live;
mod words;

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use khutulun_plan::Plan;
use serde_json::json;

use self::{
    board::{Board, StepState},
    live::Live,
};
use crate::{
    cli::ProgressMode,
    plan_view,
    terminal::{self, Style},
    time,
};

pub(crate) use self::words::plain;

/// How long a phase lasts before it is worth a line; shorter ones would only flicker.
const PHASE_SHOWN_AFTER: Duration = Duration::from_millis(80);

/// Something that happens while a command is at work.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The command does this now, as in `compiling service.yaml`.
    Phase(String),
    /// A run begins.
    Began {
        /// Its number.
        run: u64,
        /// What it does.
        plan: Arc<Plan>,
    },
    /// A step begins.
    Started {
        /// Which.
        step: u32,
    },
    /// A step failed and will be tried again.
    Retrying {
        /// Which.
        step: u32,
        /// Why.
        message: String,
    },
    /// A step is done, perhaps in an earlier run of the same plan.
    Succeeded {
        /// Which.
        step: u32,
    },
    /// A step is not run: it is not needed.
    Skipped {
        /// Which.
        step: u32,
    },
    /// A step failed.
    Failed {
        /// Which.
        step: u32,
        /// Why.
        message: String,
    },
    /// The run is over.
    Ended {
        /// How, in a word.
        result: &'static str,
    },
    /// Something to know.
    Note(String),
}

/// Shows events, and may be shared between threads.
#[derive(Clone)]
pub(crate) struct Progress {
    sink: Arc<Sink>,
}

enum Sink {
    None,
    Plain(Arc<Mutex<Lines>>),
    Json(Mutex<Lines>),
    Live(Live),
}

/// What writing a line needs to remember.
#[derive(Default)]
struct Lines {
    /// How many phases and other events there were; a phase that is still the last one after a while is worth a line.
    count: u64,
    plan: Option<Arc<Plan>>,
    run: u64,
    started: Vec<Option<Instant>>,
}

impl Progress {
    /// Makes progress as the person wants it.
    pub(crate) fn new(mode: ProgressMode) -> Self {
        let sink = match mode {
            ProgressMode::None => Sink::None,
            ProgressMode::Plain => Sink::Plain(Arc::default()),
            ProgressMode::Json => Sink::Json(Mutex::default()),
            ProgressMode::Tty => Sink::Live(Live::start()),
            ProgressMode::Auto if io::stderr().is_terminal() && !terminal::is_dumb() => {
                Sink::Live(Live::start())
            }
            ProgressMode::Auto => Sink::Plain(Arc::default()),
        };
        Self { sink: Arc::new(sink) }
    }

    /// Returns progress in lines that knows of no run yet: several runs at once need one each.
    pub(crate) fn apart(&self) -> Self {
        let sink = match &*self.sink {
            Sink::None => Sink::None,
            Sink::Json(_) => Sink::Json(Mutex::default()),
            Sink::Plain(_) | Sink::Live(_) => Sink::Plain(Arc::default()),
        };
        Self { sink: Arc::new(sink) }
    }

    /// Shows an event.
    pub(crate) fn show(&self, event: Event) {
        match &*self.sink {
            Sink::None => {}
            Sink::Live(live) => live.send(event),
            Sink::Plain(shared) => {
                let mut lines = lock(shared);
                lines.count += 1;
                if let Event::Phase(text) = event {
                    return later(shared, lines.count, text);
                }
                let text = lines.plain(&event, Style::stderr());
                lines.remember(&event);
                error_line(text.as_deref());
            }
            Sink::Json(lines) => {
                let mut lines = lock(lines);
                lines.remember(&event);
                error_line(Some(&lines.json(&event).to_string()));
            }
        }
    }

    /// Returns whether standard error is for programs.
    pub(crate) fn is_json(&self) -> bool {
        matches!(&*self.sink, Sink::Json(_))
    }

    /// The command does this now.
    pub(crate) fn phase(&self, text: impl Into<String>) {
        self.show(Event::Phase(terminal::harmless(&text.into())));
    }

    /// Lets what was shown stay, and shows nothing that moves until the next event: before a question, and at the end.
    pub(crate) fn settle(&self) {
        match &*self.sink {
            Sink::Live(live) => live.settle(),
            Sink::Plain(lines) => lock(lines).count += 1,
            Sink::None | Sink::Json(_) => {}
        }
    }

    /// Writes text for people, such as a plan, unless progress is not for people.
    pub(crate) fn say(&self, text: &str) {
        match &*self.sink {
            Sink::None | Sink::Json(_) => {}
            Sink::Plain(_) | Sink::Live(_) => {
                self.settle();
                // Nobody is left to be told when standard error is gone.
                let _ = io::stderr().write_all(text.as_bytes());
            }
        }
    }
}

/// Writes a phase's line once the phase has lasted for a while: most are over before anybody wonders.
fn later(lines: &Arc<Mutex<Lines>>, count: u64, text: String) {
    let lines = Arc::clone(lines);
    let wait = move || {
        thread::sleep(PHASE_SHOWN_AFTER);
        let lines = lock(&lines);
        if lines.count == count {
            error_line(lines.plain(&Event::Phase(text), Style::stderr()).as_deref());
        }
    };
    // Without a thread (too many) there is no line; the work goes on. It ends with the program.
    drop(thread::Builder::new().name("phase".to_owned()).spawn(wait));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn error_line(text: Option<&str>) {
    if let Some(text) = text {
        let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
    }
}

impl Lines {
    fn remember(&mut self, event: &Event) {
        match event {
            Event::Began { run, plan } => {
                self.started = vec![None; plan.steps.len()];
                self.plan = Some(plan.clone());
                self.run = *run;
            }
            Event::Started { step } => {
                if let Some(place) = self.started.get_mut(*step as usize) {
                    *place = Some(Instant::now());
                }
            }
            _ => {}
        }
    }

    /// The node and the event of a step.
    fn step(&self, step: u32) -> (&str, &str) {
        let Some(plan) = &self.plan else { return ("?", "?") };
        let step = plan.steps.get(step as usize);
        step.map_or(("?", "?"), |step| (plan.path_of(&step.subject.node), step.event.as_str()))
    }

    fn plain(&self, event: &Event, style: Style) -> Option<String> {
        Some(match event {
            Event::Phase(text) => format!("{} {text}", style.sign("→", ">")),
            Event::Began { plan, run } => {
                format!("{} run {run}: {}", style.sign("→", ">"), plan_view::operations(plan))
            }
            Event::Started { step } => {
                let (node, event) = self.step(*step);
                format!("  {} {node}: {}", style.sign("·", "."), words::doing(event))
            }
            Event::Succeeded { step } => {
                let (node, event) = self.step(*step);
                let took =
                    self.started.get(*step as usize).copied().flatten().map_or_else(String::new, |started| {
                        format!(" ({})", time::elapsed(started.elapsed()))
                    });
                let word = match words::done(event) {
                    "done" => format!("{} done", words::plain(event)),
                    word => word.to_owned(),
                };
                format!("  {} {node}: {word}{took}", style.sign("✓", "+"))
            }
            Event::Skipped { step } => {
                let (node, event) = self.step(*step);
                format!("  {} {node}: {} is not run", style.sign("·", "."), words::plain(event))
            }
            Event::Retrying { step, message } => {
                let (node, event) = self.step(*step);
                let message = terminal::harmless(message);
                format!("  {} {node}: {} again, after: {message}", style.sign("↻", "~"), words::doing(event))
            }
            Event::Failed { step, message } => {
                let (node, event) = self.step(*step);
                let message = terminal::harmless(message);
                format!("  {} {node}: {}", style.sign("✗", "x"), words::failed(event, &message))
            }
            // The answer, or the error, says more.
            Event::Ended { .. } => return None,
            Event::Note(text) => format!("! {text}"),
        })
    }

    fn json(&self, event: &Event) -> serde_json::Value {
        let mut line = json!({ "schema": "khutulun.progress/1", "time": time::rfc3339(time::now_ms()) });
        let mut set = |name: &str, value: serde_json::Value| line[name] = value;
        let mut about = |kind: &str, step: u32| {
            let (node, operation) = self.step(step);
            set("event", json!(kind));
            set("run", json!(self.run));
            set("step", json!(step));
            set("node", json!(node));
            set("operation", json!(operation));
        };
        match event {
            Event::Started { step } => about("step-started", *step),
            Event::Succeeded { step } => about("step-succeeded", *step),
            Event::Skipped { step } => about("step-skipped", *step),
            Event::Retrying { step, message } => {
                about("step-retrying", *step);
                line["message"] = json!(message);
            }
            Event::Failed { step, message } => {
                about("step-failed", *step);
                line["message"] = json!(message);
            }
            Event::Phase(text) => {
                set("event", json!("phase"));
                set("message", json!(text));
            }
            Event::Ended { result } => {
                set("event", json!("run-ended"));
                set("run", json!(self.run));
                set("result", json!(result));
            }
            Event::Note(text) => {
                set("event", json!("note"));
                set("message", json!(text));
            }
            Event::Began { run, plan } => {
                set("event", json!("run-began"));
                set("run", json!(run));
                set("service", json!(plan.namespace.0));
                set("steps", json!(plan.operations().count()));
            }
        }
        line
    }
}
