//! What is drawn, as plain data.

use std::collections::HashMap;

use floria::{ClassName, Origin};

/// A picture that is yet to be written: boxes and the arrows between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// What it is called: the service's name.
    pub title: String,
    /// What the boxes stand for.
    pub subject: Subject,
    /// The boxes; containers come before what they contain.
    pub shapes: Vec<Shape>,
    /// The arrows.
    pub arrows: Vec<Arrow>,
}

/// What the boxes of a drawing stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What may be made.
    Templates,
    /// What is made, or would be.
    Instances,
}

/// The place of a shape in its drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(pub usize);

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The box that it is in; one that comes before it.
    pub container: Option<ShapeId>,
    /// What it stands for.
    pub kind: ShapeKind,
    /// Its name.
    pub name: String,
    /// Its most specific class.
    pub class: Option<ClassName>,
    /// What else is to be known of it, in a few words each, such as `count: 3`.
    pub notes: Vec<String>,
    /// Whether it stands for several of its kind.
    pub is_several: bool,
    /// How far its lifecycle has come, as a word.
    pub state: Option<String>,
    /// Its capabilities.
    pub capabilities: Vec<Capability>,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShapeKind {
    /// A service, outermost or in the node that it stands for.
    Service,
    /// A node.
    Node,
    /// A node that stands for one of another service.
    Selected,
    /// A group of nodes.
    Group,
    /// A policy over nodes and groups.
    Policy,
    /// A trigger of a policy.
    Trigger,
    /// A workflow.
    Workflow,
    /// A step of a workflow.
    Step,
    /// Anything else that a graph may hold.
    Other,
}

impl ShapeKind {
    /// Returns what it is called in a picture.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Node => "node",
            Self::Selected => "node of another service",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Trigger => "trigger",
            Self::Workflow => "workflow",
            Self::Step => "step",
            Self::Other => "vertex",
        }
    }
}

/// What a node offers to the requirements of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name.
    pub name: String,
    /// Its most specific class.
    pub class: Option<ClassName>,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// An arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The box that it starts at.
    pub source: ShapeId,
    /// Where it ends.
    pub target: Target,
    /// What it stands for.
    pub kind: ArrowKind,
    /// Its name: that of the requirement.
    pub name: String,
    /// Its place among those of the same source and name, where there are several.
    pub index: Option<u32>,
    /// What else is to be known of it, in a few words each.
    pub notes: Vec<String>,
    /// Its most specific class.
    pub class: Option<ClassName>,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// Where an arrow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// At a box.
    Shape(ShapeId),
    /// At a capability of a box, by its place there.
    Capability(ShapeId, usize),
    /// Nowhere yet: what it leads to is not known.
    Open,
}

impl Target {
    /// Returns the box that it ends at, if it ends at one.
    pub fn shape(self) -> Option<ShapeId> {
        match self {
            Self::Shape(shape) | Self::Capability(shape, _) => Some(shape),
            Self::Open => None,
        }
    }
}

/// What an arrow stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArrowKind {
    /// A requirement with its relationship.
    Requirement,
    /// A requirement that may stay without a relationship.
    Optional,
    /// From a group, policy, workflow or step to what it is about.
    Membership,
}

impl Drawing {
    /// Returns the shape with this id, which must be of this drawing.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    /// Returns the shapes that are nodes.
    pub fn nodes(&self) -> impl Iterator<Item = ShapeId> {
        let is_node = |shape: &Shape| matches!(shape.kind, ShapeKind::Node | ShapeKind::Selected);
        (0..).zip(&self.shapes).filter(move |(_, shape)| is_node(shape)).map(|(place, _)| ShapeId(place))
    }

    /// Returns the shape that contains this one and that nothing contains: itself, if nothing contains it.
    pub(crate) fn outermost(&self, id: ShapeId) -> ShapeId {
        let mut outermost = id;
        while let Some(container) = self.shape(outermost).container {
            outermost = container;
        }
        outermost
    }
}

impl Arrow {
    /// Returns its name, with its index where it has one: `database [1]`.
    pub fn label(&self) -> String {
        match self.index {
            Some(index) => format!("{} [{index}]", self.name),
            None => self.name.clone(),
        }
    }
}

/// What a vertex has become in a drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Shape(ShapeId),
    Capability(ShapeId, usize),
}

impl Part {
    pub(crate) fn shape(self) -> ShapeId {
        match self {
            Self::Shape(shape) | Self::Capability(shape, _) => shape,
        }
    }

    pub(crate) fn target(self) -> Target {
        match self {
            Self::Shape(shape) => Target::Shape(shape),
            Self::Capability(shape, place) => Target::Capability(shape, place),
        }
    }
}

impl Drawing {
    /// Adds a shape, or a capability to its container.
    pub(crate) fn add(&mut self, part: Result<Shape, Capability>, container: Option<ShapeId>) -> Part {
        match (part, container) {
            (Err(capability), Some(container)) => {
                let capabilities = &mut self.shapes[container.0].capabilities;
                capabilities.push(capability);
                Part::Capability(container, capabilities.len() - 1)
            }
            (Err(Capability { name, class, origin }), None) => self.add(
                Ok(Shape {
                    container,
                    kind: ShapeKind::Other,
                    name,
                    class,
                    notes: Vec::new(),
                    is_several: false,
                    state: None,
                    capabilities: Vec::new(),
                    origin,
                }),
                None,
            ),
            (Ok(shape), _) => {
                self.shapes.push(shape);
                Part::Shape(ShapeId(self.shapes.len() - 1))
            }
        }
    }

    /// What arrows from a shape stand for.
    pub(crate) fn arrow_kind(&self, source: ShapeId) -> ArrowKind {
        match self.shape(source).kind {
            ShapeKind::Service | ShapeKind::Node | ShapeKind::Selected | ShapeKind::Other => {
                ArrowKind::Requirement
            }
            ShapeKind::Group
            | ShapeKind::Policy
            | ShapeKind::Trigger
            | ShapeKind::Workflow
            | ShapeKind::Step => ArrowKind::Membership,
        }
    }

    /// Leaves the index only where a source has several arrows of one name.
    pub(crate) fn index_arrows(&mut self) {
        let mut counts: HashMap<(ShapeId, &str), usize> = HashMap::new();
        for arrow in &self.arrows {
            *counts.entry((arrow.source, &arrow.name)).or_default() += 1;
        }
        let single: Vec<bool> =
            self.arrows.iter().map(|arrow| counts[&(arrow.source, &*arrow.name)] == 1).collect();
        for (arrow, _) in self.arrows.iter_mut().zip(single).filter(|(_, is_single)| *is_single) {
            arrow.index = None;
        }
    }
}
