//! Keys of maps: duplicates and merges.

use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Place, Span};

use super::super::arena::{Body, Style};
use super::super::scalar::ScalarKind;
use super::Builder;

/// The members of a mapping as keys with their values.
fn pairs(members: &[u32]) -> &[[u32; 2]] {
    members.as_chunks().0
}

impl Builder<'_, '_> {
    /// Whether the keys of a mapping are different scalars, none of them `<<`.
    pub(super) fn is_unique(&self, members: &[u32]) -> bool {
        // Nearly all mappings are small: comparing is cheaper than hashing.
        const SMALL: usize = 16;
        let own = |pair: &[u32; 2]| {
            let (kind, text) = self.key(pair[0])?;
            (text != "<<").then_some((kind == ScalarKind::String, text))
        };
        let mut pairs = pairs(members).iter();
        if members.len() <= 2 * SMALL {
            pairs.enumerate().all(|(index, pair)| {
                own(pair).is_some_and(|key| {
                    self::pairs(members).iter().take(index).all(|other| own(other) != Some(key))
                })
            })
        } else {
            let mut seen = HashSet::with_capacity(members.len() / 2);
            pairs.all(|pair| own(pair).is_some_and(|key| seen.insert(key)))
        }
    }

    /// The members of a mapping with duplicates reported and left out, and merge keys (`<<`) replaced by what they
    /// bring, behind and overridden by the mapping's own.
    pub(super) fn unique(&mut self, members: Vec<u32>) -> Vec<u32> {
        let mut seen: HashMap<(bool, String), u32> = HashMap::new();
        let mut kept = Vec::with_capacity(members.len());
        let mut merged = Vec::new();
        let is_small = members.len() <= 16;
        for &[key, value] in pairs(&members) {
            let Some((kind, text)) = self.key(key) else {
                kept.extend([key, value]);
                continue;
            };
            if kind == ScalarKind::String && text == "<<" && self.is_plain(key) {
                merged.push((key, value));
                continue;
            }
            let is_string = kind == ScalarKind::String;
            // Nearly all mappings are small: comparing is cheaper than hashing, and allocates nothing.
            let earlier = if is_small {
                pairs(&kept).iter().map(|pair| pair[0]).find(|&other| {
                    self.key(other).is_some_and(|(other_kind, other_text)| {
                        (other_kind == ScalarKind::String) == is_string && other_text == text
                    })
                })
            } else {
                let name = (is_string, text.to_owned());
                let earlier = seen.get(&name).copied();
                seen.entry(name).or_insert(key);
                earlier
            };
            match earlier {
                Some(earlier) => self.duplicate(earlier, key),
                None => kept.extend([key, value]),
            }
        }
        for (key, value) in merged {
            self.merge(key, value, &mut kept);
        }
        kept
    }

    pub(super) fn duplicate(&mut self, earlier: u32, key: u32) {
        let text = self.key(key).map(|(_, text)| text.to_owned()).unwrap_or_default();
        let (earlier, key) = (&self.nodes[earlier as usize], &self.nodes[key as usize]);
        let diagnostic =
            Diagnostic::error("duplicate-key", format!("the key `{text}` is given twice in one map"))
                .at(Place::new(Span::new(self.source, key.start, key.end), "given again here"))
                .related(Place::new(Span::new(self.source, earlier.start, earlier.end), "first given here"))
                .hint("remove or rename one of them")
                .chapter("6.8.4");
        self.diagnostics.push(diagnostic);
    }

    /// Adds what a merge key brings to `kept`, which is the mapping's own and what earlier merges brought.
    pub(super) fn merge(&mut self, key: u32, value: u32, kept: &mut Vec<u32>) {
        let maps: Vec<u32> = match self.nodes[self.resolved(value) as usize].body {
            Body::Mapping(_) => vec![self.resolved(value)],
            Body::Sequence(at) => self.members(at, 1).iter().map(|&id| self.resolved(id)).collect(),
            _ => vec![self.resolved(value)],
        };
        let mut names: HashSet<(bool, String)> = pairs(kept)
            .iter()
            .filter_map(|pair| self.key(pair[0]))
            .map(|(kind, text)| (kind == ScalarKind::String, text.to_owned()))
            .collect();
        for map in maps {
            let Body::Mapping(at) = self.nodes[map as usize].body else {
                let data = &self.nodes[key as usize];
                let span = Span::new(self.source, data.start, data.end);
                self.diagnostics.push(
                    Diagnostic::error("invalid-merge", "a merge key `<<` needs a map or a list of maps")
                        .at(span),
                );
                continue;
            };
            let members = self.members(at, 2).to_vec();
            for pair in pairs(&members) {
                let is_new = self
                    .key(pair[0])
                    .is_none_or(|(kind, text)| names.insert((kind == ScalarKind::String, text.to_owned())));
                if is_new {
                    kept.extend([pair[0], pair[1]]);
                }
            }
        }
    }

    pub(super) fn resolved(&self, mut id: u32) -> u32 {
        while let Body::Alias(target) = self.nodes[id as usize].body {
            id = target;
        }
        id
    }

    pub(super) fn is_plain(&self, id: u32) -> bool {
        matches!(self.nodes[id as usize].body, Body::Written { style: Style::Plain, .. })
    }

    /// A scalar key's kind and text.
    pub(super) fn key(&self, id: u32) -> Option<(ScalarKind, &str)> {
        let scalar = self.nodes[self.resolved(id) as usize].scalar(self.text, &self.strings)?;
        Some((scalar.kind, scalar.text))
    }

    /// The members of a finished list (`width` 1) or map (2).
    pub(super) fn members(&self, at: u32, width: usize) -> &[u32] {
        let (at, len) = (at as usize, self.children[at as usize] as usize);
        &self.children[at + 1..=at + width * len]
    }
}
