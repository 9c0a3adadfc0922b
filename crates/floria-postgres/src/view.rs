//! What the laws ask of a batch's result, asked of the server all at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use floria::{
    Batch, Change, Entity, EntityKey, EntityKind, Namespace, StoreError,
    laws::{Kind, View},
};

use tokio_postgres::Row;

use crate::{
    names::{integer, key, natural},
    parts::kind_number,
    session::{Request, Session, parameters},
};

/// The containers of these vertexes, and theirs, to the outermost.
const CONTAINERS: &str = "WITH RECURSIVE reached (kind, id) AS (
        SELECT * FROM unnest($1::smallint[], $2::bigint[])
        UNION SELECT entity.kind, entity.container FROM reached
            JOIN entity ON entity.kind = reached.kind AND entity.id = reached.id
            WHERE entity.container IS NOT NULL)
    SELECT kind, id, container FROM entity JOIN reached USING (kind, id)";

const AMBIGUOUS_CONTENTS: &str = "SELECT wanted.place
    FROM unnest($1::smallint[], $2::bytea[], $3::bigint[]) WITH ORDINALITY AS wanted (kind, name, container, place)
    WHERE EXISTS (SELECT 1 FROM entity WHERE entity.kind = wanted.kind AND entity.name = wanted.name
        AND entity.container = wanted.container OFFSET 1)";

