//! Values and expressions.

use diagnostics::{Diagnostic, Span};
use floria::{Call, Expression, Metadata, Value, ValueMap};
use tosca::model::{self, ExpressionKind, Index, Model, PathStart, Reference, Step};
use tosca_functions::{NAMESPACE, special};

use crate::lower::Lowering;

/// A literal value of a model.
pub(crate) fn value(model: &Model, value: &model::Value) -> Value {
    match value {
        model::Value::Nil => Value::Null,
        model::Value::Boolean(value) => Value::Boolean(*value),
        model::Value::Integer(value) => Value::Integer(*value),
        model::Value::Float(value) => Value::Float(*value),
        model::Value::String(text) => Value::Text(text.as_ref().to_owned()),
        model::Value::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        model::Value::Timestamp(timestamp) => special::timestamp(timestamp),
        model::Value::Version(version) => special::version(version),
        model::Value::Scalar(scalar) => {
            let family = model.type_of(scalar.family).qualified_name.as_str();
            special::scalar(family, &scalar.canonical_unit, scalar.canonical, scalar.to_string())
        }
        model::Value::List(items) => Value::List(items.iter().map(|item| self::value(model, item)).collect()),
        model::Value::Map(entries) => {
            let entry = |(key, value): &_| (self::value(model, key), self::value(model, value));
            Value::Map(entries.iter().map(entry).collect::<ValueMap>())
        }
    }
}

/// The metadata of an element.
pub(crate) fn metadata(model: &Model, metadata: &model::Metadata) -> Metadata {
    metadata.iter().map(|(name, value)| (name.as_str().to_owned(), self::value(model, value))).collect()
}

/// The value of an input of the service.
pub(crate) fn input(name: &str) -> Expression {
    Expression::from(Call {
        function: format!("{NAMESPACE}get_input"),
        arguments: vec![word(name)],
        origin: None,
    })
}

impl Lowering<'_, '_> {
    /// An expression, with what is not run yet told as diagnostics.
    pub(crate) fn expression(&mut self, expression: &model::Expression) -> Expression {
        match &expression.kind {
            ExpressionKind::Value(literal) => Expression::Literal(value(self.model, literal)),
            ExpressionKind::List(items) => {
                Expression::List(items.iter().map(|item| self.expression(item)).collect())
            }
            ExpressionKind::Map(entries) => Expression::Map(
                entries.iter().map(|(key, value)| (self.expression(key), self.expression(value))).collect(),
            ),
            ExpressionKind::Call(call) => {
                let arguments = match &**call {
                    model::Call::Custom { name, function, signature, arguments } => {
                        return self.custom_call(name, *function, *signature, arguments, expression.span);
                    }
                    model::Call::GetInput { input, nested } => {
                        let name = Expression::Literal(input.as_str().into());
                        std::iter::once(name).chain(nested.iter().map(|step| self.expression(step))).collect()
                    }
                    model::Call::GetProperty(reference)
                    | model::Call::GetAttribute(reference)
                    | model::Call::GetArtifact(reference)
                    | model::Call::AvailableAllocation(reference) => self.reference(reference),
                    model::Call::Concat(arguments) => self.expressions(arguments),
                    model::Call::Function { function, arguments }
                        if tosca_functions::is_function(function) =>
                    {
                        self.expressions(arguments)
                    }
                    other => {
                        self.tell(
                            Diagnostic::error(
                                "unsupported-function",
                                format!("the function `${}` is not supported here yet", other.function()),
                            )
                            .at(expression.span),
                        );
                        Vec::new()
                    }
                };
                Expression::from(Call {
                    function: format!("{NAMESPACE}{}", call.function()),
                    arguments,
                    origin: self.origin(expression.span),
                })
            }
        }
    }

    /// Reads what a mapping names.
    pub(crate) fn attribute_of(&mut self, mapping: &Reference, span: Span) -> Expression {
        Expression::from(Call {
            function: format!("{NAMESPACE}get_attribute"),
            arguments: self.reference(mapping),
            origin: self.origin(span),
        })
    }

    fn expressions(&mut self, expressions: &[model::Expression]) -> Vec<Expression> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    fn reference(&mut self, reference: &Reference) -> Vec<Expression> {
        let words = self.path(&reference.path);
        let is_literal = words.iter().all(|word| matches!(word, Expression::Literal(_)));
        let path = match is_literal {
            true => Expression::Literal(Value::List(words.into_iter().filter_map(literal).collect())),
            false => Expression::List(words),
        };
        let mut arguments = vec![path, Expression::Literal(reference.name.as_str().into())];
        arguments.extend(reference.nested.iter().map(|step| self.expression(step)));
        arguments
    }

    /// A path in the standard's own words, without indexes that are 0.
    fn path(&mut self, path: &model::Path) -> Vec<Expression> {
        let mut words: Vec<Expression> = Vec::with_capacity(1 + 3 * path.steps.len());
        match &path.start {
            PathStart::SelfNode | PathStart::SelfRelationship => words.push(word("SELF")),
            PathStart::Node { template, index } => {
                words.push(word(self.model.node(*template).name.as_str()));
                words.extend(self.index(index));
            }
            PathStart::Relationship { template } => words.push(word(template)),
        }
        for step in &path.steps {
            let (names, index): (&[&str], Option<&Index>) = match step {
                Step::Outgoing { requirement, index } => (&["RELATIONSHIP", requirement], Some(index)),
                Step::Incoming { capability, index } => {
                    (&["CAPABILITY", capability, "RELATIONSHIP"], Some(index))
                }
                Step::Capability { capability } => (&["CAPABILITY", capability], None),
                Step::Source => (&["SOURCE"], None),
                Step::Target => (&["TARGET"], None),
                Step::Sibling { index } => (&["CAPABILITY", "RELATIONSHIP"], Some(index)),
                Step::TargetCapability => (&["CAPABILITY"], None),
            };
            words.extend(names.iter().copied().map(word));
            words.extend(index.and_then(|index| self.index(index)));
        }
        words
    }

    fn index(&mut self, index: &Index) -> Option<Expression> {
        match index {
            Index::At(0) => None,
            // An index beyond 2^63 is out of range wherever it leads.
            Index::At(index) => {
                Some(Expression::Literal(Value::Integer(i64::try_from(*index).unwrap_or(i64::MAX))))
            }
            Index::Computed(index) => Some(self.expression(index)),
            Index::All => Some(word("ALL")),
        }
    }
}

fn word(text: &str) -> Expression {
    Expression::Literal(text.into())
}

fn literal(expression: Expression) -> Option<Value> {
    match expression {
        Expression::Literal(value) => Some(value),
        _ => None,
    }
}
