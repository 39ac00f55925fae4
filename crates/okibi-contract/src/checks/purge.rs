//! Purges delete expired sessions and no live ones, whatever runs concurrently.

use std::time::Duration;

use futures_util::future::try_join_all;
use okibi_store::{Store, StoreKey, Swap, Timestamp, Write};

use super::races::boxed;
use crate::bench::{Bench, Outcome, Shown, failed};

/// Sessions that expire before a purge.
const MANY: usize = 20;
/// How long the engine keeps a marker.
const AN_HOUR: Duration = Duration::from_hours(1);

pub(crate) async fn drops<S: Store>(bench: &Bench<S>) -> Outcome {
    let ann = bench.owner();
    let keys = || -> Vec<StoreKey> { (0..MANY).map(|_| bench.key()).collect() };
    let (living, expiring) = (keys(), keys());
    let lives = |at| if at % 2 == 0 { bench.owned("lives", &ann) } else { bench.write("lives") };
    let ends = |at| Write { expires_at: bench.in_(bench.short()), ..lives(at) };
    for (keys, write, what) in [
        (&living, &lives as &(dyn Fn(usize) -> Write + Sync), "a long-lived session"),
        (&expiring, &ends, "a short-lived session"),
    ] {
        try_join_all(keys.iter().enumerate().map(|(at, key)| bench.accepts(key, None, write(at), what))).await?;
    }
    bench.pass_short().await;
    let dropped = purge(bench, "the purge").await?;
    if dropped < MANY {
        return Err(format!("the purge: {MANY} sessions had expired, and it says that it dropped {dropped}"));
    }
    for key in &living {
        bench.holds(key, Some(b"lives"), "a live session after the purge").await?;
    }
    for key in &expiring {
        bench.holds(key, None, "an expired session after the purge").await?;
        bench.done(key, None, bench.write("anew"), "a creation in its place").await?;
    }
    purge(bench, "another purge").await?;
    for key in &expiring {
        bench.holds(key, Some(b"anew"), "a new session in the place of a dropped one").await?;
    }
    if bench.store.owners().is_none() {
        return Ok(());
    }
    let listed: Vec<_> = living.iter().step_by(2).collect();
    bench.lists(&ann, &listed, "the owner of sessions that were dropped").await
}

/// The marker of a destroyed session counts for a minute at most and is kept for an hour. Until
/// then every late write finds it under the key.
pub(crate) async fn keeps_markers<S: Store>(bench: &Bench<S>) -> Outcome {
    let ann = bench.owner();
    // The marker does not count any more.
    let until = bench.now().as_millis().saturating_sub(1000);
    let marker = format!(r#"{{"v":1,"w":"AAAAAAAAAAA","r":"rotate","until":{until}}}"#);
    let keys: Vec<_> = (0..MANY).map(|_| bench.key()).collect();
    for (at, key) in keys.iter().enumerate() {
        let write = if at % 2 == 0 { bench.owned("session", &ann) } else { bench.write("session") };
        // Every second pair would have expired by the time of the purge.
        let began = if at % 4 < 2 { Write { expires_at: bench.in_(bench.short()), ..write } } else { write };
        bench.done(key, None, began, "a session before its end").await?;
        bench.done(key, Some(b"session"), bench.write_for(&marker, AN_HOUR), "the end of a session").await?;
    }
    bench.pass_short().await;
    for when in ["a marker after the purge", "a marker after another purge"] {
        purge(bench, when).await?;
        for key in &keys {
            bench.holds(key, Some(marker.as_bytes()), when).await?;
            let late = bench.write("late");
            bench.refuses(key, None, late, Some(marker.as_bytes()), "a creation that arrives after the purge").await?;
        }
    }
    if bench.store.owners().is_none() {
        return Ok(());
    }
    bench.lists(&ann, &[], "the owner of sessions that ended").await
}

pub(crate) async fn beside_swaps<S: Store>(bench: &Bench<S>) -> Outcome {
    let when = "a purge while others write";
    for round in 0..3 {
        let past = Timestamp::from_millis(bench.now().as_millis().saturating_sub(1000));
        // Every second one has expired.
        let anew: Vec<_> = (0..2 * MANY).map(|_| bench.key()).collect();
        let old = |at| if at % 2 == 0 { Write { expires_at: past, ..bench.write("old") } } else { bench.write("old") };
        try_join_all(anew.iter().enumerate().map(|(at, key)| bench.accepts(key, None, old(at), when))).await?;
        let swaps = anew.iter().enumerate().map(|(at, key)| {
            let (store, key, write) = (bench.instance(round), key.clone(), bench.write("new"));
            let expected = (at % 2 == 1).then_some(&b"old"[..]);
            boxed(async move {
                match store.swap(&key, expected, write).await.map_err(|error| failed("swap", &error, when))? {
                    Swap::Done => Ok(()),
                    Swap::Conflict(there) => Err(format!("{when}: a conflict with {}", Shown(there.as_deref()))),
                }
            })
        });
        let mut tasks: Vec<_> = swaps.collect();
        for at in 0..3 {
            let store = bench.instance(at);
            let purge = boxed(async move {
                let purger = store.purger().ok_or_else(|| format!("{when}: the store can't purge any more"))?;
                purger.purge().await.map(|_| ()).map_err(|error| failed("purge", &error, when))
            });
            tasks.insert(usize::try_from(at).unwrap_or_default() * MANY, purge);
        }
        bench.concurrently(tasks).await?;
        for key in &anew {
            bench.holds(key, Some(b"new"), "a session that was written during a purge").await?;
        }
    }
    Ok(())
}

async fn purge<S: Store>(bench: &Bench<S>, when: &str) -> Outcome<usize> {
    let purger = bench.store.purger().ok_or_else(|| format!("{when}: the store can't purge any more"))?;
    purger.purge().await.map_err(|error| failed("purge", &error, when))
}
