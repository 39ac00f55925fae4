//! A connection to one server, or to whichever server the sentinels name as the master, that is made again when it is
//! of no more use.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::MultiplexedConnection, sentinel::SentinelClient,
};
use tokio::sync::Mutex;

use crate::{
    connection::{CONNECTION_TIMEOUT, RESPONSE_TIMEOUT},
    fault::Fault,
    pulse::Pulse,
};

/// Connects again, and asks the sentinels again, when the connection breaks, falls silent, or leads to a server that is no
/// master any more.
#[derive(Clone)]
pub(crate) struct Followed(Arc<Inner>);

struct Inner {
    source: Mutex<Source>,
    current: RwLock<Current>,
}

/// Where connections come from.
pub(crate) enum Source {
    /// One server.
    Server(Client),
    /// The server that they name.
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

/// The connection of now.
#[derive(Default)]
struct Current {
    connection: Option<(MultiplexedConnection, Pulse)>,
    /// How many there have been.
    number: u64,
    /// How often one was tried to be made.
    tries: u64,
    /// What came of the last try, if nothing good.
    failure: Option<RedisError>,
}

impl Followed {
    /// Connects.
    pub(crate) async fn new(source: Source) -> RedisResult<Self> {
        let inner = Inner { source: Mutex::new(source), current: RwLock::default() };
        let this = Self(Arc::new(inner));
        this.connection().await?;
        Ok(this)
    }

    /// Sends a command.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Fault> {
        let (mut connection, pulse, number) = self.connection().await.map_err(Fault::Unsent)?;
        pulse.asked();
        let answer = connection.send_packed_command(command).await;
        if answer.is_ok() {
            pulse.answered();
        }
        answer.and_then(Value::extract_error).map_err(|error| {
            if is_over(&error) {
                self.forget(number);
            }
            Fault::Redis(error)
        })
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, Pulse, u64)> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let tries = self.read().tries;
        // It goes on when who asked for it gives up: the next one wants it too.
        let this = self.clone();
        let made = tokio::spawn(async move { this.make(tries).await });
        made.await.unwrap_or_else(|_| Err((ErrorKind::Client, "the runtime ends").into()))
    }

    /// Makes a connection. Of all who wait for one, one does it; who comes later finds what the first has found, and a
    /// failure is everybody's who has waited for it.
    async fn make(&self, tries: u64) -> RedisResult<(MultiplexedConnection, Pulse, u64)> {
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
        let (connection, pulse) = (made?, Pulse::default());
        current.number += 1;
        current.connection = Some((connection.clone(), pulse.clone()));
        Ok((connection, pulse, current.number))
    }

    fn current(&self) -> Option<(MultiplexedConnection, Pulse, u64)> {
        let current = self.read();
        let (connection, pulse) = current.connection.as_ref().filter(|(_, pulse)| !pulse.is_silent())?;
        Some((connection.clone(), pulse.clone(), current.number))
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next command connect anew, unless somebody has already done that.
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
