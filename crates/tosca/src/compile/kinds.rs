//! Types of expressions, as far as they are known before anything runs.

use diagnostics::{Diagnostic, Place};

use super::functions::without_value;
use super::signatures::{Gives, Relation, Signature, signature};
use super::{Compiler, Context};
use crate::model::{Call, DataBase, Expression, ExpressionKind, Schema, TypeId, Value};

/// How deep the types of entries are looked at: a list may be of lists of itself.
const ENTRY_DEPTH_MAX: u32 = 4;

/// What is known of an expression's value.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// What it is made of.
    pub(super) base: DataBase,
    /// Its data type; for a scalar, that of its family when no more is known.
    pub(super) data_type: Option<TypeId>,
    /// Its entries, when it is a list or a map.
    pub(super) entry: Option<Box<Kind>>,
}

impl Kind {
    pub(super) fn of(base: DataBase) -> Self {
        Self { base, data_type: None, entry: None }
    }

    /// Whether it is one value that is not a string.
    fn is_plain(&self) -> bool {
        use DataBase::{List, Map, Nil, String, Structure};
        !matches!(self.base, String | List | Map | Nil | Structure)
    }

    fn is_special(&self) -> bool {
        matches!(self.base, DataBase::Bytes | DataBase::Timestamp | DataBase::Scalar | DataBase::Version)
    }
}

impl<'a> Compiler<'a> {
    /// What is known of an expression's value.
    pub(super) fn kind(&self, expression: &Expression, context: Context) -> Option<Kind> {
        match &expression.kind {
            ExpressionKind::Value(value) => self.kind_of_value(value, 0),
            ExpressionKind::List(items) => {
                let entry = items.iter().find_map(|item| self.kind(item, context)).map(Box::new);
                Some(Kind { entry, ..Kind::of(DataBase::List) })
            }
            ExpressionKind::Map(_) => Some(Kind::of(DataBase::Map)),
            ExpressionKind::Call(call) => self.kind_of_call(call, context),
        }
    }

    fn kind_of_value(&self, value: &Value, depth: u32) -> Option<Kind> {
        let base = match value {
            Value::Nil => DataBase::Nil,
            Value::Boolean(_) => DataBase::Boolean,
            Value::Integer(_) => DataBase::Integer,
            Value::Float(_) => DataBase::Float,
            Value::String(_) => DataBase::String,
            Value::Bytes(_) => DataBase::Bytes,
            Value::Timestamp(_) => DataBase::Timestamp,
            Value::Version(_) => DataBase::Version,
            Value::Map(_) => DataBase::Map,
            Value::Scalar(scalar) => {
                return Some(Kind { data_type: Some(scalar.family), ..Kind::of(DataBase::Scalar) });
            }
            Value::List(items) => {
                let first = items.first().filter(|_| depth < ENTRY_DEPTH_MAX);
                let entry = first.and_then(|first| self.kind_of_value(first, depth + 1)).map(Box::new);
                return Some(Kind { entry, ..Kind::of(DataBase::List) });
            }
        };
        Some(Kind::of(base))
    }

    /// What a schema says of a value.
    pub(super) fn kind_of_schema(&self, schema: &Schema) -> Option<Kind> {
        self.kind_within(schema, 0)
    }

    fn kind_within(&self, schema: &Schema, depth: u32) -> Option<Kind> {
        let base = self.base_of(schema.data_type)?;
        let entry = schema.entry_schema.as_ref().or(self.data(schema.data_type).entry_schema.as_ref());
        let entry = entry.filter(|_| depth < ENTRY_DEPTH_MAX);
        let entry = entry.and_then(|entry| self.kind_within(entry, depth + 1)).map(Box::new);
        Some(Kind { base, data_type: Some(schema.data_type), entry })
    }

