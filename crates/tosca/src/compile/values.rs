//! Values: literals coerced to their data types, functions kept as expressions.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::{Content, Node, Scalar, ScalarKind, parse_float, parse_integer};

use super::form::{Form, form, unescaped, without_dollar};
use super::{Compiler, Context, SelfIs};
use crate::model::{DataBase, Expression, ExpressionKind, Map, Schema, TypeId, Value};

impl<'a> Compiler<'a> {
    /// A value: `schema` says what is allowed, `what` names it in messages (``the property `port` ``). `None` when
    /// it was reported.
    pub(super) fn expression(
        &self,
        node: Node<'a>,
        schema: Option<&Schema>,
        context: Context,
        what: &dyn Display,
    ) -> Option<Expression> {
        match form(node) {
            Form::Literal => {}
            Form::Call { name, span, arguments } => {
                let call = self.call(name, span, arguments, node.span(), context)?;
                if let Some(schema) = schema {
                    self.check_call(&call, schema, node.span(), context, what)?;
                }
                let Some(value) = self.fold(&call, node.span(), context).ok()? else {
                    return Some(Expression::call(call, node.span()));
                };
                let value = match schema {
                    Some(schema) => self.conform(value, schema, node.span(), what)?,
                    None => value,
                };
                return Some(Expression::value(value, node.span()));
            }
            Form::Malformed(key) => {
                self.report(
                    Diagnostic::error("malformed-function", "a function must be the only key of its map")
                        .at(Place::new(key.span(), "a function, by its `$`"))
                        .hint("to have a key that begins with `$`, write it with `$$`")
                        .chapter("10.1"),
                );
                return None;
            }
        }
        let expression = match schema.and_then(|schema| Some((schema, self.base_of(schema.data_type)?))) {
            Some((schema, base)) => self.typed(node, schema, base, context, what)?,
            None => self.untyped(node, context)?,
        };
        if let (Some(schema), Some(value)) = (schema, expression.as_value()) {
            self.validate(value, schema, expression.span, what)?;
        }
        Some(expression)
    }

    /// A literal whose type is not known.
    fn untyped(&self, node: Node<'a>, context: Context) -> Option<Expression> {
        let span = node.span();
        match node.content() {
            Content::Scalar(scalar) => {
                let value = match scalar.kind {
                    ScalarKind::Null => Value::Nil,
                    ScalarKind::Boolean => Value::Boolean(scalar.text.eq_ignore_ascii_case("true")),
                    ScalarKind::Integer => Value::Integer(self.integer(scalar, span)?),
                    ScalarKind::Float => Value::Float(parse_float(scalar.text)?),
                    ScalarKind::String => Value::String(self.text(unescaped(scalar.text))),
                };
                Some(Expression::value(value, span))
            }
            Content::Sequence(items) => {
                let items: Vec<_> =
                    items.map(|item| self.expression(item, None, context, &"an entry")).collect();
                Some(list(items.into_iter().collect::<Option<_>>()?, span))
            }
            Content::Mapping(entries) => {
                let entries: Vec<_> = entries
                    .map(|(key, value)| {
                        let key = self.untyped_key(key, context);
                        Some((key?, self.expression(value, None, context, &"an entry")?))
                    })
                    .collect();
                Some(map(entries.into_iter().collect::<Option<_>>()?, span))
            }
        }
    }

    fn untyped_key(&self, key: Node<'a>, context: Context) -> Option<Expression> {
        self.expression(key, None, context, &"a key")
    }

    fn text(&self, text: &str) -> Arc<str> {
        // Short texts repeat (names, protocols, states); long ones hardly do, and are not worth the hash.
        const SHARED_BYTES_MAX: usize = 32;
        if text.len() <= SHARED_BYTES_MAX { self.name(text).as_arc().clone() } else { text.into() }
    }

    fn integer(&self, scalar: Scalar<'_>, span: Span) -> Option<i64> {
        let value = parse_integer(scalar.text);
        if value.is_none() {
            self.report(
                Diagnostic::error("integer-out-of-range", "the integer does not fit 64 bits with a sign")
                    .at(span)
                    .hint("TOSCA integers are from -9223372036854775808 to 9223372036854775807")
                    .chapter("9.1.1.2"),
            );
        }
        value
    }

