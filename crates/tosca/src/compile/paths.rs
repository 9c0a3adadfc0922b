//! TOSCA Paths (10.3), as they are written.

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::{Node, ScalarKind, parse_integer};

use super::form::{Form, form};
use super::{Compiler, Context, SelfIs};
use crate::model::{DataBase, Index, NodeTemplateId, Path, PathStart, Reference, Step, Value};

/// Whether a path is at a node or at a relationship.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Node,
    Relationship,
    End,
}

impl<'a> Compiler<'a> {
    /// `path…, name, nested…`.
    pub(super) fn parse_reference(
        &self,
        items: &[Node<'a>],
        span: Span,
        context: Context,
        function: &str,
    ) -> Option<Reference> {
        let mut parts = Parts { compiler: self, rest: items, span, context };
        let (first, first_span) = parts.name("where it starts (`SELF` or a node template)")?;
        let (mut start, mut at) = self.path_start(first, first_span, items, context)?;
        if let PathStart::Node { index, .. } = &mut start {
            *index = parts.index()?;
        }
        let mut steps = Vec::new();
        while at != At::End {
            let (step, next) = match at {
                At::Node if parts.take("RELATIONSHIP") => {
                    let requirement = self.name(parts.name("the name of a requirement")?.0);
                    (Step::Outgoing { requirement, index: parts.index()? }, At::Relationship)
                }
                At::Node if parts.take("CAPABILITY") => {
                    let capability = self.name(parts.name("the name of a capability")?.0);
                    match parts.take("RELATIONSHIP") {
                        true => (Step::Incoming { capability, index: parts.index()? }, At::Relationship),
                        false => (Step::Capability { capability }, At::End),
                    }
                }
                At::Relationship if parts.take("SOURCE") => (Step::Source, At::Node),
                At::Relationship if parts.take("TARGET") => (Step::Target, At::Node),
                At::Relationship if parts.take("CAPABILITY") => match parts.take("RELATIONSHIP") {
                    true => (Step::Sibling { index: parts.index()? }, At::Relationship),
                    false => (Step::TargetCapability, At::End),
                },
                _ => break,
            };
            steps.push(step);
            at = next;
        }
        let wanted = match function {
            "get_property" | "available_allocation" => "the name of a property",
            "get_artifact" => "the name of an artifact",
            _ => "the name of an attribute",
        };
        let (name, name_span) = parts.name(wanted)?;
        let nested = self.nested(parts.rest, context)?;
        Some(Reference { path: Path { start, steps }, name: self.name(name), name_span, nested })
    }

    fn path_start(
        &self,
        first: &str,
        span: Span,
        items: &[Node<'a>],
        context: Context,
    ) -> Option<(PathStart, At)> {
        if first == "SELF" {
            // Types know no node templates: only where the path is in the template, it could mean either.
            let in_template = matches!(
                context.self_is,
                SelfIs::NodeTemplate(_) | SelfIs::RequirementOf(..) | SelfIs::Nothing
            );
            if in_template && self.template.names.contains(&"SELF") {
                self.report(
                    Diagnostic::error(
                        "invalid-path",
                        "`SELF` could be a word of paths or the node template `SELF`",
                    )
                    .at(Place::new(span, "ambiguous"))
                    .hint("give the node template another name")
                    .chapter("10.3"),
                );
                return None;
            }
            return match context.self_is {
                SelfIs::Node(_) | SelfIs::NodeTemplate(_) => Some((PathStart::SelfNode, At::Node)),
                SelfIs::Relationship(_) | SelfIs::RequirementOf(..) => {
                    Some((PathStart::SelfRelationship, At::Relationship))
                }
                // In a capability or data type: the next word tells what kind of place it is meant for.
                SelfIs::Unknown => {
                    let next = items.get(1).and_then(|node| node.as_string());
                    Some(match next {
                        Some("SOURCE" | "TARGET") => (PathStart::SelfRelationship, At::Relationship),
                        _ => (PathStart::SelfNode, At::Node),
                    })
                }
                SelfIs::Nothing => {
                    let message = "`SELF` has no meaning here: this is in no node";
                    self.report(
                        Diagnostic::error("invalid-path", message)
                            .at(span)
                            .hint("begin the path with the name of a node template")
                            .chapter("10.3"),
                    );
                    None
                }
            };
        }
        if context.in_template
            && let Some(&template) = self.template.ids.get(first)
        {
            let id = NodeTemplateId::from_index(template);
            return Some((PathStart::Node { template: id, index: Index::At(0) }, At::Node));
        }
        if context.in_template && self.template.relationships.contains_key(first) {
            return Some((PathStart::Relationship { template: self.name(first) }, At::Relationship));
        }
        if context.in_template && self.template.hidden.has("node_templates") {
            return None;
        }
        let diagnostic =
            Diagnostic::error("unknown-node-template", format!("`{first}` is not where a path can start"))
                .chapter("10.3");
        let hint = match first {
            "SOURCE" | "TARGET" => Some(format!("TOSCA 2.0 writes `SELF, {first}`")),
            "HOST" => Some("TOSCA 2.0 writes `SELF, RELATIONSHIP, host, TARGET`".to_owned()),
            _ if !context.in_template => Some("a type knows no node templates; begin with `SELF`".to_owned()),
            _ => {
                let names = self.template.names.iter().copied();
                let names = names.chain(self.template.relationships.keys().copied()).chain(["SELF"]);
                did_you_mean(first, names.clone()).or_else(|| {
                    Some(format!("a path starts at `SELF` or a node template: {}", one_of(names)))
                })
            }
        };
        self.report(diagnostic.at(Place::new(span, "not `SELF` and not a node template")).maybe_hint(hint));
        None
    }
}

/// The parts of a path that are not read yet.
struct Parts<'c, 'a> {
    compiler: &'c Compiler<'a>,
    rest: &'c [Node<'a>],
    /// Of the whole path.
    span: Span,
    context: Context,
}

impl<'a> Parts<'_, 'a> {
    fn next(&mut self) -> Option<Node<'a>> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Whether a word of paths comes next; if so, it is taken.
    fn take(&mut self, keyword: &str) -> bool {
        let is_next = self.rest.first().is_some_and(|node| node.as_string() == Some(keyword));
        if is_next {
            self.next();
        }
        is_next
    }

