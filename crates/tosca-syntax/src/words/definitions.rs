//! Definitions inside node and relationship types: capabilities, requirements, interfaces, operations.

use diagnostics::{Diagnostic, Place, Span};

use super::artifact::Implementation;
use super::construct::{Construct, Hidden, OCCURRENCES, OPERATIONS_HINT, Shape, VALID_SOURCES};
use super::field::Field;
use super::property::{ParameterDefinition, PropertyDefinition};
use super::reader::{Common, Reader, Word};
use crate::yaml::{Node, ScalarKind, parse_integer};

/// A capability definition or refinement (8.2).
#[derive(Debug, Default)]
pub struct CapabilityDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`; may be absent in refinements.
    pub capability_type: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `valid_source_node_types`.
    pub valid_source_node_types: Option<Vec<Word<'a>>>,
    /// `valid_relationship_types`.
    pub valid_relationship_types: Option<Vec<Word<'a>>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A `count_range`.
#[derive(Debug, Clone, Copy)]
pub struct CountRangeWords {
    /// At least.
    pub min: u64,
    /// At most; absent means `UNBOUNDED`.
    pub max: Option<u64>,
    /// Where it is.
    pub span: Span,
}

/// A requirement definition or refinement (8.4).
#[derive(Debug, Default)]
pub struct RequirementDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// Whether it is the single-line form, which gives only `capability`.
    pub is_short: bool,
    /// `capability`: a capability type, or a capability's name in the node type.
    pub capability: Option<Word<'a>>,
    /// `node`: a node type.
    pub node: Option<Word<'a>>,
    /// `relationship`.
    pub relationship: Option<RelationshipDefinition<'a>>,
    /// `node_filter`: a condition clause.
    pub node_filter: Option<Node<'a>>,
    /// `count_range`.
    pub count_range: Option<CountRangeWords>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The relationship of a requirement definition (8.4).
#[derive(Debug, Default)]
pub struct RelationshipDefinition<'a> {
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
    /// `properties`: refinements.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`: refinements.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `interfaces`: refinements.
    pub interfaces: Vec<InterfaceDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An interface definition or refinement (11.2).
