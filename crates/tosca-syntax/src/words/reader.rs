//! What all readers are made of.

use diagnostics::{Diagnostic, Place, Span, closest, one_of};

use super::keynames::{Hidden, Shape};
use crate::yaml::{Entries, Node, ScalarKind};

/// A string of the document with its place.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    /// The text.
    pub text: &'a str,
    /// Where it is.
    pub span: Span,
}

/// `description` and `metadata`, which nearly every element may have (TOSCA 2.0, 5.3).
#[derive(Debug, Clone, Copy, Default)]
pub struct Common<'a> {
    /// A string.
    pub description: Option<&'a str>,
    /// A map.
    pub metadata: Option<Node<'a>>,
}

/// Reads constructs and gathers what is wrong with them.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was found so far.
    pub diagnostics: Vec<Diagnostic>,
}

/// The keynames of one element, checked against its shape.
pub(super) struct Fields<'a> {
    entries: Entries<'a>,
    shape: &'static Shape,
    /// The element in words: ``node template `web` ``.
    place: Span,
    pub(super) hidden: Hidden,
}

impl<'a> Fields<'a> {
    /// The key and value of a keyname.
    pub(super) fn entry(&self, keyname: &'static str) -> Option<(Node<'a>, Node<'a>)> {
        debug_assert!(self.shape.keynames.contains(&keyname), "{keyname} is not in {}", self.shape.element);
        self.entries.clone().find(|(key, _)| key.as_string() == Some(keyname))
    }

    /// The chapter that lists the keynames.
    pub(super) fn shape_chapter(&self) -> &'static str {
        self.shape.chapter
    }

    /// The value of a keyname.
    pub(super) fn get(&self, keyname: &'static str) -> Option<Node<'a>> {
        self.entry(keyname).map(|(_, value)| value)
    }
}

