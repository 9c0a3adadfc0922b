//! The mark that a run leaves on the service that it works on.

use floria::{Change, Entity, Graph, Value, Vertex};
use khutulun_api::{RunId, names};

fn service(graph: &Graph) -> Option<&Vertex> {
    graph.vertexes().find(|vertex| vertex.container.is_none())
}

fn value(run: RunId, epoch: u64) -> Option<Value> {
    let numbers = [run.0, epoch].map(|number| i64::try_from(number).ok().map(Value::Integer));
    Some(Value::List(numbers.into_iter().collect::<Option<_>>()?))
}

/// Marks the service as worked on by this run under this epoch. None: there is no service to mark.
pub(crate) fn put(graph: &mut Graph, run: RunId, epoch: u64) -> Option<Change> {
    let mut vertex = service(graph)?.clone();
    vertex.metadata.insert(names::RUN.to_owned(), value(run, epoch)?);
    graph.put_vertex(vertex.clone());
    Some(Change::Put(Entity::Vertex(vertex)))
}

/// Takes the mark off. None: there is none, or no service any more.
pub(crate) fn remove(graph: &mut Graph) -> Option<Change> {
    let mut vertex = service(graph)?.clone();
    vertex.metadata.remove(names::RUN)?;
    graph.put_vertex(vertex.clone());
    Some(Change::Put(Entity::Vertex(vertex)))
}

/// Tells whether the service is marked by this run under this epoch.
pub(crate) fn is(graph: &Graph, run: RunId, epoch: u64) -> bool {
    let mark = service(graph).and_then(|vertex| vertex.metadata.get(names::RUN));
    mark.is_some() && mark.cloned() == value(run, epoch)
}
