//! The nodes of a document, in one arena.

use std::sync::Arc;

use diagnostics::{SourceId, Span};

use super::scalar::ScalarKind;

/// A YAML document: one arena of nodes over one text.
///
/// A node costs 16 bytes, 4 more in what holds it, its text nothing unless it had escapes or line folding.
#[derive(Debug)]
pub struct Document {
    pub(super) source: SourceId,
    pub(super) text: Arc<str>,
    pub(super) nodes: Vec<NodeData>,
    // Sequences: their items. Mappings: key, value, key, value, ….
    pub(super) children: Vec<u32>,
    pub(super) strings: Vec<Box<str>>,
    pub(super) root: u32,
    // The nodes that have an anchor, in order.
    pub(super) anchored: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct NodeData {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) body: Body,
}

/// What a node is, in 8 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// Its text is what is written, without quotes.
    Written {
        style: Style,
        kind: ScalarKind,
    },
    /// Its text is empty, whatever is written.
    Empty {
        style: Style,
        kind: ScalarKind,
    },
    /// Its text is one of the document's strings.
    Owned {
        string: u32,
        style: Style,
        kind: ScalarKind,
    },
    /// Where in the document's children its length and then its items are.
    Sequence(u32),
    /// Where in the document's children the number of its entries and then those are.
    Mapping(u32),
    Alias(u32),
}

impl NodeData {
    /// The scalar, when it is one.
    pub(super) fn scalar<'a>(&self, text: &'a str, strings: &'a [Box<str>]) -> Option<Scalar<'a>> {
        let (text, style, kind) = match self.body {
            Body::Written { style, kind } => {
                let quote = style.quote();
                (&text[self.start as usize + quote..self.end as usize - quote], style, kind)
            }
            Body::Empty { style, kind } => ("", style, kind),
            Body::Owned { string, style, kind } => (&*strings[string as usize], style, kind),
            Body::Sequence(_) | Body::Mapping(_) | Body::Alias(_) => return None,
        };
        Some(Scalar { text, style, kind })
    }
}

impl Style {
    /// The bytes of a quote.
    pub(super) fn quote(self) -> usize {
        usize::from(matches!(self, Self::SingleQuoted | Self::DoubleQuoted))
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

impl Document {
    /// The text's id.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// The outermost node.
    pub fn root(&self) -> Node<'_> {
        self.node(self.root)
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes; never, a parsed document has a root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn node(&self, id: u32) -> Node<'_> {
        let data = &self.nodes[id as usize];
        let span = Span::new(self.source, data.start, data.end);
        let mut id = id;
        while let Body::Alias(target) = self.nodes[id as usize].body {
            id = target;
        }
        Node { document: self, id, span }
    }
}

/// A node of a document; cheap to copy. An alias is its target with the alias's place.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    id: u32,
    span: Span,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.content() {
            Content::Scalar(scalar) => write!(f, "{:?}", scalar.text),
            Content::Sequence(items) => f.debug_list().entries(items).finish(),
            Content::Mapping(entries) => f.debug_map().entries(entries).finish(),
        }
    }
}

/// A scalar's text after YAML's escapes and folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar<'a> {
    /// The text.
    pub text: &'a str,
    /// How it is written.
    pub style: Style,
    /// What it is by the core schema and its tag.
    pub kind: ScalarKind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// A scalar.
    Scalar(Scalar<'a>),
    /// A list.
    Sequence(Items<'a>),
    /// A map.
    Mapping(Entries<'a>),
}

impl<'a> Node<'a> {
    /// Whether it, or a node inside it, has an anchor that an alias can name.
    pub fn has_anchor(self) -> bool {
        let place = |id: u32| (self.document.nodes[id as usize].start, self.document.nodes[id as usize].end);
        let (start, end) = place(self.id);
        // What is inside a node is finished before it, so it has a smaller id.
        let anchored = &self.document.anchored;
        let candidates = &anchored[..anchored.partition_point(|&id| id <= self.id)];
        candidates
            .iter()
            .rev()
            .map(|&id| place(id))
            .take_while(|inner| inner.0 >= start)
            .any(|inner| inner.1 <= end)
    }

    /// Where it is; where the alias is when it is reached by one.
    pub fn span(self) -> Span {
        self.span
    }

    /// What it is.
    pub fn content(self) -> Content<'a> {
        let document = self.document;
        let data = &document.nodes[self.id as usize];
        match data.body {
            Body::Sequence(at) => {
                let first = at + 1;
                Content::Sequence(Items {
                    document,
                    next: first,
                    end: first + document.children[at as usize],
                })
            }
            Body::Mapping(at) => {
                let first = at + 1;
                let end = first + 2 * document.children[at as usize];
                Content::Mapping(Entries { document, next: first, end })
            }
            _ => {
                let scalar = data.scalar(&document.text, &document.strings);
                Content::Scalar(scalar.expect("`Document::node` follows aliases, and the rest are scalars"))
            }
        }
    }

    /// The scalar, when it is one.
    pub fn as_scalar(self) -> Option<Scalar<'a>> {
        match self.content() {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text, when it is a string.
    pub fn as_string(self) -> Option<&'a str> {
        self.as_scalar().filter(|scalar| scalar.kind == ScalarKind::String).map(|scalar| scalar.text)
    }

    /// Whether it is null: written so, or nothing at all.
    pub fn is_null(self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.kind == ScalarKind::Null)
    }

    /// The items, when it is a list.
    pub fn items(self) -> Option<Items<'a>> {
        match self.content() {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, when it is a map.
    pub fn entries(self) -> Option<Entries<'a>> {
        match self.content() {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a string key, when it is a map that has it.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.entries()?.find(|(name, _)| name.as_string() == Some(key)).map(|(_, value)| value)
    }

    /// The key itself, when it is a map that has it.
    pub fn key(self, key: &str) -> Option<Node<'a>> {
        self.entries()?.find(|(name, _)| name.as_string() == Some(key)).map(|(name, _)| name)
    }

    /// For messages: `a map`, `a list`, `a string`, `an integer`, `nothing`, ….
    pub fn kind_in_words(self) -> &'static str {
        match self.content() {
            Content::Mapping(_) => "a map",
            Content::Sequence(_) => "a list",
            Content::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null if scalar.text.is_empty() => "nothing",
                ScalarKind::Null => "null",
                ScalarKind::Boolean => "a boolean",
                ScalarKind::Integer => "an integer",
                ScalarKind::Float => "a float",
                ScalarKind::String => "a string",
            },
        }
    }
}

/// The items of a list.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.next >= self.end {
            return None;
        }
        let id = self.document.children[self.next as usize];
        self.next += 1;
        Some(self.document.node(id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The entries of a map, in the order of the document, duplicates left out.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<(Node<'a>, Node<'a>)> {
        if self.next >= self.end {
            return None;
        }
        let key = self.document.children[self.next as usize];
        let value = self.document.children[self.next as usize + 1];
        self.next += 2;
        Some((self.document.node(key), self.document.node(value)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize / 2;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Entries<'_> {}
