//! What is known of a run while it goes on, and how it looks: one line a node.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use khutulun_plan::Plan;

use super::words;
use crate::{
    terminal::{self, Style},
    time,
};

/// Lines of a frame that are not nodes: the footer, the line that says what was left out, and room for the cursor.
const OTHER_LINES: usize = 3;

/// The signs of a node at work, one after the other.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_ASCII: [&str; 4] = ["|", "/", "-", "\\"];

/// How long each sign of the spinner stays.
const SPINNER_MS: u128 = 100;

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepState {
    /// Not begun.
    Waiting,
    /// Begun.
    Working(Instant),
    /// Failed, and will be tried again.
    Retrying(Instant, String),
    /// Done.
    Done,
    /// Not needed.
    Skipped,
    /// Failed for good.
    Failed(String),
}

impl StepState {
    /// Whether nobody waits for it any more.
    fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

/// A run as it is seen.
#[derive(Debug)]
pub(crate) struct Board {
    started: Instant,
    steps: Vec<BoardStep>,
    nodes: Vec<BoardNode>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct BoardStep {
    node: usize,
    operation: bool,
    /// Whether it is done for a relationship of another node, perhaps.
    is_of_relationship: bool,
    event: String,
    end_word: String,
    after: Vec<usize>,
    state: StepState,
}

#[derive(Debug)]
struct BoardNode {
    name: String,
    steps: Vec<usize>,
    began: Option<Instant>,
    ended: Option<Instant>,
}

/// How a node stands, in the order in which it deserves a line when there are too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Failed,
    Working,
    Waiting,
    Done,
}

impl Board {
    /// Makes the board of a plan before its first step.
    pub(crate) fn new(plan: &Plan, now: Instant) -> Self {
        let mut nodes: Vec<BoardNode> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut steps = Vec::with_capacity(plan.steps.len());
        for (index, step) in plan.steps.iter().enumerate() {
            // Steps without code take no time and are nobody's business, but others wait through them.
            let operation = step.implementation.is_some();
            let name = step.subject.node.as_str();
            let node = *places.entry(name).or_insert_with(|| {
                nodes.push(BoardNode {
                    name: plan.path_of(name).to_owned(),
                    steps: Vec::new(),
                    began: None,
                    ended: None,
                });
                nodes.len() - 1
            });
            if operation {
                nodes[node].steps.push(index);
            }
            steps.push(BoardStep {
                node,
                operation,
                is_of_relationship: step.subject.relationship.is_some(),
                event: step.event.clone(),
                end_word: words::done(&step.event).to_owned(),
                after: step.after.iter().map(|step| *step as usize).collect(),
                state: StepState::Waiting,
            });
        }
        Self { started: now, steps, nodes, notes: Vec::new() }
    }

    /// Takes in how a step stands.
    pub(crate) fn set(&mut self, step: usize, state: StepState, now: Instant) {
        let Some(entry) = self.steps.get_mut(step) else { return };
        entry.state = state;
        if !entry.operation {
            return;
        }
        let node = entry.node;
        let node = &mut self.nodes[node];
        node.began.get_or_insert(now);
        let ended = node.steps.iter().all(|step| {
            matches!(&self.steps[*step].state, StepState::Failed(_)) || self.steps[*step].state.is_over()
        });
        node.ended = ended.then_some(now);
    }

    /// Adds a line that stays below the nodes.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Returns the frame: a line for each node as far as they fit, and the footer.
    pub(crate) fn frame(&self, now: Instant, width: usize, height: usize, style: Style) -> Vec<String> {
        let rows = height.saturating_sub(OTHER_LINES + self.notes.len()).max(1);
        let mut order: Vec<usize> =
            (0..self.nodes.len()).filter(|node| !self.nodes[*node].steps.is_empty()).collect();
        let all = order.len();
        if order.len() > rows {
            order.sort_by_key(|node| (self.standing(*node), *node));
            order.truncate(rows);
            order.sort_unstable();
        }
        let name_width =
            self.nodes.iter().map(|node| terminal::columns(&node.name)).max().unwrap_or(0).min(width / 3);
        let mut lines: Vec<String> =
            order.iter().map(|node| self.line(*node, name_width, now, style)).collect();
        if order.len() < all {
            let left_out = all - order.len();
            lines.push(style.dim(&format!("  … and {left_out} more")));
        }
        lines.push(self.footer(now, style));
        lines.extend(self.notes.iter().map(|note| style.yellow(note)));
        lines.iter().map(|line| terminal::fit(line, width.saturating_sub(1))).collect()
    }

