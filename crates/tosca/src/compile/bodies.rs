//! Artifact, capability, interface, relationship, node, group and policy types.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, one_of};
use tosca_syntax::words::{self, TypeBody as Words, Word};

use super::values::plain_metadata;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    ArtifactType, Call, CapabilityDefinition, CapabilityType, GroupType, InterfaceType, Map, NodeType,
    OperationDefinition, ParameterDefinition, PolicyType, RelationshipType, TypeBody, TypeId, TypeKind,
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
        let inputs = self.parameter_definitions(&words.inputs, &inherited.inputs, context, "input");
        for own in &words.inputs {
            if let Some(input) = inputs.get(own.property.name.text) {
                self.check_placeless(input);
            }
        }
        InterfaceType {
            inputs,
            operations: self.type_operations(&words.operations, inherited.operations, "operation", context),
            notifications: self.type_operations(
                &words.notifications,
                inherited.notifications,
                "notification",
                context,
            ),
        }
    }

    /// 11.4: an interface type is in no node, so that nothing can be read from one.
    fn check_placeless(&self, input: &ParameterDefinition) {
        let Some(value) = &input.value else { return };
        let mut calls = value.calls().into_iter();
        let reads = calls.find(|call| matches!(call, Call::GetProperty(_) | Call::GetAttribute(_)));
        if let Some(call) = reads {
            let message = format!("`${}` has no meaning in an interface type", call.function());
            self.report(
                Diagnostic::error("misplaced-function", message)
                    .at(Place::new(value.span, "an interface type is in no node"))
                    .hint("fix the value where the interface is used: in a node type or node template")
                    .chapter("11.4"),
            );
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
            let fixed = |input: &&words::ParameterDefinition<'a>| built.inputs.get(input.property.name.text);
            for input in operation.inputs.iter().filter_map(|input| fixed(&input)) {
                self.check_placeless(input);
            }
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

    /// Whether a type is one of those listed as valid, or derived from one.
    pub(super) fn is_valid(&self, id: TypeId, valid: Option<&[TypeId]>) -> bool {
        valid.is_none_or(|valid| valid.iter().any(|&wider| self.fits(id, wider)))
    }

    /// The place of a type's name, or of the use of it when it is built in.
    pub(super) fn place_of(&self, id: TypeId, otherwise: Span) -> Span {
        self.type_of(id).span.unwrap_or(otherwise)
    }
}
