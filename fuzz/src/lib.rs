//! The fuzz targets: each takes any bytes and panics if okibi does what it must never do.
//!
//! To add one: write the function, name it in [`TARGETS`], add `fuzz_targets/<name>.rs` (one line,
//! like its siblings) with its `[[bin]]` in `Cargo.toml`, and put a few good inputs into
//! `seeds/<name>/`.

mod dialects;
mod iron;
mod script;

pub use dialects::dialects;
pub use iron::iron;
pub use script::script;

use bytes::Bytes;
use okibi_core::{
    Config, Engine, Id, Limits, Secrets, Step, Timestamp,
    formats::{Stored, decode, open, pairs, parse_log, seal},
};
use okibi_wasm::numbers::{CALLS, LAST};
use serde_json::value::RawValue;

/// A fuzz target: panics on a finding.
pub type Target = fn(&[u8]);

/// Every target by the name of its file in `fuzz_targets`.
pub const TARGETS: &[(&str, Target)] = &[
    ("id", id),
    ("cookies", cookies),
    ("seal", unseal),
    ("record", record),
    ("json", json),
    ("log", log),
    ("script", script),
    ("border", border),
    ("dialects", dialects),
    ("iron", iron),
];

/// Whatever is read as an id is spelled in exactly that way: only canonical ids reach a store.
///
/// # Panics
/// If an id that was read is written differently.
pub fn id(input: &[u8]) {
    if let Some(id) = Id::parse(input) {
        assert_eq!(id.to_text().as_bytes(), input, "read an id that is not canonical");
    }
}

/// Names and values come from the header, in order, without a separator in them; only a canonical
/// id is looked up.
///
/// # Panics
/// If a pair is not from the header, or an id is looked up that the header has not.
pub fn cookies(input: &[u8]) {
    let mut rest = input;
    for (name, value) in pairs(input) {
        assert!(!name.is_empty() && !name.contains(&b'=') && !name.contains(&b';') && !value.contains(&b';'));
        for part in [name, value] {
            let at = rest.windows(part.len().max(1)).position(|window| window.starts_with(part));
            rest = rest.get(at.unwrap_or(0) + part.len()..).unwrap_or_default();
            assert!(part.is_empty() || at.is_some(), "not from the header, or not in order");
        }
    }
    let engine = Engine::new(Config::default()).expect("the defaults are possible");
    let mut flow = engine.open([input], Timestamp::from_millis(0));
    if let Step::Load(key) = engine.load(&mut flow) {
        let candidates = input.windows(43).filter_map(Id::parse);
        let known = candidates.map(|id| id.store_key("session")).any(|candidate| candidate == key);
        assert!(known, "a key of no id in the header");
    }
}

/// Nothing opens but what was sealed, and what is sealed opens.
///
/// # Panics
/// If something opens that was not sealed with the secrets, or a seal does not give back its text.
pub fn unseal(input: &[u8]) {
    let secrets = Secrets::new(["a secret of thirty-two bytes: no more"]).expect("a good secret");
    // No input forges a tag by chance. The seeds contain values of these secrets, which do open.
    if let Some(text) = open(&secrets, "__Host-session", input) {
        let nonce = base64_nonce(input);
        assert_eq!(seal(&secrets, "__Host-session", &text, nonce).as_deref().map(str::as_bytes), Some(input));
    }
    let trimmed = input.trim_ascii_end();
    let value = seal(&secrets, "a", trimmed, [7; 24]).expect("sealing does not fail");
    assert_eq!(open(&secrets, "a", value.as_bytes()).as_deref(), Some(trimmed.strip_suffix(b" ").unwrap_or(trimmed)));
    assert!(open(&secrets, "b", value.as_bytes()).is_none(), "opened under another name");
}

/// The nonce in a value that opened: bytes 5 to 29 of its message.
fn base64_nonce(value: &[u8]) -> [u8; 24] {
    let digit = |byte: &u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = value.iter().take(40).map(digit).collect();
    let bytes: Vec<u8> = bits
        .chunks_exact(4)
        .flat_map(|four| [four[0] << 2 | four[1] >> 4, four[1] << 4 | four[2] >> 2, four[2] << 6 | four[3]])
        .collect();
    bytes[5..29].try_into().expect("24 bytes")
}

/// What decodes is written so that it decodes to the same again.
///
/// # Panics
/// If writing and reading again changes a record.
pub fn record(input: &[u8]) {
    let limits = Limits::default();
    let again = match decode(&Bytes::copy_from_slice(input), &limits) {
        Err(_) => return,
        Ok(Stored::Record(record)) => (record.encode([1; 8]), Stored::Record(record)),
        Ok(Stored::Marker(marker)) => (marker.encode([1; 8]), Stored::Marker(marker)),
    };
    // Escapes can make the written form longer than the limit that the read form just kept.
    let roomy = Limits { bytes: limits.bytes * 8, ..limits };
    assert_eq!(decode(&again.0, &roomy), Ok(again.1), "not the same after writing and reading");
}

/// The core reads JSON exactly as `serde_json` does.
///
/// # Panics
/// If one of them accepts what the other refuses, or they find other parts.
pub fn json(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let expected: Option<Vec<&RawValue>> = serde_json::from_str(text).ok();
    let expected: Option<Vec<&str>> = expected.map(|items| items.into_iter().map(RawValue::get).collect());
    // Deeper than the core counts, it refuses.
    if expected.is_none() || text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() < 128 {
        assert_eq!(okibi_core::json::items(text), expected);
    }
}

/// A log is read whole or not at all.
///
/// # Panics
/// Only if reading does.
pub fn log(input: &[u8]) {
    if let Some(log) = parse_log(input) {
        let items = serde_json::from_slice::<Vec<&RawValue>>(input).expect("a log is a JSON array");
        assert_eq!(log.len(), items.len(), "something was left out");
    }
}

/// Whatever JavaScript hands over the border, there is a reply and it fits its own length.
///
/// # Panics
/// If a call panics or its reply is cut.
pub fn border(input: &[u8]) {
    let Some((&[call, flags], frames)) = input.split_first_chunk::<2>() else { return };
    let mut engines = vec![Engine::new(Config::default()).expect("the defaults are possible")];
    let mut reply = Vec::new();
    let call = CALLS[usize::from(call) % CALLS.len()];
    // The answers and the small flags, and the one large flag.
    let flags = u32::from(flags % 8) | if flags & 8 == 0 { 0 } else { LAST };
    okibi_wasm::call(&mut engines, call, 0, 1e12, flags, frames, &mut reply);
    let (length, frames) = reply.split_first_chunk::<4>().expect("a length");
    assert_eq!(u32::from_le_bytes(*length) as usize, frames.len());
}
