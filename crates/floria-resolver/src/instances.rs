//! Vertexes: as many of each template as it says, in each instance of what contains it.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    rc::Rc,
};

use floria::{
    Design, Evaluated, Evaluator, Expression, Graph, Origin, Properties, Site, Value, Vertex, VertexId,
    VertexTemplate, VertexTemplateId,
    rules::{Directive, INDEX, Making, WAITING},
};

use crate::{Ids, Request, ResolveError, hooks::HookRun, keep::keep, trees::Trees};

/// The instances of the templates of one service, in one place.
#[derive(Debug)]
pub(crate) struct Instances {
    /// Which of the design's services.
    pub(crate) tree: usize,
    /// The place of its first template.
    base: usize,
    /// By the places of their templates, each in order.
    by_template: Vec<Vec<VertexId>>,
    places: Rc<HashMap<VertexTemplateId, usize>>,
}

impl Instances {
    fn none(trees: &Trees, tree: usize) -> Self {
        let vertexes = &trees.get(tree).vertexes;
        Self {
            tree,
            base: vertexes.start,
            by_template: vec![Vec::new(); vertexes.len()],
            places: Rc::clone(&trees.places),
        }
    }

    /// Returns the place of a template in the design.
    pub(crate) fn place(&self, id: VertexTemplateId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Returns the instances of a template.
    pub(crate) fn of(&self, place: usize) -> &[VertexId] {
        let own = place.checked_sub(self.base).and_then(|place| self.by_template.get(place));
        own.map_or(&[], Vec::as_slice)
    }

    /// Returns the service's own vertex.
    pub(crate) fn service(&self) -> Option<VertexId> {
        self.by_template.first()?.first().copied()
    }

    /// Finds the instances that a graph has of the templates of a service, in a vertex.
    pub(crate) fn found(
        design: &Design,
        trees: &Trees,
        tree: usize,
        inside: Option<VertexId>,
        graph: &Graph,
    ) -> Result<Self, ResolveError> {
        let mut instances = Self::none(trees, tree);
        for place in trees.get(tree).vertexes.clone() {
            let template = &design.vertexes[place];
            let containers = match template.container.and_then(|id| instances.place(id)) {
                Some(container) => instances.of(container).iter().copied().map(Some).collect(),
                None => vec![inside],
            };
            let is_counted = making(template)?.count.is_some();
            let mut found = Vec::new();
            for container in containers {
                if is_counted {
                    let named = |index| graph.named(container, &format!("{}-{index}", template.name));
                    found.extend((0_u64..).map_while(named).map(|vertex| vertex.id));
                } else {
                    found.extend(graph.named(container, &template.name).map(|vertex| vertex.id));
                }
            }
            let place = place - instances.base;
            instances.by_template[place] = found;
        }
        Ok(instances)
    }
}

/// What making vertexes needs, whichever service they are of.
pub(crate) struct Maker<'m, 'h> {
    pub(crate) request: &'m Request<'m>,
    pub(crate) trees: &'m Trees,
    /// The names of the edges that a template's instances wait for.
    pub(crate) waiting: &'m HashMap<VertexTemplateId, Value>,
    pub(crate) hooks: &'m mut HookRun<'h>,
    /// How many vertexes there are directly in services.
    pub(crate) nodes: u64,
    /// What was made of templates with directives, with the places of these.
    pub(crate) directed: Vec<(VertexId, usize)>,
}

impl Maker<'_, '_> {
    /// Makes all vertexes of a service, in a vertex or nowhere.
    pub(crate) fn make(
        &mut self,
        tree: usize,
        inside: Option<VertexId>,
        ids: &mut dyn Ids,
        graph: &mut Graph,
    ) -> Result<Instances, ResolveError> {
        let design = self.request.design;
        let mut instances = Instances::none(self.trees, tree);
        let vertexes = self.trees.get(tree).vertexes.clone();
        for place in vertexes.clone() {
            let template = &design.vertexes[place];
            let containers = match template.container {
                None => vec![inside],
                Some(id) => {
                    let container =
                        instances.place(id).filter(|other| vertexes.start <= *other && *other < place);
                    let container = container.ok_or_else(|| ResolveError::MissingContainer {
                        name: template.name.clone(),
                        container: id,
                    })?;
                    instances.of(container).iter().copied().map(Some).collect()
                }
            };
            let making = making(template)?;
            let mut made = Vec::with_capacity(containers.len());
            for container in containers {
                let indexes = indexes(self.request, template, &making, container, graph)?;
                if container.is_some() && container == instances.service() {
                    self.count(template, indexes.as_ref().map_or(1, |indexes| indexes.end))?;
                }
                let mut one = |index: Option<u64>| {
                    made.push(self.one(place, index, container, ids, graph)?);
                    Ok(())
                };
                match indexes {
                    None => one(None)?,
                    Some(indexes) => indexes.map(Some).try_for_each(one)?,
                }
            }
            if making.directives.first().is_some_and(|directive| *directive != Directive::Create) {
                self.directed.extend(made.iter().map(|vertex| (*vertex, place)));
            }
            instances.by_template[place - vertexes.start] = made;
        }
        Ok(instances)
    }

