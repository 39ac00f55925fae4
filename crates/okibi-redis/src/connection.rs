//! The transports to Redis, and how each sends a command.

use std::{fmt, time::Duration};

use redis::{
    Client, Cmd, IntoConnectionInfo, RedisResult, Value,
    aio::{ConnectionManager, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
    sentinel::SentinelClient,
};

use crate::{
    error::CommandError,
    node::Node,
    reconnecting::{Reconnecting, Source},
};

/// Response timeout of the connections that okibi makes: okibi's default store timeout.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time to connect.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection is closed if the server acknowledges no packet for this long.
const SILENCE: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(3);

/// A connection for a [`RedisStore`](crate::RedisStore): the driver's [`ConnectionManager`] or
/// [`MultiplexedConnection`].
#[derive(Clone)]
pub struct RedisConnection(pub(crate) Transport);

/// How commands reach Redis.
#[derive(Clone)]
pub(crate) enum Transport {
    Manager(ConnectionManager),
    Multiplexed(MultiplexedConnection),
    Cluster(ClusterConnection<Node>),
    Reconnecting(Reconnecting),
}

impl From<ConnectionManager> for RedisConnection {
    fn from(connection: ConnectionManager) -> Self {
        Self(Transport::Manager(connection))
    }
}

impl From<MultiplexedConnection> for RedisConnection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self(Transport::Multiplexed(connection))
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

impl Transport {
    /// Connects to one server, and reconnects when the connection breaks.
    pub(crate) async fn to(url: &str) -> RedisResult<Self> {
        let keepalive = TcpKeepalive::new().with_time(PROBE_EVERY).with_interval(PROBE_EVERY);
        let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let settings = settings.set_user_timeout(SILENCE);
        let info = url.into_connection_info()?.set_tcp_settings(settings);
        Reconnecting::new(Source::Server(Client::open(info)?)).await.map(Self::Reconnecting)
    }

    /// Connects to the nodes of a cluster.
    pub(crate) async fn to_cluster(client: &ClusterClient) -> RedisResult<Self> {
        client.get_async_generic_connection().await.map(Self::Cluster)
    }

    /// Connects to the master that the sentinels name.
    pub(crate) async fn to_master(sentinels: SentinelClient) -> RedisResult<Self> {
        Reconnecting::new(Source::Sentinels(sentinels)).await.map(Self::Reconnecting)
    }

    /// Whether keys may be on different servers.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Sends a command that may be executed twice. If the connection broke, it sends the command
    /// again.
    pub(crate) async fn send_idempotent(&self, key: &str, command: &Cmd) -> Result<Value, CommandError> {
        match self.send(key, command).await {
            Err(error) if error.is_broken() => self.send(key, command).await,
            sent => sent,
        }
    }

    /// Sends a command that must not be executed twice. It sends it again only if the connection
    /// was refused: the driver may report its last attempt to connect, which may have been before
    /// the server was reachable again.
    pub(crate) async fn send_once(&self, key: &str, command: &Cmd) -> Result<Value, CommandError> {
        match self.send(key, command).await {
            Err(error) if error.is_refused() => self.send(key, command).await,
            sent => sent,
        }
    }

    /// Sends a command to the primary of this key's slot.
    async fn send(&self, key: &str, command: &Cmd) -> Result<Value, CommandError> {
        let sent = match self {
            Self::Manager(connection) => connection.clone().send_packed_command(command).await,
            Self::Multiplexed(connection) => connection.clone().send_packed_command(command).await,
            Self::Cluster(connection) => {
                // Reads too, because a replica may be behind.
                let route = Route::with_key(key, SlotAddr::Master);
                let to = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route));
                connection.clone().route_command(command.clone(), to).await
            }
            Self::Reconnecting(reconnecting) => return reconnecting.send(command).await,
        };
        sent.and_then(Value::extract_error).map_err(CommandError::Redis)
    }

    /// Sends a command to every primary of a cluster, else to the server.
    pub(crate) async fn send_to_all(&self, command: &Cmd) -> Result<Value, CommandError> {
        let Self::Cluster(connection) = self else { return self.send("", command).await };
        let to = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        connection.clone().route_command(command.clone(), to).await.map_err(CommandError::Redis)
    }
}
