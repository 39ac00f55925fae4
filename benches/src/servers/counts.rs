//! Counts the commands of a request, by the server's own counters, and its round trips.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use okibi_bench_kit::site::Site;
use okibi_servers::{PostgresServer, RedisServer};
use serde_json::{Map, Value, json};

use super::{
    race::PAGES,
    relay::Relay,
    rig::{Backend, Pool, Rig, Setup, apps},
};
use crate::page::Page;

/// Counted requests.
const REQUESTS: u32 = 100;
/// Warm-up requests: statements are prepared and scripts are loaded.
const WARM_UP: usize = 20;
/// Time for commands after the answer: connections return to their pools.
const REST: Duration = Duration::from_millis(100);

/// For each store, page and app: the commands of a request, further commands in scripts, and its
/// round trips.
pub async fn counts(rig: &Rig) -> Result<Value> {
    let mut report = Vec::new();
    for (name, backend) in [
        ("Redis", Backend::Redis(1)),
        ("Valkey", Backend::Valkey),
        ("Postgres", Backend::Postgres(Pool::Lean(8))),
        ("Postgres, connections tested", Backend::Postgres(Pool::Default)),
    ] {
        let (server, address) = match backend {
            Backend::Redis(_) => (Server::Redis(&rig.redis), "redis://127.0.0.1:{}"),
            Backend::Valkey => (Server::Redis(&rig.valkey), "redis://127.0.0.1:{}"),
            Backend::Postgres(_) => (Server::Postgres(&rig.postgres), "postgres://postgres@127.0.0.1:{}/postgres"),
        };
        let relay = Relay::start(server.port())?;
        let url = address.replace("{}", &relay.port().to_string());
        let setup = Setup { name, backend, visitors: 1 };
        for site in &apps(setup, &url).await? {
            let mut row = Map::new();
            row.insert("server".to_owned(), name.into());
            row.insert("name".to_owned(), site.name.into());
            for page in PAGES {
                row.insert(page.name().to_owned(), count(site, page, &server, &relay).await?);
            }
            report.push(Value::Object(row));
        }
    }
    Ok(Value::Array(report))
}

async fn count(site: &Site, page: Page, server: &Server<'_>, relay: &Relay) -> Result<Value> {
    site.times(page, WARM_UP).await?;
    tokio::time::sleep(REST).await;
    let listening = server.listen()?;
    let before = relay.trips();
    for _ in 0..REQUESTS {
        site.times(page, 1).await?;
    }
    tokio::time::sleep(REST).await;
    let trips = relay.trips() - before;
    let (commands, scripted) = listening.heard()?;
    let each = |total: u64| -> Result<f64> { Ok(f64::from(u32::try_from(total)?) / f64::from(REQUESTS)) };
    Ok(json!({ "commands": each(commands)?, "inScripts": each(scripted)?, "roundTrips": each(trips)? }))
}

enum Server<'a> {
    Redis(&'a RedisServer),
    Postgres(&'a PostgresServer),
}

/// A server with counters.
enum Listening<'a> {
    /// The output of `MONITOR`.
    Redis(&'a RedisServer, BufReader<TcpStream>),
    Postgres(&'a PostgresServer),
}

impl<'a> Server<'a> {
    const fn port(&self) -> u16 {
        match self {
            Self::Redis(server) => server.port(),
            Self::Postgres(server) => server.port(),
        }
    }

    fn listen(&self) -> Result<Listening<'a>> {
        Ok(match *self {
            Self::Redis(server) => {
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port()))?;
                stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                stream.write_all(b"MONITOR\r\n")?;
                let mut lines = BufReader::new(stream);
                let mut answer = String::new();
                lines.read_line(&mut answer)?;
                if answer.trim() != "+OK" {
                    bail!("MONITOR: {answer}");
                }
                Listening::Redis(server, lines)
            }
            Self::Postgres(server) => {
                server.psql("SELECT pg_stat_statements_reset()");
                Listening::Postgres(server)
            }
        })
    }
}

impl Listening<'_> {
    /// The number of commands since then, and of those in scripts.
    fn heard(self) -> Result<(u64, u64)> {
        match self {
            Self::Redis(server, lines) => {
                // The last one.
                server.cli(&["echo", END]);
                heard_by_monitor(lines)
            }
            Self::Postgres(server) => {
                let calls = server
                    .psql("SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'");
                Ok((calls.parse().context(calls)?, 0))
            }
        }
    }
}

const END: &str = "the end of what is counted";

fn heard_by_monitor(lines: BufReader<TcpStream>) -> Result<(u64, u64)> {
    let (mut commands, mut scripted) = (0, 0);
    for line in lines.lines() {
        let line = line?;
        if line.contains(END) {
            return Ok((commands, scripted));
        }
        if line.contains(" lua] ") {
            scripted += 1;
        } else {
            commands += 1;
        }
    }
    bail!("MONITOR ended early")
}
