//! Property and attribute definitions, and their refinement (9.3, 9.5).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words;
use tosca_syntax::yaml::Node;

use super::form::{description_or, plain_metadata};
use super::schemas::SchemaWords;
use super::{Compiler, Context};
use crate::model::{Map, Metadata, PropertyDefinition, TypeId, TypeKind};

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
        let keyname = if what == "attribute" { "attributes" } else { "properties" };
        let is_known = own.data_type.is_some()
            || parent.is_some()
            || words.hides_type
            || self.may_inherit(context, keyname);
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
        if what != "attribute" {
            self.check_default(own, required, what);
        }
        Some(PropertyDefinition {
            schema,
            // Where a value is written and wrong, nobody else has to give one.
            required: required
                && what != "attribute"
                && (own.default.is_none() || default.is_some())
                && (own.value.is_none() || value.is_some()),
            default: default.or(parent.and_then(|parent| parent.default.clone())),
            value,
            description: description_or(
                own.common.description,
                parent.and_then(|parent| parent.description.as_ref()),
            ),
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
    pub(super) fn metadata_or(&self, own: Option<Node<'a>>, parent: Option<&Arc<Metadata>>) -> Arc<Metadata> {
        own.map(|own| Arc::new(plain_metadata(own))).or_else(|| parent.cloned()).unwrap_or_default()
    }

    pub(super) fn required(
        &self,
        own: &words::PropertyDefinition<'_>,
        parent: Option<(bool, Span)>,
        what: &'static str,
    ) -> bool {
        let (inherited, span) = parent.map_or((true, None), |(required, span)| (required, Some(span)));
        // What could not be read is reported; nothing is missing on top of that.
        let is_unread = ["required", "default", "value"].iter().any(|keyname| own.hidden.has(keyname));
        let Some(required) = own.required else { return inherited && !is_unread };
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
}
