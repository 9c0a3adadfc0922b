//! What happened outside: notifications become values of attributes (TOSCA 2.0, 11.6 and 9.9).

use std::collections::BTreeMap;

use floria::{Change, Evaluator, Functions, Graph, Handler, Site, Value};
use khutulun_api::{Failure, names};

use crate::settle::write;

/// Why a notification was not taken in. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// There is no such node or relationship.
    #[error("there is nothing that `{event}` could be about")]
    Gone {
        /// The event.
        event: String,
    },
    /// It has no such notification.
    #[error("there is no notification `{event}`; there are: {}", .known.join(", "))]
    Unknown {
        /// The event.
        event: String,
        /// The notifications that it has.
        known: Vec<String>,
    },
    /// An output does not fit the attribute that it goes to.
    #[error("the notification `{event}` cannot be taken in: {}: {}", .failure.message, .failure.detail)]
    Refused {
        /// The event.
        event: String,
        /// Why.
        failure: Failure,
    },
}

/// Returns the change that a notification makes to the node or relationship that it is about: its new values. None: they are what
/// they were.
///
/// # Errors
///
/// When there is no such node or relationship, it has no such notification, or an output does not fit its attribute.
pub fn taken_in(
    graph: &Graph,
    functions: &dyn Functions,
    site: Site,
    event: &str,
    outputs: &BTreeMap<String, Value>,
) -> Result<Option<Change>, NotificationError> {
    let gone = || NotificationError::Gone { event: event.to_owned() };
    let handlers = match site {
        Site::Vertex(id) => &graph.vertex(id).ok_or_else(gone)?.handlers,
        Site::Edge(id) => &graph.edge(id).ok_or_else(gone)?.handlers,
    };
    let is_notification = |handler: &Handler| handler.metadata.contains_key(names::NOTIFICATION);
    let handler = handlers.get(event).filter(|handler| is_notification(handler)).ok_or_else(|| {
        let known = handlers.iter().filter(|(_, handler)| is_notification(handler));
        let known = known.map(|(event, _)| format!("`{event}`")).collect();
        NotificationError::Unknown { event: event.to_owned(), known }
    })?;
    let mut evaluator = Evaluator::new(graph, functions);
    let refused = |failure| NotificationError::Refused { event: event.to_owned(), failure };
    Ok(match site {
        Site::Vertex(id) => {
            let before = graph.vertex(id).ok_or_else(gone)?;
            let mut vertex = before.clone();
            write(&mut evaluator, site, handler, &mut vertex.properties, outputs).map_err(refused)?;
            (vertex != *before).then(|| Change::put(vertex))
        }
        Site::Edge(id) => {
            let before = graph.edge(id).ok_or_else(gone)?;
            let mut edge = before.clone();
            write(&mut evaluator, site, handler, &mut edge.properties, outputs).map_err(refused)?;
            (edge != *before).then(|| Change::put(edge))
        }
    })
}