    fn kind_of_call(&self, call: &Call, context: Context) -> Option<Kind> {
        match call {
            Call::GetInput { input, nested } if context.in_template => {
                let schema = self.template.inputs.get(input)?.schema.clone()?;
                self.kind_of_schema(&*self.walk_nested(nested, Some(schema), false)??)
            }
            Call::GetProperty(reference) | Call::GetAttribute(reference) if context.in_template => {
                let is_attribute = matches!(call, Call::GetAttribute(_));
                let schema = self.referenced_schema(reference, context, is_attribute)?;
                let one = self
                    .walk_nested(&reference.nested, Some(schema), false)?
                    .and_then(|schema| self.kind_of_schema(&schema));
                if reference.path.is_many() {
                    return Some(Kind { entry: one.map(Box::new), ..Kind::of(DataBase::List) });
                }
                one
            }
            Call::GetArtifact(_) => Some(Kind::of(DataBase::String)),
            Call::AvailableAllocation(reference) if context.in_template => {
                let schema = self.referenced_schema(reference, context, false)?;
                self.kind_of_schema(&schema)
            }
            Call::Value { nested } => {
                let data_type = context.subject?;
                if nested.is_empty() {
                    let base = self.base_of(data_type)?;
                    let entry = self.data(data_type).entry_schema.clone();
                    let entry = entry.and_then(|entry| self.kind_of_schema(&entry)).map(Box::new);
                    return Some(Kind { base, data_type: Some(data_type), entry });
                }
                None
            }
            Call::Custom { function, signature: Some(signature), .. } => {
                let signature =
                    self.custom.functions.get(function.index())?.signatures.get(*signature as usize)?;
                self.kind_of_schema(signature.result.as_ref()?)
            }
            Call::Concat(arguments) => self.kind_of_function(signature("concat")?, arguments, context),
            Call::Function { function, arguments } => match function.as_str() {
                "node_index" | "relationship_index" => Some(Kind::of(DataBase::Integer)),
                name => self.kind_of_function(signature(name)?, arguments, context),
            },
            _ => None,
        }
    }

    fn kind_of_function(
        &self,
        signature: &Signature,
        arguments: &[Expression],
        context: Context,
    ) -> Option<Kind> {
        let mut kinds = arguments.iter().map(|argument| self.kind(argument, context));
        match signature.gives {
            Gives::Base(base) => Some(Kind::of(base)),
            Gives::Quotient => match kinds.next()?? {
                scalar @ Kind { base: DataBase::Scalar, .. } => Some(scalar),
                _ => Some(Kind::of(DataBase::Float)),
            },
            Gives::Arguments if signature.name == "concat" => {
                kinds.flatten().find(|kind| matches!(kind.base, DataBase::String | DataBase::List))
            }
            Gives::Arguments => {
                let kinds: Vec<Option<Kind>> = kinds.collect();
                let is_number = |kind: &Kind| matches!(kind.base, DataBase::Integer | DataBase::Float);
                // One float makes a float of them all: an unknown number may be it.
                if kinds.iter().flatten().any(is_number) {
                    let all = kinds.into_iter().collect::<Option<Vec<Kind>>>()?;
                    let of = |base| all.iter().find(|kind| kind.base == base).map(|kind| kind.base);
                    let found = of(DataBase::Scalar).is_some();
                    return match found {
                        true => all.into_iter().find(|kind| kind.base == DataBase::Scalar),
                        false => of(DataBase::Float).or(Some(DataBase::Integer)).map(Kind::of),
                    };
                }
                kinds.into_iter().flatten().next()
            }
        }
    }

