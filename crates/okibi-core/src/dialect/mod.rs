//! Complete sets of conventions: id syntax, store key, record codec, cookie codec. One file each; here each is asked by name.

mod hono_kv;
pub(crate) mod hono_sessions;
mod native;

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use crate::{
    cookie::chunk,
    error::Refusal,
    exchange::Loaded,
    id::{Id, StoreKey},
    policy::{Dialect, Policy, Protection, hono::COOKIE_RANDOM},
    record::{self, Record, Stored, Undecodable},
    time::Timestamp,
};

/// What a cookie's value turned out to be.
pub(crate) enum Reading {
    /// The id of a session in the store.
    Id(Id),
    /// The session itself, as the dialect writes it down.
    Record(Vec<u8>),
}

impl Policy {
    /// Whether a value has the form of this cookie's. Forms tell nothing about secrets.
    pub(crate) fn is_well_formed(&self, value: &[u8]) -> bool {
        match &self.dialect {
            Dialect::Native(protection) => native::is_well_formed(protection, value),
            Dialect::HonoSessions(spoken) => hono_sessions::is_well_formed(&spoken.protection, value),
            Dialect::HonoKv(spoken) => hono_kv::is_well_formed(spoken, value),
        }
    }

    /// Verifies or opens a well-formed value.
    pub(crate) fn read(&self, value: &[u8], now: Timestamp) -> Option<Reading> {
        match &self.dialect {
            Dialect::Native(protection) => native::read(protection, &self.cookie.name, value),
            Dialect::HonoSessions(spoken) => hono_sessions::read(&spoken.protection, value, now),
            Dialect::HonoKv(spoken) => hono_kv::read(spoken, value),
        }
    }

    /// The cookie's value for an id. Only Iron seals take random bytes.
    pub(crate) fn write_id(&self, id: &Id, now: Timestamp, random: Option<&[u8; COOKIE_RANDOM]>) -> Option<String> {
        match &self.dialect {
            Dialect::Native(protection) => native::write_id(protection, &self.cookie.name, id),
            Dialect::HonoSessions(spoken) => hono_sessions::write_id(&spoken.protection, id, now, random),
            Dialect::HonoKv(spoken) => Some(hono_kv::write_id(spoken, id)),
        }
    }

    /// Whether a cookie of an id needs random bytes.
    pub(crate) fn seals_ids(&self) -> bool {
        matches!(&self.dialect, Dialect::HonoSessions(spoken) if hono_sessions::seals_ids(&spoken.protection))
    }

    /// How many cookies the value can be spread over.
    pub(crate) fn suffixes(&self) -> &'static [&'static str] {
        let splits = matches!(self.dialect, Dialect::Native(Protection::Sealed { .. }));
        chunk::SUFFIXES.get(..if splits { chunk::MOST } else { 1 }).unwrap_or_default()
    }

    /// Where the record of an id lies.
    pub(crate) fn key(&self, host: Option<&str>, id: &Id) -> StoreKey {
        match &self.dialect {
            Dialect::Native(_) => id.store_key(&self.namespace),
            Dialect::HonoSessions(_) => StoreKey::new(id.to_text()),
            Dialect::HonoKv(_) => hono_kv::key(host.unwrap_or_default(), id),
        }
    }

    /// An id that never was before.
    pub(crate) fn new_id(&self, random: [u8; 32]) -> Id {
        if self.is_native() { Id::from_bytes(random) } else { Id::from_text(uuid(random)) }
    }

    /// An id that the app chose.
    pub(crate) fn chosen_id(&self, text: &str) -> Result<Id, Refusal> {
        let is_one = match &self.dialect {
            Dialect::Native(_) => return Err(Refusal::NotInDialect),
            Dialect::HonoSessions(_) => is_uuid(text.as_bytes()),
            Dialect::HonoKv(_) => hono_kv::is_id(text.as_bytes()),
        };
        if is_one { Ok(Id::from_text(text)) } else { Err(Refusal::InvalidId) }
    }

    /// Reads what lies in the store, or in a cookie that is the store (then without an id).
    pub(crate) fn decode(&self, loaded: &Loaded, id: Option<&Id>) -> Result<Stored, Undecodable> {
        match &self.dialect {
            Dialect::Native(_) => record::decode(&loaded.bytes, &self.limits),
            Dialect::HonoSessions(_) => hono_sessions::decode(self, &loaded.bytes, id).ok_or(Undecodable),
            Dialect::HonoKv(spoken) => hono_kv::decode(self, spoken, loaded, id).ok_or(Undecodable),
        }
    }

    /// The record as it lies in the store. `tag` makes it unlike any other, where the dialect has a place for it.
    pub(crate) fn encode(&self, record: &Record, id: Option<&Id>, tag: [u8; 8]) -> Result<Bytes, Refusal> {
        Ok(match &self.dialect {
            Dialect::Native(_) => record.encode(tag),
            Dialect::HonoSessions(_) => hono_sessions::encode(record, id),
            Dialect::HonoKv(spoken) => hono_kv::encode(spoken, record)?,
        })
    }

    /// What an older dialect puts in place of a record that has moved, right before it deletes it: no session to anybody.
    pub(crate) fn dead_record(&self, now: Timestamp) -> Bytes {
        match &self.dialect {
            Dialect::HonoKv(spoken) if spoken.json => Bytes::from_static(b"\"\""),
            Dialect::Native(_) | Dialect::HonoKv(_) => Bytes::new(),
            Dialect::HonoSessions(_) => hono_sessions::dead_record(now),
        }
    }
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
