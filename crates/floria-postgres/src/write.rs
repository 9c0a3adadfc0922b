//! Writing: the rows of the log and of the entities, many with each statement.

use floria::StoreError;

use crate::{
    batch::Prepared,
    commit::{Known, Last, Locked, Written},
    names::key,
    parts::{Parts, Several, encode_several},
    session::{Request, Session, parameters},
};

/// How many rows and octets one statement writes: enough that its overhead does not show, and little against what the
/// server allows for a message.
const CHUNK_ROWS: usize = 4_096;
const CHUNK_OCTETS: usize = 8 << 20;

const LOG: &str = "INSERT INTO log (sequence, namespace, entity, stream, kind, entry, body, revision)
    SELECT *, $8 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[],
                             $7::bytea[])";

const DELETE: &str = "DELETE FROM entity USING unnest($1::smallint[], $2::bigint[]) AS gone (kind, id)
    WHERE entity.kind = gone.kind AND entity.id = gone.id";

const PUT: &str = "INSERT INTO entity
        (kind, id, namespace, sequence, container, name, source, target, origin, several, revision)
    SELECT *, $11 FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[],
                              $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[])
    ON CONFLICT (kind, id) DO UPDATE SET namespace = excluded.namespace, sequence = excluded.sequence, container = excluded.container,
        name = excluded.name, source = excluded.source, target = excluded.target, origin = excluded.origin,
        several = excluded.several, revision = excluded.revision";

const CLASSES_OUT: &str = "DELETE FROM entity_class
    USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS gone (class, kind, id)
    WHERE (entity_class.class, entity_class.kind, entity_class.id) = (gone.class, gone.kind, gone.id)";

const CLASSES_IN: &str = "INSERT INTO entity_class (class, kind, id)
    SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[])";

const READS_OUT: &str = "DELETE FROM entity_read
    USING unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[])
        AS gone (site_kind, site, property, kind, id)
    WHERE (entity_read.site, entity_read.property, entity_read.site_kind, entity_read.kind, entity_read.id)
        = (gone.site, gone.property, gone.site_kind, gone.kind, gone.id)";

const READS_IN: &str = "INSERT INTO entity_read (site_kind, site, property, kind, id)
    SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[])";

/// All statements here.
pub(crate) const STATEMENTS: &[&str] = &[LOG, DELETE, PUT, CLASSES_OUT, CLASSES_IN, READS_OUT, READS_IN];

