//! Stories that a seed makes up: a small service, what somebody wants of it, and what goes wrong.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use khutulun_api::names;
use khutulun_plan::Goal;

use crate::{
    bug::Bug,
    chance::Chance,
    fate::{Rates, mixed_memories},
    planning::Subject,
    sketch::{self, SketchFunctions},
    story::{Story, drawn_options},
    task::Task,
};

/// A node of a service that is made up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    name: String,
    /// Nodes that it requires, and the operations of those relationships.
    requires: Vec<(usize, &'static str)>,
    /// A node whose attribute it reads.
    reads: Option<usize>,
    /// Whether `create` and so on are there.
    operations: Vec<&'static str>,
    port: usize,
    change: &'static str,
    version: usize,
    count: usize,
    is_protected: bool,
}

/// What is the same for all nodes of a story.
#[derive(Clone, Copy)]
struct Manner {
    /// Whether they can be looked at.
    is_observed: bool,
    /// Whether there is a workflow that works on them.
    is_worked_on: bool,
}

/// A story that is made up, as it is before it becomes one: what can be taken away from it to make it smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketched {
    /// Decides what comes when.
    pub seed: u64,
    /// The designs, as text.
    pub designs: Vec<String>,
    /// What somebody wants.
    pub wants: Vec<Task>,
    /// How often what goes wrong.
    pub rates: Rates,
    /// Whether the service is brought up once more at the end.
    pub ends_deployed: bool,
}

impl Sketched {
    /// Makes up the story of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x0bad_5eed_0000);
        let chance = &mut chance;
        let small = chance.permille(900);
        let size = if small { 2 + chance.below(3).min(chance.below(3)) } else { 5 + chance.below(4) };
        let manner = Manner { is_observed: chance.permille(400), is_worked_on: chance.permille(150) };
        let mut nodes: Vec<Node> = (0..size).map(|place| node(chance, manner, place)).collect();
        nodes[0].is_protected = chance.permille(PROTECTED);
        let before = nodes.clone();
        changed(chance, manner, &mut nodes);
        let mut designs = vec![text(&before), text(&nodes)];
        let operate = Task::Operate { node: nodes[0].name.clone(), operation: "check".to_owned() };
        let some = chance.permille(500).then(|| nodes[0].name.clone());
        let change = Task::Change(chance.one_of(&[Goal::Stop, Goal::Start, Goal::Restart]), some);
        let wants = match chance.below(13) {
            0..=3 => vec![Task::Deploy(0)],
            4 => vec![Task::Deploy(0), change],
            5 => vec![Task::Deploy(0), Task::Deploy(1)],
            6 => vec![Task::Deploy(0), Task::Destroy],
            7 => vec![Task::Deploy(0), Task::Destroy, Task::Deploy(1)],
            8 => vec![Task::Deploy(0), operate, Task::Deploy(1)],
            9 => vec![Task::Deploy(0), Task::Deploy(1), Task::Deploy(0)],
            10 => vec![Task::Deploy(0), Task::Deploy(1), Task::RollBack],
            _ => match nodes.iter().find(|node| node.count > 1) {
                Some(node) => {
                    let count = chance.one_of(&[1, 3, 4]);
                    vec![Task::Deploy(1), Task::Scale { design: 1, node: node.name.clone(), count }]
                }
                None => vec![Task::Deploy(1)],
            },
        };
        let (mut rates, mut wants) = (Rates::drawn(chance), wants);
        if manner.is_observed && chance.permille(500) {
            // What nobody asked for happens where somebody looks.
            rates.drifts = rates.drifts.max(20);
            let last = nodes.last().map(|node| node.name.clone());
            wants.extend(match chance.below(5) {
                0 => vec![Task::Refresh, Task::Repair],
                1 => vec![Task::Refresh, Task::Accept, Task::Deploy(0)],
                2 => vec![Task::Refresh, Task::Deploy(1)],
                3 => vec![Task::Forget(None), Task::Adopt(0)],
                _ => vec![Task::Forget(last), Task::Adopt(0), Task::Deploy(1)],
            });
        }
        if manner.is_worked_on {
            let flow = workflow(chance, &before);
            if let Some(flow) = flow {
                designs[0] += &flow;
                let place = wants.iter().position(|want| *want == Task::Deploy(0));
                wants.insert(place.map_or(0, |place| place + 1), Task::Workflow("tidy".to_owned()));
            }
        }
        let ends_deployed = chance.permille(300);
        Self { seed, designs, wants, rates, ends_deployed }
    }

    /// Makes the story. None: its designs make no sense, since something was taken away that something else needs.
    pub fn story(&self, bug: Option<Bug>) -> Option<Story> {
        // A design is told from others by its text: a digest of itself takes as long as all else that is made here.
        let designs = self.designs.iter().map(|text| Some((sketch::design(text).ok()?, name_of(text))));
        let designs = designs.collect::<Option<Vec<_>>>()?;
        let mut chance = Chance::new(self.seed);
        let subject =
            Subject { designs, ..Subject::new(sketch::namespace(), Arc::new(SketchFunctions), Vec::new()) };
        Some(Story {
            seed: self.seed,
            subject,
            wants: self.wants.clone(),
            rates: self.rates,
            options: drawn_options(&mut chance),
            memories: mixed_memories,
            ends_deployed: self.ends_deployed,
            bug,
        })
    }
}