    /// A name, which must be there and written out.
    fn name(&mut self, wanted: &str) -> Option<(&'a str, Span)> {
        let node = self.next();
        if let Some(text) = node.filter(|node| matches!(form(*node), Form::Literal)).and_then(Node::as_string)
        {
            return node.map(|node| (text, node.span()));
        }
        let (message, span, hint) = match node {
            None => (format!("the path ends before {wanted}"), self.span, None),
            Some(node) if !matches!(form(node), Form::Literal) => (
                format!("{wanted} cannot be the result of a function"),
                node.span(),
                Some("write the name out; only indexes, and names within a value, can be computed"),
            ),
            Some(node) => {
                (format!("{wanted} must be a string, not {}", node.kind_in_words()), node.span(), None)
            }
        };
        let diagnostic = Diagnostic::error("invalid-path", message).at(span).chapter("10.3");
        self.compiler.report(diagnostic.maybe_hint(hint.map(ToOwned::to_owned)));
        None
    }

    /// An index when there is one: a missing index is 0.
    fn index(&mut self) -> Option<Index> {
        let Some(&node) = self.rest.first() else { return Some(Index::At(0)) };
        if !matches!(form(node), Form::Literal) {
            self.next();
            return self.computed(node);
        }
        let Some(scalar) = node.as_scalar() else { return Some(Index::At(0)) };
        let found = match scalar.kind {
            ScalarKind::Integer => {
                parse_integer(scalar.text).and_then(|value| u64::try_from(value).ok()).map(Index::At)
            }
            ScalarKind::String if scalar.text == "ALL" => Some(Index::All),
            _ => None,
        };
        if found.is_some() {
            self.next();
        }
        Some(found.unwrap_or(Index::At(0)))
    }

    /// An index that a function gives: 10.3 has numbers and `ALL` only, but chapter 14 has such indexes where a
    /// requirement names its target, and what one node has its peer of the same index has, too.
    fn computed(&self, node: Node<'a>) -> Option<Index> {
        let index = self.compiler.expression(node, None, self.context, &"an index in a path")?;
        let found = match index.as_value() {
            Some(Value::Integer(at)) if *at >= 0 => {
                return u64::try_from(*at).ok().map(Index::At);
            }
            Some(value) => Some(format!("it is {value}")),
            None => {
                let kind = self.compiler.kind(&index, self.context);
                let other = kind.filter(|kind| kind.base != DataBase::Integer);
                other.map(|kind| format!("this gives {}", self.compiler.kind_with_article(&kind)))
            }
        };
        let Some(found) = found else { return Some(Index::Computed(Box::new(index))) };
        let message = "an index in a path must be an integer that is not negative";
        self.compiler.report(
            Diagnostic::error("wrong-type", message)
                .at(Place::new(node.span(), found))
                .hint("a name in a path must be written out")
                .chapter("10.3"),
        );
        None
    }
}
