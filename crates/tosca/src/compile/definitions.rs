//! Property, attribute, parameter and schema definitions, and their refinement (9.3, 9.5, 9.7).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words;
use tosca_syntax::yaml::Node;

use super::values::plain_metadata;
use super::{Compiler, Context};
use crate::model::{
    DataBase, Expression, Map, Metadata, ParameterDefinition, PropertyDefinition, Schema, TypeId, TypeKind,
};

/// What a definition says besides its values.
struct SchemaWords<'w, 'a> {
    data_type: Option<words::Word<'a>>,
    key_schema: Option<&'w words::Schema<'a>>,
    entry_schema: Option<&'w words::Schema<'a>>,
    validation: Option<Node<'a>>,
    description: Option<&'a str>,
    hides_type: bool,
    hides_entry_schema: bool,
    is_schema: bool,
    span: Span,
}

impl<'w, 'a> SchemaWords<'w, 'a> {
    fn of_property(own: &'w words::PropertyDefinition<'a>) -> Self {
        Self {
            data_type: own.data_type,
            key_schema: own.key_schema.as_ref(),
            entry_schema: own.entry_schema.as_ref(),
            validation: own.validation,
            description: own.common.description,
            hides_type: own.hidden.has("type"),
            hides_entry_schema: own.hidden.has("entry_schema"),
            is_schema: false,
            span: own.name.span,
        }
    }

    fn of_schema(own: &'w words::Schema<'a>) -> Self {
        Self {
            data_type: own.data_type,
            key_schema: own.key_schema.as_deref(),
            entry_schema: own.entry_schema.as_deref(),
            validation: own.validation,
            description: own.common.description,
            hides_type: own.hidden.has("type"),
            hides_entry_schema: own.hidden.has("entry_schema"),
            is_schema: true,
            span: own.span,
        }
    }
}

