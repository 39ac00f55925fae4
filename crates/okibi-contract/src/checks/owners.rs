//! The list of an owner's sessions: complete, and exact once nothing is going on.

use okibi_store::{Owner, Store, StoreKey};

use crate::bench::{Bench, Outcome, PAST_SHORT, SHORT};

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
    let short = okibi_store::Write { owner: Some(ann.clone()), ..bench.write_for("1", SHORT) };
    bench.done(&key, None, short, "a short-lived session of one owner").await?;
    bench.time.pass(PAST_SHORT).await;
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
        "a\nb", "é", "e\u{301}", "🔥",
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
        let create: okibi_store::BoxFuture<'static, Outcome> = Box::pin(async move {
            let swap = store.swap(&key, None, write).await;
            swap.map(|_| ()).map_err(|error| crate::bench::failed("swap", &error, "one of many creations at once"))
        });
        create
    });
    bench.at_once(writes.collect()).await?;
    bench.lists(&ann, &keys.iter().collect::<Vec<_>>(), &format!("the owner of {MANY} sessions")).await
}