    fn count(&mut self, template: &VertexTemplate, count: u64) -> Result<(), ResolveError> {
        self.nodes = self.nodes.saturating_add(count);
        let max = self.request.limits.nodes_max;
        if self.nodes <= max {
            return Ok(());
        }
        Err(ResolveError::TooMany {
            name: template.name.clone(),
            count,
            max,
            what: "nodes",
            origin: template.origin.clone(),
        })
    }

    fn one(
        &mut self,
        place: usize,
        index: Option<u64>,
        container: Option<VertexId>,
        ids: &mut dyn Ids,
        graph: &mut Graph,
    ) -> Result<VertexId, ResolveError> {
        let request = self.request;
        let template = &request.design.vertexes[place];
        let mut vertex = vertex(request.design, template, index, container, request.current, ids)?;
        if graph.named(container, &vertex.name).is_some() {
            let path = vertex.name;
            return Err(ResolveError::SameName { path, origin: template.origin.clone() });
        }
        if let Some(names) = self.waiting.get(&template.id) {
            vertex.metadata.insert(WAITING.to_owned(), names.clone());
        }
        self.hooks.before_vertex(&mut vertex, graph)?;
        if place == 0 {
            set_inputs(&mut vertex.properties, request.inputs);
        }
        let id = vertex.id;
        graph.put_vertex_as_in(request.current, vertex);
        Ok(id)
    }
}

/// Makes the service's own vertex, without anything in it.
pub(crate) fn service(
    design: &Design,
    inputs: &BTreeMap<String, Value>,
    current: &Graph,
    ids: &mut dyn Ids,
) -> Result<Vertex, ResolveError> {
    let template = first(design)?;
    check_inputs(template, inputs)?;
    let mut vertex = vertex(design, template, None, None, current, ids)?;
    set_inputs(&mut vertex.properties, inputs);
    Ok(vertex)
}

/// Returns the service's template.
pub(crate) fn first(design: &Design) -> Result<&VertexTemplate, ResolveError> {
    design.vertexes.first().ok_or_else(|| ResolveError::Empty(design.namespace.0.clone()))
}

pub(crate) fn check_inputs(
    service: &VertexTemplate,
    inputs: &BTreeMap<String, Value>,
) -> Result<(), ResolveError> {
    match inputs.keys().find(|name| !service.properties.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(ResolveError::UnknownInput {
            name: name.clone(),
            known: service.properties.keys().cloned().collect(),
        }),
    }
}

fn set_inputs(properties: &mut Properties, inputs: &BTreeMap<String, Value>) {
    for (name, value) in inputs {
        if let Some(property) = properties.get_mut(name) {
            property.value = Some(value.clone());
            property.updater = None;
            property.reads.clear();
        }
    }
}

/// Reads how a template's instances are made.
pub(crate) fn making(template: &VertexTemplate) -> Result<Making, ResolveError> {
    Making::of(&template.rules).map_err(|source| ResolveError::Rule {
        name: template.name.clone(),
        source,
        origin: template.origin.clone(),
    })
}

/// Returns the indexes of the instances in one container; None for a single one without an index.
fn indexes(
    request: &Request<'_>,
    template: &VertexTemplate,
    making: &Making,
    container: Option<VertexId>,
    graph: &Graph,
) -> Result<Option<Range<u64>>, ResolveError> {
    let Some(expression) = &making.count else { return Ok(None) };
    // Nothing contains an outermost template, so nothing can say how many there are.
    let Some(container) = container else { return Ok(None) };
    if let Some(count) = counted(request, template, container, graph) {
        return Ok(Some(0..count));
    }
    let mut evaluator = Evaluator::new(graph, request.functions);
    let evaluated = evaluator.evaluate(expression, Site::Vertex(container));
    let count = count(&template.name, evaluated, expression, &template.origin, graph)?;
    Ok(Some(0..count))
}

/// Returns the count that somebody said of a template, in one container.
fn counted(
    request: &Request<'_>,
    template: &VertexTemplate,
    container: VertexId,
    graph: &Graph,
) -> Option<u64> {
    if request.counts.is_empty() {
        return None;
    }
    let is_outermost = graph.vertex(container)?.container.is_none();
    let path = match is_outermost {
        true => template.name.clone(),
        false => format!("{}/{}", graph.path_of(container), template.name),
    };
    request.counts.get(&path).copied()
}

/// Reads a count.
pub(crate) fn count(
    name: &str,
    evaluated: Result<Evaluated, floria::EvaluationError>,
    expression: &Expression,
    otherwise: &Option<Origin>,
    graph: &Graph,
) -> Result<u64, ResolveError> {
    let origin = match expression {
        Expression::Call(call) if call.origin.is_some() => &call.origin,
        _ => otherwise,
    };
    let no_count =
        |value: String| ResolveError::NotACount { name: name.to_owned(), value, origin: origin.clone() };
    match evaluated {
        Err(mut source) => {
            source.origin = source.origin.or_else(|| origin.clone());
            Err(ResolveError::Count { name: name.to_owned(), source })
        }
        Ok(Evaluated::Known(value)) => {
            let count = value.as_integer().and_then(|count| u64::try_from(count).ok());
            count.ok_or_else(|| match &value {
                Value::Integer(_) => no_count(format!("{value} is negative")),
                other => no_count(format!("{other} is a {}", other.kind())),
            })
        }
        Ok(Evaluated::Unknown(waits)) => {
            let waits: Vec<_> = waits.iter().map(|wait| waited_for(graph, wait)).collect();
            Err(no_count(format!("it depends on what is not known yet, {}", waits.join(", "))))
        }
    }
}

/// How an evaluation says that it waits for edges: this and, where it knows it, their name.
pub(crate) const RELATIONSHIP: &str = "RELATIONSHIP";

/// Names what somebody waits for, as in `web.address`.
pub(crate) fn waited_for(graph: &Graph, (site, name): &(Site, String)) -> String {
    match site {
        Site::Vertex(id) => {
            let path = graph.path_of(*id);
            match name.strip_prefix(RELATIONSHIP) {
                Some("") => format!("what leads to `{path}`"),
                Some(requirement) if requirement.starts_with(' ') => {
                    format!("requirement `{}` of `{path}`", requirement.trim_start())
                }
                _ => format!("`{path}.{name}`"),
            }
        }
        Site::Edge(id) => match graph.edge(*id) {
            Some(edge) => format!("`{}→{}[{}].{name}`", graph.path_of(edge.source), edge.name, edge.index),
            None => format!("`edge {id}.{name}`"),
        },
    }
}

/// Makes one instance, or makes it anew.
fn vertex(
    design: &Design,
    template: &VertexTemplate,
    index: Option<u64>,
    container: Option<VertexId>,
    current: &Graph,
    ids: &mut dyn Ids,
) -> Result<Vertex, ResolveError> {
    let name = match index {
        None => template.name.clone(),
        Some(index) => format!("{}-{index}", template.name),
    };
    let present = current.named(container, &name);
    let mut vertex = Vertex {
        id: match present {
            Some(present) => present.id,
            None => VertexId(ids.next_id()?),
        },
        namespace: design.namespace.clone(),
        name,
        container,
        classes: template.classes.clone(),
        properties: template.properties.clone(),
        handlers: template.handlers.clone(),
        metadata: template.metadata.clone(),
        origin: template.origin.clone(),
    };
    if let Some(index) = index {
        vertex.metadata.insert(INDEX.to_owned(), Value::Integer(i64::try_from(index).unwrap_or(i64::MAX)));
    }
    if let Some(present) = present {
        keep(&mut vertex.properties, &mut vertex.metadata, &present.properties, &present.metadata);
    }
    Ok(vertex)
}
