//! A TOSCA file (chapter 6): first what says how to read it and what else to read, then its types.

use diagnostics::{Diagnostic, Place, Severity, Span, closest};

use super::construct::{Construct, Hidden, Shape};
use super::field::Field;
use super::reader::{Common, Reader, Word};
use super::types::TypeDefinition;
use crate::yaml::{Document, Node};

/// The version that this crate reads (6.2).
const VERSION: &str = "tosca_2_0";

/// The beginning of a file.
#[derive(Debug, Default)]
pub struct Header<'a> {
    /// `profile`.
    pub profile: Option<Word<'a>>,
    /// `imports`.
    pub imports: Vec<Import<'a>>,
    /// `repositories`.
    pub repositories: Vec<Repository<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// The keyname `service_template`, when the file has one.
    pub service_template: Option<Span>,
    /// The sections that could not be read.
    pub hidden: Hidden,
}

/// An import definition (6.8.1).
#[derive(Debug, Default)]
pub struct Import<'a> {
    /// What is imported.
    pub target: ImportTarget<'a>,
    /// `repository`: where a URL without a scheme begins.
    pub repository: Option<Word<'a>>,
    /// `namespace`.
    pub namespace: Option<Word<'a>>,
}

/// A repository definition (6.5).
#[derive(Debug, Default)]
pub struct Repository<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `url`; absent when it could not be read.
    pub url: Option<Word<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
}

/// What an import names.
#[derive(Debug, Clone, Copy, Default)]
pub enum ImportTarget<'a> {
    /// A file.
    Url(Word<'a>),
    /// A profile.
    Profile(Word<'a>),
    /// It could not be read; the namespace is known to be incomplete.
    #[default]
    Unknown,
}

impl<'a> Header<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            gone: &[
                ("topology_template", "TOSCA 2.0 calls it `service_template`"),
                ("template_name", "TOSCA 2.0 has `metadata` for this"),
                ("template_author", "TOSCA 2.0 has `metadata` for this"),
                ("template_version", "TOSCA 2.0 has `metadata` for this"),
                ("namespace", "TOSCA 2.0 has `profile` for this"),
            ],
            ..Shape::new("a TOSCA file", "6.1")
        },
        &[
            ("tosca_definitions_version", |_, _| {}),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("dsl_definitions", |_, field| field.reader.dsl_definitions(field.value)),
            ("profile", |own, field| own.profile = field.word()),
            ("imports", |own, field| own.imports = field.imports()),
            // Read by `read_types`.
            ("artifact_types", read_later),
            ("data_types", read_later),
            ("capability_types", read_later),
            ("interface_types", read_later),
            ("relationship_types", read_later),
            ("node_types", read_later),
            ("group_types", read_later),
            ("policy_types", read_later),
            ("repositories", |own, field| own.repositories = field.named(Reader::repository)),
            // Read by `read_functions`.
            ("functions", |_, _| {}),
            // Read by `read_service_template`.
            ("service_template", |own, field| own.service_template = Some(field.key.span())),
        ],
    );
}

/// A section that is read elsewhere, which also says what is wrong with it.
fn read_later<'a>(_: &mut Header<'a>, field: &mut Field<'a, '_>) {
    if field.value.entries().is_none() {
        field.hide();
    }
}

/// The keynames of an import.
#[derive(Default)]
struct ImportWords<'a> {
    url: Option<Word<'a>>,
    profile: Option<Word<'a>>,
    repository: Option<Word<'a>>,
    namespace: Option<Word<'a>>,
}

impl<'a> ImportWords<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            gone: &[
                ("file", "TOSCA 2.0 calls it `url`"),
                ("namespace_prefix", "TOSCA 2.0 calls it `namespace`"),
                ("namespace_uri", "TOSCA 2.0 calls it `namespace`"),
            ],
            ..Shape::new("an import", "6.8.1")
        },
        &[
            ("url", |own, field| own.url = field.word()),
            ("profile", |own, field| own.profile = field.word()),
            ("repository", |own, field| own.repository = field.word()),
            ("namespace", |own, field| own.namespace = field.word()),
            ("description", |_, field| _ = field.text()),
            ("metadata", |_, field| _ = field.metadata()),
        ],
    );
}

