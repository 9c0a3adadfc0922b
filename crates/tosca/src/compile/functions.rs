//! Function calls (chapter 10).

use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::Node;

use super::values::{Form, form};
use super::{Compiler, Context, PendingReference, SelfIs};
use crate::model::{Call, DataBase, Expression, Reference, Schema, Value};

/// Functions that are Boolean, or that validation clauses compute with; understood only there so far. Each with the
/// least and greatest number of arguments.
const IN_VALIDATION: [(&str, usize, usize); 17] = [
    ("and", 1, usize::MAX),
    ("or", 1, usize::MAX),
    ("not", 1, 1),
    ("xor", 2, 2),
    ("equal", 2, 2),
    ("greater_than", 2, 2),
    ("greater_or_equal", 2, 2),
    ("less_than", 2, 2),
    ("less_or_equal", 2, 2),
    ("valid_values", 2, 2),
    ("matches", 2, 2),
    ("has_prefix", 2, 2),
    ("has_suffix", 2, 2),
    ("contains", 2, 2),
    ("has_entry", 2, 2),
    ("has_key", 2, 2),
    ("length", 1, 1),
];

/// The other functions of the standard, not supported yet.
const LATER: [&str; 20] = [
    "get_artifact",
    "node_index",
    "relationship_index",
    "available_allocation",
    "has_all_entries",
    "has_all_keys",
    "has_any_entry",
    "has_any_key",
    "join",
    "token",
    "union",
    "intersection",
    "sum",
    "difference",
    "product",
    "quotient",
    "remainder",
    "round",
    "floor",
    "ceil",
];

