//! Values and keys byte for byte.

use okibi_store::{Store, StoreKey};

use crate::bench::{Bench, Outcome};

/// Values that stores have been known to change: not text, ending in what some column types trim,
/// or looking like something that could be normalised.
fn awkward() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("every byte there is", (0..=255).collect()),
        ("every byte there is, backwards", (0..=255).rev().collect()),
        ("bytes that are not UTF-8", vec![0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
        ("a NUL in the middle", b"before\0after".to_vec()),
        ("a NUL at the end", b"value\0".to_vec()),
        ("a single NUL", b"\0".to_vec()),
        ("spaces at both ends", b"  value  ".to_vec()),
        ("line ends", b"one\r\ntwo\rthree\n".to_vec()),
        ("JSON with spaces and doubled names", br#"{ "a" : 1.0, "a" : 2e0 }"#.to_vec()),
        ("text beyond ASCII in two spellings", "\u{e9} e\u{301} \u{1f525} \u{0}".as_bytes().to_vec()),
        ("quotes and backslashes", br#"'"\'' -- ; \x00 %s $1 ?1"#.to_vec()),
        ("a byte order mark", b"\xef\xbb\xbfvalue".to_vec()),
    ]
}

pub(crate) async fn exact<S: Store>(bench: &Bench<S>) -> Outcome {
    for (what, bytes) in awkward() {
        let key = bench.key();
        bench.done(&key, None, bench.write(&bytes), &format!("{what}, created")).await?;
        bench.refuses(&key, None, bench.write("x"), Some(&bytes), &format!("{what}, in a conflict")).await?;
        bench.done(&key, Some(&bytes), bench.write("plain"), &format!("{what}, expected")).await?;
        bench.done(&key, Some(b"plain"), bench.write(&bytes), &format!("{what}, written over other bytes")).await?;
    }
    Ok(())
}

pub(crate) async fn empty<S: Store>(bench: &Bench<S>) -> Outcome {
    let key = bench.key();
    bench.done(&key, None, bench.write(""), "a value of no bytes").await?;
    bench.refuses(&key, None, bench.write("new"), Some(b""), "a creation where an empty value is stored").await?;
    bench.refuses(&key, Some(b"x"), bench.write("new"), Some(b""), "a swap that expects a byte").await?;
    bench.done(&key, Some(b""), bench.write("new"), "a swap that expects no bytes").await?;
    bench.done(&key, Some(b"new"), bench.write(""), "a swap that writes no bytes").await
}

/// Bytes of which no two stretches are alike and that nothing compresses, and the same with the
/// last bit turned.
fn noise(size: usize) -> (Vec<u8>, Vec<u8>) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut first = Vec::with_capacity(size);
    while first.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        first.extend(state.to_le_bytes());
    }
    let mut second = first.clone();
    if let Some(last) = second.last_mut() {
        *last ^= 1;
    }
    (first, second)
}

pub(crate) async fn large<S: Store>(bench: &Bench<S>) -> Outcome {
    let (first, second) = noise(64 * 1024);
    let key = bench.key();
    bench.done(&key, None, bench.write(&first), "64 KiB created").await?;
    bench.refuses(&key, Some(&second), bench.write("new"), Some(&first), "64 KiB expected, the last bit wrong").await?;
    bench.done(&key, Some(&first), bench.write(&second), "64 KiB over 64 KiB").await?;
    bench.done(&key, Some(&second), bench.write("small"), "little over 64 KiB").await
}

pub(crate) async fn oversized<S: Store>(bench: &Bench<S>) -> Outcome {
    let (first, second) = noise(1024 * 1024);
    let (created, replaced) = (bench.key(), bench.key());
    if bench.whole_or_refused(&created, None, bench.write(&first), "1 MiB created").await? {
        let when = "1 MiB expected, the last bit wrong";
        bench.refuses(&created, Some(&second), bench.write("new"), Some(&first), when).await?;
        bench.done(&created, Some(&first), bench.write("small"), "little over 1 MiB").await?;
    } else {
        bench.done(&created, None, bench.write("small"), "a creation after 1 MiB was refused").await?;
    }
    bench.done(&replaced, None, bench.write("held"), "a small value").await?;
    if !bench.whole_or_refused(&replaced, Some(b"held"), bench.write(&second), "1 MiB over a small value").await? {
        bench.done(&replaced, Some(b"held"), bench.write("new"), "a swap after 1 MiB was refused").await?;
    }
    bench.delete(&replaced, "the delete of 1 MiB").await?;
    bench.holds(&replaced, None, "after the delete of 1 MiB").await
}

