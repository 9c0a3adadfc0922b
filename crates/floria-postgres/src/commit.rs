//! Committing: changes become rows, the laws are checked on the result, the log gets its rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use floria::{Batch, Chain, Change, EntryCode, Namespace, Revision, RowParts, StoreError, laws};
use tokio_postgres::Row;

use crate::{
    batch::{Prepared, named_key},
    connection::block_on,
    error::{Problem, damaged},
    forget::Forget,
    names::{integer, key, natural, text},
    parts::{Several, decode_several, kind_number},
    schema,
    session::{Request, Session, parameters, side_by_side},
    view::{self, Questions},
    write,
};

/// A commit of which it is not known whether it came true.
#[derive(Clone)]
pub(crate) struct Doubt {
    pub(crate) revision: i64,
    pub(crate) token: Vec<u8>,
}

/// What a transaction that was to commit came to.
pub(crate) enum Committed {
    /// It did.
    Now(Revision),
    /// An earlier attempt already had.
    Before(Revision),
}

const LOCK: &str = "SELECT revision, sequence, ids_used, digest,
    greatest(time_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), uuid_send(gen_random_uuid())
    FROM store FOR UPDATE";

/// Another host may have updated the schema since this one opened it.
const VERSION: &str = "SELECT version FROM floria_version";

const TOKEN: &str = "SELECT token FROM commit WHERE revision = $1";

const EXPECTED: &str = "SELECT key, revision FROM namespace WHERE key = ANY($1)";

const NAMESPACES: &str =
    "WITH wanted AS (SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS wanted (key, name)),
    made AS (INSERT INTO namespace (key, name, revision) SELECT key, name, 0 FROM wanted
             ON CONFLICT (key) DO NOTHING RETURNING key, id)
    SELECT key, id FROM made UNION ALL SELECT key, id FROM namespace JOIN wanted USING (key)";

const WORDS: &str = "WITH wanted AS (SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS wanted (key, name)),
    made AS (INSERT INTO word (key, name) SELECT key, name FROM wanted
             ON CONFLICT (key) DO NOTHING RETURNING key, id)
    SELECT key, id FROM made UNION ALL SELECT key, id FROM word JOIN wanted USING (key)";

const NAMED: &str = "WITH wanted AS (
        SELECT wanted.kind, namespace.id AS namespace, namespace.key AS owner, wanted.key, wanted.name
        FROM unnest($1::smallint[], $2::bytea[], $3::bytea[], $4::bytea[]) AS wanted (kind, owner, key, name)
        JOIN namespace ON namespace.key = wanted.owner),
    made AS (INSERT INTO named (kind, namespace, key, name) SELECT kind, namespace, key, name FROM wanted
             ON CONFLICT (kind, namespace, key) DO NOTHING RETURNING kind, namespace, key, id),
    numbers AS (SELECT kind, namespace, key, id FROM made UNION ALL
                SELECT kind, namespace, key, named.id FROM named JOIN wanted USING (kind, namespace, key))
    SELECT wanted.kind, wanted.owner, wanted.key, numbers.id, wanted.namespace, entity.several, entity.sequence
    FROM wanted JOIN numbers USING (kind, namespace, key)
    LEFT JOIN entity ON entity.kind = numbers.kind AND entity.id = numbers.id";

const CURRENT: &str = "SELECT entity.kind, entity.id, namespace.id, namespace.name, entity.several
    FROM unnest($1::smallint[], $2::bigint[]) AS wanted (kind, id)
    JOIN entity ON entity.kind = wanted.kind AND entity.id = wanted.id
    JOIN namespace ON namespace.id = entity.namespace";

const COMMIT: &str = "INSERT INTO commit (revision, time_ms, sequence, author, author_stream, token, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const STORE: &str =
    "UPDATE store SET revision = $1, sequence = $2, ids_used = greatest(ids_used, $3), time_ms = $4,
    digest = $5";

const CHANGED: &str = "UPDATE namespace SET revision = $1 WHERE id = ANY($2)";

const NOTIFY: &str = "SELECT pg_notify(current_schema(), '')";

/// All statements here that are sent side by side.
const STATEMENTS: &[&str] =
    &[LOCK, VERSION, TOKEN, EXPECTED, NAMESPACES, WORDS, NAMED, CURRENT, COMMIT, STORE, CHANGED, NOTIFY];

