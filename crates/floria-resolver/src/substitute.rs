//! Vertexes with a service inside (TOSCA 2.0, chapter 15): which one, and how the two are wired.

use std::collections::{HashMap, HashSet};

use floria::{
    Evaluated, Evaluator, Graph, Handler, Handlers, Named, Properties, Site, Value, Vertex, VertexId,
    rules::{
        Count, Directive, MAPPED_WORKFLOW, MappedAttribute, MappedRequirement, MappedTarget, MappingCount,
        SUBSTITUTION, Substitution,
    },
};

use crate::{
    Ids, Request, ResolveError,
    candidates::node_of,
    error::Tried,
    instances::{Instances, making, waited_for},
    resolve::link,
    select::{self, Stands},
    solver::{Given, Rules},
    trees::{Tree, Trees},
};

/// Which service is to be inside of a vertex.
pub(crate) enum Choice {
    /// The one at this place among the design's.
    Tree(usize),
    /// None can be.
    None(Tried),
    /// Nobody knows before these have a value.
    Waits(Vec<String>),
}

/// Chooses the first service that can stand for a vertex. `around`: the services that the vertex is in.
pub(crate) fn choose(
    request: &Request<'_>,
    trees: &Trees,
    graph: &Graph,
    id: VertexId,
    around: &[usize],
) -> Choice {
    let Some(vertex) = graph.vertex(id) else { return Choice::Waits(Vec::new()) };
    let mut why = Vec::new();
    for (place, tree, substitution) in trees.substituting() {
        if !vertex.classes.contains(&substitution.class) {
            continue;
        }
        let name = &request.design.vertexes[tree.vertexes.start].name;
        if around.contains(&place) {
            why.push(format!("`{name}` would be inside of itself"));
            continue;
        }
        let Some(condition) = &substitution.condition else { return Choice::Tree(place) };
        match Evaluator::new(graph, request.functions).evaluate(condition, Site::Vertex(id)) {
            Ok(Evaluated::Known(Value::Boolean(true))) => return Choice::Tree(place),
            Ok(Evaluated::Known(value)) => why.push(format!("the filter of `{name}` came to {value}")),
            Ok(Evaluated::Unknown(waits)) => {
                return Choice::Waits(waits.iter().map(|wait| waited_for(graph, wait)).collect());
            }
            Err(error) => why.push(format!("the filter of `{name}` fails: {error}")),
        }
    }
    if why.is_empty() {
        let class = vertex.classes.first().map_or("?", |class| class.last());
        why.push(format!("no service template is for a `{class}`"));
    }
    Choice::None(Tried { directive: Directive::Substitute, why })
}

/// A vertex and the service that was just made inside of it.
pub(crate) struct Inside<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) rules: &'a Rules,
    pub(crate) vertex: VertexId,
    pub(crate) tree: &'a Tree,
    pub(crate) substitution: &'a Substitution,
    pub(crate) instances: &'a Instances,
    /// The services' own vertexes.
    pub(crate) services: &'a HashSet<VertexId>,
    /// What stands for what in the inventory.
    pub(crate) stands: &'a Stands,
}

