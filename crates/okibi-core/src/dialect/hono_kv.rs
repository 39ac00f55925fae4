//! The dialect of the npm package `hono-kv-session` 1.0: one value under `session:<host>:<id>`, and
//! Hono's signed cookies.

use alloc::{borrow::Cow, string::String, vec, vec::Vec};
use core::time::Duration;

use bytes::Bytes;
use okibi_crypto::{HmacSha256, base64};

use super::{Abilities, Candidate, ChosenId, Opened};
use crate::{
    contract::Loaded,
    error::Refusal,
    id::{Id, StoreKey},
    json,
    policy::{
        Policy,
        hono::{HonoKv, SHORTEST_TTL},
    },
    record::{Entry, Record, Stored},
    session::Op,
    text::Text,
    time::Timestamp,
};

/// A record is the value alone. It has no write tag, no marker and no time except the backend's
/// expiry.
pub(super) const ABILITIES: Abilities = Abilities {
    write_tag: false,
    markers: false,
    own_handles: false,
    own_spans: false,
    writes_touch: true,
    deletes_expired: false,
    first_counts: true,
    chosen_id: ChosenId::Overwrites,
    shows_id: true,
    shortest_idle: SHORTEST_TTL,
    kept_after_end: Duration::ZERO,
};

/// The name of the only value of such a session.
const VALUE: &str = "value";
/// The prefix of a stored value that is not a string, if the store keeps strings.
const JSON_PREFIX: &str = "okibi:json:";
/// The length of an HMAC-SHA-256 in standard base64.
const SIGNATURE: usize = 44;
/// An id of 128 characters and a signature, each character percent-encoded as three.
const LONGEST_VALUE: usize = 3 * (128 + 1 + SIGNATURE);

/// Whether a string is a valid id: the characters that a cookie value has without quotes (RFC
/// 6265bis section 4.1.1).
pub(super) fn is_id(text: &[u8]) -> bool {
    (1..=128).contains(&text.len()) && text.iter().all(|byte| matches!(byte, b'!'..=b'~') && !b"\",;\\".contains(byte))
}

/// The id in a cookie's value, and its signature if one is required.
pub(super) fn parse(config: &HonoKv, value: &[u8]) -> Option<Candidate<'static>> {
    if value.len() > LONGEST_VALUE {
        return None;
    }
    let text = String::from_utf8(percent_decoded(value)?).ok()?;
    if config.secrets.is_empty() {
        return is_id(text.as_bytes()).then(|| Candidate::Id(Id::from_text(text)));
    }
    let (id, signature) = text.split_at_checked(text.len().checked_sub(SIGNATURE + 1)?)?;
    let signature = base64::from_standard(signature.strip_prefix('.')?.as_bytes())?.try_into().ok()?;
    is_id(id.as_bytes()).then(|| Candidate::Signed { id: Id::from_text(id), text: Cow::Owned(id.into()), signature })
}

pub(super) fn open(config: &HonoKv, candidate: Candidate<'_>) -> Option<Opened> {
    match candidate {
        Candidate::Id(id) if config.secrets.is_empty() => Some(Opened::Id(id)),
        Candidate::Signed { id, text, signature } => {
            let is_ours = config.secrets.iter().any(|secret| mac(secret, &text).verify(&signature));
            is_ours.then_some(Opened::Id(id))
        }
        _ => None,
    }
}

pub(super) fn write_id(config: &HonoKv, id: &Id) -> String {
    let mut value = id.to_text();
    if let Some(secret) = config.secrets.first() {
        let signature = mac(secret, &value).finish();
        value.push('.');
        base64::push_standard(&mut value, &signature);
    }
    percent_encoded(&value)
}

fn mac(secret: &str, id: &str) -> HmacSha256 {
    let mut mac = HmacSha256::new(secret.as_bytes());
    mac.update(id.as_bytes());
    mac
}

/// The same as `encodeURIComponent`, which Hono uses for values.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 0x0f] {
                encoded.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    encoded
}

/// The same as `decodeURIComponent`. `None` if that would throw.
fn percent_decoded(value: &[u8]) -> Option<Vec<u8>> {
    let (mut decoded, mut rest) = (Vec::with_capacity(value.len()), value);
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = core::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(decoded)
}

pub(super) fn key(host: &str, id: &Id) -> StoreKey {
    let mut key = String::from("session:");
    key.push_str(host);
    key.push(':');
    key.push_str(&id.to_text());
    StoreKey::new(key)
}

/// Whether the record can store the change.
pub(super) const fn accepts(op: &Op) -> bool {
    !matches!(
        op,
        Op::SetDeadline(_)
            | Op::Flash(..)
            | Op::SetAbsolute(_)
            | Op::SetPersistent(_)
            | Op::SetOwner(Some(_))
            | Op::SetLabel(Some(_))
    )
}

pub(super) fn decode(policy: &Policy, config: &HonoKv, loaded: &Loaded, id: Option<&Id>) -> Option<Stored> {
    let limits = &policy.limits;
    let text = core::str::from_utf8(&loaded.bytes).ok().filter(|text| text.len() <= limits.bytes)?;
    let value: Text = if config.json {
        text.into()
    } else if let Some(json) = text.strip_prefix(JSON_PREFIX).filter(|json| json::is_value(json, limits.depth)) {
        json.into()
    } else {
        let mut quoted = String::with_capacity(text.len() + 2);
        json::push_string(&mut quoted, text);
        quoted.into()
    };
    // The package treats a value that is falsy in JavaScript as no session.
    let is_nothing = matches!(value.as_str(), "\"\"" | "null" | "false" | "0");
    if is_nothing || !json::is_value(value.as_str(), limits.depth) {
        return None;
    }
    let (last_active, idle) = match loaded.expires_at {
        Some(expires_at) => (expires_at.minus(policy.lifetime.idle), policy.lifetime.idle),
        // The backend does not return an expiry. The session lives as long as it is stored, and a
        // touch is due.
        None => (Timestamp::default(), Duration::MAX),
    };
    Some(Stored::Record(Record {
        handle: id.map(Id::derived_handle),
        created: last_active,
        last_active,
        idle,
        deadline: None,
        absolute: None,
        persistent: true,
        owner: None,
        label: None,
        entries: vec![Entry { name: Text::from_static(VALUE), value, flash: false }],
        unknown: Vec::new(),
    }))
}

pub(super) fn encode(config: &HonoKv, record: &Record) -> Result<Bytes, Refusal> {
    let [entry] = record.entries.as_slice() else { return Err(Refusal::UnsupportedByDialect) };
    if entry.name.as_str() != VALUE || entry.flash {
        return Err(Refusal::UnsupportedByDialect);
    }
    let value = entry.value.as_str();
    if config.json {
        return Ok(Bytes::copy_from_slice(value.as_bytes()));
    }
    match json::string(value).filter(|text| !text.starts_with(JSON_PREFIX)) {
        Some(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        None => Ok(Bytes::from([JSON_PREFIX, value].concat())),
    }
}
