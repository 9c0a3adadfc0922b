//! Substitution mappings (chapter 15).

use diagnostics::{Diagnostic, Place, Span};

use super::construct::{Construct, Hidden, Shape};
use super::field::{Field, single_entry};
use super::reader::{Reader, Word};
use crate::yaml::{Node, ScalarKind, parse_integer};

/// Substitution mappings (15.1).
#[derive(Debug, Default)]
pub struct Substitution<'a> {
    /// `node_type`.
    pub node_type: Option<Word<'a>>,
    /// `substitution_filter`.
    pub filter: Option<Node<'a>>,
    /// `properties`: to inputs.
    pub properties: Vec<ValueMapping<'a>>,
    /// `attributes`: from outputs.
    pub attributes: Vec<ValueMapping<'a>>,
    /// `capabilities`.
    pub capabilities: Vec<CapabilityMapping<'a>>,
    /// `requirements`, in order.
    pub requirements: Vec<RequirementMapping<'a>>,
    /// `interfaces`: operations to workflows.
    pub interfaces: Vec<InterfaceMapping<'a>>,
    /// The keyname.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A property and the input that it goes to, or an attribute and the output that it comes from (15.2, 15.3).
#[derive(Debug)]
pub struct ValueMapping<'a> {
    /// Whose property or attribute.
    pub holder: MappedHolder<'a>,
    /// The property or attribute.
    pub name: Word<'a>,
    /// The input or output.
    pub parameter: Word<'a>,
}

/// Whose property or attribute is mapped.
#[derive(Debug, Clone, Copy)]
pub enum MappedHolder<'a> {
    /// The node's own.
    Node,
    /// `[CAPABILITY, capability, name]`.
    Capability(Word<'a>),
    /// `[RELATIONSHIP, requirement, index, name]`; without an index 0 is meant, `None` is `ALL`.
    Relationship(Word<'a>, Option<u64>),
}

/// `capability: [node_template, capability]` (15.4).
#[derive(Debug, Clone, Copy)]
pub struct CapabilityMapping<'a> {
    /// The capability of the substituted node.
    pub name: Word<'a>,
    /// A node template.
    pub node: Word<'a>,
    /// A capability of it.
    pub capability: Word<'a>,
}

/// A requirement mapping (15.5).
#[derive(Debug)]
pub struct RequirementMapping<'a> {
    /// The requirement of the substituted node.
    pub name: Word<'a>,
    /// How many of its assignments, when the key is `[requirement, count]`.
    pub count: Option<MappingCount>,
    /// Where they are mapped to.
    pub targets: Vec<MappingTarget<'a>>,
}

/// How many assignments of a requirement a mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingCount {
    /// This many.
    Exactly(u64),
    /// `UNBOUNDED`: all that are left.
    Unbounded,
}

/// What a requirement is mapped to.
#[derive(Debug, Clone, Copy)]
pub enum MappingTarget<'a> {
    /// A node template with the directive `select`.
    Selectable(Word<'a>),
    /// `[node_template, requirement]`; or, when the second is no requirement but a node template, two of the above.
    Pair(Word<'a>, Word<'a>),
}

/// `interface: { operation: workflow }` (15.6).
#[derive(Debug)]
pub struct InterfaceMapping<'a> {
    /// The interface of the substituted node.
    pub name: Word<'a>,
    /// Its operations, each with a workflow.
    pub operations: Vec<(Word<'a>, Word<'a>)>,
}

impl<'a> Substitution<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("node_type", None)],
            gone: &[("node_filter", "the keyname is `substitution_filter`")],
            ..Shape::new("a substitution mapping", "15.1")
        },
        &[
            ("node_type", |own, field| own.node_type = field.word()),
            ("substitution_filter", |own, field| own.filter = field.node()),
            ("properties", |own, field| own.properties = field.value_mappings("an input")),
            ("attributes", |own, field| own.attributes = field.value_mappings("an output")),
            ("capabilities", |own, field| {
                own.capabilities = field.named(Reader::capability_mapping).into_iter().flatten().collect();
            }),
            ("requirements", |own, field| own.requirements = field.requirement_mappings()),
            ("interfaces", |own, field| own.interfaces = field.named(Reader::interface_mapping)),
        ],
    );
}

impl<'a> Field<'a, '_> {
    pub(super) fn substitution(&mut self) -> Option<Substitution<'a>> {
        let mut own = Substitution { span: self.key.span(), ..Substitution::default() };
        let name = self.name();
        own.hidden = self.reader.fill(&mut own, &Substitution::CONSTRUCT, Some(name), self.value);
        self.value.entries().map(|_| own)
    }

    /// Mappings whose keys are names or paths.
    fn value_mappings(&mut self, wanted: &str) -> Vec<ValueMapping<'a>> {
        self.chapter = "15.2";
        let Some(entries) = self.entries() else { return Vec::new() };
        let mut mappings = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let parameter = self.reader.string(value, &format_args!("the name of {wanted}"), "15.2");
            match (self.reader.mapped_value(key, self.keyname), parameter) {
                (Some((holder, name)), Some(parameter)) => {
                    mappings.push(ValueMapping { holder, name, parameter });
                }
                _ => self.hide(),
            }
        }
        mappings
    }

    fn requirement_mappings(&mut self) -> Vec<RequirementMapping<'a>> {
        self.chapter = "15.5";
        let Some(items) = self.dashed() else { return Vec::new() };
        let mut mappings = Vec::with_capacity(items.len());
        for item in items {
            let Some((key, value)) = single_entry(item) else {
                let what = "an entry of `requirements`";
                self.reader.wrong_kind(what, "a map of one requirement", item, "15.5");
                continue;
            };
            let Some((name, count)) = self.reader.mapped_requirement(key) else { continue };
            mappings.push(RequirementMapping { name, count, targets: self.reader.mapping_targets(value) });
        }
        mappings
    }
}

