//! Dialects: the form of ids, store keys, records and cookies. Each dialect has one file. This file
//! calls the configured one.

mod hono_kv;
mod hono_sessions;
mod native;

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;

use crate::{
    contract::Loaded,
    cookie::{chunk, write::Template},
    error::{Reason, Refusal},
    id::{Id, StoreKey},
    policy::{CheckedDialect, LONGEST_TOUCH, Policy, Protection, SKEW},
    random::Random,
    record::{self, Record, Stored, Undecodable},
    session::Op,
    time::Timestamp,
};

/// The form of a cookie's value, before anything is verified. Checking the form needs no secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Candidate<'a> {
    /// An id.
    Id(Id),
    /// An id, the signed string of it, and the signature.
    Signed { id: Id, text: Cow<'a, str>, signature: [u8; 32] },
    /// A seal.
    Seal(&'a [u8]),
}

/// The content of a verified cookie.
pub(crate) enum Opened {
    /// The id of a stored session.
    Id(Id),
    /// The record, encoded in the dialect.
    Record(Vec<u8>),
}

/// What a dialect can do. Each dialect has its abilities at the top of its file. The engine reads
/// them and never checks which dialect is configured.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of a dialect by itself")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    /// Every write has a random tag. So the stored bytes show whether a write with a lost reply was
    /// made.
    pub(crate) write_tag: bool,
    /// A session that moves or ends leaves a marker. Without markers its record is deleted, and a
    /// later request with its id looks like a request with an unknown id.
    pub(crate) markers: bool,
    /// A record has its own handle. Without it, the handle is derived from the id.
    pub(crate) own_handles: bool,
    /// A record has its own idle and absolute timeout.
    pub(crate) own_spans: bool,
    /// Every write is activity, and restores the configured idle timeout.
    pub(crate) writes_touch: bool,
    /// The dialect's stores do not delete expired records. The request that finds one deletes it.
    pub(crate) deletes_expired: bool,
    /// Of two cookies of one name the first that opens counts, as in the older packages. Otherwise
    /// two cookies that open mean no session.
    pub(crate) first_counts: bool,
    /// What an id that the app chose means.
    pub(crate) chosen_id: ChosenId,
    /// Apps can read the id.
    pub(crate) shows_id: bool,
    /// The shortest idle timeout of a record.
    pub(crate) shortest_idle: Duration,
    /// How long the store keeps a record after the session's end. If zero, liveness is checked at
    /// the time of each call. Otherwise it is checked at the time when the request began.
    pub(crate) kept_after_end: Duration,
}

/// What an id that the app chose for a new record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChosenId {
    /// Apps cannot choose an id.
    Refused,
    /// The id is used if nothing is stored under it. Otherwise another id is tried.
    Creates,
    /// The id is used, and a record under it is overwritten.
    Overwrites,
}

