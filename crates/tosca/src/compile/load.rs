//! The entry and everything it imports, each file once.

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, SourceId, SourceMap, Span, did_you_mean, one_of};
use tosca_syntax::words::{Header, ImportTarget, Reader, Word, read_header};
use tosca_syntax::yaml::{Document, Limits, parse};

use super::values::plain_metadata;
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
    pub(super) description: Option<Arc<str>>,
    pub(super) metadata: Metadata,
    /// Absent when it is not a file of TOSCA 2.0.
    pub(super) document: Option<Document>,
    pub(super) imports: Vec<ImportEdge>,
}

pub(super) struct ImportEdge {
    pub(super) namespace: Option<Name>,
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
}

pub(super) fn load(entry: &str, sources: &dyn Sources) -> Loaded {
    let mut loader = Loader {
        sources,
        loaded: Loaded { files: Vec::new(), map: SourceMap::new(), diagnostics: Vec::new() },
        by_locator: HashMap::new(),
        wanted: Vec::new(),
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
    while next < loader.wanted.len() {
        loader.follow(next);
        next += 1;
    }
    loader.loaded
}

struct Loader<'s> {
    sources: &'s dyn Sources,
    loaded: Loaded,
    by_locator: HashMap<Locator, usize>,
    wanted: Vec<Wanted>,
}

impl Loader<'_> {
    fn follow(&mut self, index: usize) {
        let Wanted { ref locator, importer, edge, span } = self.wanted[index];
        if let Some(&file) = self.by_locator.get(locator) {
            self.loaded.files[importer].imports[edge].file = Some(file);
            return;
        }
        if self.loaded.files.len() >= FILES_MAX {
            let message = format!("the imports lead to more than {FILES_MAX} files");
            return self.loaded.diagnostics.push(Diagnostic::error("too-many-files", message).at(span));
        }
        let locator = locator.clone();
        match self.sources.read(&locator) {
            Ok(bytes) => {
                let profile = self.loaded.files[importer].profile.clone();
                let file = self.add(locator, &bytes, Some((profile, span)));
                self.loaded.files[importer].imports[edge].file = file;
            }
            Err(error) => self.failed(span, &error),
        }
    }

    fn failed(&mut self, span: Span, error: &SourceError) {
        let target = self.loaded.map.snippet(span).trim_matches(['"', '\'']).to_owned();
        let hint = match error {
            SourceError::NotFound => {
                Some("a relative path starts at the folder of the importing file".to_owned())
            }
            SourceError::IsDirectory => Some("name the file in it".to_owned()),
            _ => None,
        };
        self.loaded.diagnostics.push(
            Diagnostic::error("import-failed", format!("failed to import `{target}`: {error}"))
                .at(Place::new(span, "imported here"))
                .maybe_hint(hint)
                .chapter("6.8.2"),
        );
    }

    /// Adds a file. `importer` is absent for the entry; else it is the importer's profile and the import's place.
    /// `None` when nothing can be imported from it.
    fn add(
        &mut self,
        locator: Locator,
        bytes: &[u8],
        importer: Option<(Option<Name>, Span)>,
    ) -> Option<usize> {
        let name = self.sources.display_name(&locator);
        let text: Arc<str> = String::from_utf8_lossy(bytes).into();
        let source = self.loaded.map.add(name, text.clone());
        let index = self.loaded.files.len();
        self.by_locator.insert(locator.clone(), index);
        self.loaded.files.push(LoadedFile {
            source,
            locator: locator.clone(),
            profile: None,
            description: None,
            metadata: Metadata::new(),
            document: None,
            imports: Vec::new(),
        });
        if let Err(error) = std::str::from_utf8(bytes) {
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
        let (inherited, imported_at) = match importer {
            Some((profile, span)) => (profile, Some(span)),
            None => (None, None),
        };
        if let (Some(template), Some(imported_at)) = (header.service_template, imported_at) {
            self.loaded.diagnostics.push(
                Diagnostic::error("template-in-import", "an imported file may not have a service template")
                    .at(Place::new(template, "only the file that one starts from may have one"))
                    .related(Place::new(imported_at, "imported here"))
                    .hint("move the types into a file of their own and import that")
                    .chapter("4.2.1"),
            );
        }
        let profile = header.profile.map(|word| Name::from(word.text)).or(inherited);
        let description = header.common.description.map(Arc::from);
        let metadata = header.common.metadata.map(plain_metadata).unwrap_or_default();
        let imports = self.edges(index, &locator, &header);
        let file = &mut self.loaded.files[index];
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
            let (found, span) = match import.target {
                ImportTarget::Url(url) => match self.sources.locate(url.text, Some(locator)) {
                    Ok(found) => (Some(found), url.span),
                    Err(error) => {
                        self.failed(url.span, &error);
                        (None, url.span)
                    }
                },
                ImportTarget::Profile(name) => (self.profile(name), name.span),
                ImportTarget::Unknown => (None, Span::beginning(self.loaded.files[importer].source)),
            };
            if let Some(locator) = found {
                self.wanted.push(Wanted { locator, importer, edge: edges.len(), span });
            }
            let namespace = import.namespace.map(|word| Name::from(word.text));
            edges.push(ImportEdge { namespace, file: None, span });
        }
        edges
    }

    fn profile(&mut self, name: Word<'_>) -> Option<Locator> {
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