/// What the lock gives: the store as it is, and stays until it is let go.
pub(crate) struct Locked {
    pub(crate) revision: i64,
    pub(crate) sequence: i64,
    pub(crate) digest: [u8; 32],
    pub(crate) time_ms: i64,
    pub(crate) token: Vec<u8>,
}

/// An entity before the batch.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) namespace: i64,
    pub(crate) namespace_name: String,
    pub(crate) several: Several,
}

/// What is known once the lock is held.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) namespaces: HashMap<Vec<u8>, i64>,
    pub(crate) words: HashMap<Vec<u8>, i64>,
    pub(crate) named: HashMap<(i16, Vec<u8>, Vec<u8>), i64>,
    pub(crate) current: HashMap<(i16, i64), Current>,
}

/// A row of the log to be.
pub(crate) struct Written<'a> {
    pub(crate) namespace: i64,
    pub(crate) namespace_name: String,
    pub(crate) entity: Option<i64>,
    pub(crate) stream: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
}

/// Commits a batch on a connection on which no transaction is open. `doubt` is told what to look for when the connection
/// breaks, and says what to look for.
pub(crate) fn commit(
    session: &Session,
    prepared: &mut Prepared<'_>,
    doubt: &mut Option<Doubt>,
    forget: Option<&mut Forget<'_>>,
) -> Result<Committed, Problem> {
    let committed = block_on(run(session, prepared, doubt, forget));
    if !matches!(committed, Ok(Committed::Now(_))) {
        session.end();
    }
    committed
}

async fn run(
    session: &Session,
    prepared: &mut Prepared<'_>,
    doubt: &mut Option<Doubt>,
    forget: Option<&mut Forget<'_>>,
) -> Result<Committed, Problem> {
    for statements in [STATEMENTS, write::STATEMENTS, view::STATEMENTS] {
        session.prepare(statements).await?;
    }
    let (locked, known) = match begin(session, prepared, doubt).await? {
        Ok(begun) => begun,
        Err(before) => return Ok(Committed::Before(before)),
    };
    if let Some(forget) = forget {
        forget.run(session, locked.revision, prepared).await?;
    }
    let revision = locked.revision + 1;
    let (written, last) = apply(prepared, &known, locked.sequence)?;
    let sequence = locked.sequence + written.len() as i64;

    let mut ids_put = 0;
    for change in &prepared.batch.changes {
        ids_put = ids_put.max(change.put_id().unwrap_or(0));
    }
    let questions = Questions::of(prepared.batch);
    let mut requests = write::requests(session, prepared, &known, &locked, &written, &last)?;
    if !prepared.batch.changes.is_empty() {
        let count = requests.len();
        requests.extend(questions.requests(session));
        let answers = side_by_side(std::mem::take(&mut requests)).await?;
        laws::check(prepared.batch, &mut questions.answered(&answers[count..]))?;
    }

    let author = prepared.batch.author.as_ref();
    let mut chain = Chain::new(&locked.digest, Revision(natural(revision)), natural(locked.time_ms), author);
    for (place, (row, encoded)) in written.iter().zip(&prepared.rows).enumerate() {
        chain.row(&RowParts {
            sequence: natural(locked.sequence) + place as u64 + 1,
            code: EntryCode(encoded.entry as u8),
            namespace: &row.namespace_name,
            stream: row.stream,
            kind: row.kind,
            body: &encoded.body,
        });
    }
    let digest = chain.finish().to_vec();
    let changed: BTreeSet<i64> =
        written[..prepared.batch.changes.len()].iter().map(|row| row.namespace).collect();
    let changed: Vec<i64> = changed.into_iter().collect();
    let author_name = author.map(|author| author.name.as_bytes());
    let author_stream = author.and_then(|author| author.stream.as_deref()).map(str::as_bytes);
    let time_ms = locked.time_ms;
    // From here on it may come true without our knowing.
    *doubt = Some(Doubt { revision, token: locked.token.clone() });
    let token = locked.token.as_slice();
    let commit = parameters![revision, time_ms, sequence, author_name, author_stream, token, digest.clone()];
    requests.push(session.request(COMMIT, commit));
    requests.push(session.request(STORE, parameters![revision, sequence, integer(ids_put), time_ms, digest]));
    if !changed.is_empty() {
        requests.push(session.request(CHANGED, parameters![revision, changed]));
    }
    requests.push(session.request(NOTIFY, parameters![]));
    requests.push(session.simple_request("COMMIT"));
    side_by_side(requests).await?;
    *doubt = None;
    Ok(Committed::Now(Revision(natural(revision))))
}

