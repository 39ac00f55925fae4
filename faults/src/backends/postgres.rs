//! Sessions in Postgres. The server or one of its processes is killed, and it loses its
//! connections.

use okibi::{PostgresStore, Sessions};
use okibi_servers::PostgresServer;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    network::Network,
    server::{Kill, Shared},
};
use crate::{
    backend::{Backend, BoxFuture, Failure, Fault},
    random::Random,
};

struct Postgres {
    network: Network,
    faults: Vec<Box<dyn Fault>>,
}

pub(super) async fn start() -> Result<Box<dyn Backend>, Failure> {
    let server = spawn_blocking(PostgresServer::start).await??;
    PostgresStore::new(PgPool::connect(&server.url()).await?).migrate().await?;
    let network = Network::in_front_of(server.port())?;
    let server = Shared::new(server);
    let mut faults = network.faults();
    faults.push(Box::new(Kill(server.clone())));
    faults.push(Box::new(KillBackend(server.clone())));
    faults.push(Box::new(Terminate(server)));
    Ok(Box::new(Postgres { network, faults }))
}

impl Postgres {
    fn url(&self, instance: usize) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.network.port(instance))
    }
}

impl Backend for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn sessions(&self, instance: usize) -> BoxFuture<'_, Result<Sessions, Failure>> {
        Box::pin(async move { Ok(Sessions::new(PostgresStore::new(PgPool::connect(&self.url(instance)).await?))) })
    }

    fn hono(&self, instance: usize) -> Option<Value> {
        let client = if instance.is_multiple_of(2) { "pg" } else { "postgres" };
        Some(json!({ "kind": "postgres", "client": client, "url": self.url(instance) }))
    }

    fn faults(&self) -> &[Box<dyn Fault>] {
        &self.faults
    }
}

/// A process of one connection is killed. The server then ends all others and recovers.
struct KillBackend(Shared<PostgresServer>);

impl Fault for KillBackend {
    fn name(&self) -> &'static str {
        "kill-backend"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            let which = random.index(1000);
            let kill = move |server: &mut PostgresServer| {
                let serving = "select pid from pg_stat_activity where backend_type = 'client backend' \
                               and pid <> pg_backend_pid() order by pid";
                let pids: Vec<u32> = server.psql(serving).lines().filter_map(|pid| pid.parse().ok()).collect();
                if let Some(pid) = pids.get(which.checked_rem(pids.len()).unwrap_or(0)) {
                    server.kill_backend(*pid)?;
                }
                Ok(server.wait_until_ready()?)
            };
            self.0.with(kill).await
        })
    }
}

/// An administrator ends connections (`pg_terminate_backend`), one after another, busy or not.
struct Terminate(Shared<PostgresServer>);

impl Fault for Terminate {
    fn name(&self) -> &'static str {
        "terminate"
    }

    fn inject<'a>(&'a self, random: &'a mut Random) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            for _ in 0..5 + random.index(15) {
                let which = random.index(1000);
                let end = move |server: &mut PostgresServer| {
                    // Prefers a busy connection: it may be in a commit. Waits until its process has
                    // ended, so that none ends after the injection.
                    Ok(server.psql(&format!(
                        "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                         where backend_type = 'client backend' and pid <> pg_backend_pid() \
                         order by state = 'active' desc, md5(pid::text || '{which}') limit 1"
                    )))
                };
                self.0.with(end).await?;
                sleep(random.millis(10..80)).await;
            }
            Ok(())
        })
    }
}
