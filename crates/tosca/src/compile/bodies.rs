//! Types of every kind but data: what each inherits, and what it says over that.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, one_of};
use tosca_syntax::words::{self, TypeBody as Words, Word};

use super::{Compiler, Context, SelfIs};
use crate::model::{
    ArtifactType, CapabilityType, GroupType, InterfaceType, Map, NodeType, PolicyType, PropertyDefinition,
    RelationshipType, TypeBody, TypeId, TypeKind,
};

/// Property or attribute definitions by name.
type Definitions = Map<Arc<PropertyDefinition>>;

/// A body of one kind.
trait Body: Default {
    /// What a type begins with: its parent's body, when it is of its kind.
    fn of(parent: Option<TypeBody>) -> Self;
}

macro_rules! bodies {
    ($($kind:ident: $body:ident),*) => {
        $(impl Body for $body {
            fn of(parent: Option<TypeBody>) -> Self {
                match parent {
                    Some(TypeBody::$kind(body)) => body,
                    _ => Self::default(),
                }
            }
        })*
    };
}

bodies!(
    Artifact: ArtifactType, Capability: CapabilityType, Interface: InterfaceType, Relationship: RelationshipType,
    Node: NodeType, Group: GroupType, Policy: PolicyType
);

impl<'a> Compiler<'a> {
    /// Builds a type of any kind but data, from its own words and its parent's body.
    pub(super) fn build_body(&mut self, id: TypeId) {
        let Some(declared) = self.declared[id.index()] else { return };
        let parent = self.type_of(id).parent.map(|parent| self.type_of(parent).body.clone());
        // Nothing is known of what holds a capability, group or policy: `SELF` could be a node or a relationship.
        let self_is = match &declared.words.body {
            Words::Node(_) => SelfIs::Node(id),
            Words::Relationship(_) => SelfIs::Relationship(id),
            _ => SelfIs::Unknown,
        };
        let context = Context { of_type: Some(id), ..Context::in_type(declared.file, self_is) };
        let body = match &declared.words.body {
            Words::Artifact(words) => {
                TypeBody::Artifact(self.artifact_type(words, Body::of(parent), context))
            }
            Words::Capability(words) => {
                TypeBody::Capability(self.capability_type(words, Body::of(parent), context))
            }
            Words::Interface(words) => {
                TypeBody::Interface(self.interface_type(words, Body::of(parent), context))
            }
            Words::Relationship(words) => {
                TypeBody::Relationship(self.relationship_type(words, Body::of(parent), context))
            }
            Words::Node(words) => TypeBody::Node(self.node_type(words, Body::of(parent), context)),
            Words::Group(words) => TypeBody::Group(self.group_type(words, Body::of(parent), context)),
            Words::Policy(words) => TypeBody::Policy(self.policy_type(words, Body::of(parent), context)),
            Words::Data(_) => return,
        };
        self.types[id.index()].body = body;
    }

    fn artifact_type(
        &self,
        words: &'a words::ArtifactType<'a>,
        inherited: ArtifactType,
        context: Context,
    ) -> ArtifactType {
        let own = words.file_ext.as_ref().map(|extensions| {
            extensions.iter().map(|word| word.text.trim_start_matches('.').into()).collect::<Vec<Arc<str>>>()
        });
        ArtifactType {
            mime_type: words.mime_type.map(Arc::from).or(inherited.mime_type),
            file_ext_is_own: own.is_some(),
            file_ext: own.unwrap_or(inherited.file_ext),
            properties: self.properties(&words.properties, &inherited.properties, context),
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
        inherited: CapabilityType,
        context: Context,
    ) -> CapabilityType {
        let properties = self.properties(&words.properties, &inherited.properties, context);
        let valid = |own: &Option<Vec<Word<'a>>>, inherited, kind| {
            self.narrowed(own.as_deref(), inherited, kind, context.file)
        };
        CapabilityType {
            attributes: self.attributes(&words.attributes, &inherited.attributes, &properties, context),
            valid_source_node_types: valid(
                &words.valid_source_node_types,
                inherited.valid_source_node_types,
                TypeKind::Node,
            ),
            valid_relationship_types: valid(
                &words.valid_relationship_types,
                inherited.valid_relationship_types,
                TypeKind::Relationship,
            ),
            properties,
        }
    }

