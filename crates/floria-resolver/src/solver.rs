//! Where edges lead whose targets are looked for: the algorithm of requirements (TOSCA 2.0, 8.5 and 14).
//!
//! What there is to decide are **slots**: an edge each, `count` of them for each **requirement** (an edge template at one
//! source). The requirements of one name at one source are a **group**, whose edges are counted through. A requirement is
//! tried once; when the conditions of a candidate cannot be decided, it waits for the groups whose edges they read, and is
//! tried again when one of those is decided. So the order of all this is that of the design, as far as the design allows.
//!
//! Targets are taken greedily. Where that fails, [`search`] moves what is in the way.

mod assign;
mod consider;
mod count;
mod explain;
mod external;
mod finish;
mod search;
mod setup;

pub(crate) use setup::Given;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    rc::Rc,
};

use floria::{Edge, EvaluationError, Graph, Memos, Site, Value, VertexId, rules::Selector};

use crate::{
    Explanation, Ids, Request, ResolveError,
    amounts::{Amount, Number},
    candidates::Lists,
    explain::Reason,
    instances::{Instances, RELATIONSHIP},
    select::Stands,
};

use search::Room;

/// What an edge template says, read once.
pub(crate) struct Rule {
    pub(crate) selector: Selector,
    /// Whether it says nothing: it leads to the one instance of its target.
    is_plain: bool,
    /// How much each edge takes, where nothing of it has to be computed.
    amounts: Option<Rc<Amounts>>,
    /// The properties of which each edge takes something.
    properties: Vec<u32>,
    /// Whether it can only be judged with the edge in place.
    needs_edge: bool,
}

/// The rules of all edge templates, and what they have in common.
pub(crate) struct Rules {
    /// By place; None where edges have nothing to do with selectors.
    pub(crate) all: Vec<Option<Rule>>,
    /// The names of the properties that are allocated.
    properties: Vec<String>,
    /// Whether anything has to be computed. If not, nothing can wait.
    evaluates: bool,
}

/// How much an edge takes of its target, by property.
#[derive(Debug, PartialEq)]
struct Amounts(Vec<(u32, Amount)>);

/// What requirements share that look for the same in one place, and what changes while they are looked at: those of one edge
/// template, and of all that take equally much.
struct Progress {
    list: usize,
    /// Candidates before this one have not enough left for the amounts, as long as nothing was given back.
    cursor: u32,
    /// How often something had been given back when the cursor was set.
    cursor_since: u64,
    /// How often something had been given back when it was found that nothing can be moved to make room, and whether there is
    /// none whatever moves.
    hopeless: Option<(u64, bool)>,
}

/// The requirements of one name at one source.
struct Group<'r> {
    source: VertexId,
    name: &'r str,
    requirements: Vec<u32>,
    is_counted: bool,
    /// How many of the requirements are not decided.
    undecided: usize,
    /// Whether the source says that it waits for this group.
    is_marked: bool,
    /// What to try again when it is decided.
    waiters: Vec<u32>,
    /// Whose conditions have read the edges of this group: slots, each with its rank then.
    readers: Vec<(u32, u64)>,
    /// Which slots lead to a node; kept where there is more than one slot.
    targets: HashMap<VertexId, Vec<u32>>,
    slots: usize,
    /// How many of its edges lead to what is given.
    given: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is in a queue.
    Queued,
    /// It is being tried, or it was and waits.
    Waiting,
    /// There are as many edges as there should be.
    Decided,
    /// There are not.
    Unmet,
}

/// An edge template at one source.
struct Requirement {
    group: u32,
    /// The place of the edge template.
    template: usize,
    /// The place of the service that its source is in.
    scope: usize,
    /// The place of its progress, which it shares with the others of its template there.
    progress: usize,
    /// How many of the candidates it has found by itself; the others are given to it.
    found: u32,
    slots: Range<u32>,
    state: State,
    waits: Vec<(Site, String)>,
    /// Which candidates its index allows; None: nobody asked yet.
    places: Option<Places>,
}

/// Which candidates an index allows.
#[derive(Clone, Debug)]
enum Places {
    These(Range<u32>),
    /// None, since there is no such index.
    None(Result<Value, String>),
}

