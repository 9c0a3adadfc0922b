//! Types by their names, and what to say of a name that no type has.

use diagnostics::{Diagnostic, Place, Span, did_you_mean};
use tosca_syntax::words::Word;

use super::Compiler;
use super::scope::Found;
use super::types::BUILT_IN;
use crate::model::{TypeId, TypeKind};

impl<'a> Compiler<'a> {
    /// Resolves the name of a type; reports when there is none, and answers with the unknown type then.
    pub(super) fn find_type(&self, file: usize, kind: TypeKind, word: Word<'_>) -> TypeId {
        self.try_type(file, kind, word.text, word.span).unwrap_or_else(|diagnostic| {
            if let Some(diagnostic) = diagnostic {
                self.report(*diagnostic);
            }
            self.unknown.of(kind)
        })
    }

    /// Resolves the name of a type; the diagnostic says why there is none, unless that is somebody else's fault.
    pub(super) fn try_type(
        &self,
        file: usize,
        kind: TypeKind,
        name: &str,
        span: Span,
    ) -> Result<TypeId, Option<Box<Diagnostic>>> {
        if kind == TypeKind::Data
            && let Some(index) = BUILT_IN.iter().position(|base| base.as_str() == name)
        {
            return Ok(TypeId::from_index(index));
        }
        match self.scopes.find(file, kind, name) {
            Found::One(id) => Ok(id),
            Found::Unknowable => Err(None),
            Found::Ambiguous(ids) => {
                // Reported where the names meet, when that is in one namespace.
                let mut diagnostic =
                    Diagnostic::error("ambiguous-type", format!("`{name}` could be several {kind} types"))
                        .at(Place::new(span, "which one?"))
                        .hint("give one of the imports another `namespace`")
                        .chapter("6.8.4");
                for id in ids {
                    if let Some(span) = self.type_of(id).span {
                        diagnostic = diagnostic.related(Place::new(span, "this one"));
                    }
                }
                let is_reported = self.diagnostics.borrow().iter().any(|reported| {
                    reported.code == "duplicate-type" && reported.message.contains(&format!("`{name}`"))
                });
                Err((!is_reported).then(|| Box::new(diagnostic)))
            }
            Found::Nothing => Err(Some(Box::new(self.unknown_type(file, kind, name, span)))),
        }
    }

    fn unknown_type(&self, file: usize, kind: TypeKind, name: &str, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error("unknown-type", format!("unknown {kind} type `{name}`"))
            .at(Place::new(span, "not found in this file or its imports"))
            .chapter("6.4");
        // A type of another kind by that name is the likeliest mistake.
        for other in TypeKind::ALL {
            if other != kind
                && let Found::One(id) = self.scopes.find(file, other, name)
            {
                let place = self.type_of(id).span.map(|span| Place::new(span, format!("a {other} type")));
                let diagnostic =
                    diagnostic.hint(format!("`{name}` is a {other} type; a {kind} type is needed here"));
                return place.into_iter().fold(diagnostic, Diagnostic::related);
            }
        }
        if let Some(instead) = super::older::instead_of_type(name).filter(|_| kind == TypeKind::Data) {
            return diagnostic.hint(instead);
        }
        if !self.can_suggest() {
            return diagnostic;
        }
        let mut candidates = self.scopes.candidates(file, kind);
        if kind == TypeKind::Data {
            candidates.extend(BUILT_IN.iter().map(|base| base.as_str().to_owned()));
        }
        if let Some((namespace, _)) = name.split_once(':')
            && !self.scopes.namespaces(file).contains(namespace)
        {
            let namespaces = self.scopes.namespaces(file);
            let last = name.rsplit(':').next().unwrap_or(name);
            let near = self.scopes.way_to(file, kind, last).map(|way| format!("did you mean `{way}`?"));
            let near = near.or_else(|| did_you_mean(name, candidates.iter().map(String::as_str)));
            let near = near.or_else(|| did_you_mean(namespace, namespaces.iter().map(String::as_str)));
            return diagnostic.hint(format!("no import has the namespace `{namespace}`")).maybe_hint(near);
        }
        // The right name without its namespace.
        let last = name.rsplit(':').next().unwrap_or(name);
        if let Some(qualified) = self.scopes.way_to(file, kind, last) {
            return diagnostic.hint(format!("did you mean `{qualified}`?"));
        }
        let near = diagnostics::closest(name, candidates.iter().map(String::as_str));
        let Some(near) = near else {
            let hint = match candidates.len() {
                0 => format!("there are no {kind} types in this file or its imports; is an import missing?"),
                _ => {
                    let known = diagnostics::one_of(candidates.iter().map(String::as_str));
                    format!("the {kind} types are: {known}")
                }
            };
            return diagnostic.hint(hint);
        };
        let origin = match self.scopes.find(file, kind, near) {
            Found::One(id) => {
                self.declared[id.index()].filter(|declared| declared.file != file).map(|declared| {
                    let location = self.map.location(declared.words.name.span);
                    format!(", imported from `{}:{}`", location.file, location.start.line)
                })
            }
            _ => None,
        };
        diagnostic.hint(format!("did you mean `{near}`{}?", origin.unwrap_or_default()))
    }
}
