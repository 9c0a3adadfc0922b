//! What to do where greed fails.
//!
//! First, room is made: a way is looked for on which edges move on, each to where the next one leaves enough (augmenting paths,
//! as in matchings of graphs). For edges that take the same of targets, that finds a place if there is one.
//!
//! Then what is in the way gives way (dynamic backtracking, Ginsberg 1993): every candidate of the requirement is out because of
//! certain other edges; the one of those that was decided last is taken back, and what remains is remembered as the reason why
//! it cannot lead there. What has nothing to do with the failure stays where it is, and nothing is tried twice for the same
//! reason, so that a way is found if there is one.

use std::collections::{HashMap, HashSet};

use floria::{VertexId, rules::Count};

use super::{Elimination, Found, Places, Solver, State};
use crate::ResolveError;

/// How a slot comes into the search for room.
struct Step {
    slot: u32,
    /// The step whose slot would take this one's place.
    before: Option<usize>,
    /// The place that it would move to, which the step after it leaves.
    to: u32,
}

/// What became of looking for room.
pub(super) enum Room {
    /// The slot is assigned.
    Made,
    /// There is none that could be made by moving edges on.
    NotFound,
    /// There is none, whatever leads where.
    Impossible,
}

impl Solver<'_, '_> {
    /// Returns whether a candidate was found out for a slot, for reasons that still hold.
    pub(super) fn is_out(&self, slot: u32, place: u32) -> bool {
        let elimination = self.eliminations.get(&slot).and_then(|all| all.get(&place));
        elimination.is_some_and(|elimination| self.holds(elimination))
    }

    fn holds(&self, elimination: &Elimination) -> bool {
        elimination.iter().all(|(slot, rank)| {
            let slot = &self.slots[*slot as usize];
            slot.rank == *rank && slot.target.is_some()
        })
    }

    /// Returns whether a requirement wants more different targets than there can ever be, whatever else leads where. To take
    /// back one target after the other would find that out, too, but not in any time that somebody would wait.
    pub(super) fn are_too_few(&mut self, slot: u32) -> Result<bool, ResolveError> {
        let requirement = self.slots[slot as usize].requirement;
        let slots = self.requirements[requirement as usize].slots.clone();
        let is_given = |slot: u32| self.slots[slot as usize].given.is_some();
        let count = &self.rule(requirement).selector.count;
        if slots.len() < 2 || *count == Count::All || slots.clone().any(is_given) {
            return Ok(false);
        }
        let Ok(Places::These(places)) = self.places(slot)? else { return Ok(false) };
        let has_index = self.rule(requirement).selector.index.is_some();
        let nodes: HashSet<VertexId> =
            places.clone().map(|place| self.candidate(requirement, place).node).collect();
        if nodes.len() < slots.len() {
            // Another index may be that of another candidate.
            return Ok(!has_index);
        }
        if has_index {
            return Ok(false);
        }
        let mut possible = HashSet::new();
        for place in places {
            let mut is_out = true;
            // A condition may ask which of the edges it is about.
            for slot in std::iter::once(slot).chain(slots.clone()) {
                let found = self.consider_elsewhere(slot, place)?;
                if self.slots[slot as usize].target.is_none() {
                    self.withdraw(slot);
                }
                is_out &= matches!(found, Found::Dropped { culprits, .. } if culprits.is_empty());
                if !is_out {
                    break;
                }
            }
            if !is_out {
                possible.insert(self.candidate(requirement, place).node);
            }
            if possible.len() >= slots.len() {
                break;
            }
        }
        Ok(possible.len() < slots.len())
    }

