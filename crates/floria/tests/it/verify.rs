//! Damage is found: what a store shows, and what its log and indexes say, are compared.

use std::{ops::Range, sync::Arc};

use floria::{
    At, Author, Batch, CHAIN_START, Chain, Change, Entity, EntityKey, EntryCode, Finding, Forgotten, Index,
    LogEntry, LogQuery, LogRow, MemoryStore, Namespace, Page, Revision, RowParts, Signal, Snapshot, Stats,
    Store, StoreError, VertexId,
    verify::{self, ChainCheck},
};

use crate::support::{edge, vertex};

/// A store that shows something else than it holds.
#[derive(Default)]
struct Liar {
    store: MemoryStore,
    /// What becomes of an entity before it is shown; None: it is hidden.
    show: Option<fn(Entity) -> Option<Entity>>,
    /// Which entities an index hides.
    hide: Option<fn(&Index, &Entity) -> bool>,
    /// Which rows of the log are there.
    rows: Option<fn(&LogRow) -> bool>,
}

struct Shown<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    liar: &'a Liar,
}

impl Shown<'_> {
    fn shown(&self, entity: Entity) -> Option<Entity> {
        self.liar.show.map_or(Some(entity.clone()), |show| show(entity))
    }
}

impl Snapshot for Shown<'_> {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.snapshot.namespace_revision(namespace)
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.snapshot.namespaces()
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        Ok(self.snapshot.get(key)?.and_then(|entity| self.shown(entity)))
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        let found = self.snapshot.find(index, page)?;
        let hidden = |entity: &Entity| self.liar.hide.is_some_and(|hide| hide(index, entity));
        Ok(found
            .into_iter()
            .filter(|entity| !hidden(entity))
            .filter_map(|entity| self.shown(entity))
            .collect())
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        Ok(self.find(index, &Page::default())?.len() as u64)
    }
}

impl Store for Liar {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        self.store.commit(batch)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.store.allocate(count)
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(Shown { snapshot: self.store.snapshot(at)?, liar: self }))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        let mut rows = self.store.log(query)?;
        rows.retain(|row| self.rows.is_none_or(|is_there| is_there(row)));
        Ok(rows)
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        self.store.signal()
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        self.store.forget_before(revision, keep, author)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats()
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = verify::entities(self)?;
        findings.extend(verify::indexes(self)?);
        Ok(findings)
    }
}

/// Puts in a house of three vertexes and two edges, lies about it, and says what is found.
fn found(lie: impl FnOnce(&mut Liar)) -> Vec<String> {
    let mut liar = Liar::default();
    let places = [(1, None, "shop"), (2, Some(1), "web"), (3, Some(1), "db")];
    let mut changes: Vec<_> = places
        .map(|(id, container, name)| Change::put(vertex(id, container, name, Default::default())))
        .into();
    changes.extend([Change::put(edge(4, 2, "uses", 0, 3)), Change::put(edge(5, 3, "self", 0, 3))]);
    liar.commit(&Batch { changes, ..Batch::default() }).unwrap();
    assert!(liar.verify().unwrap().is_empty());
    lie(&mut liar);
    liar.verify()
        .unwrap()
        .into_iter()
        .map(|finding| format!("{}: {}", finding.kind, finding.message))
        .collect()
}

fn is(entity: &Entity, id: u64) -> bool {
    entity.key() == VertexId(id).into()
}

#[test]
fn a_changed_entity_is_found() {
    let found = found(|liar| {
        liar.show = Some(|mut entity| {
            if let Entity::Vertex(vertex) = &mut entity
                && vertex.id.0 == 2
            {
                vertex.metadata.insert("x".to_owned(), 1.into());
            }
            Some(entity)
        });
    });
    assert_eq!(found, ["entity: vertex 2 differs from what the log says"]);
}

