//! The native dialect: 32 byte ids, hashed store keys, record v1, and a cookie that is the id, the signed id or the seal.

use alloc::string::String;

use core::time::Duration;

use super::{Abilities, ChosenId, Reading};
use crate::{
    cookie::write::MAX_AGE,
    error::Refusal,
    id::Id,
    policy::{Protection, RECORD_KEPT, SHORTEST_IDLE},
    random::Random,
    record::Record,
    seal::{sign, xchacha},
    session::Op,
    time::Timestamp,
};

/// What it can do: everything that the engine knows of.
pub(super) const ABILITIES: Abilities = Abilities {
    write_tag: true,
    markers: true,
    own_handles: true,
    two_clocks: true,
    writes_renew: false,
    deletes_expired: false,
    first_counts: false,
    chosen_id: ChosenId::Refused,
    shows_id: false,
    shortest_idle: SHORTEST_IDLE,
    kept: RECORD_KEPT,
};

pub(super) fn is_well_formed(protection: &Protection, value: &[u8]) -> bool {
    match protection {
        Protection::Id => Id::parse(value).is_some(),
        Protection::SignedId(_) => sign::split(value).is_some(),
        Protection::Sealed { .. } => xchacha::is_well_formed(value),
    }
}

pub(super) fn read(protection: &Protection, cookie_name: &str, value: &[u8]) -> Option<Reading> {
    match protection {
        Protection::Id => Id::parse(value).map(Reading::Id),
        Protection::SignedId(ring) => sign::verify(ring, cookie_name, value).map(Reading::Id),
        Protection::Sealed { ring, .. } => xchacha::open(ring, cookie_name, value).map(Reading::Record),
    }
}

pub(super) fn write_id(protection: &Protection, cookie_name: &str, id: &Id) -> Option<String> {
    match protection {
        Protection::Id => Some(id.to_text()),
        Protection::SignedId(ring) => sign::sign(ring, cookie_name, id),
        Protection::Sealed { .. } => None,
    }
}

/// The cookie's value that is this record, and over how many cookies it may be split.
pub(super) fn seal_record(
    protection: &Protection,
    cookie_name: &str,
    record: &[u8],
    random: &mut Random,
) -> Result<Option<(String, usize)>, Refusal> {
    let Protection::Sealed { ring, chunks } = protection else { return Ok(None) };
    Ok(xchacha::seal(ring, cookie_name, record, random.take()?).map(|value| (value, *chunks)))
}

/// Whether a change of the session has a place in its record.
pub(super) const fn accepts(op: &Op) -> bool {
    !matches!(op, Op::SetDeadline(_) | Op::UseId(_))
}

/// How long the cookie is to live; `None`: as long as the browser's own session.
pub(super) fn max_age(protection: &Protection, record: &Record, now: Timestamp) -> Option<Duration> {
    match protection {
        _ if !record.persistent => None,
        Protection::Sealed { .. } => Some(super::until(record.expires_at(), now)),
        // The store and the engine enforce the idle span, so an answer that loses its cookie costs nothing.
        _ => Some(record.deadline.map_or(MAX_AGE, |deadline| super::until(deadline, now))),
    }
}
