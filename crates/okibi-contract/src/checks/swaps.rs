//! Swaps and deletes, one at a time.

use okibi_store::{Store, Write};

use crate::bench::{Bench, Outcome};

pub(crate) async fn absent<S: Store>(bench: &Bench<S>) -> Outcome {
    bench.holds(&bench.key(), None, "a key that was never written").await
}

pub(crate) async fn create<S: Store>(bench: &Bench<S>) -> Outcome {
    bench.done(&bench.key(), None, bench.write("first"), "the first write").await
}

pub(crate) async fn create_twice<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("first"), "the first write").await?;
    bench.refuses(&key, None, bench.write("second"), Some(b"first"), "the second creation").await?;
    bench.refuses(&key, None, bench.write("first"), Some(b"first"), "a creation with the same bytes").await
}

pub(crate) async fn replace<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("first"), "the first write").await?;
    bench.done(&key, Some(b"first"), bench.write("second"), "the second write").await?;
    bench.done(&key, Some(b"second"), bench.write("third, and longer"), "the third write").await?;
    bench.refuses(&key, Some(b"first"), bench.write("late"), Some(b"third, and longer"), "a write on the first").await
}

pub(crate) async fn mismatch<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("held"), "the first write").await?;
    bench.refuses(&key, Some(b"other"), bench.write("new"), Some(b"held"), "a swap that expects other bytes").await?;
    bench.refuses(&key, Some(b"new"), bench.write("new"), Some(b"held"), "a swap that expects what it writes").await
}

pub(crate) async fn expect_absent<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.refuses(&key, Some(b"something"), bench.write("new"), None, "a swap on a key that was never written").await?;
    bench.refuses(&key, Some(b""), bench.write("new"), None, "a swap that expects no bytes on such a key").await
}

/// The creation was done, the session was destroyed, and a marker replaced it. Then the same
/// creation arrives again.
pub(crate) async fn late<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("first"), "the first write").await?;
    bench.done(&key, Some(b"first"), bench.write("marker"), "a marker in its place").await?;
    bench.refuses(&key, None, bench.write("first"), Some(b"marker"), "the first write again").await?;
    bench.refuses(&key, Some(b"first"), bench.write("second"), Some(b"marker"), "a change of the replaced value").await
}

pub(crate) async fn same_bytes<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("same"), "the first write").await?;
    bench.done(&key, Some(b"same"), bench.write("same"), "a write of the same bytes").await
}

/// A store may write less for such a write. It compares as for any other.
pub(crate) async fn kept<S: Store>(bench: &Bench<S>) -> Outcome {
    let (key, absent) = (bench.key(), bench.key());
    let first = bench.write("first");
    let kept = |bytes: &'static str| Write { bytes: bytes.into(), keeps: true, ..first.clone() };
    bench.done(&key, None, first.clone(), "the first write").await?;
    bench.done(&key, Some(b"first"), kept("second"), "a write that keeps owner and expiry").await?;
    bench.done(&key, Some(b"second"), kept("second"), "one that writes the same bytes").await?;
    bench.refuses(&key, Some(b"first"), kept("late"), Some(b"second"), "one on the first bytes").await?;
    bench.refuses(&key, Some(b"secon"), kept("late"), Some(b"second"), "one that expects fewer bytes").await?;
    bench.refuses(&key, Some(b""), kept("late"), Some(b"second"), "one that expects no bytes").await?;
    bench.refuses(&absent, Some(b"first"), kept("late"), None, "one on a key that was never written").await?;
    bench.done(&key, Some(b"second"), bench.write("marker"), "a marker in its place").await?;
    bench.refuses(&key, Some(b"second"), kept("late"), Some(b"marker"), "one that arrives after the marker").await?;
    bench.delete(&key, "a delete").await?;
    bench.holds(&key, None, "after the delete").await?;
    bench.refuses(&key, Some(b"marker"), kept("late"), None, "one that arrives after the delete").await
}

pub(crate) async fn refused_is_inert<S: Store>(bench: &Bench<S>) -> Outcome {
    let (key, other) = (bench.key(), bench.key());
    bench.done(&key, None, bench.write("held"), "the first write").await?;
    bench.refuses(&key, Some(b"other"), bench.write_for("new", bench.short()), Some(b"held"), "a refused swap").await?;
    bench.refuses(&key, None, bench.write_for("new", bench.short()), Some(b"held"), "a refused creation").await?;
    bench.refuses(&other, Some(b"other"), bench.write("new"), None, "a refused swap on an absent key").await?;
    bench.pass_short().await;
    bench.holds(&key, Some(b"held"), "after the time that a refused swap asked for").await
}

pub(crate) async fn delete<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("first"), "the first write").await?;
    bench.done(&key, Some(b"first"), bench.write("second"), "the second write").await?;
    bench.delete(&key, "the delete").await?;
    bench.holds(&key, None, "after the delete").await?;
    bench.refuses(&key, Some(b"second"), bench.write("late"), None, "a swap after the delete").await?;
    bench.done(&key, None, bench.write("anew"), "a creation after the delete").await
}

pub(crate) async fn delete_absent<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.delete(&key, "a delete of a key that was never written").await?;
    bench.done(&key, None, bench.write("held"), "a creation after that").await?;
    bench.delete(&key, "the first delete").await?;
    bench.delete(&key, "the second delete").await?;
    bench.holds(&key, None, "after both").await
}

pub(crate) async fn delete_one<S: Store>(bench: &Bench<S>) -> Outcome {
    let (key, other) = (bench.key(), bench.key());
    bench.done(&key, None, bench.write("goes"), "the first write").await?;
    bench.done(&other, None, bench.write("stays"), "the write of another key").await?;
    bench.delete(&key, "the delete").await?;
    bench.holds(&key, None, "the deleted key").await?;
    bench.holds(&other, Some(b"stays"), "the other key").await
}