impl<'a> Repository<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("url", None)],
            gone: &[(
                "credential",
                "TOSCA 2.0 has no such keyname; credentials belong to the processor's configuration",
            )],
            ..Shape::new("a repository", "6.5")
        },
        &[
            ("url", |own, field| own.url = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

/// Reads the beginning of a file and checks its keynames. `None` when it is not a file of TOSCA 2.0: then one
/// diagnostic says what it is instead, and nothing else in it should be read.
pub fn read_header<'a>(reader: &mut Reader, document: &'a Document) -> Option<Header<'a>> {
    let root = document.root();
    let Some(entries) = root.entries() else {
        let (message, hint) = if root.is_null() {
            (
                "the file is empty".to_owned(),
                "a TOSCA file begins with `tosca_definitions_version: tosca_2_0`",
            )
        } else {
            let message = format!("a TOSCA file must be a map of keynames, not {}", root.kind_in_words());
            (message, "is this a TOSCA file? one begins with `tosca_definitions_version: tosca_2_0`")
        };
        reader.report(Diagnostic::error("not-tosca", message).at(root.span()).hint(hint).chapter("6.1"));
        return None;
    };
    let version = entries.clone().find(|(key, _)| key.as_string() == Some("tosca_definitions_version"));
    let Some((key, version)) = version else {
        missing_version(reader, document, root);
        return None;
    };
    match version.as_string() {
        Some(VERSION) => {}
        Some(other) => {
            wrong_version(reader, other, version.span());
            return None;
        }
        None => {
            reader.string(version, &"`tosca_definitions_version`", "6.2");
            return None;
        }
    }
    // 6.1: it MUST come first.
    if let Some((first, _)) = entries.clone().next()
        && first.as_string() != Some("tosca_definitions_version")
    {
        reader.report(
            Diagnostic::error(
                "version-not-first",
                "`tosca_definitions_version` must be the first keyname of a file",
            )
            .at(key.span())
            .related(Place::new(first.span(), "this comes before it"))
            .hint("move it to the first line")
            .chapter("6.1"),
        );
    }
    let mut header = Header::default();
    header.hidden = reader.fill(&mut header, &Header::CONSTRUCT, None, root);
    if let (Some(profile), Some(service_template)) = (header.profile, header.service_template) {
        reader.report(
            Diagnostic::error(
                "template-in-profile",
                "a file that defines a profile may not have a service template",
            )
            .at(Place::new(service_template, "not allowed in a profile"))
            .related(Place::new(profile.span, "the profile"))
            .hint("put the service template into a file of its own that imports the profile")
            .chapter("6.1"),
        );
    }
    Some(header)
}

fn missing_version(reader: &mut Reader, document: &Document, root: Node<'_>) {
    let span = root.entries().and_then(|mut entries| entries.next()).map(|(key, _)| key);
    let near = root.entries().into_iter().flatten().find_map(|(key, _)| {
        let text = key.as_string()?;
        closest(text, ["tosca_definitions_version"]).map(|_| (text, key.span()))
    });
    let mut diagnostic =
        Diagnostic::error("missing-version", "the file does not say its `tosca_definitions_version`")
            .hint("begin a TOSCA file with `tosca_definitions_version: tosca_2_0`")
            .chapter("6.1");
    if let Some((text, span)) = near {
        diagnostic = diagnostic.at(Place::new(span, format!("`{text}` is not the keyname")));
    } else {
        diagnostic = diagnostic.at(span.map_or(Span::beginning(document.source()), |key| key.span()));
    }
    reader.report(diagnostic);
}

fn wrong_version(reader: &mut Reader, version: &str, span: Span) {
    let old = [
        ("tosca_simple_yaml_1_0", "1.0"),
        ("tosca_simple_yaml_1_1", "1.1"),
        ("tosca_simple_yaml_1_2", "1.2"),
        ("tosca_simple_yaml_1_3", "1.3"),
    ];
    let diagnostic = match old.iter().find(|(name, _)| *name == version) {
        Some((_, number)) => {
            let message = format!("this file is of TOSCA {number}; khutulun reads TOSCA 2.0");
            Diagnostic::error("unsupported-version", message)
                .at(Place::new(span, format!("TOSCA {number}")))
                .hint("convert it: `topology_template` is now `service_template`, functions begin with `$`, \
                       `constraints` are `validation`, requirements of types need `capability` and `relationship`")
                .hint("then write `tosca_definitions_version: tosca_2_0`")
        }
        None => Diagnostic::error("unknown-version", format!("unknown TOSCA version `{version}`"))
            .at(Place::new(span, "not a version of TOSCA that khutulun knows"))
            .hint("write `tosca_definitions_version: tosca_2_0`"),
    };
    reader.report(diagnostic.chapter("6.2"));
}

