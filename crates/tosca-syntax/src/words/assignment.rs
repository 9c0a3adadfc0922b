//! Assignments (8.3, 8.5, 11.3, 11.5): what templates say of what their types define.

use diagnostics::{Diagnostic, Place, Span, one_of};

use super::artifact::Implementation;
use super::construct::{Construct, Hidden, OCCURRENCES, OPERATIONS_HINT, Shape};
use super::field::Field;
use super::reader::{Common, Reader, Word};
use crate::yaml::Node;

/// A name and a value: a property, attribute, input or output assignment.
#[derive(Debug, Clone, Copy)]
pub struct Assignment<'a> {
    /// The name.
    pub name: Word<'a>,
    /// The value.
    pub value: Node<'a>,
}

/// Where to look for the target of a requirement (8.5.2), or from where a capability may be used (8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// In the same service.
    Internal,
    /// In other services.
    External,
}

/// A capability assignment (8.3).
#[derive(Debug, Clone, Default)]
pub struct CapabilityAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `directives`, the preferred first.
    pub directives: Vec<(Reach, Span)>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A requirement assignment (8.5).
#[derive(Debug, Clone, Default)]
pub struct RequirementAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `node`: a node template (or type).
    pub node: Option<Word<'a>>,
    /// The index of `[node_template, index]`.
    pub index: Option<Node<'a>>,
    /// `capability`: a capability of the target, or a capability type.
    pub capability: Option<Word<'a>>,
    /// `relationship`.
    pub relationship: Option<Box<RelationshipAssignment<'a>>>,
    /// `node_filter`: a condition clause.
    pub node_filter: Option<Node<'a>>,
    /// `count`.
    pub count: Option<Node<'a>>,
    /// `directives`, the preferred first.
    pub directives: Vec<(Reach, Span)>,
    /// `optional`.
    pub optional: Option<bool>,
    /// `allocation`: how much of the properties of the target's capability it takes.
    pub allocation: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The relationship of a requirement assignment (8.5).
#[derive(Debug, Clone, Default)]
pub struct RelationshipAssignment<'a> {
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
    /// Whether it is the single-line form, which may name a relationship template too.
    pub is_short: bool,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An interface assignment (11.3).
#[derive(Debug, Clone, Default)]
pub struct InterfaceAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// `operations`.
    pub operations: Vec<OperationAssignment<'a>>,
    /// `notifications`.
    pub notifications: Vec<OperationAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An operation or notification assignment (11.5, 11.7).
#[derive(Debug, Clone, Default)]
pub struct OperationAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `implementation`.
    pub implementation: Option<Implementation<'a>>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// `outputs`: attribute mappings.
    pub outputs: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

const REACHES: [(&str, Reach); 2] = [("internal", Reach::Internal), ("external", Reach::External)];

