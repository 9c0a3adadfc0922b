//! Edges come and go, with what they take and who looked at them.

use std::rc::Rc;

use floria::{
    Edge, EdgeId, Named, Value, VertexId,
    rules::{ALLOCATION, WAITING},
};

use super::{Amounts, Held, Solver, State};
use crate::{ResolveError, amounts::Number, resolve};

impl Solver<'_, '_> {
    /// Puts the edge of a slot in the graph, from wherever it is, with what it takes.
    pub(super) fn place_edge(
        &mut self,
        slot: u32,
        target: VertexId,
        amounts: Option<&Amounts>,
    ) -> Result<EdgeId, ResolveError> {
        let mut edge = match self.take_edge(slot) {
            Some(edge) => edge,
            None => Box::new(self.new_edge(slot, target)?),
        };
        edge.target = target;
        match amounts {
            Some(amounts) => {
                let amounts = amounts.0.iter();
                let amounts = amounts.map(|(property, amount)| {
                    (self.rules.properties[*property as usize].as_str(), amount.value.clone())
                });
                edge.metadata.insert(ALLOCATION.to_owned(), Value::map(amounts));
            }
            None => drop(edge.metadata.remove(ALLOCATION)),
        }
        let id = edge.id;
        self.graph.put_edge_as_in(self.request.current, *edge);
        self.slots[slot as usize].id = Some(id);
        Ok(id)
    }

    fn new_edge(&mut self, slot: u32, target: VertexId) -> Result<Edge, ResolveError> {
        let index = self.slots[slot as usize].index;
        let requirement = &self.requirements[self.slots[slot as usize].requirement as usize];
        let template = &self.request.design.edges[requirement.template];
        let source = self.groups[requirement.group as usize].source;
        resolve::edge(self.request, template, index, source, target, self.ids)
    }

    /// Takes the edge of a slot out of the graph, if it is there, or from where it is kept.
    fn take_edge(&mut self, slot: u32) -> Option<Box<Edge>> {
        let slot = &mut self.slots[slot as usize];
        match slot.id.take() {
            Some(id) => self.graph.remove_edge(id).map(Box::new),
            None => slot.edge.take(),
        }
    }

    /// Takes an edge out of the graph that was only there to be looked at.
    pub(super) fn withdraw(&mut self, slot: u32) {
        let edge = self.take_edge(slot);
        self.slots[slot as usize].edge = edge;
    }

    /// Lets a slot lead to a candidate.
    pub(super) fn assign(
        &mut self,
        slot: u32,
        place: u32,
        amounts: Option<Rc<Amounts>>,
        reads: &[u32],
    ) -> Result<(), ResolveError> {
        let requirement = self.slots[slot as usize].requirement;
        let candidate = self.candidate(requirement, place);
        let is_there = self.slots[slot as usize].id.is_some();
        if !is_there || amounts.is_some() {
            self.place_edge(slot, candidate.vertex, amounts.as_deref())?;
        }
        self.hold(slot, place, amounts, reads);
        Ok(())
    }

    /// Notes where a slot leads, whose edge is there.
    pub(super) fn hold(&mut self, slot: u32, place: u32, amounts: Option<Rc<Amounts>>, reads: &[u32]) {
        let requirement = self.slots[slot as usize].requirement;
        let candidate = self.candidate(requirement, place);
        for (property, amount) in amounts.iter().flat_map(|amounts| &amounts.0) {
            let nothing = || Held { total: Number::ZERO, slots: Vec::new() };
            let held = self.held.entry((candidate.vertex, *property)).or_insert_with(nothing);
            held.total = held.total.plus(amount.number);
            held.slots.push(slot);
        }
        self.rank += 1;
        for group in reads {
            self.groups[*group as usize].readers.push((slot, self.rank));
        }
        let group = self.requirements[requirement as usize].group;
        let group = &mut self.groups[group as usize];
        if group.slots > 1 {
            group.targets.entry(candidate.node).or_default().push(slot);
        }
        let entry = &mut self.slots[slot as usize];
        entry.target = Some(place);
        entry.rank = self.rank;
        entry.amounts = amounts;
    }

