//! The value of a keyname, and the kinds of values that keynames have.

use diagnostics::Diagnostic;

use super::reader::{Reader, Word};
use crate::yaml::{Node, ScalarKind};

/// A keyname with its value, to be read by what the table of its construct says.
pub(super) struct Field<'a, 'r> {
    pub(super) reader: &'r mut Reader,
    pub(super) keyname: &'static str,
    /// The chapter that lists the keyname.
    pub(super) chapter: &'static str,
    pub(super) key: Node<'a>,
    pub(super) value: Node<'a>,
    pub(super) is_hidden: bool,
}

impl<'a, 'r> Field<'a, 'r> {
    pub(super) fn new(
        reader: &'r mut Reader,
        keyname: &'static str,
        chapter: &'static str,
        key: Node<'a>,
        value: Node<'a>,
    ) -> Self {
        Self { reader, keyname, chapter, key, value, is_hidden: false }
    }

    /// Says that something in the value could not be read: later checks do not take it for missing.
    pub(super) fn hide(&mut self) {
        self.is_hidden = true;
    }

    /// The keyname as the name of a construct that has no other.
    pub(super) fn name(&self) -> Word<'a> {
        Word { text: self.keyname, span: self.key.span() }
    }

    /// Says that the value is not of the YAML kind that belongs here.
    pub(super) fn wrong_kind(&mut self, wanted: &str) {
        self.reader.wrong_kind(&format!("`{}`", self.keyname), wanted, self.value, self.chapter);
    }

    /// Any value.
    pub(super) fn node(&self) -> Option<Node<'a>> {
        Some(self.value)
    }

    /// A string.
    pub(super) fn word(&mut self) -> Option<Word<'a>> {
        let word = self.reader.string(self.value, &format_args!("`{}`", self.keyname), self.chapter);
        self.is_hidden |= word.is_none();
        word
    }

    /// A string whose place does not matter.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.word().map(|word| word.text)
    }

    /// `metadata`: a map.
    pub(super) fn metadata(&mut self) -> Option<Node<'a>> {
        if self.value.entries().is_none() {
            self.reader.wrong_kind("`metadata`", "a map", self.value, "5.3.1");
            return None;
        }
        Some(self.value)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.value.as_scalar() {
            Some(scalar) if scalar.kind == ScalarKind::Boolean && scalar.text == "true" => Some(true),
            Some(scalar) if scalar.kind == ScalarKind::Boolean && scalar.text == "false" => Some(false),
            _ => {
                self.wrong_kind("`true` or `false`");
                self.hide();
                None
            }
        }
    }

    /// The items of a list.
    pub(super) fn items(&mut self) -> Option<crate::yaml::Items<'a>> {
        let items = self.value.items();
        if items.is_none() {
            self.wrong_kind("a list");
            self.hide();
        }
        items
    }

    /// The entries of a map.
    pub(super) fn entries(&mut self) -> Option<crate::yaml::Entries<'a>> {
        let entries = self.value.entries();
        if entries.is_none() {
            self.wrong_kind("a map");
            self.hide();
        }
        entries
    }

    /// A list of strings.
    pub(super) fn words(&mut self) -> Option<Vec<Word<'a>>> {
        let items = self.items()?;
        let what = format_args!("an entry of `{}`", self.keyname);
        Some(items.filter_map(|item| self.reader.string(item, &what, self.chapter)).collect())
    }

    /// The named elements of a map.
    pub(super) fn named<T>(&mut self, mut read: impl FnMut(&mut Reader, Word<'a>, Node<'a>) -> T) -> Vec<T> {
        let Some(entries) = self.entries() else { return Vec::new() };
        let mut elements = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(name) = self.reader.element_name(key, self.keyname, self.chapter) {
                elements.push(read(self.reader, name, value));
            }
        }
        elements
    }

    /// The items of a list that really is one: a map is taken for one without dashes.
    pub(super) fn dashed(&mut self) -> Option<crate::yaml::Items<'a>> {
        let items = self.items();
        if let (None, Some(_), Some(last)) =
            (&items, self.value.entries(), self.reader.diagnostics.last_mut())
        {
            last.hints.push("begin each entry with `- `".to_owned());
        }
        items
    }

    /// The elements of a list of single-entry maps.
    pub(super) fn named_list<T>(
        &mut self,
        mut read: impl FnMut(&mut Reader, Word<'a>, Node<'a>) -> T,
    ) -> Vec<T> {
        let Some(items) = self.dashed() else { return Vec::new() };
        let mut elements = Vec::with_capacity(items.len());
        for item in items {
            let Some((key, value)) = single_entry(item) else {
                let what = format!("an entry of `{}`", self.keyname);
                if item.entries().is_some() {
                    self.reader.report(
                        Diagnostic::error("wrong-kind", format!("{what} must be a map of one name"))
                            .at(item.span())
                            .hint("indent the keynames below the name, and begin each entry with `- `")
                            .chapter(self.chapter),
                    );
                } else {
                    self.reader.wrong_kind(&what, "a map of one name", item, self.chapter);
                }
                self.hide();
                continue;
            };
            if let Some(name) = self.reader.element_name(key, self.keyname, self.chapter) {
                elements.push(read(self.reader, name, value));
            }
        }
        elements
    }
}

/// The key and value of a map that has one entry.
pub(super) fn single_entry(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    node.entries().filter(|entries| entries.len() == 1).and_then(|mut entries| entries.next())
}