fn nothing() -> Request<'static> {
    Box::pin(async { Ok(Vec::new()) })
}

/// Takes the lock, and asks for all that is needed while it is held. Returns the revision of an earlier attempt if that
/// came true.
async fn begin(
    session: &Session,
    prepared: &Prepared<'_>,
    doubt: &mut Option<Doubt>,
) -> Result<Result<(Locked, Known), Revision>, Problem> {
    let expected: Vec<Vec<u8>> =
        prepared.batch.expected.iter().map(|(namespace, _)| key(&namespace.0)).collect();
    let (namespace_keys, namespace_names) = columns(&prepared.namespaces);
    let (word_keys, word_names) = columns(&prepared.words);
    let kinds: Vec<i16> = prepared.named.keys().map(|(kind, ..)| *kind).collect();
    let owners: Vec<&[u8]> = prepared.named.keys().map(|(_, owner, _)| owner.as_slice()).collect();
    let keys: Vec<&[u8]> = prepared.named.keys().map(|(.., key)| key.as_slice()).collect();
    let names: Vec<&[u8]> = prepared.named.values().map(|name| name.as_bytes()).collect();
    let (entity_kinds, ids): (Vec<i16>, Vec<i64>) = prepared.numbered.iter().copied().unzip();
    let doubtful = doubt.as_ref().map(|doubt| doubt.revision);
    // What is not needed is not asked.
    let wanted =
        |wanted: bool, sql, parameters| if wanted { session.request(sql, parameters) } else { nothing() };
    let answers = side_by_side(vec![
        session.simple_request("BEGIN"),
        session.request(LOCK, parameters![]),
        session.request(VERSION, parameters![]),
        wanted(doubtful.is_some(), TOKEN, parameters![doubtful]),
        wanted(!expected.is_empty(), EXPECTED, parameters![expected.clone()]),
        wanted(!namespace_keys.is_empty(), NAMESPACES, parameters![namespace_keys.clone(), namespace_names]),
        wanted(!word_keys.is_empty(), WORDS, parameters![word_keys.clone(), word_names]),
        wanted(!kinds.is_empty(), NAMED, parameters![kinds.clone(), owners, keys, names]),
        wanted(!ids.is_empty(), CURRENT, parameters![entity_kinds, ids.clone()]),
    ])
    .await?;
    let [_, store, version, tokens, revisions, namespaces, words, named, current] = answers.as_slice() else {
        unreachable!("there is an answer for each request")
    };
    let row = store.first().ok_or_else(|| StoreError::Damaged("table `store` has no row".to_owned()))?;
    let digest: &[u8] = row.get(3);
    let locked = Locked {
        revision: row.get(0),
        sequence: row.get(1),
        digest: digest
            .try_into()
            .map_err(|_| StoreError::Damaged("the digest of the last commit is no digest".to_owned()))?,
        time_ms: row.get(4),
        token: row.get(5),
    };
    schema::check_version(version.first().map_or(0, |row| row.get(0)))?;
    // Whoever had the lock before is done, for good or not.
    if let Some(doubt) = doubt.take()
        && tokens.first().is_some_and(|row| row.get::<_, &[u8]>(0) == doubt.token)
    {
        return Ok(Err(Revision(natural(doubt.revision))));
    }
    check_expected(prepared.batch, revisions)?;
    Ok(Ok((locked, known(prepared, namespaces, words, named, current)?)))
}

fn columns<'a>(names: &'a BTreeMap<Vec<u8>, &str>) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    names.iter().map(|(key, name)| (key.as_slice(), name.as_bytes())).unzip()
}

fn check_expected(batch: &Batch, rows: &[Row]) -> Result<(), StoreError> {
    let revisions: HashMap<&[u8], i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (namespace, expected) in &batch.expected {
        let actual = revisions.get(key(&namespace.0).as_slice()).copied().unwrap_or(0);
        let actual = Revision(natural(actual));
        if actual != *expected {
            let (namespace, expected) = (namespace.clone(), *expected);
            return Err(StoreError::Conflict { namespace, expected, actual });
        }
    }
    Ok(())
}

