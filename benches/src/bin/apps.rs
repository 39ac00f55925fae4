//! What other programs of the bench start. One program, because each takes long to link.
//!
//! - `apps http <app> [address of its server]` serves one app on a free port, which it prints.
//! - `apps rig` starts a Redis and a Postgres, prints their addresses as JSON, and ends them with its
//!   input.
//! - `apps race <file> <visitors>` waits for lines that say when to measure tower-sessions' SQLite
//!   store.
//! - `apps growth <ends or all>` prints as JSON how okibi's time and space grow.

use std::{
    env,
    io::{self, Read as _},
};

use anyhow::{Result, bail};
use okibi_bench_kit::growth::Extent;
use okibi_benches::{
    growth::{memory, postgres, redis},
    http,
    servers::rig::Rig,
    sqlite_peer,
};
use okibi_servers::PostgresServer;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

fn main() -> Result<()> {
    let given: Vec<String> = env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match *given.as_slice() {
        ["http", app] => http::run(app, None),
        ["http", app, address] => http::run(app, Some(address)),
        ["rig"] => rig(),
        ["race", file, visitors] => two_threads()?.block_on(sqlite_peer::race(file, visitors.parse()?)),
        ["growth", extent] => {
            let extent = Extent::parse(Some(extent))?;
            let server = PostgresServer::start_with(&["fsync=on", "synchronous_commit=on"])?;
            println!("{}", two_threads()?.block_on(growth(&server, extent))?);
            Ok(())
        }
        _ => bail!("{}: not http, rig, race or growth", given.join(" ")),
    }
}

fn two_threads() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn rig() -> Result<()> {
    let rig = Rig::start()?;
    let [redis, postgres] = rig.addresses();
    println!("{}", json!({ "described": rig.described(), "redis": redis, "postgres": postgres }));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The memory comes first, so that the process holds nothing else.
async fn growth(server: &PostgresServer, extent: Extent) -> Result<Value> {
    let memory = memory(extent).await?;
    let redis = redis(extent).await?;
    Ok(json!({ "memory": memory, "Redis": redis, "Postgres": postgres(server, extent).await? }))
}
