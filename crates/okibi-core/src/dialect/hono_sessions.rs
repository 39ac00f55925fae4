//! The dialect of the npm package `hono-sessions` 0.8: UUIDs, a JSON record under the id, and Iron
//! seals.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use super::{Abilities, Candidate, ChosenId, Opened, is_uuid};
use crate::{
    error::Refusal,
    id::Id,
    json,
    policy::{
        Policy,
        hono::{HonoProtection, HonoSessions, IronSecrets, SHORTEST_TTL},
    },
    random::{Random, SEAL_RANDOM},
    record::{Entry, Record, Stored, has_duplicates},
    seal::iron,
    session::Op,
    text::Text,
    time::Timestamp,
};

/// A write has no tag and a moved session leaves no marker. So a rotation is two swaps and a
/// delete, and the outcome of a lost reply stays unknown.
pub(super) const ABILITIES: Abilities = Abilities {
    write_tag: false,
    markers: false,
    own_handles: false,
    own_spans: false,
    writes_touch: true,
    deletes_expired: true,
    first_counts: true,
    chosen_id: ChosenId::Creates,
    shows_id: true,
    shortest_idle: SHORTEST_TTL,
    kept_after_end: Duration::ZERO,
};

/// The most bytes of a cookie's value. Browsers keep no larger cookie.
const LONGEST_VALUE: usize = 4096;

pub(super) fn parse<'a>(protection: &HonoProtection, value: &'a [u8]) -> Option<Candidate<'a>> {
    match protection {
        HonoProtection::Id => {
            let text = core::str::from_utf8(value).ok().filter(|text| is_uuid(text.as_bytes()))?;
            Some(Candidate::Id(Id::from_text(text)))
        }
        HonoProtection::SealedId(_) | HonoProtection::Sealed(_) => {
            let is_one = value.len() <= LONGEST_VALUE && value.starts_with(b"Fe26.2*");
            is_one.then_some(Candidate::Seal(value))
        }
    }
}

pub(super) fn open(protection: &HonoProtection, candidate: Candidate<'_>, now: Timestamp) -> Option<Opened> {
    match (protection, candidate) {
        (HonoProtection::Id, Candidate::Id(id)) => Some(Opened::Id(id)),
        (HonoProtection::SealedId(keys), Candidate::Seal(value)) => {
            let id = unseal(keys, value, now)?;
            is_uuid(id.as_bytes()).then(|| Opened::Id(Id::from_text(id)))
        }
        // The package ends a session with a seal of an empty string.
        (HonoProtection::Sealed(keys), Candidate::Seal(value)) => {
            let record = unseal(keys, value, now)?;
            (!record.is_empty()).then(|| Opened::Record(record.into_bytes()))
        }
        _ => None,
    }
}

/// The string in a seal. The sealed JSON is a string.
fn unseal(keys: &IronSecrets, value: &[u8], now: Timestamp) -> Option<String> {
    let json = iron::unseal(&keys.options, iron::Secrets::Named(&keys.secrets), value, now).ok()?;
    json::string(&json).map(Into::into)
}

pub(super) fn write_id(
    protection: &HonoProtection,
    id: &Id,
    now: Timestamp,
    random: &mut dyn Random,
) -> Result<Option<String>, Refusal> {
    Ok(match protection {
        HonoProtection::Id => Some(id.to_text()),
        HonoProtection::SealedId(keys) => seal(keys, &id.to_text(), now, &random.take()?),
        HonoProtection::Sealed(_) => None,
    })
}

/// The cookie's value for a sealed record.
pub(super) fn seal_record(
    protection: &HonoProtection,
    record: &[u8],
    now: Timestamp,
    random: &mut dyn Random,
) -> Result<Option<String>, Refusal> {
    let HonoProtection::Sealed(keys) = protection else { return Ok(None) };
    let Ok(text) = core::str::from_utf8(record) else { return Ok(None) };
    Ok(seal(keys, text, now, &random.take()?))
}

/// Seals a string.
fn seal(keys: &IronSecrets, text: &str, now: Timestamp, random: &[u8; SEAL_RANDOM]) -> Option<String> {
    let mut json = String::with_capacity(text.len() + 2);
    json::push_string(&mut json, text);
    iron::seal(&keys.options, keys.secrets.first()?, json.as_bytes(), now, random).ok()
}

/// Whether the record can store the change.
pub(super) const fn accepts(op: &Op) -> bool {
    !matches!(
        op,
        Op::SetIdle(_) | Op::SetAbsolute(_) | Op::SetPersistent(_) | Op::SetOwner(Some(_)) | Op::SetLabel(Some(_))
    )
}

/// How long after the last activity a touch is due: a tenth of the lifetime of the session or its
/// cookie, whichever is shorter. `None`: never.
pub(super) fn touch_after(config: &HonoSessions) -> Option<Duration> {
    let shorter = [config.idle, config.cookie.lifetime()].into_iter().flatten().min()?;
    config.auto_extend.then_some(shorter / 10)
}

