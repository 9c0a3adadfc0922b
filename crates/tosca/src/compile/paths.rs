//! TOSCA Paths (10.3): parsed, and followed as far as types are known.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::yaml::{Node, ScalarKind, parse_integer};

use super::values::{Form, form};
use super::{Compiler, Context, SelfIs, Wanted};
use crate::model::{
    DataBase, Expression, Index, Map, NodeTemplateId, Path, PathStart, PropertyDefinition, Reference, Schema,
    Step, TypeBody, TypeId, Value,
};

/// What a path has come to.
#[derive(Clone, Copy)]
enum Entity {
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
enum Ends {
    /// Nothing.
    Unknown,
    /// What a requirement definition says: by its position in the source's node type.
    Defined(TypeId, usize),
    /// What a requirement assignment says: by the positions of node template and assignment.
    Assigned(usize, usize),
}

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

    /// Follows the references in types, now that all types are known.
    pub(super) fn check_type_references(&self) {
        let references = std::mem::take(&mut *self.references.borrow_mut());
        for pending in references {
            let (reference, context) = (&pending.reference, pending.context);
            _ = match pending.wanted {
                Wanted::Property => self.check_reference(reference, context, false),
                Wanted::Attribute => self.check_mapping(reference, pending.given.as_ref(), context),
                Wanted::Artifact => self.check_artifact(reference, context),
                Wanted::Allocation => self.check_allocation(reference, context),
            };
        }
    }