    fn relationship_type(
        &self,
        words: &'a words::RelationshipType<'a>,
        inherited: RelationshipType,
        context: Context,
    ) -> RelationshipType {
        let properties = self.properties(&words.properties, &inherited.properties, context);
        let valid = |own: &Option<Vec<Word<'a>>>, inherited, kind| {
            self.narrowed(own.as_deref(), inherited, kind, context.file)
        };
        RelationshipType {
            attributes: self.attributes(&words.attributes, &inherited.attributes, &properties, context),
            interfaces: self.interface_definitions(
                &words.interfaces,
                &inherited.interfaces,
                context,
                None,
                None,
            ),
            valid_capability_types: valid(
                &words.valid_capability_types,
                inherited.valid_capability_types,
                TypeKind::Capability,
            ),
            valid_target_node_types: valid(
                &words.valid_target_node_types,
                inherited.valid_target_node_types,
                TypeKind::Node,
            ),
            valid_source_node_types: valid(
                &words.valid_source_node_types,
                inherited.valid_source_node_types,
                TypeKind::Node,
            ),
            properties,
        }
    }

    fn node_type(&self, words: &'a words::NodeType<'a>, inherited: NodeType, context: Context) -> NodeType {
        let artifacts = self.artifacts(&words.artifacts, &inherited.artifacts, context);
        let properties = self.properties(&words.properties, &inherited.properties, context);
        NodeType {
            attributes: self.attributes(&words.attributes, &inherited.attributes, &properties, context),
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
            properties,
        }
    }

    fn group_type(
        &self,
        words: &'a words::GroupType<'a>,
        inherited: GroupType,
        context: Context,
    ) -> GroupType {
        let properties = self.properties(&words.properties, &inherited.properties, context);
        let members = words.members.as_deref();
        GroupType {
            attributes: self.attributes(&words.attributes, &inherited.attributes, &properties, context),
            members: self.narrowed(members, inherited.members, TypeKind::Node, context.file),
            properties,
        }
    }

    fn policy_type(
        &self,
        words: &'a words::PolicyType<'a>,
        inherited: PolicyType,
        context: Context,
    ) -> PolicyType {
        let targets = words.targets.as_deref();
        PolicyType {
            properties: self.properties(&words.properties, &inherited.properties, context),
            targets: self.policy_target_types(targets, inherited.targets, context.file),
            triggers: self.triggers(&words.triggers, inherited.triggers, context, "policy type"),
        }
    }

    fn properties(
        &self,
        words: &'a [words::PropertyDefinition<'a>],
        inherited: &Definitions,
        context: Context,
    ) -> Definitions {
        self.property_definitions(words, inherited, context, "property")
    }

    /// Attributes, of which one may have the name of a property only where it is of its type: every property is an
    /// attribute, too (9.5).
    fn attributes(
        &self,
        words: &'a [words::PropertyDefinition<'a>],
        inherited: &Definitions,
        properties: &Definitions,
        context: Context,
    ) -> Definitions {
        let attributes = self.property_definitions(words, inherited, context, "attribute");
        for (name, attribute) in &attributes {
            let Some(property) = properties.get(name) else { continue };
            let (own, other) = (attribute.schema.data_type, property.schema.data_type);
            if self.fits(own, other) || self.fits(other, own) {
                continue;
            }
            // Types that inherit both say the same, which is told once.
            let message = format!("`{name}` is a property, and an attribute of another type");
            let type_name = |id: TypeId| format!("of type {}", self.type_of(id).name);
            self.report(
                Diagnostic::error("ambiguous-name", message)
                    .at(Place::new(attribute.span, type_name(own)))
                    .related(Place::new(property.span, type_name(other)))
                    .hint("give one of them another name")
                    .chapter("9.5"),
            );
        }
        attributes
    }

    /// A list of types that are valid somewhere: a derived one may only narrow it (7.3, 8.1).
    pub(super) fn narrowed(
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
