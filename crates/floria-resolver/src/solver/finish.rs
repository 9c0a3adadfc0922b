//! What has come of it: edges with their final indexes, what is left out, what is postponed, and what waits for itself.

use std::collections::HashSet;

use floria::{Site, rules::ALLOCATION};

use super::{RELATIONSHIP, Solver, State};
use crate::{
    Postponed, ResolveError, explain,
    hooks::{AFTER_INSTANTIATION, BEFORE_INSTANTIATION, HookRun},
    instances, resolve,
};

/// What is not in the graph.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) postponed: Vec<Postponed>,
    pub(crate) unfulfilled: Vec<explain::Requirement>,
}

impl Solver<'_, '_> {
    /// Ends: nothing more can be decided.
    pub(crate) fn finish(&mut self, hooks: &mut HookRun<'_>) -> Result<Left, ResolveError> {
        if !self.unmet.is_empty() {
            return Err(ResolveError::Unmet(std::mem::take(&mut self.unmet)));
        }
        if let Some(circle) = self.circle() {
            let circle = circle.into_iter().map(|requirement| self.postponed(requirement)).collect();
            return Err(ResolveError::Circle(circle));
        }
        let mut left = Left::default();
        for requirement in 0..self.requirements.len() as u32 {
            match self.requirements[requirement as usize].state {
                State::Waiting => left.postponed.push(self.postponed(requirement)),
                State::Decided if self.is_short(requirement) => {
                    left.unfulfilled.push(self.described(requirement));
                }
                _ => {}
            }
        }
        for group in 0..self.groups.len() {
            self.renumber(group)?;
        }
        self.forget_references();
        self.run_hooks(hooks)?;
        Ok(left)
    }

    fn is_short(&self, requirement: u32) -> bool {
        self.rule(requirement).selector.count != floria::rules::Count::All
            && self.slots_in(requirement).any(|slot| self.slots[slot as usize].target.is_none())
    }

    fn slots_in(&self, requirement: u32) -> std::ops::Range<u32> {
        self.requirements[requirement as usize].slots.clone()
    }

    /// What a requirement is, for people.
    pub(super) fn described(&self, requirement: u32) -> explain::Requirement {
        let entry = &self.requirements[requirement as usize];
        let group = &self.groups[entry.group as usize];
        let template = &self.request.design.edges[entry.template];
        let selector = &self.rule(requirement).selector;
        let slots = entry.slots.clone();
        explain::Requirement {
            source: group.source,
            path: self.graph.path_of(group.source),
            name: group.name.to_owned(),
            template: template.id,
            wanted: group.is_counted.then_some(slots.len() as u64),
            made: slots.filter(|slot| self.slots[*slot as usize].target.is_some()).count() as u64,
            is_optional: selector.optional,
            is_implicit: selector.implicit,
            origin: template.origin.clone(),
        }
    }

    fn postponed(&self, requirement: u32) -> Postponed {
        let waits = &self.requirements[requirement as usize].waits;
        let source = self.groups[self.requirements[requirement as usize].group as usize].source;
        let is_its_own = |(site, name): &(Site, String)| {
            let Site::Vertex(vertex) = site else { return false };
            // Of a service inside of it more may be known before.
            let container = self.graph.vertex(*vertex).and_then(|vertex| vertex.container);
            !name.starts_with(RELATIONSHIP) && (*vertex == source || container == Some(source))
        };
        let waits_for_source = waits.iter().any(is_its_own);
        let waits = waits.iter().map(|wait| instances::waited_for(&self.graph, wait)).collect();
        Postponed { requirement: self.described(requirement), waits, waits_for_source }
    }

    /// Requirements of which each waits for the next, and the last for the first.
    fn circle(&self) -> Option<Vec<u32>> {
        let is_waiting = |requirement: &u32| self.requirements[*requirement as usize].state == State::Waiting;
        let waiting: Vec<u32> = (0..self.requirements.len() as u32).filter(is_waiting).collect();
        let awaited = |requirement: u32| -> Vec<u32> {
            let waits = &self.requirements[requirement as usize].waits;
            let groups = waits.iter().filter_map(|(site, name)| {
                let Site::Vertex(vertex) = site else { return None };
                self.undecided(*vertex, name.strip_prefix(RELATIONSHIP)?.strip_prefix(' ')?)
            });
            let of_groups = groups.flat_map(|group| self.groups[group as usize].requirements.iter().copied());
            let mut all: Vec<u32> = of_groups.filter(is_waiting).collect();
            // Whoever waits for edges from anywhere waits for all.
            if waits.iter().any(|(_, name)| name == RELATIONSHIP) {
                all.extend(waiting.iter().filter(|other| **other != requirement));
            }
            all
        };
        let mut done: HashSet<u32> = HashSet::new();
        for start in &waiting {
            let mut path = vec![(*start, awaited(*start))];
            while let Some((requirement, open)) = path.last_mut() {
                match open.pop() {
                    None => {
                        done.insert(*requirement);
                        path.pop();
                    }
                    Some(next) => {
                        if let Some(place) = path.iter().position(|(other, _)| *other == next) {
                            return Some(path[place..].iter().map(|(requirement, _)| *requirement).collect());
                        }
                        if !done.contains(&next) {
                            path.push((next, awaited(next)));
                        }
                    }
                }
            }
        }
        None
    }

    /// Closes the gaps that edges leave which are not made.
    fn renumber(&mut self, group: usize) -> Result<(), ResolveError> {
        let entry = &self.groups[group];
        if entry.undecided > 0 || !entry.is_counted {
            return Ok(());
        }
        let slots: Vec<u32> =
            entry.requirements.iter().flat_map(|requirement| self.slots_in(*requirement)).collect();
        let mut index = 0;
        for slot in slots {
            let entry = &self.slots[slot as usize];
            let Some(id) = entry.id.filter(|_| entry.target.is_some()) else { continue };
            if entry.index != index
                && let Some(edge) = self.graph.remove_edge(id)
            {
                let template =
                    &self.request.design.edges[self.requirements[entry.requirement as usize].template];
                let (source, target) = (edge.source, edge.target);
                let mut anew = resolve::edge(self.request, template, index, source, target, self.ids)?;
                if let Some(taken) = edge.metadata.get(ALLOCATION) {
                    anew.metadata.insert(ALLOCATION.to_owned(), taken.clone());
                }
                self.slots[slot as usize].id = Some(anew.id);
                self.slots[slot as usize].index = index;
                self.graph.put_edge(anew);
            }
            index += 1;
        }
        Ok(())
    }

    fn run_hooks(&mut self, hooks: &mut HookRun<'_>) -> Result<(), ResolveError> {
        for slot in &self.slots {
            let handlers =
                &self.request.design.edges[self.requirements[slot.requirement as usize].template].handlers;
            if !handlers.contains_key(BEFORE_INSTANTIATION) && !handlers.contains_key(AFTER_INSTANTIATION) {
                continue;
            }
            if let Some(mut edge) = slot.id.and_then(|id| self.graph.remove_edge(id)) {
                hooks.before_edge(&mut edge, &self.graph)?;
                self.graph.put_edge(edge);
            }
        }
        Ok(())
    }
}
