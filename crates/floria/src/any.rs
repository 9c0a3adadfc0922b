//! Entities of any kind, and what tells them apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Class, ClassName, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Handlers, Metadata, Namespace, Origin,
    Plugin, PluginName, Properties, Site, Vertex, VertexId, VertexTemplate, VertexTemplateId,
};

/// The kinds of entities, in canonical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityKind {
    /// Classes.
    Class,
    /// Plugins.
    Plugin,
    /// Vertex templates.
    VertexTemplate,
    /// Edge templates.
    EdgeTemplate,
    /// Vertexes.
    Vertex,
    /// Edges.
    Edge,
}

impl EntityKind {
    /// All kinds, in canonical order.
    pub const ALL: [Self; 6] =
        [Self::Class, Self::Plugin, Self::VertexTemplate, Self::EdgeTemplate, Self::Vertex, Self::Edge];

    /// Returns what one entity of this kind is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Plugin => "plugin",
            Self::VertexTemplate => "vertex template",
            Self::EdgeTemplate => "edge template",
            Self::Vertex => "vertex",
            Self::Edge => "edge",
        }
    }
}

/// What tells one entity from all others of a store. In canonical order: by kind, then by name or id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityKey {
    /// A class, by its name in a namespace.
    Class(Namespace, ClassName),
    /// A plugin, by its name in a namespace.
    Plugin(Namespace, PluginName),
    /// A vertex template.
    VertexTemplate(VertexTemplateId),
    /// An edge template.
    EdgeTemplate(EdgeTemplateId),
    /// A vertex.
    Vertex(VertexId),
    /// An edge.
    Edge(EdgeId),
}

impl EntityKey {
    /// Returns what it is the key of.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Class(..) => EntityKind::Class,
            Self::Plugin(..) => EntityKind::Plugin,
            Self::VertexTemplate(_) => EntityKind::VertexTemplate,
            Self::EdgeTemplate(_) => EntityKind::EdgeTemplate,
            Self::Vertex(_) => EntityKind::Vertex,
            Self::Edge(_) => EntityKind::Edge,
        }
    }

    /// Returns the id, for the kinds that have one.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Class(..) | Self::Plugin(..) => None,
            Self::VertexTemplate(id) => Some(id.0),
            Self::EdgeTemplate(id) => Some(id.0),
            Self::Vertex(id) => Some(id.0),
            Self::Edge(id) => Some(id.0),
        }
    }
}

/// Shows it as messages name it: `vertex 7`, or class and plugin with their names.
impl fmt::Display for EntityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind().word();
        match self {
            Self::Class(_, name) => write!(formatter, "{word} `{name}`"),
            Self::Plugin(_, name) => write!(formatter, "{word} `{name}`"),
            Self::VertexTemplate(VertexTemplateId(id))
            | Self::EdgeTemplate(EdgeTemplateId(id))
            | Self::Vertex(VertexId(id))
            | Self::Edge(EdgeId(id)) => write!(formatter, "{word} {id}"),
        }
    }
}

/// An entity of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entity {
    /// A class.
    Class(Class),
    /// A plugin.
    Plugin(Plugin),
    /// A vertex template.
    VertexTemplate(VertexTemplate),
    /// An edge template.
    EdgeTemplate(EdgeTemplate),
    /// A vertex.
    Vertex(Vertex),
    /// An edge.
    Edge(Edge),
}

/// Takes the field that all kinds have.
macro_rules! common {
    ($entity:expr, $field:ident) => {
        match $entity {
            Entity::Class(entity) => &entity.$field,
            Entity::Plugin(entity) => &entity.$field,
            Entity::VertexTemplate(entity) => &entity.$field,
            Entity::EdgeTemplate(entity) => &entity.$field,
            Entity::Vertex(entity) => &entity.$field,
            Entity::Edge(entity) => &entity.$field,
        }
    };
}

impl Entity {
    /// Returns what tells it from all others.
    pub fn key(&self) -> EntityKey {
        match self {
            Self::Class(class) => EntityKey::Class(class.namespace.clone(), class.name.clone()),
            Self::Plugin(plugin) => EntityKey::Plugin(plugin.namespace.clone(), plugin.name.clone()),
            Self::VertexTemplate(vertex) => EntityKey::VertexTemplate(vertex.id),
            Self::EdgeTemplate(edge) => EntityKey::EdgeTemplate(edge.id),
            Self::Vertex(vertex) => EntityKey::Vertex(vertex.id),
            Self::Edge(edge) => EntityKey::Edge(edge.id),
        }
    }

