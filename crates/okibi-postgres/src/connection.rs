//! A connection from the app's pool, which finds its way back whatever happens meanwhile.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Error, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
    raw_sql,
};

use crate::{
    fault::Failure,
    line::{Line, Wire},
};

/// How often a request is made that collides with others. Each time somebody else came further.
const ATTEMPTS: usize = 100;

/// A statement with its values.
pub(crate) type Request<'q> = Query<'q, Postgres, PgArguments>;

/// A connection, which goes to the next request when this is dropped.
pub(crate) struct Held {
    pub(crate) line: Option<Arc<Line>>,
    /// There is none until it comes from the pool, and none after it was closed.
    pub(crate) wire: Option<Wire>,
    /// An answer is still to come.
    is_asking: bool,
}

impl Held {
    pub(crate) const fn at(line: Arc<Line>, wire: Option<Wire>) -> Self {
        Self { line: Some(line), wire, is_asking: false }
    }

    /// The rows that a request finds. One that breaks the connection closes it.
    pub(crate) async fn ask(&mut self, request: Request<'_>) -> Result<Vec<PgRow>, Failure> {
        self.is_asking = true;
        let asked = match self.wire.as_mut().and_then(Wire::next_turn) {
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
        self.is_asking = true;
        let done = match self.wire.as_mut().and_then(Wire::next_turn) {
            Some(connection) => raw_sql(AssertSqlSafe(statements)).execute(&mut **connection).await,
            None => Err(Error::PoolClosed),
        };
        self.judge(done).map(drop)
    }

    fn judge<T>(&mut self, result: Result<T, Error>) -> Result<T, Failure> {
        let result = result.map_err(Failure::from);
        match &result {
            Ok(_) => self.is_asking = false,
            Err(failure) if failure.ends_connection() => {
                if let Some(mut wire) = self.wire.take() {
                    wire.close();
                }
            }
            // The pool looks at the connection before another gets it.
            Err(_) => {}
        }
        result
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        let wire = self.wire.take().filter(|_| !self.is_asking);
        line.leave(wire);
    }
}
