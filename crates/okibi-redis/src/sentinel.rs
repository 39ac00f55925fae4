//! A connection to whichever server the sentinels name as the master.

use std::sync::{Arc, PoisonError, RwLock};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value, aio::MultiplexedConnection,
    sentinel::SentinelClient,
};
use tokio::sync::Mutex;

use crate::{connection::RESPONSE_TIMEOUT, fault::Fault};

/// Asks the sentinels again when the connection breaks, stalls, or leads to a server that is no master any more.
#[derive(Clone)]
pub(crate) struct Followed(Arc<Inner>);

struct Inner {
    sentinels: Mutex<SentinelClient>,
    current: RwLock<Current>,
}

/// The connection of now, and how many there have been.
#[derive(Clone, Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Followed {
    /// Finds the master and connects to it.
    pub(crate) async fn new(sentinels: SentinelClient) -> RedisResult<Self> {
        let inner = Inner { sentinels: Mutex::new(sentinels), current: RwLock::default() };
        let this = Self(Arc::new(inner));
        this.connection().await?;
        Ok(this)
    }

    /// Sends a command to the master.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Fault> {
        let (mut connection, number) = self.connection().await.map_err(Fault::Unsent)?;
        let sent = connection.send_packed_command(command).await.and_then(Value::extract_error);
        sent.map_err(|error| {
            if is_over(&error) {
                self.forget(number);
            }
            Fault::Redis(error)
        })
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        // One at a time; who comes later finds what the first has found.
        let mut sentinels = self.0.sentinels.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = sentinels.get_async_connection_with_config(&config).await?;
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    fn current(&self) -> Option<(MultiplexedConnection, u64)> {
        let Current { connection, number } = &*self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        connection.clone().map(|connection| (connection, *number))
    }

    /// Lets the next command ask the sentinels, unless somebody has already done that.
    fn forget(&self, number: u64) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            current.connection = None;
        }
    }
}

/// Whether the connection is of no more use, or leads to a server that another has taken the place of.
fn is_over(error: &RedisError) -> bool {
    let is_no_master =
        matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    is_no_master || error.is_io_error() || error.is_unrecoverable_error()
}
