//! The tables, and how older schemas get them.

use floria::StoreError;

use crate::{
    connection::{Connections, block_on},
    error::{Problem, unavailable},
    session::Session,
};

/// What brings a schema from the version that is its place here to the next one. Never edited once released, only added to.
const MIGRATIONS: &[&str] = &[
    // `body` is CBOR, whole; the other columns are what is looked up. Bodies are in the log alone: the row of an entity points
    // to the row that put it in. Names are octets, and those that repeat have numbers.
    "
    -- Its one row orders commits: whoever holds its lock makes the next revision.
    CREATE TABLE store (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        revision bigint NOT NULL,
        sequence bigint NOT NULL,
        ids_used bigint NOT NULL,
        kept_from bigint NOT NULL,
        time_ms bigint NOT NULL,
        digest bytea NOT NULL
    ) WITH (fillfactor = 10);
    INSERT INTO store VALUES (true, 0, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'));

    CREATE TABLE namespace (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key bytea NOT NULL UNIQUE,
        name bytea NOT NULL,
        revision bigint NOT NULL,
        -- The last revision that changed something here and whose rows of the log may be forgotten.
        forgotten_revision bigint NOT NULL DEFAULT 0
    );

    CREATE INDEX namespace_by_start ON namespace (substring(name FROM 1 FOR 64));

    -- Names of classes, streams, kinds of records, properties that are read, and sources.
    CREATE TABLE word (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key bytea NOT NULL UNIQUE,
        name bytea NOT NULL
    );

    -- The numbers of what has a name in place of an id: classes and plugins, also those that are gone.
    CREATE TABLE named (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind smallint NOT NULL,
        namespace bigint NOT NULL,
        key bytea NOT NULL,
        name bytea NOT NULL,
        UNIQUE (kind, namespace, key)
    );

    CREATE TABLE commit (
        revision bigint PRIMARY KEY,
        time_ms bigint NOT NULL,
        -- The last row of the log that it or an earlier one wrote.
        sequence bigint NOT NULL,
        author bytea,
        author_stream bytea,
        -- By which whoever made it knows it again when its connection broke.
        token bytea NOT NULL,
        digest bytea NOT NULL
    );
    CREATE INDEX commit_by_time ON commit (time_ms, revision);

    -- Only ever appended to, until something is forgotten. `entry` says what kind of change it is, 0 for a record, whose words
    -- are in `stream` and `kind`.
    CREATE TABLE log (
        sequence bigint PRIMARY KEY,
        revision bigint NOT NULL,
        namespace bigint NOT NULL,
        entity bigint,
        stream bigint,
        kind bigint,
        entry smallint NOT NULL,
        body bytea NOT NULL
    );
    CREATE INDEX log_by_entity ON log (entity, sequence) WHERE entity IS NOT NULL;
    CREATE INDEX log_by_namespace ON log (namespace, sequence);
    CREATE INDEX log_by_stream ON log (stream, sequence) WHERE stream IS NOT NULL;

    CREATE TABLE entity (
        id bigint NOT NULL,
        namespace bigint NOT NULL,
        -- The row of the log that put it in, and its revision.
        sequence bigint NOT NULL,
        revision bigint NOT NULL,
        container bigint,
        source bigint,
        target bigint,
        origin bigint,
        kind smallint NOT NULL,
        name bytea,
        -- Numbers of classes and reads, as CBOR.
        several bytea,
        PRIMARY KEY (kind, id)
    ) WITH (fillfactor = 90);
    CREATE INDEX entity_by_namespace ON entity (namespace, kind, id);
    CREATE INDEX entity_by_name ON entity (kind, name, container, namespace) WHERE name IS NOT NULL;
    CREATE INDEX entity_by_container ON entity (kind, container, id) WHERE container IS NOT NULL;
    CREATE INDEX entity_by_source ON entity (kind, source, id) WHERE source IS NOT NULL;
    CREATE INDEX entity_by_target ON entity (kind, target, id) WHERE target IS NOT NULL;
    CREATE INDEX entity_by_origin ON entity (kind, origin, id) WHERE origin IS NOT NULL;

    CREATE TABLE entity_class (
        class bigint NOT NULL,
        id bigint NOT NULL,
        kind smallint NOT NULL,
        PRIMARY KEY (class, kind, id)
    );

    -- `kind` and `id` are those of the reader.
    CREATE TABLE entity_read (
        site bigint NOT NULL,
        property bigint NOT NULL,
        id bigint NOT NULL,
        site_kind smallint NOT NULL,
        kind smallint NOT NULL,
        PRIMARY KEY (site, property, site_kind, kind, id)
    );
    ",
];

/// Orders those who make or update schemas of one database: `FLOR`.
const ADVISORY_LOCK: i64 = 0x464c_4f52;

/// The oldest server that has all that is used here.
const SERVER_VERSION_MIN: i32 = 130_000;

/// Makes the schema, or brings it up to date, in one transaction.
pub(crate) fn prepare(connections: &Connections) -> Result<(), StoreError> {
    let prepared = connections.open().and_then(|session| {
        let prepared = block_on(migrate(&session, connections));
        session.end();
        if prepared.is_ok() {
            connections.put_back(session);
        }
        prepared
    });
    let schema = &connections.settings.schema;
    prepared.map_err(|problem| problem.told(&format!("open the store in schema `{schema}`")))
}

async fn migrate(session: &Session, connections: &Connections) -> Result<(), Problem> {
    let (schema, quoted) = (&connections.settings.schema, connections.settings.quoted_schema());
    let attempt = format!("open the store in schema `{schema}`");
    let client = &session.client;
    let version = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await?;
    if version.get::<_, i32>(0) < SERVER_VERSION_MIN {
        return Err(unavailable(&attempt, "PostgreSQL 13 or newer is needed").into());
    }
    // Most of the time there is nothing to do, and nobody has to wait for anybody.
    if version_of(session, schema).await? == Some(MIGRATIONS.len()) {
        return Ok(());
    }
    client.batch_execute("BEGIN; SET LOCAL lock_timeout TO 0").await?;
    // Another host may do it at this moment.
    client.execute("SELECT pg_advisory_xact_lock($1)", &[&ADVISORY_LOCK]).await?;
    let done = match version_of(session, schema).await? {
        Some(done) => done,
        None => {
            let others = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1)";
            if client.query_one(others, &[&quoted]).await?.get::<_, i64>(0) > 0 {
                return Err(unavailable(&attempt, "the schema holds tables of another program").into());
            }
            let version = format!(
                "CREATE SCHEMA IF NOT EXISTS {quoted};
                 CREATE TABLE {quoted}.floria_version (version integer NOT NULL);
                 INSERT INTO {quoted}.floria_version VALUES (0)"
            );
            client.batch_execute(&version).await?;
            0
        }
    };
    check_version(done as i32)?;
    if done > 0 {
        // Whoever commits now does so to the schema that is known there, and later ones look.
        client.batch_execute("SELECT 1 FROM store FOR UPDATE").await?;
    }
    for migration in &MIGRATIONS[done..] {
        client.batch_execute(migration).await?;
    }
    let known = i32::try_from(MIGRATIONS.len()).expect("there are few migrations");
    client.execute("UPDATE floria_version SET version = $1", &[&known]).await?;
    Ok(client.batch_execute("COMMIT").await?)
}

/// Checks that a version of the schema is none that a newer program made.
pub(crate) fn check_version(found: i32) -> Result<(), StoreError> {
    if usize::try_from(found).is_ok_and(|found| found <= MIGRATIONS.len()) {
        return Ok(());
    }
    Err(StoreError::TooNew {
        found: u32::try_from(found).unwrap_or(u32::MAX),
        known: u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX),
    })
}

/// Returns the version of a schema, if it is one of ours.
async fn version_of(session: &Session, schema: &str) -> Result<Option<usize>, Problem> {
    let ours = "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'floria_version'";
    if session.client.query_opt(ours, &[&schema]).await?.is_none() {
        return Ok(None);
    }
    let version = session.client.query_one("SELECT version FROM floria_version", &[]).await?;
    let version = version.get::<_, i32>(0);
    usize::try_from(version).map(Some).map_err(|_| {
        StoreError::Damaged(format!("schema `{schema}` says that it has version {version}")).into()
    })
}
