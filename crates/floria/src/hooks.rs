//! Instantiation hooks: code on a template that looks at an instance as it is made, and may adapt or refuse it.

use std::collections::BTreeMap;

use crate::{
    Edge, Entity, EntityKey, Graph, Handler, Handlers, InstantiateError, Metadata, Properties, Value, Vertex,
};

/// The event of the hook that runs before an instance is made: what it sets is part of the instance from the beginning.
pub const BEFORE_INSTANTIATION: &str = "instantiate.before";

/// The event of the hook that runs when all instances of the design are made, in the order of their templates.
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

/// The hooks of one instantiation.
pub(crate) struct HookRun<'h> {
    /// None: hooks are left out.
    pub(crate) hooks: Option<&'h mut dyn Hooks>,
    /// What waits for the end.
    pub(crate) after: Vec<EntityKey>,
}

impl HookRun<'_> {
    /// Runs the hook before an instance is made, if there is one.
    pub(crate) fn before<T: Hooked>(&mut self, instance: T, graph: &Graph) -> Result<T, InstantiateError> {
        if instance.handlers().contains_key(AFTER_INSTANTIATION) {
            self.after.push(instance.key());
        }
        self.run(BEFORE_INSTANTIATION, instance, graph)
    }

    /// Runs the hooks of all that was made.
    pub(crate) fn after(&mut self, graph: &mut Graph) -> Result<(), InstantiateError> {
        for key in std::mem::take(&mut self.after) {
            match key {
                EntityKey::Vertex(id) => {
                    if let Some(vertex) = graph.vertex(id).cloned() {
                        let vertex = self.run(AFTER_INSTANTIATION, vertex, graph)?;
                        graph.put_vertex(vertex);
                    }
                }
                EntityKey::Edge(id) => {
                    if let Some(edge) = graph.edge(id).cloned() {
                        let edge = self.run(AFTER_INSTANTIATION, edge, graph)?;
                        graph.put_edge(edge);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn run<T: Hooked>(&mut self, event: &str, mut instance: T, graph: &Graph) -> Result<T, InstantiateError> {
        let Some(hooks) = &mut self.hooks else { return Ok(instance) };
        let Some(handler) = instance.handlers().get(event) else { return Ok(instance) };
        let path = instance.path(graph);
        let refused = |reason: String| InstantiateError::Hook {
            path: path.clone(),
            event: event.to_owned(),
            reason,
            origin: handler.origin.clone(),
        };
        let mut inputs = BTreeMap::new();
        for (name, input) in &handler.inputs {
            let value = input.as_literal().ok_or_else(|| {
                refused(format!("input `{name}` of `{event}` is to be computed, and nothing can be yet"))
            })?;
            inputs.insert(name.clone(), value.clone());
        }
        let entity = instance.clone().into();
        let hook = Hook { event, handler, inputs: &inputs, instance: &entity, graph, path: &path };
        let Adaptation { properties, metadata } = hooks.run(&hook).map_err(refused)?;
        if let Some(name) = properties.keys().find(|name| !instance.properties().contains_key(*name)) {
            return Err(refused(format!("`{event}` sets property `{name}`, which it does not have")));
        }
        let (own_properties, own_metadata) = instance.parts();
        for (name, value) in properties {
            if let Some(property) = own_properties.get_mut(&name) {
                property.value = Some(value);
                property.updater = None;
            }
        }
        own_metadata.extend(metadata);
        Ok(instance)
    }
}

/// An instance that may have hooks.
pub(crate) trait Hooked: Clone + Into<Entity> {
    fn key(&self) -> EntityKey;
    fn handlers(&self) -> &Handlers;
    fn properties(&self) -> &Properties;
    fn parts(&mut self) -> (&mut Properties, &mut Metadata);
    fn path(&self, graph: &Graph) -> String;
}

impl Hooked for Vertex {
    fn key(&self) -> EntityKey {
        self.id.into()
    }

    fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn parts(&mut self) -> (&mut Properties, &mut Metadata) {
        (&mut self.properties, &mut self.metadata)
    }

    fn path(&self, graph: &Graph) -> String {
        match self.container.and_then(|id| graph.vertex(id)) {
            Some(container) if container.container.is_some() => {
                format!("{}/{}", graph.path_of(container.id), self.name)
            }
            _ => self.name.clone(),
        }
    }
}

impl Hooked for Edge {
    fn key(&self) -> EntityKey {
        self.id.into()
    }

    fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn parts(&mut self) -> (&mut Properties, &mut Metadata) {
        (&mut self.properties, &mut self.metadata)
    }

    fn path(&self, graph: &Graph) -> String {
        format!("{}/{}", graph.path_of(self.source), self.name)
    }
}
