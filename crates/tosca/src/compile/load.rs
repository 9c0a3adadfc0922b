//! The entry and everything it imports, each file once.

mod profiles;

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, SourceId, SourceMap, Span};
use tosca_syntax::words::{Header, Hidden, ImportTarget, Reader, Word, read_header, scheme};
use tosca_syntax::yaml::{Document, Limits, parse};

use super::form::plain_metadata;
use super::repositories::{self, LoadedRepository, Root};
use crate::model::{Metadata, Name};
use crate::sources::{Locator, SourceError, Sources};

/// Files beyond this are not loaded. The largest known closure of imports has 526.
const FILES_MAX: usize = 20_000;

pub(super) struct Loaded {
    /// The entry first.
    pub(super) files: Vec<LoadedFile>,
    pub(super) map: SourceMap,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) struct LoadedFile {
    pub(super) source: SourceId,
    pub(super) locator: Locator,
    pub(super) profile: Option<Name>,
    /// Whether the file itself says its profile.
    pub(super) has_own_profile: bool,
    /// The import that it was loaded for; absent for the entry.
    pub(super) imported_at: Option<Span>,
    /// The repository that it was imported from, when an import named one.
    pub(super) root: Option<Root>,
    pub(super) repositories: Vec<LoadedRepository>,
    pub(super) description: Option<Arc<str>>,
    pub(super) metadata: Metadata,
    /// Absent when it is not a file of TOSCA 2.0.
    pub(super) document: Option<Document>,
    pub(super) imports: Vec<ImportEdge>,
    /// The sections that could not be read: what is not found may be in them.
    pub(super) hidden: Hidden,
}

pub(super) struct ImportEdge {
    pub(super) namespace: Option<Name>,
    /// The name of a repository, when it names one.
    pub(super) repository: Option<Name>,
    /// The name of a profile, when it names one.
    pub(super) profile: Option<Name>,
    /// Absent when the import failed: whatever is not found in this namespace may have been in it.
    pub(super) file: Option<usize>,
    pub(super) span: Span,
}

/// An import to be followed.
struct Wanted {
    locator: Locator,
    importer: usize,
    edge: usize,
    span: Span,
    root: Option<Root>,
}

/// An import from a repository that is not defined in the same file: perhaps in one that it imports.
struct Postponed {
    importer: usize,
    edge: usize,
    url: (String, Span),
    repository: (String, Span),
}

/// How a file comes to be loaded.
struct Arrival {
    importer: usize,
    span: Span,
    root: Option<Root>,
}

/// An import that failed, and how many more failed the same way.
struct Failure {
    diagnostic: usize,
    more: usize,
}

pub(super) fn load(entry: &str, sources: &dyn Sources) -> Loaded {
    let mut loader = Loader {
        sources,
        loaded: Loaded { files: Vec::new(), map: SourceMap::new(), diagnostics: Vec::new() },
        by_locator: HashMap::new(),
        by_profile: HashMap::new(),
        wanted: Vec::new(),
        postponed: Vec::new(),
        failures: HashMap::new(),
    };
    let located = sources.locate(entry, None).and_then(|locator| {
        let bytes = sources.read(&locator)?;
        Ok((locator, bytes))
    });
    match located {
        Ok((locator, bytes)) => _ = loader.add(locator, &bytes, None),
        Err(error) => {
            let diagnostic =
                Diagnostic::error("unreadable-file", format!("failed to read `{entry}`: {error}"));
            let hint = match error {
                SourceError::IsDirectory => Some("name a TOSCA file in it".to_owned()),
                _ => None,
            };
            loader.loaded.diagnostics.push(diagnostic.maybe_hint(hint));
        }
    }
    // Breadth first, so that a file's profile is that of the import nearest to the entry.
    let mut next = 0;
    loop {
        while next < loader.wanted.len() {
            loader.follow(next);
            next += 1;
        }
        loader.postponed();
        if next == loader.wanted.len() {
            break;
        }
    }
    loader.report_unknown_repositories();
    loader.warn_of_profile_versions();
    loader.report_duplicate_profiles();
    loader.count_failures();
    loader.loaded
}

/// The profile that a file says to define, without reading anything else of it; none when it says none or is not a
/// file of TOSCA 2.0.
pub fn profile_of(content: &[u8]) -> Option<String> {
    let text: Arc<str> = std::str::from_utf8(content).ok()?.into();
    let source = SourceMap::new().add("", text.clone());
    let document = parse(source, &text, &Limits::default()).document?;
    let header = read_header(&mut Reader::default(), &document)?;
    header.profile.map(|word| word.text.to_owned())
}

struct Loader<'s> {
    sources: &'s dyn Sources,
    loaded: Loaded,
    by_locator: HashMap<Locator, usize>,
    /// The files that say to be of a profile, by its name.
    by_profile: HashMap<Name, Vec<usize>>,
    wanted: Vec<Wanted>,
    postponed: Vec<Postponed>,
    failures: HashMap<String, Failure>,
}

