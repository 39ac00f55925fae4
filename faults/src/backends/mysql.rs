//! Sessions in `MariaDB`. The server is killed, stopped, and loses its connections.

use okibi::{MysqlStore, Sessions};
use okibi_servers::MariaDbServer;
use serde_json::{Value, json};
use sqlx::MySqlPool;
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    network::Network,
    server::{Kill, Shared},
};
use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    random::Random,
};

struct Mysql {
    network: Network,
    url: String,
    port: u16,
    faults: Vec<Box<dyn Fault>>,
}

pub(super) async fn start() -> Result<Box<dyn Backend>, Failure> {
    let server = spawn_blocking(MariaDbServer::start).await??;
    let (url, port) = (server.url(), server.port());
    MysqlStore::new(MySqlPool::connect(&url).await?).migrate().await?;
    let network = Network::in_front_of(port)?;
    let server = Shared::new(server);
    let mut faults = network.faults();
    faults.push(Box::new(Kill(server.clone())));
    faults.push(Box::new(HoldStill(server)));
    Ok(Box::new(Mysql { network, url, port, faults }))
}

impl Mysql {
    fn url(&self, instance: usize) -> String {
        self.url.replace(&format!(":{}", self.port), &format!(":{}", self.network.port(instance)))
    }
}

impl Backend for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async move { Ok(Sessions::new(MysqlStore::new(MySqlPool::connect(&self.url(instance)).await?))) })
    }

    fn hono(&self, instance: usize) -> Option<Value> {
        Some(json!({ "kind": "mysql", "url": self.url(instance) }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

/// The server is stopped for a while (SIGSTOP) and continues afterwards.
struct HoldStill(Shared<MariaDbServer>);

impl Fault for HoldStill {
    fn name(&self) -> &'static str {
        "hold-still"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            self.0.with(|server| Ok(server.stall()?)).await?;
            sleep(random.millis(200..1500)).await;
            self.0.with(|server| Ok(server.go_on()?)).await
        })
    }
}
