//! Looking for damage.

use floria::{CHAIN_START, EntryCode, Finding, Revision, RowParts, StoreError, verify};

use crate::{
    connection::{Connections, block_on},
    error::Problem,
    log::author,
    names::{natural, text},
    session::Session,
    store::PostgresStore,
};

/// How many rows of the log are read at once.
const CHUNK: i64 = 1_000;

const COMMITS: &str =
    "SELECT revision, time_ms, author, author_stream, digest FROM commit WHERE revision > $1
    ORDER BY revision LIMIT $2";

const ROWS: &str =
    "SELECT log.sequence, log.revision, log.entry, namespace.name, stream.name, word.name, log.body
    FROM log LEFT JOIN namespace ON namespace.id = log.namespace
    LEFT JOIN word AS stream ON stream.id = log.stream LEFT JOIN word ON word.id = log.kind
    WHERE log.revision > $1 AND log.revision <= $2 AND log.sequence > $3 ORDER BY log.sequence LIMIT $4";

/// Entities whose row of the log is not there, or is another's.
const ASTRAY: &str = "SELECT entity.kind, entity.id FROM entity LEFT JOIN log USING (sequence)
    WHERE log.entity IS DISTINCT FROM entity.id OR log.entry <> entity.kind + 1
    OR log.revision <> entity.revision OR log.namespace <> entity.namespace ORDER BY 1, 2";

pub(crate) fn verify(store: &PostgresStore, connections: &Connections) -> Result<Vec<Finding>, StoreError> {
    let mut findings = verify::entities(store)?;
    findings.extend(verify::indexes(store)?);
    findings.extend(connections.read("verify the store", |session| block_on(astray(session)))?);
    findings.extend(connections.read("verify the store", |session| block_on(chain(session)))?);
    Ok(findings)
}

async fn astray(session: &Session) -> Result<Vec<Finding>, Problem> {
    let finding = |row: &tokio_postgres::Row| {
        let (kind, id): (i16, i64) = (row.get(0), row.get(1));
        Finding::new("entity", format!("the row of entity {kind}/{id} is not in the log"))
    };
    Ok(session.query(ASTRAY, &[]).await?.iter().map(finding).collect())
}

async fn chain(session: &Session) -> Result<Vec<Finding>, Problem> {
    session.begin_reading().await?;
    let found = chain_of(session).await;
    session.end();
    found
}

async fn chain_of(session: &Session) -> Result<Vec<Finding>, Problem> {
    let store = session.query_one("SELECT kept_from, revision, digest FROM store", &[]).await?;
    let (kept_from, present): (i64, i64) = (store.get(0), store.get(1));
    let start = session.query_opt("SELECT digest FROM commit WHERE revision = $1", &[&kept_from]).await?;
    let start = start.map_or(Some(CHAIN_START), |row| row.get::<_, &[u8]>(0).try_into().ok());
    let mut check = verify::ChainCheck::new(Revision(natural(kept_from)), start.unwrap_or(CHAIN_START));
    let mut last = (kept_from, start.unwrap_or(CHAIN_START));
    loop {
        let commits = session.query(COMMITS, &[&last.0, &CHUNK]).await?;
        let Some(end) = commits.last() else { break };
        let mut rows = Rows {
            session,
            from: last.0,
            to: end.get(0),
            after: 0,
            read: Vec::new().into_iter(),
            end: false,
        };
        let mut row = rows.next().await?;
        for commit in &commits {
            let revision: i64 = commit.get(0);
            check.begin(Revision(natural(revision)), natural(commit.get(1)), author(commit, 2).as_ref());
            while let Some(this) = row.take_if(|row| row.revision <= revision) {
                check.row(&RowParts {
                    sequence: natural(this.sequence),
                    code: EntryCode(this.entry as u8),
                    namespace: &this.namespace,
                    stream: this.stream.as_deref(),
                    kind: this.kind.as_deref(),
                    body: &this.body,
                });
                row = rows.next().await?;
            }
            let digest: Option<[u8; 32]> = commit.get::<_, &[u8]>(4).try_into().ok();
            let digest = digest.unwrap_or_default();
            check.end(&digest);
            last = (revision, digest);
        }
    }
    let mut findings = check.findings;
    if last.0 != present || (present > 0 && store.get::<_, &[u8]>(2) != last.1) {
        findings.push(Finding::new(
            "chain",
            format!("the store is at revision {present}, its last commit at {}", last.0),
        ));
    }
    Ok(findings)
}

struct Logged {
    sequence: i64,
    revision: i64,
    entry: i16,
    namespace: String,
    stream: Option<String>,
    kind: Option<String>,
    body: Vec<u8>,
}

/// The rows of some commits, read as they are needed.
struct Rows<'a> {
    session: &'a Session,
    from: i64,
    to: i64,
    after: i64,
    read: std::vec::IntoIter<Logged>,
    end: bool,
}

impl Rows<'_> {
    async fn next(&mut self) -> Result<Option<Logged>, Problem> {
        if self.read.len() == 0 && !self.end {
            let rows = self.session.query(ROWS, &[&self.from, &self.to, &self.after, &CHUNK]).await?;
            self.end = rows.len() < CHUNK as usize;
            let optional = |octets: Option<&[u8]>| octets.map(text);
            let logged = rows.iter().map(|row| Logged {
                sequence: row.get(0),
                revision: row.get(1),
                entry: row.get(2),
                namespace: optional(row.get(3)).unwrap_or_default(),
                stream: optional(row.get(4)),
                kind: optional(row.get(5)),
                body: row.get(6),
            });
            self.read = logged.collect::<Vec<_>>().into_iter();
            self.after = rows.last().map_or(self.after, |row| row.get(0));
        }
        Ok(self.read.next())
    }
}
