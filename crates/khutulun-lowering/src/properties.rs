//! Properties, attributes, inputs and outputs.

use std::sync::Arc;

use diagnostics::{Diagnostic, Span};
use floria::{Call, Expression, Properties, Property, Value};
use khutulun_api::names;
use tosca::model::{self, Map, Name, Parameter, Schema};
use tosca_functions::{NAMESPACE, coerce};

use crate::{expressions, lower::Lowering, schemas::LoweredSchema};

impl Lowering<'_, '_> {
    /// Properties: read-only.
    pub(crate) fn properties(&mut self, properties: &Map<model::Property>) -> Properties {
        let mut lowered = Properties::new();
        for (name, property) in properties {
            lowered.insert(name.as_str().to_owned(), self.property(name, property));
        }
        lowered
    }

    /// Attributes, beside the properties: a property is readable as an attribute, too, so no two share a name (TOSCA 2.0, 9.5).
    pub(crate) fn attributes(
        &mut self,
        attributes: &Map<model::Property>,
        properties: &mut Properties,
        span: Span,
    ) {
        for (name, attribute) in attributes {
            let lowered = self.attribute(name, attribute);
            if properties.insert(name.as_str().to_owned(), lowered).is_some() {
                let message = format!("`{name}` is a property and an attribute");
                self.tell(Diagnostic::error("ambiguous-name", message).at(span).chapter("9.5"));
            }
        }
    }

    fn property(&mut self, name: &Name, property: &model::Property) -> Property {
        let schema = property.schema.as_ref().map(|schema| self.shared_schema(schema, !property.required));
        let mut lowered = Property {
            read_only: true,
            metadata: expressions::metadata(self.model, &property.metadata),
            origin: self.origin(property.span),
            ..Property::default()
        };
        if let Some(change) = lowered.metadata.get(names::CHANGE) {
            self.check_change(change, property.span);
        }
        let Some(expression) = &property.value else { return lowered };
        match self.expression(expression) {
            // Nothing changes a literal of a template but another template, so it is checked here and once.
            Expression::Literal(value) => {
                lowered.value = Some(match &schema {
                    None => value,
                    Some(schema) => coerce(&schema.schema, name, &value).unwrap_or_else(|error| {
                        for mistake in error.mistakes {
                            self.tell(Diagnostic::error("invalid-value", mistake).at(expression.span));
                        }
                        value
                    }),
                });
                // But for what only evaluation can check.
                lowered.preparer = schema
                    .filter(|schema| schema.schema.calls_custom())
                    .map(|schema| preparer(&schema, name));
            }
            updater => {
                lowered.updater = Some(updater);
                lowered.preparer = schema.map(|schema| preparer(&schema, name));
            }
        }
        lowered
    }

    fn attribute(&mut self, name: &Name, attribute: &model::Property) -> Property {
        // Whether it has a value or not is reality's to say, so nil is always taken.
        let schema = attribute.schema.as_ref().map(|schema| self.shared_schema(schema, true));
        let mut lowered = Property {
            preparer: schema.map(|schema| preparer(&schema, name)),
            metadata: expressions::metadata(self.model, &attribute.metadata),
            origin: self.origin(attribute.span),
            ..Property::default()
        };
        self.set(&mut lowered, attribute.value.as_ref());
        lowered
    }

    /// An input of the service: what it says is only a default, so its schema is always there.
    pub(crate) fn input(&mut self, name: &Name, input: &Parameter) -> Property {
        let schema = input.schema.as_ref().map(|schema| self.schema(schema, !input.required));
        let mut lowered = Property {
            preparer: schema.map(|schema| preparer(&schema, name)),
            read_only: true,
            metadata: expressions::metadata(self.model, &input.metadata),
            origin: self.origin(input.span),
            ..Property::default()
        };
        if input.required {
            lowered.metadata.insert(names::REQUIRED.to_owned(), true.into());
        }
        self.set(&mut lowered, input.default.as_ref());
        lowered
    }

    /// An output of the service.
    pub(crate) fn output(&mut self, name: &Name, output: &Parameter) -> Property {
        // What an output shows may not be there yet, or no more.
        let schema = output.schema.as_ref().map(|schema| self.schema(schema, true));
        let mut lowered = Property {
            preparer: schema.map(|schema| preparer(&schema, name)),
            read_only: true,
            metadata: expressions::metadata(self.model, &output.metadata),
            origin: self.origin(output.span),
            ..Property::default()
        };
        self.set(&mut lowered, output.value.as_ref());
        lowered
    }

    /// An input of an operation: checked when it is evaluated.
    pub(crate) fn operation_input(&mut self, name: &Name, input: &model::Property) -> Option<Expression> {
        let value = self.expression(input.value.as_ref()?);
        let schema: Option<&Arc<Schema>> = input.schema.as_ref();
        let Some(schema) = schema else { return Some(value) };
        let schema = self.shared_schema(schema, !input.required);
        if let Expression::Literal(literal) = &value {
            match coerce(&schema.schema, name, literal) {
                Ok(_) if schema.schema.calls_custom() => {}
                Ok(coerced) => return Some(Expression::Literal(coerced)),
                Err(error) => {
                    for mistake in error.mistakes {
                        self.tell(Diagnostic::error("invalid-value", mistake).at(input.span));
                    }
                    return None;
                }
            }
        }
        let Expression::Call(mut call) = preparer(&schema, name) else { return Some(value) };
        call.arguments.push(value);
        call.origin = self.origin(input.span);
        Some(Expression::Call(call))
    }

    fn set(&mut self, property: &mut Property, value: Option<&model::Expression>) {
        match value.map(|value| self.expression(value)) {
            None => {}
            Some(Expression::Literal(value)) => property.value = Some(value),
            Some(updater) => property.updater = Some(updater),
        }
    }

    /// A word in `khutulun.change` that nobody knows would be ignored by the planner, so it is told here.
    pub(crate) fn check_change(&mut self, change: &Value, span: Span) {
        if !change.as_text().is_some_and(|word| names::CHANGES.contains(&word)) {
            self.tell(
                Diagnostic::error("unknown-change", format!("`{change}` is not a kind of change"))
                    .at(span)
                    .hint(format!("`{}` is one of {}", names::CHANGE, diagnostics::one_of(names::CHANGES))),
            );
        }
    }
}

/// The call that checks a value: the evaluator appends the value. It has no origin, so that a mistake is told at the property.
fn preparer(schema: &LoweredSchema, name: &str) -> Expression {
    Expression::from(Call {
        function: format!("{NAMESPACE}coerce"),
        arguments: vec![Expression::Literal(schema.value.clone()), Expression::Literal(name.into())],
        origin: None,
    })
}