    /// Returns what kind it is of.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Class(_) => EntityKind::Class,
            Self::Plugin(_) => EntityKind::Plugin,
            Self::VertexTemplate(_) => EntityKind::VertexTemplate,
            Self::EdgeTemplate(_) => EntityKind::EdgeTemplate,
            Self::Vertex(_) => EntityKind::Vertex,
            Self::Edge(_) => EntityKind::Edge,
        }
    }

    /// Returns where it lives.
    pub fn namespace(&self) -> &Namespace {
        common!(self, namespace)
    }

    /// Returns its metadata.
    pub fn metadata(&self) -> &Metadata {
        common!(self, metadata)
    }

    /// Returns where it was asked for.
    pub fn origin(&self) -> Option<&Origin> {
        common!(self, origin).as_ref()
    }

    /// Returns its name. Edges share theirs with other edges of one source.
    pub fn name(&self) -> &str {
        match self {
            Self::Class(class) => &class.name.0,
            Self::Plugin(plugin) => &plugin.name.0,
            Self::VertexTemplate(vertex) => &vertex.name,
            Self::EdgeTemplate(edge) => &edge.name,
            Self::Vertex(vertex) => &vertex.name,
            Self::Edge(edge) => &edge.name,
        }
    }

    /// Returns its classes, most specific first; for a class, itself and its ancestors; for a plugin, none.
    pub fn classes(&self) -> impl Iterator<Item = &ClassName> {
        let (own, others): (Option<&ClassName>, &[ClassName]) = match self {
            Self::Class(class) => (Some(&class.name), &class.ancestors),
            Self::Plugin(_) => (None, &[]),
            Self::VertexTemplate(vertex) => (None, &vertex.classes),
            Self::EdgeTemplate(edge) => (None, &edge.classes),
            Self::Vertex(vertex) => (None, &vertex.classes),
            Self::Edge(edge) => (None, &edge.classes),
        };
        own.into_iter().chain(others)
    }

    /// Returns its properties, for the kinds that have some.
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Self::Class(_) | Self::Plugin(_) => None,
            Self::VertexTemplate(vertex) => Some(&vertex.properties),
            Self::EdgeTemplate(edge) => Some(&edge.properties),
            Self::Vertex(vertex) => Some(&vertex.properties),
            Self::Edge(edge) => Some(&edge.properties),
        }
    }

    /// Returns its event handlers, for the kinds that have some.
    pub fn handlers(&self) -> Option<&Handlers> {
        match self {
            Self::Class(_) | Self::Plugin(_) => None,
            Self::VertexTemplate(vertex) => Some(&vertex.handlers),
            Self::EdgeTemplate(edge) => Some(&edge.handlers),
            Self::Vertex(vertex) => Some(&vertex.handlers),
            Self::Edge(edge) => Some(&edge.handlers),
        }
    }

    /// Returns the id of what contains it, for vertexes and their templates; None inside for one that nothing contains.
    pub fn container(&self) -> Option<Option<u64>> {
        match self {
            Self::VertexTemplate(vertex) => Some(vertex.container.map(|id| id.0)),
            Self::Vertex(vertex) => Some(vertex.container.map(|id| id.0)),
            _ => None,
        }
    }

    /// Returns the ids of where it starts and where it ends, for edges and their templates.
    pub fn ends(&self) -> Option<(u64, u64)> {
        match self {
            Self::EdgeTemplate(edge) => Some((edge.source.0, edge.target.0)),
            Self::Edge(edge) => Some((edge.source.0, edge.target.0)),
            _ => None,
        }
    }

    /// Returns where its properties stand, for instances.
    pub fn site(&self) -> Option<Site> {
        match self {
            Self::Vertex(vertex) => Some(Site::Vertex(vertex.id)),
            Self::Edge(edge) => Some(Site::Edge(edge.id)),
            _ => None,
        }
    }
}

macro_rules! any_of {
    ($($kind:ident $key:ty;)*) => {
        $(
            impl From<$kind> for Entity {
                fn from(entity: $kind) -> Self {
                    Self::$kind(entity)
                }
            }

            impl From<$key> for EntityKey {
                fn from(id: $key) -> Self {
                    Self::$kind(id)
                }
            }

            /// Gives the entity back where it is of another kind.
            impl TryFrom<Entity> for $kind {
                type Error = Box<Entity>;

                fn try_from(entity: Entity) -> Result<Self, Box<Entity>> {
                    if let Entity::$kind(entity) = entity { Ok(entity) } else { Err(Box::new(entity)) }
                }
            }
        )*
    };
}

any_of! {
    VertexTemplate VertexTemplateId;
    EdgeTemplate EdgeTemplateId;
    Vertex VertexId;
    Edge EdgeId;
}

impl From<Class> for Entity {
    fn from(class: Class) -> Self {
        Self::Class(class)
    }
}

impl From<Plugin> for Entity {
    fn from(plugin: Plugin) -> Self {
        Self::Plugin(plugin)
    }
}