    /// Moves what takes the room of a slot's candidates to others, and assigns the slot.
    pub(super) fn make_room(&mut self, slot: u32) -> Result<Room, ResolveError> {
        let template = self.requirements[self.slots[slot as usize].requirement as usize].template;
        let rules = self.rules;
        let rule_of =
            |template: usize| rules.all[template].as_ref().expect("what is a requirement has a rule");
        if rule_of(template).properties.is_empty() || self.eliminations.contains_key(&slot) {
            return Ok(Room::NotFound);
        }
        // Who asks for nothing but room sees the same as another one of the same template.
        let is_simple = |rule: &super::Rule| {
            !rule.needs_edge && rule.selector.index.is_none() && rule.selector.count == Count::One
        };
        let progress = self.requirements[self.slots[slot as usize].requirement as usize].progress;
        match self.progress[progress].hopeless {
            Some((since, true)) if since == self.given_back => return Ok(Room::Impossible),
            Some((since, false)) if since == self.given_back => return Ok(Room::NotFound),
            _ => {}
        }
        // It is a proof as long as everything that was seen could be exchanged for everything else.
        let mut is_proof = true;
        // Breadth first: the fewest edges move.
        let mut steps: Vec<Step> = Vec::new();
        let mut seen_slots = HashSet::from([slot]);
        let mut seen_targets: HashSet<VertexId> = HashSet::new();
        let mut seen_kinds: HashSet<usize> = HashSet::new();
        let mut open: Vec<(u32, Option<usize>)> = vec![(slot, None)];
        let mut next = 0;
        while let Some((current, before)) = open.get(next).copied() {
            next += 1;
            let requirement = self.slots[current as usize].requirement;
            let template = self.requirements[requirement as usize].template;
            let kind = self.requirements[requirement as usize].progress;
            if is_simple(rule_of(template)) && !seen_kinds.insert(kind) {
                continue;
            }
            let Ok(Places::These(places)) = self.places(current)? else {
                is_proof &= before.is_none();
                continue;
            };
            for place in places {
                let target = self.candidate(requirement, place).vertex;
                if seen_targets.contains(&target) || self.slots[current as usize].target == Some(place) {
                    continue;
                }
                match self.consider_elsewhere(current, place)? {
                    Found::Fits { reads, .. } if reads.is_empty() || before.is_none() => {
                        steps.push(Step { slot: current, before, to: place });
                        if self.move_on(&steps)? {
                            return Ok(Room::Made);
                        }
                        steps.pop();
                        is_proof = false;
                    }
                    Found::Dropped { lacks_room: true, culprits, .. } => {
                        seen_targets.insert(target);
                        let step = steps.len();
                        steps.push(Step { slot: current, before, to: place });
                        for culprit in culprits.into_iter().rev() {
                            is_proof &= self.is_exchangeable(current, culprit);
                            if !seen_slots.contains(&culprit)
                                && self.can_move(culprit)
                                && self.would_fit_without(current, place, culprit)
                            {
                                seen_slots.insert(culprit);
                                open.push((culprit, Some(step)));
                            }
                        }
                    }
                    Found::Dropped { culprits, .. } => is_proof &= culprits.is_empty(),
                    Found::Fits { .. } | Found::Waits(_) => is_proof = false,
                }
            }
        }
        if is_simple(rule_of(template)) {
            self.progress[progress].hopeless = Some((self.given_back, is_proof));
        }
        if self.slots[slot as usize].target.is_none() {
            self.withdraw(slot);
        }
        Ok(if is_proof { Room::Impossible } else { Room::NotFound })
    }

    /// Whether two edges take the same, and nothing else depends on where they lead.
    fn is_exchangeable(&self, slot: u32, other: u32) -> bool {
        let entry = &self.slots[other as usize];
        let requirement = self.slots[slot as usize].requirement;
        let amounts = self.rule(requirement).amounts.as_ref().or(self.slots[slot as usize].amounts.as_ref());
        let is_same = match (amounts, &entry.amounts) {
            (Some(one), Some(other)) => {
                let numbers = |amounts: &super::Amounts| -> Vec<_> {
                    amounts.0.iter().map(|(property, amount)| (*property, amount.number)).collect()
                };
                numbers(one) == numbers(other)
            }
            _ => false,
        };
        is_same && self.can_move(other) && !self.rule(entry.requirement).selector.optional
    }

    /// Holds a candidate against a slot that may lead somewhere already, and leaves that as it is.
    fn consider_elsewhere(&mut self, slot: u32, place: u32) -> Result<Found, ResolveError> {
        let found = self.consider(slot, place)?;
        let entry = &self.slots[slot as usize];
        if let Some(own) = entry.target {
            let amounts = entry.amounts.clone();
            let target = self.candidate(entry.requirement, own).vertex;
            self.place_edge(slot, target, amounts.as_deref())?;
        }
        Ok(found)
    }

    /// Whether an edge may lead elsewhere without anything else having to be looked at again.
    fn can_move(&self, slot: u32) -> bool {
        !self.mentioned.contains(&slot) && !self.eliminations.contains_key(&slot) && !self.is_read(slot)
    }

    /// Whether there would be room for a slot at a candidate if another one left it.
    fn would_fit_without(&mut self, slot: u32, place: u32, other: u32) -> bool {
        let requirement = self.slots[slot as usize].requirement;
        let candidate = self.candidate(requirement, place);
        let Some(amounts) =
            self.rule(requirement).amounts.clone().or(self.slots[slot as usize].amounts.clone())
        else {
            // How much it takes is only known there: the move will tell.
            return true;
        };
        amounts.0.iter().all(|(property, amount)| {
            let Some(Ok(capacity)) = self.capacities.get(&(candidate.vertex, *property)) else { return true };
            let held = self.held.get(&(candidate.vertex, *property));
            let others = held.into_iter().flat_map(|held| &held.slots).filter(|slot| **slot != other);
            let others = others.filter_map(|slot| self.slots[*slot as usize].amounts.as_ref());
            let of_it = others.flat_map(|amounts| &amounts.0).filter(|(of, _)| of == property);
            let elsewhere = self.taken_elsewhere(candidate.vertex, *property);
            let rest = of_it.fold(amount.number.plus(elsewhere), |sum, (_, amount)| sum.plus(amount.number));
            rest.is_at_most(capacity.number)
        })
    }