fn known(
    prepared: &Prepared<'_>,
    namespaces: &[Row],
    words: &[Row],
    named: &[Row],
    current: &[Row],
) -> Result<Known, StoreError> {
    let numbers = |rows: &[Row]| rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut known = Known { namespaces: numbers(namespaces), words: numbers(words), ..Known::default() };
    let several = |kind: i16, id: i64, octets: Option<&[u8]>| {
        decode_several(octets).map_err(|error| damaged(format_args!("entity {kind}/{id}"), &error))
    };
    for row in named {
        let (kind, owner, id): (i16, Vec<u8>, i64) = (row.get(0), row.get(1), row.get(3));
        if row.get::<_, Option<i64>>(6).is_some() {
            let namespace_name = prepared.namespaces.get(&owner).copied().unwrap_or_default().to_owned();
            let several = several(kind, id, row.get(5))?;
            known.current.insert((kind, id), Current { namespace: row.get(4), namespace_name, several });
        }
        known.named.insert((kind, owner, row.get(2)), id);
    }
    for row in current {
        let (kind, id) = (row.get(0), row.get(1));
        let namespace_name = text(row.get(3));
        let several = several(kind, id, row.get(4))?;
        known.current.insert((kind, id), Current { namespace: row.get(2), namespace_name, several });
    }
    Ok(known)
}

/// The change that is an entity's last in the batch, by its place.
pub(crate) type Last = BTreeMap<(i16, i64), usize>;

/// Makes the changes in thought, and returns the rows of the log, and what each entity comes to.
fn apply<'a>(
    prepared: &Prepared<'a>,
    known: &Known,
    sequence: i64,
) -> Result<(Vec<Written<'a>>, Last), Problem> {
    let unknown = || StoreError::Damaged(format!("a name has no number, after row {sequence} of the log"));
    let mut written: Vec<Written<'a>> = Vec::with_capacity(prepared.rows.len());
    let mut last = Last::new();
    for (place, change) in prepared.batch.changes.iter().enumerate() {
        let of = change.key();
        let kind = kind_number(of.kind());
        let id = match (of.id(), named_key(&of)) {
            (Some(id), _) => integer(id),
            (None, Some(named)) => *known.named.get(&named).ok_or_else(unknown)?,
            (None, None) => return Err(unknown().into()),
        };
        // Where it is before this change, if it is there.
        let before = match last.get(&(kind, id)) {
            Some(earlier) => match prepared.batch.changes[*earlier] {
                Change::Put(_) => {
                    Some((written[*earlier].namespace, written[*earlier].namespace_name.clone()))
                }
                Change::Delete(_) => None,
            },
            None => known
                .current
                .get(&(kind, id))
                .map(|current| (current.namespace, current.namespace_name.clone())),
        };
        let (namespace, namespace_name) = match (change, before) {
            (Change::Delete(_), None) => {
                return Err(laws::not_there(&of).into());
            }
            (Change::Delete(_), Some(before)) => before,
            (Change::Put(entity), before) => {
                let name = entity.namespace();
                if let Some((_, from)) = before {
                    laws::stays(&of, &Namespace(from), name)?;
                }
                (*known.namespaces.get(&key(&name.0)).ok_or_else(unknown)?, name.0.clone())
            }
        };
        written.push(Written { namespace, namespace_name, entity: Some(id), stream: None, kind: None });
        last.insert((kind, id), place);
    }
    for record in &prepared.batch.records {
        written.push(Written {
            namespace: *known.namespaces.get(&key(&record.namespace.0)).ok_or_else(unknown)?,
            namespace_name: record.namespace.0.clone(),
            entity: None,
            stream: Some(&record.stream),
            kind: Some(&record.kind),
        });
    }
    Ok((written, last))
}

/// Takes ids.
pub(crate) fn allocate(session: &Session, count: u64) -> Result<i64, Problem> {
    let count = i64::try_from(count).map_err(|_| laws::id_too_large(u64::MAX))?;
    let sql = "UPDATE store SET ids_used = ids_used + $1 WHERE ids_used <= $2 RETURNING ids_used";
    let taken = block_on(session.query_opt(sql, &[&count, &(i64::MAX - count)]))?;
    Ok(taken.ok_or_else(|| laws::id_too_large(u64::MAX))?.get(0))
}

/// Makes sure that a transaction of another connection is over, which may be broken here and open there.
pub(crate) fn end_other(session: &Session, identity: &(i32, String)) -> Result<(), Problem> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid = $1 AND backend_start::text = $2 AND pid <> pg_backend_pid()";
    block_on(session.query(sql, &[&identity.0, &identity.1])).map(|_| ())
}
