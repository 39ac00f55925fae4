//! Complete sets of conventions: id syntax, store key, record codec, cookie codec. One file each; here each is asked by name.

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

/// What a cookie's value says by its form, before anything is verified. Forms tell nothing about secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Candidate<'a> {
    /// An id by itself.
    Id(Id),
    /// An id, the text of it that was signed, and the signature.
    Signed { id: Id, text: Cow<'a, str>, signature: [u8; 32] },
    /// A seal.
    Seal(&'a [u8]),
}

/// What a cookie's value turned out to be.
pub(crate) enum Reading {
    /// The id of a session in the store.
    Id(Id),
    /// The session itself, as the dialect writes it down.
    Record(Vec<u8>),
}

/// What a dialect can do. Each says so at the top of its file, and the engine asks this and never which dialect is config.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of a dialect by itself")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    /// No two writes are alike, so what lies there tells whether a write happened whose reply was lost.
    pub(crate) write_tag: bool,
    /// A session that moves or ends leaves a marker. Without markers its record is deleted, and nobody can be told from a
    /// stranger who comes with its id later.
    pub(crate) markers: bool,
    /// A record has a place for a handle. Without one it is made from the id.
    pub(crate) own_handles: bool,
    /// A record has an idle and an absolute span of its own.
    pub(crate) own_spans: bool,
    /// Every write is activity, and brings back the configured idle span.
    pub(crate) writes_touch: bool,
    /// Its stores do not clear up by themselves: what has expired is deleted by whoever finds it.
    pub(crate) deletes_expired: bool,
    /// Of two cookies of its name the first that opens counts, as for the older packages. Else two that open refuse_duplicates each
    /// other.
    pub(crate) first_counts: bool,
    /// What an id means that the app chose.
    pub(crate) chosen_id: ChosenId,
    /// Apps are used to seeing the id.
    pub(crate) shows_id: bool,
    /// The shortest idle span that a record can have.
    pub(crate) shortest_idle: Duration,
    /// How long the store keeps a record after its session's end. Where that is zero, whether a session is live is judged at
    /// each call; else by the time when the request began.
    pub(crate) kept: Duration,
}

/// What an id means that the app chose for a new record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChosenId {
    /// Apps choose none.
    Refused,
    /// It is taken if nothing lies there; else another is tried.
    Creates,
    /// It is taken, and what lies there is written over.
    Overwrites,
}