    /// A literal of a known data type.
    fn typed(
        &self,
        node: Node<'a>,
        schema: &Schema,
        base: DataBase,
        context: Context,
        what: &dyn Display,
    ) -> Option<Expression> {
        let span = node.span();
        match (base, node.content()) {
            (DataBase::List, Content::Sequence(items)) => {
                let entry =
                    schema.entry_schema.as_ref().or(self.data(schema.data_type).entry_schema.as_ref());
                let label = format_args!("an entry of {what}").to_string();
                let items: Vec<_> = items
                    .map(|item| self.expression(item, entry.map(|entry| &**entry), context, &label))
                    .collect();
                Some(list(items.into_iter().collect::<Option<_>>()?, span))
            }
            (DataBase::Map, Content::Mapping(entries)) => {
                let data = self.data(schema.data_type);
                let entry = schema.entry_schema.as_ref().or(data.entry_schema.as_ref());
                let key_schema = schema.key_schema.as_ref().or(data.key_schema.as_ref());
                let label = format_args!("an entry of {what}").to_string();
                let entries: Vec<_> = entries
                    .map(|(key, value)| {
                        let key = self.map_key(key, key_schema.map(|schema| &**schema), context, what);
                        let value = self.expression(value, entry.map(|entry| &**entry), context, &label);
                        Some((key?, value?))
                    })
                    .collect();
                Some(map(entries.into_iter().collect::<Option<_>>()?, span))
            }
            (DataBase::Structure, Content::Mapping(_)) => {
                self.structure(node, schema.data_type, context, what, 0)
            }
            (
                DataBase::Bytes | DataBase::Timestamp | DataBase::Scalar | DataBase::Version,
                Content::Scalar(Scalar { text, kind: ScalarKind::String, .. }),
            ) => {
                let value = self.special(text, base, schema.data_type, span, what)?;
                Some(Expression::value(value, span))
            }
            (_, Content::Scalar(scalar)) => match self.scalar(scalar, base, span) {
                Ok(value) => Some(Expression::value(value?, span)),
                Err(()) => self.wrong_type(node, schema, base, what),
            },
            _ => self.wrong_type(node, schema, base, what),
        }
    }

    /// A computed value as one of a schema.
    fn conform(&self, value: Value, schema: &Schema, span: Span, what: &dyn Display) -> Option<Value> {
        let Some(base) = self.base_of(schema.data_type) else { return Some(value) };
        let value = match (base, value) {
            (DataBase::Float, Value::Integer(value)) => Value::Float(value as f64),
            (DataBase::List, Value::List(items)) => {
                let entry = schema.entry_schema.as_ref();
                match entry.or(self.data(schema.data_type).entry_schema.as_ref()) {
                    Some(entry) => {
                        let items = items.into_iter().map(|item| self.conform(item, entry, span, what));
                        Value::List(items.collect::<Option<_>>()?)
                    }
                    None => Value::List(items),
                }
            }
            (
                DataBase::Bytes | DataBase::Timestamp | DataBase::Scalar | DataBase::Version,
                Value::String(text),
            ) => self.special(&text, base, schema.data_type, span, what)?,
            (_, value) => value,
        };
        let found = self.kind(&Expression::value(value.clone(), span), Context::in_type(0, SelfIs::Unknown));
        if let Some(wanted) = found.as_ref().and_then(|found| self.misfit(found, schema)) {
            let message = format!("{what} must be of type {wanted}, but the result is a {}", value.kind());
            self.report(Diagnostic::error("wrong-type", message).at(span).chapter("10.2"));
            return None;
        }
        self.validate(&value, schema, span, what)?;
        Some(value)
    }

    fn map_key(
        &self,
        key: Node<'a>,
        schema: Option<&Schema>,
        context: Context,
        what: &dyn Display,
    ) -> Option<Expression> {
        let label = format_args!("a key of {what}").to_string();
        // 10.1: a function may give the key.
        if schema.is_some() || !matches!(form(key), Form::Literal) {
            let key = self.expression(key, schema, context, &label)?;
            let kind = if schema.is_none() { self.kind(&key, context) } else { None };
            if let Some(kind) = kind.filter(|kind| kind.base != DataBase::String) {
                let found = self.kind_with_article(&kind);
                let message = format!("{label} must be a string, but this gives {found}");
                self.report(Diagnostic::error("wrong-type", message).at(key.span).chapter("9.1.3.2"));
                return None;
            }
            return Some(key);
        }
        match key.as_string() {
            Some(text) => Some(Expression::value(Value::String(self.text(unescaped(text))), key.span())),
            None => {
                self.report(wrong(key, &label, "a string", None));
                None
            }
        }
    }

