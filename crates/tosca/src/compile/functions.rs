//! Function calls (chapter 10).

use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::yaml::Node;

use super::evaluate::evaluate;
use super::signatures::{SIGNATURES, Signature, signature};
use super::{Compiler, Context, SelfIs, Wanted};
use crate::model::{Call, DataBase, Expression, Schema, Value};

/// The functions that read the graph, or their place in it.
const OF_THE_GRAPH: [&str; 8] = [
    "get_input",
    "get_property",
    "get_attribute",
    "get_artifact",
    "value",
    "node_index",
    "relationship_index",
    "available_allocation",
];

/// The names of the standard's functions.
pub(super) fn built_in() -> impl Iterator<Item = &'static str> {
    OF_THE_GRAPH.into_iter().chain(SIGNATURES.iter().map(|signature| signature.name))
}

/// Functions of TOSCA 1.x that are called something else now.
const GONE: [(&str, &str); 6] = [
    (
        "get_operation_output",
        "TOSCA 2.0 maps operation outputs to attributes; read those with `$get_attribute`",
    ),
    ("get_nodes_of_type", "TOSCA 2.0 has no such function"),
    (
        "in_range",
        "TOSCA 2.0 has no such function; combine `$greater_or_equal` and `$less_or_equal` with `$and`",
    ),
    ("min_length", "write `$greater_or_equal: [ { $length: [ $value ] }, n ]`"),
    ("max_length", "write `$less_or_equal: [ { $length: [ $value ] }, n ]`"),
    ("pattern", "TOSCA 2.0 calls it `$matches`"),
];

impl<'a> Compiler<'a> {
    /// A call by its name without `$`. `span` is the name's place, `whole` the call's.
    pub(super) fn call(
        &self,
        name: &'a str,
        span: Span,
        arguments: Option<Node<'a>>,
        whole: Span,
        context: Context,
    ) -> Option<Call> {
        // 10.1: what follows a second `$` only makes keys differ.
        let name = name.split_once('$').map_or(name, |(name, _)| name);
        match name {
            "get_input" => self.get_input(arguments, span, context),
            "get_property" => self
                .reference(arguments, span, context, name, Wanted::Property)
                .map(Box::new)
                .map(Call::GetProperty),
            "get_attribute" => self
                .reference(arguments, span, context, name, Wanted::Attribute)
                .map(Box::new)
                .map(Call::GetAttribute),
            "get_artifact" => self
                .reference(arguments, span, context, name, Wanted::Artifact)
                .map(Box::new)
                .map(Call::GetArtifact),
            "available_allocation" => self
                .reference(arguments, span, context, name, Wanted::Allocation)
                .map(Box::new)
                .map(Call::AvailableAllocation),
            "node_index" | "relationship_index" => self.index_of(name, arguments, span, context),
            "value" => self.value(arguments, span, context),
            _ => {
                if let Some(call) = self.custom_call(name, span, arguments, context) {
                    return call;
                }
                let Some(signature) = signature(name) else {
                    self.unknown_function(name, span);
                    return None;
                };
                let mut arguments = self.arguments(name, arguments, span, context)?;
                self.count(signature, &arguments, whole, context)?;
                self.unify(signature, &mut arguments, context)?;
                self.check_arguments(signature, &arguments, context)?;
                self.check_pattern(name, &arguments)?;
                Some(match name {
                    "concat" => Call::Concat(arguments),
                    _ => Call::Function { function: self.name(name), arguments },
                })
            }
        }
    }

    /// `$value` (10.2.1.5).
    fn value(&self, arguments: Option<Node<'a>>, span: Span, context: Context) -> Option<Call> {
        if !context.in_validation {
            self.report(
                Diagnostic::error("misplaced-function", "`$value` has a meaning only in validation clauses")
                    .at(Place::new(span, "there is no value to be checked here"))
                    .hint("to begin a text with `$`, write `$$`")
                    .chapter("10.2.1.5"),
            );
            return None;
        }
        let nested = match arguments {
            Some(_) => self.arguments("value", arguments, span, context)?,
            None => Vec::new(),
        };
        if let (Some(data_type), false) = (context.subject, nested.is_empty()) {
            self.subjects.borrow_mut().push((data_type, nested.clone()));
        }
        Some(Call::Value { nested })
    }

    /// Where `$value` with names in it leads, now that all data types are known.
    pub(super) fn check_subjects(&self) {
        for (data_type, nested) in std::mem::take(&mut *self.subjects.borrow_mut()) {
            let schema = Schema {
                data_type,
                key_schema: None,
                entry_schema: None,
                validation: Vec::new(),
                description: None,
                span: nested[0].span,
            };
            // A collection's entries may be said by the schema rather than by the data type.
            if self.base_of(data_type) == Some(DataBase::Structure) {
                _ = self.check_nested(&nested, Some(&schema));
            }
        }
    }

    /// `$node_index`, `$relationship_index` (10.2.1.6, 10.2.1.7).
    fn index_of(
        &self,
        name: &str,
        arguments: Option<Node<'a>>,
        span: Span,
        context: Context,
    ) -> Option<Call> {
        let arguments = match arguments {
            Some(_) => self.arguments(name, arguments, span, context)?,
            None => Vec::new(),
        };
        let (what, chapter) = match name {
            "node_index" => ("node", "10.2.1.6"),
            _ => ("relationship", "10.2.1.7"),
        };
        if !arguments.is_empty() {
            let message = format!("the function `${name}` takes no arguments");
            self.report(Diagnostic::error("wrong-arguments", message).at(span).chapter(chapter));
            return None;
        }
        let is_there = match context.self_is {
            SelfIs::Nothing => false,
            SelfIs::Unknown | SelfIs::Relationship(_) | SelfIs::RequirementOf(..) => true,
            SelfIs::Node(_) | SelfIs::NodeTemplate(_) => name == "node_index",
        };
        if !is_there {
            self.report(
                Diagnostic::error("misplaced-function", format!("`${name}` has no meaning here"))
                    .at(Place::new(span, format!("this is in no {what}")))
                    .chapter(chapter),
            );
            return None;
        }
        Some(Call::Function { function: self.name(name), arguments })
    }

