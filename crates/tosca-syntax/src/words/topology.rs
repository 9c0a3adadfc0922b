//! What a service template has besides node templates: relationship templates (7.4), groups, policies and triggers
//! (chapter 16).

use diagnostics::Span;

use super::assignment::{Assignment, InterfaceAssignment};
use super::construct::{Construct, Hidden, INTERFACES_OF_GROUPS, Shape};
use super::reader::{Common, Reader, Word};
use super::workflow::Activity;
use crate::yaml::Node;

/// A relationship template (7.4).
#[derive(Debug, Clone, Default)]
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
#[derive(Debug, Default)]
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
#[derive(Debug, Default)]
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
#[derive(Debug, Default)]
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

impl<'a> RelationshipTemplate<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        // A template with `copy` may take its type from there.
        Shape { needs: &[("type", Some("copy"))], ..Shape::new("a relationship template", "7.4") },
        &[
            ("type", |own, field| own.relationship_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.assignments()),
            ("attributes", |own, field| own.attributes = field.assignments()),
            ("interfaces", |own, field| own.interfaces = field.named(Reader::interface_assignment)),
            ("copy", |own, field| own.copy = field.word()),
        ],
    );
}

impl<'a> Group<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("type", None)],
            gone: &[("targets", "a group has `members`"), INTERFACES_OF_GROUPS],
            ..Shape::new("a group definition", "16.2")
        },
        &[
            ("type", |own, field| own.group_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.assignments()),
            ("attributes", |own, field| own.attributes = field.assignments()),
            ("members", |own, field| own.members = field.words().unwrap_or_default()),
        ],
    );
}

impl<'a> Policy<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("type", None)],
            gone: &[("members", "a policy has `targets`")],
            ..Shape::new("a policy definition", "16.4")
        },
        &[
            ("type", |own, field| own.policy_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.assignments()),
            ("targets", |own, field| own.targets = field.words().unwrap_or_default()),
            ("triggers", |own, field| own.triggers = field.named(Reader::trigger)),
        ],
    );
}

impl<'a> Trigger<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("event", None), ("action", None)],
            gone: &[
                ("event_type", "TOSCA 2.0 calls it `event`"),
                ("target_filter", "TOSCA 2.0 has no such keyname; the policy has `targets`"),
                ("schedule", "TOSCA 2.0 has no such keyname"),
                ("constraint", "TOSCA 2.0 calls it `condition`"),
                ("period", "TOSCA 2.0 has no such keyname"),
                ("evaluations", "TOSCA 2.0 has no such keyname"),
                ("method", "TOSCA 2.0 has no such keyname"),
            ],
            ..Shape::new("a trigger definition", "16.5")
        },
        &[
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("event", |own, field| own.event = field.word()),
            ("condition", |own, field| own.condition = field.node()),
            ("action", |own, field| own.action = field.activities()),
        ],
    );
}

impl Reader {
    pub(super) fn relationship_template<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> Box<RelationshipTemplate<'a>> {
        let own = RelationshipTemplate { name, span: node.span(), ..RelationshipTemplate::default() };
        let mut own = Box::new(own);
        own.hidden = self.fill(&mut *own, &RelationshipTemplate::CONSTRUCT, Some(name), node);
        own
    }

    pub(super) fn group<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Group<'a> {
        let mut own = Group { name, ..Group::default() };
        own.hidden = self.fill(&mut own, &Group::CONSTRUCT, Some(name), node);
        own
    }

    pub(super) fn policy<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Policy<'a> {
        let mut own = Policy { name, ..Policy::default() };
        own.hidden = self.fill(&mut own, &Policy::CONSTRUCT, Some(name), node);
        own
    }

    pub(super) fn trigger<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Trigger<'a> {
        let mut own = Trigger { name, ..Trigger::default() };
        self.fill(&mut own, &Trigger::CONSTRUCT, Some(name), node);
        own
    }
}