/// The keynames of a shape that a map has.
fn keynames_in(entries: &Entries<'_>, shape: &Shape) -> Vec<&'static str> {
    let known = |key: &str| shape.keynames.iter().copied().find(|keyname| *keyname == key);
    entries.clone().filter_map(|(key, _)| key.as_string().and_then(known)).collect()
}

/// Whether a map has at least one of a shape's keynames, of any age.
pub(super) fn has_keyname_of(node: Node<'_>, shape: &Shape) -> bool {
    node.entries().is_some_and(|mut entries| {
        entries.any(|(key, _)| {
            key.as_string().is_some_and(|key| {
                shape.keynames.contains(&key) || shape.gone.iter().any(|(gone, _)| *gone == key)
            })
        })
    })
}

/// Whether a map has a key that was probably meant to be one of a shape's keynames.
pub(super) fn has_near_keyname_of(node: Node<'_>, shape: &Shape) -> bool {
    node.entries().is_some_and(|mut entries| {
        entries.any(|(key, _)| {
            key.as_string().is_some_and(|key| closest(key, shape.keynames.iter().copied()).is_some())
        })
    })
}

impl Reader {
    /// Adds a diagnostic.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says that a value is not of the YAML kind that belongs there.
    pub fn wrong_kind(&mut self, what: &str, wanted: &str, node: Node<'_>, chapter: &'static str) {
        let found = node.kind_in_words();
        let mut diagnostic = Diagnostic::error("wrong-kind", format!("{what} must be {wanted}, not {found}"))
            .at(Place::new(node.span(), format!("this is {found}")))
            .chapter(chapter);
        if found == "nothing" && wanted == "a map" {
            diagnostic = diagnostic.hint("leave the keyname out, or write `{}` for an empty map");
        }
        self.report(diagnostic);
    }

    /// Checks the keynames of an element. `name` is where the element's name is, for what is missing from it.
    pub(super) fn fields<'a>(
        &mut self,
        node: Node<'a>,
        shape: &'static Shape,
        name: Option<Word<'a>>,
    ) -> Option<Fields<'a>> {
        let place = name.map_or(node.span(), |name| name.span);
        let Some(entries) = node.entries() else {
            let named = name.map(|name| format!(" (`{}`)", name.text)).unwrap_or_default();
            self.wrong_kind(&format!("{}{named}", shape.element), "a map", node, shape.chapter);
            return None;
        };
        let mut hidden = Hidden::default();
        let mut present: Option<Vec<&'static str>> = None;
        for (key, _) in entries.clone() {
            match key.as_string() {
                Some(text) if shape.keynames.contains(&text) => {}
                Some(text) => {
                    let present = present.get_or_insert_with(|| keynames_in(&entries, shape));
                    self.wrong_keyname(text, key.span(), shape, present, &mut hidden);
                }
                None => self.report(
                    Diagnostic::error(
                        "unknown-keyname",
                        format!("a keyname must be a string, not {}", key.kind_in_words()),
                    )
                    .at(Place::new(key.span(), format!("not a keyname of {}", shape.element)))
                    .hint(allowed(shape))
                    .chapter(shape.chapter),
                ),
            }
        }
        Some(Fields { entries, shape, place, hidden })
    }

    fn wrong_keyname(
        &mut self,
        text: &str,
        span: Span,
        shape: &Shape,
        present: &[&str],
        hidden: &mut Hidden,
    ) {
        let diagnostic =
            Diagnostic::error("unknown-keyname", format!("unknown keyname `{text}` in {}", shape.element))
                .at(Place::new(span, format!("not a keyname of {}", shape.element)))
                .chapter(shape.chapter);
        if let Some((_, hint)) = shape.gone.iter().find(|(gone, _)| *gone == text) {
            return self.report(diagnostic.hint(*hint));
        }
        // A keyname that is already there was not meant once more.
        let candidates = shape.keynames.iter().copied();
        let meant = closest(text, candidates.filter(|keyname| !present.contains(keyname)));
        if let Some(meant) = meant.and_then(|meant| shape.keynames.iter().find(|keyname| **keyname == meant))
        {
            hidden.add(meant);
        }
        self.report(
            diagnostic
                .maybe_hint(meant.map(|meant| format!("did you mean `{meant}`?")))
                .maybe_hint(shape.hint.map(str::to_owned))
                .hint(allowed(shape)),
        );
    }

    /// Says that a mandatory keyname is missing.
    pub(super) fn missing(&mut self, fields: &Fields<'_>, keyname: &'static str) {
        if fields.hidden.has(keyname) {
            return;
        }
        let shape = fields.shape;
        self.report(
            Diagnostic::error("missing-keyname", format!("{} needs the keyname `{keyname}`", shape.element))
                .at(Place::new(fields.place, format!("has no `{keyname}`")))
                .chapter(shape.chapter),
        );
    }

    /// A string value.
    pub(super) fn word<'a>(&mut self, fields: &mut Fields<'a>, keyname: &'static str) -> Option<Word<'a>> {
        let node = fields.get(keyname)?;
        let word = self.string(node, &format_args!("`{keyname}`"), fields.shape.chapter);
        if word.is_none() {
            fields.hidden.add(keyname);
        }
        word
    }

    /// A string value that must be there.
    pub(super) fn mandatory_word<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
    ) -> Option<Word<'a>> {
        if fields.entry(keyname).is_none() {
            self.missing(fields, keyname);
        }
        self.word(fields, keyname)
    }

    /// A string.
    pub(super) fn string<'a>(
        &mut self,
        node: Node<'a>,
        what: &dyn std::fmt::Display,
        chapter: &'static str,
    ) -> Option<Word<'a>> {
        match node.as_string() {
            Some(text) => Some(Word { text, span: node.span() }),
            None => {
                self.wrong_kind(&what.to_string(), "a string", node, chapter);
                let scalar = node.as_scalar().filter(|scalar| scalar.kind != ScalarKind::Null);
                if let (Some(scalar), Some(last)) = (scalar, self.diagnostics.last_mut()) {
                    last.hints.push(format!("put it in quotes: \"{}\"", scalar.text));
                }
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, fields: &Fields<'_>, keyname: &'static str) -> Option<bool> {
        let node = fields.get(keyname)?;
        match node.as_scalar() {
            Some(scalar) if scalar.kind == ScalarKind::Boolean && scalar.text == "true" => Some(true),
            Some(scalar) if scalar.kind == ScalarKind::Boolean && scalar.text == "false" => Some(false),
            _ => {
                self.wrong_kind(&format!("`{keyname}`"), "`true` or `false`", node, fields.shape.chapter);
                None
            }
        }
    }

    /// `description` and `metadata`.
    pub(super) fn common<'a>(&mut self, fields: &mut Fields<'a>) -> Common<'a> {
        let description = self.word(fields, "description").map(|word| word.text);
        let metadata = fields.get("metadata").filter(|node| {
            let is_map = node.entries().is_some();
            if !is_map {
                self.wrong_kind("`metadata`", "a map", *node, "5.3.1");
            }
            is_map
        });
        Common { description, metadata }
    }

    /// A list of strings.
    pub(super) fn words<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
    ) -> Option<Vec<Word<'a>>> {
        let node = fields.get(keyname)?;
        let chapter = fields.shape.chapter;
        let Some(items) = node.items() else {
            self.wrong_kind(&format!("`{keyname}`"), "a list", node, chapter);
            fields.hidden.add(keyname);
            return None;
        };
        Some(
            items
                .filter_map(|item| self.string(item, &format_args!("an entry of `{keyname}`"), chapter))
                .collect(),
        )
    }

    /// The named elements of a map.
    pub(super) fn named<'a, T>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
        mut read: impl FnMut(&mut Self, Word<'a>, Node<'a>) -> T,
    ) -> Vec<T> {
        let Some(node) = fields.get(keyname) else { return Vec::new() };
        let chapter = fields.shape.chapter;
        let Some(entries) = node.entries() else {
            self.wrong_kind(&format!("`{keyname}`"), "a map", node, chapter);
            fields.hidden.add(keyname);
            return Vec::new();
        };
        let mut elements = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(name) = self.element_name(key, keyname, chapter) {
                elements.push(read(self, name, value));
            }
        }
        elements
    }

    /// The name of an element: a string that is not empty.
    pub(super) fn element_name<'a>(
        &mut self,
        key: Node<'a>,
        keyname: &str,
        chapter: &'static str,
    ) -> Option<Word<'a>> {
        let name = self.string(key, &format_args!("a name in `{keyname}`"), chapter)?;
        if name.text.is_empty() {
            let message = format!("a name in `{keyname}` may not be empty");
            self.report(Diagnostic::error("empty-name", message).at(name.span).chapter(chapter));
            return None;
        }
        Some(name)
    }

    /// The elements of a list of single-entry maps.
    pub(super) fn named_list<'a, T>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
        mut read: impl FnMut(&mut Self, Word<'a>, Node<'a>) -> T,
    ) -> Vec<T> {
        let Some(node) = fields.get(keyname) else { return Vec::new() };
        let chapter = fields.shape.chapter;
        let Some(items) = node.items() else {
            self.wrong_kind(&format!("`{keyname}`"), "a list", node, chapter);
            if let (Some(_), Some(last)) = (node.entries(), self.diagnostics.last_mut()) {
                last.hints.push("begin each entry with `- `".to_owned());
            }
            fields.hidden.add(keyname);
            return Vec::new();
        };
        let mut elements = Vec::with_capacity(items.len());
        for item in items {
            let single =
                item.entries().filter(|entries| entries.len() == 1).and_then(|mut entries| entries.next());
            let Some((key, value)) = single else {
                let what = format!("an entry of `{keyname}`");
                if item.entries().is_some() {
                    self.report(
                        Diagnostic::error("wrong-kind", format!("{what} must be a map of one name"))
                            .at(item.span())
                            .hint("indent the keynames below the name, and begin each entry with `- `")
                            .chapter(chapter),
                    );
                } else {
                    self.wrong_kind(&what, "a map of one name", item, chapter);
                }
                fields.hidden.add(keyname);
                continue;
            };
            if let Some(name) = self.element_name(key, keyname, chapter) {
                elements.push(read(self, name, value));
            }
        }
        elements
    }
}

fn allowed(shape: &Shape) -> String {
    format!("allowed here: {}", one_of(shape.keynames.iter().copied()))
}
