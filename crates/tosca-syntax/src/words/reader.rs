//! What all readers are made of.

use diagnostics::{Diagnostic, Place, Span};

use crate::yaml::{Node, ScalarKind};

/// A string of the document with its place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Word<'a> {
    /// The text.
    pub text: &'a str,
    /// Where it is.
    pub span: Span,
}

impl<'a> Word<'a> {
    /// The text of a node that is a string.
    pub(super) fn of(node: Node<'a>) -> Option<Self> {
        node.as_string().map(|text| Self { text, span: node.span() })
    }
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
        let hint = match (wanted, found) {
            ("a map", "nothing") => Some("leave the keyname out, or write `{}` for an empty map".to_owned()),
            ("a map", "a list") => Some("leave out the `- ` before each entry".to_owned()),
            ("a list", "a string") => {
                node.as_string().map(|text| format!("for a list of one, write `[ {text} ]`"))
            }
            ("`true` or `false`", "a string") => Some("write it so, and without quotes".to_owned()),
            _ => None,
        };
        diagnostic.hints.extend(hint);
        self.report(diagnostic);
    }

    /// A string.
    pub(super) fn string<'a>(
        &mut self,
        node: Node<'a>,
        what: &dyn std::fmt::Display,
        chapter: &'static str,
    ) -> Option<Word<'a>> {
        let word = Word::of(node);
        if word.is_none() {
            self.wrong_kind(&what.to_string(), "a string", node, chapter);
            let scalar = node.as_scalar().filter(|scalar| scalar.kind != ScalarKind::Null);
            if let (Some(scalar), Some(last)) = (scalar, self.diagnostics.last_mut()) {
                last.hints.push(format!("put it in quotes: \"{}\"", scalar.text));
            }
        }
        word
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
}
