//! The native dialect: 32 byte ids, hashed store keys, record v1, and a cookie with the id, the
//! signed id or the sealed record.

use alloc::{borrow::Cow, string::String};

use core::time::Duration;

use super::{Abilities, Candidate, ChosenId, Opened};
use crate::{
    cookie::write::MAX_AGE,
    error::{Reason, Refusal},
    id::Id,
    policy::{Protection, RECORD_KEPT, SHORTEST_IDLE},
    random::Random,
    record::Record,
    seal::{sign, xchacha},
    session::Op,
    time::Timestamp,
};

/// It has every ability.
pub(super) const ABILITIES: Abilities = Abilities {
    write_tag: true,
    markers: true,
    own_handles: true,
    own_spans: true,
    writes_touch: false,
    deletes_expired: false,
    first_counts: false,
    chosen_id: ChosenId::Refused,
    shows_id: false,
    shortest_idle: SHORTEST_IDLE,
    kept_after_end: RECORD_KEPT,
};

pub(super) fn parse<'a>(protection: &Protection, value: &'a [u8]) -> Option<Candidate<'a>> {
    match protection {
        Protection::Id => Id::parse(value).map(Candidate::Id),
        Protection::SignedId(_) => {
            let (id, text, signature) = sign::split(value)?;
            Some(Candidate::Signed { id, text: Cow::Borrowed(text), signature })
        }
        Protection::Sealed { .. } => xchacha::is_well_formed(value).then_some(Candidate::Seal(value)),
    }
}

pub(super) fn open(protection: &Protection, cookie_name: &str, candidate: Candidate<'_>) -> Result<Opened, Reason> {
    match (protection, candidate) {
        (Protection::Id, Candidate::Id(id)) => Ok(Opened::Id(id)),
        (Protection::SignedId(secrets), Candidate::Signed { id, text, signature })
            if sign::is_signed(secrets, cookie_name, &text, &signature) =>
        {
            Ok(Opened::Id(id))
        }
        (Protection::Sealed { secrets, .. }, Candidate::Seal(value)) => {
            xchacha::unseal(secrets, cookie_name, value).map(Opened::Record)
        }
        _ => Err(Reason::Forged),
    }
}

pub(super) fn write_id(protection: &Protection, cookie_name: &str, id: &Id) -> Option<String> {
    match protection {
        Protection::Id => Some(id.to_text()),
        Protection::SignedId(secrets) => sign::sign(secrets, cookie_name, id),
        Protection::Sealed { .. } => None,
    }
}

/// The cookie's value for a sealed record, and the most cookies that it may be split into.
pub(super) fn seal_record(
    protection: &Protection,
    cookie_name: &str,
    record: &[u8],
    random: &mut dyn Random,
) -> Result<Option<(String, usize)>, Refusal> {
    let Protection::Sealed { secrets, chunks } = protection else { return Ok(None) };
    Ok(xchacha::seal(secrets, cookie_name, record, random.take()?).map(|value| (value, *chunks)))
}

/// Whether the record can store the change.
pub(super) const fn accepts(op: &Op) -> bool {
    !matches!(op, Op::SetDeadline(_) | Op::UseId(_))
}

/// The cookie's Max-Age; `None` for a cookie that is deleted when the browser closes.
pub(super) fn max_age(protection: &Protection, record: &Record, now: Timestamp) -> Option<Duration> {
    match protection {
        _ if !record.persistent => None,
        Protection::Sealed { .. } => Some(super::until(record.expires_at(), now)),
        // The engine checks the idle timeout itself, so the cookie lives until the absolute
        // deadline. A response that loses its cookie then does no harm.
        _ => Some(record.deadline.map_or(MAX_AGE, |deadline| super::until(deadline, now))),
    }
}
