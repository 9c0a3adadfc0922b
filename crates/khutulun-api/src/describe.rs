//! Places in a graph, in words for a person.

use floria::{Graph, Site};

/// What stands before the name of a requirement where a value waits for its relationships, as [`floria::Evaluated::Unknown`] has it.
const RELATIONSHIP: &str = "RELATIONSHIP";

/// Names a vertex or an edge: by path, and an edge by where it starts and its name (and index, where it is not the first).
pub fn describe_site(graph: &Graph, site: Site) -> String {
    match site {
        Site::Vertex(id) => graph.path_of(id),
        Site::Edge(id) => match graph.edge(id) {
            Some(edge) if edge.index > 0 => {
                format!("{}.{}[{}]", graph.path_of(edge.source), edge.name, edge.index)
            }
            Some(edge) => format!("{}.{}", graph.path_of(edge.source), edge.name),
            None => format!("edge {id}"),
        },
    }
}

/// Names what a value waits for: a property, as in `web.pid`, or relationships that are not made yet.
pub fn describe_unknown(graph: &Graph, site: Site, name: &str) -> String {
    let owner = describe_site(graph, site);
    match name.strip_prefix(RELATIONSHIP) {
        Some("") => format!("a relationship of {owner}"),
        Some(requirement) if requirement.starts_with(' ') => {
            format!("the requirement `{}` of {owner}", requirement.trim_start())
        }
        _ => format!("{owner}.{name}"),
    }
}

/// Returns an error with its causes, in one line.
pub fn describe_error(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
