//! Growth in SQLite.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use okibi::{SqliteStore, store::Loaded};
use okibi_bench_kit::{
    crowd::crowds,
    growth::{Extent, Filled, app_on, apps_by_size, key, much_later, purge, record, times, times_by_size},
};
use rusqlite::Connection;
use serde_json::{Value, json};

/// The report on SQLite. Each number of sessions has a file of its own.
pub(crate) async fn report(extent: Extent) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let (mut apps, mut sizes) = (Vec::new(), Vec::new());
    let file = |sessions: usize| folder.path().join(sessions.to_string());
    for &sessions in extent.sessions() {
        let path = file(sessions);
        let store = Arc::new(SqliteStore::open(&path)?);
        let app = app_on(Arc::clone(&store))?;
        fill(&path, sessions, &record(&app, &store).await?)?;
        sizes.push(fs::metadata(&path)?.len() / u64::try_from(sessions)?);
        apps.push(Filled { app, sessions });
    }
    let mut report = times(&apps).await?;
    report.iter_mut().zip(sizes).for_each(|(row, size)| row["bytesPerSession"] = json!(size));
    drop(apps);
    let mut whole = json!({ "sizes": report });
    if extent == Extent::All {
        let store = Arc::new(SqliteStore::open(folder.path().join("other"))?);
        whole["data"] = times_by_size(&apps_by_size(&store)?).await?.into();
        whole["crowds"] = crowds(&app_on(store)?).await?;
        let mut purges = Vec::new();
        for &sessions in extent.sessions() {
            let store = SqliteStore::open(file(sessions))?.clock(much_later);
            purges.push(purge(&store, sessions).await?);
        }
        whole["purges"] = purges.into();
    }
    Ok(whole)
}

/// Writes the sessions as the store does, but all in one transaction.
fn fill(path: &Path, sessions: usize, loaded: &Loaded) -> Result<()> {
    let expires_at = i64::try_from(loaded.expires_at.context("a session has an end")?.as_millis())?;
    let mut connection = Connection::open(path)?;
    // 256 MB: with less, a million keys in no order are written to the disk many times.
    connection.pragma_update(None, "cache_size", -262_144)?;
    let transaction = connection.transaction()?;
    {
        let sql = "INSERT INTO okibi_sessions (key, value, expires_at) VALUES (?1, ?2, ?3)";
        let mut insert = transaction.prepare(sql)?;
        for number in 0..sessions {
            insert.execute((key(number), loaded.bytes.as_ref(), expires_at))?;
        }
    }
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    Ok(())
}
