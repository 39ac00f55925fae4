//! Sessions in a Redis Cluster of three masters. Slots move under load, and a master is killed
//! periodically.

use std::{io, sync::Arc};

use okibi::{RedisStore, Sessions};
use okibi_servers::{Proxy, RedisCluster, RedisKind, RedisServer};
use redis::cluster::{ClusterClient, NodeAddress};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    late::LateWrites,
    network::{ALERT, INSTANCES},
    server::Shared,
};
use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    random::Random,
};

/// Acknowledged writes are in the operating system's cache, so a SIGKILL loses none.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];
/// Number of keys per injection; their slots move.
const MOVED: usize = 12;

struct Cluster {
    urls: Vec<String>,
    ports: Vec<u16>,
    /// For each instance, one proxy per master.
    proxies: Arc<Vec<Proxy>>,
    faults: Vec<Box<dyn Fault>>,
}

pub(super) async fn start() -> Result<Box<dyn Backend>, Failure> {
    let cluster = spawn_blocking(|| RedisCluster::start_with(RedisKind::Redis7, &DURABLE)).await?;
    let (urls, ports) = (cluster.urls(), cluster.nodes().iter().map(RedisServer::port).collect::<Vec<u16>>());
    let proxies =
        (0..INSTANCES).flat_map(|_| &ports).map(|port| Proxy::start(*port)).collect::<io::Result<Vec<_>>>()?;
    let proxies = Arc::new(proxies);
    let late = LateWrites { proxies: Arc::clone(&proxies), alert: ALERT * ports.len() };
    let cluster = Shared::new(cluster);
    let faults: Vec<Box<dyn Fault>> =
        vec![Box::new(Migrate(cluster.clone())), Box::new(KillNode(cluster)), Box::new(late)];
    Ok(Box::new(Cluster { urls, ports, proxies, faults }))
}

impl Cluster {
    /// The port of each master, and of the proxy of an instance in front of it.
    fn ways(&self, instance: usize) -> impl Iterator<Item = (u16, u16)> {
        let proxies = self.proxies.chunks_exact(self.ports.len()).nth(instance).unwrap_or_default();
        self.ports.iter().copied().zip(proxies.iter().map(Proxy::port))
    }
}

impl Backend for Cluster {
    fn name(&self) -> &'static str {
        "redis-cluster"
    }

    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async move {
            let address = |port| NodeAddress::new("127.0.0.1", port);
            let ways = self.ways(instance).map(|(master, proxy)| (address(master), address(proxy))).collect();
            let client = ClusterClient::builder(self.urls.clone()).node_address_map(ways).build()?;
            Ok(Sessions::new(RedisStore::cluster(&client).await?))
        })
    }

    fn hono(&self, instance: usize) -> Option<Value> {
        let client = if instance.is_multiple_of(2) { "node-redis" } else { "ioredis" };
        Some(json!({ "kind": "redis-cluster", "client": client, "ways": self.ways(instance).collect::<Vec<_>>() }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

/// Slots with sessions move from one master to another, key by key, while they are in use.
struct Migrate(Shared<RedisCluster>);

impl Fault for Migrate {
    fn name(&self) -> &'static str {
        "migrate"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            for _ in 0..MOVED {
                let (from, to, which) = (random.index(3), 1 + random.index(2), random.index(1000));
                let pause = random.millis(0..30);
                let begun = self.0.with(move |cluster| begin(cluster, from, (from + to) % 3, which)).await?;
                let Some(slot) = begun else { continue };
                sleep(pause).await;
                self.0.with(move |cluster| finish(cluster, from, (from + to) % 3, slot)).await?;
            }
            Ok(())
        })
    }
}

/// Opens the slot of one of the first node's keys to the second one; `None` if it has no key.
fn begin(cluster: &RedisCluster, from: usize, to: usize, which: usize) -> Result<Option<u16>, Failure> {
    let (source, target) = (node(cluster, from)?, node(cluster, to)?);
    let keys = source.cli(&["--scan", "--count", "1000"]);
    let keys: Vec<&str> = keys.lines().filter(|line| !line.is_empty()).collect();
    let Some(key) = keys.get(which.checked_rem(keys.len()).unwrap_or(0)) else { return Ok(None) };
    let slot = source.cli(&["cluster", "keyslot", key]);
    done(&target.cli(&["cluster", "setslot", &slot, "importing", &source.cli(&["cluster", "myid"])]))?;
    done(&source.cli(&["cluster", "setslot", &slot, "migrating", &target.cli(&["cluster", "myid"])]))?;
    Ok(Some(slot.parse()?))
}

/// Moves the slot's keys, and tells all masters the new owner of the slot.
fn finish(cluster: &RedisCluster, from: usize, to: usize, slot: u16) -> Result<(), Failure> {
    let (source, target) = (node(cluster, from)?, node(cluster, to)?);
    let (slot, port, owner) = (slot.to_string(), target.port().to_string(), target.cli(&["cluster", "myid"]));
    loop {
        let keys = source.cli(&["cluster", "getkeysinslot", &slot, "10"]);
        let keys: Vec<&str> = keys.lines().filter(|line| !line.is_empty()).collect();
        if keys.is_empty() {
            break;
        }
        let mut migrate = vec!["migrate", "127.0.0.1", &port, "", "0", "5000", "keys"];
        migrate.extend(keys);
        let answer = source.cli(&migrate);
        // A client may have removed the last key meanwhile.
        if answer != "OK" && answer != "NOKEY" {
            return Err(format!("MIGRATE: {answer}").into());
        }
    }
    for server in [target, source].into_iter().chain(cluster.nodes()) {
        done(&server.cli(&["cluster", "setslot", &slot, "node", &owner]))?;
    }
    Ok(())
}

fn node(cluster: &RedisCluster, place: usize) -> Result<&okibi_servers::RedisServer, Failure> {
    cluster.nodes().get(place).ok_or_else(|| "a cluster has three masters".into())
}

fn done(answer: &str) -> Result<(), Failure> {
    if answer == "OK" { Ok(()) } else { Err(format!("CLUSTER SETSLOT: {answer}").into()) }
}

/// One master is killed and restarts with its data. Until then its sessions are unavailable.
struct KillNode(Shared<RedisCluster>);

impl Fault for KillNode {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let place = random.index(3);
            let kill = move |cluster: &mut RedisCluster| {
                cluster.nodes_mut().get_mut(place).ok_or("a cluster has three masters")?.kill();
                Ok(())
            };
            self.0.with(kill).await?;
            sleep(random.millis(0..700)).await;
            let restart = move |cluster: &mut RedisCluster| {
                cluster.nodes_mut().get_mut(place).ok_or("a cluster has three masters")?.restart();
                for _ in 0..6000 {
                    if cluster.nodes().iter().all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok")) {
                        return Ok(());
                    }
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                Err("the cluster did not recover".into())
            };
            self.0.with(restart).await
        })
    }
}
