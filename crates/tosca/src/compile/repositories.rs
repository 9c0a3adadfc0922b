//! Repositories (6.5): where imports and artifacts come from that are not beside their file.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::Repository;

use super::Compiler;
use super::form::plain_metadata;
use super::load::LoadedFile;
use super::scope::Meeting;
use crate::model::{Metadata, Name};
use crate::sources::{Locator, SourceError, join_paths};

/// A repository of a file that was loaded.
pub(super) struct LoadedRepository {
    pub(super) name: Name,
    pub(super) span: Span,
    /// Absent when it could not be read.
    pub(super) url: Option<Arc<str>>,
    pub(super) description: Option<Arc<str>>,
    pub(super) metadata: Metadata,
}

impl LoadedRepository {
    pub(super) fn new(words: &Repository<'_>) -> Self {
        Self {
            name: Name::from(words.name.text),
            span: words.name.span,
            url: words.url.map(|url| url.text.into()),
            description: words.common.description.map(Arc::from),
            metadata: words.common.metadata.map(plain_metadata).unwrap_or_default(),
        }
    }
}

/// A place in a repository: the file there, and where the repository begins.
///
/// Paths of imports in it are relative to its files, or begin at its root with `/`; none leads out (6.8.2.2).
#[derive(Clone)]
pub(super) struct Root {
    address: Arc<str>,
    /// What an address without a scheme is relative to.
    from: Option<Locator>,
    path: String,
}

impl Root {
    pub(super) fn new(address: &str, from: Option<Locator>) -> Self {
        Self { address: address.trim_end_matches('/').into(), from, path: String::new() }
    }

    /// Another file of the repository.
    pub(super) fn join(&self, path: &str) -> Result<Self, SourceError> {
        match join_paths(&self.path, path) {
            Some(path) => Ok(Self { path, ..self.clone() }),
            None => Err(SourceError::Refused("the path leads out of its repository".to_owned())),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("{}/{}", self.address, self.path)
    }

    pub(super) fn from(&self) -> Option<&Locator> {
        self.from.as_ref()
    }
}

/// A repository and the file that defines it.
pub(super) struct Found<'a> {
    pub(super) file: usize,
    pub(super) repository: &'a LoadedRepository,
}

/// The repository that a name stands for in a file, also behind namespaces.
pub(super) fn find<'a>(files: &'a [LoadedFile], file: usize, name: &str) -> Option<Found<'a>> {
    let mut wanted = vec![(file, name)];
    let mut seen = HashSet::from([(file, name)]);
    while let Some((file, name)) = wanted.pop() {
        if let Some(repository) = files[file].repositories.iter().find(|found| found.name == *name) {
            return Some(Found { file, repository });
        }
        for import in &files[file].imports {
            let inner = match &import.namespace {
                None => Some(name),
                Some(namespace) => {
                    name.strip_prefix(namespace.as_str()).and_then(|rest| rest.strip_prefix(':'))
                }
            };
            if let (Some(target), Some(inner)) = (import.file, inner)
                && seen.insert((target, inner))
            {
                wanted.push((target, inner));
            }
        }
    }
    None
}

/// What to say of a name that stands for no repository; nothing where a failed import may have had it.
pub(super) fn unknown(files: &[LoadedFile], file: usize, name: &str, span: Span) -> Option<Diagnostic> {
    let mut root = vec![file];
    let mut known: Vec<&str> = Vec::new();
    let mut next = 0;
    while next < root.len() {
        let current = &files[root[next]];
        known.extend(current.repositories.iter().map(|repository| repository.name.as_str()));
        for import in current.imports.iter().filter(|import| import.namespace.is_none()) {
            match import.file {
                // The import that asks for the repository has failed by that, and no other.
                None if import.repository.is_none() => return None,
                Some(target) if !root.contains(&target) => root.push(target),
                _ => {}
            }
        }
        next += 1;
    }
    let diagnostic = Diagnostic::error("unknown-repository", format!("unknown repository `{name}`"))
        .at(Place::new(span, "not defined in this file or its imports"))
        .maybe_hint(did_you_mean(name, known.iter().copied()))
        .chapter("6.8.1");
    Some(match known[..] {
        [] => diagnostic.hint(format!("define it: `repositories: {{ {name}: https://… }}`")),
        _ => diagnostic.hint(format!("the repositories are: {}", one_of(known))),
    })
}

impl Compiler<'_> {
    /// Reports repositories of one name in one namespace (6.8.4).
    pub(super) fn check_repositories(&self) {
        let mut by_name: HashMap<&str, Vec<(usize, Span)>> = HashMap::new();
        for (file, loaded) in self.files.iter().enumerate() {
            for repository in &loaded.repositories {
                by_name.entry(repository.name.as_str()).or_default().push((file, repository.span));
            }
        }
        for (name, places) in by_name.iter().filter(|(_, places)| places.len() > 1) {
            let files: Vec<usize> = places.iter().map(|(file, _)| *file).collect();
            for Meeting { file, members } in self.scopes.meetings(&files) {
                let message = format!("the repository `{name}` is defined more than once in one namespace");
                let diagnostic = Diagnostic::error("duplicate-repository", message).chapter("6.8.4");
                let here = members.iter().map(|&member| places[member]).collect::<Vec<_>>();
                self.report(
                    self.at_meeting(diagnostic, file, &here).hint("give one of the imports a `namespace`"),
                );
            }
        }
    }

    /// Says where definitions of one name meet: at the file's own one, or at the import that brings in another.
    pub(super) fn at_meeting(
        &self,
        diagnostic: Diagnostic,
        file: usize,
        here: &[(usize, Span)],
    ) -> Diagnostic {
        let own = here.iter().find(|(other, _)| *other == file);
        let mut diagnostic = match own {
            Some((_, span)) => diagnostic.at(Place::new(*span, "defined here")),
            None => {
                let last = here.last().and_then(|(last, _)| self.scopes.import_of(file, *last));
                let span = last.unwrap_or(Span::beginning(self.files[file].source));
                diagnostic.at(Place::new(span, "this import brings it in again"))
            }
        };
        for (_, span) in here.iter().filter(|(other, _)| own.is_none_or(|(own, _)| own != other)) {
            diagnostic = diagnostic.related(Place::new(*span, "also defined here"));
        }
        diagnostic
    }
}
