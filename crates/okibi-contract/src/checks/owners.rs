//! The list of an owner's sessions: complete, and exact when no write is in progress.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use okibi_store::{Owner, Store, StoreKey, Swap, Write};

use super::races::boxed;
use crate::bench::{Bench, Outcome, failed, give_way};

pub(crate) async fn none<S: Store>(bench: &Bench<S>) -> Outcome {
    bench.lists(&bench.owner(), &[], "an owner that was never named").await
}

pub(crate) async fn added<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, ben) = (bench.owner(), bench.owner());
    let (first, second, third, nobodys) = (bench.key(), bench.key(), bench.key(), bench.key());
    bench.done(&first, None, bench.owned("1", &ann), "a session of one owner").await?;
    bench.done(&second, None, bench.owned("2", &ann), "another session of the same owner").await?;
    bench.done(&third, None, bench.owned("3", &ben), "a session of another owner").await?;
    bench.done(&nobodys, None, bench.write("4"), "a session without an owner").await?;
    bench.lists(&ann, &[&first, &second], "the owner of two sessions").await?;
    bench.lists(&ben, &[&third], "the owner of one session").await?;
    bench.done(&first, Some(b"1"), bench.owned("1b", &ann), "a write with the same owner").await?;
    bench.lists(&ann, &[&first, &second], "after a write with the same owner").await
}

pub(crate) async fn changed<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, ben, key) = (bench.owner(), bench.owner(), bench.key());
    bench.done(&key, None, bench.owned("1", &ann), "a session of one owner").await?;
    bench.done(&key, Some(b"1"), bench.owned("2", &ben), "the same session with another owner").await?;
    bench.lists(&ben, &[&key], "the new owner").await?;
    bench.lists(&ann, &[], "the former owner").await
}

pub(crate) async fn gained<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, key) = (bench.owner(), bench.key());
    bench.done(&key, None, bench.write("1"), "a session without an owner").await?;
    bench.done(&key, Some(b"1"), bench.owned("2", &ann), "the same session with an owner").await?;
    bench.lists(&ann, &[&key], "its owner").await
}

pub(crate) async fn marker<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, old, new) = (bench.owner(), bench.key(), bench.key());
    bench.done(&old, None, bench.owned("1", &ann), "a session of an owner").await?;
    bench.done(&new, None, bench.owned("1", &ann), "its successor").await?;
    bench.done(&old, Some(b"1"), bench.write("marker"), "a marker in its place").await?;
    bench.lists(&ann, &[&new], "after the rotation").await
}

pub(crate) async fn kept<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, key, moved, deleted) = (bench.owner(), bench.key(), bench.key(), bench.key());
    let first = bench.owned("1", &ann);
    let kept = |bytes: &'static str| Write { bytes: bytes.into(), keeps: true, ..first.clone() };
    for key in [&key, &moved, &deleted] {
        bench.done(key, None, first.clone(), "a session of an owner").await?;
        bench.done(key, Some(b"1"), kept("2"), "a write that keeps the owner").await?;
        bench.done(key, Some(b"2"), kept("3"), "another").await?;
    }
    bench.refuses(&key, Some(b"1"), kept("late"), Some(b"3"), "a refused write that keeps the owner").await?;
    bench.lists(&ann, &[&key, &moved, &deleted], "after writes that keep the owner").await?;
    bench.done(&moved, Some(b"3"), bench.write("marker"), "a marker in the place of one").await?;
    bench.delete(&deleted, "the delete of another").await?;
    bench.lists(&ann, &[&key], "after a marker and a delete").await?;
    bench.done(&key, Some(b"3"), bench.owned("4", &ann), "a write that renews the expiry").await?;
    bench.lists(&ann, &[&key], "after a renewal").await?;
    bench.refuses(&moved, Some(b"3"), kept("late"), Some(b"marker"), "a write that arrives after the marker").await?;
    bench.lists(&ann, &[&key], "after a late write").await
}

pub(crate) async fn deleted<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, first, second) = (bench.owner(), bench.key(), bench.key());
    bench.done(&first, None, bench.owned("1", &ann), "a session of an owner").await?;
    bench.done(&second, None, bench.owned("2", &ann), "another").await?;
    bench.delete(&first, "the first delete").await?;
    bench.holds(&first, None, "after the first delete").await?;
    bench.lists(&ann, &[&second], "after the first delete").await?;
    bench.delete(&second, "the second delete").await?;
    bench.holds(&second, None, "after the second delete").await?;
    bench.lists(&ann, &[], "after both deletes").await?;
    bench.done(&first, None, bench.owned("3", &ann), "a creation after the delete").await?;
    bench.lists(&ann, &[&first], "after a creation under a deleted key").await
}

pub(crate) async fn refused<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, ben, key, absent) = (bench.owner(), bench.owner(), bench.key(), bench.key());
    bench.done(&key, None, bench.owned("1", &ann), "a session of one owner").await?;
    bench.refuses(&key, Some(b"x"), bench.owned("2", &ben), Some(b"1"), "a refused change of owner").await?;
    bench.refuses(&key, Some(b"x"), bench.write("2"), Some(b"1"), "a refused marker").await?;
    bench.refuses(&absent, Some(b"x"), bench.owned("2", &ben), None, "a refused write on an absent key").await?;
    bench.lists(&ann, &[&key], "the owner").await?;
    bench.lists(&ben, &[], "the other").await
}

