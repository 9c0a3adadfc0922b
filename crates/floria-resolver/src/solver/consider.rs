//! A candidate, held against what a requirement asks for.

use std::rc::Rc;

use floria::{EdgeId, Evaluated, EvaluationError, Evaluator, Expression, Site, Value};

use super::{Amounts, Found, Places, RELATIONSHIP, Slot, Solver, Tried, because};
use crate::{
    ResolveError,
    amounts::Amount,
    candidates::{self, Candidate, List},
    explain::Reason,
};

/// What something waits for.
type Waits = Vec<(Site, String)>;

/// What an expression came to, and the groups whose edges it read.
type Read = (Result<Evaluated, EvaluationError>, Vec<u32>);

impl Solver<'_, '_> {
    pub(super) fn list(&self, requirement: u32) -> &List {
        self.lists.get(self.progress[self.requirements[requirement as usize].progress].list)
    }

    pub(super) fn candidate(&self, requirement: u32, place: u32) -> Candidate {
        self.list(requirement).candidates[place as usize]
    }

    /// Looks for a target: the one that is there now, then one that no other edge of the name leads to, then any. `cursor` is
    /// where the search for the requirement's other slots has come to.
    pub(super) fn try_slot(&mut self, slot: u32, cursor: &mut u32) -> Result<Tried, ResolveError> {
        let places = match self.places(slot)? {
            Ok(Places::These(places)) => places,
            Ok(Places::None(_)) => return Ok(Tried::Failed),
            Err(waits) => return Ok(Tried::Waits(waits)),
        };
        let requirement = self.slots[slot as usize].requirement;
        if self.rule(requirement).selector.count == floria::rules::Count::All {
            let place = slot - self.requirements[requirement as usize].slots.start;
            return self.try_place(slot, place).map(|tried| tried.unwrap_or(Tried::Failed));
        }
        let preferred = self.preferred(slot).filter(|place| places.contains(place));
        if let Some(place) = preferred
            && !self.is_out(slot, place)
            && let Some(tried) = self.try_place(slot, place)?
        {
            return Ok(tried);
        }
        let source = self.source(requirement);
        let group = self.requirements[requirement as usize].group as usize;
        let exhausted = self.exhausted(requirement);
        let cursor_before = *cursor;
        for is_first_choice in [true, false] {
            let from = if is_first_choice { cursor_before.max(exhausted) } else { exhausted };
            for place in places.start.max(from)..places.end {
                let candidate = self.candidate(requirement, place);
                let is_used = self.groups[group].targets.contains_key(&candidate.node);
                let is_last_choice = is_used || candidate.node == source || place < cursor_before;
                if is_last_choice == is_first_choice || Some(place) == preferred || self.is_out(slot, place) {
                    continue;
                }
                if !self.has_room(requirement, candidate)? {
                    if self.exhausted(requirement) == place && is_first_choice {
                        self.progress[self.requirements[requirement as usize].progress].cursor = place + 1;
                    }
                    continue;
                }
                if let Some(tried) = self.try_place(slot, place)? {
                    if is_first_choice {
                        *cursor = place;
                    }
                    return Ok(tried);
                }
            }
        }
        self.withdraw(slot);
        Ok(Tried::Failed)
    }

    /// Takes a candidate if it fits. None: it does not.
    fn try_place(&mut self, slot: u32, place: u32) -> Result<Option<Tried>, ResolveError> {
        match self.consider(slot, place)? {
            Found::Fits { amounts, reads } => {
                self.assign(slot, place, amounts, &reads)?;
                Ok(Some(Tried::Assigned))
            }
            Found::Waits(waits) => {
                self.withdraw(slot);
                Ok(Some(Tried::Waits(waits)))
            }
            Found::Dropped { .. } => Ok(None),
        }
    }

    /// The candidate that the current edge leads to.
    fn preferred(&mut self, slot: u32) -> Option<u32> {
        if self.request.current.is_empty() {
            return None;
        }
        let Slot { requirement, index, .. } = self.slots[slot as usize];
        let requirement = &self.requirements[requirement as usize];
        let group = &self.groups[requirement.group as usize];
        let target = self.request.current.outgoing_at(group.source, group.name, index)?.target;
        let list = self.progress[requirement.progress].list;
        self.lists.get_mut(list).place(target)
    }

    /// The candidates before this one have not enough left for this requirement.
    fn exhausted(&mut self, requirement: u32) -> u32 {
        let since = self.given_back;
        let progress = &mut self.progress[self.requirements[requirement as usize].progress];
        if progress.cursor_since != since {
            (progress.cursor, progress.cursor_since) = (0, since);
        }
        progress.cursor
    }

