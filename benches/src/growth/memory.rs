//! Growth in the store in memory.

use std::{fs, sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use okibi::{
    MemoryStore,
    store::{Store as _, StoreKey, Swap, Write},
};
use okibi_bench_kit::{
    crowd::crowds,
    growth::{Extent, Filled, app_on, apps_by_size, key, much_later, record, times, times_by_size},
};
use serde_json::{Value, json};

/// Below this, the memory of the process says little about the sessions in it.
const LEAST_FOR_SIZE: usize = 100_000;

/// The report on the store in memory.
///
/// # Errors
/// A request fails.
pub async fn memory(extent: Extent) -> Result<Value> {
    let (mut apps, mut sizes) = (Vec::new(), Vec::new());
    for &sessions in extent.sessions() {
        let before = resident()?;
        let store = Arc::new(MemoryStore::with_capacity(2 * sessions));
        fill(&store, sessions).await?;
        sizes.push((sessions >= LEAST_FOR_SIZE).then(|| (resident_now(before)) / f(sessions)));
        apps.push(Filled { app: app_on(store)?, sessions });
    }
    let mut report = times(&apps).await?;
    report.iter_mut().zip(sizes).for_each(|(row, size)| row["bytesPerSession"] = json!(size));
    drop(apps);
    let mut whole = json!({ "sizes": report });
    if extent == Extent::All {
        let store = Arc::new(MemoryStore::new());
        whole["data"] = times_by_size(&apps_by_size(&store)?).await?.into();
        whole["crowds"] = crowds(&app_on(MemoryStore::new())?).await?;
        let mut purges = Vec::new();
        for &sessions in extent.sessions() {
            let store = MemoryStore::with_capacity(2 * sessions);
            fill(&store, sessions).await?;
            purges.push(purge(&store.clock(much_later), sessions)?);
        }
        whole["purges"] = purges.into();
    }
    Ok(whole)
}

/// The store sweeps by itself; this is the time of one sweep of everything.
fn purge(store: &MemoryStore, sessions: usize) -> Result<Value> {
    let start = Instant::now();
    let purged = store.purge();
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    ensure!(purged == sessions, "purged {purged} of {sessions} sessions");
    Ok(json!({ "sessions": sessions, "milliseconds": milliseconds }))
}

async fn fill(store: &MemoryStore, sessions: usize) -> Result<()> {
    let own = Arc::new(MemoryStore::new());
    let loaded = record(&app_on(Arc::clone(&own))?, &own).await?;
    let expires_at = loaded.expires_at.context("a session has an end")?;
    for number in 0..sessions {
        // Bytes of their own, as a request's write has them.
        let bytes = loaded.bytes.to_vec().into();
        let write = Write { bytes, expires_at, owner: None, keeps: false };
        let swap = store.swap(&StoreKey::new(key(number)), None, write).await?;
        ensure!(swap == Swap::Done, "session {number} is there already");
    }
    Ok(())
}

/// Bytes of this process in memory.
fn resident() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}

fn resident_now(before: f64) -> f64 {
    resident().map_or(f64::NAN, |now| now - before)
}

#[expect(clippy::cast_precision_loss, reason = "a million at most")]
fn f(count: usize) -> f64 {
    count as f64
}
