//! Sessions in one Redis server, which is killed, paused, and loses its connections; or in a server
//! with a replica that takes over.

use std::{sync::Arc, time::Duration};

use okibi::{RedisStore, Sessions};
use okibi_servers::{RedisKind, RedisServer};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    network::Network,
    server::{Kill, Shared},
};
use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    random::Random,
};

/// Acknowledged writes are in the operating system's cache, so a SIGKILL loses none.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

struct Redis {
    name: &'static str,
    network: Arc<Network>,
    faults: Vec<Box<dyn Fault>>,
}

/// One server.
pub(super) async fn start(name: &'static str, kind: RedisKind) -> Result<Box<dyn Backend>, Failure> {
    let server = spawn_blocking(move || RedisServer::start_with(kind, &DURABLE)).await?;
    let network = Arc::new(Network::in_front_of(server.port())?);
    let server = Shared::new(server);
    let mut faults = network.faults();
    faults.push(Box::new(Kill(server.clone())));
    faults.push(Box::new(Pause(server)));
    Ok(Box::new(Redis { name, network, faults }))
}

/// One server without persistence: a kill loses all data.
pub(super) async fn start_forgetful() -> Result<Box<dyn Backend>, Failure> {
    let server = spawn_blocking(|| RedisServer::start(RedisKind::Redis7)).await?;
    let network = Arc::new(Network::in_front_of(server.port())?);
    let server = Shared::new(server);
    let faults: Vec<Box<dyn Fault>> = vec![Box::new(Forget(Kill(server.clone()))), Box::new(Pause(server))];
    Ok(Box::new(Redis { name: "redis-forgetful", network, faults }))
}

/// The server is killed and restarts without data.
struct Forget(Kill<RedisServer>);

impl Fault for Forget {
    fn name(&self) -> &'static str {
        "forget"
    }

    fn loses_writes(&self) -> bool {
        true
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        self.0.inject(random)
    }
}

/// A server and its replica.
pub(super) async fn start_pair() -> Result<Box<dyn Backend>, Failure> {
    let pair = spawn_blocking(|| {
        let master = RedisServer::start(RedisKind::Redis7);
        let replica = RedisServer::replica_of(&master);
        Pair { master, replica }
    });
    let pair = pair.await?;
    let network = Arc::new(Network::in_front_of(pair.master.port())?);
    let mut faults = network.faults();
    faults.push(Box::new(Promote { pair: Shared::new(pair), network: Arc::clone(&network) }));
    Ok(Box::new(Redis { name: "redis-failover", network, faults }))
}

impl Backend for Redis {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async move {
            let url = format!("redis://127.0.0.1:{}", self.network.port(instance));
            Ok(Sessions::new(RedisStore::connect(&url).await?))
        })
    }

    fn hono(&self, instance: usize) -> Option<Value> {
        let client = if instance.is_multiple_of(2) { "node-redis" } else { "ioredis" };
        Some(json!({ "kind": "redis", "client": client, "port": self.network.port(instance) }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

/// The server executes no command for a while (CLIENT PAUSE), and then those that arrived
/// meanwhile.
struct Pause(Shared<RedisServer>);

impl Fault for Pause {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let span = random.millis(200..1500);
            let millis = span.as_millis().to_string();
            // Either no command runs, or only reads.
            let which = if random.chance(50) { "all" } else { "write" };
            let answer = self.0.with(move |server| Ok(server.cli(&["client", "pause", &millis, which]))).await?;
            if answer != "OK" {
                return Err(format!("CLIENT PAUSE: {answer}").into());
            }
            sleep(span + Duration::from_millis(20)).await;
            Ok(())
        })
    }
}

struct Pair {
    master: RedisServer,
    replica: RedisServer,
}

/// The master is killed, its replica takes over and gets its own replica. Writes that had not been
/// replicated are lost.
struct Promote {
    pair: Shared<Pair>,
    network: Arc<Network>,
}

impl Fault for Promote {
    fn name(&self) -> &'static str {
        "promote"
    }

    fn loses_writes(&self) -> bool {
        true
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            // Sometimes the replica lags.
            if random.chance(50) {
                let lag = |pair: &mut Pair| Ok(pair.replica.cli(&["replicaof", "127.0.0.1", "1"]));
                self.pair.with(lag).await?;
                sleep(random.millis(50..300)).await;
            }
            let (master, port) = self
                .pair
                .with(|pair| {
                    pair.master.kill();
                    let answer = pair.replica.cli(&["replicaof", "no", "one"]);
                    if answer == "OK" { Ok((pair.master.port(), pair.replica.port())) } else { Err(answer.into()) }
                })
                .await?;
            debug_assert_ne!(master, port, "two servers");
            sleep(random.millis(0..400)).await;
            self.network.redirect_to(port);
            let follow = |pair: &mut Pair| {
                let next = RedisServer::replica_of(&pair.replica);
                pair.master = std::mem::replace(&mut pair.replica, next);
                Ok(())
            };
            self.pair.with(follow).await
        })
    }
}
