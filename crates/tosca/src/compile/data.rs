//! Data types (9.2).

use std::collections::HashSet;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place};
use tosca_syntax::words::{DataType as Words, TypeBody as TypeWords};

use super::{Compiler, Context, SelfIs};
use crate::model::{DataBase, DataType, Map, PropertyDefinition, TypeBody, TypeId, TypeKind};

impl<'a> Compiler<'a> {
    /// Builds data types: first what they are made of, which values of others depend on, then their own values.
    pub(super) fn build_data_types(&mut self, order: &[TypeId]) {
        // What each is made of, and its units: validation clauses and schemas of any other may need it.
        for &id in order {
            let Some((_, words)) = self.data_words(id) else { continue };
            let parent = self.type_of(id).parent.map(|parent| self.data(parent).clone());
            let base = parent.as_ref().map_or(DataBase::Structure, |parent| parent.base);
            let inherited = parent.and_then(|parent| parent.units);
            let units = self.declared[id.index()]
                .and_then(|declared| self.units(id, declared, words, base, inherited));
            if let TypeBody::Data(data) = &mut self.types[id.index()].body {
                (data.base, data.units) = (base, units);
            }
        }
        for &id in order {
            if let Some(data) = self.data_draft(id) {
                self.types[id.index()].body = TypeBody::Data(data);
            }
        }
        let mut done = HashSet::new();
        for &id in order {
            self.finish_data(id, &mut done, 0);
        }
    }

    /// The data type of an id.
    pub(super) fn data(&self, id: TypeId) -> &DataType {
        match &self.type_of(id).body {
            TypeBody::Data(data) => data,
            _ => unreachable!("schemas name data types"),
        }
    }

    fn data_words(&self, id: TypeId) -> Option<(usize, &'a Words<'a>)> {
        let declared = self.declared[id.index()]?;
        match &declared.words.body {
            TypeWords::Data(words) => Some((declared.file, words)),
            _ => None,
        }
    }

    /// A data type without the values of its properties.
    fn data_draft(&self, id: TypeId) -> Option<DataType> {
        let (file, words) = self.data_words(id)?;
        let declared = self.declared[id.index()]?;
        let name = declared.words.name;
        let context = Context::in_type(file, SelfIs::Unknown);
        let parent = self.type_of(id).parent;
        let inherited = parent.map(|parent| self.data(parent).clone());
        let is_vague =
            self.is_vague(id, "derived_from") || parent.is_some_and(|parent| self.is_unknown(parent));
        let base = inherited.as_ref().map_or(DataBase::Structure, |parent| parent.base);
        if parent.is_none() && !words.has_properties && !declared.words.hidden.has("properties") && !is_vague
        {
            self.report(
                Diagnostic::error("invalid-data-type", format!("the data type `{}` says nothing", name.text))
                    .at(name.span)
                    .hint("give it `derived_from` or `properties`")
                    .chapter("9.2"),
            );
        }
        let is_empty = words.has_properties && words.properties.is_empty();
        if is_empty && base == DataBase::Structure && !declared.words.hidden.has("properties") {
            self.report(
                Diagnostic::error(
                    "invalid-data-type",
                    format!("the `properties` of the data type `{}` are empty", name.text),
                )
                .at(name.span)
                .hint("define at least one property, or leave the keyname out")
                .chapter("9.2"),
            );
        }
        if words.has_properties && base != DataBase::Structure {
            let message =
                format!("the data type `{}` is a {}: it cannot have properties", name.text, base.as_str());
            let span = words.properties.first().map_or(name.span, |property| property.name.span);
            self.report(
                Diagnostic::error("invalid-data-type", message)
                    .at(span)
                    .hint("derive it from a data type with properties, or from nothing")
                    .chapter("9.2"),
            );
        }
        let inherited = inherited.unwrap_or(DataType {
            base,
            properties: Map::new(),
            key_schema: None,
            entry_schema: None,
            validation: Vec::new(),
            units: None,
        });
        let mut validation = inherited.validation;
        validation.extend(self.validation_clause(words.validation, context, Some(id)));
        let own = words.key_schema.as_ref();
        let key_schema =
            own.and_then(|own| self.refined_schema(own, inherited.key_schema.as_deref(), context));
        self.check_key_schema(key_schema.as_ref());
        let own = words.entry_schema.as_ref();
        let entry_schema =
            own.and_then(|own| self.refined_schema(own, inherited.entry_schema.as_deref(), context));
        let data = DataType {
            base,
            properties: self.property_drafts(&words.properties, &inherited.properties, context),
            key_schema: key_schema.map(Arc::new).or(inherited.key_schema),
            entry_schema: entry_schema.map(Arc::new).or(inherited.entry_schema),
            validation,
            units: self.data(id).units.clone(),
        };
        if !is_vague {
            let has_key_schema = words.key_schema.as_ref().map(|schema| schema.span);
            let has_entry_schema = words.entry_schema.as_ref().map(|schema| schema.span);
            let needs_entry_schema =
                data.entry_schema.is_none() && !declared.words.hidden.has("entry_schema");
            self.check_schemas(
                base,
                has_key_schema,
                has_entry_schema,
                needs_entry_schema.then_some(name.span),
            );
        }
        Some(data)
    }

