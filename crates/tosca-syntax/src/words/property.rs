//! Properties, attributes, parameters (9.3, 9.5, 9.7) and schemas.

use diagnostics::{Diagnostic, Place, Span};

use super::construct::{CONSTRAINTS, Construct, Hidden, Shape};
use super::field::Field;
use super::reader::{Common, Reader, Word};
use crate::yaml::Node;

/// A property or attribute definition or refinement (9.3, 9.5).
#[derive(Debug, Default)]
pub struct PropertyDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// Whether it is the single-line form, which gives only `value`.
    pub is_short: bool,
    /// `type`.
    pub data_type: Option<Word<'a>>,
    /// `required`.
    pub required: Option<bool>,
    /// `default`.
    pub default: Option<Node<'a>>,
    /// `value`.
    pub value: Option<Node<'a>>,
    /// `validation`.
    pub validation: Option<Node<'a>>,
    /// `key_schema`.
    pub key_schema: Option<Schema<'a>>,
    /// `entry_schema`.
    pub entry_schema: Option<Schema<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A parameter definition or refinement (9.7): a property definition with a mapping.
#[derive(Debug, Default)]
pub struct ParameterDefinition<'a> {
    /// What it shares with a property definition; its short form is a value or a mapping.
    pub property: PropertyDefinition<'a>,
    /// `mapping`.
    pub mapping: Option<Node<'a>>,
}

/// A schema definition (9.3).
#[derive(Debug, Default)]
pub struct Schema<'a> {
    /// `type`.
    pub data_type: Option<Word<'a>>,
    /// `validation`.
    pub validation: Option<Node<'a>>,
    /// `key_schema`.
    pub key_schema: Option<Box<Schema<'a>>>,
    /// `entry_schema`.
    pub entry_schema: Option<Box<Schema<'a>>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A keyname of TOSCA 1.x.
const STATUS: (&str, &str) = ("status", "TOSCA 2.0 has no such keyname; `metadata` can say it");

impl<'a> ParameterDefinition<'a> {
    const PROPERTY: Construct<'a, Self> = Construct::new(
        Shape { gone: &[CONSTRAINTS, STATUS], ..Shape::new("a property definition", "9.3") },
        &[
            ("type", |own, field| own.property.data_type = field.word()),
            ("description", |own, field| own.property.common.description = field.text()),
            ("metadata", |own, field| own.property.common.metadata = field.metadata()),
            ("required", |own, field| own.property.required = field.boolean()),
            ("default", |own, field| own.property.default = field.node()),
            ("value", |own, field| own.property.value = field.node()),
            ("validation", |own, field| own.property.validation = field.node()),
            ("key_schema", |own, field| own.property.key_schema = field.schema()),
            ("entry_schema", |own, field| own.property.entry_schema = field.schema()),
        ],
    );

    const ATTRIBUTE: Construct<'a, Self> = Construct::new(
        Shape { gone: &[CONSTRAINTS, STATUS], ..Shape::new("an attribute definition", "9.5") },
        &[
            ("type", |own, field| own.property.data_type = field.word()),
            ("description", |own, field| own.property.common.description = field.text()),
            ("metadata", |own, field| own.property.common.metadata = field.metadata()),
            ("default", |own, field| own.property.default = field.node()),
            ("validation", |own, field| own.property.validation = field.node()),
            ("key_schema", |own, field| own.property.key_schema = field.schema()),
            ("entry_schema", |own, field| own.property.entry_schema = field.schema()),
        ],
    );

    const PARAMETER: Construct<'a, Self> = Construct::new(
        Shape { gone: &[CONSTRAINTS, STATUS], ..Shape::new("a parameter definition", "9.7") },
        &[
            ("type", |own, field| own.property.data_type = field.word()),
            ("description", |own, field| own.property.common.description = field.text()),
            ("metadata", |own, field| own.property.common.metadata = field.metadata()),
            ("required", |own, field| own.property.required = field.boolean()),
            ("default", |own, field| own.property.default = field.node()),
            ("value", |own, field| own.property.value = field.node()),
            ("mapping", |own, field| own.mapping = field.node()),
            ("validation", |own, field| own.property.validation = field.node()),
            ("key_schema", |own, field| own.property.key_schema = field.schema()),
            ("entry_schema", |own, field| own.property.entry_schema = field.schema()),
        ],
    );
}