/// An edge to be.
struct Slot {
    requirement: u32,
    /// The index of the edge.
    index: u32,
    /// The place of the only candidate that it may have, if that is given.
    given: Option<u32>,
    /// The place of the candidate that it leads to.
    target: Option<u32>,
    /// When that was decided: later is higher.
    rank: u64,
    amounts: Option<Rc<Amounts>>,
    /// The edge, while it is not in the graph.
    edge: Option<Box<Edge>>,
    /// Whether it is in the graph.
    id: Option<floria::EdgeId>,
}

/// What is taken of a property of a target.
struct Held {
    total: Number,
    slots: Vec<u32>,
}

/// What became of holding a candidate against a requirement.
enum Found {
    Fits {
        amounts: Option<Rc<Amounts>>,
        /// The groups that were read.
        reads: Vec<u32>,
    },
    Waits(Vec<(Site, String)>),
    Dropped {
        reason: Reason,
        /// The slots without which it might fit.
        culprits: Vec<u32>,
        /// Whether only room is missing.
        lacks_room: bool,
    },
}

/// What became of trying a slot.
enum Tried {
    Assigned,
    Waits(Vec<(Site, String)>),
    Failed,
}

/// Why a candidate is out for a slot: these slots, as long as they have these ranks.
type Elimination = Vec<(u32, u64)>;

