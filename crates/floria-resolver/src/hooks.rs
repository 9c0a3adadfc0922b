//! Instantiation hooks: code on a template that looks at an instance as it is made, and may adapt or refuse it.

use std::collections::BTreeMap;

use floria::{
    Edge, Entity, EntityKey, Graph, Handler, Handlers, Metadata, Origin, Properties, Value, Vertex,
};

use crate::ResolveError;

/// The event of the hook that runs before an instance is made: what it sets is part of the instance from the beginning.
pub const BEFORE_INSTANTIATION: &str = "instantiate.before";

/// The event of the hook that runs when all instances of the design are made, in the order in which they were made.
pub const AFTER_INSTANTIATION: &str = "instantiate.after";

/// A hook that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// [`BEFORE_INSTANTIATION`] or [`AFTER_INSTANTIATION`].
    pub event: &'a str,
    /// The template's handler of that event.
    pub handler: &'a Handler,
    /// The handler's inputs. They are literal: nothing can be computed before the instances are there.
    pub inputs: &'a BTreeMap<String, Value>,
    /// The instance (a vertex or an edge): before the event as it would be, after it as it is.
    pub instance: &'a Entity,
    /// Before the event, what has been made so far: containers and what the design has before it. After it, everything.
    pub graph: &'a Graph,
    /// What it is called: the path of a vertex, or the name of an edge at its source.
    pub path: &'a str,
}

/// How a hook changes an instance. It cannot change what an instance is, where it is or which others there are: a design
/// stays what was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adaptation {
    /// New values of properties that the template has. A property with a new value is no longer computed.
    pub properties: BTreeMap<String, Value>,
    /// New metadata.
    pub metadata: BTreeMap<String, Value>,
}

/// Runs hooks.
pub trait Hooks {
    /// Runs a hook and returns what it changes.
    ///
    /// It must answer the same for the same question, and change nothing in the world: instances are made for previews too.
    ///
    /// # Errors
    ///
    /// Why the instance must not be made, in a sentence for a person.
    fn run(&mut self, hook: &Hook<'_>) -> Result<Adaptation, String>;
}

/// Runs none, and refuses what has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn run(&mut self, hook: &Hook<'_>) -> Result<Adaptation, String> {
        Err(format!("its template handles `{}`, and nothing here runs hooks", hook.event))
    }
}

/// The hooks of one resolution.
pub(crate) struct HookRun<'h> {
    hooks: &'h mut dyn Hooks,
    /// What waits for the end.
    after: Vec<EntityKey>,
}

impl<'h> HookRun<'h> {
    pub(crate) fn new(hooks: &'h mut dyn Hooks) -> Self {
        Self { hooks, after: Vec::new() }
    }

    /// Runs the hook before a vertex is made, if there is one.
    pub(crate) fn before_vertex(&mut self, vertex: &mut Vertex, graph: &Graph) -> Result<(), ResolveError> {
        self.remember(vertex.id.into(), &vertex.handlers);
        self.on_vertex(BEFORE_INSTANTIATION, vertex, graph)
    }

    /// Runs the hook before an edge is made, if there is one.
    pub(crate) fn before_edge(&mut self, edge: &mut Edge, graph: &Graph) -> Result<(), ResolveError> {
        self.remember(edge.id.into(), &edge.handlers);
        self.on_edge(BEFORE_INSTANTIATION, edge, graph)
    }

    /// Runs the hooks of all that was made.
    pub(crate) fn after(&mut self, graph: &mut Graph) -> Result<(), ResolveError> {
        for key in std::mem::take(&mut self.after) {
            match key {
                EntityKey::Vertex(id) => {
                    if let Some(mut vertex) = graph.vertex(id).cloned() {
                        self.on_vertex(AFTER_INSTANTIATION, &mut vertex, graph)?;
                        graph.put_vertex(vertex);
                    }
                }
                EntityKey::Edge(id) => {
                    if let Some(mut edge) = graph.edge(id).cloned() {
                        self.on_edge(AFTER_INSTANTIATION, &mut edge, graph)?;
                        graph.put_edge(edge);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn remember(&mut self, key: EntityKey, handlers: &Handlers) {
        if handlers.contains_key(AFTER_INSTANTIATION) {
            self.after.push(key);
        }
    }

    fn on_vertex(&mut self, event: &str, vertex: &mut Vertex, graph: &Graph) -> Result<(), ResolveError> {
        let Some(handler) = vertex.handlers.get(event) else { return Ok(()) };
        let path = match vertex.container.and_then(|id| graph.vertex(id)) {
            Some(container) if container.container.is_some() => {
                format!("{}/{}", graph.path_of(container.id), vertex.name)
            }
            _ => vertex.name.clone(),
        };
        let entity = vertex.clone().into();
        let adaptation = self.run(event, handler, &entity, graph, &path)?;
        adapt(adaptation, &mut vertex.properties, &mut vertex.metadata);
        Ok(())
    }

    fn on_edge(&mut self, event: &str, edge: &mut Edge, graph: &Graph) -> Result<(), ResolveError> {
        let Some(handler) = edge.handlers.get(event) else { return Ok(()) };
        let path = format!("{}/{}", graph.path_of(edge.source), edge.name);
        let entity = edge.clone().into();
        let adaptation = self.run(event, handler, &entity, graph, &path)?;
        adapt(adaptation, &mut edge.properties, &mut edge.metadata);
        Ok(())
    }

    fn run(
        &mut self,
        event: &str,
        handler: &Handler,
        instance: &Entity,
        graph: &Graph,
        path: &str,
    ) -> Result<Adaptation, ResolveError> {
        let refused = |reason: String| refused(path, event, reason, handler.origin.clone());
        let mut inputs = BTreeMap::new();
        for (name, input) in &handler.inputs {
            let value = input.as_literal().ok_or_else(|| {
                refused(format!("input `{name}` of `{event}` is to be computed, and nothing can be yet"))
            })?;
            inputs.insert(name.clone(), value.clone());
        }
        let hook = Hook { event, handler, inputs: &inputs, instance, graph, path };
        let adaptation = self.hooks.run(&hook).map_err(refused)?;
        let has = |name: &String| instance.properties().is_some_and(|all| all.contains_key(name));
        match adaptation.properties.keys().find(|name| !has(name)) {
            Some(name) => Err(refused(format!("`{event}` sets property `{name}`, which it does not have"))),
            None => Ok(adaptation),
        }
    }
}

fn refused(path: &str, event: &str, reason: String, origin: Option<Origin>) -> ResolveError {
    ResolveError::Hook { path: path.to_owned(), event: event.to_owned(), reason, origin }
}

fn adapt(adaptation: Adaptation, properties: &mut Properties, metadata: &mut Metadata) {
    for (name, value) in adaptation.properties {
        if let Some(property) = properties.get_mut(&name) {
            property.value = Some(value);
            property.updater = None;
        }
    }
    metadata.extend(adaptation.metadata);
}
