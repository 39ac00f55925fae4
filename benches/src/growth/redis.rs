//! Growth in Redis.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    sync::Arc,
    thread,
};

use anyhow::{Context as _, Result, ensure};
use okibi::{RedisStore, store::Loaded};
use okibi_bench_kit::{
    crowd::crowds,
    growth::{Extent, Filled, app_on, apps_by_size, key, record, times, times_by_size},
};
use okibi_servers::{RedisKind, RedisServer};
use serde_json::{Value, json};

/// Commands that are sent before their answers are read.
const BATCH: usize = 10_000;

/// The report on Redis. Each number of sessions has a server of its own.
///
/// # Errors
/// A request fails.
pub async fn redis(extent: Extent) -> Result<Value> {
    let (mut apps, mut sizes, mut servers) = (Vec::new(), Vec::new(), Vec::new());
    for &sessions in extent.sessions() {
        let server = RedisServer::start(RedisKind::Redis7);
        let store = Arc::new(RedisStore::connect(&server.url()).await?);
        let app = app_on(Arc::clone(&store))?;
        let loaded = record(&app, &store).await?;
        let before = used(&server)?;
        fill(&server, sessions, &loaded)?;
        let bytes = used(&server)?.saturating_sub(before);
        sizes.push(bytes.checked_div(u64::try_from(sessions)?));
        apps.push(Filled { app, sessions });
        servers.push(server);
    }
    let mut report = times(&apps).await?;
    report.iter_mut().zip(sizes).for_each(|(row, size)| row["bytesPerSession"] = json!(size));
    let mut whole = json!({ "sizes": report });
    if extent == Extent::All {
        let server = RedisServer::start(RedisKind::Redis7);
        let store = Arc::new(RedisStore::connect(&server.url()).await?);
        whole["data"] = times_by_size(&apps_by_size(&store)?).await?.into();
        whole["crowds"] = crowds(&app_on(store)?).await?;
    }
    Ok(whole)
}

/// Writes the sessions as the store does, but with plain commands and many at a time.
fn fill(server: &RedisServer, sessions: usize, loaded: &Loaded) -> Result<()> {
    let expires_at = loaded.expires_at.context("a session has an end")?.as_millis().to_string();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port()))?;
    for first in (0..sessions).step_by(BATCH) {
        let last = sessions.min(first + BATCH);
        let mut commands = Vec::new();
        for number in first..last {
            let key = key(number);
            let parts: [&[u8]; 5] = [b"SET", key.as_bytes(), &loaded.bytes, b"PXAT", expires_at.as_bytes()];
            commands.extend(command(&parts));
        }
        let mut writing = stream.try_clone()?;
        let written = thread::spawn(move || writing.write_all(&commands));
        let mut answers = vec![0; "+OK\r\n".len() * (last - first)];
        stream.read_exact(&mut answers)?;
        ensure!(answers.starts_with(b"+OK"), "Redis refused a session");
        written.join().ok().context("the thread that writes")??;
    }
    Ok(())
}

/// A command in Redis' protocol.
fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut head = String::new();
    let _ = write!(head, "*{}\r\n", parts.len());
    let mut bytes = head.into_bytes();
    for part in parts {
        bytes.extend(format!("${}\r\n", part.len()).into_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Bytes that the server has allocated.
fn used(server: &RedisServer) -> Result<u64> {
    let info = server.cli(&["info", "memory"]);
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).context("used_memory")?;
    Ok(used.trim().parse()?)
}
