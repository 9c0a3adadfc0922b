//! Where an edge could lead: lists of candidates, each made once for all that look for the same.

use std::collections::{HashMap, HashSet};

use floria::{
    ClassName, EdgeTemplate, Graph, Value, VertexId, VertexTemplate,
    rules::{REACH, Reach, Selector, VALID_RELATIONSHIPS, VALID_SOURCES},
};

use crate::{Request, explain::Reason, instances::Instances};

/// Where an edge could lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) vertex: VertexId,
    /// What different edges of a requirement must lead to different ones of: the vertex directly in the service.
    pub(crate) node: VertexId,
    /// The template that it was made of, by place.
    pub(crate) template: usize,
    /// Whether it says itself who may lead to it.
    pub(crate) is_restricted: bool,
}

impl Candidate {
    /// A target that is given: what it says of who may lead to it was looked at where that was written.
    pub(crate) fn given(graph: &Graph, services: &HashSet<VertexId>, vertex: VertexId) -> Self {
        let node = node_of(graph, vertex, |container| services.contains(&container));
        Self { vertex, node, template: 0, is_restricted: false }
    }
}

/// What is looked for, of which the instances are the same for all that look for it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key<'a> {
    /// In which service.
    scope: usize,
    target: usize,
    class: Option<&'a ClassName>,
    name: Option<&'a str>,
    container_class: Option<&'a ClassName>,
    valid_classes: Option<&'a [ClassName]>,
    valid_container_classes: Option<&'a [ClassName]>,
}

/// Candidates in order: by template, then by index.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) candidates: Vec<Candidate>,
    /// The places of the candidates; made when it is first asked for.
    places: Option<HashMap<VertexId, u32>>,
}

impl List {
    /// Returns the place of a vertex among the candidates.
    pub(crate) fn place(&mut self, vertex: VertexId) -> Option<u32> {
        let candidates = &self.candidates;
        let places = self.places.get_or_insert_with(|| {
            candidates.iter().zip(0..).map(|(candidate, place)| (candidate.vertex, place)).collect()
        });
        places.get(&vertex).copied()
    }
}

/// The lists that were made.
#[derive(Default)]
pub(crate) struct Lists<'a> {
    all: Vec<List>,
    by_key: HashMap<Key<'a>, usize>,
    by_class: Option<HashMap<&'a ClassName, Vec<usize>>>,
}

impl<'a> Lists<'a> {
    pub(crate) fn get(&self, list: usize) -> &List {
        &self.all[list]
    }

    pub(crate) fn get_mut(&mut self, list: usize) -> &mut List {
        &mut self.all[list]
    }

    /// Returns the list of what a selector looks for at a target.
    pub(crate) fn of(
        &mut self,
        request: &Request<'a>,
        scope: usize,
        instances: &Instances,
        graph: &Graph,
        target: usize,
        selector: &'a Selector,
    ) -> usize {
        let key = Key {
            scope,
            target,
            class: selector.class.as_ref(),
            name: selector.name.as_deref(),
            container_class: selector.container_class.as_ref(),
            valid_classes: selector.valid_classes.as_deref(),
            valid_container_classes: selector.valid_container_classes.as_deref(),
        };
        if let Some(list) = self.by_key.get(&key) {
            return *list;
        }
        let templates = &request.design.vertexes;
        let places = match templates[target].container {
            Some(_) => vec![target],
            None => self.possible(templates, instances, target, selector),
        };
        let mut candidates = Vec::new();
        for place in places {
            let template = &templates[place];
            let container = template.container.and_then(|id| instances.place(id));
            if misfit(selector, template, container.map(|place| &templates[place])).is_some() {
                continue;
            }
            let is_restricted = [VALID_SOURCES, VALID_RELATIONSHIPS, REACH]
                .iter()
                .any(|mark| template.metadata.contains_key(*mark));
            candidates.extend(instances.of(place).iter().map(|vertex| Candidate {
                vertex: *vertex,
                node: node_of(graph, *vertex, |container| Some(container) == instances.service()),
                template: place,
                is_restricted,
            }));
        }
        let list = self.all.len();
        self.all.push(List { candidates, places: None });
        self.by_key.insert(key, list);
        list
    }

