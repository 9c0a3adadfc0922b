//! One connection, with its prepared statements.

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::Mutex,
    task::{Context, Waker},
};

use futures_util::future::{BoxFuture, try_join_all};
use tokio_postgres::{Client, NoTls, Row, Statement, types::ToSql};

use crate::{connection::locked, error::Problem, settings::Settings};

/// How long a transaction that writes may do nothing before the server ends it: its host may be gone, and all others wait.
const IDLE_MS_MAX: u32 = 30_000;

/// How long it may wait for its turn among the hosts that commit.
const LOCK_MS_MAX: u32 = 60_000;

/// Parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A parameter that goes along with its request.
pub(crate) type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement that is sent when this is first polled, and then its answer.
pub(crate) type Request<'a> = BoxFuture<'a, Result<Vec<Row>, Problem>>;

/// Makes the parameters of a request.
macro_rules! parameters {
    ($($parameter:expr),* $(,)?) => {
        vec![$(Box::new($parameter) as crate::session::Parameter<'_>),*]
    };
}
pub(crate) use parameters;

/// How many requests are sent before the first answer is waited for.
const SIDE_BY_SIDE_MAX: usize = 16;

/// Sends requests one after the other without waiting for answers in between, and returns all answers, in order.
pub(crate) async fn side_by_side(requests: Vec<Request<'_>>) -> Result<Vec<Vec<Row>>, Problem> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut requests = requests.into_iter();
    while requests.len() > 0 {
        // Each is sent when it is first polled, which is in order; after the first that fails, all fail.
        let some: Vec<_> = requests.by_ref().take(SIDE_BY_SIDE_MAX).collect();
        answers.extend(try_join_all(some).await?);
    }
    Ok(answers)
}

/// A connection to the server.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// What tells it from all other connections of this server: process and start.
    pub(crate) identity: (i32, String),
    statements: Mutex<HashMap<String, Statement>>,
}

impl Session {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Problem> {
        let (client, connection) = settings.config.connect(NoTls).await?;
        // It ends when the client is dropped, or when the server is gone; then each request fails and says so.
        tokio::spawn(connection);
        // What a commit promises is kept whatever the server's default is, and a stronger default is left alone. Compiling
        // queries takes longer than these take.
        let settings = format!(
            "SET search_path TO {}, pg_temp; SET client_min_messages TO warning; SET jit TO off;
             SET idle_in_transaction_session_timeout TO {IDLE_MS_MAX}; SET lock_timeout TO {LOCK_MS_MAX};
             SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') IN ('off', 'local')",
            settings.quoted_schema()
        );
        client.batch_execute(&settings).await?;
        let identity = client
            .query_one(
                "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                &[],
            )
            .await?;
        let identity = (identity.get(0), identity.get(1));
        Ok(Self { client, identity, statements: Mutex::default() })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a statement, which is prepared when it comes the first time.
    pub(crate) async fn query(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Problem> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, parameters).await?)
    }

    /// Makes a request, to be sent beside others. Its statement must have been prepared.
    pub(crate) fn request<'a>(&'a self, sql: &'a str, parameters: Vec<Parameter<'a>>) -> Request<'a> {
        Box::pin(async move {
            let parameters: Vec<_> =
                parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
            self.query(sql, &parameters).await
        })
    }

    /// Makes the request that begins or ends a transaction.
    pub(crate) fn simple_request<'a>(&'a self, sql: &'a str) -> Request<'a> {
        Box::pin(async move { Ok(self.client.batch_execute(sql).await.map(|()| Vec::new())?) })
    }

    /// Runs a statement that answers at most one row.
    pub(crate) async fn query_opt(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, Problem> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query_opt(&statement, parameters).await?)
    }

    /// Runs a statement that answers one row.
    pub(crate) async fn query_one(&self, sql: &str, parameters: Parameters<'_>) -> Result<Row, Problem> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query_one(&statement, parameters).await?)
    }

    /// Runs a statement that answers nothing, and returns how many rows it changed.
    pub(crate) async fn execute(&self, sql: &str, parameters: Parameters<'_>) -> Result<u64, Problem> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, parameters).await?)
    }

    /// Prepares statements that are about to be used side by side, so that none of them waits for the server at that time.
    pub(crate) async fn prepare(&self, statements: &[&str]) -> Result<(), Problem> {
        for sql in statements {
            self.statement(sql).await?;
        }
        Ok(())
    }

    /// Begins a transaction that reads one state, whatever is committed meanwhile.
    pub(crate) async fn begin_reading(&self) -> Result<(), Problem> {
        // A snapshot may be held for long.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                     SET LOCAL idle_in_transaction_session_timeout TO 0";
        Ok(self.client.batch_execute(begin).await?)
    }

    /// Ends a transaction without waiting for the answer: whatever comes next on this connection comes after.
    pub(crate) fn end(&self) {
        let mut ending = pin!(self.client.batch_execute("ROLLBACK"));
        let _ = ending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    async fn statement(&self, sql: &str) -> Result<Statement, Problem> {
        if let Some(statement) = locked(&self.statements).get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        locked(&self.statements).insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}