    /// Tells, before anything is evaluated, whether a candidate has enough left. True, where that is not known yet.
    fn has_room(&mut self, requirement: u32, candidate: Candidate) -> Result<bool, ResolveError> {
        let Some(amounts) = self.rule(requirement).amounts.clone() else { return Ok(true) };
        for (property, amount) in &amounts.0 {
            if let (Ok(Ok(capacity)), _) = self.capacity(candidate, *property)
                && !self.taken(candidate.vertex, *property).plus(amount.number).is_at_most(capacity.number)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Holds a candidate against everything that is asked for, in the order in which it is explained.
    pub(super) fn consider(&mut self, slot: u32, place: u32) -> Result<Found, ResolveError> {
        let requirement = self.slots[slot as usize].requirement;
        let candidate = self.candidate(requirement, place);
        let template = &self.request.design.edges[self.requirements[requirement as usize].template];
        let dropped = |reason| Found::Dropped { reason, culprits: Vec::new(), lacks_room: false };
        if candidate.is_restricted && !self.rule(requirement).is_plain {
            let target = &self.request.design.vertexes[candidate.template];
            let source = self.request.design.vertex(template.source);
            if let Some(reason) = source.and_then(|source| candidates::refusal(target, source, template)) {
                return Ok(dropped(reason));
            }
        }
        if let Some(other) = self.other_target(slot, candidate) {
            return Ok(Found::Dropped { reason: Reason::Taken, culprits: vec![other], lacks_room: false });
        }
        let rules = self.rules;
        let rule = rules.all[self.requirements[requirement as usize].template]
            .as_ref()
            .expect("what is a requirement has a rule");
        let mut reads = Vec::new();
        let mut waits = Vec::new();
        let mut site = None;
        if rule.needs_edge {
            let edge = self.place_edge(slot, candidate.vertex, None)?;
            site = Some(Site::Edge(edge));
            for condition in &rule.selector.conditions {
                let (evaluated, more) = self.evaluate(condition, Site::Edge(edge));
                let came_to = match evaluated {
                    Ok(Evaluated::Known(Value::Boolean(true))) => {
                        reads.extend(more);
                        continue;
                    }
                    Ok(Evaluated::Unknown(more)) => {
                        waits.extend(more);
                        continue;
                    }
                    Ok(Evaluated::Known(value)) => Ok(value),
                    Err(error) => Err(because(&error)),
                };
                let culprits = self.slots_of(&more, slot);
                let reason = Reason::Condition { came_to };
                return Ok(Found::Dropped { reason, culprits, lacks_room: false });
            }
        }
        let amounts = match (&rule.amounts, site) {
            (Some(amounts), _) => Some(amounts.clone()),
            (None, Some(Site::Edge(edge))) if !rule.properties.is_empty() => {
                match self.amounts(requirement, edge, &mut reads) {
                    Ok(Ok(amounts)) => Some(amounts),
                    Ok(Err(more)) => {
                        waits.extend(more);
                        None
                    }
                    Err(reason) => return Ok(dropped(reason)),
                }
            }
            _ => None,
        };
        for (property, amount) in amounts.iter().flat_map(|amounts| &amounts.0) {
            let (capacity, more) = self.capacity(candidate, *property);
            reads.extend(&more);
            let capacity = match capacity {
                Err(more) => {
                    waits.extend(more);
                    continue;
                }
                Ok(Err(reason)) => {
                    let culprits = self.slots_of(&more, slot);
                    return Ok(Found::Dropped { reason, culprits, lacks_room: false });
                }
                Ok(Ok(capacity)) => capacity,
            };
            let name = || self.rules.properties[*property as usize].clone();
            if !capacity.goes_with(amount) {
                let why = format!("is {}, which {} cannot be compared with", capacity.value, amount.value);
                return Ok(dropped(Reason::NotAllocatable { property: name(), why }));
            }
            if !self.taken(candidate.vertex, *property).plus(amount.number).is_at_most(capacity.number) {
                let held = self.held.get(&(candidate.vertex, *property));
                let mut culprits = held.map(|held| held.slots.clone()).unwrap_or_default();
                let holders = culprits.iter().take(crate::explain::LISTED_MAX);
                let holders =
                    holders.map(|slot| format!("`{}`", self.name_of(self.slots[*slot as usize].requirement)));
                let reason = Reason::Allocation {
                    property: name(),
                    amount: amount.value.clone(),
                    capacity: capacity.value,
                    holders: holders.collect(),
                };
                culprits.extend(self.slots_of(&more, slot));
                return Ok(Found::Dropped { reason, culprits, lacks_room: true });
            }
        }
        if !waits.is_empty() {
            waits.sort_unstable();
            waits.dedup();
            return Ok(Found::Waits(waits));
        }
        reads.sort_unstable();
        reads.dedup();
        Ok(Found::Fits { amounts, reads })
    }

    /// Another slot of the same requirement that leads to the same node.
    fn other_target(&self, slot: u32, candidate: Candidate) -> Option<u32> {
        let requirement = &self.requirements[self.slots[slot as usize].requirement as usize];
        let others = self.groups[requirement.group as usize].targets.get(&candidate.node)?;
        others.iter().copied().find(|other| *other != slot && requirement.slots.contains(other))
    }

    /// Evaluates how much an edge takes; the inner error is what that waits for.
    fn amounts(
        &mut self,
        requirement: u32,
        edge: EdgeId,
        reads: &mut Vec<u32>,
    ) -> Result<Result<Rc<Amounts>, Waits>, Reason> {
        let rules = self.rules;
        let template = self.requirements[requirement as usize].template;
        let rule = rules.all[template].as_ref().expect("what is a requirement has a rule");
        let mut amounts = Vec::with_capacity(rule.properties.len());
        let mut waits = Vec::new();
        for ((name, amount), property) in rule.selector.allocation.iter().zip(&rule.properties) {
            let wrong = |why: String| Reason::NotAllocatable { property: name.clone(), why };
            let (evaluated, more) = self.evaluate(amount, Site::Edge(edge));
            reads.extend(more);
            match evaluated {
                Ok(Evaluated::Known(value)) => match Amount::of(&value) {
                    Some(amount) if amount.number.is_negative() => {
                        return Err(wrong(format!("cannot be taken {value} of")));
                    }
                    Some(amount) => amounts.push((*property, amount)),
                    None => return Err(wrong(format!("cannot be taken {value} of: that is no amount"))),
                },
                Ok(Evaluated::Unknown(more)) => waits.extend(more),
                Err(error) => {
                    return Err(wrong(format!("is wanted, and how much of it fails: {}", because(&error))));
                }
            }
        }
        Ok(if waits.is_empty() { Ok(Rc::new(Amounts(amounts))) } else { Err(waits) })
    }

    /// Returns how much there is of a property in all, and the groups that were read. The outer error is what that waits
    /// for.
    fn capacity(
        &mut self,
        candidate: Candidate,
        property: u32,
    ) -> (Result<Result<Amount, Reason>, Waits>, Vec<u32>) {
        let key = (candidate.vertex, property);
        if let Some(capacity) = self.capacities.get(&key) {
            return (Ok(capacity.clone()), Vec::new());
        }
        let rules = self.rules;
        let name = &rules.properties[property as usize];
        let wrong = |why: String| Err(Reason::NotAllocatable { property: name.clone(), why });
        let declared = self.graph.vertex(candidate.vertex).and_then(|vertex| vertex.properties.get(name));
        let (capacity, reads) = match declared {
            None => (wrong("is no property of it".to_owned()), Vec::new()),
            Some(_) => {
                let site = Site::Vertex(candidate.vertex);
                let (evaluated, reads) = self.evaluating(|evaluator| evaluator.property(site, name));
                let capacity = match evaluated {
                    Ok(Evaluated::Unknown(waits)) => return (Err(waits), reads),
                    Err(error) => wrong(format!("has no value: {}", because(&error))),
                    Ok(Evaluated::Known(Value::Null)) => wrong("has no value".to_owned()),
                    Ok(Evaluated::Known(value)) => Amount::of(&value).ok_or_else(|| Reason::NotAllocatable {
                        property: name.clone(),
                        why: format!("is {value}, which is no amount"),
                    }),
                };
                (capacity, reads)
            }
        };
        // What depends on edges may change.
        if reads.is_empty() {
            self.capacities.insert(key, capacity.clone());
        }
        (Ok(capacity), reads)
    }

    /// Evaluates an expression, and says which groups' edges it read.
    pub(super) fn evaluate(&mut self, expression: &Expression, site: Site) -> Read {
        self.evaluating(|evaluator| {
            evaluator.evaluate_with_reads(expression, site).map(|(evaluated, _reads)| evaluated)
        })
    }

    fn evaluating(
        &mut self,
        work: impl FnOnce(&mut Evaluator<'_>) -> Result<Evaluated, EvaluationError>,
    ) -> Read {
        // Nothing that was evaluated is kept: edges come and go between one evaluation and the next.
        let memos = std::mem::take(&mut self.memos);
        let mut evaluator = Evaluator::with_memos(&self.graph, self.request.functions, memos);
        let evaluated = work(&mut evaluator);
        let reads = self.groups_read(&evaluator);
        let mut memos = evaluator.into_memos();
        memos.clear();
        self.memos = memos;
        (evaluated, reads)
    }

    /// The groups whose edges an evaluation looked at.
    fn groups_read(&self, evaluator: &Evaluator<'_>) -> Vec<u32> {
        let mut groups: Vec<u32> = evaluator
            .seen()
            .filter_map(|(site, name)| {
                let Site::Vertex(vertex) = site else { return None };
                let name = name.strip_prefix(RELATIONSHIP)?.strip_prefix(' ')?;
                self.group_of.get(&(vertex, name)).copied()
            })
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The slots of groups that lead somewhere, but for one.
    fn slots_of(&self, groups: &[u32], but: u32) -> Vec<u32> {
        let requirements = groups.iter().flat_map(|group| &self.groups[*group as usize].requirements);
        let slots =
            requirements.flat_map(|requirement| self.requirements[*requirement as usize].slots.clone());
        slots.filter(|slot| *slot != but && self.slots[*slot as usize].target.is_some()).collect()
    }
}