impl Reader {
    fn mapped_value<'a>(&mut self, key: Node<'a>, keyname: &str) -> Option<(MappedHolder<'a>, Word<'a>)> {
        let Some(items) = key.items() else {
            return Some((MappedHolder::Node, self.element_name(key, keyname, "15.2")?));
        };
        let items: Vec<_> = items.collect();
        let words: Vec<_> = items.iter().map(|item| Word::of(*item)).collect();
        match (&words[..], &items[..]) {
            ([Some(kind), Some(capability), Some(name)], _) if kind.text == "CAPABILITY" => {
                return Some((MappedHolder::Capability(*capability), *name));
            }
            ([Some(kind), Some(requirement), Some(name)], _) if kind.text == "RELATIONSHIP" => {
                return Some((MappedHolder::Relationship(*requirement, Some(0)), *name));
            }
            ([Some(kind), Some(requirement), index, Some(name)], [_, _, node, _])
                if kind.text == "RELATIONSHIP" =>
            {
                if index.is_some_and(|index| index.text == "ALL") {
                    return Some((MappedHolder::Relationship(*requirement, None), *name));
                }
                if let Some(index) = count_of(*node) {
                    return Some((MappedHolder::Relationship(*requirement, Some(index)), *name));
                }
            }
            _ => {}
        }
        let what = if keyname == "attributes" { "attribute" } else { "property" };
        self.report(
            Diagnostic::error("invalid-mapping", format!("this says of no {what} where it is"))
                .at(key.span())
                .hint(format!(
                    "write `{what}`, `[ CAPABILITY, capability, {what} ]` or `[ RELATIONSHIP, requirement, index, \
                     {what} ]`"
                ))
                .chapter("15.2"),
        );
        None
    }

    fn capability_mapping<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Option<CapabilityMapping<'a>> {
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        if let [of, capability] = items[..]
            && let (Some(node), Some(capability)) = (Word::of(of), Word::of(capability))
        {
            return Some(CapabilityMapping { name, node, capability });
        }
        self.report(
            Diagnostic::error("invalid-mapping", "a capability is mapped to `[ node_template, capability ]`")
                .at(node.span())
                .chapter("15.4"),
        );
        None
    }

    fn mapped_requirement<'a>(&mut self, key: Node<'a>) -> Option<(Word<'a>, Option<MappingCount>)> {
        let Some(items) = key.items() else {
            return Some((self.element_name(key, "requirements", "15.5")?, None));
        };
        let items: Vec<_> = items.collect();
        if let [name, count] = items[..]
            && let Some(name) = Word::of(name)
        {
            if count.as_string() == Some("UNBOUNDED") {
                return Some((name, Some(MappingCount::Unbounded)));
            }
            if let Some(count) = count_of(count) {
                return Some((name, Some(MappingCount::Exactly(count))));
            }
        }
        self.report(
            Diagnostic::error(
                "invalid-mapping",
                "a mapped requirement is a name or `[ name, count ]`, where the count may be `UNBOUNDED`",
            )
            .at(key.span())
            .chapter("15.5"),
        );
        None
    }

    /// `node`, `[ node, requirement ]`, or a list of both.
    fn mapping_targets<'a>(&mut self, node: Node<'a>) -> Vec<MappingTarget<'a>> {
        if let Some(name) = Word::of(node) {
            return vec![MappingTarget::Selectable(name)];
        }
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        let words: Vec<_> = items.iter().map(|item| Word::of(*item)).collect();
        if let [Some(node), Some(requirement)] = words[..] {
            return vec![MappingTarget::Pair(node, requirement)];
        }
        let mut targets = Vec::with_capacity(items.len());
        for item in &items {
            let inner: Vec<_> = item.items().into_iter().flatten().map(Word::of).collect();
            match (Word::of(*item), &inner[..]) {
                (Some(name), _) => targets.push(MappingTarget::Selectable(name)),
                (None, [Some(node), Some(requirement)]) => {
                    targets.push(MappingTarget::Pair(*node, *requirement));
                }
                _ => self.wrong_mapping_target(item.span()),
            }
        }
        if items.is_empty() {
            self.wrong_mapping_target(node.span());
        }
        targets
    }

    fn wrong_mapping_target(&mut self, span: Span) {
        let message = "a requirement is mapped to `[ node_template, requirement ]` or to a node template to be selected";
        self.report(
            Diagnostic::error("invalid-mapping", message)
                .at(Place::new(span, "neither of both"))
                .chapter("15.5"),
        );
    }

    fn interface_mapping<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> InterfaceMapping<'a> {
        let mut mapping = InterfaceMapping { name, operations: Vec::new() };
        let Some(entries) = node.entries() else {
            let what = format!("the mapping of the interface `{}`", name.text);
            self.wrong_kind(&what, "a map", node, "15.6");
            return mapping;
        };
        for (key, value) in entries {
            let operation = self.element_name(key, "interfaces", "15.6");
            let workflow = self.string(value, &"the name of a workflow", "15.6");
            if let (Some(operation), Some(workflow)) = (operation, workflow) {
                mapping.operations.push((operation, workflow));
            }
        }
        mapping
    }
}

/// A number that counts: a literal that is an integer and not negative.
pub fn count_of(node: Node<'_>) -> Option<u64> {
    let scalar = node.as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer)?;
    parse_integer(scalar.text).and_then(|value| u64::try_from(value).ok())
}