pub(crate) struct Solver<'r, 'c> {
    request: &'r Request<'r>,
    rules: &'r Rules,
    /// The services, each after the one that it is in.
    scopes: Vec<Instances>,
    /// Their own vertexes.
    pub(crate) services: HashSet<VertexId>,
    pub(crate) graph: Graph,
    pub(crate) ids: &'c mut dyn Ids,
    lists: Lists<'r>,
    memos: Memos,
    progress: Vec<Progress>,
    /// The progress of those that take something, by list and amounts.
    taking: HashMap<(usize, String), usize>,
    groups: Vec<Group<'r>>,
    group_of: HashMap<(VertexId, &'r str), u32>,
    requirements: Vec<Requirement>,
    slots: Vec<Slot>,
    held: HashMap<(VertexId, u32), Held>,
    /// What stands for what in the inventory.
    pub(crate) stands: Stands,
    /// What stands for vertexes of other services.
    references: external::References,
    /// What edges take that are not in the graph.
    elsewhere: HashMap<(VertexId, u32), Number>,
    capacities: HashMap<(VertexId, u32), Result<Amount, Reason>>,
    /// What is to be tried: what may not be left out, and what may.
    queues: [VecDeque<u32>; 2],
    /// What waits for edges, and nobody knows for which.
    waiting_for_any: Vec<u32>,
    eliminations: HashMap<u32, HashMap<u32, Elimination>>,
    /// The slots that eliminations are about: to move those would forget what was learnt.
    mentioned: HashSet<u32>,
    rank: u64,
    /// How often something was given back.
    given_back: u64,
    steps: u64,
    edges: u64,
    unmet: Vec<Explanation>,
}

impl Solver<'_, '_> {
    /// Decides everything that can be decided.
    pub(crate) fn run(&mut self) -> Result<(), ResolveError> {
        loop {
            // What may be left out comes when everything else is decided or waits.
            let next = self.queues.iter_mut().find_map(VecDeque::pop_front);
            if self.unmet.len() == UNMET_MAX {
                return Ok(());
            }
            match next {
                Some(requirement) => self.attempt(requirement)?,
                None if self.waiting_for_any.is_empty() => return Ok(()),
                None => {
                    let before = self.rank;
                    for requirement in std::mem::take(&mut self.waiting_for_any) {
                        if self.requirements[requirement as usize].state == State::Waiting {
                            self.attempt(requirement)?;
                        }
                    }
                    if self.rank == before && self.queues.iter().all(VecDeque::is_empty) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn rule(&self, requirement: u32) -> &'_ Rule {
        let template = self.requirements[requirement as usize].template;
        self.rules.all[template].as_ref().expect("what is a requirement has a rule")
    }

    fn source(&self, requirement: u32) -> VertexId {
        self.groups[self.requirements[requirement as usize].group as usize].source
    }

    /// Tries all slots of a requirement that have no target.
    fn attempt(&mut self, requirement: u32) -> Result<(), ResolveError> {
        self.requirements[requirement as usize].state = State::Waiting;
        let group = self.requirements[requirement as usize].group;
        if let Some(waits) = self.count(group)? {
            self.wait(requirement, waits);
            return Ok(());
        }
        // The last of its group may read the others, and itself.
        if self.groups[group as usize].undecided == 1 {
            self.unmark(group);
        }
        let mut cursor = 0;
        for slot in self.requirements[requirement as usize].slots.clone() {
            if self.slots[slot as usize].target.is_some() {
                continue;
            }
            match self.try_slot(slot, &mut cursor)? {
                Tried::Assigned => {}
                Tried::Waits(waits) => {
                    self.mark(group);
                    self.wait(requirement, waits);
                    return Ok(());
                }
                Tried::Failed => {
                    let rule = self.rule(requirement);
                    if rule.selector.count == floria::rules::Count::All {
                        continue;
                    }
                    let is_optional = rule.selector.optional;
                    let room = match self.are_too_few(slot)? {
                        true => Room::Impossible,
                        false => self.make_room(slot)?,
                    };
                    if matches!(room, Room::Made) {
                        continue;
                    }
                    if is_optional {
                        break;
                    }
                    // Something else gives way, and this is tried again; or nothing can.
                    if matches!(room, Room::Impossible) {
                        let explanation = self.explanation(requirement)?;
                        self.unmet.push(explanation);
                    } else if self.backjump(slot)? {
                        return Ok(());
                    }
                    self.decide(requirement, State::Unmet);
                    return Ok(());
                }
            }
        }
        self.decide(requirement, State::Decided);
        Ok(())
    }

    /// Marks a requirement as one that is done, and tries again what waited for it.
    fn decide(&mut self, requirement: u32, state: State) {
        let entry = &mut self.requirements[requirement as usize];
        entry.state = state;
        entry.waits.clear();
        let group = entry.group;
        let entry = &mut self.groups[group as usize];
        entry.undecided -= 1;
        match entry.undecided {
            0 => {
                self.unmark(group);
                for waiter in std::mem::take(&mut self.groups[group as usize].waiters) {
                    self.queue(waiter);
                }
            }
            // The last one may have waited for the others.
            1 => {
                let last = entry.requirements.iter().copied();
                let waits = |last: &u32| self.requirements[*last as usize].state == State::Waiting;
                if let Some(last) = last.filter(waits).find(|last| *last != requirement) {
                    self.queue(last);
                }
            }
            _ => {}
        }
    }

    fn queue(&mut self, requirement: u32) {
        if self.requirements[requirement as usize].state == State::Waiting {
            self.requirements[requirement as usize].state = State::Queued;
            let is_optional = self.rule(requirement).selector.optional;
            self.queues[usize::from(is_optional)].push_back(requirement);
        }
    }

    /// Remembers what a requirement waits for.
    fn wait(&mut self, requirement: u32, waits: Vec<(Site, String)>) {
        for (site, name) in &waits {
            let Some(name) = name.strip_prefix(RELATIONSHIP) else { continue };
            let Site::Vertex(vertex) = *site else { continue };
            match name.strip_prefix(' ') {
                None if name.is_empty() => self.waiting_for_any.push(requirement),
                None => {}
                Some(name) => {
                    if let Some(group) = self.undecided(vertex, name) {
                        self.groups[group as usize].waiters.push(requirement);
                    }
                }
            }
        }
        let entry = &mut self.requirements[requirement as usize];
        entry.state = State::Waiting;
        entry.waits = waits;
    }

    /// The group of this name at a vertex, if it is not decided yet.
    fn undecided(&self, vertex: VertexId, name: &str) -> Option<u32> {
        let group = *self.group_of.get(&(vertex, name))?;
        (self.groups[group as usize].undecided > 0).then_some(group)
    }
}

/// How many requirements that cannot be met are explained.
const UNMET_MAX: usize = 16;

fn because(error: &EvaluationError) -> String {
    match &error.origin {
        Some(origin) => format!("{error} ({origin})"),
        None => error.to_string(),
    }
}