impl Policy {
    /// The abilities of the configured dialect.
    pub(crate) const fn can(&self) -> &'static Abilities {
        match &self.dialect {
            CheckedDialect::Native(_) => &native::ABILITIES,
            CheckedDialect::HonoSessions(_) => &hono_sessions::ABILITIES,
            CheckedDialect::HonoKv(_) => &hono_kv::ABILITIES,
        }
    }

    /// Parses a cookie's value if it has the configured form.
    pub(crate) fn parse<'a>(&self, value: &'a [u8]) -> Result<Candidate<'a>, Reason> {
        let candidate = match &self.dialect {
            CheckedDialect::Native(protection) => native::parse(protection, value),
            CheckedDialect::HonoSessions(config) => hono_sessions::parse(&config.protection, value),
            CheckedDialect::HonoKv(config) => hono_kv::parse(config, value),
        };
        candidate.ok_or(Reason::Malformed)
    }

    /// Verifies a signature, or opens a seal.
    pub(crate) fn open(&self, candidate: Candidate<'_>, now: Timestamp) -> Result<Opened, Reason> {
        match &self.dialect {
            CheckedDialect::Native(protection) => native::open(protection, &self.cookie.name, candidate),
            CheckedDialect::HonoSessions(config) => {
                hono_sessions::open(&config.protection, candidate, now).ok_or(Reason::Forged)
            }
            CheckedDialect::HonoKv(config) => hono_kv::open(config, candidate).ok_or(Reason::Forged),
        }
    }

    /// The cookie's value for an id; `None` if the cookie contains the record. Only Iron seals need
    /// random bytes.
    pub(crate) fn write_id(&self, id: &Id, now: Timestamp, random: &mut dyn Random) -> Result<Option<String>, Refusal> {
        match &self.dialect {
            CheckedDialect::Native(protection) => Ok(native::write_id(protection, &self.cookie.name, id)),
            CheckedDialect::HonoSessions(config) => hono_sessions::write_id(&config.protection, id, now, random),
            CheckedDialect::HonoKv(config) => Ok(Some(hono_kv::write_id(config, id))),
        }
    }

    /// The cookie's value for a sealed record, and the most cookies that it may be split into;
    /// `None` if a store has the record.
    pub(crate) fn seal_record(
        &self,
        record: &[u8],
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Option<(String, usize)>, Refusal> {
        match &self.dialect {
            CheckedDialect::Native(protection) => native::seal_record(protection, &self.cookie.name, record, random),
            CheckedDialect::HonoSessions(config) => {
                let value = hono_sessions::seal_record(&config.protection, record, now, random)?;
                Ok(value.map(|value| (value, 1)))
            }
            CheckedDialect::HonoKv(_) => Ok(None),
        }
    }

    /// The cookie for a request's host, if the dialect writes the host into it.
    pub(crate) fn cookie_on(&self, host: Option<&str>) -> Cow<'_, Template> {
        match (&self.dialect, host) {
            (CheckedDialect::HonoKv(_), Some(host)) => Cow::Owned(self.cookie.on_host(host)),
            _ => Cow::Borrowed(&self.cookie),
        }
    }

    /// The cookie's Max-Age; `None` for a cookie that is deleted when the browser closes.
    pub(crate) fn max_age(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        match &self.dialect {
            CheckedDialect::Native(protection) => native::max_age(protection, record, now),
            CheckedDialect::HonoSessions(config) => config.cookie.max_age,
            CheckedDialect::HonoKv(_) => Some(until(record.expires_at(), now)),
        }
    }

    /// Whether a change moves the session's end, so that the cookie's end must move too.
    pub(crate) fn sends_cookie_on_write(&self) -> bool {
        match &self.dialect {
            CheckedDialect::Native(_) => false,
            CheckedDialect::HonoSessions(config) => config.cookie.lifetime().is_some(),
            CheckedDialect::HonoKv(_) => true,
        }
    }

    /// Whether the dialect can store a change.
    pub(crate) const fn accepts(&self, op: &Op) -> bool {
        match &self.dialect {
            CheckedDialect::Native(_) => native::accepts(op),
            CheckedDialect::HonoSessions(_) => hono_sessions::accepts(op),
            CheckedDialect::HonoKv(_) => hono_kv::accepts(op),
        }
    }

    /// When the next touch is due: after a part of the idle timeout, so that most reads need no
    /// write.
    pub(crate) fn touch_due_at(&self, record: &Record) -> Timestamp {
        let after = match &self.dialect {
            CheckedDialect::Native(_) => Some(self.touch_span(record.idle)),
            CheckedDialect::HonoSessions(config) => hono_sessions::touch_after(config),
            CheckedDialect::HonoKv(config) => config.renew.then(|| config.gap()),
        };
        let after = after.map(|after| after.min(LONGEST_TOUCH));
        let after = after.map(|after| if self.is_eventual() { eventually(after, record.idle) } else { after });
        after.map_or(Timestamp::MAX, |after| record.last_active.plus(after))
    }

    /// The minimum time between two touches in okibi's own dialect: the configured time if it is
    /// shorter than the idle timeout, or else a tenth of the idle timeout.
    pub(crate) fn touch_span(&self, idle: Duration) -> Duration {
        let configured = self.touch_after.filter(|after| *after < idle);
        configured.unwrap_or(idle / 10).min(LONGEST_TOUCH)
    }

    /// Whether a touch is due now.
    pub(crate) fn touch_due(&self, record: &Record, now: Timestamp) -> bool {
        let due_at = self.touch_due_at(record);
        due_at < Timestamp::MAX && (now > due_at || record.last_active > now.plus(SKEW))
    }

    /// Whether `touch()` writes the last-active time. On a store that takes few writes, this needs
    /// some time since the last touch.
    pub(crate) fn may_touch(&self, record: &Record, now: Timestamp) -> bool {
        match &self.dialect {
            CheckedDialect::HonoKv(config) => {
                now >= record.last_active.plus(config.gap()) || record.last_active > now.plus(SKEW)
            }
            CheckedDialect::Native(_) | CheckedDialect::HonoSessions(_) => true,
        }
    }

    /// The suffixes of the cookies that the value can be split into.
    pub(crate) fn suffixes(&self) -> &'static [&'static str] {
        let splits = matches!(self.dialect, CheckedDialect::Native(Protection::Sealed { .. }));
        chunk::SUFFIXES.get(..if splits { chunk::MOST } else { 1 }).unwrap_or_default()
    }

    /// The store key of an id.
    pub(crate) fn key(&self, host: Option<&str>, id: &Id) -> StoreKey {
        match &self.dialect {
            CheckedDialect::Native(_) => id.store_key(&self.namespace),
            CheckedDialect::HonoSessions(_) => StoreKey::new(id.to_text()),
            CheckedDialect::HonoKv(_) => hono_kv::key(host.unwrap_or_default(), id),
        }
    }

    /// A new random id.
    pub(crate) fn new_id(&self, random: [u8; 32]) -> Id {
        match &self.dialect {
            CheckedDialect::Native(_) => Id::from_bytes(random),
            CheckedDialect::HonoSessions(_) | CheckedDialect::HonoKv(_) => Id::from_text(uuid(random)),
        }
    }

    /// An id that the app chose.
    pub(crate) fn chosen_id(&self, text: &str) -> Result<Id, Refusal> {
        let is_one = match &self.dialect {
            CheckedDialect::Native(_) => return Err(Refusal::UnsupportedByDialect),
            CheckedDialect::HonoSessions(_) => is_uuid(text.as_bytes()),
            CheckedDialect::HonoKv(_) => hono_kv::is_id(text.as_bytes()),
        };
        if is_one { Ok(Id::from_text(text)) } else { Err(Refusal::InvalidId) }
    }

    /// Decodes a stored record, or a record in a cookie (without an id).
    pub(crate) fn decode(&self, loaded: &Loaded, id: Option<&Id>) -> Result<Stored, Undecodable> {
        match &self.dialect {
            CheckedDialect::Native(_) => record::decode(&loaded.bytes, &self.limits),
            CheckedDialect::HonoSessions(_) => hono_sessions::decode(self, &loaded.bytes, id).ok_or(Undecodable),
            CheckedDialect::HonoKv(config) => hono_kv::decode(self, config, loaded, id).ok_or(Undecodable),
        }
    }

    /// Encodes a record. `tag` makes each write unique, if the dialect can store it.
    pub(crate) fn encode(&self, record: &Record, id: Option<&Id>, tag: [u8; 8]) -> Result<Bytes, Refusal> {
        Ok(match &self.dialect {
            CheckedDialect::Native(_) => record.encode(tag),
            CheckedDialect::HonoSessions(_) => hono_sessions::encode(record, id),
            CheckedDialect::HonoKv(config) => hono_kv::encode(config, record)?,
        })
    }

    /// In a dialect without markers: the bytes that replace a moved record right before it is
    /// deleted. They are no session.
    pub(crate) fn dead_record(&self, now: Timestamp) -> Bytes {
        match &self.dialect {
            CheckedDialect::HonoKv(config) if config.json => Bytes::from_static(b"\"\""),
            CheckedDialect::Native(_) | CheckedDialect::HonoKv(_) => Bytes::new(),
            CheckedDialect::HonoSessions(_) => hono_sessions::dead_record(now),
        }
    }
}

/// On an eventually consistent store, touches are at least a minute apart, but at most half of the
/// idle timeout.
fn eventually(after: Duration, idle: Duration) -> Duration {
    after.max(Duration::from_mins(1)).min(idle / 2)
}

/// The time until `end`, rounded up to a second, so that the cookie does not expire before its
/// session.
fn until(end: Timestamp, now: Timestamp) -> Duration {
    end.since(now).saturating_add(Duration::from_millis(999))
}

/// The positions of the hyphens in a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A random UUID, version 4, in lower case (RFC 9562 section 5.4).
fn uuid(random: [u8; 32]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in random.into_iter().take(16).enumerate() {
        let byte = match index {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if HYPHENS.contains(&text.len()) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

/// Whether a string is a lower-case UUID of version 4.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            14 => *byte == b'4',
            19 => b"89ab".contains(byte),
            _ if HYPHENS.contains(&index) => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}
