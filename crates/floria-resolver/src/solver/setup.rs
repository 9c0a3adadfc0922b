//! What there is to solve.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
};

use floria::{
    Design, EdgeTemplate, Expression, Graph, Value, VertexId, VertexTemplateId,
    rules::{ALLOCATED, Count, Reach, SELECTED, Selector, WAITING},
};

use super::{Amounts, Group, Progress, Requirement, Rule, Rules, Solver, State};
use crate::{
    Ids, Request, ResolveError,
    amounts::{Amount, Number},
    candidates::{Candidate, Lists},
    instances::Instances,
    select::Stands,
    trees::Tree,
};

/// Where edges have to lead: targets by source and requirement, in order.
pub(crate) type Given = HashMap<(VertexId, String), Vec<VertexId>>;

impl Progress {
    fn on(list: usize) -> Self {
        Self { list, cursor: 0, cursor_since: 0, hopeless: None }
    }
}

impl Rules {
    /// Reads the rules of a design's edge templates.
    pub(crate) fn of(design: &Design) -> Result<Self, ResolveError> {
        let mut rules =
            Self { all: Vec::with_capacity(design.edges.len()), properties: Vec::new(), evaluates: false };
        let mut grouped: HashSet<(VertexTemplateId, &str)> = HashSet::new();
        for template in &design.edges {
            let selector = Selector::of(&template.rules).map_err(|source| ResolveError::Rule {
                name: template.name.clone(),
                source,
                origin: template.origin.clone(),
            })?;
            if selector.is_some() {
                grouped.insert((template.source, &template.name));
            }
            let rule = selector.map(|selector| rules.rule(selector));
            rules.all.push(rule);
        }
        // Whoever is counted with a selector is one.
        for (template, rule) in design.edges.iter().zip(&mut rules.all) {
            if rule.is_none() && grouped.contains(&(template.source, template.name.as_str())) {
                *rule = Some(Rule {
                    selector: Selector::default(),
                    is_plain: true,
                    amounts: None,
                    properties: Vec::new(),
                    needs_edge: false,
                });
            }
        }
        Ok(rules)
    }

    fn rule(&mut self, selector: Selector) -> Rule {
        let mut amounts = Some(Vec::new());
        let mut properties = Vec::new();
        for (name, amount) in &selector.allocation {
            let place = self.properties.iter().position(|property| property == name).unwrap_or_else(|| {
                self.properties.push(name.clone());
                self.properties.len() - 1
            });
            let place = u32::try_from(place).expect("a design has fewer properties than that");
            properties.push(place);
            let amount = amount.as_literal().and_then(Amount::of);
            // What is no amount is for the search to say, candidate by candidate.
            match (&mut amounts, amount.filter(|amount| !amount.number.is_negative())) {
                (Some(amounts), Some(amount)) => amounts.push((place, amount)),
                _ => amounts = None,
            }
        }
        let is_computed = |expression: &Expression| expression.as_literal().is_none();
        let conditions = selector.conditions.iter();
        let needs_edge = conditions.clone().any(|condition| condition.as_literal() != Some(&true.into()))
            || amounts.is_none();
        self.evaluates |= needs_edge
            || !properties.is_empty()
            || selector.index.as_ref().is_some_and(is_computed)
            || matches!(&selector.count, Count::Of(count) if is_computed(count));
        let amounts = amounts.filter(|amounts| !amounts.is_empty()).map(|amounts| Rc::new(Amounts(amounts)));
        Rule { selector, is_plain: false, amounts, properties, needs_edge }
    }

    /// Returns the names of the edges that a template's instances wait for when they are made, by template.
    pub(crate) fn waiting(&self, design: &Design) -> HashMap<VertexTemplateId, Value> {
        let mut waiting: HashMap<VertexTemplateId, Vec<Value>> = HashMap::new();
        for (template, _) in self.templates(design).filter(|_| self.evaluates) {
            let names = waiting.entry(template.source).or_default();
            let name = Value::from(template.name.as_str());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        waiting.into_iter().map(|(template, names)| (template, Value::List(names))).collect()
    }

    /// The edge templates that have a rule.
    fn templates<'d>(
        &self,
        design: &'d Design,
    ) -> impl Iterator<Item = (&'d EdgeTemplate, usize)> + use<'_, 'd> {
        let all = design.edges.iter().zip(&self.all).zip(0..);
        all.filter(|((_, rule), _)| rule.is_some()).map(|((template, _), place)| (template, place))
    }
}

