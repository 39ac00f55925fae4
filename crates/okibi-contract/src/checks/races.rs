//! Rules about concurrent calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use okibi_store::{BoxFuture, Store, StoreKey, Swap, Write};

use crate::bench::{Bench, Outcome, Shown, failed, give_way};

/// Number of concurrent calls.
const MANY: u64 = 100;
/// This many conflicts in a row are a defect: each means that another swap was done.
pub(crate) const HOPELESS: u64 = 2 * MANY;

pub(crate) async fn increments<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    let write = bench.write("0");
    bench.done(&key, None, write.clone(), "the counter at nought").await?;
    let tasks = (0..MANY).map(|task| boxed(increment(bench.instance(task), key.clone(), write.clone())));
    bench.concurrently(tasks.collect()).await?;
    bench.holds(&key, Some(MANY.to_string().as_bytes()), "after a hundred concurrent increments").await
}

/// Adds one to a counter as a change of a session does: load, swap, and again with the bytes of a
/// conflict.
async fn increment<S: Store>(store: Arc<S>, key: StoreKey, write: Write) -> Outcome {
    let when = "a hundred concurrent increments";
    let loaded = store.load(&key).await.map_err(|error| failed("load", &error, when))?;
    let mut current = loaded.map(|loaded| loaded.bytes);
    for _ in 0..HOPELESS {
        let Some(held) = current else {
            return Err(format!("{when}: the counter was gone, although no call deletes it"));
        };
        let count: u64 = std::str::from_utf8(&held)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("{when}: the counter was {}", Shown(Some(&held))))?;
        let write = Write { bytes: (count + 1).to_string().into(), keeps: count.is_multiple_of(2), ..write.clone() };
        match store.swap(&key, Some(&held), write).await.map_err(|error| failed("swap", &error, when))? {
            Swap::Done => return Ok(()),
            Swap::Conflict(there) => current = there,
        }
        give_way().await;
    }
    Err(format!("{when}: {HOPELESS} conflicts in a row"))
}

pub(crate) async fn creations<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    one_wins(bench, &key, None, "a hundred concurrent creations").await
}

pub(crate) async fn replacements<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("held"), "the first write").await?;
    one_wins(bench, &key, Some(b"held"), "a hundred concurrent swaps").await
}

pub(crate) async fn expired_creations<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write_for("short", bench.short()), "a short-lived session").await?;
    bench.pass_short().await;
    one_wins(bench, &key, None, "a hundred concurrent creations in the place of an expired session").await
}

/// A hundred swaps with the same expected value: one is done, the others get the bytes that it
/// wrote.
async fn one_wins<S: Store>(
    bench: &Bench<S>,
    key: &StoreKey,
    expected: Option<&'static [u8]>,
    when: &'static str,
) -> Outcome {
    let winners = Arc::new(AtomicU64::new(0));
    let tasks = (0..MANY).map(|task| {
        let (store, key, winners) = (bench.instance(task), key.clone(), winners.clone());
        let write = bench.write(task.to_string());
        boxed(async move {
            match store.swap(&key, expected, write).await.map_err(|error| failed("swap", &error, when))? {
                Swap::Done => {
                    winners.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Swap::Conflict(Some(there)) => {
                    let loaded = store.load(&key).await.map_err(|error| failed("load", &error, when))?;
                    match loaded {
                        Some(loaded) if loaded.bytes == there => Ok(()),
                        loaded => Err(format!(
                            "{when}: the loser was told {} and loaded {}",
                            Shown(Some(&there)),
                            Shown(loaded.as_ref().map(|loaded| &loaded.bytes[..]))
                        )),
                    }
                }
                Swap::Conflict(None) => Err(format!("{when}: the loser was told that nothing is stored")),
            }
        })
    });
    bench.concurrently(tasks.collect()).await?;
    match winners.load(Ordering::Relaxed) {
        1 => Ok(()),
        winners => Err(format!("{when}: {winners} of them were done")),
    }
}

pub(crate) async fn deletes<S: Store>(bench: &Bench<S>) -> Outcome {
    let when = "concurrent swaps and a delete";
    for round in 0..MANY {
        let key = bench.key();
        bench.done(&key, None, bench.write("held"), when).await?;
        let delete = || {
            let (store, key) = (bench.instance(round / 4), key.clone());
            boxed(async move { store.delete(&key).await.map_err(|error| failed("delete", &error, when)) })
        };
        let mut tasks = Vec::new();
        for task in 0..4 {
            // The delete is the first, the last, or between two swaps.
            if task == round % 4 {
                tasks.push(delete());
            }
            let (store, key, write) = (bench.instance(task), key.clone(), bench.write(task.to_string()));
            tasks.push(boxed(async move {
                let swap = store.swap(&key, Some(b"held"), write).await;
                swap.map(|_| ()).map_err(|error| failed("swap", &error, when))
            }));
        }
        bench.concurrently(tasks).await?;
        bench.holds(&key, None, "after concurrent swaps and a delete").await?;
    }
    Ok(())
}

pub(crate) async fn instances<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    let mut held: Option<String> = None;
    for turn in 0..6 {
        let (writer, reader) = (bench.instance(turn), bench.instance(turn + 1));
        let when = format!("write {turn} by one instance");
        let expected = held.as_ref().map(String::as_bytes);
        let swap = writer.swap(&key, expected, bench.write(turn.to_string())).await;
        if swap.map_err(|error| failed("swap", &error, &when))? != Swap::Done {
            return Err(format!("{when}: it did not know what the other instance had written before"));
        }
        held = Some(turn.to_string());
        let loaded = reader.load(&key).await.map_err(|error| failed("load", &error, &when))?;
        let found = loaded.as_ref().map(|loaded| &loaded.bytes[..]);
        if found != held.as_ref().map(String::as_bytes) {
            return Err(format!("{when}: the other loads {}", Shown(found)));
        }
    }
    bench.instance(1).delete(&key).await.map_err(|error| failed("delete", &error, "by the other instance"))?;
    bench.holds(&key, None, "after the other instance deleted it").await
}

pub(crate) async fn different_keys<S: Store>(bench: &Bench<S>) -> Outcome {
    let when = "a hundred concurrent creations of different keys";
    let keys: Vec<_> = (0..MANY).map(|_| bench.key()).collect();
    let tasks = keys.iter().map(|key| {
        let (store, key, write) = (bench.store.clone(), key.clone(), bench.write(key.as_str()));
        boxed(async move {
            match store.swap(&key, None, write).await.map_err(|error| failed("swap", &error, when))? {
                Swap::Done => Ok(()),
                Swap::Conflict(there) => Err(format!("{when}: one was a conflict with {}", Shown(there.as_deref()))),
            }
        })
    });
    bench.concurrently(tasks.collect()).await?;
    for key in &keys {
        bench.holds(key, Some(key.as_str().as_bytes()), when).await?;
    }
    Ok(())
}

pub(crate) fn boxed(task: impl Future<Output = Outcome> + Send + 'static) -> BoxFuture<'static, Outcome> {
    Box::pin(task)
}
