//! Cancelled calls: done or not done, and without side effects on later calls.

use std::{future::poll_fn, task::Poll};

use futures_util::future::join_all;
use okibi_store::{Bytes, Consistency, Store, StoreKey, Swap};

use super::races::HOPELESS;
use crate::bench::{Bench, Outcome, Shown, failed, give_way};

/// After how many polls a future is dropped.
const POLLS: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 20, 50, 200];
/// Futures that are dropped at the same time.
const MANY: u32 = 50;
/// What a key holds once it is clear what became of the dropped call.
const SETTLED: &[u8] = b"settled";

pub(crate) async fn swaps<S: Store>(bench: &Bench<S>) -> Outcome {
    // Large enough to take more than one packet or page.
    let (old, new) = (vec![b'o'; 20_000], vec![b'n'; 30_000]);
    for polls in POLLS {
        let (created, swapped) = (bench.key(), bench.key());
        drop_after(polls, bench.store.swap(&created, None, bench.write(&old))).await;
        settles(bench, &created, &[None, Some(&old)], &[Some(SETTLED)], "a creation").await?;
        bench.done(&swapped, None, bench.write(&old), "before a swap that is dropped").await?;
        drop_after(polls, bench.store.swap(&swapped, Some(&old), bench.write(&new))).await;
        settles(bench, &swapped, &[Some(&old), Some(&new)], &[Some(SETTLED)], "a swap").await?;
    }
    Ok(())
}

pub(crate) async fn reads_and_deletes<S: Store>(bench: &Bench<S>) -> Outcome {
    let held = vec![b'h'; 20_000];
    let owner = bench.owner();
    for polls in POLLS {
        let (loaded, deleted) = (bench.key(), bench.key());
        bench.done(&loaded, None, bench.owned(&held, &owner), "before a load that is dropped").await?;
        drop_after(polls, bench.store.load(&loaded)).await;
        bench.holds(&loaded, Some(&held), "after a cancelled load").await?;
        if let Some(owners) = bench.store.owners() {
            drop_after(polls, owners.list(&owner)).await;
        }
        bench.done(&loaded, Some(&held), bench.write("new"), "a swap after that").await?;
        bench.done(&deleted, None, bench.write(&held), "before a delete that is dropped").await?;
        drop_after(polls, bench.store.delete(&deleted)).await;
        settles(bench, &deleted, &[Some(&held), None], &[Some(SETTLED), None], "a delete").await?;
    }
    // More of them than a pool has connections.
    let key = bench.key();
    bench.done(&key, None, bench.write(&held), "before many loads that are dropped").await?;
    let loads = (0..MANY).map(|polls| drop_after(1 + polls % 4, bench.store.load(&key)));
    join_all(loads).await;
    bench.holds(&key, Some(&held), "after many cancelled concurrent loads").await
}

/// Drops a future after so many polls, if it isn't done by then.
async fn drop_after<F: Future>(polls: u32, future: F) {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        if future.as_mut().poll(context).is_ready() || left == 0 {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Expects the key to hold one of two states, to accept a swap from there, and to hold one of
/// `ends` then. The cancelled call may still be executed: a swap only before a later one is done, a
/// delete at any time.
async fn settles<S: Store>(
    bench: &Bench<S>,
    key: &StoreKey,
    states: &[Option<&[u8]>; 2],
    ends: &[Option<&[u8]>],
    what: &str,
) -> Outcome {
    let when = format!("after {what} that was cancelled");
    let load = async || -> Outcome<Option<Bytes>> {
        let loaded = bench.store.load(key).await.map_err(|error| failed("load", &error, &when))?;
        Ok(loaded.map(|loaded| loaded.bytes))
    };
    let mut current = load().await?;
    for _ in 0..HOPELESS {
        let stale = bench.store.consistency() == Consistency::Eventual && current.is_none();
        if !stale && !states.contains(&current.as_deref()) {
            return Err(format!(
                "{when}: the key holds {}, which was never written as a whole",
                Shown(current.as_deref())
            ));
        }
        if bench.store.consistency() != Consistency::Strong {
            // Without atomic swaps, what was dropped may overwrite what is written now.
            return Ok(());
        }
        let swap = bench.store.swap(key, current.as_deref(), bench.write(SETTLED)).await;
        match swap.map_err(|error| failed("swap", &error, &when))? {
            Swap::Done => {
                let found = load().await?;
                if ends.contains(&found.as_deref()) {
                    return Ok(());
                }
                return Err(format!("{when} and a swap after it: a load finds {}", Shown(found.as_deref())));
            }
            Swap::Conflict(there) => current = there,
        }
        give_way().await;
    }
    Err(format!("{when}: {HOPELESS} conflicts in a row"))
}