    /// Lets a slot lead nowhere; its edge is kept. What it took is given back.
    pub(super) fn unassign(&mut self, slot: u32) {
        let requirement = self.slots[slot as usize].requirement;
        let Some(place) = self.slots[slot as usize].target.take() else { return };
        self.withdraw(slot);
        let candidate = self.candidate(requirement, place);
        let group = self.requirements[requirement as usize].group;
        let targets = &mut self.groups[group as usize].targets;
        if let Some(slots) = targets.get_mut(&candidate.node) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                targets.remove(&candidate.node);
            }
        }
        let Some(amounts) = self.slots[slot as usize].amounts.take() else { return };
        self.given_back += 1;
        for (property, _) in &amounts.0 {
            let Some(held) = self.held.get_mut(&(candidate.vertex, *property)) else { continue };
            held.slots.retain(|other| *other != slot);
            // Summed anew, so that floats come to the same whatever came and went.
            let amounts = held.slots.iter().filter_map(|slot| self.slots[*slot as usize].amounts.as_ref());
            let of_it = amounts.flat_map(|amounts| &amounts.0).filter(|(other, _)| other == property);
            held.total = of_it.fold(Number::ZERO, |sum, (_, amount)| sum.plus(amount.number));
        }
    }

    /// Lets a slot lead nowhere, with all that looked at its edge, and queues it all to be tried again.
    pub(super) fn take_back(&mut self, slot: u32) {
        let mut open = vec![slot];
        while let Some(slot) = open.pop() {
            if self.slots[slot as usize].target.is_none() {
                continue;
            }
            self.unassign(slot);
            let requirement = self.slots[slot as usize].requirement;
            let group = self.requirements[requirement as usize].group;
            if self.requirements[requirement as usize].state == State::Decided {
                self.groups[group as usize].undecided += 1;
                self.mark(group);
            }
            if matches!(self.requirements[requirement as usize].state, State::Decided | State::Waiting) {
                self.requirements[requirement as usize].state = State::Queued;
                let is_optional = self.rule(requirement).selector.optional;
                self.queues[usize::from(is_optional)].push_front(requirement);
            }
            for (reader, rank) in std::mem::take(&mut self.groups[group as usize].readers) {
                let is_same = self.slots[reader as usize].rank == rank;
                if is_same && reader != slot && self.slots[reader as usize].target.is_some() {
                    open.push(reader);
                }
            }
        }
    }

    /// Returns whether some condition was decided by what this slot leads to.
    pub(super) fn is_read(&self, slot: u32) -> bool {
        let requirement = &self.requirements[self.slots[slot as usize].requirement as usize];
        self.groups[requirement.group as usize].readers.iter().any(|(reader, rank)| {
            let reader = &self.slots[*reader as usize];
            reader.rank == *rank && reader.target.is_some()
        })
    }

    /// Says at the source of a group that its edges are not all made.
    pub(super) fn mark(&mut self, group: u32) {
        let entry = &mut self.groups[group as usize];
        if entry.is_marked || !self.rules.evaluates {
            return;
        }
        entry.is_marked = true;
        let name = Value::from(entry.name);
        let source = entry.source;
        self.change_marks(source, |names| {
            names.push(name);
            names.sort();
        });
    }

    /// Says so no more.
    pub(super) fn unmark(&mut self, group: u32) {
        let entry = &mut self.groups[group as usize];
        if !std::mem::take(&mut entry.is_marked) {
            return;
        }
        let (source, name) = (entry.source, entry.name);
        self.change_marks(source, |names| names.retain(|other| other.as_text() != Some(name)));
    }

    fn change_marks(&mut self, vertex: VertexId, change: impl FnOnce(&mut Vec<Value>)) {
        // Taken out and put in: nobody shares it, so nothing is copied.
        let Some(mut vertex) = self.graph.remove_vertex(vertex) else { return };
        let mut names = match vertex.metadata.remove(WAITING) {
            Some(Value::List(names)) => names,
            _ => Vec::new(),
        };
        change(&mut names);
        if !names.is_empty() {
            vertex.metadata.insert(WAITING.to_owned(), Value::List(names));
        }
        self.graph.put_vertex_as_in(self.request.current, vertex);
    }
}

/// Reads what an edge takes, as it is written on it.
pub(super) fn written(metadata: &Named<Value>, property: &str) -> Option<Value> {
    metadata.get(ALLOCATION)?.get(property).cloned()
}
