//! Artifact, capability, interface, relationship, node, group and policy types.

use std::collections::HashSet;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, one_of};
use tosca_syntax::words::{self, TypeBody as Words, Word};
use tosca_syntax::yaml::Node;

use super::scope::Found;
use super::values::plain_metadata;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    ArtifactType, CapabilityDefinition, CapabilityType, CountRange, Expression, GroupType, InterfaceType,
    Map, NodeType, OperationDefinition, PolicyType, RelationshipType, RequiredCapability,
    RequirementDefinition, TypeBody, TypeId, TypeKind,
};

impl<'a> Compiler<'a> {
    /// Builds a type of any kind but data, from its own words and its parent's body.
    pub(super) fn build_body(&mut self, id: TypeId) {
        let Some(declared) = self.declared[id.index()] else { return };
        let file = declared.file;
        let inherited = self.type_of(id).parent.map(|parent| self.type_of(parent).body.clone());
        let body = match &declared.words.body {
            Words::Artifact(words) => TypeBody::Artifact(self.artifact_type(words, inherited, file)),
            Words::Capability(words) => TypeBody::Capability(self.capability_type(words, inherited, file)),
            Words::Interface(words) => TypeBody::Interface(self.interface_type(words, inherited, file)),
            Words::Relationship(words) => {
                TypeBody::Relationship(self.relationship_type(id, words, inherited, file))
            }
            Words::Node(words) => TypeBody::Node(self.node_type(id, words, inherited, file)),
            Words::Group(words) => TypeBody::Group(self.group_type(words, inherited, file)),
            Words::Policy(words) => TypeBody::Policy(self.policy_type(words, inherited, file)),
            Words::Data(_) => return,
        };
        self.types[id.index()].body = body;
    }

    fn artifact_type(
        &self,
        words: &'a words::ArtifactType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> ArtifactType {
        let inherited = match inherited {
            Some(TypeBody::Artifact(inherited)) => inherited,
            _ => ArtifactType::default(),
        };
        let context = Context::in_type(file, SelfIs::Unknown);
        let own = words.file_ext.as_ref().map(|extensions| {
            extensions.iter().map(|word| word.text.trim_start_matches('.').into()).collect::<Vec<Arc<str>>>()
        });
        ArtifactType {
            mime_type: words.mime_type.map(Arc::from).or(inherited.mime_type),
            file_ext_is_own: own.is_some(),
            file_ext: own.unwrap_or(inherited.file_ext),
            properties: self.property_definitions(
                &words.properties,
                &inherited.properties,
                context,
                "property",
            ),
        }
    }

    /// Makes artifact types findable by the extensions of files.
    pub(super) fn index_artifact_types(&mut self) {
        for (index, found) in self.types.iter().enumerate() {
            if let TypeBody::Artifact(artifact) = &found.body
                && artifact.file_ext_is_own
            {
                for extension in &artifact.file_ext {
                    let ids = self.file_extensions.entry(extension.to_lowercase()).or_default();
                    ids.push(TypeId::from_index(index));
                }
            }
        }
    }

    fn capability_type(
        &self,
        words: &'a words::CapabilityType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> CapabilityType {
        let inherited = match inherited {
            Some(TypeBody::Capability(inherited)) => inherited,
            _ => CapabilityType::default(),
        };
        let context = Context::in_type(file, SelfIs::Unknown);
        let sources = words.valid_source_node_types.as_deref();
        let relationships = words.valid_relationship_types.as_deref();
        CapabilityType {
            properties: self.property_definitions(
                &words.properties,
                &inherited.properties,
                context,
                "property",
            ),
            attributes: self.property_definitions(
                &words.attributes,
                &inherited.attributes,
                context,
                "attribute",
            ),
            valid_source_node_types: self.narrowed(
                sources,
                inherited.valid_source_node_types,
                TypeKind::Node,
                file,
            ),
            valid_relationship_types: self.narrowed(
                relationships,
                inherited.valid_relationship_types,
                TypeKind::Relationship,
                file,
            ),
        }
    }