pub(crate) async fn expired<S: Store>(bench: &Bench<S>) -> Outcome {
    let (ann, ben, key) = (bench.owner(), bench.owner(), bench.key());
    let short = Write { owner: Some(ann.clone()), ..bench.write_for("1", bench.short()) };
    bench.done(&key, None, short, "a short-lived session of one owner").await?;
    bench.pass_short().await;
    bench.holds(&key, None, "after its expiry").await?;
    bench.done(&key, None, bench.owned("2", &ben), "a creation of another owner in its place").await?;
    bench.lists(&ben, &[&key], "the new owner").await?;
    bench.lists(&ann, &[], "the former owner").await
}

pub(crate) async fn literal<S: Store>(bench: &Bench<S>) -> Outcome {
    let base = bench.owner();
    let base = base.as_str();
    let names = [
        "", "a", "A", "b", "ab", "a ", " a", "a:b", "a%", "a_", "a*", "a?", "[a]", "'a'", "\"a\"", "a\\", "a;--",
        "a\nb", "e", "E", "é", "É", "e\u{301}", "🔥",
    ];
    let owners =
        names.iter().map(|name| Owner::new(format!("{base}{name}"))).chain([Owner::new("x".repeat(200) + base)]);
    let sessions: Vec<(Owner, StoreKey)> = owners.map(|owner| (owner, bench.key())).collect();
    for (owner, key) in &sessions {
        bench.done(key, None, bench.owned("1", owner), &format!("owner {:?}", owner.as_str())).await?;
    }
    for (owner, key) in &sessions {
        bench.lists(owner, &[key], &format!("owner {:?}", owner.as_str())).await?;
    }
    Ok(())
}

pub(crate) async fn many<S: Store>(bench: &Bench<S>) -> Outcome {
    const MANY: usize = 150;
    let ann = bench.owner();
    let keys: Vec<_> = (0..MANY).map(|_| bench.key()).collect();
    let writes = keys.iter().map(|key| {
        let (store, key, write) = (bench.store.clone(), key.clone(), bench.owned("1", &ann));
        boxed(async move {
            let swap = store.swap(&key, None, write).await;
            swap.map(|_| ()).map_err(|error| failed("swap", &error, "one of many concurrent creations"))
        })
    });
    bench.concurrently(writes.collect()).await?;
    bench.lists(&ann, &keys.iter().collect::<Vec<_>>(), &format!("the owner of {MANY} sessions")).await
}

pub(crate) async fn while_written<S: Store>(bench: &Bench<S>) -> Outcome {
    const SESSIONS: u64 = 4;
    const WRITES: u64 = 30;
    let when = "while its sessions are written";
    let ann = bench.owner();
    let keys: Vec<_> = (0..SESSIONS).map(|_| bench.key()).collect();
    let first = bench.owned("0", &ann);
    for key in &keys {
        bench.done(key, None, first.clone(), "a session of an owner").await?;
    }
    let writing = Arc::new(AtomicU64::new(SESSIONS));
    let mut tasks: Vec<_> = (0..)
        .zip(&keys)
        .map(|(at, key)| {
            let (store, key, write, writing) = (bench.instance(at), key.clone(), first.clone(), Arc::clone(&writing));
            boxed(async move {
                let mut outcome = Ok(());
                for turn in 0..WRITES {
                    let (expected, bytes) = (turn.to_string(), (turn + 1).to_string().into());
                    let write = Write { bytes, keeps: turn % 3 > 0, ..write.clone() };
                    outcome = match store.swap(&key, Some(expected.as_bytes()), write).await {
                        Ok(Swap::Done) => Ok(()),
                        Ok(Swap::Conflict(_)) => Err(format!("{when}: a conflict, although each has one writer")),
                        Err(error) => Err(failed("swap", &error, when)),
                    };
                    if outcome.is_err() {
                        break;
                    }
                    give_way().await;
                }
                writing.fetch_sub(1, Ordering::Relaxed);
                outcome
            })
        })
        .collect();
    for lister in 0..2 {
        let (store, ann, keys, writing) = (bench.instance(lister), ann.clone(), keys.clone(), Arc::clone(&writing));
        tasks.push(boxed(async move {
            while writing.load(Ordering::Relaxed) > 0 {
                let owners = store.owners().ok_or_else(|| format!("{when}: the store can't list owners any more"))?;
                let listed = owners.list(&ann).await.map_err(|error| failed("list", &error, when))?;
                if let Some(missing) = keys.iter().find(|key| !listed.contains(key)) {
                    return Err(format!("{when}: live session {:?} is missing from the list", missing.as_str()));
                }
                give_way().await;
            }
            Ok(())
        }));
    }
    bench.concurrently(tasks).await?;
    bench.lists(&ann, &keys.iter().collect::<Vec<_>>(), "after all those writes").await
}