impl Reader {
    fn import<'a>(&mut self, node: Node<'a>) -> Import<'a> {
        if let Some(url) = Word::of(node) {
            return Import { target: ImportTarget::Url(url), ..Import::default() };
        }
        let mut words = ImportWords::default();
        let hidden = self.fill(&mut words, &ImportWords::CONSTRUCT, None, node);
        let ImportWords { url, profile, repository, namespace } = words;
        if let (Some(repository), None, Some(profile)) = (repository, url, profile) {
            self.report(
                Diagnostic::error(
                    "ambiguous-import",
                    "a profile is imported by its name, not from a repository",
                )
                .at(repository.span)
                .related(Place::new(profile.span, "the profile"))
                .chapter("6.8.1"),
            );
        }
        if let (Some(repository), Some(url)) = (repository, url)
            && let Some(scheme) = scheme(url.text)
        {
            let message = format!("the URL has a scheme (`{scheme}:`), so it is not in a repository");
            self.report(
                Diagnostic::error("ambiguous-import", message)
                    .at(url.span)
                    .related(Place::new(repository.span, "the repository"))
                    .hint("leave `repository` out, or write a path from the repository's root")
                    .chapter("6.8.2.2"),
            );
            return Import { namespace, ..Import::default() };
        }
        if hidden.has("repository") {
            // The URL means something else with it.
            return Import { namespace, ..Import::default() };
        }
        let target = match (url, profile) {
            (Some(url), None) => ImportTarget::Url(url),
            (None, Some(profile)) => ImportTarget::Profile(profile),
            (Some(_), Some(profile)) => {
                self.report(
                    Diagnostic::error(
                        "ambiguous-import",
                        "an import has either `url` or `profile`, not both",
                    )
                    .at(profile.span)
                    .chapter("6.8.1"),
                );
                ImportTarget::Unknown
            }
            (None, None) => {
                if !hidden.has("url") && !hidden.has("profile") {
                    self.report(
                        Diagnostic::error("missing-keyname", "an import needs `url` or `profile`")
                            .at(node.span())
                            .chapter("6.8.1"),
                    );
                }
                ImportTarget::Unknown
            }
        };
        Import { target, repository, namespace }
    }

    fn repository<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Repository<'a> {
        let mut own = Repository { name, url: Word::of(node), ..Repository::default() };
        if own.url.is_none() {
            self.fill(&mut own, &Repository::CONSTRUCT, Some(name), node);
        }
        own.url.into_iter().for_each(|url| self.repository_url(url));
        own
    }

    fn repository_url(&mut self, url: Word<'_>) {
        let is_url =
            !url.text.is_empty() && !url.text.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_url {
            self.report(
                Diagnostic::warning("strange-url", "this is not a URL")
                    .at(url.span)
                    .hint("a repository's address looks like `https://example.org/types/`")
                    .chapter("6.5"),
            );
        }
    }

    /// What is in `dsl_definitions` is there to be named by aliases (6.3); the names of its entries mean nothing.
    fn dsl_definitions(&mut self, definitions: Node<'_>) {
        let Some(entries) = definitions.entries() else {
            return self.wrong_kind("`dsl_definitions`", "a map", definitions, "6.3");
        };
        for (key, value) in entries.filter(|(_, value)| !value.has_anchor()) {
            let (severity, message) = match value.as_scalar() {
                Some(_) => (Severity::Error, "an entry of `dsl_definitions` needs an anchor"),
                None => (Severity::Warning, "nothing in this entry of `dsl_definitions` has an anchor"),
            };
            let name = key.as_string().unwrap_or("name");
            self.report(
                Diagnostic::new(severity, "no-anchor", message)
                    .at(Place::new(key.span(), "nothing can refer to this"))
                    .hint(format!("`{name}: &{name} …` can be used as `*{name}` in the rest of the file"))
                    .chapter("6.3"),
            );
        }
    }
}

impl<'a> Field<'a, '_> {
    fn imports(&mut self) -> Vec<Import<'a>> {
        let Some(items) = self.value.items() else {
            self.chapter = "6.8.1";
            self.wrong_kind("a list");
            return vec![Import::default()];
        };
        items.map(|item| self.reader.import(item)).collect()
    }
}

/// The scheme of a URL that has one.
pub fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let mut letters = scheme.chars();
    // A scheme of one letter would be a drive.
    let is_scheme = scheme.len() > 1
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

/// Reads the types of a file whose header was read, in the order of the document's sections.
pub fn read_types<'a>(reader: &mut Reader, document: &'a Document) -> Vec<TypeDefinition<'a>> {
    type Read<'a> = fn(&mut Reader, Word<'a>, Node<'a>) -> TypeDefinition<'a>;
    let sections: [(&str, Read<'a>); 8] = [
        ("artifact_types", Reader::artifact_type),
        ("data_types", Reader::data_type),
        ("capability_types", Reader::capability_type),
        ("interface_types", Reader::interface_type),
        ("relationship_types", Reader::relationship_type),
        ("node_types", Reader::node_type),
        ("group_types", Reader::group_type),
        ("policy_types", Reader::policy_type),
    ];
    let mut types = Vec::new();
    for (keyname, read) in sections {
        let Some(section) = document.root().get(keyname) else { continue };
        let Some(entries) = section.entries() else {
            reader.wrong_kind(&format!("`{keyname}`"), "a map", section, "6.1");
            continue;
        };
        for (key, value) in entries {
            if let Some(name) = reader.element_name(key, keyname, "6.4") {
                types.push(read(reader, name, value));
            }
        }
    }
    types
}
