//! A connection to one node of a cluster. It never sends a swap twice.
//!
//! The driver's cluster connection sends a command again when its answer was lost. That is right
//! for reads and for idempotent commands. A swap that is sent again may meet the record that
//! another request wrote over the first one. It would be reported as refused, and its changes would
//! be applied again. So this module reports the lost answer to a swap as an error that the driver
//! does not retry. The engine then finds out whether the swap was made.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    Arg, AsyncConnectionConfig, Cmd, ErrorKind, IntoConnectionInfo, Pipeline, RedisError, RedisFuture, ServerErrorKind,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::Connect,
};
use tokio::time::timeout;

use crate::liveness::Liveness;

/// Longest time to wait for an answer. The driver sets no limit, and a waiting command keeps its
/// connection open.
const LOST: Duration = Duration::from_secs(10);

/// A connection to one node.
#[derive(Clone)]
pub(crate) struct Node {
    connection: MultiplexedConnection,
    /// The connection broke. The driver sends nothing on it any more, so a later failure means "not
    /// sent".
    is_broken: Arc<AtomicBool>,
    liveness: Liveness,
}

impl Connect for Node {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        Box::pin(async move {
            let connection = MultiplexedConnection::connect_with_config(info, config).await?;
            Ok(Self { connection, is_broken: Arc::default(), liveness: Liveness::default() })
        })
    }
}

impl ConnectionLike for Node {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            if self.liveness.is_silent() {
                // The driver reconnects and sends the command on the new connection.
                return Err(io::Error::from(io::ErrorKind::NotConnected).into());
            }
            let was_broken = self.is_broken.load(Ordering::Acquire);
            self.liveness.asked();
            let sent = timeout(LOST, self.connection.send_packed_command(command)).await;
            let error = match sent.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
                Ok(value) => {
                    self.liveness.answered();
                    // The driver would retry for minutes. Wrapped in an array, the error reaches
                    // the store.
                    let is_cross_slot = is_swap(command) && is_slot_moving(&value);
                    return Ok(if is_cross_slot { Value::Array(vec![value]) } else { value });
                }
                Err(error) => error,
            };
            if error.is_connection_dropped() {
                self.is_broken.store(true, Ordering::Release);
            }
            let is_known = was_broken || error.code().is_some();
            if is_known || !is_swap(command) { Err(error) } else { Err(lost(&error)) }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        // The store sends no pipeline to a cluster. The driver may.
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// Whether one of two keys of a slot has moved to another server and the other has not.
fn is_slot_moving(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::TryAgain))
}

/// Whether the command may swap: a script of the store, or a `SET`.
fn is_swap(command: &Cmd) -> bool {
    matches!(command.args_iter().next(), Some(Arg::Simple(b"EVALSHA" | b"EVAL" | b"SET")))
}

/// The same failure as an error that the driver does not retry.
fn lost(error: &RedisError) -> RedisError {
    (ErrorKind::Extension, "the answer of a node was lost", error.to_string()).into()
}