impl<'a> Schema<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { gone: &[CONSTRAINTS], ..Shape::new("a schema definition", "9.3") },
        &[
            // A refinement may leave it out.
            ("type", |own, field| own.data_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("validation", |own, field| own.validation = field.node()),
            ("key_schema", |own, field| own.key_schema = field.schema().map(Box::new)),
            ("entry_schema", |own, field| own.entry_schema = field.schema().map(Box::new)),
        ],
    );
}

impl Reader {
    pub(super) fn property_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> PropertyDefinition<'a> {
        self.definition(&ParameterDefinition::PROPERTY, name, node).property
    }

    pub(super) fn attribute_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> PropertyDefinition<'a> {
        self.definition(&ParameterDefinition::ATTRIBUTE, name, node).property
    }

    /// An outgoing parameter: its short form is a value.
    pub(super) fn outgoing_parameter<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> ParameterDefinition<'a> {
        let mut own = self.definition(&ParameterDefinition::PARAMETER, name, node);
        if let Some(mapping) = own.mapping.take() {
            self.report(
                Diagnostic::error(
                    "misplaced-mapping",
                    format!("the parameter `{}` is outgoing: it has no mapping", name.text),
                )
                .at(Place::new(mapping.span(), "not allowed here"))
                .hint("give it a `value`")
                .chapter("9.7"),
            );
        }
        own
    }

    /// An incoming parameter: its short form is a mapping.
    pub(super) fn incoming_parameter<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> ParameterDefinition<'a> {
        let mut own = self.definition(&ParameterDefinition::PARAMETER, name, node);
        if let Some(value) = own.property.value.take() {
            if own.property.is_short {
                own.mapping = Some(value);
            } else {
                self.report(
                    Diagnostic::error(
                        "misplaced-value",
                        format!("the parameter `{}` is incoming: it has no value", name.text),
                    )
                    .at(Place::new(value.span(), "not allowed here"))
                    .hint("its value comes from outside; `mapping` says which attribute it goes to")
                    .chapter("9.7"),
                );
            }
        }
        own
    }

    /// An output of a workflow: a mapping, as short as a list (13.2), or a value (9.7).
    pub(super) fn workflow_output<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> ParameterDefinition<'a> {
        let mut own = self.definition(&ParameterDefinition::PARAMETER, name, node);
        if own.property.is_short && node.entries().is_none() {
            own.mapping = own.property.value.take();
        }
        if let (Some(value), Some(mapping)) = (own.property.value, own.mapping) {
            let message = format!("the output `{}` has a value and a mapping", name.text);
            self.report(
                Diagnostic::error("misplaced-value", message)
                    .at(Place::new(value.span(), "what it is"))
                    .related(Place::new(mapping.span(), "where what comes from outside goes to"))
                    .hint("leave one of them out")
                    .chapter("9.7"),
            );
        } else if own.property.value.is_none() && own.mapping.is_none() && own.property.hidden.is_empty() {
            self.report(
                Diagnostic::error("missing-keyname", format!("the output `{}` has no value", name.text))
                    .at(name.span)
                    .hint("write `[ node, attribute ]`, or give it a `value`")
                    .chapter("13.2"),
            );
        }
        own
    }

    fn definition<'a>(
        &mut self,
        construct: &Construct<'a, ParameterDefinition<'a>>,
        name: Word<'a>,
        node: Node<'a>,
    ) -> ParameterDefinition<'a> {
        let property = PropertyDefinition { name, ..PropertyDefinition::default() };
        let mut own = ParameterDefinition { property, mapping: None };
        let is_empty = node.entries().is_some_and(|entries| entries.len() == 0);
        if is_empty || construct.has_keyname_in(node) || construct.has_near_keyname_in(node) {
            own.property.hidden = self.fill(&mut own, construct, Some(name), node);
        } else {
            own.property.is_short = true;
            own.property.value = Some(node);
        }
        own
    }

    pub(super) fn schema<'a>(&mut self, node: Node<'a>) -> Option<Schema<'a>> {
        let mut own = Schema { span: node.span(), ..Schema::default() };
        own.data_type = Word::of(node);
        if own.data_type.is_none() {
            own.hidden = self.fill(&mut own, &Schema::CONSTRUCT, None, node);
            node.entries()?;
        }
        Some(own)
    }
}

impl<'a> Field<'a, '_> {
    /// A schema definition, or the name of its type.
    pub(super) fn schema(&mut self) -> Option<Schema<'a>> {
        let schema = self.reader.schema(self.value);
        self.is_hidden |= schema.is_none();
        schema
    }
}
