//! What operations run (11.8), and artifacts (12.2).

use diagnostics::Span;

use super::assignment::Assignment;
use super::construct::{Construct, Hidden, OPERATION_HOST, Shape};
use super::field::Field;
use super::reader::{Common, Reader, Word};
use crate::yaml::{Node, ScalarKind, parse_integer};

/// What an operation runs (11.8).
#[derive(Debug, Clone, Default)]
pub struct Implementation<'a> {
    /// `primary`.
    pub primary: Option<ArtifactReference<'a>>,
    /// `dependencies`.
    pub dependencies: Vec<ArtifactReference<'a>>,
    /// `timeout`, in seconds.
    pub timeout: Option<u64>,
    /// Where it is.
    pub span: Span,
}

/// An artifact by its name (or file), or defined on the spot.
#[derive(Debug, Clone)]
pub enum ArtifactReference<'a> {
    /// The name of an artifact of the type or template; else a file.
    Name(Word<'a>),
    /// An artifact definition.
    Inline(Box<ArtifactDefinition<'a>>),
}

/// An artifact definition (12.2).
#[derive(Debug, Clone, Default)]
pub struct ArtifactDefinition<'a> {
    /// Its name; absent when it is written at an operation.
    pub name: Option<Word<'a>>,
    /// `type`.
    pub artifact_type: Option<Word<'a>>,
    /// `file`.
    pub file: Option<Word<'a>>,
    /// `repository`.
    pub repository: Option<Word<'a>>,
    /// `artifact_version`, or `version` as in the standard's grammar and example.
    pub version: Option<&'a str>,
    /// `checksum` and `checksum_algorithm`.
    pub checksum: Option<ChecksumWords<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A checksum with its algorithm.
#[derive(Debug, Clone, Copy)]
pub struct ChecksumWords<'a> {
    /// `checksum`.
    pub value: &'a str,
    /// `checksum_algorithm`.
    pub algorithm: &'a str,
}

impl<'a> Implementation<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape { gone: &[OPERATION_HOST], ..Shape::new("an implementation", "11.8") },
        &[
            ("primary", |own, field| own.primary = field.reader.artifact_reference(field.value)),
            ("dependencies", |own, field| {
                let Some(items) = field.items() else { return };
                own.dependencies = items.filter_map(|item| field.reader.artifact_reference(item)).collect();
            }),
            ("timeout", |own, field| own.timeout = field.seconds()),
        ],
    );

    /// The short form: only the primary artifact's name or file.
    pub(super) fn of_name(name: Word<'a>) -> Self {
        Self { primary: Some(ArtifactReference::Name(name)), span: name.span, ..Self::default() }
    }
}

/// An artifact definition while its checksum is read.
#[derive(Default)]
struct Unchecked<'a> {
    own: ArtifactDefinition<'a>,
    old_version: Option<&'a str>,
    checksum: Option<&'a str>,
    algorithm: Option<&'a str>,
}

impl<'a> Unchecked<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("type", None), ("file", None)],
            gone: &[(
                "deploy_path",
                "TOSCA 2.0 has no such keyname; make it a property of the artifact's type",
            )],
            ..Shape::new("an artifact definition", "12.2")
        },
        &[
            ("type", |read, field| read.own.artifact_type = field.word()),
            ("file", |read, field| read.own.file = field.word()),
            ("repository", |read, field| read.own.repository = field.word()),
            ("description", |read, field| read.own.common.description = field.text()),
            ("metadata", |read, field| read.own.common.metadata = field.metadata()),
            ("artifact_version", |read, field| read.own.version = field.text()),
            ("version", |read, field| read.old_version = field.text()),
            ("checksum", |read, field| read.checksum = field.text()),
            ("checksum_algorithm", |read, field| read.algorithm = field.text()),
            ("properties", |read, field| read.own.properties = field.assignments()),
        ],
    );
}

impl Reader {
    fn artifact_reference<'a>(&mut self, node: Node<'a>) -> Option<ArtifactReference<'a>> {
        if let Some(name) = Word::of(node) {
            return Some(ArtifactReference::Name(name));
        }
        if node.entries().is_none() {
            self.wrong_kind("an artifact", "a name, a file or an artifact definition", node, "11.8");
            return None;
        }
        Some(ArtifactReference::Inline(Box::new(self.artifact(None, node))))
    }

    pub(super) fn named_artifact<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> ArtifactDefinition<'a> {
        self.artifact(Some(name), node)
    }

    fn artifact<'a>(&mut self, name: Option<Word<'a>>, node: Node<'a>) -> ArtifactDefinition<'a> {
        let mut read = Unchecked::default();
        let hidden = self.fill(&mut read, &Unchecked::CONSTRUCT, name, node);
        let Unchecked { mut own, old_version, checksum, algorithm } = read;
        own.name = name;
        own.span = name.map_or(node.span(), |name| name.span);
        own.version = own.version.or(old_version);
        own.checksum = checksum.zip(algorithm).map(|(value, algorithm)| ChecksumWords { value, algorithm });
        if checksum.is_some() && algorithm.is_none() && !hidden.has("checksum_algorithm") {
            self.missing(&Unchecked::CONSTRUCT.shape, "checksum_algorithm", own.span);
        }
        own.hidden = hidden;
        own
    }
}

impl<'a> Field<'a, '_> {
    /// What an operation or workflow runs.
    pub(super) fn implementation(&mut self) -> Option<Implementation<'a>> {
        if let Some(name) = Word::of(self.value) {
            return Some(Implementation::of_name(name));
        }
        let mut own = Implementation { span: self.value.span(), ..Implementation::default() };
        let name = self.name();
        self.reader.fill(&mut own, &Implementation::CONSTRUCT, Some(name), self.value);
        if self.value.entries().is_none() {
            self.hide();
            return None;
        }
        Some(own)
    }

    fn seconds(&mut self) -> Option<u64> {
        let scalar = self.value.as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer);
        let seconds = scalar
            .and_then(|scalar| parse_integer(scalar.text))
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0);
        if seconds.is_none() {
            self.wrong_kind("a whole number of seconds above 0");
        }
        seconds
    }
}