    /// A list of types that are valid somewhere: a derived one may only narrow it (7.3, 8.1).
    fn narrowed(
        &self,
        words: Option<&[Word<'a>]>,
        inherited: Option<Vec<TypeId>>,
        kind: TypeKind,
        file: usize,
    ) -> Option<Vec<TypeId>> {
        let Some(words) = words else { return inherited };
        let mut types = Vec::with_capacity(words.len());
        for &word in words {
            let found = self.find_type(file, kind, word);
            if let Some(inherited) = &inherited
                && !inherited.iter().any(|&wider| self.fits(found, wider))
            {
                let allowed = one_of(inherited.iter().map(|&id| self.type_of(id).name.as_str()));
                let message = format!("the {kind} type `{}` was not valid here before", word.text);
                self.report(
                    Diagnostic::error("widened-refinement", message)
                        .at(Place::new(word.span, "the list may only be narrowed"))
                        .hint(format!("valid are these and types derived from them: {allowed}"))
                        .chapter("7.3"),
                );
            }
            types.push(found);
        }
        Some(types)
    }

    fn interface_type(
        &self,
        words: &'a words::InterfaceType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> InterfaceType {
        let inherited = match inherited {
            Some(TypeBody::Interface(inherited)) => inherited,
            _ => InterfaceType::default(),
        };
        let context = Context::in_type(file, SelfIs::Unknown);
        InterfaceType {
            inputs: self.parameter_definitions(&words.inputs, &inherited.inputs, context, "input"),
            operations: self.type_operations(&words.operations, inherited.operations, "operation", context),
            notifications: self.type_operations(
                &words.notifications,
                inherited.notifications,
                "notification",
                context,
            ),
        }
    }

    /// The operations or notifications of an interface type: only what goes in and out.
    fn type_operations(
        &self,
        words: &'a [words::OperationDefinition<'a>],
        inherited: Map<Arc<OperationDefinition>>,
        what: &str,
        context: Context,
    ) -> Map<Arc<OperationDefinition>> {
        let mut operations = inherited;
        for operation in words {
            if let Some(implementation) = &operation.implementation {
                let message = format!(
                    "the {what} `{}` of an interface type has no implementation",
                    operation.name.text
                );
                self.report(
                    Diagnostic::error("misplaced-implementation", message)
                        .at(Place::new(implementation.span, "not allowed in an interface type"))
                        .hint("give it where the interface is used: in a node type or node template")
                        .chapter("11.1"),
                );
            }
            if let Some(mapping) = operation.outputs.iter().find_map(|output| output.mapping) {
                self.report(
                    Diagnostic::error(
                        "misplaced-mapping",
                        "an interface type has no attributes to map outputs to",
                    )
                    .at(Place::new(mapping.span(), "not allowed in an interface type"))
                    .hint("map the output where the interface is used: in a node type or node template")
                    .chapter("11.4"),
                );
            }
            let name = self.name(operation.name.text);
            let parent = operations.get(&name).cloned();
            let built = self.operation_definition(operation, parent.as_deref(), context, None);
            operations.insert(name, Arc::new(built));
        }
        operations
    }

    fn relationship_type(
        &self,
        id: TypeId,
        words: &'a words::RelationshipType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> RelationshipType {
        let inherited = match inherited {
            Some(TypeBody::Relationship(inherited)) => inherited,
            _ => RelationshipType::default(),
        };
        let context = Context::in_type(file, SelfIs::Relationship(id));
        let capabilities = words.valid_capability_types.as_deref();
        let targets = words.valid_target_node_types.as_deref();
        let sources = words.valid_source_node_types.as_deref();
        RelationshipType {
            properties: self.property_definitions(
                &words.properties,
                &inherited.properties,
                context,
                "property",
            ),
            attributes: self.property_definitions(
                &words.attributes,
                &inherited.attributes,
                context,
                "attribute",
            ),
            interfaces: self.interface_definitions(
                &words.interfaces,
                &inherited.interfaces,
                context,
                None,
                None,
            ),
            valid_capability_types: self.narrowed(
                capabilities,
                inherited.valid_capability_types,
                TypeKind::Capability,
                file,
            ),
            valid_target_node_types: self.narrowed(
                targets,
                inherited.valid_target_node_types,
                TypeKind::Node,
                file,
            ),
            valid_source_node_types: self.narrowed(
                sources,
                inherited.valid_source_node_types,
                TypeKind::Node,
                file,
            ),
        }
    }