impl Inside<'_> {
    /// What the vertex itself does is done by the service inside.
    pub(crate) fn operations(&self, graph: &mut Graph) {
        let Some(mut vertex) = graph.remove_vertex(self.vertex) else { return };
        let mut handlers = Handlers::new();
        for (event, workflow) in &self.substitution.operations {
            let own = vertex.handlers.get(event);
            let handler = Handler {
                implementation: None,
                inputs: own.map_or_else(Named::new, |own| own.inputs.clone()),
                outputs: own.map_or_else(Named::new, |own| own.outputs.clone()),
                timeout_ms_max: None,
                metadata: [(MAPPED_WORKFLOW.to_owned(), Value::from(workflow.as_str()))].into(),
                origin: self.request.design.vertexes[self.tree.vertexes.start].origin.clone(),
            };
            handlers.insert(event.clone(), handler);
        }
        vertex.handlers = handlers;
        graph.put_vertex(vertex);
    }

    /// What is inside is seen in the vertex's attributes, and those of its capabilities and edges.
    pub(crate) fn attributes(&self, graph: &mut Graph) -> Result<(), ResolveError> {
        for mapped in &self.substitution.attributes {
            for site in self.holders(mapped, graph)? {
                let set = |properties: &mut Properties| match properties.get_mut(&mapped.name) {
                    None => Err(self.missing(&format!("the attribute `{}`", mapped.name))),
                    Some(property) => {
                        property.updater = Some(mapped.value.clone());
                        Ok(())
                    }
                };
                match site {
                    Site::Vertex(id) => {
                        let Some(mut vertex) = graph.remove_vertex(id) else { continue };
                        let done = set(&mut vertex.properties);
                        graph.put_vertex(vertex);
                        done?;
                    }
                    Site::Edge(id) => {
                        let Some(mut edge) = graph.remove_edge(id) else { continue };
                        let done = set(&mut edge.properties);
                        graph.put_edge(edge);
                        done?;
                    }
                }
            }
        }
        Ok(())
    }

    fn holders(&self, mapped: &MappedAttribute, graph: &Graph) -> Result<Vec<Site>, ResolveError> {
        let edges = |name: &str, index: Option<i64>| {
            let of_name = graph.outgoing(self.vertex).filter(|edge| edge.name == name);
            let wanted = of_name.filter(|edge| index.is_none_or(|index| i64::from(edge.index) == index));
            wanted.map(|edge| Site::Edge(edge.id)).collect()
        };
        match mapped.holder.as_slice() {
            [] => Ok(vec![Site::Vertex(self.vertex)]),
            [Value::Text(_), Value::Text(capability)] => match graph.named(Some(self.vertex), capability) {
                Some(capability) => Ok(vec![Site::Vertex(capability.id)]),
                None => Err(self.missing(&format!("the capability `{capability}`"))),
            },
            [Value::Text(_), Value::Text(name), Value::Integer(index)] => Ok(edges(name, Some(*index))),
            [Value::Text(_), Value::Text(name), _] => Ok(edges(name, None)),
            _ => Err(self.missing("what holds an attribute")),
        }
    }

    /// The vertex's capabilities lead to those that stand for them.
    pub(crate) fn capabilities(&self, graph: &mut Graph, ids: &mut dyn Ids) -> Result<(), ResolveError> {
        for (name, target) in &self.substitution.capabilities {
            let missing = || self.missing(&format!("the capability `{name}`, or what stands for it"));
            let source = graph.named(Some(self.vertex), name).ok_or_else(missing)?.id;
            let inner = target.name.as_deref().unwrap_or_default();
            for (index, node) in (0..).zip(self.named(&target.node)) {
                let target = graph.named(Some(*node), inner).ok_or_else(missing)?.id;
                let origin = &self.request.design.vertexes[self.tree.vertexes.start].origin;
                let edge = link(self.request, SUBSTITUTION, index, (source, target), origin, ids)?;
                graph.put_edge(edge);
            }
        }
        Ok(())
    }

    /// Where the vertex's requirements lead, so do those that they are mapped to. Vertexes that are to be selected stand for
    /// the targets.
    pub(crate) fn requirements(&self, graph: &mut Graph, ids: &mut dyn Ids) -> Result<Given, ResolveError> {
        let mut given = Given::new();
        let mut names: Vec<&str> =
            self.substitution.requirements.iter().map(|mapped| mapped.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let targets: Vec<VertexId> = graph
                .outgoing(self.vertex)
                .filter(|edge| edge.name == name)
                .map(|edge| edge.target)
                .collect();
            let mapped: Vec<&MappedRequirement> =
                self.substitution.requirements.iter().filter(|mapped| mapped.name == name).collect();
            let mut left = targets.into_iter();
            for (mapped, quota) in mapped.iter().zip(self.quotas(&mapped, left.len())) {
                for target in left.by_ref().take(quota) {
                    for to in &mapped.targets {
                        self.give(to, target, &mut given, graph, ids)?;
                    }
                }
            }
        }
        Ok(given)
    }

    /// How many targets each mapping of a name gets: those that must be fulfilled come first, whatever their order (15.5.4).
    fn quotas(&self, mapped: &[&MappedRequirement], targets: usize) -> Vec<usize> {
        let wanted = |mapping: &MappedRequirement| match mapping.count {
            MappingCount::Unsaid if mapped.len() == 1 => usize::MAX,
            MappingCount::Unsaid => 1,
            MappingCount::Of(count) => usize::try_from(count).unwrap_or(usize::MAX),
            MappingCount::Unbounded => usize::MAX,
        };
        let mut order: Vec<usize> = (0..mapped.len()).collect();
        order.sort_by_key(|place| (wanted(mapped[*place]) == usize::MAX, !self.is_mandatory(mapped[*place])));
        let mut quotas = vec![0; mapped.len()];
        let mut left = targets;
        for place in order {
            quotas[place] = wanted(mapped[place]).min(left);
            left -= quotas[place];
        }
        quotas
    }

    fn is_mandatory(&self, mapped: &MappedRequirement) -> bool {
        mapped.targets.iter().any(|target| {
            let Some(name) = &target.name else { return true };
            let design = self.request.design;
            let edges = self.tree.edges.iter().map(|place| (&design.edges[*place], &self.rules.all[*place]));
            let is_of = |source| design.vertex(source).is_some_and(|source| source.name == target.node);
            edges.filter(|(edge, _)| edge.name == *name && is_of(edge.source)).any(|(_, rule)| {
                rule.as_ref().is_some_and(|rule| {
                    let zero = floria::Expression::Literal(Value::Integer(0));
                    !rule.selector.optional && rule.selector.count != Count::Of(zero)
                })
            })
        })
    }

    fn give(
        &self,
        to: &MappedTarget,
        target: VertexId,
        given: &mut Given,
        graph: &mut Graph,
        ids: &mut dyn Ids,
    ) -> Result<(), ResolveError> {
        for node in self.named(&to.node) {
            match &to.name {
                Some(requirement) => given.entry((*node, requirement.clone())).or_default().push(target),
                None => {
                    let place = self.template(&to.node);
                    let template = place.map(|place| &self.request.design.vertexes[place]);
                    let is_live = match template {
                        Some(template) => making(template)?.directives == [Directive::Select],
                        None => false,
                    };
                    // A requirement leads to a capability; what is selected is what has it.
                    let selected = node_of(graph, target, |container| self.services.contains(&container));
                    select::bind(self.request, self.stands, graph, *node, selected, is_live, ids)?;
                }
            }
        }
        Ok(())
    }

    /// The instances of a template directly in the service.
    fn named(&self, name: &str) -> &[VertexId] {
        self.template(name).map_or(&[], |place| self.instances.of(place))
    }

    fn template(&self, name: &str) -> Option<usize> {
        let service = self.request.design.vertexes[self.tree.vertexes.start].id;
        let mut places = self.tree.vertexes.clone();
        places.find(|place| {
            let template = &self.request.design.vertexes[*place];
            template.container == Some(service) && template.name == name
        })
    }

    fn missing(&self, what: &str) -> ResolveError {
        let template = &self.request.design.vertexes[self.tree.vertexes.start];
        ResolveError::Mapping {
            name: template.name.clone(),
            what: what.to_owned(),
            origin: template.origin.clone(),
        }
    }
}

/// Of which services vertexes are instances, and in which they are.
#[derive(Default)]
pub(crate) struct Around(HashMap<VertexId, usize>);

impl Around {
    pub(crate) fn note(&mut self, instances: &Instances) {
        self.0.extend(instances.service().map(|service| (service, instances.tree)));
    }

    /// The services that a vertex is in, by their places in the design.
    pub(crate) fn of(&self, graph: &Graph, vertex: VertexId) -> Vec<usize> {
        let mut all = Vec::new();
        let mut next = graph.vertex(vertex).and_then(|vertex: &Vertex| vertex.container);
        while let Some(id) = next {
            all.extend(self.0.get(&id).copied());
            next = graph.vertex(id).and_then(|vertex| vertex.container);
        }
        all
    }
}
