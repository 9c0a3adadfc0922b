//! From a design to the graph of instances that is wanted.

use std::collections::{BTreeMap, HashMap};

use crate::{
    Design, Edge, EdgeId, Graph, Hooks, Metadata, NoHooks, Origin, Properties, Value, Vertex, VertexId,
    VertexTemplate, VertexTemplateId, hooks::HookRun,
};

/// The prefix of the metadata that an engine keeps on instances: it stays when an instance is made anew from a design that
/// does not say otherwise.
pub const ENGINE_METADATA_PREFIX: &str = "khutulun.";

/// Why a design could not be instantiated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstantiateError {
    /// The design holds no template, not even the service's.
    #[error("the design of `{0}` is empty")]
    Empty(String),
    /// An input was given that the service does not have.
    #[error("there is no input `{name}`; there are: {}", list(.known))]
    UnknownInput {
        /// The name that was given.
        name: String,
        /// The names of the service's properties.
        known: Vec<String>,
    },
    /// A template comes before the one that contains it, or that one is not in the design.
    #[error("template `{name}` is in template {container}, which does not come before it")]
    MissingContainer {
        /// The name of the template.
        name: String,
        /// What should contain it.
        container: VertexTemplateId,
    },
    /// An edge template starts or ends at a template that is not in the design.
    #[error("edge template `{name}` has an end at template {end}, which is not in the design")]
    MissingEnd {
        /// The name of the edge template.
        name: String,
        /// The end.
        end: VertexTemplateId,
    },
    /// A hook refused an instance, or could not be run, or changes what is not there.
    #[error("`{path}` cannot be made: {reason}")]
    Hook {
        /// The instance.
        path: String,
        /// The event of the hook.
        event: String,
        /// Why.
        reason: String,
        /// Where the hook was asked for.
        origin: Option<Origin>,
    },
    /// The ids ended too early.
    #[error("ran out of ids for new instances")]
    OutOfIds,
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Returns how many instances [`instantiate`] would make that `current` does not have: the number of ids that it takes.
///
/// # Errors
///
/// As [`instantiate`].
pub fn new_instances(design: &Design, current: &Graph) -> Result<u64, InstantiateError> {
    let mut taken = 0;
    // Any unused ids do; ids of a store come nowhere near the upper half.
    let mut ids = (1_u64 << 63..).inspect(|_| taken += 1);
    // Hooks do not change how many there are.
    make(design, &BTreeMap::new(), current, &mut ids, None)?;
    Ok(taken)
}

/// Makes the graph of instances that a design asks for.
///
/// The first vertex template is the service itself: its properties take the values of `inputs`, unprepared (an
/// [`Evaluator`](crate::Evaluator) prepares what it reads); a given input loses its updater. Every template becomes one instance of the
/// same name in the same place. An instance that `current` has in the same container under the same name (an edge: at the
/// same source with the same name and index) keeps its id, the values of its properties that are not read-only, and the
/// metadata whose keys begin with [`ENGINE_METADATA_PREFIX`], where the design does not set the same key. Everything else is
/// as the design says. New instances take their ids from `ids`.
///
/// Templates with hooks need [`instantiate_with`]; here they are refused.
///
/// # Errors
///
/// When an input does not exist, the design is not whole, or `ids` ends too early: see [`new_instances`].
pub fn instantiate(
    design: &Design,
    inputs: &BTreeMap<String, Value>,
    current: &Graph,
    ids: &mut dyn Iterator<Item = u64>,
) -> Result<Graph, InstantiateError> {
    make(design, inputs, current, ids, Some(&mut NoHooks))
}

/// As [`instantiate`], and runs the hooks of templates: each instance is shown to the handlers of its template for
/// [`BEFORE_INSTANTIATION`](crate::BEFORE_INSTANTIATION) and [`AFTER_INSTANTIATION`](crate::AFTER_INSTANTIATION), which may
/// set values of its properties and metadata, or refuse it. A given input is set between the two.
///
/// # Errors
///
/// As [`instantiate`], and [`InstantiateError::Hook`]. Nothing is made then.
pub fn instantiate_with(
    design: &Design,
    inputs: &BTreeMap<String, Value>,
    current: &Graph,
    ids: &mut dyn Iterator<Item = u64>,
    hooks: &mut dyn Hooks,
) -> Result<Graph, InstantiateError> {
    make(design, inputs, current, ids, Some(hooks))
}

