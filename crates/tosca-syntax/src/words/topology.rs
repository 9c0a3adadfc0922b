//! What a service template has besides node templates: relationship templates (7.4), groups, policies and triggers
//! (chapter 16), and substitution mappings (chapter 15).

use diagnostics::{Diagnostic, Place, Span};

use super::keynames::{self, Hidden};
use super::reader::{Common, Fields, Reader, Word};
use super::template::{Assignment, InterfaceAssignment};
use super::workflow::Activity;
use crate::yaml::{Node, ScalarKind, parse_integer};

/// A relationship template (7.4).
#[derive(Debug, Clone)]
pub struct RelationshipTemplate<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
    /// `copy`: another relationship template, whose keynames are here already.
    pub copy: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// All of it.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A group definition (16.2).
#[derive(Debug)]
pub struct Group<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`.
    pub group_type: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `members`: node templates (or groups).
    pub members: Vec<Word<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A policy definition (16.4).
#[derive(Debug)]
pub struct Policy<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`.
    pub policy_type: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `targets`: node templates or groups.
    pub targets: Vec<Word<'a>>,
    /// `triggers`.
    pub triggers: Vec<Trigger<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A trigger definition (16.5).
#[derive(Debug)]
pub struct Trigger<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `event`.
    pub event: Option<Word<'a>>,
    /// `condition`.
    pub condition: Option<Node<'a>>,
    /// `action`.
    pub action: Vec<Activity<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
}

/// Substitution mappings (15.1).
#[derive(Debug)]
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

impl Reader {
    pub(super) fn relationship_template<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> RelationshipTemplate<'a> {
        let mut template = RelationshipTemplate {
            name,
            relationship_type: None,
            copy: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            interfaces: Vec::new(),
            common: Common::default(),
            span: node.span(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::RELATIONSHIP_TEMPLATE, Some(name)) else {
            template.hidden.add("type");
            template.hidden.add("properties");
            return template;
        };
        template.copy = self.word(&mut fields, "copy");
        let copies = fields.entry("copy").is_some();
        template.relationship_type =
            if copies { self.word(&mut fields, "type") } else { self.mandatory_word(&mut fields, "type") };
        template.common = self.common(&mut fields);
        template.properties = self.assignments(&mut fields, "properties");
        template.attributes = self.assignments(&mut fields, "attributes");
        template.interfaces = self.named(&mut fields, "interfaces", Self::interface_assignment);
        template.hidden = fields.hidden;
        template
    }

