//! A connection to one node of a cluster, over which a swap is never sent twice.
//!
//! The driver's cluster connection sends a command again when its answer was lost. For what only reads, or can be done
//! twice, that is right. A swap that comes a second time may meet what somebody else has written over the first in the
//! meantime: it would look as if it had never happened, and its changes would be made once more. So a lost
//! answer to a swap is reported here as something that the driver does not try again, and the engine finds out what became of it.

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

use crate::pulse::Pulse;

/// How long a command may wait for its answer. The driver sets no limit of its own, and a command that waits keeps its
/// connection open, also one that nobody answers on.
const LOST: Duration = Duration::from_secs(10);

/// A connection to one node.
#[derive(Clone)]
pub(crate) struct Node {
    connection: MultiplexedConnection,
    /// It broke. The driver sends nothing over it any more, so what fails from now on was not sent.
    is_broken: Arc<AtomicBool>,
    pulse: Pulse,
}

impl Connect for Node {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        Box::pin(async move {
            let connection = MultiplexedConnection::connect_with_config(info, config).await?;
            Ok(Self { connection, is_broken: Arc::default(), pulse: Pulse::default() })
        })
    }
}

impl ConnectionLike for Node {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            if self.pulse.is_silent() {
                // The driver connects anew and sends it there.
                return Err(io::Error::from(io::ErrorKind::NotConnected).into());
            }
            let was_broken = self.is_broken.load(Ordering::Acquire);
            self.pulse.asked();
            let sent = timeout(LOST, self.connection.send_packed_command(command)).await;
            let error = match sent.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
                Ok(value) => {
                    self.pulse.answered();
                    // The driver would wait and ask again for minutes, and the store knows better. It hands on what lies in a list.
                    let is_apart = is_script(command) && is_between(&value);
                    return Ok(if is_apart { Value::Array(vec![value]) } else { value });
                }
                Err(error) => error,
            };
            if error.is_connection_dropped() {
                self.is_broken.store(true, Ordering::Release);
            }
            let is_known = was_broken || error.code().is_some();
            if is_known || !is_script(command) { Err(error) } else { Err(lost(&error)) }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        // The store sends none to a cluster; the driver may.
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// Whether of two keys that lie together one has moved to another server already and the other has not.
fn is_between(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::TryAgain))
}

/// Whether it is one of the store's scripts, of which one is the swap.
fn is_script(command: &Cmd) -> bool {
    matches!(command.args_iter().next(), Some(Arg::Simple(b"EVALSHA" | b"EVAL")))
}

/// The same failure as one that the driver hands on.
fn lost(error: &RedisError) -> RedisError {
    (ErrorKind::Extension, "the answer of a node was lost", error.to_string()).into()
}