    /// `Err` when the scalar is not of the type; `Ok(None)` when it was reported.
    fn scalar(&self, scalar: Scalar<'_>, base: DataBase, span: Span) -> Result<Option<Value>, ()> {
        Ok(match (base, scalar.kind) {
            (DataBase::String, ScalarKind::String) => Some(Value::String(self.text(unescaped(scalar.text)))),
            (DataBase::Integer, ScalarKind::Integer) => self.integer(scalar, span).map(Value::Integer),
            // 9.1.1.3: the only conversion that the standard has.
            (DataBase::Float, ScalarKind::Integer | ScalarKind::Float) => {
                parse_float(scalar.text).map(Value::Float)
            }
            // 9.1.1.4: only in lower case.
            (DataBase::Boolean, ScalarKind::Boolean) if scalar.text == "true" => Some(Value::Boolean(true)),
            (DataBase::Boolean, ScalarKind::Boolean) if scalar.text == "false" => Some(Value::Boolean(false)),
            (DataBase::Nil, ScalarKind::Null) => Some(Value::Nil),
            _ => return Err(()),
        })
    }

    fn wrong_type(
        &self,
        node: Node<'a>,
        schema: &Schema,
        base: DataBase,
        what: &dyn Display,
    ) -> Option<Expression> {
        let name = &self.type_of(schema.data_type).name;
        let wanted = match base {
            DataBase::Structure => format!("a map with the properties of `{name}`"),
            DataBase::Integer => "an integer".to_owned(),
            DataBase::Nil => "null".to_owned(),
            DataBase::Bytes => "bytes in Base64".to_owned(),
            DataBase::Scalar => "a number with a unit".to_owned(),
            base => format!("a {}", base.as_str()),
        };
        let mut diagnostic =
            wrong(node, what, &wanted, (base.as_str() != name.as_str()).then_some(name.as_str()));
        let scalar = node.as_scalar();
        let hint = match (base, scalar.map(|scalar| scalar.kind)) {
            (DataBase::String, Some(ScalarKind::Integer | ScalarKind::Float | ScalarKind::Boolean)) => {
                scalar.map(|scalar| format!("put it in quotes: \"{}\"", scalar.text))
            }
            (DataBase::Version, Some(ScalarKind::Integer | ScalarKind::Float)) => {
                scalar.map(|scalar| format!("put it in quotes: \"{}\"", scalar.text))
            }
            (DataBase::Scalar, Some(ScalarKind::Integer | ScalarKind::Float)) => {
                let units = self.data(schema.data_type).units.as_ref();
                scalar.zip(units).map(|(scalar, units)| {
                    format!("write the unit: `{} {}`", scalar.text, units.canonical_unit)
                })
            }
            (DataBase::Boolean, Some(_)) => {
                Some("booleans are written `true` and `false`, without quotes".to_owned())
            }
            (DataBase::Integer | DataBase::Float, Some(ScalarKind::String))
                if scalar.is_some_and(|scalar| scalar.text.parse::<f64>().is_ok()) =>
            {
                Some("leave out the quotes".to_owned())
            }
            (DataBase::List, Some(_)) => {
                scalar.map(|scalar| format!("for a list of one, write `[{}]`", scalar.text))
            }
            _ => without_dollar(node),
        };
        if schema.span.source != node.span().source || schema.span != node.span() {
            diagnostic = diagnostic.related(Place::new(schema.span, "defined here"));
        }
        self.report(diagnostic.maybe_hint(hint));
        None
    }