impl Loader<'_> {
    fn follow(&mut self, index: usize) {
        let Wanted { ref locator, importer, edge, span, ref root } = self.wanted[index];
        if let Some(&file) = self.by_locator.get(locator) {
            self.loaded.files[importer].imports[edge].file = Some(file);
            return;
        }
        if self.loaded.files.len() >= FILES_MAX {
            let message = format!("the imports lead to more than {FILES_MAX} files");
            return self.loaded.diagnostics.push(Diagnostic::error("too-many-files", message).at(span));
        }
        let (locator, root) = (locator.clone(), root.clone());
        match self.sources.read(&locator) {
            Ok(bytes) => {
                let file = self.add(locator, &bytes, Some(Arrival { importer, span, root }));
                self.loaded.files[importer].imports[edge].file = file;
            }
            Err(error) => self.failed(locator.as_str().to_owned(), span, &error),
        }
    }

    /// Reports an import that failed, once for each file (named by a key) however many import it.
    fn failed(&mut self, key: String, span: Span, error: &SourceError) {
        const RELATED_MAX: usize = 3;
        if let Some(failure) = self.failures.get_mut(&key) {
            let diagnostic = &mut self.loaded.diagnostics[failure.diagnostic];
            match diagnostic.related.len() {
                RELATED_MAX.. => failure.more += 1,
                _ => diagnostic.related.push(Place::new(span, "and here")),
            }
            return;
        }
        self.failures.insert(key, Failure { diagnostic: self.loaded.diagnostics.len(), more: 0 });
        let target = self.loaded.map.snippet(span).trim_matches(['"', '\'']).to_owned();
        let hint = match error {
            SourceError::NotFound => {
                Some("a relative path starts at the folder of the importing file".to_owned())
            }
            SourceError::IsDirectory => Some("name the file in it".to_owned()),
            SourceError::NoNetwork => Some(
                "download it and import it by its path, or use a build with the feature `http`".to_owned(),
            ),
            _ => None,
        };
        self.loaded.diagnostics.push(
            Diagnostic::error("import-failed", format!("failed to import `{target}`: {error}"))
                .at(Place::new(span, "imported here"))
                .maybe_hint(hint)
                .chapter("6.8.2"),
        );
    }

    fn count_failures(&mut self) {
        for failure in self.failures.values().filter(|failure| failure.more > 0) {
            let hint = format!("{} more imports of it fail too", failure.more);
            self.loaded.diagnostics[failure.diagnostic].hints.push(hint);
        }
    }

    /// Adds a file; there is no arrival for the entry. `None` when nothing can be imported from it.
    fn add(&mut self, locator: Locator, bytes: &[u8], arrival: Option<Arrival>) -> Option<usize> {
        let name = self.sources.display_name(&locator);
        let utf8 = std::str::from_utf8(bytes);
        let text: Arc<str> = utf8.map_or_else(|_| String::from_utf8_lossy(bytes).into(), Arc::from);
        let source = self.loaded.map.add(name, text.clone());
        let index = self.loaded.files.len();
        self.by_locator.insert(locator.clone(), index);
        let inherited =
            arrival.as_ref().and_then(|arrival| self.loaded.files[arrival.importer].profile.clone());
        let imported_at = arrival.as_ref().map(|arrival| arrival.span);
        self.loaded.files.push(LoadedFile {
            source,
            locator: locator.clone(),
            profile: None,
            has_own_profile: false,
            imported_at,
            root: arrival.and_then(|arrival| arrival.root),
            repositories: Vec::new(),
            description: None,
            metadata: Metadata::new(),
            document: None,
            imports: Vec::new(),
            hidden: Hidden::default(),
        });
        if let Err(error) = utf8 {
            self.not_utf8(source, error.valid_up_to(), bytes);
            return Some(index);
        }
        let parsed = parse(source, &text, &Limits::default());
        self.loaded.diagnostics.extend(parsed.diagnostics);
        let Some(document) = parsed.document else { return Some(index) };
        let mut reader = Reader::default();
        let header = read_header(&mut reader, &document);
        self.loaded.diagnostics.append(&mut reader.diagnostics);
        let Some(header) = header else { return Some(index) };
        if let (Some(template), Some(imported_at)) = (header.service_template, imported_at) {
            self.loaded.diagnostics.push(
                Diagnostic::error("template-in-import", "an imported file may not have a service template")
                    .at(Place::new(template, "only the file that one starts from may have one"))
                    .related(Place::new(imported_at, "imported here"))
                    .hint("move the types into a file of their own and import that")
                    .chapter("4.2.1"),
            );
        }
        let own_profile = header.profile.map(|word| Name::from(word.text));
        if let Some(same) = own_profile.as_ref().and_then(|name| self.same_profile(index, name)) {
            // Another copy of a profile's file: what imports it gets the first one.
            self.by_locator.insert(locator, same);
            return Some(same);
        }
        self.loaded.files[index].has_own_profile = own_profile.is_some();
        let profile = own_profile.or(inherited);
        self.loaded.files[index].repositories =
            header.repositories.iter().map(LoadedRepository::new).collect();
        let description = header.common.description.map(Arc::from);
        let metadata = header.common.metadata.map(plain_metadata).unwrap_or_default();
        let imports = self.edges(index, &locator, &header);
        let file = &mut self.loaded.files[index];
        file.hidden = header.hidden;
        (file.profile, file.description, file.metadata, file.imports) =
            (profile, description, metadata, imports);
        file.document = Some(document);
        Some(index)
    }

    fn not_utf8(&mut self, source: SourceId, valid: usize, bytes: &[u8]) {
        let span = Span::new(source, valid as u32, valid as u32);
        let hint = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            "this is UTF-16: save it as UTF-8"
        } else {
            "TOSCA files are UTF-8 text; is this one?"
        };
        self.loaded
            .diagnostics
            .push(Diagnostic::error("not-utf8", "the file is not UTF-8 text").at(span).hint(hint));
    }

    /// The imports of a file; those that can be located are wanted.
    fn edges(&mut self, importer: usize, locator: &Locator, header: &Header<'_>) -> Vec<ImportEdge> {
        let mut edges = Vec::with_capacity(header.imports.len());
        for import in &header.imports {
            let edge = edges.len();
            let span = match import.target {
                ImportTarget::Url(url) => {
                    match import.repository {
                        Some(repository) => self.postponed.push(Postponed {
                            importer,
                            edge,
                            url: (url.text.to_owned(), url.span),
                            repository: (repository.text.to_owned(), repository.span),
                        }),
                        None => self.locate(importer, edge, locator, url),
                    }
                    url.span
                }
                ImportTarget::Profile(name) => {
                    if let Some(locator) = self.profile(name) {
                        self.wanted.push(Wanted { locator, importer, edge, span: name.span, root: None });
                    }
                    name.span
                }
                ImportTarget::Unknown => Span::beginning(self.loaded.files[importer].source),
            };
            let namespace = import.namespace.map(|word| Name::from(word.text));
            let repository = import.repository.map(|word| Name::from(word.text));
            let profile = match import.target {
                ImportTarget::Profile(name) => Some(Name::from(name.text)),
                _ => None,
            };
            edges.push(ImportEdge { namespace, repository, profile, file: None, span });
        }
        edges
    }

    /// Finds an imported file by its URL or path; in a repository, a path stays in it.
    fn locate(&mut self, importer: usize, edge: usize, locator: &Locator, url: Word<'_>) {
        let root = match &self.loaded.files[importer].root {
            Some(root) if scheme(url.text).is_none() => Some(root.join(url.text)),
            _ => None,
        };
        let located = match root {
            Some(root) => {
                root.and_then(|root| Ok((self.sources.locate(&root.url(), root.from())?, Some(root))))
            }
            None => self.sources.locate(url.text, Some(locator)).map(|found| (found, None)),
        };
        match located {
            Ok((locator, root)) => {
                self.wanted.push(Wanted { locator, importer, edge, span: url.span, root });
            }
            Err(error) => {
                let folder = locator.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
                self.failed(format!("{folder}/{}", url.text), url.span, &error);
            }
        }
    }

    /// Finds the imports from repositories. A repository may be defined in an imported file, so those that are not
    /// found wait until all other files are loaded.
    fn postponed(&mut self) {
        for postponed in std::mem::take(&mut self.postponed) {
            let Postponed { importer, edge, ref url, ref repository } = postponed;
            let Some(found) = repositories::find(&self.loaded.files, importer, &repository.0) else {
                self.postponed.push(postponed);
                continue;
            };
            // Without a URL it is in error already.
            let Some(address) = found.repository.url.clone() else { continue };
            let from = match scheme(&address) {
                Some(_) => None,
                None => Some(self.loaded.files[found.file].locator.clone()),
            };
            let located = Root::new(&address, from).join(&url.0).and_then(|root| {
                let locator = self.sources.locate(&root.url(), root.from())?;
                Ok((locator, root))
            });
            match located {
                Ok((locator, root)) => {
                    self.wanted.push(Wanted { locator, importer, edge, span: url.1, root: Some(root) });
                }
                Err(error) => self.failed(format!("{address}/{}", url.0), url.1, &error),
            }
        }
    }

    fn report_unknown_repositories(&mut self) {
        for Postponed { importer, repository: (name, span), .. } in std::mem::take(&mut self.postponed) {
            let diagnostic = repositories::unknown(&self.loaded.files, importer, &name, span);
            self.loaded.diagnostics.extend(diagnostic);
        }
    }
}