    /// Makes literal arguments what those beside them are: in `$less_than: [ $value, 15 cm ]` a string is a scalar
    /// when `$value` is. `None` when one cannot be, which is reported.
    pub(super) fn unify(
        &self,
        signature: &Signature,
        arguments: &mut [Expression],
        context: Context,
    ) -> Option<()> {
        let kinds: Vec<_> = arguments.iter().map(|argument| self.kind(argument, context)).collect();
        let special = |kind: Option<Kind>| kind.filter(Kind::is_special);
        let entry = |position: usize| {
            let kind = kinds.get(position)?.as_ref()?;
            special(kind.entry.as_deref().cloned())
        };
        let what = format!("an argument of `${}`", signature.name);
        match signature.relation {
            Relation::None => {}
            Relation::Same => {
                let Some(kind) = kinds.iter().find_map(|kind| special(kind.clone())) else { return Some(()) };
                for argument in arguments.iter_mut() {
                    self.convert(argument, &kind, &what)?;
                }
            }
            Relation::Entry(list, value) => {
                if let Some(kind) = special(kinds.get(value)?.clone()) {
                    self.convert_entries(&mut arguments[list], &kind, &what)?;
                } else if let Some(kind) = entry(list) {
                    self.convert(&mut arguments[value], &kind, &what)?;
                }
            }
            Relation::Entries => {
                if let Some(kind) = entry(0) {
                    self.convert_entries(&mut arguments[1], &kind, &what)?;
                } else if let Some(kind) = entry(1) {
                    self.convert_entries(&mut arguments[0], &kind, &what)?;
                }
            }
        }
        Some(())
    }

    fn convert(&self, argument: &mut Expression, kind: &Kind, what: &str) -> Option<()> {
        let ExpressionKind::Value(value) = &mut argument.kind else { return Some(()) };
        let Value::String(text) = value else { return Some(()) };
        let data_type = kind.data_type.unwrap_or_else(|| self.built_in(kind.base));
        *value = self.special(text, kind.base, data_type, argument.span, &what)?;
        Some(())
    }

