//! A connection from the app's pool, which finds its way back whatever happens meanwhile.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Error, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
    raw_sql,
};
use tokio::{runtime::Handle, time::timeout};

use crate::fault::{Failure, Fault};

/// How long a connection may take to answer once nobody waits for its answer any more.
///
/// Until then it keeps its place in the pool: as many requests as the pool has places can wait in the server for a lock, and
/// not one for each request that was given up. After that it is closed, so that a network that swallows everything
/// does not use up the pool.
const LINGER: Duration = Duration::from_secs(5);

/// How often a request is made that collides with others. Each time somebody else came further.
const ATTEMPTS: usize = 100;

/// A statement with its values.
pub(crate) type Request<'q> = Query<'q, Postgres, PgArguments>;

/// A connection that goes back to its pool when this is dropped.
pub(crate) struct Held(Option<PoolConnection<Postgres>>);

impl Held {
    pub(crate) async fn from(pool: &PgPool) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(|error| Fault::NoConnection(error.into()))?;
        Ok(Self(Some(connection)))
    }

    /// The rows that a request finds. One that breaks the connection closes it.
    pub(crate) async fn ask(&mut self, request: Request<'_>) -> Result<Vec<PgRow>, Failure> {
        let asked = match &mut self.0 {
            Some(connection) => request.fetch_all(&mut **connection).await,
            None => Err(Error::PoolClosed),
        };
        self.judge(asked)
    }

    /// The same for a request that is right whenever it is made, and so is made again if it collided with another's.
    pub(crate) async fn insist<'q>(&mut self, request: impl Fn() -> Request<'q>) -> Result<Vec<PgRow>, Failure> {
        for _ in 1..ATTEMPTS {
            match self.ask(request()).await {
                Err(failure) if failure.is_collision() => {}
                result => return result,
            }
        }
        self.ask(request()).await
    }

    /// Carries out several statements in one message, which makes them one transaction.
    pub(crate) async fn script(&mut self, statements: String) -> Result<(), Failure> {
        let done = match &mut self.0 {
            Some(connection) => raw_sql(AssertSqlSafe(statements)).execute(&mut **connection).await,
            None => Err(Error::PoolClosed),
        };
        self.judge(done).map(drop)
    }

    fn judge<T>(&mut self, result: Result<T, Error>) -> Result<T, Failure> {
        let result = result.map_err(Failure::from);
        if let Err(failure) = &result
            && failure.ends_connection()
        {
            self.close();
        }
        result
    }

    /// Closes it without a word to the server, which might not listen.
    fn close(&mut self) {
        drop(self.0.take().map(PoolConnection::detach));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return self.close() };
        let Some(mut connection) = self.0.take() else { return };
        // Waits for the answer of what was given up, if there is any. The pool does the same, but without an end.
        let returning = connection.return_to_pool();
        drop(runtime.spawn(timeout(LINGER, returning)));
    }
}