/// Makes the requests that write a batch.
pub(crate) fn requests<'a>(
    session: &'a Session,
    prepared: &'a Prepared<'_>,
    known: &Known,
    locked: &Locked,
    written: &[Written<'_>],
    last: &Last,
) -> Result<Vec<Request<'a>>, StoreError> {
    let mut requests = Vec::new();
    let revision = locked.revision + 1;
    let unknown = || StoreError::Damaged("a word has no number".to_owned());
    let number = |word: &str| known.words.get(&key(word)).copied();

    let mut from = 0;
    while from < written.len() {
        let mut octets = 0;
        let fits = prepared.rows[from..].iter().take(CHUNK_ROWS).take_while(|row| {
            octets += row.body.len();
            octets <= CHUNK_OCTETS
        });
        let to = from + fits.count().max(1);
        let rows = &written[from..to];
        let sequences: Vec<i64> = (from..to).map(|place| locked.sequence + 1 + place as i64).collect();
        let namespaces: Vec<i64> = rows.iter().map(|row| row.namespace).collect();
        let entities: Vec<Option<i64>> = rows.iter().map(|row| row.entity).collect();
        let streams: Vec<Option<i64>> = rows.iter().map(|row| row.stream.and_then(number)).collect();
        let kinds: Vec<Option<i64>> = rows.iter().map(|row| row.kind.and_then(number)).collect();
        let entries: Vec<i16> = prepared.rows[from..to].iter().map(|row| row.entry).collect();
        let bodies: Vec<&[u8]> = prepared.rows[from..to].iter().map(|row| row.body.as_slice()).collect();
        let row = parameters![sequences, namespaces, entities, streams, kinds, entries, bodies, revision];
        requests.push(session.request(LOG, row));
        from = to;
    }

    let mut gone: (Vec<i16>, Vec<i64>) = Default::default();
    let mut put: Vec<(i16, i64, usize, Parts<i64>)> = Vec::new();
    let (mut classes_out, mut classes_in) = (Vec::new(), Vec::new());
    let (mut reads_out, mut reads_in) = (Vec::new(), Vec::new());
    for (&(kind, id), &place) in last {
        let before =
            known.current.get(&(kind, id)).map(|current| current.several.clone()).unwrap_or_default();
        let after = match &prepared.parts[place] {
            None => {
                gone.0.push(kind);
                gone.1.push(id);
                Several::default()
            }
            Some(parts) => {
                let parts = parts.numbered(number).ok_or_else(unknown)?;
                let after = (parts.classes.clone(), parts.reads.clone());
                put.push((kind, id, place, parts));
                after
            }
        };
        let (out, into) = difference(&before.0, &after.0);
        classes_out.extend(out.into_iter().map(|class| (class, kind, id)));
        classes_in.extend(into.into_iter().map(|class| (class, kind, id)));
        let (out, into) = difference(&before.1, &after.1);
        reads_out.extend(out.into_iter().map(|read| (read, kind, id)));
        reads_in.extend(into.into_iter().map(|read| (read, kind, id)));
    }
    if !gone.0.is_empty() {
        requests.push(session.request(DELETE, parameters![gone.0, gone.1]));
    }
    for chunk in put.chunks(CHUNK_ROWS) {
        let kinds: Vec<i16> = chunk.iter().map(|row| row.0).collect();
        let ids: Vec<i64> = chunk.iter().map(|row| row.1).collect();
        let namespaces: Vec<i64> = chunk.iter().map(|row| written[row.2].namespace).collect();
        let sequences: Vec<i64> = chunk.iter().map(|row| locked.sequence + 1 + row.2 as i64).collect();
        let containers: Vec<Option<i64>> = chunk.iter().map(|row| row.3.container).collect();
        let names: Vec<Option<Vec<u8>>> = chunk.iter().map(|row| row.3.name.clone()).collect();
        let sources: Vec<Option<i64>> = chunk.iter().map(|row| row.3.source).collect();
        let targets: Vec<Option<i64>> = chunk.iter().map(|row| row.3.target).collect();
        let origins: Vec<Option<i64>> = chunk.iter().map(|row| row.3.origin).collect();
        let several: Vec<Option<Vec<u8>>> = chunk.iter().map(|row| encode_several(&row.3)).collect();
        let row = parameters![
            kinds, ids, namespaces, sequences, containers, names, sources, targets, origins, several,
            revision
        ];
        requests.push(session.request(PUT, row));
    }
    for (sql, rows) in [(CLASSES_OUT, classes_out), (CLASSES_IN, classes_in)] {
        for chunk in rows.chunks(CHUNK_ROWS) {
            let classes: Vec<i64> = chunk.iter().map(|row| row.0).collect();
            let kinds: Vec<i16> = chunk.iter().map(|row| row.1).collect();
            let ids: Vec<i64> = chunk.iter().map(|row| row.2).collect();
            requests.push(session.request(sql, parameters![classes, kinds, ids]));
        }
    }
    for (sql, rows) in [(READS_OUT, reads_out), (READS_IN, reads_in)] {
        for chunk in rows.chunks(CHUNK_ROWS) {
            let site_kinds: Vec<i16> = chunk.iter().map(|row| row.0.0).collect();
            let sites: Vec<i64> = chunk.iter().map(|row| row.0.1).collect();
            let properties: Vec<i64> = chunk.iter().map(|row| row.0.2).collect();
            let kinds: Vec<i16> = chunk.iter().map(|row| row.1).collect();
            let ids: Vec<i64> = chunk.iter().map(|row| row.2).collect();
            requests.push(session.request(sql, parameters![site_kinds, sites, properties, kinds, ids]));
        }
    }
    Ok(requests)
}

/// Returns what is only in the first of two lists in order, and what is only in the second.
fn difference<T: Copy + Ord>(before: &[T], after: &[T]) -> (Vec<T>, Vec<T>) {
    let only = |these: &[T], those: &[T]| {
        these.iter().copied().filter(|item| those.binary_search(item).is_err()).collect()
    };
    (only(before, after), only(after, before))
}
