//! Definitions: what each says over the one that it refines.
//!
//! The model has effective definitions. A definition that was refined has a place of its own, one that is only
//! inherited has that of the definition it comes from.

use std::sync::Arc;

use diagnostics::Span;

use super::values::metadata;
use super::yaml::{Fields, Yaml};
use super::{WriteError, Writer};
use crate::model::{
    Artifact, CapabilityDefinition, Expression, Implementation, InterfaceDefinition, Map, Metadata,
    OperationDefinition, ParameterDefinition, PropertyDefinition, RequiredCapability, RequirementDefinition,
    Schema, TypeBody, TypeId,
};

pub(super) type Written<T> = Result<T, WriteError>;

/// Whether something is written itself, rather than taken over from what it comes from.
pub(super) fn is_own(span: Span, base: Option<Span>) -> bool {
    base != Some(span)
}

/// What differs from the inherited.
fn changed<'m, T: PartialEq>(own: Option<&'m T>, base: Option<&T>) -> Option<&'m T> {
    own.filter(|own| base != Some(own))
}

impl Writer<'_> {
    fn described(
        &self,
        fields: &mut Fields,
        (description, own): (Option<&Arc<str>>, &Metadata),
        base: Option<(Option<&Arc<str>>, &Metadata)>,
    ) {
        let (base_description, base_metadata) = base.unzip();
        fields.text("description", changed(description, base_description.flatten()).map(|text| &**text));
        if base_metadata.map_or(!own.is_empty(), |base| own != base) {
            fields.put("metadata", metadata(own));
        }
    }

    /// The one clause that is added to the inherited ones.
    pub(super) fn clause(&self, own: &[Expression], base: usize, what: &str) -> Written<Option<Yaml>> {
        match own.get(base..).unwrap_or_default() {
            [] => Ok(None),
            [clause] => Ok(Some(self.expression(clause))),
            several => Err(WriteError::Clauses { what: what.to_owned(), count: several.len() }),
        }
    }

    fn schema_fields(&self, fields: &mut Fields, own: &Schema, base: Option<&Schema>) -> Written<()> {
        if base.is_none_or(|base| base.data_type != own.data_type) {
            fields.put("type", self.type_name(own.data_type));
        }
        for (keyname, own, base) in [
            ("key_schema", &own.key_schema, base.and_then(|base| base.key_schema.as_deref())),
            ("entry_schema", &own.entry_schema, base.and_then(|base| base.entry_schema.as_deref())),
        ] {
            if let Some(own) = own.as_deref().filter(|own| is_own(own.span, base.map(|base| base.span))) {
                fields.put(keyname, self.schema(own, base)?);
            }
        }
        let known = base.map_or(0, |base| base.validation.len());
        fields.maybe("validation", self.clause(&own.validation, known, "a schema")?);
        Ok(())
    }

    pub(super) fn schema(&self, own: &Schema, base: Option<&Schema>) -> Written<Yaml> {
        let mut fields = Fields::default();
        let base_description = base.and_then(|base| base.description.as_ref());
        fields.text("description", changed(own.description.as_ref(), base_description).map(|text| &**text));
        self.schema_fields(&mut fields, own, base)?;
        Ok(fields.map())
    }

    /// Property or attribute definitions over others.
    pub(super) fn properties(
        &self,
        own: &Map<Arc<PropertyDefinition>>,
        base: Option<&Map<Arc<PropertyDefinition>>>,
        is_attribute: bool,
    ) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in own {
            let base = base.and_then(|base| base.get(name));
            if !is_own(own.span, base.map(|base| base.span)) {
                continue;
            }
            let mut fields = Fields::default();
            let known = base.map(|base| (base.description.as_ref(), &*base.metadata));
            self.schema_fields(&mut fields, &own.schema, base.map(|base| &*base.schema))?;
            self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
            if !is_attribute && own.required != base.is_none_or(|base| base.required) {
                fields.put("required", Yaml::Plain(own.required.to_string()));
            }
            let default = changed(own.default.as_ref(), base.and_then(|base| base.default.as_ref()));
            fields.maybe("default", default.map(|value| self.expression(value)));
            fields.maybe("value", own.value.as_ref().map(|value| self.expression(value)));
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    /// Parameter definitions over others.
    pub(super) fn parameters<'m>(
        &self,
        own: &Map<Arc<ParameterDefinition>>,
        base: impl Fn(&str) -> Option<&'m Arc<ParameterDefinition>>,
    ) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in own {
            let base = base(name);
            if !is_own(own.span, base.map(|base| base.span)) {
                continue;
            }
            let mut fields = Fields::default();
            let known = base.map(|base| (base.description.as_ref(), &*base.metadata));
            if let Some(schema) = &own.schema {
                self.schema_fields(&mut fields, schema, base.and_then(|base| base.schema.as_deref()))?;
            }
            self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
            if own.required != base.is_none_or(|base| base.required) {
                fields.put("required", Yaml::Plain(own.required.to_string()));
            }
            let default = changed(own.default.as_ref(), base.and_then(|base| base.default.as_ref()));
            fields.maybe("default", default.map(|value| self.expression(value)));
            fields.maybe("value", own.value.as_ref().map(|value| self.expression(value)));
            fields.maybe("mapping", own.mapping.as_ref().map(|to| self.reference(to)));
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    pub(super) fn capabilities(
        &self,
        own: &Map<Arc<CapabilityDefinition>>,
        base: Option<&Map<Arc<CapabilityDefinition>>>,
    ) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in own {
            let base = base.and_then(|base| base.get(name));
            if !is_own(own.span, base.map(|base| base.span)) {
                continue;
            }
            let TypeBody::Capability(body) = &self.model.type_of(own.type_id).body else { continue };
            let mut fields = Fields::default();
            let refined = base.filter(|base| base.type_id == own.type_id);
            if refined.is_none() {
                fields.put("type", self.type_name(own.type_id));
            }
            let known = base.map(|base| (base.description.as_ref(), &base.metadata));
            self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
            let properties = refined.map_or(&body.properties, |base| &base.properties);
            fields.filled("properties", self.properties(&own.properties, Some(properties), false)?);
            let attributes = refined.map_or(&body.attributes, |base| &base.attributes);
            fields.filled("attributes", self.properties(&own.attributes, Some(attributes), true)?);
            let sources = refined.map_or(&body.valid_source_node_types, |base| &base.valid_source_node_types);
            self.types_of(&mut fields, "valid_source_node_types", &own.valid_source_node_types, sources);
            let relationships =
                refined.map_or(&body.valid_relationship_types, |base| &base.valid_relationship_types);
            self.types_of(
                &mut fields,
                "valid_relationship_types",
                &own.valid_relationship_types,
                relationships,
            );
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    /// A list of types, unless it is inherited.
    pub(super) fn types_of(
        &self,
        fields: &mut Fields,
        keyname: &str,
        own: &Option<Vec<TypeId>>,
        base: &Option<Vec<TypeId>>,
    ) {
        let own = changed(own.as_ref(), base.as_ref());
        fields.maybe(keyname, own.map(|ids| Yaml::List(ids.iter().map(|&id| self.type_name(id)).collect())));
    }

    pub(super) fn required_capability(&self, capability: &RequiredCapability) -> Yaml {
        match capability {
            RequiredCapability::OfType(type_id) => self.type_name(*type_id),
            RequiredCapability::Named { name, .. } => name.as_str().into(),
        }
    }

    pub(super) fn requirements(
        &self,
        own: &Map<Arc<RequirementDefinition>>,
        base: Option<&Map<Arc<RequirementDefinition>>>,
    ) -> Written<Yaml> {
        let mut all = Vec::new();
        for (name, own) in own {
            let base = base.and_then(|base| base.get(name));
            if is_own(own.span, base.map(|base| base.span)) {
                all.push(Yaml::Map(vec![(name.as_str().into(), self.requirement(own, base)?)]));
            }
        }
        Ok(Yaml::List(all))
    }

    fn requirement(
        &self,
        own: &RequirementDefinition,
        base: Option<&Arc<RequirementDefinition>>,
    ) -> Written<Yaml> {
        let TypeBody::Relationship(body) = &self.model.type_of(own.relationship).body else {
            return Ok(Yaml::Map(Vec::new()));
        };
        // The short form, which names no relationship type.
        if base.is_none() && self.is_unknown(own.relationship) {
            return Ok(self.required_capability(&own.capability));
        }
        let mut fields = Fields::default();
        let known = base.map(|base| (base.description.as_ref(), &base.metadata));
        self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
        let capability = changed(Some(&own.capability), base.map(|base| &base.capability));
        fields.maybe("capability", capability.map(|capability| self.required_capability(capability)));
        let node = changed(own.node.as_ref(), base.and_then(|base| base.node.as_ref()));
        fields.maybe("node", node.map(|&node| self.type_name(node)));
        let refined = base.filter(|base| base.relationship == own.relationship);
        let mut relationship = Fields::default();
        if refined.is_none() {
            relationship.put("type", self.type_name(own.relationship));
        }
        let properties = refined.map_or(&body.properties, |base| &base.relationship_properties);
        relationship
            .filled("properties", self.properties(&own.relationship_properties, Some(properties), false)?);
        let attributes = refined.map_or(&body.attributes, |base| &base.relationship_attributes);
        relationship
            .filled("attributes", self.properties(&own.relationship_attributes, Some(attributes), true)?);
        let interfaces = refined.map_or(&body.interfaces, |base| &base.relationship_interfaces);
        relationship.filled("interfaces", self.interfaces(&own.relationship_interfaces, Some(interfaces))?);
        fields.filled("relationship", relationship.map());
        let filters = base.map_or(0, |base| base.node_filters.len());
        fields.maybe("node_filter", self.clause(&own.node_filters, filters, "a requirement")?);
        if own.count_range != base.map(|base| base.count_range).unwrap_or_default() {
            let max = own.count_range.max.map_or("UNBOUNDED".into(), |max| Yaml::Plain(max.to_string()));
            fields.put("count_range", Yaml::List(vec![Yaml::Plain(own.count_range.min.to_string()), max]));
        }
        Ok(fields.map())
    }

    pub(super) fn interfaces(
        &self,
        own: &Map<Arc<InterfaceDefinition>>,
        base: Option<&Map<Arc<InterfaceDefinition>>>,
    ) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in own {
            let base = base.and_then(|base| base.get(name));
            if !is_own(own.span, base.map(|base| base.span)) {
                continue;
            }
            let TypeBody::Interface(body) = &self.model.type_of(own.type_id).body else { continue };
            let mut fields = Fields::default();
            if base.is_none_or(|base| base.type_id != own.type_id) {
                fields.put("type", self.type_name(own.type_id));
            }
            let known = base.map(|base| (base.description.as_ref(), &base.metadata));
            self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
            let input = |name: &str| base.and_then(|base| base.inputs.get(name)).or(body.inputs.get(name));
            fields.filled("inputs", self.parameters(&own.inputs, input)?);
            let operation =
                |name: &str| base.and_then(|base| base.operations.get(name)).or(body.operations.get(name));
            fields.filled("operations", self.operations(&own.operations, operation)?);
            let notification = |name: &str| {
                base.and_then(|base| base.notifications.get(name)).or(body.notifications.get(name))
            };
            fields.filled("notifications", self.operations(&own.notifications, notification)?);
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    pub(super) fn operations<'m>(
        &self,
        own: &Map<Arc<OperationDefinition>>,
        base: impl Fn(&str) -> Option<&'m Arc<OperationDefinition>>,
    ) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in own {
            let base = base(name);
            if !is_own(own.span, base.map(|base| base.span)) {
                continue;
            }
            let mut fields = Fields::default();
            let known = base.map(|base| (base.description.as_ref(), &base.metadata));
            self.described(&mut fields, (own.description.as_ref(), &own.metadata), known);
            let inherited = base.and_then(|base| base.implementation.as_ref()).map(|base| base.span);
            if let Some(own) = own.implementation.as_ref().filter(|own| is_own(own.span, inherited)) {
                fields.put("implementation", self.implementation(own));
            }
            let input = |name: &str| base.and_then(|base| base.inputs.get(name));
            fields.filled("inputs", self.parameters(&own.inputs, input)?);
            let output = |name: &str| base.and_then(|base| base.outputs.get(name));
            fields.filled("outputs", self.parameters(&own.outputs, output)?);
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    pub(super) fn implementation(&self, own: &Implementation) -> Yaml {
        let artifact = |artifact: &Arc<Artifact>| match &artifact.name {
            Some(name) => name.as_str().into(),
            None => self.artifact(artifact),
        };
        let mut fields = Fields::default();
        fields.maybe("primary", own.primary.as_ref().map(artifact));
        fields.filled("dependencies", Yaml::List(own.dependencies.iter().map(artifact).collect()));
        fields.maybe("timeout", own.timeout_seconds.map(|seconds| Yaml::Plain(seconds.to_string())));
        fields.map()
    }

    pub(super) fn artifact(&self, own: &Artifact) -> Yaml {
        let mut fields = Fields::default();
        fields.put("type", self.type_name(own.type_id));
        fields.put("file", Yaml::Text(self.file_of(own)));
        fields.maybe("repository", own.repository.as_ref().map(|name| self.repository(own.source, name)));
        fields.text("artifact_version", own.version.as_deref());
        fields.text("checksum", own.checksum.as_ref().map(|checksum| &*checksum.value));
        fields.text("checksum_algorithm", own.checksum.as_ref().map(|checksum| &*checksum.algorithm));
        fields.filled("properties", self.assigned(&own.properties));
        fields.text("description", own.description.as_deref());
        fields.filled("metadata", metadata(&own.metadata));
        fields.map()
    }

    /// Artifacts that are not those of a type.
    pub(super) fn artifacts(&self, own: &Map<Arc<Artifact>>, base: Option<&Map<Arc<Artifact>>>) -> Yaml {
        let mut all = Fields::default();
        for (name, own) in own {
            let inherited = base.and_then(|base| base.get(name)).map(|base| base.span);
            if is_own(own.span, inherited) {
                all.put(name, self.artifact(own));
            }
        }
        all.map()
    }
}
