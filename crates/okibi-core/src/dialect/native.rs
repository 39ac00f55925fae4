//! The native dialect: 32 byte ids, hashed store keys, record v1, and a cookie that is the id, the signed id or the seal.

use alloc::string::String;

use super::Reading;
use crate::{
    id::Id,
    policy::Protection,
    seal::{sign, xchacha},
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