pub(crate) async fn compare<S: Store>(bench: &Bench<S>) -> Outcome {
    const HELD: &[u8] = b"Held value";
    let key = bench.key();
    bench.done(&key, None, bench.write(HELD), "the first write").await?;
    let near: [(&str, &[u8]); 9] = [
        ("without its last byte", b"Held valu"),
        ("without its first byte", b"eld value"),
        ("with a byte more", b"Held value2"),
        ("with a space more", b"Held value "),
        ("with a NUL more", b"Held value\0"),
        ("in lower case", b"held value"),
        ("with another last byte", b"Held valuf"),
        ("with another first byte", b"Geld value"),
        ("empty", b""),
    ];
    for (what, expected) in near {
        bench.refuses(&key, Some(expected), bench.write("new"), Some(HELD), &format!("expected {what}")).await?;
    }
    bench.done(&key, Some(HELD), bench.write("new"), "expected as it is").await
}

pub(crate) async fn keys<S: Store>(bench: &Bench<S>) -> Outcome {
    let base = bench.key();
    let base = base.as_str();
    // As long as the longest key of a dialect: `session:`, a host name of 253 characters, `:` and
    // an id of 128.
    let long = format!("{base}:{}", "k".repeat(390 - base.len() - 1));
    let spellings = [
        format!("{base}:Key"),
        format!("{base}:key"),
        format!("{base}:KEY"),
        format!("{base}:kex"),
        format!("{base}:ke"),
        format!("{base}:key-"),
        format!("{base}:key_"),
        format!("{base}:key."),
        format!("{base}:ke%"),
        format!("{base}:ke_"),
        format!("{base}:ke*"),
        format!("{base}:ke?"),
        base.to_owned(),
        format!("{base}:"),
        format!("{base}::"),
        format!("x{base}"),
        format!("{long}a"),
        format!("{long}b"),
        long.clone(),
    ];
    let keys: Vec<_> = spellings.into_iter().map(StoreKey::new).collect();
    for key in &keys {
        let when = format!("key {} beside others like it", key.as_str());
        bench.done(key, None, bench.write(key.as_str()), &when).await?;
    }
    for key in &keys {
        bench.holds(key, Some(key.as_str().as_bytes()), &format!("key {} beside others like it", key.as_str())).await?;
    }
    for (at, key) in keys.iter().enumerate() {
        bench.delete(key, "a delete").await?;
        bench.holds(key, None, &format!("key {}, deleted", key.as_str())).await?;
        for rest in keys.iter().skip(at + 1) {
            bench
                .holds(
                    rest,
                    Some(rest.as_str().as_bytes()),
                    &format!("key {} after {} was deleted", rest.as_str(), key.as_str()),
                )
                .await?;
        }
    }
    Ok(())
}

pub(crate) async fn literal_keys<S: Store>(bench: &Bench<S>) -> Outcome {
    let base = bench.key();
    let ends = [
        "k",
        "K",
        "k ",
        "k  ",
        " k",
        "k\t",
        "k\n",
        "'k'",
        "\"k\"",
        "k'",
        "k\\",
        "k\\\\",
        "k;--",
        "[k]",
        "{k}",
        "../k",
        "e",
        "E",
        "\u{e9}",
        "\u{c9}",
        "e\u{301}",
        "ss",
        "\u{df}",
        "\u{1f525}",
    ];
    let keys: Vec<_> = ends.iter().map(|end| StoreKey::new(format!("{}:{end}", base.as_str()))).collect();
    let (gone, stay): (Vec<_>, Vec<_>) = keys.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for key in &keys {
        bench.done(key, None, bench.write(key.as_str()), &format!("key {:?} beside others", key.as_str())).await?;
    }
    for (_, key) in &gone {
        let held = key.as_str().as_bytes();
        bench.holds(key, Some(held), &format!("key {:?} beside others", key.as_str())).await?;
        bench.delete(key, "a delete").await?;
        bench.holds(key, None, &format!("key {:?}, deleted", key.as_str())).await?;
    }
    for (_, key) in &stay {
        let held = key.as_str().as_bytes();
        bench.holds(key, Some(held), &format!("key {:?} after others were deleted", key.as_str())).await?;
    }
    Ok(())
}
