//! What is read from the graph: inputs, and references by paths (10.2.1), and what is written to it (9.9).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::Node;

use super::form::{Form, form};
use super::{Compiler, Context, PendingReference, SelfIs, Wanted};
use crate::model::{Call, Expression, Reference, Schema};

impl<'a> Compiler<'a> {
    /// `$get_input: name` or `$get_input: [name, nested…]` (10.2.1.1).
    pub(super) fn get_input(
        &self,
        arguments: Option<Node<'a>>,
        span: Span,
        context: Context,
    ) -> Option<Call> {
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
            let message = "the name of an input cannot be the result of a function";
            self.report(
                Diagnostic::error("wrong-arguments", message)
                    .at(Place::new(name.span(), "must be written out"))
                    .hint("only what leads into the value of an input can be computed")
                    .chapter("10.2.1.1"),
            );
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

    /// `[path…, name, nested…]` (10.2.1.2 to 10.2.1.4, 10.2.1.8).
    pub(super) fn reference(
        &self,
        arguments: Option<Node<'a>>,
        span: Span,
        context: Context,
        function: &str,
        wanted: Wanted,
    ) -> Option<Reference> {
        let start = arguments.and_then(Node::as_string);
        let items: Option<Vec<_>> = arguments.and_then(Node::items).map(Iterator::collect);
        let Some(items) = items else {
            self.report(
                Diagnostic::error("wrong-arguments", format!("`${function}` needs a path and a name"))
                    .at(arguments.map_or(span, Node::span))
                    .hint(format!("write `{{ ${function}: [ {}, name ] }}`", start.unwrap_or("SELF")))
                    .chapter("10.3"),
            );
            return None;
        };
        let whole = arguments.map_or(span, Node::span);
        let reference = self.parse_reference(&items, whole, context, function)?;
        if let (Wanted::Artifact | Wanted::Allocation, [first, ..]) = (wanted, reference.nested.as_slice()) {
            self.report(
                Diagnostic::error("wrong-arguments", format!("`${function}` takes a path and one name"))
                    .at(Place::new(first.span, "nothing can follow the name"))
                    .chapter("10.2.1"),
            );
            return None;
        }
        if context.in_template {
            match wanted {
                Wanted::Property => self.check_reference(&reference, context, false)?,
                Wanted::Attribute => self.check_reference(&reference, context, true)?,
                Wanted::Artifact => self.check_artifact(&reference, context)?,
                Wanted::Allocation => self.check_allocation(&reference, context)?,
            }
        } else {
            let reference = reference.clone();
            self.references.borrow_mut().push(PendingReference { reference, context, wanted, given: None });
        }
        Some(reference)
    }

    /// The attribute that an output of an operation, or an input of a template, goes to (9.9).
    ///
    /// `given` says what the parameter is, when that is known.
    pub(super) fn mapping(
        &self,
        node: Node<'a>,
        given: Option<&Arc<Schema>>,
        context: Context,
    ) -> Option<Reference> {
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
            self.check_mapping(&reference, given, context)?;
        } else {
            let pending = PendingReference {
                reference: reference.clone(),
                context,
                wanted: Wanted::Attribute,
                given: given.cloned(),
            };
            self.references.borrow_mut().push(pending);
        }
        Some(reference)
    }
}
