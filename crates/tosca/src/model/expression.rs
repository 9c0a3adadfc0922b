//! Values that may have functions in them.

use diagnostics::Span;

use super::{FunctionId, Name, NodeTemplateId, Value};

/// A value as far as it is known at compile time, and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it was written: a default's span is in the type.
    pub span: Span,
}

/// What an [`Expression`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionKind {
    /// Wholly literal.
    Value(Value),
    /// A list with at least one function below it.
    List(Vec<Expression>),
    /// A map or structure with at least one function below it, in the order of the document.
    Map(Vec<(Expression, Expression)>),
    /// A function call.
    Call(Box<Call>),
}

impl Expression {
    /// A literal.
    pub fn value(value: Value, span: Span) -> Self {
        Self { kind: ExpressionKind::Value(value), span }
    }

    /// A function call.
    pub fn call(call: Call, span: Span) -> Self {
        Self { kind: ExpressionKind::Call(Box::new(call)), span }
    }

    /// The value of a wholly literal expression.
    pub fn as_value(&self) -> Option<&Value> {
        match &self.kind {
            ExpressionKind::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The number of values, calls and arguments in it.
    pub fn size(&self) -> u64 {
        match &self.kind {
            ExpressionKind::Value(value) => value.size(),
            ExpressionKind::List(items) => items.iter().fold(1, |sum, item| sum + item.size()),
            ExpressionKind::Map(entries) => {
                entries.iter().fold(1, |sum, (key, value)| sum + key.size() + value.size())
            }
            ExpressionKind::Call(call) => call.inner().fold(1, |sum, item| sum + item.size()),
        }
    }

    /// Every call in it, outermost first.
    pub fn calls(&self) -> Vec<&Call> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(expression) = open.pop() {
            match &expression.kind {
                ExpressionKind::Value(_) => {}
                ExpressionKind::List(items) => open.extend(items.iter().rev()),
                ExpressionKind::Map(entries) => {
                    open.extend(entries.iter().rev().flat_map(|(key, value)| [value, key]));
                }
                ExpressionKind::Call(call) => {
                    found.push(&**call);
                    let from = open.len();
                    open.extend(call.inner());
                    open[from..].reverse();
                }
            }
        }
        found
    }
}

/// A function call (TOSCA 2.0, chapter 10). The functions that khutulun's frontend understands have forms of their
/// own; their names and paths are resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `$get_input` (10.2.1.1).
    GetInput {
        /// An input of the service template; it exists.
        input: Name,
        /// Names, keys or indexes into a complex value.
        nested: Vec<Expression>,
    },
    /// `$get_property` (10.2.1.2).
    GetProperty(Box<Reference>),
    /// `$get_attribute` (10.2.1.3). May name a property: each is reflected as an attribute (9.5).
    GetAttribute(Box<Reference>),
    /// `$get_artifact` (10.2.1.4): where an artifact of a node is.
    GetArtifact(Box<Reference>),
    /// `$available_allocation` (10.2.1.8): what is left of a capability's property.
    AvailableAllocation(Box<Reference>),
    /// `$concat` (10.2.3.2): at least one argument, all strings or all lists.
    Concat(Vec<Expression>),
    /// `$value` (10.2.1.5): the value that a validation clause is about. Only in validation clauses.
    Value {
        /// Names, keys or indexes into a complex value.
        nested: Vec<Expression>,
    },
    /// Another built-in function, by its name without `$`: `equal`, `sum`, `node_index`, …. The number of arguments is
    /// right, and so are their types as far as they are known. What only has literal arguments is evaluated already,
    /// but in validation clauses.
    Function {
        /// Without the `$`.
        function: Name,
        /// In order.
        arguments: Vec<Expression>,
    },
    /// A function that a file or the service template defines (10.4).
    Custom {
        /// Its name as it is called, with namespaces, without the `$`.
        name: Name,
        /// Its definition.
        function: FunctionId,
        /// The first of its signatures that fits the arguments, by position, when that is known.
        signature: Option<u32>,
        /// In order.
        arguments: Vec<Expression>,
    },
}

impl Call {
    /// The function's name without `$`.
    pub fn function(&self) -> &str {
        match self {
            Self::GetInput { .. } => "get_input",
            Self::GetProperty(_) => "get_property",
            Self::GetAttribute(_) => "get_attribute",
            Self::GetArtifact(_) => "get_artifact",
            Self::AvailableAllocation(_) => "available_allocation",
            Self::Concat(_) => "concat",
            Self::Value { .. } => "value",
            Self::Function { function, .. } => function,
            Self::Custom { name, .. } => name,
        }
    }

