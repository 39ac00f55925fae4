//! A connection from the app's pool, which finds its way back whatever happens meanwhile.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::fault::{Failure, Fault};

/// How long a connection may take to answer once nobody waits for its answer any more.
///
/// Until then it keeps its place in the pool: as many requests as the pool has places can wait in the server for a lock, and
/// not one for each request that was given up. After that it is closed, so that a network that swallows everything
/// does not use up the pool.
const LINGER: Duration = Duration::from_secs(5);

/// A connection that goes back to its pool when this is dropped.
pub(crate) struct Held(Option<PoolConnection<Postgres>>);

impl Held {
    pub(crate) async fn from(pool: &PgPool) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(|error| Fault::NoConnection(error.into()))?;
        Ok(Self(Some(connection)))
    }

    /// Carries out a request on the connection. One that breaks it closes it.
    pub(crate) async fn run<T>(
        &mut self,
        request: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Failure> {
        let Some(connection) = &mut self.0 else { return Err(Failure::Driver(sqlx::Error::WorkerCrashed)) };
        let result = request(connection).await.map_err(Failure::from);
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
