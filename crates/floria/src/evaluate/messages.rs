//! What evaluation says of what went wrong.

use super::{EvaluationError, Evaluator, Site, memos::Place};
use crate::Properties;

/// How many properties of a long cycle are named at its beginning, and at its end. Whoever breaks it needs a few of them.
const CYCLE_BEGIN: usize = 6;
const CYCLE_END: usize = 3;

impl Evaluator<'_> {
    pub(super) fn no_site(&self, site: Site) -> EvaluationError {
        EvaluationError::new(format!(
            "there is no {} in the graph, which has {} vertexes and {} edges",
            self.describe_site(site),
            self.graph.vertexes().len(),
            self.graph.edges().len()
        ))
    }

    pub(super) fn no_property(&self, site: Site, name: &str, properties: &Properties) -> EvaluationError {
        let known: Vec<_> = properties.keys().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
        EvaluationError::new(format!(
            "{} has no property `{name}`; there are: {known}",
            self.describe_site(site)
        ))
    }

    /// Says how a property depends on itself, with where each on the way was asked for: from the first in order, wherever
    /// evaluation began, so that the same cycle is always the same message.
    pub(super) fn cycle(&self, place: Place) -> EvaluationError {
        let start = self.path.iter().position(|other| *other == place).unwrap_or(0);
        let circle = &self.path[start..];
        let first = (0..circle.len()).min_by_key(|index| self.memos.key(circle[*index])).unwrap_or(0);
        let shown = |place: Place| {
            let (site, name) = self.memos.key(place);
            let origin = self.find(site, name).ok().and_then(|property| property.origin.as_ref());
            let origin = origin.map(|origin| format!(" ({}:{})", origin.source, origin.line));
            format!("`{}`{}", self.describe(site, name), origin.unwrap_or_default())
        };
        let around = || circle[first..].iter().chain(&circle[..first]).copied();
        let mut path: Vec<String> = if circle.len() > CYCLE_BEGIN + CYCLE_END + 1 {
            let left_out = circle.len() - CYCLE_BEGIN - CYCLE_END;
            let begin = around().take(CYCLE_BEGIN).map(shown);
            let end = around().skip(CYCLE_BEGIN + left_out).map(shown);
            begin.chain([format!("{left_out} more")]).chain(end).collect()
        } else {
            around().map(shown).collect()
        };
        if let Some(first) = around().next() {
            let (site, name) = self.memos.key(first);
            path.push(format!("`{}`", self.describe(site, name)));
        }
        EvaluationError::new(format!("a property depends on itself: {}", path.join(" → ")))
    }

    /// As in `web/endpoint.port`.
    pub(super) fn describe(&self, site: Site, name: &str) -> String {
        match site {
            Site::Vertex(id) => format!("{}.{name}", self.graph.path_of(id)),
            Site::Edge(id) => match self.graph.edge(id) {
                Some(edge) => {
                    format!("{}→{}[{}].{name}", self.graph.path_of(edge.source), edge.name, edge.index)
                }
                None => format!("edge {id}.{name}"),
            },
        }
    }

    fn describe_site(&self, site: Site) -> String {
        match site {
            Site::Vertex(id) if self.graph.vertex(id).is_some() => format!("`{}`", self.graph.path_of(id)),
            Site::Vertex(id) => format!("vertex {id}"),
            Site::Edge(id) => match self.graph.edge(id) {
                Some(edge) => format!("edge `{}` of `{}`", edge.name, self.graph.path_of(edge.source)),
                None => format!("edge {id}"),
            },
        }
    }
}