impl Policy {
    /// What the dialect that is config can do.
    pub(crate) const fn can(&self) -> &'static Abilities {
        match &self.dialect {
            CheckedDialect::Native(_) => &native::ABILITIES,
            CheckedDialect::HonoSessions(_) => &hono_sessions::ABILITIES,
            CheckedDialect::HonoKv(_) => &hono_kv::ABILITIES,
        }
    }

    /// Takes a cookie's value apart, if it has the form of this cookie's.
    pub(crate) fn parse<'a>(&self, value: &'a [u8]) -> Result<Candidate<'a>, Reason> {
        let candidate = match &self.dialect {
            CheckedDialect::Native(protection) => native::parse(protection, value),
            CheckedDialect::HonoSessions(config) => hono_sessions::parse(&config.protection, value),
            CheckedDialect::HonoKv(config) => hono_kv::parse(config, value),
        };
        candidate.ok_or(Reason::Malformed)
    }

    /// Verifies a signature, or opens a seal.
    pub(crate) fn open(&self, candidate: Candidate<'_>, now: Timestamp) -> Result<Reading, Reason> {
        match &self.dialect {
            CheckedDialect::Native(protection) => native::open(protection, &self.cookie.name, candidate),
            CheckedDialect::HonoSessions(config) => {
                hono_sessions::open(&config.protection, candidate, now).ok_or(Reason::Forged)
            }
            CheckedDialect::HonoKv(config) => hono_kv::open(config, candidate).ok_or(Reason::Forged),
        }
    }

    /// The cookie's value for an id; `None` where the cookie is the record. Only Iron seals take random bytes.
    pub(crate) fn write_id(&self, id: &Id, now: Timestamp, random: &mut Random) -> Result<Option<String>, Refusal> {
        match &self.dialect {
            CheckedDialect::Native(protection) => Ok(native::write_id(protection, &self.cookie.name, id)),
            CheckedDialect::HonoSessions(config) => hono_sessions::write_id(&config.protection, id, now, random),
            CheckedDialect::HonoKv(config) => Ok(Some(hono_kv::write_id(config, id))),
        }
    }

    /// The cookie's value that is this record, and over how many cookies it may be split; `None` where a store has the record.
    pub(crate) fn seal_record(
        &self,
        record: &[u8],
        now: Timestamp,
        random: &mut Random,
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

    /// The cookie as it is for a request's host, where the dialect puts the host in.
    pub(crate) fn cookie_on(&self, host: Option<&str>) -> Cow<'_, Template> {
        match (&self.dialect, host) {
            (CheckedDialect::HonoKv(_), Some(host)) => Cow::Owned(self.cookie.on_host(host)),
            _ => Cow::Borrowed(&self.cookie),
        }
    }

    /// How long the cookie is to live; `None`: as long as the browser's own session.
    pub(crate) fn max_age(&self, record: &Record, now: Timestamp) -> Option<Duration> {
        match &self.dialect {
            CheckedDialect::Native(protection) => native::max_age(protection, record, now),
            CheckedDialect::HonoSessions(config) => config.cookie.max_age,
            CheckedDialect::HonoKv(_) => Some(until(record.expires_at(), now)),
        }
    }

    /// Whether a change moves the session's end, so that a cookie with an end of its own has to move along.
    pub(crate) fn sends_cookie_on_write(&self) -> bool {
        match &self.dialect {
            CheckedDialect::Native(_) => false,
            CheckedDialect::HonoSessions(config) => config.cookie.lifetime().is_some(),
            CheckedDialect::HonoKv(_) => true,
        }
    }

    /// Whether what a change says can be written down.
    pub(crate) const fn accepts(&self, op: &Op) -> bool {
        match &self.dialect {
            CheckedDialect::Native(_) => native::accepts(op),
            CheckedDialect::HonoSessions(_) => hono_sessions::accepts(op),
            CheckedDialect::HonoKv(_) => hono_kv::accepts(op),
        }
    }

    /// When activity is next written down: after a part of the idle span, so that reading costs no write.
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

    /// How much of an idle span passes before activity is written down, in okibi's own dialect: a tenth, if nothing else is
    /// configured that is shorter than the span.
    pub(crate) fn touch_span(&self, idle: Duration) -> Duration {
        let configured = self.touch_after.filter(|after| *after < idle);
        configured.unwrap_or(idle / 10).min(LONGEST_TOUCH)
    }

    /// Whether activity of now is to be written down.
    pub(crate) fn touch_due(&self, record: &Record, now: Timestamp) -> bool {
        let due_at = self.touch_due_at(record);
        due_at < Timestamp::MAX && (now > due_at || record.last_active > now.plus(SKEW))
    }

    /// Whether activity that the app declares is written down: on stores that take few writes, only some time after the last.
    pub(crate) fn may_touch(&self, record: &Record, now: Timestamp) -> bool {
        match &self.dialect {
            CheckedDialect::HonoKv(config) => {
                now >= record.last_active.plus(config.gap()) || record.last_active > now.plus(SKEW)
            }
            CheckedDialect::Native(_) | CheckedDialect::HonoSessions(_) => true,
        }
    }

    /// How many cookies the value can be spread over.
    pub(crate) fn suffixes(&self) -> &'static [&'static str] {
        let splits = matches!(self.dialect, CheckedDialect::Native(Protection::Sealed { .. }));
        chunk::SUFFIXES.get(..if splits { chunk::MOST } else { 1 }).unwrap_or_default()
    }

    /// Where the record of an id lies.
    pub(crate) fn key(&self, host: Option<&str>, id: &Id) -> StoreKey {
        match &self.dialect {
            CheckedDialect::Native(_) => id.store_key(&self.namespace),
            CheckedDialect::HonoSessions(_) => StoreKey::new(id.to_text()),
            CheckedDialect::HonoKv(_) => hono_kv::key(host.unwrap_or_default(), id),
        }
    }

    /// An id that never was before.
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

    /// Reads what lies in the store, or in a cookie that is the store (then without an id).
    pub(crate) fn decode(&self, loaded: &Loaded, id: Option<&Id>) -> Result<Stored, Undecodable> {
        match &self.dialect {
            CheckedDialect::Native(_) => record::decode(&loaded.bytes, &self.limits),
            CheckedDialect::HonoSessions(_) => hono_sessions::decode(self, &loaded.bytes, id).ok_or(Undecodable),
            CheckedDialect::HonoKv(config) => hono_kv::decode(self, config, loaded, id).ok_or(Undecodable),
        }
    }

    /// The record as it lies in the store. `tag` makes it unlike any other, where the dialect has a place for it.
    pub(crate) fn encode(&self, record: &Record, id: Option<&Id>, tag: [u8; 8]) -> Result<Bytes, Refusal> {
        Ok(match &self.dialect {
            CheckedDialect::Native(_) => record.encode(tag),
            CheckedDialect::HonoSessions(_) => hono_sessions::encode(record, id),
            CheckedDialect::HonoKv(config) => hono_kv::encode(config, record)?,
        })
    }

    /// What an older dialect puts in place of a record that has moved, right before it deletes it: no session to anybody.
    pub(crate) fn dead_record(&self, now: Timestamp) -> Bytes {
        match &self.dialect {
            CheckedDialect::HonoKv(config) if config.json => Bytes::from_static(b"\"\""),
            CheckedDialect::Native(_) | CheckedDialect::HonoKv(_) => Bytes::new(),
            CheckedDialect::HonoSessions(_) => hono_sessions::dead_record(now),
        }
    }
}

/// Renewals on an eventually consistent store are a minute apart, but never so far that a session ends between two.
fn eventually(after: Duration, idle: Duration) -> Duration {
    after.max(Duration::from_mins(1)).min(idle / 2)
}

/// How long it is until `end`. A second that has begun counts, or a cookie would be removed before its session ends.
fn until(end: Timestamp, now: Timestamp) -> Duration {
    end.since(now).saturating_add(Duration::from_millis(999))
}

/// The form of a UUID: where its hyphens are.
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

/// Whether a text is a lower-case UUID of version 4.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            14 => *byte == b'4',
            19 => b"89ab".contains(byte),
            _ if HYPHENS.contains(&index) => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}