impl<'a> Compiler<'a> {
    /// The definitions of a type: its own over the inherited ones.
    pub(super) fn property_definitions(
        &self,
        words: &'a [words::PropertyDefinition<'a>],
        inherited: &Map<Arc<PropertyDefinition>>,
        context: Context,
        what: &'static str,
    ) -> Map<Arc<PropertyDefinition>> {
        let mut definitions = inherited.clone();
        for (position, own) in words.iter().enumerate() {
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            if parent.is_none() && self.is_dedented(&words[..position], own) {
                continue;
            }
            if let Some(definition) = self.property_definition(own, parent.as_deref(), context, what, true) {
                definitions.insert(name, Arc::new(definition));
            }
        }
        definitions
    }

    /// Whether a definition is a keyname of the one before it, which is empty: then that one is told to be.
    fn is_dedented(
        &self,
        before: &[words::PropertyDefinition<'a>],
        own: &words::PropertyDefinition<'a>,
    ) -> bool {
        const KEYNAMES: [&str; 8] = [
            "type",
            "description",
            "metadata",
            "required",
            "default",
            "validation",
            "key_schema",
            "entry_schema",
        ];
        let is_keyname = |own: &words::PropertyDefinition<'_>| {
            own.data_type.is_none() && KEYNAMES.contains(&own.name.text)
        };
        let Some(empty) = before.iter().rfind(|other| !is_keyname(other)).filter(|_| is_keyname(own)) else {
            return false;
        };
        if !empty.is_short || !empty.value.is_some_and(Node::is_null) {
            return false;
        }
        if let Some(last) = self.diagnostics.borrow_mut().last_mut().filter(|last| last.related.is_empty()) {
            last.hints = vec![format!("indent what belongs to `{}` below it", empty.name.text)];
            last.related.push(Place::new(own.name.span, "this and what follows?"));
        }
        true
    }

    /// Refinements of what a type defines: new names are errors (8.2, 8.4).
    pub(super) fn property_refinements(
        &self,
        words: &'a [words::PropertyDefinition<'a>],
        inherited: &Map<Arc<PropertyDefinition>>,
        of_type: TypeId,
        context: Context,
        what: &'static str,
    ) -> Map<Arc<PropertyDefinition>> {
        let keyname = if what == "attribute" { "attributes" } else { "properties" };
        for own in words {
            if !inherited.contains_key(own.name.text) && !self.is_vague(of_type, keyname) {
                let names = inherited.keys().map(|name| name.as_str());
                self.unknown_name(
                    what,
                    own.name,
                    names,
                    of_type,
                    "only what the type defines can be refined here",
                );
            }
        }
        let known: Vec<&'a words::PropertyDefinition<'a>> =
            words.iter().filter(|own| inherited.contains_key(own.name.text)).collect();
        let mut definitions = inherited.clone();
        for own in known {
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            if let Some(definition) = self.property_definition(own, parent.as_deref(), context, what, true) {
                definitions.insert(name, Arc::new(definition));
            }
        }
        definitions
    }

    /// One definition, over the inherited one when it refines. Without values, nothing is reported: then it is read
    /// once more, with values, when all data types are known.
    pub(super) fn property_definition(
        &self,
        own: &'a words::PropertyDefinition<'a>,
        parent: Option<&PropertyDefinition>,
        context: Context,
        what: &'static str,
        with_values: bool,
    ) -> Option<PropertyDefinition> {
        let name = own.name;
        if !with_values {
            let before = self.diagnostics.borrow().len();
            let schema =
                self.schema_of(&SchemaWords::of_property(own), parent.map(|parent| &*parent.schema), context);
            self.diagnostics.borrow_mut().truncate(before);
            return Some(PropertyDefinition {
                schema: Arc::new(schema?),
                required: own.required.or(parent.map(|parent| parent.required)).unwrap_or(true),
                default: None,
                value: None,
                description: None,
                metadata: Arc::default(),
                span: name.span,
            });
        }
        if let Some(fixed) = parent.and_then(|parent| parent.value.as_ref()) {
            self.report(
                Diagnostic::error("fixed-value", format!("the {what} `{}` has a fixed value", name.text))
                    .at(Place::new(name.span, "cannot be refined any more"))
                    .related(Place::new(fixed.span, "fixed here"))
                    .chapter("9.3"),
            );
            return None;
        }
        let words = SchemaWords::of_property(own);
        let is_known = own.data_type.is_some() || parent.is_some() || words.hides_type;
        if !is_known {
            let text = own.value.filter(|_| own.is_short).and_then(Node::as_string);
            let is_type = |text: &&str| self.try_type(context.file, TypeKind::Data, text, name.span).is_ok();
            let hint = match text.filter(is_type) {
                Some(data_type) => format!("write `{}: {{ type: {data_type} }}`", name.text),
                None if own.is_short => {
                    "only a refinement of an inherited definition may give just a value; write `type: …` below it"
                        .to_owned()
                }
                None => "say what it is: `type: string`".to_owned(),
            };
            self.report(
                Diagnostic::error(
                    "missing-keyname",
                    format!("the {what} `{}` needs the keyname `type`", name.text),
                )
                .at(Place::new(name.span, "has no `type`"))
                .hint(hint)
                .chapter("9.3"),
            );
        }
        let schema = Arc::new(self.schema_of(&words, parent.map(|parent| &*parent.schema), context)?);
        let required = self.required(own, parent.map(|parent| (parent.required, parent.span)), what);
        let label = format_args!("the {what} `{}`", name.text);
        let default = own.default.and_then(|node| self.expression(node, Some(&schema), context, &label));
        let value = own.value.and_then(|node| self.expression(node, Some(&schema), context, &label));
        self.check_default(own, required, what);
        Some(PropertyDefinition {
            schema,
            // Where a value is written and wrong, nobody else has to give one.
            required: required
                && what != "attribute"
                && (own.default.is_none() || default.is_some())
                && (own.value.is_none() || value.is_some()),
            default: default.or(parent.and_then(|parent| parent.default.clone())),
            value,
            description: own
                .common
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            metadata: self.metadata_or(own.common.metadata, parent.map(|parent| &parent.metadata)),
            span: name.span,
        })
    }

    /// 9.3, 9.7: what is not required stays undefined, so that a default is of no use.
    pub(super) fn check_default(&self, own: &words::PropertyDefinition<'_>, required: bool, what: &str) {
        if let (Some(node), false) = (own.default, required || own.hidden.has("required")) {
            let message = format!("the {what} `{}` is not required: it has no default", own.name.text);
            self.report(
                Diagnostic::warning("useless-default", message)
                    .at(Place::new(node.span(), "never used"))
                    .hint("make it required, or leave out the default")
                    .chapter("9.3"),
            );
        }
    }

    /// A `metadata` of one's own, else the inherited one: it overwrites (9.7).
    fn metadata_or(&self, own: Option<Node<'a>>, parent: Option<&Arc<Metadata>>) -> Arc<Metadata> {
        own.map(|own| Arc::new(plain_metadata(own))).or_else(|| parent.cloned()).unwrap_or_default()
    }

    fn required(
        &self,
        own: &words::PropertyDefinition<'_>,
        parent: Option<(bool, Span)>,
        what: &'static str,
    ) -> bool {
        let (inherited, span) = parent.map_or((true, None), |(required, span)| (required, Some(span)));
        // What could not be read is reported; nothing is missing on top of that.
        let Some(required) = own.required else { return inherited && !own.hidden.has("required") };
        if let (false, true, Some(span)) = (required, inherited, span) {
            self.report(
                Diagnostic::error(
                    "widened-refinement",
                    format!("the {what} `{}` is required and must stay so", own.name.text),
                )
                .at(Place::new(own.name.span, "not required here"))
                .related(Place::new(span, "required here"))
                .chapter("9.3"),
            );
            return true;
        }
        required
    }

    /// A schema, over the inherited one when it refines. `None` when there is neither.
    fn schema_of(
        &self,
        own: &SchemaWords<'_, 'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        let data_type = match (own.data_type, parent) {
            (Some(word), _) => {
                let found = self.find_type(context.file, TypeKind::Data, word);
                if let Some(parent) = parent.filter(|parent| !self.fits(found, parent.data_type)) {
                    self.not_derived("data", word, found, parent.data_type, parent.span);
                }
                found
            }
            (None, Some(parent)) => parent.data_type,
            (None, None) => {
                if !own.hides_type && own.is_schema {
                    self.report(
                        Diagnostic::error("missing-keyname", "a schema definition needs the keyname `type`")
                            .at(Place::new(own.span, "has no `type`"))
                            .chapter("9.3"),
                    );
                }
                self.unknown.of(TypeKind::Data)
            }
        };
        self.not_abstract(own, data_type);
        let mut validation = parent.map(|parent| parent.validation.clone()).unwrap_or_default();
        validation.extend(self.validation_clause(own.validation, context, Some(data_type)));
        let key_schema = own.key_schema.and_then(|words| {
            self.refined_schema(words, parent.and_then(|parent| parent.key_schema.as_deref()), context)
        });
        self.check_key_schema(key_schema.as_ref());
        let entry_schema = own.entry_schema.and_then(|words| {
            self.refined_schema(words, parent.and_then(|parent| parent.entry_schema.as_deref()), context)
        });
        let key_schema = key_schema.map(Arc::new).or(parent.and_then(|parent| parent.key_schema.clone()));
        let entry_schema =
            entry_schema.map(Arc::new).or(parent.and_then(|parent| parent.entry_schema.clone()));
        if let Some(base) = self.base_of(data_type) {
            // A derived type has one of its own; what it lacks is told there.
            let is_bare = self.type_of(data_type).span.is_none();
            let lacks_entry_schema = entry_schema.is_none() && is_bare && !own.hides_entry_schema;
            self.check_schemas(
                base,
                own.key_schema.map(|schema| schema.span),
                own.entry_schema.map(|schema| schema.span),
                lacks_entry_schema.then_some(own.data_type.map_or(own.span, |word| word.span)),
            );
        }
        Some(Schema {
            data_type,
            key_schema,
            entry_schema,
            validation,
            description: own
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            span: own.span,
        })
    }

    /// `scalar` itself has no units: no value can be of it (9.1.2.2).
    fn not_abstract(&self, own: &SchemaWords<'_, 'a>, data_type: TypeId) {
        if data_type != self.built_in(DataBase::Scalar) {
            return;
        }
        if let Some(word) = own.data_type {
            self.report(
                Diagnostic::error("abstract-type", "`scalar` is abstract: no value can be of it")
                    .at(Place::new(word.span, "has no units"))
                    .hint("define a data type with `derived_from: scalar` and `units`, and name that")
                    .chapter("9.1.2.2"),
            );
        }
    }

    /// A schema definition, over the inherited one when it refines.
    pub(super) fn refined_schema(
        &self,
        own: &words::Schema<'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        self.schema_of(&SchemaWords::of_schema(own), parent, context)
    }

    /// The keys of a map are strings.
    pub(super) fn check_key_schema(&self, key_schema: Option<&Schema>) {
        let Some(key_schema) = key_schema.filter(|schema| !self.is_string(schema.data_type)) else { return };
        self.report(
            Diagnostic::error("invalid-key-schema", "the keys of a map must be strings")
                .at(Place::new(key_schema.span, "not a data type derived from `string`"))
                .chapter("9.3"),
        );
    }

    /// A validation clause.
    /// `subject` is the data type of the value that it is about.
    pub(super) fn validation_clause(
        &self,
        node: Option<Node<'a>>,
        context: Context,
        subject: Option<TypeId>,
    ) -> Option<Expression> {
        let node = node?;
        let context = context.validation(subject);
        let clause = self.expression(node, None, context, &"the validation clause")?;
        let kind = self.kind(&clause, context);
        let is_boolean = kind.as_ref().is_none_or(|kind| kind.base == DataBase::Boolean);
        if !is_boolean || clause.as_value().is_some() {
            let found = kind.map_or_else(|| "not".to_owned(), |kind| self.kind_with_article(&kind));
            self.report(
                Diagnostic::error("invalid-validation", "a validation clause must be a Boolean function")
                    .at(Place::new(node.span(), format!("this is {found}")))
                    .hint("for example: `validation: { $greater_than: [ $value, 0 ] }`")
                    .chapter("9.10"),
            );
            return None;
        }
        Some(clause)
    }

    /// Says that a refinement names a type that is not derived from the inherited one.
    pub(super) fn not_derived(
        &self,
        kind: &str,
        word: words::Word<'_>,
        found: TypeId,
        wanted: TypeId,
        wanted_at: Span,
    ) {
        let wanted = &self.type_of(wanted).name;
        let message =
            format!("`{}` is not derived from the {kind} type `{wanted}`", self.type_of(found).name);
        self.report(
            Diagnostic::error("not-derived", message)
                .at(Place::new(word.span, format!("must be `{wanted}` or derived from it")))
                .related(Place::new(wanted_at, "defined here"))
                .hint("a refinement may only narrow what it refines")
                .chapter("6.4.2"),
        );
    }

    /// Says that a type has nothing of that name.
    pub(super) fn unknown_name<'n>(
        &self,
        what: &str,
        word: words::Word<'_>,
        names: impl Iterator<Item = &'n str> + Clone,
        of_type: TypeId,
        label: &str,
    ) {
        let own = self.type_of(of_type);
        let message = format!("unknown {what} `{}` of the {} type `{}`", word.text, own.kind(), own.name);
        let mut diagnostic = Diagnostic::error(format!("unknown-{what}"), message)
            .at(Place::new(word.span, label))
            .chapter("6.4");
        if let Some(span) = own.span {
            diagnostic = diagnostic.related(Place::new(span, "the type"));
        }
        if !self.can_suggest() {
            return self.report(diagnostic);
        }
        let meant = diagnostics::did_you_mean(word.text, names.clone());
        let hint = meant.unwrap_or_else(|| {
            let plural = match what {
                "property" => "properties".to_owned(),
                "capability" => "capabilities".to_owned(),
                _ => format!("{what}s"),
            };
            match names.clone().next() {
                Some(_) => format!("the {plural} are: {}", diagnostics::one_of(names)),
                None => format!("the type has no {plural}"),
            }
        });
        self.report(diagnostic.hint(hint));
    }

    /// Parameter definitions of interfaces and operations: one's own over the inherited ones.
    pub(super) fn parameter_definitions(
        &self,
        words: &'a [words::ParameterDefinition<'a>],
        inherited: &Map<Arc<ParameterDefinition>>,
        context: Context,
        what: &'static str,
    ) -> Map<Arc<ParameterDefinition>> {
        let mut definitions = inherited.clone();
        for own in words {
            let name = self.name(own.property.name.text);
            let parent = definitions.get(&name).cloned();
            if let Some(definition) = self.parameter_definition(own, parent.as_deref(), context, what) {
                definitions.insert(name, Arc::new(definition));
            }
        }
        definitions
    }

    fn parameter_definition(
        &self,
        own: &'a words::ParameterDefinition<'a>,
        parent: Option<&ParameterDefinition>,
        context: Context,
        what: &'static str,
    ) -> Option<ParameterDefinition> {
        let words = &own.property;
        let name = words.name;
        let fixed = parent.and_then(|parent| {
            parent.value.as_ref().map(|value| value.span).or(parent.mapping.as_ref().map(|to| to.name_span))
        });
        if let Some(fixed) = fixed {
            self.report(
                Diagnostic::error("fixed-value", format!("the {what} `{}` has a fixed value", name.text))
                    .at(Place::new(name.span, "cannot be refined any more"))
                    .related(Place::new(fixed, "fixed here"))
                    .chapter("9.7"),
            );
            return None;
        }
        let schema =
            self.parameter_schema(words, parent.and_then(|parent| parent.schema.as_deref()), context);
        let required = self.required(words, parent.map(|parent| (parent.required, parent.span)), what);
        let label = format_args!("the {what} `{}`", name.text);
        let default = words.default.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        let value = words.value.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        self.check_default(words, required, what);
        let schema = schema.map(Arc::new);
        let mapping = own.mapping.and_then(|node| self.mapping(node, schema.as_ref(), context));
        Some(ParameterDefinition {
            schema,
            // Where a value is written and wrong, nobody else has to give one.
            required: required
                && (words.default.is_none() || default.is_some())
                && (words.value.is_none() || value.is_some()),
            default: default.or(parent.and_then(|parent| parent.default.clone())),
            value,
            mapping,
            description: words
                .common
                .description
                .map(Arc::from)
                .or(parent.and_then(|parent| parent.description.clone())),
            metadata: self.metadata_or(words.common.metadata, parent.map(|parent| &parent.metadata)),
            span: name.span,
        })
    }

    /// The schema of a parameter, which may have none.
    pub(super) fn parameter_schema(
        &self,
        words: &words::PropertyDefinition<'a>,
        parent: Option<&Schema>,
        context: Context,
    ) -> Option<Schema> {
        if words.data_type.is_none() && parent.is_none() {
            if let Some(schema) = words.entry_schema.as_ref().or(words.key_schema.as_ref()) {
                self.check_schemas(DataBase::Nil, Some(schema.span), None, None);
            }
            return None;
        }
        self.schema_of(&SchemaWords::of_property(words), parent, context)
    }
}