pub(super) fn decode(policy: &Policy, bytes: &Bytes, id: Option<&Id>) -> Option<Stored> {
    let limits = &policy.limits;
    if bytes.len() > limits.bytes {
        return None;
    }
    let (mut data, mut expire, mut deleted, mut accessed) = (None, None, None, None);
    let mut unknown = Vec::new();
    let read = json::each_member(core::str::from_utf8(bytes).ok()?, 3 + limits.depth, &mut |name, value| {
        let slot = match name.as_bytes() {
            b"_data" => &mut data,
            b"_expire" => &mut expire,
            b"_delete" => &mut deleted,
            b"_accessed" => &mut accessed,
            // It may be the id from before a rotation.
            b"_id" => return true,
            _ => {
                unknown.push((Text::share(bytes, name), Text::share(bytes, value.into())));
                return true;
            }
        };
        slot.replace(value).is_none()
    });
    if !read || deleted == Some("true") {
        return None;
    }
    let entries = entries(bytes, data?, limits.names, 2 + limits.depth)?;
    let expire = match expire {
        None | Some("null") => None,
        Some(text) => Some(Timestamp::parse_iso(&json::string(text)?)?),
    };
    let accessed = match accessed {
        None | Some("null") => None,
        Some(text) => json::string(text).and_then(|text| Timestamp::parse_iso(&text)),
    };
    let span = policy.lifetime.idle;
    let limited = span < Duration::MAX;
    let last_active =
        accessed.or_else(|| expire.filter(|_| limited).map(|expire| expire.minus(span))).unwrap_or_default();
    let last_active = expire.map_or(last_active, |expire| expire.min(last_active));
    let (idle, deadline) = match expire {
        // Without an idle timeout, the app set this expiry, and it stays.
        Some(expire) if limited => (expire.since(last_active), None),
        deadline => (Duration::MAX, deadline),
    };
    Some(Stored::Record(Record {
        handle: id.map(Id::derived_handle),
        created: last_active,
        last_active,
        idle,
        deadline,
        absolute: None,
        persistent: false,
        owner: None,
        label: None,
        entries,
        unknown,
    }))
}

fn entries(bytes: &Bytes, data: &str, most: usize, depth: usize) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let read = json::each_member(data, depth, &mut |name, entry| {
        let (mut value, mut flash) = (None, false);
        let read = json::each_member(entry, depth, &mut |member, json| {
            match member.as_bytes() {
                b"value" => value = Some(json),
                b"flash" => flash = json == "true",
                _ => {}
            }
            true
        });
        // An undefined value of JavaScript is missing in the JSON.
        if let Some(value) = value {
            entries.push(Entry { name: Text::share(bytes, name), value: Text::share(bytes, value.into()), flash });
        }
        read && entries.len() <= most
    });
    (read && !has_duplicates(&entries)).then_some(entries)
}

/// The record with the members that the package writes, in the same order.
pub(super) fn encode(record: &Record, id: Option<&Id>) -> Bytes {
    let expires_at = record.expires_at();
    let mut text = String::with_capacity(160 + record.entries.iter().map(size).sum::<usize>());
    text.push_str("{\"_data\":{");
    for (index, entry) in record.entries.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        json::push_string(&mut text, entry.name.as_str());
        text.push_str(":{\"value\":");
        text.push_str(entry.value.as_str());
        text.push_str(if entry.flash { ",\"flash\":true}" } else { ",\"flash\":false}" });
    }
    text.push_str("},\"_expire\":");
    push_time(&mut text, Some(expires_at).filter(|time| *time < Timestamp::MAX));
    text.push_str(",\"_delete\":false,\"_accessed\":");
    push_time(&mut text, Some(record.last_active).filter(|time| *time > Timestamp::default()));
    if let Some(id) = id {
        text.push_str(",\"_id\":");
        json::push_string(&mut text, &id.to_text());
    }
    for (name, value) in &record.unknown {
        text.push(',');
        json::push_string(&mut text, name.as_str());
        text.push(':');
        text.push_str(value.as_str());
    }
    text.push('}');
    Bytes::from(text)
}

fn size(entry: &Entry) -> usize {
    32 + entry.name.as_str().len() + entry.value.as_str().len()
}

/// A record that the package treats as expired.
pub(super) fn dead_record(now: Timestamp) -> Bytes {
    let mut text = String::from("{\"_data\":{},\"_expire\":");
    push_time(&mut text, Some(now.minus(Duration::from_hours(24))));
    text.push_str(",\"_delete\":true,\"_accessed\":null}");
    Bytes::from(text)
}

fn push_time(text: &mut String, time: Option<Timestamp>) {
    match time {
        Some(time) => {
            text.push('"');
            time.push_iso(text);
            text.push('"');
        }
        None => text.push_str("null"),
    }
}
