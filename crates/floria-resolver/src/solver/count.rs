//! How many edges there are to be, and which candidates an index allows.

use floria::{
    Evaluated, Site, Value,
    rules::{Count, INDEX},
};

use super::{Places, Slot, Solver, because};
use crate::{ResolveError, instances};

impl Solver<'_, '_> {
    /// Makes the slots of a group, once it can be said how many there are. Returns what that waits for, if anything.
    pub(super) fn count(&mut self, group: u32) -> Result<Option<Vec<(Site, String)>>, ResolveError> {
        if self.groups[group as usize].is_counted {
            return Ok(None);
        }
        let requirements = self.groups[group as usize].requirements.clone();
        let mut counts = Vec::with_capacity(requirements.len());
        let mut waits = Vec::new();
        for requirement in &requirements {
            match self.count_of(*requirement)? {
                Ok(count) => counts.push(count),
                Err(more) => waits.extend(more),
            }
        }
        if !waits.is_empty() {
            return Ok(Some(waits));
        }
        self.check_range(&requirements, &counts)?;
        let mut index = 0;
        let mut given = 0..self.groups[group as usize].given;
        for (requirement, count) in requirements.into_iter().zip(counts) {
            // What is there to take what is given takes all that is left of it.
            let is_implicit = self.rule(requirement).selector.implicit;
            let count = if is_implicit { count.max(given.len() as u64) } else { count };
            self.edges = self.edges.saturating_add(count);
            if self.edges > self.request.limits.edges_max {
                let template = &self.request.design.edges[self.requirements[requirement as usize].template];
                return Err(ResolveError::TooMany {
                    name: self.name_of(requirement),
                    count,
                    max: self.request.limits.edges_max,
                    what: "edges",
                    origin: template.origin.clone(),
                });
            }
            let first = self.slots.len() as u32;
            for _ in 0..count {
                self.slots.push(Slot {
                    requirement,
                    index,
                    given: given.next().map(|place| self.requirements[requirement as usize].found + place),
                    target: None,
                    rank: 0,
                    amounts: None,
                    edge: None,
                    id: None,
                });
                index += 1;
            }
            self.requirements[requirement as usize].slots = first..self.slots.len() as u32;
        }
        let entry = &mut self.groups[group as usize];
        entry.is_counted = true;
        entry.slots = index as usize;
        Ok(None)
    }

    /// How many edges a requirement wants; the inner error is what that waits for.
    fn count_of(&mut self, requirement: u32) -> Result<Result<u64, Vec<(Site, String)>>, ResolveError> {
        let rules = self.rules;
        let template = self.requirements[requirement as usize].template;
        let rule = rules.all[template].as_ref().expect("what is a requirement has a rule");
        let count = match &rule.selector.count {
            Count::One => return Ok(Ok(1)),
            Count::All => return Ok(Ok(self.list(requirement).candidates.len() as u64)),
            Count::Of(count) => count,
        };
        let source = self.source(requirement);
        let evaluated = match count.as_literal() {
            Some(value) => Ok(Evaluated::Known(value.clone())),
            None => self.evaluate(count, Site::Vertex(source)).0,
        };
        if let Ok(Evaluated::Unknown(waits)) = evaluated {
            return Ok(Err(waits));
        }
        let origin = &self.request.design.edges[self.requirements[requirement as usize].template].origin;
        instances::count(&self.name_of(requirement), evaluated, count, origin, &self.graph).map(Ok)
    }

    /// The sum of all counts of a name, and of those that may not be left out, must be within the range.
    fn check_range(&self, requirements: &[u32], counts: &[u64]) -> Result<(), ResolveError> {
        let ranges = requirements.iter().find_map(|requirement| {
            let range = self.rule(*requirement).selector.range?;
            Some((*requirement, range))
        });
        let Some((requirement, (min, max))) = ranges else { return Ok(()) };
        let sum = |with_optional: bool| {
            let counted = requirements.iter().zip(counts);
            let counted = counted.filter(|(requirement, _)| {
                let selector = &self.rule(**requirement).selector;
                selector.count != Count::All && (with_optional || !selector.optional)
            });
            counted.map(|(_, count)| *count).fold(0, u64::saturating_add)
        };
        for (count, what) in [(sum(true), ""), (sum(false), " that are not optional")] {
            if count < min || max.is_some_and(|max| count > max) {
                let origin =
                    &self.request.design.edges[self.requirements[requirement as usize].template].origin;
                return Err(ResolveError::OutOfRange {
                    name: self.name_of(requirement),
                    count,
                    what,
                    min,
                    max,
                    origin: origin.clone(),
                });
            }
        }
        Ok(())
    }

    /// Returns which candidates a slot may have, by its index; the inner error is what that waits for.
    pub(super) fn places(&mut self, slot: u32) -> Result<Result<Places, Vec<(Site, String)>>, ResolveError> {
        let requirement = self.slots[slot as usize].requirement;
        if let Some(place) = self.slots[slot as usize].given {
            return Ok(Ok(Places::These(place..place + 1)));
        }
        if let Some(places) = &self.requirements[requirement as usize].places {
            return Ok(Ok(places.clone()));
        }
        let template = self.requirements[requirement as usize].template;
        let rules = self.rules;
        let rule = rules.all[template].as_ref().expect("what is a requirement has a rule");
        let len = self.requirements[requirement as usize].found;
        let Some(index) = &rule.selector.index else {
            let places = Places::These(0..len);
            self.requirements[requirement as usize].places = Some(places.clone());
            return Ok(Ok(places));
        };
        let source = Site::Vertex(self.source(requirement));
        let mut is_of_all = true;
        let mut evaluated = self.evaluate(index, source).0;
        if evaluated.is_err() && len > 0 {
            // It may ask for the edge's own index. Whose end that is does not matter yet.
            let candidate = self.list(requirement).candidates[0].vertex;
            let edge = self.place_edge(slot, candidate, None)?;
            let at_edge = self.evaluate(index, Site::Edge(edge)).0;
            self.withdraw(slot);
            if at_edge.is_ok() {
                is_of_all = false;
                evaluated = at_edge;
            }
        }
        let places = match evaluated {
            Ok(Evaluated::Unknown(waits)) => return Ok(Err(waits)),
            Err(error) => Places::None(Err(because(&error))),
            Ok(Evaluated::Known(value)) => self.place_of_index(requirement, value),
        };
        if is_of_all {
            self.requirements[requirement as usize].places = Some(places.clone());
        }
        Ok(Ok(places))
    }

    fn place_of_index(&self, requirement: u32, index: Value) -> Places {
        let Value::Integer(wanted) = index else {
            return Places::None(Err(format!("{index} is no index")));
        };
        let candidates = &self.list(requirement).candidates;
        let has_it = |place: usize| {
            let node = candidates.get(place).and_then(|candidate| self.graph.vertex(candidate.node));
            let index =
                |node: &floria::Vertex| node.metadata.get(INDEX).and_then(Value::as_integer).unwrap_or(0);
            node.map(index) == Some(wanted)
        };
        // Nearly always the instances of one template are looked at, whose indexes are their places.
        let place = usize::try_from(wanted).ok().filter(|place| has_it(*place));
        let place = place.or_else(|| (0..candidates.len()).find(|place| has_it(*place)));
        match place {
            Some(place) => Places::These(place as u32..place as u32 + 1),
            None => Places::None(Ok(index)),
        }
    }

    /// As in `web-0/host`.
    pub(super) fn name_of(&self, requirement: u32) -> String {
        let group = &self.groups[self.requirements[requirement as usize].group as usize];
        format!("{}/{}", self.graph.path_of(group.source), group.name)
    }
}