    /// Moves along the steps that lead to the last one. False: it did not come out as it was thought, and nothing moved.
    fn move_on(&mut self, steps: &[Step]) -> Result<bool, ResolveError> {
        let mut moves = Vec::new();
        let mut step = steps.len().checked_sub(1);
        while let Some(place) = step {
            moves.push((steps[place].slot, steps[place].to));
            step = steps[place].before;
        }
        let before: Vec<_> = moves
            .iter()
            .filter_map(|(slot, _)| self.slots[*slot as usize].target.map(|place| (*slot, place)))
            .collect();
        for (slot, _) in &moves {
            self.unassign(*slot);
        }
        let mut moved = Vec::new();
        for (slot, place) in moves {
            let Found::Fits { amounts, reads } = self.consider(slot, place)? else {
                self.withdraw(slot);
                break;
            };
            self.assign(slot, place, amounts, &reads)?;
            moved.push(slot);
        }
        if moved.len() == before.len() + 1 {
            return Ok(true);
        }
        for slot in moved {
            self.unassign(slot);
        }
        for (slot, place) in before {
            if let Found::Fits { amounts, reads } = self.consider(slot, place)? {
                self.assign(slot, place, amounts, &reads)?;
            }
        }
        Ok(false)
    }

    /// Takes back what is in the way of a slot that has no candidate left, and queues both again. False: nothing is in the
    /// way, so there is no way; what is missing is explained then.
    pub(super) fn backjump(&mut self, slot: u32) -> Result<bool, ResolveError> {
        let requirement = self.slots[slot as usize].requirement;
        let mut conflict: HashMap<u32, u64> = HashMap::new();
        if let Ok(Places::These(places)) = self.places(slot)? {
            for place in places {
                if let Some(elimination) = self.eliminations.get(&slot).and_then(|all| all.get(&place))
                    && self.holds(elimination)
                {
                    conflict.extend(elimination.iter().copied());
                    continue;
                }
                let culprits = match self.consider(slot, place)? {
                    Found::Dropped { culprits, .. } => culprits,
                    // It had no room, before anything else was looked at.
                    Found::Fits { .. } | Found::Waits(_) => self.holders(requirement, place),
                };
                let elimination: Elimination =
                    culprits.into_iter().map(|slot| (slot, self.slots[slot as usize].rank)).collect();
                conflict.extend(elimination.iter().copied());
                self.remember(slot, place, elimination);
            }
        }
        self.withdraw(slot);
        // Once something cannot be met, there is nothing to look for.
        if !conflict.is_empty() && !self.unmet.is_empty() {
            return Ok(false);
        }
        let Some((culprit, rank)) =
            conflict.iter().map(|(slot, rank)| (*slot, *rank)).max_by_key(|(_, rank)| *rank)
        else {
            let explanation = self.explanation(requirement)?;
            self.unmet.push(explanation);
            return Ok(false);
        };
        self.steps += 1;
        if self.steps > self.request.limits.steps_max {
            let explanation = Box::new(self.explanation(requirement)?);
            return Err(ResolveError::GaveUp { steps: self.steps - 1, explanation });
        }
        conflict.remove(&culprit);
        debug_assert_eq!(self.slots[culprit as usize].rank, rank, "what holds is about what is there");
        if let Some(place) = self.slots[culprit as usize].target {
            let mut elimination: Elimination = conflict.into_iter().collect();
            elimination.sort_unstable();
            self.remember(culprit, place, elimination);
        }
        self.take_back(culprit);
        // First what failed, then what gave way.
        let is_optional = self.rule(requirement).selector.optional;
        if self.requirements[requirement as usize].state != State::Queued {
            self.requirements[requirement as usize].state = State::Queued;
            self.queues[usize::from(is_optional)].push_front(requirement);
        }
        Ok(true)
    }

    /// The slots that have something of what a requirement wants to have of a candidate.
    fn holders(&self, requirement: u32, place: u32) -> Vec<u32> {
        let target = self.candidate(requirement, place).vertex;
        let held = self
            .rule(requirement)
            .properties
            .iter()
            .filter_map(|property| self.held.get(&(target, *property)));
        held.flat_map(|held| held.slots.iter().copied()).collect()
    }

    fn remember(&mut self, slot: u32, place: u32, elimination: Elimination) {
        self.mentioned.insert(slot);
        self.mentioned.extend(elimination.iter().map(|(slot, _)| *slot));
        self.eliminations.entry(slot).or_default().insert(place, elimination);
    }
}