    /// Property definitions with their schemas but without values, which may need data types that are not done.
    fn property_drafts(
        &self,
        words: &'a [tosca_syntax::words::PropertyDefinition<'a>],
        inherited: &Map<Arc<PropertyDefinition>>,
        context: Context,
    ) -> Map<Arc<PropertyDefinition>> {
        let mut properties = inherited.clone();
        for own in words {
            let name = self.name(own.name.text);
            let parent = properties.get(&name).cloned();
            if let Some(mut draft) =
                self.property_definition(own, parent.as_deref(), context, "property", false)
            {
                // Until the value is known, nothing may be said to be missing.
                draft.required &= own.default.is_none() && own.value.is_none();
                properties.insert(name, Arc::new(draft));
            }
        }
        properties
    }

    /// Compiles the values in a data type, after those in the data types that it is made of. In a circle of data
    /// types some values come too late to fill others.
    fn finish_data(&mut self, id: TypeId, done: &mut HashSet<TypeId>, depth: u32) {
        // Derivation and nesting of types are as deep as somebody wrote them; the recursion is not.
        const DEPTH_MAX: u32 = 64;
        if depth > DEPTH_MAX || self.is_unknown(id) || !done.insert(id) {
            return;
        }
        let Some((file, words)) = self.data_words(id) else { return };
        let mut needed: Vec<TypeId> = self.type_of(id).parent.into_iter().collect();
        let data = self.data(id);
        for definition in data.properties.values() {
            needed.push(definition.schema.data_type);
            needed.extend(definition.schema.entry_schema.as_ref().map(|schema| schema.data_type));
        }
        needed.extend(data.entry_schema.as_ref().map(|schema| schema.data_type));
        for other in needed {
            self.finish_data(other, done, depth + 1);
        }
        let context = Context { of_type: Some(id), ..Context::in_type(file, SelfIs::Unknown) };
        let inherited = self.type_of(id).parent.map(|parent| self.data(parent).properties.clone());
        let properties =
            self.property_definitions(&words.properties, &inherited.unwrap_or_default(), context, "property");
        if let TypeBody::Data(data) = &mut self.types[id.index()].body {
            data.properties = properties;
        }
    }

    /// Whether `key_schema` and `entry_schema` are where they belong: maps may have the first, lists and maps must
    /// have the second, nothing else may have either.
    pub(super) fn check_schemas(
        &self,
        base: DataBase,
        key_schema: Option<diagnostics::Span>,
        entry_schema: Option<diagnostics::Span>,
        lacks_entry_schema: Option<diagnostics::Span>,
    ) {
        let is_map = base == DataBase::Map;
        let is_collection = is_map || base == DataBase::List;
        let misplaced = |keyname: &str, span, wanted: &str| {
            let message = format!("`{keyname}` belongs to {wanted}, not to a {}", base.as_str());
            self.report(
                Diagnostic::error("misplaced-schema", message)
                    .at(Place::new(span, "not allowed here"))
                    .chapter("9.3"),
            );
        };
        if let Some(span) = key_schema.filter(|_| !is_map) {
            misplaced("key_schema", span, "maps");
        }
        if let Some(span) = entry_schema.filter(|_| !is_collection) {
            misplaced("entry_schema", span, "lists and maps");
        }
        if let Some(span) = lacks_entry_schema.filter(|_| is_collection) {
            self.report(
                Diagnostic::error(
                    "missing-keyname",
                    format!("a {} needs the keyname `entry_schema`", base.as_str()),
                )
                .at(Place::new(span, "has no `entry_schema`"))
                .hint("it says what the entries are: `entry_schema: string`")
                .chapter("9.3"),
            );
        }
    }

    /// The base of a schema's data type; `None` when the type could not be resolved.
    pub(super) fn base_of(&self, data_type: TypeId) -> Option<DataBase> {
        let is_known = !self.is_vague(data_type, "derived_from")
            && !self.type_of(data_type).ancestors.iter().any(|&ancestor| self.is_unknown(ancestor));
        is_known.then(|| self.data(data_type).base)
    }

    /// Whether a type is a data type made of strings, as keys must be.
    pub(super) fn is_string(&self, data_type: TypeId) -> bool {
        debug_assert_eq!(self.type_of(data_type).kind(), TypeKind::Data);
        self.base_of(data_type).is_none_or(|base| base == DataBase::String)
    }
}