    /// A pattern that is written out is a regular expression (10.2.2.2.7).
    fn check_pattern(&self, name: &str, arguments: &[Expression]) -> Option<()> {
        let pattern = arguments.get(1).filter(|_| name == "matches");
        let Some((pattern, text)) =
            pattern.and_then(|pattern| Some((pattern, pattern.as_value()?.as_str()?)))
        else {
            return Some(());
        };
        let Err(error) = regex_lite::Regex::new(text) else { return Some(()) };
        let message = format!("`{text}` is not a regular expression: {error}");
        self.report(
            Diagnostic::error("invalid-pattern", message)
                .at(Place::new(pattern.span, "not a regular expression"))
                .chapter("10.2.2.2.7"),
        );
        None
    }

    /// The value of a call whose arguments are all literal; `Err` when it has none, which is reported.
    pub(super) fn fold(&self, call: &Call, span: Span, context: Context) -> Result<Option<Value>, ()> {
        let is_literal = call.arguments().iter().all(|argument| argument.as_value().is_some());
        if context.in_validation || !is_literal || matches!(call, Call::Custom { .. }) {
            return Ok(None);
        }
        let expression = Expression::call(call.clone(), span);
        evaluate(&expression, None).map_err(|problem| {
            self.report(
                Diagnostic::error("failed-function", problem.message)
                    .at(Place::new(problem.span, "has no value"))
                    .chapter("10.2"),
            );
        })
    }

    fn unknown_function(&self, name: &str, span: Span) {
        let known = || OF_THE_GRAPH.into_iter().chain(SIGNATURES.iter().map(|signature| signature.name));
        let gone = GONE.iter().find(|(gone, _)| *gone == name).map(|(_, hint)| (*hint).to_owned());
        let near = diagnostics::closest(name, known()).map(|near| format!("did you mean `${near}`?"));
        self.report(
            Diagnostic::error("unknown-function", format!("unknown function `${name}`"))
                .at(Place::new(span, "not a function of TOSCA 2.0"))
                .maybe_hint(gone.or(near).or_else(|| self.near_function(name)))
                .hint("to begin a text with `$`, write `$$`")
                .chapter("10.2"),
        );
    }

    /// The arguments of a function that takes a list; a single one may be given alone.
    pub(super) fn arguments(
        &self,
        name: &str,
        arguments: Option<Node<'a>>,
        span: Span,
        context: Context,
    ) -> Option<Vec<Expression>> {
        let Some(node) = arguments else {
            self.report(
                Diagnostic::error("missing-arguments", format!("the function `${name}` needs arguments"))
                    .at(span)
                    .hint(format!("write `{{ ${name}: [ … ] }}`"))
                    .chapter("10.1"),
            );
            return None;
        };
        let label = format!("an argument of `${name}`");
        let items: Vec<_> = match node.items() {
            Some(items) => items.map(|item| self.expression(item, None, context, &label)).collect(),
            None => vec![self.expression(node, None, context, &label)],
        };
        items.into_iter().collect()
    }

    fn count(
        &self,
        signature: &Signature,
        arguments: &[Expression],
        span: Span,
        context: Context,
    ) -> Option<()> {
        let (name, least, most) = (signature.name, signature.least, signature.most);
        let plural = if most == 1 { "" } else { "s" };
        if (least..=most).contains(&arguments.len()) {
            if matches!(name, "and" | "or") && arguments.len() == 1 {
                let message = format!("`${name}` of one argument is that argument");
                self.report(
                    Diagnostic::warning("single-argument", message)
                        .at(Place::new(span, "two or more are meant"))
                        .chapter(signature.chapter),
                );
            }
            return Some(());
        }
        let wanted = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        let message =
            format!("the function `${name}` takes {wanted} argument{plural}, not {}", arguments.len());
        self.report(
            Diagnostic::error("wrong-arguments", message)
                .at(span)
                .maybe_hint(without_value(name, arguments, context))
                .chapter(signature.chapter),
        );
        None
    }

    /// Whether the result of a call can be of the schema's type, as far as both are known.
    pub(super) fn check_call(
        &self,
        call: &Call,
        schema: &Schema,
        span: Span,
        context: Context,
        what: &dyn Display,
    ) -> Option<()> {
        let expression = Expression::call(call.clone(), span);
        let Some(found) = self.kind(&expression, context) else { return Some(()) };
        let Some(wanted) = self.misfit(&found, schema) else { return Some(()) };
        let found = self.kind_with_article(&found);
        let message = format!("{what} must be of type {wanted}, but `${}` gives {found}", call.function());
        let diagnostic = Diagnostic::error("wrong-type", message)
            .at(Place::new(span, format!("this gives {found}")))
            .chapter("10.2");
        self.report(match schema.span == span {
            true => diagnostic,
            false => diagnostic.related(Place::new(schema.span, "defined here")),
        });
        None
    }
}

/// What to say of a call in a validation clause that does not name the value: in TOSCA 1.x it was implied.
pub(super) fn without_value(name: &str, arguments: &[Expression], context: Context) -> Option<String> {
    let is_value = |call: &&Call| matches!(call, Call::Value { .. });
    let names_it = arguments.iter().any(|argument| argument.calls().iter().any(is_value));
    let is_missing = context.in_validation && !names_it;
    is_missing.then(|| format!("the value is an argument, too: write `${name}: [ $value, … ]`"))
}