    pub(super) fn group<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Group<'a> {
        let mut group = Group {
            name,
            group_type: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            members: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::GROUP, Some(name)) else {
            group.hidden.add("properties");
            return group;
        };
        group.group_type = self.mandatory_word(&mut fields, "type");
        group.common = self.common(&mut fields);
        group.properties = self.assignments(&mut fields, "properties");
        group.attributes = self.assignments(&mut fields, "attributes");
        group.members = self.words(&mut fields, "members").unwrap_or_default();
        group.hidden = fields.hidden;
        group
    }

    pub(super) fn policy<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Policy<'a> {
        let mut policy = Policy {
            name,
            policy_type: None,
            properties: Vec::new(),
            targets: Vec::new(),
            triggers: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::POLICY, Some(name)) else {
            policy.hidden.add("properties");
            return policy;
        };
        policy.policy_type = self.mandatory_word(&mut fields, "type");
        policy.common = self.common(&mut fields);
        policy.properties = self.assignments(&mut fields, "properties");
        policy.targets = self.words(&mut fields, "targets").unwrap_or_default();
        policy.triggers = self.named(&mut fields, "triggers", Self::trigger);
        policy.hidden = fields.hidden;
        policy
    }

    pub(super) fn trigger<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Trigger<'a> {
        let mut trigger =
            Trigger { name, event: None, condition: None, action: Vec::new(), common: Common::default() };
        let Some(mut fields) = self.fields(node, &keynames::TRIGGER, Some(name)) else { return trigger };
        trigger.event = self.mandatory_word(&mut fields, "event");
        trigger.common = self.common(&mut fields);
        trigger.condition = fields.get("condition");
        if fields.entry("action").is_none() {
            self.missing(&fields, "action");
        }
        trigger.action = self.activities(&mut fields, "action");
        trigger
    }

    pub(super) fn substitution<'a>(&mut self, fields: &mut Fields<'a>) -> Option<Substitution<'a>> {
        let (key, node) = fields.entry("substitution_mappings")?;
        let name = Word { text: "substitution_mappings", span: key.span() };
        let mut own = self.fields(node, &keynames::SUBSTITUTION, Some(name))?;
        let properties = self.value_mappings(&mut own, "properties", "an input");
        let attributes = self.value_mappings(&mut own, "attributes", "an output");
        Some(Substitution {
            node_type: self.mandatory_word(&mut own, "node_type"),
            filter: own.get("substitution_filter"),
            properties,
            attributes,
            capabilities: self
                .named(&mut own, "capabilities", Self::capability_mapping)
                .into_iter()
                .flatten()
                .collect(),
            requirements: self.requirement_mappings(&mut own),
            interfaces: self.named(&mut own, "interfaces", Self::interface_mapping),
            span: key.span(),
            hidden: own.hidden,
        })
    }

    /// Mappings whose keys are names or paths.
    fn value_mappings<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
        wanted: &str,
    ) -> Vec<ValueMapping<'a>> {
        let Some(node) = fields.get(keyname) else { return Vec::new() };
        let Some(entries) = node.entries() else {
            self.wrong_kind(&format!("`{keyname}`"), "a map", node, "15.2");
            fields.hidden.add(keyname);
            return Vec::new();
        };
        let mut mappings = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let parameter = self.mapped_parameter(value, wanted);
            let Some((holder, name)) = self.mapped_value(key, keyname) else {
                fields.hidden.add(keyname);
                continue;
            };
            match parameter {
                Some(parameter) => mappings.push(ValueMapping { holder, name, parameter }),
                None => fields.hidden.add(keyname),
            }
        }
        mappings
    }

    /// The name of an input or output.
    fn mapped_parameter<'a>(&mut self, node: Node<'a>, wanted: &str) -> Option<Word<'a>> {
        self.string(node, &format_args!("the name of {wanted}"), "15.2")
    }

    fn mapped_value<'a>(&mut self, key: Node<'a>, keyname: &str) -> Option<(MappedHolder<'a>, Word<'a>)> {
        let Some(items) = key.items() else {
            return Some((MappedHolder::Node, self.element_name(key, keyname, "15.2")?));
        };
        let items: Vec<_> = items.collect();
        let word = |node: Node<'a>| node.as_string().map(|text| Word { text, span: node.span() });
        let words: Vec<_> = items.iter().map(|item| word(*item)).collect();
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
            && let (Some(of_text), Some(text)) = (of.as_string(), capability.as_string())
        {
            let (node, capability) =
                (Word { text: of_text, span: of.span() }, Word { text, span: capability.span() });
            return Some(CapabilityMapping { name, node, capability });
        }
        self.report(
            Diagnostic::error("invalid-mapping", "a capability is mapped to `[ node_template, capability ]`")
                .at(node.span())
                .chapter("15.4"),
        );
        None
    }

    fn requirement_mappings<'a>(&mut self, fields: &mut Fields<'a>) -> Vec<RequirementMapping<'a>> {
        let Some(node) = fields.get("requirements") else { return Vec::new() };
        let Some(items) = node.items() else {
            self.wrong_kind("`requirements`", "a list", node, "15.5");
            if let (Some(_), Some(last)) = (node.entries(), self.diagnostics.last_mut()) {
                last.hints.push("begin each entry with `- `".to_owned());
            }
            fields.hidden.add("requirements");
            return Vec::new();
        };
        let mut mappings = Vec::with_capacity(items.len());
        for item in items {
            let single =
                item.entries().filter(|entries| entries.len() == 1).and_then(|mut entries| entries.next());
            let Some((key, value)) = single else {
                self.wrong_kind("an entry of `requirements`", "a map of one requirement", item, "15.5");
                continue;
            };
            let Some((name, count)) = self.mapped_requirement(key) else { continue };
            mappings.push(RequirementMapping { name, count, targets: self.mapping_targets(value) });
        }
        mappings
    }

    fn mapped_requirement<'a>(&mut self, key: Node<'a>) -> Option<(Word<'a>, Option<MappingCount>)> {
        let Some(items) = key.items() else {
            return Some((self.element_name(key, "requirements", "15.5")?, None));
        };
        let items: Vec<_> = items.collect();
        if let [name, count] = items[..]
            && let Some(text) = name.as_string()
        {
            let name = Word { text, span: name.span() };
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
        let word = |node: Node<'a>| node.as_string().map(|text| Word { text, span: node.span() });
        if let Some(name) = word(node) {
            return vec![MappingTarget::Selectable(name)];
        }
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        let words: Vec<_> = items.iter().map(|item| word(*item)).collect();
        if let [Some(node), Some(requirement)] = words[..] {
            return vec![MappingTarget::Pair(node, requirement)];
        }
        let mut targets = Vec::with_capacity(items.len());
        for item in &items {
            let inner: Vec<_> = item.items().into_iter().flatten().map(word).collect();
            match (word(*item), &inner[..]) {
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
