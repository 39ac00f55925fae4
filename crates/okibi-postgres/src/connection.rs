//! A connection borrowed from the app's pool. It is returned in every case, also when its future is
//! dropped.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Error, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
    raw_sql,
};

use crate::{
    error::DriverError,
    pool::{PooledConnection, SharedPool},
};

/// Attempts of a statement that collides with other transactions.
const ATTEMPTS: usize = 100;

/// A statement with its parameters.
pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A borrowed connection. When it is dropped, the next request gets the connection.
pub(crate) struct Borrowed {
    pub(crate) pool: Option<Arc<SharedPool>>,
    /// `None` before the pool has given one, and after it was closed.
    pub(crate) pooled: Option<PooledConnection>,
    /// An answer is outstanding.
    is_awaiting: bool,
}

impl Borrowed {
    pub(crate) const fn at(pool: Arc<SharedPool>, pooled: Option<PooledConnection>) -> Self {
        Self { pool: Some(pool), pooled, is_awaiting: false }
    }

    /// Sends a statement and returns its rows. An error that breaks the connection closes it.
    pub(crate) async fn fetch(&mut self, request: Statement<'_>) -> Result<Vec<PgRow>, DriverError> {
        self.is_awaiting = true;
        let asked = match self.pooled.as_mut().and_then(PooledConnection::next_use) {
            Some(connection) => request.fetch_all(&mut **connection).await,
            None => Err(Error::PoolClosed),
        };
        self.note(asked)
    }

    /// The same for a statement that may be repeated: it is sent again if it collides with another
    /// transaction.
    pub(crate) async fn fetch_retrying<'q>(
        &mut self,
        request: impl Fn() -> Statement<'q>,
    ) -> Result<Vec<PgRow>, DriverError> {
        for _ in 1..ATTEMPTS {
            match self.fetch(request()).await {
                Err(failure) if failure.is_collision() => {}
                result => return result,
            }
        }
        self.fetch(request()).await
    }

    /// Runs several statements in one message, which makes them one transaction.
    pub(crate) async fn script(&mut self, statements: String) -> Result<(), DriverError> {
        self.is_awaiting = true;
        let done = match self.pooled.as_mut().and_then(PooledConnection::next_use) {
            Some(connection) => raw_sql(AssertSqlSafe(statements)).execute(&mut **connection).await,
            None => Err(Error::PoolClosed),
        };
        self.note(done).map(drop)
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, DriverError> {
        let result = result.map_err(DriverError::from);
        match &result {
            Ok(_) => self.is_awaiting = false,
            Err(failure) if failure.ends_connection() => {
                if let Some(mut pooled) = self.pooled.take() {
                    pooled.close();
                }
            }
            // The pool tests the connection before it gives it to another request.
            Err(_) => {}
        }
        result
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Some(pool) = self.pool.take() else { return };
        let pooled = self.pooled.take().filter(|_| !self.is_awaiting);
        pool.give_back(pooled);
    }
}