impl<'r, 'c> Solver<'r, 'c> {
    /// Makes a solver. It has nothing to decide yet.
    pub(crate) fn new(
        request: &'r Request<'r>,
        rules: &'r Rules,
        graph: Graph,
        ids: &'c mut dyn Ids,
    ) -> Self {
        let edges = graph.edges().len() as u64;
        Self {
            request,
            rules,
            scopes: Vec::new(),
            services: HashSet::new(),
            edges,
            graph,
            ids,
            lists: Lists::default(),
            memos: floria::Memos::default(),
            progress: Vec::new(),
            taking: HashMap::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            requirements: Vec::new(),
            slots: Vec::new(),
            held: HashMap::new(),
            stands: Stands::in_all(request.inventory),
            references: HashMap::new(),
            elsewhere: HashMap::new(),
            capacities: HashMap::new(),
            queues: [VecDeque::new(), VecDeque::new()],
            waiting_for_any: Vec::new(),
            eliminations: HashMap::new(),
            mentioned: HashSet::new(),
            rank: 0,
            given_back: 0,
            steps: 0,
            unmet: Vec::new(),
        }
    }

    /// Adds what the templates of a service ask for of these instances. What is given to a requirement comes before what it
    /// would find by itself. Nothing is decided yet.
    pub(crate) fn add(
        &mut self,
        tree: &Tree,
        instances: Instances,
        given: &Given,
    ) -> Result<(), ResolveError> {
        self.services.extend(instances.service());
        if !self.request.inventory.is_empty() {
            tree.vertexes
                .clone()
                .flat_map(|place| instances.of(place))
                .for_each(|id| self.note_elsewhere(*id));
        }
        self.scopes.push(instances);
        let first = self.requirements.len() as u32;
        for place in tree.edges.iter().copied().filter(|place| self.rules.all[*place].is_some()) {
            self.requirements_of(&self.request.design.edges[place], place, given)?;
        }
        // What is there already comes first, so that it stays where it is.
        let current = self.request.current;
        let (there, new): (Vec<u32>, Vec<u32>) =
            (first..self.requirements.len() as u32).partition(|requirement| {
                let group = &self.groups[self.requirements[*requirement as usize].group as usize];
                !current.is_empty() && current.outgoing(group.source).any(|edge| edge.name == group.name)
            });
        for requirement in there.into_iter().chain(new) {
            let is_optional = self.rule(requirement).selector.optional;
            self.queues[usize::from(is_optional)].push_back(requirement);
        }
        Ok(())
    }

    /// Queues everything that waits, since more is there than there was.
    pub(crate) fn retry(&mut self) {
        self.capacities.clear();
        for requirement in 0..self.requirements.len() as u32 {
            self.queue(requirement);
        }
    }