    fn standing(&self, node: usize) -> Standing {
        let states = || self.nodes[node].steps.iter().map(|step| &self.steps[*step].state);
        if states().any(|state| matches!(state, StepState::Failed(_))) {
            Standing::Failed
        } else if states().any(|state| matches!(state, StepState::Working(_) | StepState::Retrying(..))) {
            Standing::Working
        } else if states().all(StepState::is_over) {
            Standing::Done
        } else {
            Standing::Waiting
        }
    }

    fn line(&self, node: usize, name_width: usize, now: Instant, style: Style) -> String {
        let entry = &self.nodes[node];
        let (glyph, word) = match self.standing(node) {
            Standing::Failed => {
                let failed = entry.steps.iter().find_map(|step| match &self.steps[*step].state {
                    StepState::Failed(message) => Some((&self.steps[*step].event, message)),
                    _ => None,
                });
                let text = failed.map_or_else(String::new, |(event, message)| {
                    words::failed(event, &terminal::harmless(message))
                });
                (style.red(style.sign("✗", "x")), style.red(&text))
            }
            Standing::Working => {
                let text = entry.steps.iter().find_map(|step| match &self.steps[*step].state {
                    StepState::Working(_) => Some(words::doing(&self.steps[*step].event)),
                    StepState::Retrying(_, message) => Some(format!(
                        "{} again, after: {}",
                        words::doing(&self.steps[*step].event),
                        terminal::harmless(message)
                    )),
                    _ => None,
                });
                (style.cyan(self.spinner(now, style)), style.cyan(&text.unwrap_or_default()))
            }
            Standing::Done => {
                let word = entry.steps.last().map_or("done", |step| self.steps[*step].end_word.as_str());
                (style.green(style.sign("✓", "+")), style.green(word))
            }
            Standing::Waiting => (style.dim(style.sign("·", ".")), style.dim(&self.waiting(node))),
        };
        let time = entry.began.map_or_else(String::new, |began| {
            time::elapsed(entry.ended.unwrap_or(now).saturating_duration_since(began))
        });
        let name = terminal::pad(&terminal::fit(&entry.name, name_width), name_width);
        format!("  {glyph} {name}  {} {word}", style.dim(&terminal::pad(&time, 6)))
    }

    /// What a node waits for: the nodes of the steps before its next one that are not done.
    fn waiting(&self, node: usize) -> String {
        let Some(next) =
            self.nodes[node].steps.iter().find(|step| self.steps[**step].state == StepState::Waiting)
        else {
            return "waiting".to_owned();
        };
        let mut names: Vec<&str> = Vec::new();
        let mut open: Vec<usize> = self.steps[*next].after.clone();
        let mut seen = BTreeSet::new();
        while let Some(step) = open.pop() {
            let Some(entry) = self.steps.get(step).filter(|entry| !entry.state.is_over()) else {
                continue;
            };
            if !seen.insert(step) {
                continue;
            }
            // What waits for the same itself, in the name of another node, would tell nothing.
            let is_far = entry.is_of_relationship && entry.state == StepState::Waiting;
            if !entry.operation || is_far && entry.after.iter().any(|step| self.is_open(*step)) {
                open.extend(&entry.after);
            } else if entry.node != node {
                names.push(&self.nodes[entry.node].name);
            }
        }
        names.sort_unstable();
        names.dedup();
        let done =
            self.nodes[node].steps.iter().rev().find(|step| self.steps[**step].state == StepState::Done);
        let done = done.map(|step| self.steps[*step].end_word.as_str());
        match (names.as_slice(), done) {
            ([], None) => "waiting for its turn".to_owned(),
            ([], Some(done)) => format!("{done}, then {}", words::plain(&self.steps[*next].event)),
            (names, None) => format!("waiting for {}", names.join(", ")),
            (names, Some(done)) => format!("{done}, waiting for {}", names.join(", ")),
        }
    }

    fn is_open(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|entry| !entry.state.is_over())
    }

    fn spinner(&self, now: Instant, style: Style) -> &'static str {
        let tick = (now.saturating_duration_since(self.started).as_millis() / SPINNER_MS) as usize;
        style.sign(SPINNER[tick % SPINNER.len()], SPINNER_ASCII[tick % SPINNER_ASCII.len()])
    }

    fn footer(&self, now: Instant, style: Style) -> String {
        let operations = || self.steps.iter().filter(|step| step.operation);
        let done = operations().filter(|step| step.state == StepState::Done).count();
        let working = operations().filter(|step| matches!(step.state, StepState::Working(_))).count();
        let failed = operations().filter(|step| matches!(step.state, StepState::Failed(_))).count();
        let mut text = format!("  {done} of {} operations done", operations().count());
        if working > 0 {
            text.push_str(&format!(", {working} running"));
        }
        if failed > 0 {
            text.push_str(&format!(", {failed} failed"));
        }
        let elapsed: Duration = now.saturating_duration_since(self.started);
        style.dim(&format!("{text}, {}", time::elapsed(elapsed)))
    }
}

