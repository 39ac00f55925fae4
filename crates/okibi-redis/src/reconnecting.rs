//! A connection to one server, or to the master that the sentinels name. It reconnects when the
//! connection is unusable.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::MultiplexedConnection, sentinel::SentinelClient,
};
use tokio::sync::Mutex;

use crate::{
    connection::{CONNECTION_TIMEOUT, RESPONSE_TIMEOUT},
    error::CommandError,
    liveness::Liveness,
};

/// Reconnects, and asks the sentinels again, when the connection breaks, answers nothing, or its
/// server is no longer the master.
#[derive(Clone)]
pub(crate) struct Reconnecting(Arc<Inner>);

struct Inner {
    source: Mutex<Source>,
    current: RwLock<Current>,
}

/// What to connect to.
pub(crate) enum Source {
    /// One server.
    Server(Client),
    /// The master that they name.
    Sentinels(SentinelClient),
}

impl Source {
    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT));
        match self {
            Self::Server(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Self::Sentinels(client) => client.get_async_connection_with_config(&config).await,
        }
    }
}

/// The current connection.
#[derive(Default)]
struct Current {
    connection: Option<(MultiplexedConnection, Liveness)>,
    /// The number of connections made so far.
    number: u64,
    /// The number of attempts to connect.
    tries: u64,
    /// The error of the last attempt, if it failed.
    failure: Option<RedisError>,
}

impl Reconnecting {
    /// Connects.
    pub(crate) async fn new(source: Source) -> RedisResult<Self> {
        let inner = Inner { source: Mutex::new(source), current: RwLock::default() };
        let this = Self(Arc::new(inner));
        this.connection().await?;
        Ok(this)
    }

    /// Sends a command.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, CommandError> {
        let (mut connection, liveness, number) = self.connection().await.map_err(CommandError::Unsent)?;
        liveness.asked();
        let answer = connection.send_packed_command(command).await;
        if answer.is_ok() {
            liveness.answered();
        }
        answer.and_then(Value::extract_error).map_err(|error| {
            if is_over(&error) {
                self.forget(number);
            }
            CommandError::Redis(error)
        })
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, Liveness, u64)> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let tries = self.read().tries;
        // A task of its own: it continues when its caller is cancelled, because the next caller
        // needs the connection too.
        let this = self.clone();
        let made = tokio::spawn(async move { this.make(tries).await });
        made.await.unwrap_or_else(|_| Err((ErrorKind::Client, "the runtime ends").into()))
    }

    /// Connects. Of concurrent callers one connects, and the others get the same connection or the
    /// same error.
    async fn make(&self, tries: u64) -> RedisResult<(MultiplexedConnection, Liveness, u64)> {
        let mut source = self.0.source.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let failed = Some(self.read()).filter(|current| current.tries != tries).and_then(|it| it.failure.clone());
        if let Some(failure) = failed {
            return Err(failure);
        }
        let made = source.connect().await;
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        current.tries += 1;
        current.failure = made.as_ref().err().cloned();
        let (connection, liveness) = (made?, Liveness::default());
        current.number += 1;
        current.connection = Some((connection.clone(), liveness.clone()));
        Ok((connection, liveness, current.number))
    }

    fn current(&self) -> Option<(MultiplexedConnection, Liveness, u64)> {
        let current = self.read();
        let (connection, liveness) = current.connection.as_ref().filter(|(_, liveness)| !liveness.is_silent())?;
        Some((connection.clone(), liveness.clone(), current.number))
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next command reconnect, unless another command has done so already.
    fn forget(&self, number: u64) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            current.connection = None;
        }
    }
}

/// Whether the connection is unusable, or its server is no longer the master.
fn is_over(error: &RedisError) -> bool {
    let is_no_master =
        matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    is_no_master || error.is_io_error() || error.is_unrecoverable_error()
}