    /// Whether a property or attribute can be there.
    pub(super) fn check_reference(
        &self,
        reference: &Reference,
        context: Context,
        is_attribute: bool,
    ) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        let schema = self.member(entity, reference, is_attribute, true)?;
        self.check_nested(&reference.nested, schema.as_deref())
    }

    /// The schema of what a reference names, when it is known; reports nothing.
    pub(super) fn referenced_schema(
        &self,
        reference: &Reference,
        context: Context,
        is_attribute: bool,
    ) -> Option<Arc<Schema>> {
        let entity = self.follow(&reference.path, context, None)?;
        self.member(entity, reference, is_attribute, false)?
    }

    /// Like [`Compiler::check_reference`], for where what comes in goes: it must be of the attribute's type.
    pub(super) fn check_mapping(
        &self,
        reference: &Reference,
        given: Option<&Arc<Schema>>,
        context: Context,
    ) -> Option<()> {
        self.check_reference(reference, context, true)?;
        let Some(given) = given else { return Some(()) };
        let target = self.attribute_schema(reference, context);
        let Some((target, found)) = target.zip(self.kind_of_schema(given)) else { return Some(()) };
        let Some(wanted) = self.misfit(&found, &target) else { return Some(()) };
        let found = self.kind_with_article(&found);
        let message =
            format!("the attribute `{}` is of type {wanted}, but the parameter is {found}", reference.name);
        self.report(
            Diagnostic::error("wrong-type", message)
                .at(Place::new(reference.name_span, format!("of type {wanted}")))
                .related(Place::new(given.span, "the parameter"))
                .related(Place::new(target.span, "the attribute"))
                .chapter("9.9"),
        );
        None
    }

    /// The schema of the attribute, or of the part of it, that a mapping goes to, when it is known.
    pub(super) fn attribute_schema(&self, reference: &Reference, context: Context) -> Option<Arc<Schema>> {
        let schema = self.referenced_schema(reference, context, true)?;
        self.walk_nested(&reference.nested, Some(schema), false)?
    }

    /// The node template that a path ends at, when that is known.
    pub(super) fn node_at_end(&self, path: &Path, context: Context) -> Option<usize> {
        match self.follow(path, context, None)? {
            Entity::Node(_, template) => template,
            _ => None,
        }
    }

    /// Follows a path; `report_at` is where to report a step that leads nowhere.
    fn follow(&self, path: &Path, context: Context, report_at: Option<Span>) -> Option<Entity> {
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

    /// The schema of a property or attribute of an entity; `None` when it does not exist, which is reported, and
    /// `Some(None)` when that cannot be known.
    fn member(
        &self,
        entity: Entity,
        reference: &Reference,
        is_attribute: bool,
        reports: bool,
    ) -> Option<Option<Arc<Schema>>> {
        let (type_id, properties, attributes): (_, &Map<Arc<PropertyDefinition>>, _) = match entity {
            Entity::Unknown | Entity::Relationship { type_id: None, .. } => return Some(None),
            Entity::Node(type_id, _)
            | Entity::CapabilityOf(type_id)
            | Entity::Relationship { type_id: Some(type_id), .. } => {
                let own = self.type_of(type_id);
                let (Some(properties), Some(attributes)) = (own.properties(), own.attributes()) else {
                    return Some(None);
                };
                (type_id, properties, attributes)
            }
            Entity::Capability(node, position) => {
                let TypeBody::Node(body) = &self.type_of(node).body else { return Some(None) };
                let Some((_, capability)) = body.capabilities.get_index(position) else { return Some(None) };
                (capability.type_id, &capability.properties, &capability.attributes)
            }
        };
        let name = reference.name.as_str();
        let found = match is_attribute {
            // 9.5: every property is also an attribute.
            true => attributes.get(name).or_else(|| properties.get(name)),
            false => properties.get(name),
        };
        if let Some(definition) = found {
            return Some(Some(definition.schema.clone()));
        }
        let is_vague =
            self.is_vague(type_id, "properties") || is_attribute && self.is_vague(type_id, "attributes");
        // What a derived type adds may be there at run time, but not where the standard lets a path name it.
        if is_vague {
            return Some(None);
        }
        if reports {
            self.no_such_member(entity, type_id, properties, attributes, reference, is_attribute);
        }
        None
    }

    fn no_such_member(
        &self,
        entity: Entity,
        type_id: TypeId,
        properties: &Map<Arc<PropertyDefinition>>,
        attributes: &Map<Arc<PropertyDefinition>>,
        reference: &Reference,
        is_attribute: bool,
    ) {
        let own = self.type_of(type_id);
        let (kind, name) = (own.kind(), &reference.name);
        let what = if is_attribute { "attribute" } else { "property" };
        let mut diagnostic = Diagnostic::error(
            format!("unknown-{what}"),
            format!("unknown {what} `{name}` of the {kind} type `{}`", own.name),
        )
        .at(Place::new(reference.name_span, format!("the {kind} type `{}` has no such {what}", own.name)))
        .chapter("10.3");
        if let Some(span) = own.span {
            diagnostic = diagnostic.related(Place::new(span, "the type"));
        }
        let names =
            properties.keys().chain(attributes.keys().filter(|_| is_attribute)).map(|name| name.as_str());
        let mut hint = did_you_mean(name, names.clone());
        if !is_attribute && attributes.contains_key(name) {
            hint = Some(format!("`{name}` is an attribute: read it with `$get_attribute`"));
        }
        if let (Entity::Node(..), TypeBody::Node(node)) = (entity, &own.body) {
            // The short paths of TOSCA 1.x.
            if node.capabilities.contains_key(name) {
                hint = Some(format!("`{name}` is a capability: write `CAPABILITY, {name}`"));
            } else if node.requirements.contains_key(name) {
                hint = Some(format!("`{name}` is a requirement: write `RELATIONSHIP, {name}, TARGET`"));
            }
        }
        let hint = hint.unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("it has: {}", one_of(names)),
            None => format!("it has no {}", if is_attribute { "attributes" } else { "properties" }),
        });
        self.report(diagnostic.hint(hint));
    }

    /// Whether names and indexes lead into a value of a schema.
    pub(super) fn check_nested(&self, nested: &[Expression], schema: Option<&Schema>) -> Option<()> {
        self.walk_nested(nested, schema.cloned().map(Arc::new), true).map(|_| ())
    }

    /// Where names and indexes lead in a value of a schema. `None` when they lead nowhere, which is reported when it
    /// is to be; `Some(None)` when only run time can know.
    pub(super) fn walk_nested(
        &self,
        nested: &[Expression],
        schema: Option<Arc<Schema>>,
        reports: bool,
    ) -> Option<Option<Arc<Schema>>> {
        let mut current = schema;
        for item in nested {
            let Some(schema) = current else { return Some(None) };
            let Some(base) = self.base_of(schema.data_type) else { return Some(None) };
            let data = self.data(schema.data_type);
            let entry = || schema.entry_schema.as_ref().or(data.entry_schema.as_ref()).cloned();
            current = match (base, item.as_value()) {
                (DataBase::Structure, Some(Value::String(name))) => match data.properties.get(name) {
                    Some(definition) => Some(definition.schema.clone()),
                    None if self.is_vague(schema.data_type, "properties") => None,
                    None => {
                        if reports {
                            self.no_such_field(schema.data_type, name, item.span);
                        }
                        return None;
                    }
                },
                (DataBase::List, Some(Value::Integer(index))) if *index >= 0 => entry(),
                (DataBase::Map, Some(Value::String(_))) => entry(),
                (_, None) => None,
                (_, Some(value)) => {
                    if reports {
                        let own = &self.type_of(schema.data_type).name;
                        let message = format!("a {} leads nowhere in a value of type `{own}`", value.kind());
                        self.report(Diagnostic::error("invalid-path", message).at(item.span).chapter("10.3"));
                    }
                    return None;
                }
            };
        }
        Some(current)
    }

    fn no_such_field(&self, data_type: TypeId, name: &str, span: Span) {
        let own = &self.type_of(data_type).name;
        let names = self.data(data_type).properties.keys().map(|name| name.as_str());
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| format!("it has: {}", one_of(names)));
        let message = format!("unknown property `{name}` of the data type `{own}`");
        self.report(Diagnostic::error("unknown-property", message).at(span).hint(hint).chapter("10.3"));
    }

    /// The artifact that a path leads to (10.2.1.4).
    pub(super) fn check_artifact(&self, reference: &Reference, context: Context) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        let wrong = |message: String| {
            Diagnostic::error("invalid-path", message)
                .at(Place::new(reference.name_span, "no artifact can be there"))
                .chapter("10.2.1.4")
        };
        let (type_id, template) = match entity {
            Entity::Node(type_id, template) => (type_id, template),
            Entity::Unknown => return Some(()),
            Entity::Relationship { .. } | Entity::Capability(..) | Entity::CapabilityOf(_) => {
                self.report(wrong("only nodes have artifacts".to_owned()));
                return None;
            }
        };
        let TypeBody::Node(body) = &self.type_of(type_id).body else { return Some(()) };
        // A template may add artifacts to those of its type; of which template the node is may be unknown.
        let Some(template) = template else { return Some(()) };
        let name = reference.name.as_str();
        let own = self.template.artifacts.get(template).map(Vec::as_slice).unwrap_or_default();
        if body.artifacts.contains_key(name) || own.contains(&name) || self.is_vague(type_id, "artifacts") {
            return Some(());
        }
        let names = body.artifacts.keys().map(|name| name.as_str()).chain(own.iter().copied());
        let holder = self.template.names[template];
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("it has: {}", one_of(names)),
            None => "it has none".to_owned(),
        });
        self.report(
            Diagnostic::error("unknown-artifact", format!("unknown artifact `{name}` of `{holder}`"))
                .at(Place::new(reference.name_span, "not an artifact of the node"))
                .hint(hint)
                .chapter("10.2.1.4"),
        );
        None
    }

    /// The property of a capability that can be allocated (10.2.1.8).
    pub(super) fn check_allocation(&self, reference: &Reference, context: Context) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        if matches!(entity, Entity::Node(..) | Entity::Relationship { .. }) {
            self.report(
                Diagnostic::error("invalid-path", "only the properties of a capability can be allocated")
                    .at(Place::new(reference.name_span, "the path does not end at a capability"))
                    .hint("write for example `[ SELF, CAPABILITY, host, num-cpus ]`")
                    .chapter("10.2.1.8"),
            );
            return None;
        }
        let schema = self.member(entity, reference, false, true)?;
        let base = schema.and_then(|schema| self.base_of(schema.data_type));
        if let Some(base) = base
            && !matches!(base, DataBase::Integer | DataBase::Float | DataBase::Scalar)
        {
            let message = format!("the property `{}` cannot be allocated", reference.name);
            self.report(
                Diagnostic::error("wrong-type", message)
                    .at(Place::new(reference.name_span, format!("of type {}", base.as_str())))
                    .hint("only integers, floats and scalars can")
                    .chapter("10.2.1.8"),
            );
            return None;
        }
        Some(())
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
