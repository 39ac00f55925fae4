//! A connection from the app's pool, which finds its way back only if nothing is left of what it was used for.

use std::time::Duration;

use sqlx::{Connection, MySql, MySqlConnection, MySqlPool, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::fault::{Failure, Fault};

/// How long a connection may take to answer once nobody waits for its answer any more.
///
/// Until then it keeps its place in the pool: as many requests as the pool has places can wait in the server for a lock, and
/// not one for each request that was given up. After that it is closed, so that a network that swallows everything
/// does not use up the pool.
const LINGER: Duration = Duration::from_secs(5);

/// A connection that goes back to its pool when this is dropped.
pub(crate) struct Held {
    connection: Option<PoolConnection<MySql>>,
    /// Whether an answer is still to come.
    is_asked: bool,
}

impl Held {
    pub(crate) async fn from(pool: &MySqlPool) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(|error| Fault::NoConnection(error.into()))?;
        Ok(Self { connection: Some(connection), is_asked: false })
    }

    /// Carries out a request on the connection. One that breaks it closes it.
    pub(crate) async fn run<T>(
        &mut self,
        request: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Failure> {
        let Some(connection) = &mut self.connection else { return Err(Failure::Driver(sqlx::Error::WorkerCrashed)) };
        self.is_asked = true;
        let result = request(connection).await.map_err(Failure::from);
        self.is_asked = false;
        if matches!(&result, Err(Failure::Driver(_))) {
            close(self.connection.take());
        }
        result
    }
}

/// Closes it without a word to the server, which might not listen.
fn close(connection: Option<PoolConnection<MySql>>) {
    drop(connection.map(PoolConnection::detach));
}

impl Drop for Held {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return close(self.connection.take()) };
        let Some(mut connection) = self.connection.take() else { return };
        if self.is_asked {
            // Its answer belongs to a request that was given up: nobody else is to read on from there.
            drop(runtime.spawn(async move {
                let answered = timeout(LINGER, connection.ping()).await;
                drop(answered);
                close(Some(connection));
            }));
        } else {
            // What the pool does itself, but not for ever.
            let returning = connection.return_to_pool();
            drop(runtime.spawn(timeout(LINGER, returning)));
        }
    }
}
