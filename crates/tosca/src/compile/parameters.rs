//! Parameter definitions (9.7).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place};
use tosca_syntax::words;

use super::schemas::SchemaWords;
use super::{Compiler, Context};
use crate::model::{DataBase, Map, ParameterDefinition, Schema};

impl<'a> Compiler<'a> {
    /// Parameter definitions of interfaces and operations: one's own over the inherited ones.
    pub(super) fn parameter_definitions(
        &self,
        words: &'a [words::ParameterDefinition<'a>],
        inherited: &Map<Arc<ParameterDefinition>>,
        context: Context,
        what: &'static str,
    ) -> Map<Arc<ParameterDefinition>> {
        let mut definitions = inherited.clone();
        for own in words {
            let name = self.name(own.property.name.text);
            let parent = definitions.get(&name).cloned();
            if let Some(definition) = self.parameter_definition(own, parent.as_deref(), context, what) {
                definitions.insert(name, Arc::new(definition));
            }
        }
        definitions
    }

    fn parameter_definition(
        &self,
        own: &'a words::ParameterDefinition<'a>,
        parent: Option<&ParameterDefinition>,
        context: Context,
        what: &'static str,
    ) -> Option<ParameterDefinition> {
        let words = &own.property;
        let name = words.name;
        let fixed = parent.and_then(|parent| {
            parent.value.as_ref().map(|value| value.span).or(parent.mapping.as_ref().map(|to| to.name_span))
        });
        if let Some(fixed) = fixed {
            self.report(
                Diagnostic::error("fixed-value", format!("the {what} `{}` has a fixed value", name.text))
                    .at(Place::new(name.span, "cannot be refined any more"))
                    .related(Place::new(fixed, "fixed here"))
                    .chapter("9.7"),
            );
            return None;
        }
        let schema =
            self.parameter_schema(words, parent.and_then(|parent| parent.schema.as_deref()), context);
        let required = self.required(words, parent.map(|parent| (parent.required, parent.span)), what);
        let label = format_args!("the {what} `{}`", name.text);
        let default = words.default.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        let value = words.value.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        self.check_default(words, required, what);
        let schema = schema.map(Arc::new);
        let mapping = own.mapping.and_then(|node| self.mapping(node, schema.as_ref(), context));
        Some(ParameterDefinition {
            schema,
            // Where a value is written and wrong, nobody else has to give one.
            required: required
                && (words.default.is_none() || default.is_some())
                && (words.value.is_none() || value.is_some()),
            default: default.or(parent.and_then(|parent| parent.default.clone())),
            value,
            mapping,
            description: words
                .common
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            metadata: self.metadata_or(words.common.metadata, parent.map(|parent| &parent.metadata)),
            span: name.span,
        })
    }

    /// The schema of a parameter, which may have none.
    pub(super) fn parameter_schema(
        &self,
        words: &words::PropertyDefinition<'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        if words.data_type.is_none() && parent.is_none() {
            if words.hidden.has("type") {
                return None;
            }
            if let Some(schema) = words.entry_schema.as_ref().or(words.key_schema.as_ref()) {
                self.check_schemas(DataBase::Nil, Some(schema.span), None, None);
            }
            return None;
        }
        self.schema_of(&SchemaWords::of_property(words), parent, context)
    }
}
