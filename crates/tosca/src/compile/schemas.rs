//! Schemas (9.3): what values are allowed.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words;
use tosca_syntax::yaml::Node;

use super::{Compiler, Context};
use crate::model::{DataBase, Expression, Schema, TypeId, TypeKind};

/// What a definition says besides its values.
pub(super) struct SchemaWords<'w, 'a> {
    pub(super) data_type: Option<words::Word<'a>>,
    pub(super) key_schema: Option<&'w words::Schema<'a>>,
    pub(super) entry_schema: Option<&'w words::Schema<'a>>,
    pub(super) validation: Option<Node<'a>>,
    pub(super) description: Option<&'a str>,
    pub(super) hides_type: bool,
    pub(super) hides_entry_schema: bool,
    pub(super) is_schema: bool,
    pub(super) span: Span,
}

impl<'w, 'a> SchemaWords<'w, 'a> {
    pub(super) fn of_property(own: &'w words::PropertyDefinition<'a>) -> Self {
        Self {
            data_type: own.data_type,
            key_schema: own.key_schema.as_ref(),
            entry_schema: own.entry_schema.as_ref(),
            validation: own.validation,
            description: own.common.description,
            hides_type: own.hidden.has("type"),
            hides_entry_schema: own.hidden.has("entry_schema"),
            is_schema: false,
            span: own.name.span,
        }
    }

    fn of_schema(own: &'w words::Schema<'a>) -> Self {
        Self {
            data_type: own.data_type,
            key_schema: own.key_schema.as_deref(),
            entry_schema: own.entry_schema.as_deref(),
            validation: own.validation,
            description: own.common.description,
            hides_type: own.hidden.has("type"),
            hides_entry_schema: own.hidden.has("entry_schema"),
            is_schema: true,
            span: own.span,
        }
    }
}

impl<'a> Compiler<'a> {
    /// A schema, over the inherited one when it refines. `None` when there is neither.
    pub(super) fn schema_of(
        &self,
        own: &SchemaWords<'_, 'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        let data_type = match (own.data_type, parent) {
            (Some(word), _) => {
                let found = self.find_type(context.file, TypeKind::Data, word);
                if let Some(parent) = parent.filter(|parent| !self.fits(found, parent.data_type)) {
                    self.not_derived("data", word, found, parent.data_type, parent.span);
                }
                found
            }
            (None, Some(parent)) => parent.data_type,
            (None, None) => {
                if !own.hides_type && own.is_schema {
                    self.report(
                        Diagnostic::error("missing-keyname", "a schema definition needs the keyname `type`")
                            .at(Place::new(own.span, "has no `type`"))
                            .chapter("9.3"),
                    );
                }
                self.unknown.of(TypeKind::Data)
            }
        };
        self.not_abstract(own, data_type);
        let mut validation = parent.map(|parent| parent.validation.clone()).unwrap_or_default();
        validation.extend(self.validation_clause(own.validation, context, Some(data_type)));
        let key_schema = own.key_schema.and_then(|words| {
            self.refined_schema(words, parent.and_then(|parent| parent.key_schema.as_deref()), context)
        });
        self.check_key_schema(key_schema.as_ref());
        let entry_schema = own.entry_schema.and_then(|words| {
            self.refined_schema(words, parent.and_then(|parent| parent.entry_schema.as_deref()), context)
        });
        let key_schema = key_schema.map(Arc::new).or(parent.and_then(|parent| parent.key_schema.clone()));
        let entry_schema =
            entry_schema.map(Arc::new).or(parent.and_then(|parent| parent.entry_schema.clone()));
        if let Some(base) = self.base_of(data_type) {
            // A derived type has one of its own; what it lacks is told there.
            let is_bare = self.type_of(data_type).span.is_none();
            let lacks_entry_schema = entry_schema.is_none() && is_bare && !own.hides_entry_schema;
            self.check_schemas(
                base,
                own.key_schema.map(|schema| schema.span),
                own.entry_schema.map(|schema| schema.span),
                lacks_entry_schema.then_some(own.data_type.map_or(own.span, |word| word.span)),
            );
        }
        Some(Schema {
            data_type,
            key_schema,
            entry_schema,
            validation,
            description: own
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            span: own.span,
        })
    }

    /// `scalar` itself has no units: no value can be of it (9.1.2.2).
    fn not_abstract(&self, own: &SchemaWords<'_, 'a>, data_type: TypeId) {
        if data_type != self.built_in(DataBase::Scalar) {
            return;
        }
        if let Some(word) = own.data_type {
            self.report(
                Diagnostic::error("abstract-type", "`scalar` is abstract: no value can be of it")
                    .at(Place::new(word.span, "has no units"))
                    .hint("define a data type with `derived_from: scalar` and `units`, and name that")
                    .chapter("9.1.2.2"),
            );
        }
    }

    /// A schema definition, over the inherited one when it refines.
    pub(super) fn refined_schema(
        &self,
        own: &words::Schema<'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        self.schema_of(&SchemaWords::of_schema(own), parent, context)
    }

    /// The keys of a map are strings.
    pub(super) fn check_key_schema(&self, key_schema: Option<&Schema>) {
        let Some(key_schema) = key_schema.filter(|schema| !self.is_string(schema.data_type)) else { return };
        self.report(
            Diagnostic::error("invalid-key-schema", "the keys of a map must be strings")
                .at(Place::new(key_schema.span, "not a data type derived from `string`"))
                .chapter("9.3"),
        );
    }

    /// A validation clause.
    /// `subject` is the data type of the value that it is about.
    pub(super) fn validation_clause(
        &self,
        node: Option<Node<'a>>,
        context: Context,
        subject: Option<TypeId>,
    ) -> Option<Expression> {
        let node = node?;
        let context = context.validation(subject);
        let clause = self.expression(node, None, context, &"the validation clause")?;
        let kind = self.kind(&clause, context);
        let is_boolean = kind.as_ref().is_none_or(|kind| kind.base == DataBase::Boolean);
        if !is_boolean || clause.as_value().is_some() {
            let found = kind.map_or_else(|| "not".to_owned(), |kind| self.kind_with_article(&kind));
            self.report(
                Diagnostic::error("invalid-validation", "a validation clause must be a Boolean function")
                    .at(Place::new(node.span(), format!("this is {found}")))
                    .hint("for example: `validation: { $greater_than: [ $value, 0 ] }`")
                    .chapter("9.10"),
            );
            return None;
        }
        Some(clause)
    }
}