    fn requirements_of(
        &mut self,
        template: &'r EdgeTemplate,
        place: usize,
        given: &Given,
    ) -> Result<(), ResolveError> {
        let scope = self.scopes.len() - 1;
        let instances = &self.scopes[scope];
        let end = |id| {
            instances
                .place(id)
                .ok_or_else(|| ResolveError::MissingEnd { name: template.name.clone(), end: id })
        };
        let (source, target) = (end(template.source)?, end(template.target)?);
        let rule = self.rules.all[place].as_ref().expect("only templates with a rule come here");
        // What stands for another one has no requirements of its own.
        let is_own = |source: &VertexId| {
            self.graph.vertex(*source).is_some_and(|source| !source.metadata.contains_key(SELECTED))
        };
        let sources: Vec<VertexId> = instances.of(source).iter().copied().filter(is_own).collect();
        if sources.is_empty() {
            return Ok(());
        }
        let targets = instances.of(target).len();
        if rule.is_plain && targets != 1 {
            return Err(ResolveError::Ambiguous {
                name: template.name.clone(),
                target: self.request.design.vertexes[target].name.clone(),
                instances: targets,
                origin: template.origin.clone(),
            });
        }
        let service = instances.service();
        let mut list = self.lists.of(self.request, scope, instances, &self.graph, target, &rule.selector);
        // Who looks outside has a list of its own.
        let reach = &rule.selector.reach;
        if let Some(service) = service.filter(|_| reach.contains(&Reach::External)) {
            let mut outside = self.externals(template, &rule.selector, service)?;
            let mut inside = self.lists.get(list).candidates.clone();
            if !reach.contains(&Reach::Internal) {
                inside.clear();
            }
            let is_outside_first = reach.first() == Some(&Reach::External);
            let (first, last) =
                if is_outside_first { (&mut outside, &mut inside) } else { (&mut inside, &mut outside) };
            first.append(last);
            list = self.lists.add(std::mem::take(first));
        }
        let found = self.lists.get(list).candidates.len() as u32;
        let next = self.progress.len();
        let shared = match &rule.amounts {
            None => next,
            Some(amounts) => *self.taking.entry((list, format!("{:?}", amounts.0))).or_insert(next),
        };
        if shared == next {
            self.progress.push(Progress::on(list));
        }
        for source in sources {
            let given = given.get(&(source, template.name.clone())).map_or(&[][..], Vec::as_slice);
            let progress = if given.is_empty() {
                shared
            } else {
                let given = given.iter().map(|target| Candidate::given(&self.graph, &self.services, *target));
                let list = self.lists.with(list, given.collect());
                self.progress.push(Progress::on(list));
                self.progress.len() - 1
            };
            let given = given.len() as u32;
            let requirement = self.requirements.len() as u32;
            let next = self.groups.len() as u32;
            let group = *self.group_of.entry((source, &template.name)).or_insert(next);
            if group == next {
                self.groups.push(Group {
                    source,
                    name: &template.name,
                    requirements: Vec::new(),
                    is_counted: false,
                    undecided: 0,
                    is_marked: self
                        .graph
                        .vertex(source)
                        .is_some_and(|vertex| vertex.metadata.contains_key(WAITING)),
                    waiters: Vec::new(),
                    readers: Vec::new(),
                    targets: HashMap::new(),
                    slots: 0,
                    given,
                });
            }
            let entry = &mut self.groups[group as usize];
            entry.requirements.push(requirement);
            entry.undecided += 1;
            self.requirements.push(Requirement {
                group,
                template: place,
                scope,
                progress,
                found,
                slots: 0..0,
                state: State::Queued,
                waits: Vec::new(),
                places: None,
            });
        }
        Ok(())
    }

    /// Notes what is taken of a vertex by edges that are not in this graph.
    pub(super) fn note_elsewhere(&mut self, id: VertexId) {
        let Some(allocated) = self.graph.vertex(id).and_then(|vertex| vertex.metadata.get(ALLOCATED)) else {
            return;
        };
        for (property, name) in (0..).zip(&self.rules.properties) {
            let amounts = allocated.get(name.as_str()).and_then(Value::as_list);
            let amounts = amounts.into_iter().flatten().filter_map(Amount::of);
            let sum = amounts.fold(Number::ZERO, |sum, amount| sum.plus(amount.number));
            self.elsewhere.insert((id, property), sum);
        }
    }

    /// What of a property is taken at a target.
    pub(super) fn taken(&self, target: VertexId, property: u32) -> Number {
        let elsewhere = self.taken_elsewhere(target, property);
        self.held.get(&(target, property)).map_or(elsewhere, |held| held.total.plus(elsewhere))
    }

    /// What of a property is taken by edges that are not in this graph.
    pub(super) fn taken_elsewhere(&self, target: VertexId, property: u32) -> Number {
        self.elsewhere.get(&(target, property)).copied().unwrap_or(Number::ZERO)
    }
}
