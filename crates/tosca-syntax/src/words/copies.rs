//! Templates that copy others (7.2, 7.4).
//!
//! A copy has all keynames of the other template, and its own over them. The standard does not say how deep that
//! goes. Here maps of names (properties, capabilities, …) are joined name by name, one's own winning; everything else
//! (requirements, which are a list, too) is replaced as a whole.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Place, did_you_mean};

use super::construct::Hidden;
use super::reader::{Reader, Word};
use super::template::NodeTemplate;
use super::topology::RelationshipTemplate;

/// A template that may copy another one.
pub(super) trait Copies<'a>: Clone {
    /// What it is, in words, and the chapter.
    const WHAT: (&'static str, &'static str);

    /// The code of the diagnostic when there is none of a name.
    const UNKNOWN: &'static str;

    /// Its name.
    fn name(&self) -> Word<'a>;

    /// What it copies.
    fn source(&self) -> Option<Word<'a>>;

    /// Takes what it lacks from another one.
    fn fill(&mut self, source: &Self);

    /// What could not be read of it.
    fn hidden_mut(&mut self) -> &mut Hidden;
}

/// Fills templates that copy others with what they copy.
pub(super) fn copy_templates<'a, T: Copies<'a>>(reader: &mut Reader, templates: &mut [Box<T>]) {
    if templates.iter().all(|template| template.source().is_none()) {
        return;
    }
    let (what, chapter) = T::WHAT;
    let positions: HashMap<&'a str, usize> =
        templates.iter().enumerate().map(|(position, template)| (template.name().text, position)).collect();
    for position in 0..templates.len() {
        let Some(word) = templates[position].source() else { continue };
        let error = |code: &'static str, message: String| {
            Diagnostic::error(code, message).at(word.span).chapter(chapter)
        };
        let diagnostic = match positions.get(word.text) {
            Some(&other) if other == position => {
                error("invalid-copy", format!("the {what} template `{}` copies itself", word.text))
            }
            Some(&other) => match templates[other].source() {
                None => {
                    let source = templates[other].clone();
                    templates[position].fill(&source);
                    continue;
                }
                Some(further) => {
                    let message = format!("the {what} template `{}` is a copy itself", word.text);
                    let related = Place::new(further.span, "copies this");
                    error("invalid-copy", message).related(related).hint(format!("copy `{}`", further.text))
                }
            },
            None => {
                let names = positions.keys().copied();
                let message = format!("unknown {what} template `{}`", word.text);
                error(T::UNKNOWN, message).maybe_hint(did_you_mean(word.text, names))
            }
        };
        reader.report(diagnostic);
        // Whatever it was to copy: nothing can be said to be missing.
        for keyname in ["type", "properties", "attributes", "requirements", "capabilities", "interfaces"] {
            templates[position].hidden_mut().add(keyname);
        }
    }
}

/// Joins named elements: one's own first, in the order of the source otherwise.
fn join<'n, T: Clone>(own: &mut Vec<T>, source: &[T], name: impl Fn(&T) -> &'n str) {
    let mut joined: Vec<T> = Vec::with_capacity(own.len() + source.len());
    for element in source {
        let overriding = own.iter().position(|other| name(other) == name(element));
        joined.push(overriding.map_or_else(|| element.clone(), |position| own.remove(position)));
    }
    joined.append(own);
    *own = joined;
}

impl<'a> Copies<'a> for NodeTemplate<'a> {
    const WHAT: (&'static str, &'static str) = ("node", "7.2");
    const UNKNOWN: &'static str = "unknown-node-template";

    fn name(&self) -> Word<'a> {
        self.name
    }

    fn source(&self) -> Option<Word<'a>> {
        self.copy
    }

    fn fill(&mut self, source: &Self) {
        self.node_type = self.node_type.or(source.node_type);
        join(&mut self.properties, &source.properties, |element| element.name.text);
        join(&mut self.attributes, &source.attributes, |element| element.name.text);
        join(&mut self.capabilities, &source.capabilities, |element| element.name.text);
        join(&mut self.interfaces, &source.interfaces, |element| element.name.text);
        join(&mut self.artifacts, &source.artifacts, |element| element.name.map_or("", |name| name.text));
        if self.requirements.is_empty() {
            self.requirements.clone_from(&source.requirements);
        }
        if self.directives.is_empty() {
            self.directives.clone_from(&source.directives);
        }
        self.count = self.count.or(source.count);
        self.node_filter = self.node_filter.or(source.node_filter);
        self.common.description = self.common.description.or(source.common.description);
        self.common.metadata = self.common.metadata.or(source.common.metadata);
        self.hidden.join(&source.hidden);
    }

    fn hidden_mut(&mut self) -> &mut Hidden {
        &mut self.hidden
    }
}

impl<'a> Copies<'a> for RelationshipTemplate<'a> {
    const WHAT: (&'static str, &'static str) = ("relationship", "7.4");
    const UNKNOWN: &'static str = "unknown-relationship-template";

    fn name(&self) -> Word<'a> {
        self.name
    }

    fn source(&self) -> Option<Word<'a>> {
        self.copy
    }

    fn fill(&mut self, source: &Self) {
        self.relationship_type = self.relationship_type.or(source.relationship_type);
        join(&mut self.properties, &source.properties, |element| element.name.text);
        join(&mut self.attributes, &source.attributes, |element| element.name.text);
        join(&mut self.interfaces, &source.interfaces, |element| element.name.text);
        self.common.description = self.common.description.or(source.common.description);
        self.common.metadata = self.common.metadata.or(source.common.metadata);
        self.hidden.join(&source.hidden);
    }

    fn hidden_mut(&mut self) -> &mut Hidden {
        &mut self.hidden
    }
}
