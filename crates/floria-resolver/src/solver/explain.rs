//! What a requirement asked for, and what became of each candidate.

use std::collections::BTreeMap;

use floria::{Expression, Origin, VertexId};

use super::{Amounts, Found, Places, Solver, State, assign::written};
use crate::{
    ResolveError,
    amounts::Amount,
    candidates,
    explain::{Ask, CHOSEN, Considered, Explanation, FITS, LISTED_MAX, LeftOut, Reason, Verdict},
    instances,
};

impl Solver<'_, '_> {
    /// Explains a requirement as things are.
    pub(super) fn explanation(&mut self, requirement: u32) -> Result<Explanation, ResolveError> {
        let rules = self.rules;
        let template_place = self.requirements[requirement as usize].template;
        let rule = rules.all[template_place].as_ref().expect("what is a requirement has a rule");
        let template = &self.request.design.edges[template_place];
        let slots = self.requirements[requirement as usize].slots.clone();
        let described = self.described(requirement);
        let open = slots.clone().find(|slot| self.slots[*slot as usize].target.is_none());
        // When all are made, one of them could lead elsewhere.
        let mut chosen: BTreeMap<u32, u32> = BTreeMap::new();
        for slot in slots.clone() {
            let slot = &self.slots[slot as usize];
            chosen.extend(slot.target.map(|place| (place, slot.index)));
        }
        let slot = open.or_else(|| slots.clone().next());
        if let Some(slot) = slot {
            self.unassign(slot);
        }
        let mut places = Ok(Places::These(0..self.list(requirement).candidates.len() as u32));
        if let Some(slot) = slot {
            places = self.places(slot)?;
        }
        let asked = self.asked(requirement, &places);
        let mut considered = Vec::new();
        for place in 0..self.list(requirement).candidates.len() as u32 {
            let candidate = self.candidate(requirement, place);
            let is_indexed = match &places {
                Ok(Places::These(places)) => places.contains(&place),
                Ok(Places::None(_)) => false,
                Err(_) => true,
            };
            let verdict = match (chosen.get(&place), &places, slot) {
                (Some(index), _, _) => Verdict::Chosen { index: *index },
                _ if !is_indexed => dropped(Reason::Index, origin_of(rule.selector.index.as_ref(), template)),
                (_, Err(waits), _) => Verdict::Waits(self.names(waits)),
                (_, _, None) => continue,
                (_, Ok(_), Some(slot)) => match self.consider(slot, place)? {
                    Found::Fits { .. } => Verdict::Fits,
                    Found::Waits(waits) => Verdict::Waits(self.names(&waits)),
                    Found::Dropped { reason, .. } => {
                        let origin = match &reason {
                            Reason::Source { .. } | Reason::Relationship { .. } | Reason::OutOfReach => {
                                self.request.design.vertexes[candidate.template].origin.clone()
                            }
                            Reason::Condition { .. } => {
                                let condition = self.first_untrue(slot, rule);
                                origin_of(condition, template)
                            }
                            Reason::Allocation { property, .. } | Reason::NotAllocatable { property, .. } => {
                                origin_of(rule.selector.allocation.get(property), template)
                            }
                            _ => template.origin.clone(),
                        };
                        dropped(reason, origin)
                    }
                },
            };
            considered.push((candidate.vertex, verdict));
        }
        if let Some(slot) = slot {
            self.withdraw(slot);
        }
        self.near_misses(requirement, &mut considered);
        let (candidates, left_out) = self.bounded(considered);
        Ok(Explanation { requirement: described, asked, candidates, left_out })
    }