impl<'a> CapabilityAssignment<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { gone: &[OCCURRENCES], ..Shape::new("a capability assignment", "8.3") },
        &[
            ("properties", |own, field| own.properties = field.assignments()),
            ("attributes", |own, field| own.attributes = field.assignments()),
            ("directives", |own, field| own.directives = field.directives(&REACHES)),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl<'a> RequirementAssignment<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            gone: &[
                ("occurrences", "TOSCA 2.0 calls it `count`"),
                ("allocations", "the keyname is `allocation`"),
            ],
            ..Shape::new("a requirement assignment", "8.5")
        },
        &[
            ("node", |own, field| match field.value.items() {
                Some(_) => {
                    (own.node, own.index) = field.reader.indexed_node(field.value).unzip();
                    field.is_hidden = own.node.is_none();
                }
                None => own.node = field.word(),
            }),
            ("capability", |own, field| own.capability = field.word()),
            ("relationship", |own, field| own.relationship = field.relationship_assignment().map(Box::new)),
            ("node_filter", |own, field| own.node_filter = field.node_filter()),
            ("count", |own, field| own.count = field.node()),
            ("directives", |own, field| own.directives = field.directives(&REACHES)),
            ("optional", |own, field| own.optional = field.boolean()),
            ("allocation", |own, field| own.allocation = field.assignments()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl<'a> RelationshipAssignment<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("a relationship assignment", "8.5"),
        &[
            ("type", |own, field| own.relationship_type = field.word()),
            ("properties", |own, field| own.properties = field.assignments()),
            ("attributes", |own, field| own.attributes = field.assignments()),
            ("interfaces", |own, field| own.interfaces = field.named(Reader::interface_assignment)),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl<'a> InterfaceAssignment<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { hint: OPERATIONS_HINT, ..Shape::new("an interface assignment", "11.3") },
        &[
            ("inputs", |own, field| own.inputs = field.assignments()),
            ("operations", |own, field| own.operations = field.named(Reader::operation_assignment)),
            ("notifications", |own, field| own.notifications = field.named(Reader::operation_assignment)),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl<'a> OperationAssignment<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("an operation assignment", "11.5"),
        &[
            ("implementation", |own, field| own.implementation = field.implementation()),
            ("inputs", |own, field| own.inputs = field.assignments()),
            ("outputs", |own, field| own.outputs = field.assignments()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl Reader {
    pub(super) fn capability_assignment<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> CapabilityAssignment<'a> {
        let mut own = CapabilityAssignment { name, ..CapabilityAssignment::default() };
        own.hidden = self.fill(&mut own, &CapabilityAssignment::CONSTRUCT, Some(name), node);
        own
    }

    pub(super) fn requirement_assignment<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> RequirementAssignment<'a> {
        let mut own = RequirementAssignment { name, ..RequirementAssignment::default() };
        own.node = Word::of(node);
        if node.items().is_some() {
            (own.node, own.index) = self.indexed_node(node).unzip();
            if own.node.is_none() {
                own.hidden.add("node");
            }
        } else if own.node.is_none() {
            own.hidden = self.fill(&mut own, &RequirementAssignment::CONSTRUCT, Some(name), node);
        }
        own
    }

    /// `[node_template, index]`; the index may be computed.
    fn indexed_node<'a>(&mut self, node: Node<'a>) -> Option<(Word<'a>, Node<'a>)> {
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        if let [of, index] = items[..]
            && let Some(of) = Word::of(of)
        {
            return Some((of, index));
        }
        self.report(
            Diagnostic::error("wrong-kind", "a node with an index is written `[ node_template, index ]`")
                .at(node.span())
                .chapter("8.5.2"),
        );
        None
    }

    pub(super) fn interface_assignment<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> InterfaceAssignment<'a> {
        let mut own = InterfaceAssignment { name, ..InterfaceAssignment::default() };
        own.hidden = self.fill(&mut own, &InterfaceAssignment::CONSTRUCT, Some(name), node);
        own
    }

    fn operation_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> OperationAssignment<'a> {
        let mut own = OperationAssignment { name, ..OperationAssignment::default() };
        own.implementation = Word::of(node).map(Implementation::of_name);
        if own.implementation.is_none() {
            own.hidden = self.fill(&mut own, &OperationAssignment::CONSTRUCT, Some(name), node);
        }
        own
    }
}

impl<'a> Field<'a, '_> {
    /// Names with values.
    pub(super) fn assignments(&mut self) -> Vec<Assignment<'a>> {
        self.named(|_, name, value| Assignment { name, value })
    }

    fn relationship_assignment(&mut self) -> Option<RelationshipAssignment<'a>> {
        let mut own = RelationshipAssignment { span: self.key.span(), ..RelationshipAssignment::default() };
        own.relationship_type = Word::of(self.value);
        own.is_short = own.relationship_type.is_some();
        if !own.is_short {
            let name = self.name();
            let construct = &RelationshipAssignment::CONSTRUCT;
            own.hidden = self.reader.fill(&mut own, construct, Some(name), self.value);
            if self.value.entries().is_none() {
                self.hide();
                return None;
            }
        }
        Some(own)
    }

    /// `directives`: each once, of those known.
    pub(super) fn directives<T: Copy + PartialEq>(&mut self, known: &[(&'static str, T)]) -> Vec<(T, Span)> {
        let mut directives: Vec<(T, Span)> = Vec::new();
        for word in self.words().unwrap_or_default() {
            let Some((_, directive)) = known.iter().find(|(name, _)| *name == word.text) else {
                let gone = match word.text {
                    "substitutable" => Some("TOSCA 2.0 calls it `substitute`".to_owned()),
                    "selectable" => Some("TOSCA 2.0 calls it `select`".to_owned()),
                    text => diagnostics::did_you_mean(text, known.iter().map(|(name, _)| *name)),
                };
                let names = one_of(known.iter().map(|(name, _)| *name));
                self.reader.report(
                    Diagnostic::error("unknown-directive", format!("unknown directive `{}`", word.text))
                        .at(word.span)
                        .maybe_hint(gone)
                        .hint(format!("allowed here: {names}"))
                        .chapter(self.chapter),
                );
                self.hide();
                continue;
            };
            if let Some((_, first)) = directives.iter().find(|(other, _)| other == directive) {
                self.reader.report(
                    Diagnostic::error(
                        "duplicate-directive",
                        format!("the directive `{}` is here twice", word.text),
                    )
                    .at(word.span)
                    .related(Place::new(*first, "the first"))
                    .chapter(self.chapter),
                );
                continue;
            }
            directives.push((*directive, word.span));
        }
        directives
    }

    /// `node_filter`: a condition clause, not what TOSCA 1.x had.
    pub(super) fn node_filter(&mut self) -> Option<Node<'a>> {
        let node = self.value;
        let is_old = node.entries().is_some_and(|mut entries| {
            entries.any(|(key, _)| matches!(key.as_string(), Some("properties" | "capabilities")))
        });
        if is_old {
            self.reader.report(
                Diagnostic::error("invalid-condition", "a node filter is a condition clause")
                    .at(Place::new(node.span(), "this is the node filter of TOSCA 1.x"))
                    .hint("for example: `node_filter: { $equal: [ { $get_property: [ SELF, TARGET, name ] }, value ] }`")
                    .chapter("8.6"),
            );
            self.hide();
            return None;
        }
        Some(node)
    }
}
