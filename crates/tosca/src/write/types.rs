//! Types and functions.

use super::Writer;
use super::definitions::{Written, is_own};
use super::values::metadata;
use super::yaml::{Fields, Yaml};
use crate::model::{DataType, Decimal, Map, Schema, Type, TypeBody, TypeKind};

impl Writer<'_> {
    pub(super) fn types_of_kind(&self, kind: TypeKind) -> Written<Yaml> {
        let mut all = Fields::default();
        for (own, name) in self.model.types.iter().zip(&self.names.types) {
            if own.kind() == kind && own.span.is_some_and(|span| self.is_merged(span)) {
                all.put(name, self.type_definition(own)?);
            }
        }
        Ok(all.map())
    }

    fn type_definition(&self, own: &Type) -> Written<Yaml> {
        let mut fields = Fields::default();
        fields.maybe("derived_from", own.parent.map(|parent| self.type_name(parent)));
        fields.text("version", own.version.as_deref());
        fields.text("description", own.description.as_deref());
        fields.filled("metadata", metadata(&own.metadata));
        let parent = own.parent.map(|parent| self.model.type_of(parent));
        let base = parent.map(|parent| &parent.body);
        if let (Some(properties), false) = (own.properties(), matches!(own.body, TypeBody::Data(_))) {
            let inherited = parent.and_then(|parent| parent.properties());
            fields.filled("properties", self.properties(properties, inherited, false)?);
        }
        if let Some(attributes) = own.attributes() {
            let inherited = parent.and_then(|parent| parent.attributes());
            fields.filled("attributes", self.properties(attributes, inherited, true)?);
        }
        let none = None;
        match (&own.body, base) {
            (TypeBody::Artifact(body), base) => {
                let inherited = match base {
                    Some(TypeBody::Artifact(base)) => base.mime_type.as_ref(),
                    _ => None,
                };
                if body.mime_type.as_ref() != inherited {
                    fields.text("mime_type", body.mime_type.as_deref());
                }
                if body.file_ext_is_own {
                    let all = body.file_ext.iter().map(|extension| Yaml::from(&**extension));
                    fields.put("file_ext", Yaml::List(all.collect()));
                }
            }
            (TypeBody::Data(body), base) => {
                let base = match base {
                    Some(TypeBody::Data(base)) => Some(base),
                    _ => None,
                };
                self.data_fields(&mut fields, body, base)?;
            }
            (TypeBody::Capability(body), base) => {
                let base = match base {
                    Some(TypeBody::Capability(base)) => Some(base),
                    _ => None,
                };
                let inherited = base.map_or(&none, |base| &base.valid_source_node_types);
                self.types_of(
                    &mut fields,
                    "valid_source_node_types",
                    &body.valid_source_node_types,
                    inherited,
                );
                let inherited = base.map_or(&none, |base| &base.valid_relationship_types);
                self.types_of(
                    &mut fields,
                    "valid_relationship_types",
                    &body.valid_relationship_types,
                    inherited,
                );
            }
            (TypeBody::Interface(body), base) => {
                let base = match base {
                    Some(TypeBody::Interface(base)) => Some(base),
                    _ => None,
                };
                let input = |name: &str| base.and_then(|base| base.inputs.get(name));
                fields.filled("inputs", self.parameters(&body.inputs, input)?);
                let operation = |name: &str| base.and_then(|base| base.operations.get(name));
                fields.filled("operations", self.operations(&body.operations, operation)?);
                let notification = |name: &str| base.and_then(|base| base.notifications.get(name));
                fields.filled("notifications", self.operations(&body.notifications, notification)?);
            }
            (TypeBody::Relationship(body), base) => {
                let base = match base {
                    Some(TypeBody::Relationship(base)) => Some(base),
                    _ => None,
                };
                let interfaces = base.map(|base| &base.interfaces);
                fields.filled("interfaces", self.interfaces(&body.interfaces, interfaces)?);
                let inherited = base.map_or(&none, |base| &base.valid_capability_types);
                self.types_of(&mut fields, "valid_capability_types", &body.valid_capability_types, inherited);
                let inherited = base.map_or(&none, |base| &base.valid_target_node_types);
                self.types_of(
                    &mut fields,
                    "valid_target_node_types",
                    &body.valid_target_node_types,
                    inherited,
                );
                let inherited = base.map_or(&none, |base| &base.valid_source_node_types);
                self.types_of(
                    &mut fields,
                    "valid_source_node_types",
                    &body.valid_source_node_types,
                    inherited,
                );
            }
            (TypeBody::Node(body), base) => {
                let base = match base {
                    Some(TypeBody::Node(base)) => Some(base),
                    _ => None,
                };
                let inherited = base.map(|base| &base.capabilities);
                fields.filled("capabilities", self.capabilities(&body.capabilities, inherited)?);
                let inherited = base.map(|base| &base.requirements);
                fields.filled("requirements", self.requirements(&body.requirements, inherited)?);
                let inherited = base.map(|base| &base.interfaces);
                fields.filled("interfaces", self.interfaces(&body.interfaces, inherited)?);
                fields.filled("artifacts", self.artifacts(&body.artifacts, base.map(|base| &base.artifacts)));
            }
            (TypeBody::Group(body), base) => {
                let inherited = match base {
                    Some(TypeBody::Group(base)) => &base.members,
                    _ => &none,
                };
                self.types_of(&mut fields, "members", &body.members, inherited);
            }
            (TypeBody::Policy(body), base) => {
                let base = match base {
                    Some(TypeBody::Policy(base)) => Some(base),
                    _ => None,
                };
                self.types_of(
                    &mut fields,
                    "targets",
                    &body.targets,
                    base.map_or(&none, |base| &base.targets),
                );
                fields.filled("triggers", self.triggers(&body.triggers, base.map(|base| &base.triggers)));
            }
        }
        Ok(fields.map())
    }

    fn data_fields(&self, fields: &mut Fields, body: &DataType, base: Option<&DataType>) -> Written<()> {
        let properties = self.properties(&body.properties, base.map(|base| &base.properties), false)?;
        // A data type that is derived from nothing must have properties.
        match base {
            None => fields.put("properties", properties),
            Some(_) => fields.filled("properties", properties),
        }
        let inherited = (
            base.and_then(|base| base.key_schema.as_deref()),
            base.and_then(|base| base.entry_schema.as_deref()),
        );
        for (keyname, own, base) in [
            ("key_schema", body.key_schema.as_deref(), inherited.0),
            ("entry_schema", body.entry_schema.as_deref(), inherited.1),
        ] {
            if let Some(own) = own.filter(|own| is_own(own.span, base.map(|base| base.span))) {
                fields.put(keyname, self.schema(own, base)?);
            }
        }
        if let Some(units) = &body.units {
            let inherited = base.and_then(|base| base.units.as_ref());
            if inherited.is_none_or(|base| base.data_type != units.data_type) {
                fields.put("data_type", self.type_name(units.data_type));
            }
            fields.filled("units", multipliers(&units.units, inherited.map(|base| &base.units)));
            fields.filled("prefixes", multipliers(&units.prefixes, inherited.map(|base| &base.prefixes)));
            if inherited.is_none() {
                fields.text("canonical_unit", Some(&units.canonical_unit));
            }
        }
        let known = base.map_or(0, |base| base.validation.len());
        let schema = self.clause(&body.validation, known, "a data type")?;
        fields.maybe("validation", schema);
        Ok(())
    }

    pub(super) fn function_definitions(&self) -> Written<Yaml> {
        let mut all = Fields::default();
        for (own, name) in self.model.functions.iter().zip(&self.names.functions) {
            if !self.is_merged(own.span) {
                continue;
            }
            let mut signatures = Vec::with_capacity(own.signatures.len());
            for own in &own.signatures {
                let mut fields = Fields::default();
                let schemas = |all: &[std::sync::Arc<Schema>]| -> Written<Yaml> {
                    Ok(Yaml::List(all.iter().map(|own| self.schema(own, None)).collect::<Written<_>>()?))
                };
                fields.filled("arguments", schemas(&own.arguments)?);
                fields.filled("optional_arguments", schemas(&own.optional_arguments)?);
                fields.put("variadic", Yaml::Plain(own.variadic.to_string()));
                fields.maybe("result", own.result.as_ref().map(|own| self.schema(own, None)).transpose()?);
                fields
                    .maybe("implementation", own.implementation.as_ref().map(|own| self.implementation(own)));
                signatures.push(fields.map());
            }
            let mut fields = Fields::default();
            fields.text("description", own.description.as_deref());
            fields.filled("metadata", metadata(&own.metadata));
            fields.put("signatures", Yaml::List(signatures));
            all.put(name, fields.map());
        }
        Ok(all.map())
    }
}

fn multipliers(own: &Map<Decimal>, base: Option<&Map<Decimal>>) -> Yaml {
    let mut fields = Fields::default();
    for (name, multiplier) in own {
        if base.and_then(|base| base.get(name)) != Some(multiplier) {
            fields.put(name, Yaml::Plain(multiplier.to_string()));
        }
    }
    fields.map()
}
