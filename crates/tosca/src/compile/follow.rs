//! Where TOSCA Paths (10.3) lead, as far as types are known.

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};

use super::{Compiler, Context, SelfIs};
use crate::model::{Path, PathStart, Step, TypeBody, TypeId};

/// What a path has come to.
#[derive(Clone, Copy)]
pub(super) enum Entity {
    /// A node of a type; of a template when that is known.
    Node(TypeId, Option<usize>),
    /// A relationship.
    Relationship { type_id: Option<TypeId>, source: Option<(TypeId, Option<usize>)>, requirement: Ends },
    /// A capability of a node type, by the name's position in it.
    Capability(TypeId, usize),
    /// A capability of which only the type is known.
    CapabilityOf(TypeId),
    /// Something that only run time can know.
    Unknown,
}

/// What is known of a relationship's target.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// Nothing.
    Unknown,
    /// What a requirement definition says: by its position in the source's node type.
    Defined(TypeId, usize),
    /// What a requirement assignment says: by the positions of node template and assignment.
    Assigned(usize, usize),
}

impl Compiler<'_> {
    /// The node template that a path ends at, when that is known.
    pub(super) fn node_at_end(&self, path: &Path, context: Context) -> Option<usize> {
        match self.follow(path, context, None)? {
            Entity::Node(_, template) => template,
            _ => None,
        }
    }

    /// Follows a path; `report_at` is where to report a step that leads nowhere.
    pub(super) fn follow(&self, path: &Path, context: Context, report_at: Option<Span>) -> Option<Entity> {
        let mut entity = match path.start {
            PathStart::Node { template, .. } => {
                let template = template.index();
                Entity::Node(self.template.types[template], Some(template))
            }
            PathStart::Relationship { ref template } => Entity::Relationship {
                type_id: self.template.relationships.get(template.as_str()).map(|(type_id, _)| *type_id),
                source: None,
                requirement: Ends::Unknown,
            },
            PathStart::SelfNode | PathStart::SelfRelationship => match context.self_is {
                SelfIs::Node(type_id) => Entity::Node(type_id, None),
                SelfIs::NodeTemplate(template) => Entity::Node(self.template.types[template], Some(template)),
                SelfIs::Relationship(type_id) => {
                    Entity::Relationship { type_id: Some(type_id), source: None, requirement: Ends::Unknown }
                }
                SelfIs::RequirementOf(template, assignment) => Entity::Relationship {
                    type_id: self.template.targets[template][assignment].relationship,
                    source: Some((self.template.types[template], Some(template))),
                    requirement: Ends::Assigned(template, assignment),
                },
                SelfIs::Unknown | SelfIs::Nothing => Entity::Unknown,
            },
        };
        for step in &path.steps {
            entity = match (entity, step) {
                (Entity::Node(type_id, template), Step::Outgoing { requirement, .. }) => {
                    self.outgoing(type_id, template, requirement, report_at)?
                }
                (Entity::Node(type_id, _), Step::Incoming { capability, .. }) => {
                    self.capability_of(type_id, capability, report_at)?;
                    Entity::Relationship { type_id: None, source: None, requirement: Ends::Unknown }
                }
                (Entity::Node(type_id, _), Step::Capability { capability }) => {
                    match self.capability_of(type_id, capability, report_at)? {
                        Some(position) => Entity::Capability(type_id, position),
                        None => Entity::Unknown,
                    }
                }
                (Entity::Relationship { source: Some((type_id, template)), .. }, Step::Source) => {
                    Entity::Node(type_id, template)
                }
                (Entity::Relationship { requirement, .. }, Step::Target) => self.target(requirement),
                (Entity::Relationship { requirement, .. }, Step::TargetCapability) => {
                    self.target_capability(requirement)
                }
                (relationship @ Entity::Relationship { .. }, Step::Sibling { .. }) => relationship,
                _ => Entity::Unknown,
            };
        }
        Some(entity)
    }

    fn outgoing(
        &self,
        type_id: TypeId,
        template: Option<usize>,
        requirement: &str,
        report_at: Option<Span>,
    ) -> Option<Entity> {
        let TypeBody::Node(node) = &self.type_of(type_id).body else { return Some(Entity::Unknown) };
        let Some(position) = node.requirements.get_index_of(requirement) else {
            if self.is_vague(type_id, "requirements") {
                return Some(Entity::Unknown);
            }
            let names = node.requirements.keys().map(|name| name.as_str());
            self.no_such(type_id, "requirement", requirement, names, report_at);
            return None;
        };
        let source = Some((type_id, template));
        if let Some(template) = template {
            let targets = &self.template.targets[template];
            if let Some(assignment) = targets.iter().position(|target| target.requirement == requirement) {
                let type_id = targets[assignment].relationship;
                return Some(Entity::Relationship {
                    type_id,
                    source,
                    requirement: Ends::Assigned(template, assignment),
                });
            }
        }
        let type_of = node.requirements[position].relationship;
        Some(Entity::Relationship {
            type_id: Some(type_of),
            source,
            requirement: Ends::Defined(type_id, position),
        })
    }

    fn capability_of(
        &self,
        type_id: TypeId,
        capability: &str,
        report_at: Option<Span>,
    ) -> Option<Option<usize>> {
        let TypeBody::Node(node) = &self.type_of(type_id).body else { return Some(None) };
        match node.capabilities.get_index_of(capability) {
            Some(position) => Some(Some(position)),
            None if self.is_vague(type_id, "capabilities") => Some(None),
            None => {
                let names = node.capabilities.keys().map(|name| name.as_str());
                self.no_such(type_id, "capability", capability, names, report_at);
                None
            }
        }
    }

    fn target(&self, requirement: Ends) -> Entity {
        match requirement {
            Ends::Unknown => Entity::Unknown,
            Ends::Defined(type_id, position) => match &self.type_of(type_id).body {
                // Without a node type in the definition, any type may be the target.
                TypeBody::Node(node) => {
                    node.requirements.get_index(position).map_or(Entity::Unknown, |(_, definition)| {
                        definition.node.map_or(Entity::Unknown, |node| Entity::Node(node, None))
                    })
                }
                _ => Entity::Unknown,
            },
            Ends::Assigned(template, assignment) => {
                let target = &self.template.targets[template][assignment];
                match (target.node, target.node_type) {
                    (Some(node), _) => Entity::Node(self.template.types[node], Some(node)),
                    (None, Some(node_type)) => Entity::Node(node_type, None),
                    (None, None) => Entity::Unknown,
                }
            }
        }
    }

    fn target_capability(&self, requirement: Ends) -> Entity {
        match requirement {
            Ends::Unknown => Entity::Unknown,
            Ends::Defined(type_id, position) => match &self.type_of(type_id).body {
                TypeBody::Node(node) => {
                    node.requirements.get_index(position).map_or(Entity::Unknown, |(_, definition)| {
                        Entity::CapabilityOf(definition.capability.type_id())
                    })
                }
                _ => Entity::Unknown,
            },
            Ends::Assigned(template, assignment) => {
                let target = &self.template.targets[template][assignment];
                let (Some(node), Some(capability)) = (target.node, target.capability) else {
                    return Entity::Unknown;
                };
                Entity::Capability(self.template.types[node], capability)
            }
        }
    }

    fn no_such<'n>(
        &self,
        type_id: TypeId,
        what: &str,
        name: &str,
        names: impl Iterator<Item = &'n str> + Clone,
        report_at: Option<Span>,
    ) {
        let Some(span) = report_at else { return };
        let own = self.type_of(type_id);
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("the type `{}` has: {}", own.name, one_of(names)),
            None => format!("the type `{}` has none", own.name),
        });
        let message = format!("the path leads nowhere: the node type `{}` has no {what} `{name}`", own.name);
        let mut diagnostic = Diagnostic::error(format!("unknown-{what}"), message)
            .at(Place::new(span, format!("the path to this has no `{name}`")))
            .hint(hint)
            .chapter("10.3");
        if let Some(span) = own.span {
            diagnostic = diagnostic.related(Place::new(span, "the type"));
        }
        self.report(diagnostic);
    }
}
