//! Expiry: judged on every read and swap, whatever the backend's own clean-up does.

use std::time::Duration;

use okibi_store::{Store, Timestamp, Write};

use crate::bench::{Bench, LONG, Outcome, failed};

pub(crate) async fn on_read<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write_for("short", bench.short()), "a short-lived session").await?;
    bench.pass_short().await;
    bench.holds(&key, None, "after its expiry").await
}

pub(crate) async fn on_swap<S: Store>(bench: &Bench<S>) -> Outcome {
    let (swapped, created) = (bench.key(), bench.key());
    bench.done(&swapped, None, bench.write_for("short", bench.short()), "a short-lived session").await?;
    bench.done(&created, None, bench.write_for("short", bench.short()), "another").await?;
    bench.pass_short().await;
    bench.refuses(&swapped, Some(b"short"), bench.write("late"), None, "a swap on an expired session").await?;
    bench.refuses(&swapped, Some(b"other"), bench.write("late"), None, "another, that expects other bytes").await?;
    bench.done(&created, None, bench.write("new"), "a creation in the place of an expired session").await
}

pub(crate) async fn in_the_past<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    let mut past = bench.write("past");
    past.expires_at = Timestamp::from_millis(bench.now().as_millis().saturating_sub(1000));
    bench.accepts(&key, None, past.clone(), "a creation that has expired when it is written").await?;
    bench.holds(&key, None, "after it").await?;
    bench.done(&key, None, bench.write("live"), "a creation in its place").await?;
    bench.accepts(&key, Some(b"live"), past, "a write that has expired over a live one").await?;
    bench.holds(&key, None, "after that").await
}

pub(crate) async fn extended<S: Store>(bench: &Bench<S>) -> Outcome {
    let (changed, renewed) = (bench.key(), bench.key());
    bench.done(&changed, None, bench.write_for("first", bench.short()), "a short-lived session").await?;
    bench.done(&renewed, None, bench.write_for("first", bench.short()), "another").await?;
    bench.done(&changed, Some(b"first"), bench.write("second"), "a long-lived write over it").await?;
    bench.done(&renewed, Some(b"first"), bench.write("first"), "a long-lived write of the same bytes").await?;
    bench.pass_short().await;
    bench.holds(&changed, Some(b"second"), "after the first expiry").await?;
    bench.holds(&renewed, Some(b"first"), "after the first expiry, with the same bytes").await
}

pub(crate) async fn shortened<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write("first"), "a long-lived session").await?;
    bench.done(&key, Some(b"first"), bench.write_for("second", bench.short()), "a short-lived write over it").await?;
    bench.pass_short().await;
    bench.holds(&key, None, "after the second expiry").await
}

pub(crate) async fn kept<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    let first = bench.write_for("first", bench.short());
    let kept = Write { bytes: "second".into(), keeps: true, ..first.clone() };
    bench.done(&key, None, first, "a short-lived session").await?;
    bench.done(&key, Some(b"first"), kept.clone(), "a write over it that keeps the expiry").await?;
    bench.pass_short().await;
    bench.holds(&key, None, "after the expiry").await?;
    bench.refuses(&key, Some(b"second"), kept, None, "such a write after the expiry").await
}

pub(crate) async fn anew<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write_for("first", bench.short()), "a short-lived session").await?;
    bench.pass_short().await;
    bench.done(&key, None, bench.write_for("second", LONG), "a long-lived one after it expired").await?;
    bench.pass_short().await;
    bench.holds(&key, Some(b"second"), "some time later").await?;
    bench.done(&key, Some(b"second"), bench.write("third"), "a write over it").await
}

pub(crate) async fn far<S: Store>(bench: &Bench<S>) -> Outcome {
    const YEAR: u64 = 365 * 24;
    for years in [1, 20, 100] {
        let key = bench.key();
        let lives = Duration::from_hours(years * YEAR);
        bench.done(&key, None, bench.write_for("far", lives), &format!("an expiry in {years} years")).await?;
    }
    Ok(())
}

pub(crate) async fn never<S: Store>(bench: &Bench<S>) -> Outcome {
    let never = |bytes: &str| Write { expires_at: Timestamp::MAX, ..bench.write(bytes) };
    let key = bench.key();
    bench.done(&key, None, never("first"), "a creation without an end").await?;
    bench.done(&key, Some(b"first"), never("second"), "a write without an end over it").await?;
    bench.done(&key, Some(b"second"), bench.write("third"), "a write with an end over that").await?;
    bench.done(&key, Some(b"third"), never("fourth"), "a write without an end over one that has it").await?;
    if bench.store.owners().is_none() {
        return Ok(());
    }
    let (ann, owned) = (bench.owner(), bench.key());
    let write = Write { owner: Some(ann.clone()), ..never("1") };
    bench.done(&owned, None, write, "a session of an owner, without an end").await?;
    bench.lists(&ann, &[&owned], "its owner").await?;
    bench.done(&owned, Some(b"1"), bench.write("marker"), "a marker in its place").await?;
    bench.lists(&ann, &[], "its owner, after the marker").await
}

pub(crate) async fn reported<S: Store>(bench: &Bench<S>) -> Outcome {
    /// What a backend that counts in seconds may round.
    const ROUNDED: Duration = Duration::from_secs(1);
    let key = bench.key();
    let first = bench.write("first");
    let second = bench.write_for("second", 2 * LONG);
    for (expected, write) in [(None, first), (Some(&b"first"[..]), second)] {
        let wanted = write.expires_at;
        bench.done(&key, expected, write, "a write").await?;
        let loaded = bench.store.load(&key).await.map_err(|error| failed("load", &error, "after a write"))?;
        if let Some(reported) = loaded.and_then(|loaded| loaded.expires_at)
            && (reported.since(wanted) > ROUNDED || wanted.since(reported) > ROUNDED)
        {
            let (wanted, reported) = (wanted.as_millis(), reported.as_millis());
            return Err(format!("written with expiry {wanted}, it loads with expiry {reported}"));
        }
    }
    Ok(())
}