    /// The condition that a candidate failed at, while the edge to it is in place.
    fn first_untrue<'e>(&mut self, slot: u32, rule: &'e super::Rule) -> Option<&'e Expression> {
        let edge = self.slots[slot as usize].id?;
        let is_true = |solver: &mut Self, condition: &Expression| {
            let (evaluated, _) = solver.evaluate(condition, floria::Site::Edge(edge));
            matches!(
                evaluated,
                Ok(floria::Evaluated::Known(floria::Value::Boolean(true)) | floria::Evaluated::Unknown(_))
            )
        };
        rule.selector.conditions.iter().find(|condition| !is_true(self, condition))
    }

    /// What a requirement asks for, in order.
    fn asked(&self, requirement: u32, places: &Result<Places, Vec<(floria::Site, String)>>) -> Vec<Ask> {
        let template = &self.request.design.edges[self.requirements[requirement as usize].template];
        let selector = &self.rule(requirement).selector;
        let mut asked = Vec::new();
        if let Some(target) = self.request.design.vertex(template.target)
            && let Some(container) = target.container
        {
            let container =
                self.request.design.vertex(container).filter(|container| container.container.is_some());
            let name = match container {
                Some(container) => format!("{}/{}", container.name, target.name),
                None => target.name.clone(),
            };
            asked.push(Ask::Template(name));
        }
        let one = |class: &floria::ClassName| vec![class.clone()];
        asked.extend(selector.class.as_ref().map(|class| Ask::Class(one(class))));
        asked.extend(selector.name.clone().map(Ask::Name));
        asked.extend(selector.container_class.as_ref().map(|class| Ask::ContainerClass(one(class))));
        asked.extend(selector.valid_classes.clone().map(Ask::Class));
        asked.extend(selector.valid_container_classes.clone().map(Ask::ContainerClass));
        if selector.index.is_some() {
            asked.push(Ask::Index(match places {
                Ok(Places::These(places)) => Ok(i64::from(places.start).into()),
                Ok(Places::None(index)) => index.clone(),
                Err(waits) => Err(format!("it waits for {}", self.names(waits).join(", "))),
            }));
        }
        let conditions = selector.conditions.iter();
        asked.extend(conditions.map(|condition| Ask::Condition(origin_of(Some(condition), template))));
        asked.extend(selector.allocation.iter().map(|(property, amount)| Ask::Allocation {
            property: property.clone(),
            amount: amount.as_literal().cloned(),
        }));
        asked
    }

    fn names(&self, waits: &[(floria::Site, String)]) -> Vec<String> {
        waits.iter().map(|wait| instances::waited_for(&self.graph, wait)).collect()
    }

    /// Adds what is nearly as asked for: it is of the class, or in something of the class.
    fn near_misses(&self, requirement: u32, considered: &mut Vec<(VertexId, Verdict)>) {
        let edge = &self.request.design.edges[self.requirements[requirement as usize].template];
        let selector = &self.rule(requirement).selector;
        let templates = &self.request.design.vertexes;
        let instances = &self.scopes[self.requirements[requirement as usize].scope];
        if self.request.design.vertex(edge.target).is_none_or(|target| target.container.is_some()) {
            return;
        }
        for (place, template) in templates.iter().enumerate() {
            let container =
                template.container.and_then(|id| instances.place(id)).map(|place| &templates[place]);
            let Some(reason) = candidates::misfit(selector, template, container) else { continue };
            let is_of = selector.class.as_ref().is_some_and(|class| template.classes.contains(class));
            let is_in = selector
                .container_class
                .as_ref()
                .is_some_and(|class| container.is_some_and(|container| container.classes.contains(class)));
            if is_of || is_in {
                let verdict = || dropped(reason.clone(), edge.origin.clone());
                considered.extend(instances.of(place).iter().map(|vertex| (*vertex, verdict())));
            }
        }
    }

    /// Lists some of those of which the same became, and counts the rest.
    fn bounded(&self, considered: Vec<(VertexId, Verdict)>) -> (Vec<Considered>, Vec<LeftOut>) {
        let mut listed = Vec::new();
        let mut counts: BTreeMap<(String, Option<Origin>), usize> = BTreeMap::new();
        for (vertex, verdict) in considered {
            let reason = match &verdict {
                Verdict::Chosen { .. } => (CHOSEN.to_owned(), None),
                Verdict::Fits => (FITS.to_owned(), None),
                Verdict::Waits(_) => ("waits".to_owned(), None),
                Verdict::Dropped { reason, origin } => (reason.in_common(), origin.clone()),
            };
            let count = counts.entry(reason).or_default();
            *count += 1;
            if *count > LISTED_MAX {
                continue;
            }
            listed.push(Considered { vertex, path: self.graph.path_of(vertex), verdict });
        }
        let left_out = counts.into_iter().filter(|(_, count)| *count > LISTED_MAX);
        let left_out =
            left_out.map(|((reason, origin), count)| LeftOut { reason, origin, count: count - LISTED_MAX });
        (listed, left_out.collect())
    }

    /// Takes the edges of the graph for those that were decided, and explains the requirements of a name at a vertex.
    pub(crate) fn explain(mut self, source: VertexId, name: &str) -> Result<Vec<Explanation>, ResolveError> {
        for group in 0..self.groups.len() as u32 {
            if self.count(group)?.is_some() {
                continue;
            }
            for requirement in self.groups[group as usize].requirements.clone() {
                for slot in self.requirements[requirement as usize].slots.clone() {
                    self.adopt(slot);
                }
                self.requirements[requirement as usize].state = State::Decided;
            }
        }
        let Some(group) = self.group_of.get(&(source, name)).copied() else { return Ok(Vec::new()) };
        self.unmark(group);
        let requirements = self.groups[group as usize].requirements.clone();
        requirements.into_iter().map(|requirement| self.explanation(requirement)).collect()
    }

    /// Takes the edge that is at a slot's place for the slot's.
    fn adopt(&mut self, slot: u32) {
        let entry = &self.slots[slot as usize];
        let requirement = entry.requirement;
        let group = &self.groups[self.requirements[requirement as usize].group as usize];
        let Some(edge) = self.graph.outgoing_at(group.source, group.name, entry.index) else { return };
        let (id, target) = (edge.id, edge.target);
        let properties = self.rule(requirement).properties.iter();
        let taken = properties.filter_map(|property| {
            let value = written(&edge.metadata, &self.rules.properties[*property as usize])?;
            Some((*property, Amount::of(&value)?))
        });
        let amounts = Amounts(taken.collect());
        let amounts = (!amounts.0.is_empty()).then(|| std::rc::Rc::new(amounts));
        let list = self.progress[self.requirements[requirement as usize].progress].list;
        let Some(place) = self.lists.get_mut(list).place(target) else { return };
        self.slots[slot as usize].id = Some(id);
        self.hold(slot, place, amounts, &[]);
    }
}

fn dropped(reason: Reason, origin: Option<Origin>) -> Verdict {
    Verdict::Dropped { reason, origin }
}

/// Where an expression is written; where that is not known, where the edge is asked for.
fn origin_of(expression: Option<&Expression>, template: &floria::EdgeTemplate) -> Option<Origin> {
    match expression {
        Some(Expression::Call(call)) if call.origin.is_some() => call.origin.clone(),
        _ => template.origin.clone(),
    }
}