    /// A value of a data type with properties; defaults are filled in.
    fn structure(
        &self,
        node: Node<'a>,
        data_type: TypeId,
        context: Context,
        what: &dyn Display,
        start: usize,
    ) -> Option<Expression> {
        let data = self.data(data_type);
        let name = &self.type_of(data_type).name;
        let mut given: HashMap<&str, ()> = HashMap::new();
        let mut entries = Vec::new();
        let mut is_whole = true;
        for (key, value) in node.entries().into_iter().flatten().skip(start) {
            let Some(text) = key.as_string() else {
                self.report(wrong(key, &format_args!("a key of {what}"), "a string", None));
                is_whole = false;
                continue;
            };
            let text = unescaped(text);
            given.insert(text, ());
            let Some(definition) = data.properties.get(text) else {
                is_whole = false;
                if !self.is_vague(data_type, "properties") {
                    let names = data.properties.keys().map(|name| name.as_str());
                    let near = if self.can_suggest() { did_you_mean(text, names.clone()) } else { None };
                    let known = format!("the properties of `{name}` are: {}", one_of(names));
                    self.report(
                        Diagnostic::error("unknown-property", format!("unknown property `{text}` in {what}"))
                            .at(Place::new(key.span(), format!("not a property of the data type `{name}`")))
                            .hint(near.unwrap_or(known))
                            .chapter("9.2"),
                    );
                }
                continue;
            };
            if let Some(fixed) = &definition.value {
                self.fixed(&format_args!("the property `{text}` of {what}"), key.span(), fixed.span);
                is_whole = false;
                continue;
            }
            let label = format!("the property `{text}` of {what}");
            match self.expression(value, Some(&definition.schema), context, &label) {
                Some(value) => {
                    let key = Expression::value(Value::String(self.text(text)), key.span());
                    entries.push((key, value));
                }
                None => is_whole = false,
            }
        }
        let mut missing = Vec::new();
        for (name, definition) in &data.properties {
            if given.contains_key(name.as_str()) {
                continue;
            }
            let value =
                definition.value.as_ref().or(definition.default.as_ref().filter(|_| definition.required));
            match value {
                Some(value) => {
                    let key = Expression::value(Value::String(name.as_arc().clone()), value.span);
                    match self.copy(value) {
                        Some(value) => entries.push((key, value)),
                        None => is_whole = false,
                    }
                }
                None if definition.required => missing.push((name, definition.span)),
                None => {}
            }
        }
        for (missing, defined) in missing {
            // One of the unknown names may have been meant.
            let is_misspelt = self.can_suggest()
                && given.keys().any(|text| {
                    diagnostics::closest(text, [missing.as_str()]).is_some()
                        && !data.properties.contains_key(text)
                });
            if !is_misspelt {
                self.report(
                    Diagnostic::error(
                        "missing-property",
                        format!("the property `{missing}` of {what} has no value"),
                    )
                    .at(Place::new(node.span(), format!("`{missing}` is required")))
                    .related(Place::new(defined, "defined here"))
                    .chapter("9.2"),
                );
            }
            is_whole = false;
        }
        is_whole.then(|| map(entries, node.span()))
    }

    /// Says that something with a fixed value is assigned.
    pub(super) fn fixed(&self, what: &dyn Display, span: Span, fixed: Span) {
        self.report(
            Diagnostic::error("fixed-value", format!("{what} has a fixed value"))
                .at(Place::new(span, "cannot be assigned"))
                .related(Place::new(fixed, "fixed here"))
                .chapter("9.4"),
        );
    }
}

fn wrong(node: Node<'_>, what: &dyn Display, wanted: &str, type_name: Option<&str>) -> Diagnostic {
    let found = node.kind_in_words();
    let of_type = type_name.map(|name| format!(" (`{name}`)")).unwrap_or_default();
    Diagnostic::error("wrong-type", format!("{what} must be {wanted}{of_type}, not {found}"))
        .at(Place::new(node.span(), format!("this is {found}")))
        .chapter("9.1")
}

/// A list, literal when all its items are.
pub(super) fn list(items: Vec<Expression>, span: Span) -> Expression {
    if items.iter().all(|item| item.as_value().is_some()) {
        let values = items.into_iter().filter_map(into_value).collect();
        return Expression::value(Value::List(values), span);
    }
    Expression { kind: ExpressionKind::List(items), span }
}

/// A map, literal when all its keys and values are.
pub(super) fn map(entries: Vec<(Expression, Expression)>, span: Span) -> Expression {
    if entries.iter().all(|(key, value)| key.as_value().is_some() && value.as_value().is_some()) {
        let values = entries
            .into_iter()
            .filter_map(|(key, value)| Some((into_value(key)?, into_value(value)?)))
            .collect();
        return Expression::value(Value::Map(values), span);
    }
    Expression { kind: ExpressionKind::Map(entries), span }
}

fn into_value(expression: Expression) -> Option<Value> {
    match expression.kind {
        ExpressionKind::Value(value) => Some(value),
        _ => None,
    }
}

/// Properties by name, for looking up what a template assigns.
pub(super) type Assignments<'a> = Map<Node<'a>>;