    fn node_type(
        &self,
        id: TypeId,
        words: &'a words::NodeType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> NodeType {
        let inherited = match inherited {
            Some(TypeBody::Node(inherited)) => inherited,
            _ => NodeType::default(),
        };
        let context = Context::in_type(file, SelfIs::Node(id));
        let artifacts = self.artifacts(&words.artifacts, &inherited.artifacts, context);
        NodeType {
            properties: self.property_definitions(
                &words.properties,
                &inherited.properties,
                context,
                "property",
            ),
            attributes: self.property_definitions(
                &words.attributes,
                &inherited.attributes,
                context,
                "attribute",
            ),
            capabilities: self.capability_definitions(&words.capabilities, inherited.capabilities, context),
            requirements: self.requirement_definitions(&words.requirements, inherited.requirements, context),
            interfaces: self.interface_definitions(
                &words.interfaces,
                &inherited.interfaces,
                context,
                Some(&artifacts),
                None,
            ),
            artifacts,
        }
    }

    fn group_type(
        &self,
        words: &'a words::GroupType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> GroupType {
        let inherited = match inherited {
            Some(TypeBody::Group(inherited)) => inherited,
            _ => GroupType::default(),
        };
        let context = Context::in_type(file, SelfIs::Unknown);
        let (own, attributes) = (&words.properties, &words.attributes);
        GroupType {
            properties: self.property_definitions(own, &inherited.properties, context, "property"),
            attributes: self.property_definitions(attributes, &inherited.attributes, context, "attribute"),
            members: self.narrowed(words.members.as_deref(), inherited.members, TypeKind::Node, file),
        }
    }

    fn policy_type(
        &self,
        words: &'a words::PolicyType<'a>,
        inherited: Option<TypeBody>,
        file: usize,
    ) -> PolicyType {
        let inherited = match inherited {
            Some(TypeBody::Policy(inherited)) => inherited,
            _ => PolicyType::default(),
        };
        let context = Context::in_type(file, SelfIs::Unknown);
        PolicyType {
            properties: self.property_definitions(
                &words.properties,
                &inherited.properties,
                context,
                "property",
            ),
            targets: self.policy_target_types(words.targets.as_deref(), inherited.targets, file),
            triggers: self.triggers(&words.triggers, inherited.triggers, context, "policy type"),
        }
    }