    /// Adds a list with more candidates at its end.
    pub(crate) fn with(&mut self, list: usize, more: Vec<Candidate>) -> usize {
        let mut candidates = self.all[list].candidates.clone();
        candidates.extend(more);
        self.add(candidates)
    }

    /// Adds a list of its own.
    pub(crate) fn add(&mut self, candidates: Vec<Candidate>) -> usize {
        self.all.push(List { candidates, places: None });
        self.all.len() - 1
    }

    /// The templates in a service that may fit, in order.
    fn possible(
        &mut self,
        templates: &'a [VertexTemplate],
        instances: &Instances,
        service: usize,
        selector: &Selector,
    ) -> Vec<usize> {
        let by_class = self.by_class.get_or_insert_with(|| {
            let mut by_class: HashMap<&ClassName, Vec<usize>> = HashMap::new();
            for (place, template) in templates.iter().enumerate() {
                template.classes.iter().for_each(|class| by_class.entry(class).or_default().push(place));
            }
            by_class
        });
        // The class is the narrowest way; without one, everything is looked at.
        let places = match &selector.class {
            Some(class) => by_class.get(class).cloned().unwrap_or_default(),
            None => (0..templates.len()).collect(),
        };
        places.into_iter().filter(|place| *place != service && !instances.of(*place).is_empty()).collect()
    }
}

/// Returns why no instance of a template can be a target, as far as templates tell.
pub(crate) fn misfit(
    selector: &Selector,
    template: &VertexTemplate,
    container: Option<&VertexTemplate>,
) -> Option<Reason> {
    let is_one = |template: &VertexTemplate, classes: &[ClassName]| {
        classes.iter().any(|class| template.classes.contains(class))
    };
    let is_in = |classes: &[ClassName]| container.is_some_and(|container| is_one(container, classes));
    let one = std::slice::from_ref;
    if let Some(class) = selector.class.as_ref().filter(|class| !is_one(template, one(class))) {
        return Some(Reason::Class { wanted: vec![class.clone()] });
    }
    if let Some(name) = selector.name.as_ref().filter(|name| **name != template.name) {
        return Some(Reason::Name { wanted: name.clone() });
    }
    if let Some(class) = selector.container_class.as_ref().filter(|class| !is_in(one(class))) {
        return Some(Reason::ContainerClass { wanted: vec![class.clone()] });
    }
    if let Some(classes) = selector.valid_classes.as_ref().filter(|classes| !is_one(template, classes)) {
        return Some(Reason::Class { wanted: classes.clone() });
    }
    let classes = selector.valid_container_classes.as_ref().filter(|classes| !is_in(classes))?;
    Some(Reason::ContainerClass { wanted: classes.clone() })
}

/// Returns why a template's instances do not let an edge lead to them: what they say themselves of who may.
pub(crate) fn refusal(
    candidate: &VertexTemplate,
    source: &VertexTemplate,
    edge: &EdgeTemplate,
) -> Option<Reason> {
    let texts = |mark: &str| {
        let texts = candidate.metadata.get(mark).and_then(Value::as_list);
        texts.map(|texts| texts.iter().filter_map(Value::as_text).collect::<Vec<_>>())
    };
    let misses = |mark: &str, classes: &[ClassName]| {
        let valid = texts(mark)?;
        let is_valid = classes.iter().any(|class| valid.contains(&class.0.as_str()));
        (!is_valid).then(|| valid.into_iter().map(|class| ClassName(class.to_owned())).collect())
    };
    if let Some(valid) = misses(VALID_SOURCES, &source.classes) {
        return Some(Reason::Source { valid });
    }
    if let Some(valid) = misses(VALID_RELATIONSHIPS, &edge.classes) {
        return Some(Reason::Relationship { valid });
    }
    let reach = texts(REACH)?;
    (!reach.contains(&Reach::Internal.word())).then_some(Reason::OutOfReach)
}

/// The vertex directly in its service that a vertex is in, or is.
pub(crate) fn node_of(graph: &Graph, id: VertexId, is_service: impl Fn(VertexId) -> bool) -> VertexId {
    let mut node = id;
    while let Some(container) = graph.vertex(node).and_then(|vertex| vertex.container) {
        if is_service(container) {
            return node;
        }
        node = container;
    }
    id
}
