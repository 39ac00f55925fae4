//! The ways to Redis, and how a command is sent on each.

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
    fault::Fault,
    followed::{Followed, Source},
    node::Node,
};

/// After which a command on a connection that okibi made counts as lost. It is the deadline that okibi's layer has by default.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long making a connection may take.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// After which a server that does not even acknowledge what it is sent counts as gone, so that a new connection is made.
const SILENCE: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(3);

/// A connection that a [`RedisStore`](crate::RedisStore) is made of: the driver's [`ConnectionManager`], or its
/// [`MultiplexedConnection`].
#[derive(Clone)]
pub struct RedisConnection(pub(crate) Way);

/// The ways there are.
#[derive(Clone)]
pub(crate) enum Way {
    Manager(ConnectionManager),
    Multiplexed(MultiplexedConnection),
    Cluster(ClusterConnection<Node>),
    Followed(Followed),
}

impl From<ConnectionManager> for RedisConnection {
    fn from(connection: ConnectionManager) -> Self {
        Self(Way::Manager(connection))
    }
}

impl From<MultiplexedConnection> for RedisConnection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self(Way::Multiplexed(connection))
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

impl Way {
    /// A connection of its own that is made again when it breaks.
    pub(crate) async fn to(url: &str) -> RedisResult<Self> {
        let keepalive = TcpKeepalive::new().with_time(PROBE_EVERY).with_interval(PROBE_EVERY);
        let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let settings = settings.set_user_timeout(SILENCE);
        let info = url.into_connection_info()?.set_tcp_settings(settings);
        Followed::new(Source::Server(Client::open(info)?)).await.map(Self::Followed)
    }

    /// Connections of its own to the nodes of a cluster.
    pub(crate) async fn to_cluster(client: &ClusterClient) -> RedisResult<Self> {
        client.get_async_generic_connection().await.map(Self::Cluster)
    }

    /// A connection of its own to the master that the sentinels name.
    pub(crate) async fn to_master(sentinels: SentinelClient) -> RedisResult<Self> {
        Followed::new(Source::Sentinels(sentinels)).await.map(Self::Followed)
    }

    /// Whether keys may lie on different servers.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Sends a command that may be carried out twice, and does so once more if the connection was broken.
    pub(crate) async fn ask(&self, key: &str, command: &Cmd) -> Result<Value, Fault> {
        match self.send(key, command).await {
            Err(fault) if fault.is_broken() => self.send(key, command).await,
            sent => sent,
        }
    }

    /// Sends a command that must not be carried out twice. It is sent once more only if there was nobody to send it to: what
    /// the driver hands out is how its last attempt to connect ended, which may have been before the server came back.
    pub(crate) async fn tell(&self, key: &str, command: &Cmd) -> Result<Value, Fault> {
        match self.send(key, command).await {
            Err(fault) if fault.is_refused() => self.send(key, command).await,
            sent => sent,
        }
    }

    /// Sends a command to the primary that has this key.
    async fn send(&self, key: &str, command: &Cmd) -> Result<Value, Fault> {
        let sent = match self {
            Self::Manager(connection) => connection.clone().send_packed_command(command).await,
            Self::Multiplexed(connection) => connection.clone().send_packed_command(command).await,
            Self::Cluster(connection) => {
                // Reads too: what a replica says may be old.
                let route = Route::with_key(key, SlotAddr::Master);
                let to = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route));
                connection.clone().route_command(command.clone(), to).await
            }
            Self::Followed(followed) => return followed.send(command).await,
        };
        sent.and_then(Value::extract_error).map_err(Fault::Redis)
    }

    /// Asks every server, where there are several.
    pub(crate) async fn ask_all(&self, command: &Cmd) -> Result<Value, Fault> {
        let Self::Cluster(connection) = self else { return self.send("", command).await };
        let to = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        connection.clone().route_command(command.clone(), to).await.map_err(Fault::Redis)
    }
}