    fn capability_definitions(
        &self,
        words: &'a [words::CapabilityDefinition<'a>],
        inherited: Map<Arc<CapabilityDefinition>>,
        context: Context,
    ) -> Map<Arc<CapabilityDefinition>> {
        let mut definitions = inherited;
        for own in words {
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            let type_id = match (own.capability_type, &parent) {
                (Some(word), parent) => {
                    let found = self.find_type(context.file, TypeKind::Capability, word);
                    if let Some(parent) = parent.as_ref().filter(|parent| !self.fits(found, parent.type_id)) {
                        self.not_derived("capability", word, found, parent.type_id, parent.span);
                    }
                    found
                }
                (None, Some(parent)) => parent.type_id,
                (None, None) => {
                    if !own.hidden.has("type") {
                        self.lacks_type("capability", own.name, "8.2");
                    }
                    self.unknown.of(TypeKind::Capability)
                }
            };
            let TypeBody::Capability(body) = &self.type_of(type_id).body else { continue };
            // What the type defines, over it what an inherited definition refined.
            let refined = parent.as_ref().filter(|parent| parent.type_id == type_id);
            let properties = refined.map_or(&body.properties, |parent| &parent.properties);
            let attributes = refined.map_or(&body.attributes, |parent| &parent.attributes);
            let in_capability = Context { self_is: SelfIs::Unknown, ..context };
            let sources =
                refined.map_or(&body.valid_source_node_types, |parent| &parent.valid_source_node_types);
            let relationships =
                refined.map_or(&body.valid_relationship_types, |parent| &parent.valid_relationship_types);
            let definition = CapabilityDefinition {
                type_id,
                properties: self.property_refinements(
                    &own.properties,
                    properties,
                    type_id,
                    in_capability,
                    "property",
                ),
                attributes: self.property_refinements(
                    &own.attributes,
                    attributes,
                    type_id,
                    in_capability,
                    "attribute",
                ),
                valid_source_node_types: self.narrowed(
                    own.valid_source_node_types.as_deref(),
                    sources.clone(),
                    TypeKind::Node,
                    context.file,
                ),
                valid_relationship_types: self.narrowed(
                    own.valid_relationship_types.as_deref(),
                    relationships.clone(),
                    TypeKind::Relationship,
                    context.file,
                ),
                description: own
                    .common
                    .description
                    .map(Arc::from)
                    .or(parent.as_ref().and_then(|parent| parent.description.clone())),
                metadata: own
                    .common
                    .metadata
                    .map(plain_metadata)
                    .or(parent.as_ref().map(|parent| parent.metadata.clone()))
                    .unwrap_or_default(),
                span: own.name.span,
            };
            definitions.insert(name, Arc::new(definition));
        }
        definitions
    }

    pub(super) fn lacks_type(&self, what: &str, name: Word<'_>, chapter: &'static str) {
        self.report(
            Diagnostic::error(
                "missing-keyname",
                format!("the {what} `{}` needs the keyname `type`", name.text),
            )
            .at(Place::new(name.span, "has no `type`"))
            .chapter(chapter),
        );
    }

    fn requirement_definitions(
        &self,
        words: &'a [words::RequirementDefinition<'a>],
        inherited: Map<Arc<RequirementDefinition>>,
        context: Context,
    ) -> Map<Arc<RequirementDefinition>> {
        let mut definitions = inherited;
        let mut seen: Vec<Word<'a>> = Vec::new();
        for own in words {
            if let Some(first) = seen.iter().find(|first| first.text == own.name.text) {
                let message = format!("the requirement `{}` is defined twice", own.name.text);
                self.report(
                    Diagnostic::error("duplicate-requirement", message)
                        .at(Place::new(own.name.span, "defined again here"))
                        .related(Place::new(first.span, "first defined here"))
                        .hint("how many relationships there may be is said with `count_range`")
                        .chapter("8.4"),
                );
                continue;
            }
            seen.push(own.name);
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            let definition = self.requirement_definition(own, parent.as_deref(), context);
            definitions.insert(name, Arc::new(definition));
        }
        definitions
    }

    fn requirement_definition(
        &self,
        own: &'a words::RequirementDefinition<'a>,
        parent: Option<&RequirementDefinition>,
        context: Context,
    ) -> RequirementDefinition {
        let node = match own.node {
            Some(word) => {
                let found = self.find_type(context.file, TypeKind::Node, word);
                let wider = parent.and_then(|parent| Some((parent.node?, parent.span)));
                if let Some((wider, span)) = wider.filter(|(wider, _)| !self.fits(found, *wider)) {
                    self.not_derived("node", word, found, wider, span);
                }
                Some(found)
            }
            None => parent.and_then(|parent| parent.node),
        };
        let capability = match (own.capability, parent) {
            (Some(word), parent) => {
                let found = self.required_capability(word, node, own.node, context);
                if let Some(parent) = parent {
                    self.check_refined_capability(word, &found, parent);
                }
                found
            }
            (None, Some(parent)) => parent.capability.clone(),
            (None, None) => {
                self.lacks_keyname(own, "capability");
                RequiredCapability::OfType(self.unknown.of(TypeKind::Capability))
            }
        };
        let relationship_words = own.relationship.as_ref();
        let relationship = match (relationship_words.and_then(|words| words.relationship_type), parent) {
            (Some(word), parent) => {
                let found = self.find_type(context.file, TypeKind::Relationship, word);
                if let Some(parent) = parent.filter(|parent| !self.fits(found, parent.relationship)) {
                    self.not_derived("relationship", word, found, parent.relationship, parent.span);
                }
                found
            }
            (None, Some(parent)) => parent.relationship,
            // The short form: any relationship will do.
            (None, None) if own.is_short => self.unknown.of(TypeKind::Relationship),
            (None, None) => {
                match relationship_words {
                    Some(words) if !words.hidden.has("type") => {
                        self.lacks_type("relationship of the requirement", own.name, "8.4");
                    }
                    Some(_) => {}
                    None => self.lacks_keyname(own, "relationship"),
                }
                self.unknown.of(TypeKind::Relationship)
            }
        };
        let TypeBody::Relationship(body) = &self.type_of(relationship).body else {
            unreachable!("found as a relationship type")
        };
        let refined = parent.filter(|parent| parent.relationship == relationship);
        let properties = refined.map_or(&body.properties, |parent| &parent.relationship_properties);
        let attributes = refined.map_or(&body.attributes, |parent| &parent.relationship_attributes);
        let interfaces = refined.map_or(&body.interfaces, |parent| &parent.relationship_interfaces);
        // 10.3: within a requirement definition, SELF is the relationship.
        let inside = Context { self_is: SelfIs::Relationship(relationship), ..context };
        let own_properties = relationship_words.map(|words| words.properties.as_slice()).unwrap_or_default();
        let own_attributes = relationship_words.map(|words| words.attributes.as_slice()).unwrap_or_default();
        let own_interfaces = relationship_words.map(|words| words.interfaces.as_slice()).unwrap_or_default();
        RequirementDefinition {
            capability,
            node,
            relationship,
            relationship_properties: self.property_refinements(
                own_properties,
                properties,
                relationship,
                inside,
                "property",
            ),
            relationship_attributes: self.property_refinements(
                own_attributes,
                attributes,
                relationship,
                inside,
                "attribute",
            ),
            relationship_interfaces: self.interface_definitions(
                own_interfaces,
                interfaces,
                inside,
                None,
                Some(relationship),
            ),
            node_filters: self.node_filters(own.node_filter, parent, inside),
            count_range: self.count_range(own, parent),
            description: own
                .common
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            metadata: own
                .common
                .metadata
                .map(plain_metadata)
                .or(parent.map(|parent| parent.metadata.clone()))
                .unwrap_or_default(),
            span: own.name.span,
        }
    }

    /// A refinement adds its filter to the inherited ones (8.4.1).
    fn node_filters(
        &self,
        own: Option<Node<'a>>,
        parent: Option<&RequirementDefinition>,
        context: Context,
    ) -> Vec<Expression> {
        let mut filters = parent.map(|parent| parent.node_filters.clone()).unwrap_or_default();
        filters.extend(own.and_then(|node| self.condition(node, context, &"the node filter")));
        filters
    }

    fn lacks_keyname(&self, own: &words::RequirementDefinition<'_>, keyname: &'static str) {
        if !own.hidden.has(keyname) {
            let message = format!("the requirement `{}` needs the keyname `{keyname}`", own.name.text);
            self.report(
                Diagnostic::error("missing-keyname", message)
                    .at(Place::new(own.name.span, format!("has no `{keyname}`")))
                    .chapter("8.4"),
            );
        }
    }

    fn count_range(
        &self,
        own: &words::RequirementDefinition<'_>,
        parent: Option<&RequirementDefinition>,
    ) -> CountRange {
        let inherited = parent.map_or(CountRange::default(), |parent| parent.count_range);
        let Some(words) = own.count_range else {
            // Unreadable: nothing may be said to be missing.
            return if own.hidden.has("count_range") { CountRange::default() } else { inherited };
        };
        let range = CountRange { min: words.min, max: words.max };
        let is_within = range.min >= inherited.min
            && inherited.max.is_none_or(|widest| range.max.is_some_and(|max| max <= widest));
        if let Some(parent) = parent.filter(|_| !is_within) {
            let message = format!("the count range {range} is not within the inherited {inherited}");
            self.report(
                Diagnostic::error("widened-refinement", message)
                    .at(words.span)
                    .related(Place::new(parent.span, "refined from here"))
                    .chapter("8.4.1"),
            );
        }
        range
    }

    /// A capability type, or a capability of the required node type by its name.
    fn required_capability(
        &self,
        word: Word<'a>,
        node: Option<TypeId>,
        node_word: Option<Word<'a>>,
        context: Context,
    ) -> RequiredCapability {
        let is_type = self.scopes.find(context.file, TypeKind::Capability, word.text) != Found::Nothing;
        if let Some(node) = node.filter(|_| !is_type) {
            if let Some(type_id) = self.capability_in_words(node, word.text) {
                return RequiredCapability::Named { name: self.name(word.text), type_id };
            }
            if self.is_vague(node, "capabilities") {
                return RequiredCapability::OfType(self.unknown.of(TypeKind::Capability));
            }
        }
        let type_id = self.find_type(context.file, TypeKind::Capability, word);
        if let (Some(node), false) = (node, self.is_unknown(type_id))
            && !self.offers(node, type_id)
        {
            let name = &self.type_of(node).name;
            let message = format!("the node type `{name}` has no capability of type `{}`", word.text);
            let mut diagnostic = Diagnostic::error("no-fitting-capability", message)
                .at(Place::new(word.span, format!("no node of type `{name}` can fulfil this")))
                .chapter("8.4");
            if let Some(word) = node_word {
                diagnostic = diagnostic.related(Place::new(word.span, "the node type"));
            }
            self.report(diagnostic);
        }
        RequiredCapability::OfType(type_id)
    }

    fn check_refined_capability(
        &self,
        word: Word<'_>,
        found: &RequiredCapability,
        parent: &RequirementDefinition,
    ) {
        match &parent.capability {
            RequiredCapability::Named { name, .. } if *name != word.text => {
                let message = format!("the requirement names the capability `{name}`, which must stay so");
                self.report(
                    Diagnostic::error("not-derived", message)
                        .at(word.span)
                        .related(Place::new(parent.span, "defined here"))
                        .chapter("8.4.1"),
                );
            }
            wanted if !self.fits(found.type_id(), wanted.type_id()) => {
                self.not_derived("capability", word, found.type_id(), wanted.type_id(), parent.span);
            }
            _ => {}
        }
    }

    /// The words of a node type and its ancestors, nearest first: node types may need each other before they are
    /// built.
    fn lineage_words(&self, node: TypeId) -> impl Iterator<Item = (usize, &'a words::NodeType<'a>)> + '_ {
        let own = std::iter::once(node).chain(self.type_of(node).ancestors.iter().copied());
        own.filter_map(|id| {
            let declared = self.declared[id.index()]?;
            match &declared.words.body {
                Words::Node(words) => Some((declared.file, words)),
                _ => None,
            }
        })
    }

    /// The type of a capability of a node type by its name.
    fn capability_in_words(&self, node: TypeId, name: &str) -> Option<TypeId> {
        self.lineage_words(node).find_map(|(file, words)| {
            let definition = words.capabilities.iter().find(|definition| definition.name.text == name)?;
            self.quiet_type(file, definition.capability_type?)
        })
    }

    /// Whether a node type has a capability of a type.
    fn offers(&self, node: TypeId, capability: TypeId) -> bool {
        let mut seen = HashSet::new();
        self.is_vague(node, "capabilities")
            || self.lineage_words(node).any(|(file, words)| {
                words.capabilities.iter().any(|definition| {
                    seen.insert(definition.name.text)
                        && definition.capability_type.is_none_or(|word| {
                            self.quiet_type(file, word).is_none_or(|found| self.fits(found, capability))
                        })
                })
            })
    }

    fn quiet_type(&self, file: usize, word: Word<'_>) -> Option<TypeId> {
        match self.scopes.find(file, TypeKind::Capability, word.text) {
            Found::One(id) => Some(id),
            _ => None,
        }
    }

    /// Whether a type is one of those listed as valid, or derived from one.
    pub(super) fn is_valid(&self, id: TypeId, valid: Option<&[TypeId]>) -> bool {
        valid.is_none_or(|valid| valid.iter().any(|&wider| self.fits(id, wider)))
    }

    /// The place of a type's name, or of the use of it when it is built in.
    pub(super) fn place_of(&self, id: TypeId, otherwise: Span) -> Span {
        self.type_of(id).span.unwrap_or(otherwise)
    }
}