#[cfg(test)]
mod tests {
    use floria::{Implementation, Namespace, Revision, VertexId};
    use khutulun_api::Subject;
    use khutulun_plan::{Action, Goal, Step};

    use super::*;

    /// A plan of nodes that are started one after the other.
    fn plan(nodes: &[&str]) -> Plan {
        let step = |(index, node): (u32, &&str)| Step {
            subject: Subject {
                service: "shop".to_owned(),
                node: (*node).to_owned(),
                vertex: VertexId(index.into()),
                relationship: None,
                origin: None,
            },
            event: "lifecycle.start".to_owned(),
            implementation: Some(Implementation::Driver("process".to_owned())),
            inputs: BTreeMap::new(),
            expressions: floria::Named::new(),
            otherwise: Vec::new(),
            gathers: false,
            conditions: Vec::new(),
            then: None,
            host: None,
            outputs: Vec::new(),
            answer: None,
            driver_digest: None,
            approval: None,
            asked_ms: None,
            part: None,
            after: index.checked_sub(1).into_iter().collect(),
            action: Action::Create,
            timeout_ms: 1000,
            state: None,
            origin: None,
        };
        Plan {
            schema: khutulun_plan::SCHEMA.to_owned(),
            namespace: Namespace("shop".to_owned()),
            goal: Goal::Deploy,
            base: Revision(0),
            design: None,
            nodes: Vec::new(),
            steps: (0..).zip(nodes).map(step).collect(),
            workflow: None,
            prepare: Vec::new(),
            conclude: Vec::new(),
        }
    }

    #[test]
    fn each_node_has_a_line_with_its_state_time_and_what_it_waits_for() {
        let start = Instant::now();
        let later = start + Duration::from_millis(1500);
        let mut board = Board::new(&plan(&["store", "web", "proxy"]), start);
        board.set(0, StepState::Working(start), start);
        board.set(0, StepState::Done, start + Duration::from_millis(500));
        board.set(1, StepState::Working(start), start + Duration::from_millis(500));
        assert_eq!(
            board.frame(later, 60, 20, Style::plain()),
            [
                "  ✓ store  0.5s   started",
                "  ⠴ web    1.0s   starting",
                "  · proxy         waiting for web",
                "  1 of 3 operations done, 1 running, 1.5s",
            ]
        );
        board.set(1, StepState::Failed("it ended with code 3".to_owned()), later);
        assert_eq!(board.frame(later, 30, 20, Style::plain())[1], "  ✗ web    1.0s   failed to …");
    }

    #[test]
    fn what_is_done_at_a_node_for_a_relationship_of_another_one_is_not_what_others_are_told_of() {
        let start = Instant::now();
        // The store is up; it is told of the web once that is up, and the client waits for both.
        let mut plan = plan(&["store", "web", "store", "client"]);
        plan.steps[2].subject.relationship = Some(floria::EdgeId(9));
        let mut board = Board::new(&plan, start);
        board.set(0, StepState::Done, start);
        board.set(1, StepState::Working(start), start);
        let words = |board: &Board| {
            let frame = board.frame(start, 80, 20, Style::plain()).into_iter();
            frame
                .map(|line| line.split("  ").last().unwrap_or_default().trim().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(&board)[..3],
            ["started, waiting for web", "0.0s   starting", "waiting for web"].map(|word| word
                .split("   ")
                .last()
                .unwrap()
                .to_owned())
        );
        board.set(1, StepState::Done, start);
        board.set(2, StepState::Working(start), start);
        assert_eq!(words(&board)[2], "waiting for store");
    }

    #[test]
    fn in_a_low_terminal_those_that_matter_have_the_lines() {
        let start = Instant::now();
        let names: Vec<String> = (0..30).map(|index| format!("n{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut board = Board::new(&plan(&names), start);
        for step in 0..20 {
            board.set(step, StepState::Done, start);
        }
        board.set(20, StepState::Working(start), start);
        let frame = board.frame(start, 80, 8, Style::plain());
        assert_eq!(frame.len(), 7, "{frame:#?}");
        assert!(frame[0].contains("n20") && frame[5].contains("and 25 more"), "{frame:#?}");
    }
}