#[derive(Debug, Default)]
pub struct InterfaceDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`; may be absent in refinements.
    pub interface_type: Option<Word<'a>>,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `operations`.
    pub operations: Vec<OperationDefinition<'a>>,
    /// `notifications`.
    pub notifications: Vec<OperationDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An operation or notification definition or refinement (11.4, 11.6).
#[derive(Debug, Default)]
pub struct OperationDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `implementation`.
    pub implementation: Option<Implementation<'a>>,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `outputs`.
    pub outputs: Vec<ParameterDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

impl<'a> CapabilityDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { gone: &[VALID_SOURCES, OCCURRENCES], ..Shape::new("a capability definition", "8.2") },
        &[
            ("type", |own, field| own.capability_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.attributes = field.named(Reader::attribute_definition)),
            ("valid_source_node_types", |own, field| own.valid_source_node_types = field.words()),
            ("valid_relationship_types", |own, field| own.valid_relationship_types = field.words()),
        ],
    );
}

impl<'a> RequirementDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            gone: &[("occurrences", "TOSCA 2.0 calls it `count_range`")],
            ..Shape::new("a requirement definition", "8.4")
        },
        &[
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("relationship", |own, field| own.relationship = field.relationship_definition()),
            ("node", |own, field| own.node = field.word()),
            ("capability", |own, field| own.capability = field.word()),
            ("node_filter", |own, field| own.node_filter = field.node_filter()),
            ("count_range", |own, field| own.count_range = field.count_range()),
        ],
    );
}

impl<'a> RelationshipDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("a relationship definition", "8.4"),
        &[
            ("type", |own, field| own.relationship_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.attributes = field.named(Reader::attribute_definition)),
            ("interfaces", |own, field| own.interfaces = field.named(Reader::interface_definition)),
        ],
    );
}

impl<'a> InterfaceDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { hint: OPERATIONS_HINT, ..Shape::new("an interface definition", "11.2") },
        &[
            ("type", |own, field| own.interface_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("inputs", |own, field| own.inputs = field.named(Reader::outgoing_parameter)),
            ("operations", |own, field| own.operations = field.named(Reader::operation_definition)),
            ("notifications", |own, field| own.notifications = field.named(Reader::operation_definition)),
        ],
    );
}

impl<'a> OperationDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("an operation definition", "11.4"),
        &[
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("implementation", |own, field| own.implementation = field.implementation()),
            ("inputs", |own, field| own.inputs = field.named(Reader::outgoing_parameter)),
            ("outputs", |own, field| own.outputs = field.named(Reader::incoming_parameter)),
        ],
    );
}

impl Reader {
    pub(super) fn capability_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> CapabilityDefinition<'a> {
        let mut own = CapabilityDefinition { name, ..CapabilityDefinition::default() };
        own.capability_type = Word::of(node);
        if own.capability_type.is_none() {
            own.hidden = self.fill(&mut own, &CapabilityDefinition::CONSTRUCT, Some(name), node);
        }
        own
    }

    pub(super) fn requirement_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> RequirementDefinition<'a> {
        let mut own = RequirementDefinition { name, ..RequirementDefinition::default() };
        // The grammar of 8.4 has no such form any more, but the standard's own examples and many files do.
        if let Some(capability) = Word::of(node) {
            self.report(
                Diagnostic::warning(
                    "short-requirement",
                    format!("the requirement `{}` says nothing of its relationship", name.text),
                )
                .at(Place::new(capability.span, "a form of TOSCA 1.x"))
                .hint(format!(
                    "write `{}: {{ capability: {}, relationship: … }}`",
                    name.text, capability.text
                ))
                .chapter("8.4"),
            );
            own.is_short = true;
            own.capability = Some(capability);
            return own;
        }
        own.hidden = self.fill(&mut own, &RequirementDefinition::CONSTRUCT, Some(name), node);
        own
    }

    pub(super) fn interface_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> InterfaceDefinition<'a> {
        let mut own = InterfaceDefinition { name, ..InterfaceDefinition::default() };
        own.hidden = self.fill(&mut own, &InterfaceDefinition::CONSTRUCT, Some(name), node);
        own
    }

    /// An operation or a notification: their keynames are the same (11.6).
    pub(super) fn operation_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> OperationDefinition<'a> {
        let mut own = OperationDefinition { name, ..OperationDefinition::default() };
        own.implementation = Word::of(node).map(Implementation::of_name);
        if own.implementation.is_none() {
            own.hidden = self.fill(&mut own, &OperationDefinition::CONSTRUCT, Some(name), node);
        }
        own
    }
}

impl<'a> Field<'a, '_> {
    fn count_range(&mut self) -> Option<CountRangeWords> {
        let span = self.value.span();
        let count = |node: Node<'_>| {
            let scalar = node.as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer)?;
            parse_integer(scalar.text).and_then(|value| u64::try_from(value).ok())
        };
        let items: Vec<_> = self.value.items().into_iter().flatten().collect();
        let range = match items[..] {
            [min, max] => count(min).and_then(|min| {
                let max = if max.as_string() == Some("UNBOUNDED") { None } else { Some(count(max)?) };
                (max.is_none_or(|max| min <= max)).then_some(CountRangeWords { min, max, span })
            }),
            _ => None,
        };
        if range.is_none() {
            self.reader.report(
                Diagnostic::error(
                    "invalid-count-range",
                    "a count range must be `[min, max]`: two counts, min at most max",
                )
                .at(span)
                .hint("the maximum may be `UNBOUNDED`")
                .chapter("8.4"),
            );
            self.hide();
        }
        range
    }

    fn relationship_definition(&mut self) -> Option<RelationshipDefinition<'a>> {
        let mut own = RelationshipDefinition { span: self.value.span(), ..RelationshipDefinition::default() };
        own.relationship_type = Word::of(self.value);
        if own.relationship_type.is_none() {
            let name = self.name();
            let construct = &RelationshipDefinition::CONSTRUCT;
            own.hidden = self.reader.fill(&mut own, construct, Some(name), self.value);
            if self.value.entries().is_none() {
                self.hide();
                return None;
            }
        }
        Some(own)
    }
}