#[test]
fn a_lost_entity_is_found_with_the_laws_that_it_breaks() {
    let found = found(|liar| liar.show = Some(|entity| Some(entity).filter(|entity| !is(entity, 3))));
    let laws: Vec<_> =
        found.iter().filter(|finding| !finding.starts_with("index")).map(String::as_str).collect();
    assert_eq!(
        laws,
        [
            "entity: vertex 3 is in the log and not there",
            "law: edge 4 ends at vertex 3, which does not exist",
            "law: edge 5 starts at vertex 3, which does not exist",
            "law: edge 5 ends at vertex 3, which does not exist",
        ]
    );
}

#[test]
fn broken_laws_are_found() {
    let found = found(|liar| {
        liar.show = Some(|mut entity| {
            if let Entity::Vertex(vertex) = &mut entity {
                match vertex.id.0 {
                    1 => vertex.container = Some(VertexId(2)),
                    2 => vertex.name = "db".to_owned(),
                    _ => vertex.container = Some(VertexId(7)),
                }
            }
            Some(entity)
        });
    });
    let laws: Vec<_> = found.iter().filter_map(|finding| finding.strip_prefix("law: ")).collect();
    assert_eq!(laws, ["vertex 3 is in vertex 7, which does not exist", "vertex 1 contains itself"]);
}

#[test]
fn two_of_one_name_are_found() {
    let found = found(|liar| {
        liar.show = Some(|mut entity| {
            if let Entity::Vertex(vertex) = &mut entity
                && vertex.id.0 == 2
            {
                vertex.name = "db".to_owned();
            }
            Some(entity)
        });
    });
    assert!(found.contains(&"law: vertex 3 has the name `db` of another there".to_owned()), "{found:?}");
}

#[test]
fn an_index_that_disagrees_is_found() {
    let found = found(|liar| {
        liar.hide = Some(|index, entity| matches!(index, Index::Contents(..)) && is(entity, 3));
    });
    assert_eq!(found, ["index: Contents(Vertex, 1) holds [vertex 2], not [vertex 2, vertex 3]"]);
}

#[test]
fn a_log_with_a_gap_is_found() {
    let without_the_put = found(|liar| {
        liar.rows = Some(|row| row.sequence != 5);
    });
    assert_eq!(without_the_put[0], "log: edge 5 is there and not in the log");
    let found = found(|liar| {
        liar.commit(&Batch { changes: vec![Change::delete(floria::EdgeId(5))], ..Batch::default() }).unwrap();
        liar.rows = Some(|row| row.sequence != 5);
    });
    assert_eq!(found, ["log: the log deletes edge 5, which is not there, at revision 2"]);
}

#[test]
fn a_flipped_bit_breaks_the_chain() {
    let entry = |number: u64| LogEntry::Change(Change::delete(VertexId(number)));
    let octets: Vec<_> = (1..=3).map(|number| entry(number).encoded().unwrap()).collect();
    let row = |number: u64, code: EntryCode, body: &[u8], work: &mut dyn FnMut(&RowParts<'_>)| {
        work(&RowParts { sequence: number, code, namespace: "shop", stream: None, kind: None, body });
    };
    let mut digests = vec![CHAIN_START];
    for (number, (code, body)) in (1..).zip(&octets) {
        let mut chain = Chain::new(&digests[number as usize - 1], Revision(number), 7, None);
        row(number, *code, body, &mut |row| chain.row(row));
        digests.push(chain.finish());
    }
    // Checks the three commits, of which the second may be changed on its way.
    let check = |time_ms: u64, flip: u8, revision: u64| {
        let mut check = ChainCheck::new(Revision(0), CHAIN_START);
        for (number, (code, body)) in (1..).zip(&octets) {
            let (mut body, second) = (body.clone(), number == 2);
            if second {
                *body.last_mut().unwrap() ^= flip;
            }
            check.begin(
                Revision(if second { revision } else { number }),
                if second { time_ms } else { 7 },
                None,
            );
            row(number, *code, &body, &mut |row| check.row(row));
            check.end(&digests[number as usize]);
        }
        check.findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert_eq!(check(7, 0, 2), [""; 0]);
    assert_eq!(check(7, 1, 2), ["revision 2 is not what was committed"]);
    assert_eq!(check(8, 0, 2), ["revision 2 is not what was committed"]);
    assert_eq!(check(7, 0, 4)[0], "revision 4 follows revision 1");
}
