//! Nodes: scalars and aliases, and lists and maps when they are closed.

use diagnostics::{Diagnostic, Place, Span};
use saphyr_parser::{ScalarStyle, Tag};

use super::super::arena::{Body, NodeData, Style};
use super::super::scalar::ScalarKind;
use super::{Anchor, Builder, Fatal, Frame};

impl Builder<'_, '_> {
    /// Adds a finished node to the innermost open one.
    fn push(&mut self, data: NodeData, size: u64, depth: u32) -> u32 {
        let id =
            u32::try_from(self.nodes.len()).expect("nodes are fewer than the bytes of a text below 4 GiB");
        self.nodes.push(data);
        self.pending.push(id);
        if let Some(frame) = self.frames.last_mut() {
            frame.size = frame.size.saturating_add(size);
            frame.depth = frame.depth.max(depth);
        }
        self.last_end = data.end;
        id
    }

    pub(super) fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        start: u32,
        end: u32,
    ) -> Result<(), Fatal> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let start = self.without_properties(start, end, anchor, tag);
        let (start, end) = self.scalar_place(text, style, start, end);
        let kind = if style == Style::Plain { ScalarKind::of_plain(text) } else { ScalarKind::String };
        let kind = self.tagged_kind(kind, text, tag, self.span(start, end));
        let source = &self.text[start as usize..end as usize];
        let quote = style.quote();
        let inner = source.get(quote..source.len().saturating_sub(quote));
        let body = if inner == Some(text) {
            Body::Written { style, kind }
        } else if text.is_empty() {
            Body::Empty { style, kind }
        } else {
            self.strings.push(text.into());
            Body::Owned { string: (self.strings.len() - 1) as u32, style, kind }
        };
        let id = self.push(NodeData { start, end, body }, 1, 0);
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: Some(id), size: 1, depth: 0 });
            self.anchored.push(id);
        }
        Ok(())
    }

    /// What a tag makes of a scalar. Only the core schema's tags mean something in TOSCA.
    fn tagged_kind(&mut self, kind: ScalarKind, text: &str, tag: Option<&Tag>, span: Span) -> ScalarKind {
        let Some(tag) = tag else { return kind };
        if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty() {
            return ScalarKind::String;
        }
        let wanted = match core_tag(tag) {
            Some("str") => return ScalarKind::String,
            Some("null") => ScalarKind::Null,
            Some("bool") => ScalarKind::Boolean,
            Some("int") => ScalarKind::Integer,
            Some("float") => ScalarKind::Float,
            _ => {
                self.unsupported_tag(tag, span);
                return kind;
            }
        };
        let plain = ScalarKind::of_plain(text);
        if plain != wanted && !(wanted == ScalarKind::Float && plain == ScalarKind::Integer) {
            let message = format!("the value is not what its tag `{tag}` says");
            self.diagnostics.push(Diagnostic::error("invalid-tag", message).at(span));
        }
        wanted
    }

    fn unsupported_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the YAML tag `{tag}` has no meaning in TOSCA");
        let hint = "use only the tags of YAML's core schema: `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, \
                    `!!seq`, `!!map`";
        self.diagnostics.push(Diagnostic::error("invalid-tag", message).at(span).hint(hint));
    }

    pub(super) fn alias(&mut self, anchor: usize, start: u32, end: u32) -> Result<(), Fatal> {
        let end = self.trimmed_end(start, end);
        let Some(Anchor { node: Some(node), size, depth }) = self.anchors.get(&anchor).copied() else {
            let diagnostic =
                Diagnostic::error("recursive-alias", "an alias may not be inside what it stands for")
                    .at(self.span(start, end));
            return Err(Box::new(diagnostic));
        };
        self.check_depth(self.frames.len() as u32 + depth, start, end)?;
        self.push(NodeData { start, end, body: Body::Alias(node) }, size, depth);
        let total = self.frames.iter().fold(0_u64, |sum, frame| sum.saturating_add(frame.size));
        if total > self.limits.aliased_nodes_max.saturating_add(self.nodes.len() as u64) {
            let message = format!("the aliases expand to more than {} nodes", self.limits.aliased_nodes_max);
            let diagnostic = Diagnostic::error("too-many-aliases", message)
                .at(Place::new(self.span(start, end), "up to here"));
            return Err(Box::new(diagnostic));
        }
        Ok(())
    }

    fn check_depth(&self, depth: u32, start: u32, end: u32) -> Result<(), Fatal> {
        if depth <= self.limits.depth_max {
            return Ok(());
        }
        Err(self.too_deep(start, end))
    }

    pub(super) fn too_deep(&self, start: u32, end: u32) -> Fatal {
        let message = format!("lists and maps are nested more than {} deep", self.limits.depth_max);
        Box::new(Diagnostic::error("nested-too-deep", message).at(self.span(start, end)))
    }

    pub(super) fn open(
        &mut self,
        is_mapping: bool,
        anchor: usize,
        tag: Option<&Tag>,
        start: u32,
        end: u32,
    ) -> Result<(), Fatal> {
        self.check_depth(self.frames.len() as u32 + 1, start, end)?;
        if let Some(tag) = tag
            && core_tag(tag) != Some(if is_mapping { "map" } else { "seq" })
        {
            self.unsupported_tag(tag, self.span(start, end));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: None, size: 0, depth: 0 });
        }
        // A flow collection's start event covers its bracket and the blanks after it; a block collection's nothing.
        let end = self.trimmed_end(start, end);
        let bracket = if is_mapping { "{" } else { "[" };
        let is_flow = self.text[..end as usize].ends_with(bracket) && end > start;
        let start = if is_flow { end - 1 } else { start };
        self.frames.push(Frame {
            is_mapping,
            is_flow,
            first: self.pending.len(),
            start,
            anchor,
            size: 1,
            depth: 0,
        });
        self.last_end = self.last_end.max(start);
        Ok(())
    }

    pub(super) fn close(&mut self, end: u32) {
        let frame = self.frames.pop().expect("the parser balances starts and ends");
        let members = &self.pending[frame.first..];
        let first_start = members.first().map(|&id| self.nodes[id as usize].start);
        // A block list begins with its dash, which the parser's span may leave out, a block map with its first key.
        let start = match first_start {
            Some(first) if !frame.is_flow => {
                let dash = (!frame.is_mapping).then(|| self.dash_before(frame.start, first));
                dash.flatten().unwrap_or(first)
            }
            _ => frame.start,
        };
        let members_end = members.last().map_or(start, |&id| self.nodes[id as usize].end);
        let end = match frame.is_flow {
            true => {
                let inside = members_end.max(start + 1);
                self.after_bracket(inside, frame.is_mapping).unwrap_or(self.trimmed_end(start, end))
            }
            false => members_end.max(start),
        };
        let at = self.children.len();
        self.children.push(0);
        let body = if frame.is_mapping {
            if self.is_unique(members) {
                self.children.extend_from_slice(members);
            } else {
                let members = self.unique(members.to_vec());
                self.children.extend(&members);
            }
            self.children[at] = (self.children.len() - at - 1) as u32 / 2;
            Body::Mapping(at as u32)
        } else {
            self.children.extend_from_slice(members);
            self.children[at] = members.len() as u32;
            Body::Sequence(at as u32)
        };
        self.pending.truncate(frame.first);
        let depth = frame.depth + 1;
        let id = self.push(NodeData { start, end, body }, frame.size, depth);
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, Anchor { node: Some(id), size: frame.size, depth });
            self.anchored.push(id);
        }
    }
}

/// The name of a tag of the core schema.
fn core_tag(tag: &Tag) -> Option<&str> {
    tag.is_yaml_core_schema().then_some(tag.suffix.as_str())
}