    /// The arguments that are expressions themselves.
    pub fn arguments(&self) -> &[Expression] {
        match self {
            Self::GetInput { nested, .. } | Self::Value { nested } => nested,
            Self::GetProperty(reference)
            | Self::GetAttribute(reference)
            | Self::GetArtifact(reference)
            | Self::AvailableAllocation(reference) => &reference.nested,
            Self::Concat(arguments) | Self::Function { arguments, .. } | Self::Custom { arguments, .. } => {
                arguments
            }
        }
    }

    /// What it names in the graph.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::GetProperty(reference)
            | Self::GetAttribute(reference)
            | Self::GetArtifact(reference)
            | Self::AvailableAllocation(reference) => Some(reference),
            _ => None,
        }
    }

    /// Every expression in it: the computed indexes of its path, and its arguments.
    fn inner(&self) -> impl Iterator<Item = &Expression> {
        let path = self.reference().map(|reference| &reference.path);
        let indexes = path.into_iter().flat_map(Path::indexes).filter_map(|index| match index {
            Index::Computed(index) => Some(&**index),
            Index::At(_) | Index::All => None,
        });
        indexes.chain(self.arguments())
    }
}

/// A property or attribute somewhere in the graph: `[<path>, name, nested…]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// How to get to the entity.
    pub path: Path,
    /// The property or attribute of it.
    pub name: Name,
    /// Where the name is written.
    pub name_span: Span,
    /// Names, keys or indexes into a complex value.
    pub nested: Vec<Expression>,
}

/// A TOSCA Path (10.3): from a start, step by step, to a node, relationship or capability.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Where it starts.
    pub start: PathStart,
    /// The steps, in order; the context of each (node or relationship) is right for it.
    pub steps: Vec<Step>,
}

impl Path {
    /// The indexes in it, also those that are not written.
    pub fn indexes(&self) -> impl Iterator<Item = &Index> {
        let start = match &self.start {
            PathStart::Node { index, .. } => Some(index),
            _ => None,
        };
        let steps = self.steps.iter().filter_map(|step| match step {
            Step::Outgoing { index, .. } | Step::Incoming { index, .. } | Step::Sibling { index } => {
                Some(index)
            }
            Step::Capability { .. } | Step::Source | Step::Target | Step::TargetCapability => None,
        });
        start.into_iter().chain(steps)
    }

    /// Whether it says `ALL` somewhere: then what it leads to is one flat list.
    pub fn is_many(&self) -> bool {
        self.indexes().any(|index| *index == Index::All)
    }
}

/// Where a path starts.
#[derive(Debug, Clone, PartialEq)]
pub enum PathStart {
    /// `SELF` in a node's context: the node that holds the expression.
    SelfNode,
    /// `SELF` in a requirement's context: the relationship that holds the expression.
    SelfRelationship,
    /// A node template of the same service template.
    Node {
        /// The template.
        template: NodeTemplateId,
        /// Which of its representations.
        index: Index,
    },
    /// The relationship that is made from a relationship template of the same service template.
    Relationship {
        /// The relationship template.
        template: Name,
    },
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `RELATIONSHIP, requirement, index`: from a node to a relationship that leaves it.
    Outgoing {
        /// A requirement of the node's type.
        requirement: Name,
        /// Which of the relationships of this requirement.
        index: Index,
    },
    /// `CAPABILITY, capability, RELATIONSHIP, index`: from a node to a relationship that enters it.
    Incoming {
        /// A capability of the node's type.
        capability: Name,
        /// Which of the relationships that target this capability.
        index: Index,
    },
    /// `CAPABILITY, capability` as the last step: from a node to its capability.
    Capability {
        /// A capability of the node's type.
        capability: Name,
    },
    /// `SOURCE`: from a relationship to its source node.
    Source,
    /// `TARGET`: from a relationship to its target node.
    Target,
    /// `CAPABILITY, RELATIONSHIP, index`: from a relationship to another one of the same requirement.
    Sibling {
        /// Which of them.
        index: Index,
    },
    /// `CAPABILITY` as the last step: from a relationship to its target capability.
    TargetCapability,
}

/// Which of several representations or relationships.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// This one, from 0; a missing index is 0.
    At(u64),
    /// The one that a function gives, such as `$node_index`.
    Computed(Box<Expression>),
    /// All of them; the result is one flat list.
    All,
}