const SUPPORTED: [&str; 5] = ["get_input", "get_property", "get_attribute", "concat", "value"];

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
            "get_property" => self.reference(arguments, span, context, false).map(Call::GetProperty),
            "get_attribute" => self.reference(arguments, span, context, true).map(Call::GetAttribute),
            "concat" => {
                let arguments = self.arguments(name, arguments, span, context)?;
                self.count(name, &arguments, 1, usize::MAX, whole)?;
                self.check_concat(&arguments)?;
                Some(Call::Concat(arguments))
            }
            "value" if context.in_validation => {
                let nested = match arguments {
                    Some(_) => self.arguments(name, arguments, span, context)?,
                    None => Vec::new(),
                };
                Some(Call::Value { nested })
            }
            "value" => {
                self.report(
                    Diagnostic::error(
                        "misplaced-function",
                        "`$value` has a meaning only in validation clauses",
                    )
                    .at(Place::new(span, "there is no value to be checked here"))
                    .hint("to begin a text with `$`, write `$$`")
                    .chapter("10.2.1.5"),
                );
                None
            }
            _ => match IN_VALIDATION.iter().find(|(function, ..)| *function == name) {
                Some((_, least, most)) if context.in_validation => {
                    let arguments = self.arguments(name, arguments, span, context)?;
                    self.count(name, &arguments, *least, *most, whole)?;
                    Some(Call::Function { function: self.name(name), arguments })
                }
                Some(_) => {
                    let message =
                        format!("the function `${name}` is not supported yet by khutulun outside validation");
                    self.report(Diagnostic::error("unsupported-function", message).at(span).chapter("10.2"));
                    None
                }
                None => {
                    self.unknown_function(name, span);
                    None
                }
            },
        }
    }

    fn unknown_function(&self, name: &str, span: Span) {
        if LATER.contains(&name) {
            let message = format!("the function `${name}` is not supported yet by khutulun");
            return self.report(
                Diagnostic::error("unsupported-function", message)
                    .at(Place::new(span, "part of TOSCA 2.0, but not built yet"))
                    .chapter("10.2"),
            );
        }
        let known = || SUPPORTED.into_iter().chain(IN_VALIDATION.map(|(name, ..)| name)).chain(LATER);
        let gone = GONE.iter().find(|(gone, _)| *gone == name).map(|(_, hint)| (*hint).to_owned());
        let near = diagnostics::closest(name, known()).map(|near| format!("did you mean `${near}`?"));
        self.report(
            Diagnostic::error("unknown-function", format!("unknown function `${name}`"))
                .at(Place::new(span, "not a function of TOSCA 2.0"))
                .maybe_hint(gone.or(near))
                .hint("to begin a text with `$`, write `$$`")
                .chapter("10.2"),
        );
    }

    /// The arguments of a function that takes a list; a single one may be given alone.
    fn arguments(
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
        name: &str,
        arguments: &[Expression],
        least: usize,
        most: usize,
        span: Span,
    ) -> Option<()> {
        if (least..=most).contains(&arguments.len()) {
            return Some(());
        }
        let wanted = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        };
        let message = format!("the function `${name}` takes {wanted} arguments, not {}", arguments.len());
        self.report(Diagnostic::error("wrong-arguments", message).at(span).chapter("10.2"));
        None
    }

    /// 10.2.3.2: strings, or lists.
    fn check_concat(&self, arguments: &[Expression]) -> Option<()> {
        let is_list = arguments.iter().any(|argument| matches!(argument.as_value(), Some(Value::List(_))));
        let mut is_right = Some(());
        for argument in arguments {
            let Some(value) = argument.as_value() else { continue };
            let fits =
                if is_list { matches!(value, Value::List(_)) } else { matches!(value, Value::String(_)) };
            if !fits {
                let wanted = if is_list { "lists, as one of them is" } else { "strings" };
                let message = format!(
                    "the arguments of `$concat` must be {wanted}, not {}",
                    with_article(value.kind())
                );
                let quoted = (!is_list && !matches!(value, Value::Map(_) | Value::Nil))
                    .then(|| format!("put it in quotes: \"{value}\""));
                self.report(
                    Diagnostic::error("wrong-type", message)
                        .at(Place::new(argument.span, format!("this is {}", with_article(value.kind()))))
                        .maybe_hint(quoted)
                        .chapter("10.2.3.2"),
                );
                is_right = None;
            }
        }
        is_right
    }

    /// `$get_input: name` or `$get_input: [name, nested…]` (10.2.1.1).
    fn get_input(&self, arguments: Option<Node<'a>>, span: Span, context: Context) -> Option<Call> {
        let Some(node) = arguments else {
            _ = self.arguments("get_input", None, span, context)?;
            return None;
        };
        let (name, rest) = match node.items() {
            Some(mut items) => (items.next(), items.collect()),
            None => (Some(node), Vec::new()),
        };
        let Some((name, text)) = name.and_then(|name| Some((name, name.as_string()?))) else {
            self.report(
                Diagnostic::error("wrong-arguments", "`$get_input` needs the name of an input")
                    .at(node.span())
                    .hint("write `{ $get_input: name }`")
                    .chapter("10.2.1.1"),
            );
            return None;
        };
        if !matches!(form(name), Form::Literal) {
            self.not_computed("the name of an input", name.span());
            return None;
        }
        if !context.in_template {
            let (label, hint) = match context.self_is {
                SelfIs::Nothing => ("the default of an input cannot name inputs", "write the value out"),
                _ => {
                    ("a type knows no inputs", "define a property, and let templates assign the input to it")
                }
            };
            self.report(
                Diagnostic::error("misplaced-function", "`$get_input` has no meaning here")
                    .at(Place::new(span, label))
                    .hint(hint)
                    .chapter("10.2.1.1"),
            );
            return None;
        }
        let inputs = &self.template.inputs;
        let Some(input) = inputs.get(text) else {
            if !self.template.inputs_are_vague {
                let names = inputs.keys().map(|name| name.as_str());
                let near = did_you_mean(text, names.clone());
                let hint = near.unwrap_or_else(|| match inputs.is_empty() {
                    true => "the service template has no inputs; define one under `inputs`".to_owned(),
                    false => format!("the inputs are: {}", one_of(names)),
                });
                self.report(
                    Diagnostic::error("unknown-input", format!("unknown input `{text}`"))
                        .at(Place::new(name.span(), "not an input of this service template"))
                        .hint(hint)
                        .chapter("10.2.1.1"),
                );
            }
            return None;
        };
        let nested = self.nested(&rest, context)?;
        self.check_nested(&nested, input.schema.as_deref())?;
        Some(Call::GetInput { input: self.name(text), nested })
    }

    /// Names, keys and indexes into a complex value.
    pub(super) fn nested(&self, nodes: &[Node<'a>], context: Context) -> Option<Vec<Expression>> {
        nodes.iter().map(|node| self.expression(*node, None, context, &"a nested name or index")).collect()
    }

    /// Says that something must be written out.
    pub(super) fn not_computed(&self, what: &str, span: Span) {
        let message = format!("{what} cannot be the result of a function yet");
        self.report(
            Diagnostic::error("unsupported-value", message)
                .at(Place::new(span, "not supported yet by khutulun")),
        );
    }

    /// `[path…, name, nested…]` (10.2.1.2, 10.2.1.3).
    fn reference(
        &self,
        arguments: Option<Node<'a>>,
        span: Span,
        context: Context,
        is_attribute: bool,
    ) -> Option<Reference> {
        let function = if is_attribute { "get_attribute" } else { "get_property" };
        let items: Option<Vec<_>> = arguments.and_then(Node::items).map(Iterator::collect);
        let Some(items) = items else {
            self.report(
                Diagnostic::error("wrong-arguments", format!("`${function}` needs a path and a name"))
                    .at(arguments.map_or(span, Node::span))
                    .hint(format!("write `{{ ${function}: [ SELF, name ] }}`"))
                    .chapter("10.3"),
            );
            return None;
        };
        let whole = arguments.map_or(span, Node::span);
        let reference = self.parse_reference(&items, whole, context, function)?;
        if context.in_template {
            self.check_reference(&reference, context, is_attribute)?;
        } else {
            let reference = reference.clone();
            self.references.borrow_mut().push(PendingReference { reference, context, is_attribute });
        }
        Some(reference)
    }

    /// The attribute that an operation's output goes to (9.9).
    pub(super) fn mapping(&self, node: Node<'a>, context: Context) -> Option<Reference> {
        let Some(items) = node.items() else {
            self.report(
                Diagnostic::error(
                    "wrong-kind",
                    format!("a mapping must be a list, not {}", node.kind_in_words()),
                )
                .at(node.span())
                .hint("write `[ SELF, attribute ]`")
                .chapter("9.9"),
            );
            return None;
        };
        let items: Vec<_> = items.collect();
        let reference = self.parse_reference(&items, node.span(), context, "mapping")?;
        if context.in_template {
            self.check_mapping(&reference, context)?;
        } else {
            let pending = PendingReference { reference: reference.clone(), context, is_attribute: true };
            self.references.borrow_mut().push(pending);
        }
        Some(reference)
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
        let wanted = self.base_of(schema.data_type)?;
        let found = match call {
            Call::Concat(arguments) => {
                let is_list =
                    arguments.iter().any(|argument| matches!(argument.as_value(), Some(Value::List(_))));
                let is_string =
                    arguments.iter().any(|argument| matches!(argument.as_value(), Some(Value::String(_))));
                match (is_list, is_string) {
                    (true, _) => Some(DataBase::List),
                    (false, true) => Some(DataBase::String),
                    _ => None,
                }
            }
            Call::GetInput { input, nested } if nested.is_empty() && context.in_template => {
                let schema = self.template.inputs.get(input).and_then(|input| input.schema.as_deref());
                schema.and_then(|schema| self.base_of(schema.data_type))
            }
            Call::GetProperty(reference) | Call::GetAttribute(reference)
                if reference.nested.is_empty() && context.in_template =>
            {
                let is_attribute = matches!(call, Call::GetAttribute(_));
                let schema = self.referenced_schema(reference, context, is_attribute);
                schema.and_then(|schema| self.base_of(schema.data_type))
            }
            _ => None,
        };
        match found {
            Some(found) if found != wanted && !(found == DataBase::Integer && wanted == DataBase::Float) => {
                let (found, wanted) = (with_article(found.as_str()), wanted.as_str());
                let message =
                    format!("{what} must be of type {wanted}, but `${}` gives {found}", call.function());
                self.report(
                    Diagnostic::error("wrong-type", message)
                        .at(Place::new(span, format!("this gives {found}")))
                        .related(Place::new(schema.span, "defined here"))
                        .chapter("10.2"),
                );
                None
            }
            _ => Some(()),
        }
    }
}

/// For messages: `an integer`, `a string`.
fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}
