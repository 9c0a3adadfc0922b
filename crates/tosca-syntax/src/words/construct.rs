//! Constructs that are maps of keynames: a table says how the value of each keyname is read.

use diagnostics::{Diagnostic, Place, Span, closest, one_of};

use super::field::Field;
use super::reader::{Reader, Word};
use crate::yaml::{Entries, Node};

/// A keyname, and what reads its value into its place.
pub(super) type Keyname<'a, T> = (&'static str, fn(&mut T, &mut Field<'a, '_>));

/// What is read into a `T`.
pub(super) struct Construct<'a, T> {
    pub(super) shape: Shape,
    /// Keynames that it shares with other constructs; they come first.
    pub(super) shared: &'a [Keyname<'a, T>],
    /// Its own keynames, in the order of the standard.
    pub(super) keynames: &'a [Keyname<'a, T>],
}

/// What is said of a construct, and of words that are none of its keynames.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The construct in words, with its article: `a node type`.
    pub(super) element: &'static str,
    /// The chapter of TOSCA 2.0 that lists the keynames.
    pub(super) chapter: &'static str,
    /// The mandatory keynames, each with one that makes up for it.
    pub(super) needs: &'static [(&'static str, Option<&'static str>)],
    /// Words of older versions, each with what to do instead.
    pub(super) gone: &'static [(&'static str, &'static str)],
    /// What is said of any other word.
    pub(super) hint: Option<&'static str>,
}

impl Shape {
    /// Without anything that it needs, and without words of older versions.
    pub(super) const fn new(element: &'static str, chapter: &'static str) -> Self {
        Self { element, chapter, needs: &[], gone: &[], hint: None }
    }
}

/// A keyname of TOSCA 1.x that several constructs had.
pub(super) const CONSTRAINTS: (&str, &str) = ("constraints", "TOSCA 2.0 has `validation` instead");
/// As [`CONSTRAINTS`].
pub(super) const VALID_SOURCES: (&str, &str) =
    ("valid_source_types", "TOSCA 2.0 calls it `valid_source_node_types`");
/// As [`CONSTRAINTS`].
pub(super) const OCCURRENCES: (&str, &str) =
    ("occurrences", "TOSCA 2.0 has `allocation` in requirement assignments instead");
/// As [`CONSTRAINTS`].
pub(super) const OPERATION_HOST: (&str, &str) = ("operation_host", "TOSCA 2.0 has no such keyname");
/// As [`CONSTRAINTS`].
pub(super) const INTERFACES_OF_GROUPS: (&str, &str) =
    ("interfaces", "groups of TOSCA 2.0 have no interfaces");
/// For what has operations, which TOSCA 1.x had beside the keynames.
pub(super) const OPERATIONS_HINT: Option<&str> = Some("operations go under the keyname `operations`");

/// The keynames that an element has, or seems to have had, but that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::box_collection, reason = "nearly every element hides nothing, and there are many")]
pub struct Hidden(Option<Box<Vec<&'static str>>>);

impl Hidden {
    fn keynames(&self) -> &[&'static str] {
        self.0.as_ref().map_or(&[], |keynames| keynames)
    }

    /// Whether the keyname is there but unread.
    pub fn has(&self, keyname: &str) -> bool {
        self.keynames().contains(&keyname)
    }

    /// Whether every keyname was read.
    pub fn is_empty(&self) -> bool {
        self.keynames().is_empty()
    }

    /// Adds what another element hides: one that is copied.
    pub(super) fn join(&mut self, other: &Self) {
        other.keynames().iter().for_each(|keyname| self.add(keyname));
    }

    pub(super) fn add(&mut self, keyname: &'static str) {
        if !self.has(keyname) {
            self.0.get_or_insert_default().push(keyname);
        }
    }
}

impl<'a, T> Construct<'a, T> {
    pub(super) const fn new(shape: Shape, keynames: &'a [Keyname<'a, T>]) -> Self {
        Self { shape, shared: &[], keynames }
    }

    fn all(&self) -> impl Iterator<Item = &Keyname<'a, T>> + Clone {
        self.shared.iter().chain(self.keynames)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.all().map(|(keyname, _)| *keyname)
    }

    /// Whether a map has at least one of the keynames, of any age.
    pub(super) fn has_keyname_in(&self, node: Node<'_>) -> bool {
        any_key(node, |key| {
            self.names().any(|keyname| keyname == key) || self.shape.gone.iter().any(|(gone, _)| *gone == key)
        })
    }

    /// Whether a map has a key that was probably meant to be one of the keynames.
    pub(super) fn has_near_keyname_in(&self, node: Node<'_>) -> bool {
        any_key(node, |key| closest(key, self.names()).is_some())
    }
}

