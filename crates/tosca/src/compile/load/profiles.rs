//! Profiles among the files that are loaded: where they are found, and which are the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::Word;

use super::{LoadedFile, Loader};
use crate::{model::Name, sources::Locator};

impl Loader<'_> {
    /// Types of two versions of a profile are different types, also those that nobody changed (6.7.3).
    pub(super) fn warn_of_profile_versions(&mut self) {
        let mut first: HashMap<&str, &LoadedFile> = HashMap::new();
        let mut warnings = Vec::new();
        for file in self.loaded.files.iter().filter(|file| file.has_own_profile) {
            let Some((name, version)) = file.profile.as_ref().and_then(|name| name.as_str().rsplit_once(':'))
            else {
                continue;
            };
            let other = *first.entry(name).or_insert(file);
            if other.profile == file.profile {
                continue;
            }
            let (Some(here), Some(known)) = (file.imported_at, &other.profile) else { continue };
            let known_version = known.as_str().rsplit_once(':').map_or("", |(_, version)| version);
            let message =
                format!("two versions of the profile `{name}` meet: `{known_version}` and `{version}`");
            let here = Place::new(here, format!("imports `{version}`"));
            let warning = Diagnostic::warning("profile-versions", message)
                .hint(
                    "their types are different types, also those of one name: import one version everywhere",
                )
                .chapter("6.7.3");
            // The import that was found first is nearer to whoever reads this.
            warnings.push(match other.imported_at {
                Some(span) => {
                    let near = Place::new(span, format!("imports `{known_version}`"));
                    warning.at(near).related(here)
                }
                None => warning.at(here),
            });
        }
        self.loaded.diagnostics.extend(warnings);
    }

    /// What the catalogue has under a profile's name is that profile. Another file that says to be of it, and is no part of
    /// it, is of another profile with the same name and version.
    pub(super) fn report_duplicate_profiles(&mut self) {
        let files = &self.loaded.files;
        let edges = files.iter().flat_map(|file| &file.imports);
        let mut roots: BTreeMap<usize, (&Name, Span)> = BTreeMap::new();
        for edge in edges {
            let (Some(name), Some(root)) = (&edge.profile, edge.file) else { continue };
            if self.by_profile.get(name).is_some_and(|files| files.len() > 1 && files.contains(&root)) {
                roots.entry(root).or_insert((name, edge.span));
            }
        }
        let mut found = Vec::new();
        for (root, (name, span)) in roots {
            let mut parts = HashSet::from([root]);
            let mut next = vec![root];
            while let Some(part) = next.pop() {
                next.extend(
                    files[part]
                        .imports
                        .iter()
                        .filter_map(|edge| edge.file)
                        .filter(|file| parts.insert(*file)),
                );
            }
            for &other in self.by_profile[name].iter().filter(|other| !parts.contains(other)) {
                let here = files[other].imported_at.unwrap_or(Span::beginning(files[other].source));
                found.push(
                    Diagnostic::error(
                        "duplicate-profile",
                        format!("two different profiles are called `{name}`"),
                    )
                    .at(Place::new(here, "this file says to be of it"))
                    .related(Place::new(span, "this is what the catalogue has under the name"))
                    .hint("import one of them, or give the other one another name or version")
                    .chapter("6.7.3"),
                );
            }
        }
        self.loaded.diagnostics.extend(found);
    }

    /// The file that has the same text as this one and says to be of the same profile: a profile that is imported by
    /// two paths is one profile.
    pub(super) fn same_profile(&mut self, index: usize, name: &Name) -> Option<usize> {
        let same = self.by_profile.entry(name.clone()).or_default();
        let text = |index: usize| self.loaded.map.file(self.loaded.files[index].source).text();
        if let Some(&found) = same.iter().find(|&&other| text(other) == text(index)) {
            return Some(found);
        }
        same.push(index);
        None
    }

    pub(super) fn profile(&mut self, name: Word<'_>) -> Option<Locator> {
        let found = self.sources.locate_profile(name.text);
        if found.is_none() {
            let known = self.sources.profiles();
            let mut diagnostic =
                Diagnostic::error("unknown-profile", format!("unknown profile `{}`", name.text))
                    .at(Place::new(name.span, "not in the catalogue of profiles"))
                    .maybe_hint(did_you_mean(name.text, known.iter().map(String::as_str)))
                    .chapter("6.8.2.1");
            if !known.is_empty() {
                let known = one_of(known.iter().map(String::as_str));
                diagnostic = diagnostic.hint(format!("the profiles are: {known}"));
            }
            self.loaded.diagnostics.push(diagnostic);
        }
        found
    }
}