const AMBIGUOUS_OUTERMOST: &str = "SELECT wanted.place
    FROM unnest($1::smallint[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS wanted (kind, name, namespace, place)
    JOIN namespace ON namespace.key = wanted.namespace
    WHERE EXISTS (SELECT 1 FROM entity WHERE entity.kind = wanted.kind AND entity.name = wanted.name
        AND entity.container IS NULL AND entity.namespace = namespace.id OFFSET 1)";

const CONTAINING: &str =
    "SELECT wanted.kind, wanted.id FROM unnest($1::smallint[], $2::bigint[]) AS wanted (kind, id)
    WHERE EXISTS (SELECT 1 FROM entity WHERE entity.kind = wanted.kind AND entity.container = wanted.id)";

const WITH_EDGES: &str =
    "SELECT wanted.kind, wanted.id FROM unnest($1::smallint[], $2::bigint[]) AS wanted (kind, id)
    WHERE EXISTS (SELECT 1 FROM entity WHERE entity.kind = wanted.kind + 1 AND entity.source = wanted.id)
    OR EXISTS (SELECT 1 FROM entity WHERE entity.kind = wanted.kind + 1 AND entity.target = wanted.id)";

/// A vertex, or its template: kind and id as rows have them.
type Place = (i16, i64);

/// A name that has to be the only one: of what kind, where and what.
type NameAt = (i16, Result<i64, Vec<u8>>, Vec<u8>);

/// All statements here.
pub(crate) const STATEMENTS: &[&str] =
    &[CONTAINERS, AMBIGUOUS_CONTENTS, AMBIGUOUS_OUTERMOST, CONTAINING, WITH_EDGES];

/// All that `laws::check` may want to know of a batch that has been applied.
pub(crate) struct Questions {
    reached: BTreeSet<Place>,
    contents: Vec<NameAt>,
    outermost: Vec<NameAt>,
    deleted: BTreeSet<Place>,
}

/// The answers.
pub(crate) struct Answers {
    containers: HashMap<Place, Option<i64>>,
    ambiguous: HashSet<NameAt>,
    containing: HashSet<Place>,
    with_edges: HashSet<Place>,
}

fn vertex_kind(kind: Kind) -> i16 {
    kind_number(match kind {
        Kind::Template => EntityKind::VertexTemplate,
        Kind::Instance => EntityKind::Vertex,
    })
}

/// Returns where a name has to be the only one: in this container or, without one, in this namespace.
fn name_at(kind: i16, namespace: &Namespace, container: Option<u64>, name: &str) -> NameAt {
    (kind, container.map(integer).ok_or_else(|| key(&namespace.0)), key(name))
}

impl Questions {
    /// Collects them.
    pub(crate) fn of(batch: &Batch) -> Self {
        let (template, instance) = (vertex_kind(Kind::Template), vertex_kind(Kind::Instance));
        let mut reached: BTreeSet<Place> = BTreeSet::new();
        let mut names: BTreeSet<NameAt> = BTreeSet::new();
        let mut deleted: BTreeSet<Place> = BTreeSet::new();
        for change in &batch.changes {
            match change {
                Change::Put(Entity::Vertex(vertex)) => {
                    let container = vertex.container.map(|id| id.0);
                    reached.extend(container.map(|id| (instance, integer(id))));
                    names.insert(name_at(instance, &vertex.namespace, container, &vertex.name));
                }
                Change::Put(Entity::VertexTemplate(vertex)) => {
                    let container = vertex.container.map(|id| id.0);
                    reached.extend(container.map(|id| (template, integer(id))));
                    names.insert(name_at(template, &vertex.namespace, container, &vertex.name));
                }
                Change::Put(Entity::Edge(edge)) => {
                    reached.extend([edge.source, edge.target].map(|id| (instance, integer(id.0))));
                }
                Change::Put(Entity::EdgeTemplate(edge)) => {
                    reached.extend([edge.source, edge.target].map(|id| (template, integer(id.0))));
                }
                Change::Delete(EntityKey::Vertex(id)) => _ = deleted.insert((instance, integer(id.0))),
                Change::Delete(EntityKey::VertexTemplate(id)) => {
                    _ = deleted.insert((template, integer(id.0)));
                }
                _ => {}
            }
        }
        let (contents, outermost) = names.into_iter().partition(|(_, at, _)| at.is_ok());
        Self { reached, contents, outermost, deleted }
    }

    /// Makes a request for each kind of question that is there.
    pub(crate) fn requests<'a>(&'a self, session: &'a Session) -> Vec<Request<'a>> {
        let places = |places: &BTreeSet<Place>| {
            let (kinds, ids): (Vec<i16>, Vec<i64>) = places.iter().copied().unzip();
            parameters![kinds, ids]
        };
        let mut requests = Vec::new();
        if !self.reached.is_empty() {
            requests.push(session.request(CONTAINERS, places(&self.reached)));
        }
        for (sql, names) in [(AMBIGUOUS_CONTENTS, &self.contents), (AMBIGUOUS_OUTERMOST, &self.outermost)] {
            if names.is_empty() {
                continue;
            }
            let kinds: Vec<i16> = names.iter().map(|(kind, ..)| *kind).collect();
            let keys: Vec<&[u8]> = names.iter().map(|(.., name)| name.as_slice()).collect();
            let containers: Vec<i64> =
                names.iter().filter_map(|(_, at, _)| at.as_ref().ok()).copied().collect();
            let namespaces: Vec<&[u8]> =
                names.iter().filter_map(|(_, at, _)| at.as_ref().err()).map(Vec::as_slice).collect();
            let places = match containers.is_empty() {
                false => parameters![kinds, keys, containers],
                true => parameters![kinds, keys, namespaces],
            };
            requests.push(session.request(sql, places));
        }
        if !self.deleted.is_empty() {
            requests.push(session.request(CONTAINING, places(&self.deleted)));
            requests.push(session.request(WITH_EDGES, places(&self.deleted)));
        }
        requests
    }

    /// Takes the answers to [`Self::requests`].
    pub(crate) fn answered(&self, answers: &[Vec<Row>]) -> Answers {
        let mut rows = answers.iter();
        let mut next = |asked: bool| if asked { rows.next().map_or(&[][..], Vec::as_slice) } else { &[] };
        let containers = next(!self.reached.is_empty());
        let containers = containers.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
        let mut ambiguous = HashSet::new();
        for names in [&self.contents, &self.outermost] {
            let places = next(!names.is_empty()).iter().map(|row| row.get::<_, i64>(0) as usize - 1);
            ambiguous.extend(places.filter_map(|place| names.get(place).cloned()));
        }
        let mut places =
            || next(!self.deleted.is_empty()).iter().map(|row| (row.get(0), row.get(1))).collect();
        let (containing, with_edges) = (places(), places());
        Answers { containers, ambiguous, containing, with_edges }
    }
}

impl View for Answers {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        let found = self.containers.get(&(vertex_kind(kind), integer(id)));
        Ok(found.map(|container| container.map(natural)))
    }

    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError> {
        Ok(self.ambiguous.contains(&name_at(vertex_kind(kind), namespace, container, name)))
    }

    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        Ok(self.containing.contains(&(vertex_kind(kind), integer(id))))
    }

    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        Ok(self.with_edges.contains(&(vertex_kind(kind), integer(id))))
    }
}
