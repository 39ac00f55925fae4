//! The native dialect: 32 byte ids, hashed store keys, record v1, and a cookie that is the id, the signed id or the seal.

use alloc::{string::String, vec::Vec};

use crate::{
    cookie::chunk,
    id::Id,
    policy::{Policy, Protection},
    seal::{sign, xchacha},
};

/// What a cookie's value turned out to be.
pub(crate) enum Reading {
    /// The id of a session in the store.
    Id(Id),
    /// The session itself, as record v1.
    Record(Vec<u8>),
}

impl Policy {
    /// Whether a value has the form of this cookie's. Forms tell nothing about secrets.
    pub(crate) fn is_well_formed(&self, value: &[u8]) -> bool {
        match &self.protection {
            Protection::Id => Id::parse(value).is_some(),
            Protection::SignedId(_) => sign::split(value).is_some(),
            Protection::Sealed { .. } => xchacha::is_well_formed(value),
        }
    }

    /// Verifies or opens a well-formed value.
    pub(crate) fn read(&self, value: &[u8]) -> Option<Reading> {
        match &self.protection {
            Protection::Id => Id::parse(value).map(Reading::Id),
            Protection::SignedId(ring) => sign::verify(ring, &self.cookie.name, value).map(Reading::Id),
            Protection::Sealed { ring, .. } => xchacha::open(ring, &self.cookie.name, value).map(Reading::Record),
        }
    }

    /// The cookie's value for an id.
    pub(crate) fn write_id(&self, id: &Id) -> Option<String> {
        match &self.protection {
            Protection::Id => Some(id.to_text()),
            Protection::SignedId(ring) => sign::sign(ring, &self.cookie.name, id),
            Protection::Sealed { .. } => None,
        }
    }

    /// How many cookies the value can be spread over.
    pub(crate) fn suffixes(&self) -> &'static [&'static str] {
        let count = if matches!(self.protection, Protection::Sealed { .. }) { chunk::MOST } else { 1 };
        chunk::SUFFIXES.get(..count).unwrap_or_default()
    }
}
