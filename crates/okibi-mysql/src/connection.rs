//! A connection borrowed from the app's pool. It is returned only if no answer is outstanding on
//! it.

use std::time::Duration;

use sqlx::{Connection, MySql, MySqlConnection, MySqlPool, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::error::{DriverError, RequestError};

/// How long a connection may take to answer after its request was cancelled.
///
/// Until then the connection counts in the pool. So at most as many requests as the pool has
/// connections wait for a lock in the server, and not one for each cancelled request. After that
/// the connection is closed, so that a network that drops all packets does not exhaust the pool.
const LINGER: Duration = Duration::from_secs(5);

/// A connection that is returned to its pool when this is dropped.
pub(crate) struct Borrowed {
    connection: Option<PoolConnection<MySql>>,
    /// Whether an answer is outstanding.
    is_awaiting: bool,
}

impl Borrowed {
    pub(crate) async fn from(pool: &MySqlPool) -> Result<Self, RequestError> {
        let connection = pool.acquire().await.map_err(|error| RequestError::NoConnection(error.into()))?;
        Ok(Self { connection: Some(connection), is_awaiting: false })
    }

    /// Runs a request on the connection. A driver error closes the connection.
    pub(crate) async fn run<T>(
        &mut self,
        request: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DriverError> {
        let Some(connection) = &mut self.connection else {
            return Err(DriverError::Driver(sqlx::Error::WorkerCrashed));
        };
        self.is_awaiting = true;
        let result = request(connection).await.map_err(DriverError::from);
        self.is_awaiting = false;
        if matches!(&result, Err(DriverError::Driver(_))) {
            close(self.connection.take());
        }
        result
    }
}

/// Closes the connection without a message to the server, which might not read it.
fn close(connection: Option<PoolConnection<MySql>>) {
    drop(connection.map(PoolConnection::detach));
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return close(self.connection.take()) };
        let Some(mut connection) = self.connection.take() else { return };
        if self.is_awaiting {
            // The outstanding answer belongs to a cancelled request. No other request may read it.
            drop(runtime.spawn(async move {
                let answered = timeout(LINGER, connection.ping()).await;
                drop(answered);
                close(Some(connection));
            }));
        } else {
            // The pool does the same without a limit.
            let returning = connection.return_to_pool();
            drop(runtime.spawn(timeout(LINGER, returning)));
        }
    }
}