fn any_key(node: Node<'_>, holds: impl Fn(&str) -> bool) -> bool {
    node.entries().is_some_and(|mut entries| entries.any(|(key, _)| key.as_string().is_some_and(&holds)))
}

impl Reader {
    /// Reads the keynames of an element and says what is wrong with them. `name` is where the element's name is, for
    /// what is missing from it. Nothing of what is not a map can be read.
    pub(super) fn fill<'a, T>(
        &mut self,
        own: &mut T,
        construct: &Construct<'a, T>,
        name: Option<Word<'a>>,
        node: Node<'a>,
    ) -> Hidden {
        let shape = &construct.shape;
        let mut hidden = Hidden::default();
        let Some(entries) = node.entries() else {
            let named = name.map(|name| format!(" (`{}`)", name.text)).unwrap_or_default();
            self.wrong_kind(&format!("{}{named}", shape.element), "a map", node, shape.chapter);
            construct.names().for_each(|keyname| hidden.add(keyname));
            return hidden;
        };
        // The keyname before, when it has nothing and should: what follows was probably meant to be in it.
        let mut emptied: Option<&'static str> = None;
        for (key, value) in entries.clone() {
            let text = key.as_string();
            match construct.all().find(|(keyname, _)| Some(*keyname) == text) {
                Some(&(keyname, read)) => {
                    let mut field = Field::new(self, keyname, shape.chapter, key, value);
                    read(own, &mut field);
                    let is_hidden = field.is_hidden;
                    emptied = (is_hidden && value.is_null()).then_some(keyname);
                    if is_hidden {
                        hidden.add(keyname);
                    }
                }
                None if emptied.is_some() => self.dedented(key, emptied.unwrap_or_default()),
                None => {
                    let keynames: Vec<_> = construct.names().collect();
                    let meant = self.wrong_keyname(key, shape, &keynames, &entries);
                    meant.into_iter().for_each(|keyname| hidden.add(keyname));
                }
            }
        }
        for &(keyname, instead) in shape.needs {
            let is_there = |keyname: &str| hidden.has(keyname) || has(&entries, keyname);
            if !is_there(keyname) && !instead.is_some_and(is_there) {
                self.missing(shape, keyname, name.map_or(node.span(), |name| name.span));
            }
        }
        hidden
    }

    /// Says that a mandatory keyname is missing.
    pub(super) fn missing(&mut self, shape: &Shape, keyname: &str, place: Span) {
        self.report(
            Diagnostic::error("missing-keyname", format!("{} needs the keyname `{keyname}`", shape.element))
                .at(Place::new(place, format!("has no `{keyname}`")))
                .chapter(shape.chapter),
        );
    }

    /// Adds to what was said of an empty keyname that the key behind it belongs there.
    fn dedented(&mut self, key: Node<'_>, keyname: &str) {
        let Some(last) = self.diagnostics.last_mut() else { return };
        if last.related.is_empty() {
            last.hints = vec![format!("indent what belongs to `{keyname}` below it")];
            last.related.push(Place::new(key.span(), "this and what follows?"));
        }
    }

    /// Says that a key is none of the keynames, and answers which of them was meant.
    fn wrong_keyname(
        &mut self,
        key: Node<'_>,
        shape: &Shape,
        keynames: &[&'static str],
        entries: &Entries<'_>,
    ) -> Option<&'static str> {
        let allowed = || format!("allowed here: {}", one_of(keynames.iter().copied()));
        let not_a_keyname = |message| {
            Diagnostic::error("unknown-keyname", message)
                .at(Place::new(key.span(), format!("not a keyname of {}", shape.element)))
                .chapter(shape.chapter)
        };
        let Some(text) = key.as_string() else {
            let message = format!("a keyname must be a string, not {}", key.kind_in_words());
            self.report(not_a_keyname(message).hint(allowed()));
            return None;
        };
        let diagnostic = not_a_keyname(format!("unknown keyname `{text}` in {}", shape.element));
        if let Some((_, hint)) = shape.gone.iter().find(|(gone, _)| *gone == text) {
            self.report(diagnostic.hint(*hint));
            return None;
        }
        // A keyname that is already there was not meant once more.
        let absent = keynames.iter().copied().filter(|keyname| !has(entries, keyname));
        let meant = closest(text, absent);
        self.report(
            diagnostic
                .maybe_hint(meant.map(|meant| format!("did you mean `{meant}`?")))
                .maybe_hint(shape.hint.map(str::to_owned))
                .hint(allowed()),
        );
        meant.and_then(|meant| keynames.iter().copied().find(|keyname| *keyname == meant))
    }
}

fn has(entries: &Entries<'_>, keyname: &str) -> bool {
    entries.clone().any(|(key, _)| key.as_string() == Some(keyname))
}
