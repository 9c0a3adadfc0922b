//! Capability definitions (8.2).

use std::sync::Arc;

use tosca_syntax::words;

use super::form::{description_or, metadata_or};
use super::{Compiler, Context, SelfIs};
use crate::model::{CapabilityDefinition, Map, TypeBody, TypeKind};

impl<'a> Compiler<'a> {
    /// The capabilities of a node type, over those that it inherits.
    pub(super) fn capability_definitions(
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
                description: description_or(
                    own.common.description,
                    parent.as_ref().and_then(|parent| parent.description.as_ref()),
                ),
                metadata: metadata_or(own.common.metadata, parent.as_ref().map(|parent| &parent.metadata)),
                span: own.name.span,
            };
            definitions.insert(name, Arc::new(definition));
        }
        definitions
    }
}