/// Without hooks, those of templates are left out.
fn make(
    design: &Design,
    inputs: &BTreeMap<String, Value>,
    current: &Graph,
    ids: &mut dyn Iterator<Item = u64>,
    hooks: Option<&mut dyn Hooks>,
) -> Result<Graph, InstantiateError> {
    let mut hooks = HookRun { hooks, after: Vec::new() };
    let service =
        design.vertexes.first().ok_or_else(|| InstantiateError::Empty(design.namespace.0.clone()))?;
    check_inputs(service, inputs)?;

    let mut next_id = || ids.next().ok_or(InstantiateError::OutOfIds);
    let mut graph = Graph::default();
    let mut instances: HashMap<VertexTemplateId, VertexId> = HashMap::with_capacity(design.vertexes.len());

    for (place, template) in design.vertexes.iter().enumerate() {
        let container = match template.container {
            None => None,
            Some(id) => Some(*instances.get(&id).ok_or_else(|| InstantiateError::MissingContainer {
                name: template.name.clone(),
                container: id,
            })?),
        };
        let present = current.named(container, &template.name);
        let mut vertex = Vertex {
            id: match present {
                Some(present) => present.id,
                None => VertexId(next_id()?),
            },
            namespace: design.namespace.clone(),
            name: template.name.clone(),
            container,
            classes: template.classes.clone(),
            properties: template.properties.clone(),
            handlers: template.handlers.clone(),
            metadata: template.metadata.clone(),
            origin: template.origin.clone(),
        };
        if let Some(present) = present {
            keep(&mut vertex.properties, &mut vertex.metadata, &present.properties, &present.metadata);
        }
        vertex = hooks.before(vertex, &graph)?;
        if place == 0 {
            set_inputs(&mut vertex.properties, inputs);
        }
        instances.insert(template.id, vertex.id);
        graph.put_vertex(vertex);
    }

    for template in &design.edges {
        let end = |id: VertexTemplateId| {
            instances
                .get(&id)
                .copied()
                .ok_or_else(|| InstantiateError::MissingEnd { name: template.name.clone(), end: id })
        };
        let (source, target) = (end(template.source)?, end(template.target)?);
        let present = current.outgoing_at(source, &template.name, template.index);
        let mut edge = Edge {
            id: match present {
                Some(present) => present.id,
                None => EdgeId(next_id()?),
            },
            namespace: design.namespace.clone(),
            name: template.name.clone(),
            index: template.index,
            source,
            target,
            classes: template.classes.clone(),
            properties: template.properties.clone(),
            handlers: template.handlers.clone(),
            metadata: template.metadata.clone(),
            origin: template.origin.clone(),
        };
        if let Some(present) = present {
            keep(&mut edge.properties, &mut edge.metadata, &present.properties, &present.metadata);
        }
        edge = hooks.before(edge, &graph)?;
        graph.put_edge(edge);
    }
    hooks.after(&mut graph)?;
    Ok(graph)
}

fn check_inputs(service: &VertexTemplate, inputs: &BTreeMap<String, Value>) -> Result<(), InstantiateError> {
    match inputs.keys().find(|name| !service.properties.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(InstantiateError::UnknownInput {
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

/// Carries over what the present instance knows and the design cannot.
fn keep(
    properties: &mut Properties,
    metadata: &mut Metadata,
    present_properties: &Properties,
    present_metadata: &Metadata,
) {
    for (name, property) in properties {
        let Some(present) = present_properties.get(name) else { continue };
        // What was computed last stays until it is computed again: the updater decides what it is.
        let is_computed = property.updater.is_some() && present.updater.is_some();
        if is_computed || (!property.read_only && present.value.is_some()) {
            property.value.clone_from(&present.value);
            property.reads.clone_from(&present.reads);
        }
    }
    for (key, value) in present_metadata.iter().filter(|(key, _)| key.starts_with(ENGINE_METADATA_PREFIX)) {
        if !metadata.contains_key(key) {
            metadata.insert(key.clone(), value.clone());
        }
    }
}