fn name_of(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// How many services of a thousand have something that is protected.
const PROTECTED: u32 = 30;

/// What relationships do.
const RELATIONSHIPS: [&str; 4] = [
    ":add_target,remove_target",
    ":pre_configure_source,post_configure_target",
    ":add_source,target_changed",
    ":pre_configure_target,add_target,remove_source",
];

fn node(chance: &mut Chance, manner: Manner, place: usize) -> Node {
    let mut operations = vec!["create", "start", "stop", "delete"];
    if chance.permille(150) {
        operations.push("configure");
    }
    if chance.permille(400) {
        operations.retain(|operation| *operation != "create");
    }
    if chance.permille(80) {
        operations.retain(|operation| *operation != "stop");
    }
    if manner.is_observed {
        operations.push(names::OBSERVE);
    }
    if manner.is_worked_on || place == 0 {
        operations.push("check");
    }
    let mut requires = Vec::new();
    for before in 0..place {
        if chance.permille(if place - before == 1 { 500 } else { 200 }) && requires.len() < 3 {
            requires.push((before, if chance.permille(150) { chance.one_of(&RELATIONSHIPS) } else { "" }));
        }
    }
    let reads = (place > 0 && chance.permille(300)).then(|| chance.below(place));
    Node {
        name: format!("n{place}"),
        requires,
        reads,
        operations,
        port: 1,
        change: chance.one_of(&["", "!configure", "!restart", "!replace", "!none"]),
        version: 1,
        count: if chance.permille(80) { 2 } else { 1 },
        is_protected: false,
    }
}

/// Makes up a workflow of a service. Some of its steps have to be approved, and some have another one for their failure.
fn workflow(chance: &mut Chance, nodes: &[Node]) -> Option<String> {
    let single: Vec<&Node> = nodes.iter().filter(|node| node.count == 1).collect();
    let mut text = "workflow tidy".to_owned();
    for _ in 0..1 + chance.below(3) {
        let one = single.get(chance.below(single.len()))?;
        let _ = write!(text, " {}.check", one.name);
        if chance.permille(500) {
            text.push('?');
        }
        if chance.permille(300) {
            let _ = write!(text, "|{}.check", single[chance.below(single.len())].name);
        }
    }
    Some(text + "\n")
}

/// Changes a service a little.
fn changed(chance: &mut Chance, manner: Manner, nodes: &mut Vec<Node>) {
    for node in nodes.iter_mut() {
        if chance.permille(350) {
            node.port = 2;
        }
        if chance.permille(150) {
            node.version = 2;
        }
    }
    if chance.permille(250) {
        // The last one is required by nobody.
        let gone = nodes.pop();
        if nodes.is_empty() {
            nodes.extend(gone);
        }
    }
    if chance.permille(250) {
        let mut added = node(chance, manner, nodes.len());
        added.name = format!("m{}", nodes.len());
        nodes.push(added);
    }
}

fn text(nodes: &[Node]) -> String {
    let mut text = String::new();
    for node in nodes {
        let Node { name, requires, reads, operations, port, change, version, count, is_protected } = node;
        let _ = write!(text, "{name} port={port}{change} @pid v{version}");
        for operation in operations {
            let _ = match (*operation, reads) {
                ("start", Some(read)) if nodes[*read].count == 1 => {
                    write!(text, " start(up=$n{read}.pid)>pid")
                }
                (names::OBSERVE, _) => write!(text, " observe()>pid"),
                ("start", _) => write!(text, " start()>pid"),
                (other, _) => write!(text, " {other}()"),
            };
        }
        for (target, operations) in requires.iter().filter(|(target, _)| nodes[*target].count == 1) {
            let _ = write!(text, " ->{}{operations}", nodes[*target].name);
        }
        if *count > 1 {
            let _ = write!(text, " count:{count}");
        }
        if *is_protected {
            text += " protected";
        }
        text += "\n";
    }
    text
}