    fn convert_entries(&self, argument: &mut Expression, kind: &Kind, what: &str) -> Option<()> {
        let span = argument.span;
        let data_type = kind.data_type.unwrap_or_else(|| self.built_in(kind.base));
        match &mut argument.kind {
            ExpressionKind::Value(Value::List(items)) => {
                for item in items {
                    if let Value::String(text) = item {
                        *item = self.special(text, kind.base, data_type, span, &what)?;
                    }
                }
            }
            ExpressionKind::List(items) => {
                for item in items {
                    self.convert(item, kind, what)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Whether each argument can be what the function takes, and whether they go together, as far as they are known.
    pub(super) fn check_arguments(
        &self,
        signature: &Signature,
        arguments: &[Expression],
        context: Context,
    ) -> Option<()> {
        let name = signature.name;
        let mut is_right = Some(());
        let mut first: Option<(Kind, &Expression)> = None;
        for (position, argument) in arguments.iter().enumerate() {
            let Some(kind) = self.kind(argument, context) else { continue };
            let takes = signature.takes(position);
            // The standard's own example concatenates a port, which is a number: it is written out at run time.
            let is_written_out = name == "concat" && argument.as_value().is_none() && kind.is_plain();
            if is_written_out {
                continue;
            }
            if !takes.is_empty() && !takes.contains(&kind.base) {
                let mut wanted: Vec<&str> = takes.iter().map(|base| base.as_str()).collect();
                wanted.dedup();
                let found = with_article(kind.base.as_str());
                let message = format!(
                    "an argument of `${name}` must be {}, not {found}",
                    with_article(&wanted.join(" or "))
                );
                let quoted = argument.as_value().filter(|value| {
                    takes.contains(&DataBase::String)
                        && matches!(value, Value::Integer(_) | Value::Float(_) | Value::Boolean(_))
                });
                self.report(
                    Diagnostic::error("wrong-type", message)
                        .at(Place::new(argument.span, format!("this is {found}")))
                        .maybe_hint(quoted.map(|value| format!("put it in quotes: \"{value}\"")))
                        .maybe_hint(without_value(name, arguments, context))
                        .maybe_hint(for_entries(argument, &kind, takes))
                        .chapter(signature.chapter),
                );
                is_right = None;
                continue;
            }
            match &first {
                Some((other, place)) if signature.relation == Relation::Same => {
                    if !self.go_together(other, &kind) {
                        let message = format!(
                            "the arguments of `${name}` must be of one type, not {} and {}",
                            self.kind_with_article(other),
                            self.kind_with_article(&kind)
                        );
                        self.report(
                            Diagnostic::error("wrong-type", message)
                                .at(Place::new(
                                    argument.span,
                                    format!("this is {}", self.kind_with_article(&kind)),
                                ))
                                .related(Place::new(
                                    place.span,
                                    format!("this is {}", self.kind_with_article(other)),
                                ))
                                .chapter(signature.chapter),
                        );
                        is_right = None;
                    }
                }
                Some(_) => {}
                None => first = Some((kind, argument)),
            }
        }
        if let (Relation::Entry(list, value), Some(())) = (signature.relation, is_right) {
            let entry = arguments.get(list).and_then(|list| self.kind(list, context)?.entry);
            let value = arguments.get(value).and_then(|value| Some((self.kind(value, context)?, value)));
            if let (Some(entry), Some((kind, place))) = (entry, value)
                && !self.go_together(&entry, &kind)
            {
                let (entry, kind) = (self.kind_with_article(&entry), self.kind_with_article(&kind));
                let message = format!("`${name}` compares {kind} with entries that are each {entry}");
                self.report(
                    Diagnostic::error("wrong-type", message)
                        .at(Place::new(place.span, format!("this is {kind}")))
                        .chapter(signature.chapter),
                );
                is_right = None;
            }
        }
        is_right
    }

    /// Whether values of two kinds can be compared or added.
    fn go_together(&self, left: &Kind, right: &Kind) -> bool {
        use DataBase::{Float, Integer, Map, Nil, Scalar, Structure};
        match (left.base, right.base) {
            (Scalar, Scalar) => {
                let family = |kind: &Kind| {
                    let units = self.data(kind.data_type?).units.as_ref();
                    units.map(|units| units.family)
                };
                family(left).zip(family(right)).is_none_or(|(left, right)| left == right)
            }
            // A number beside a scalar is in its canonical unit, as in the standard's own examples.
            (Integer | Float | Scalar, Integer | Float | Scalar) => true,
            (Map | Structure, Map | Structure) | (Nil, _) | (_, Nil) => true,
            (left, right) => left == right,
        }
    }

    /// Whether a value of a kind can be one of a schema; the answer is what is wrong.
    pub(super) fn misfit(&self, found: &Kind, schema: &Schema) -> Option<String> {
        use DataBase::{Float, Integer, Map, Scalar, Structure};
        let wanted = self.base_of(schema.data_type)?;
        let name = &self.type_of(schema.data_type).name;
        match (found.base, wanted) {
            (Integer, Float) | (Map, Structure) => None,
            (Scalar, Scalar) => {
                let wanted = Kind { data_type: Some(schema.data_type), ..Kind::of(Scalar) };
                (!self.go_together(found, &wanted)).then(|| format!("`{name}`"))
            }
            (Structure, Structure) => {
                let own = found.data_type?;
                let is_kin = self.fits(own, schema.data_type) || self.fits(schema.data_type, own);
                (!is_kin).then(|| format!("`{name}`"))
            }
            (found, wanted) => (found != wanted).then(|| wanted.as_str().to_owned()),
        }
    }

    /// For messages: `a string`, ``a `Size` ``.
    pub(super) fn kind_with_article(&self, kind: &Kind) -> String {
        match (kind.base, kind.data_type) {
            (DataBase::Scalar | DataBase::Structure, Some(data_type)) => {
                format!("a `{}`", self.type_of(data_type).name)
            }
            (base, _) => with_article(base.as_str()),
        }
    }
}

/// What to say of a validation of a list or map that was meant for its entries.
fn for_entries(argument: &Expression, kind: &Kind, takes: &[DataBase]) -> Option<String> {
    let ExpressionKind::Call(call) = &argument.kind else { return None };
    let is_whole = matches!(&**call, Call::Value { nested } if nested.is_empty());
    let is_collection = matches!(kind.base, DataBase::List | DataBase::Map);
    let fits = kind.entry.as_ref().is_none_or(|entry| takes.contains(&entry.base));
    (is_whole && is_collection && fits).then(|| {
        format!("to validate each entry of the {}, write this in its `entry_schema`", kind.base.as_str())
    })
}

/// For messages: `an integer`, `a string`.
pub(super) fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}
