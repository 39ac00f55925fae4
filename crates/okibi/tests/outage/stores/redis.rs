//! Redis: a connection that the store makes, one that the app makes with the driver's defaults, and
//! a cluster.

use okibi::RedisStore;
use okibi_servers::{Proxy, RedisCluster, RedisKind, RedisServer};
use redis::cluster::{ClusterClient, NodeAddress};

use crate::world::World;

/// The most connections of a client of one server.
pub const MAX_CONNECTIONS: usize = 1;
/// The most connections of a client of a cluster: one for each node, and those that read the list
/// of nodes.
pub const MAX_CONNECTIONS_OF_CLUSTER: usize = 6;

pub fn start() -> RedisServer {
    RedisServer::start(RedisKind::Redis7)
}

/// With a connection that the store makes.
pub async fn own(name: String, server: &RedisServer) -> World {
    let proxy = Proxy::start(server.port()).unwrap();
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap();
    World::new(name, store, vec![proxy])
}

/// With a connection that the app makes.
pub async fn with_connection_of_the_app(name: String, server: &RedisServer) -> World {
    let proxy = Proxy::start(server.port()).unwrap();
    let client = redis::Client::open(("127.0.0.1", proxy.port())).unwrap();
    World::new(name, RedisStore::new(client.get_connection_manager().await.unwrap()), vec![proxy])
}

pub fn start_cluster() -> RedisCluster {
    RedisCluster::start(RedisKind::Redis7)
}

pub async fn cluster(name: String, cluster: &RedisCluster) -> World {
    let proxies = Proxy::start_all(cluster.nodes().iter().map(RedisServer::port)).unwrap();
    let address = |port| NodeAddress::new("127.0.0.1", port);
    let by_proxy =
        cluster.nodes().iter().zip(&proxies).map(|(node, proxy)| (address(node.port()), address(proxy.port())));
    let client = ClusterClient::builder(cluster.urls()).node_address_map(by_proxy.collect()).build().unwrap();
    World::new(name, RedisStore::cluster(&client).await.unwrap(), proxies)
}
