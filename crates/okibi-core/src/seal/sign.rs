//! Signed ids: an HMAC over the cookie's name and the id, so that an invented id never reaches a store.

use alloc::string::String;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use hmac::{Hmac, KeyInit, Mac, digest::Key};
use sha2::Sha256;

use super::ring::{Ring, Secret};
use crate::id::{Id, decode_exact};

/// `id.signature` for this cookie, signed with the ring's first secret.
pub fn sign(ring: &Ring, cookie_name: &str, id: &Id) -> Option<String> {
    let mut value = id.to_text();
    let signature = mac(ring.first()?, cookie_name, &value).finalize().into_bytes();
    value.push('.');
    BASE64URL.encode_string(signature, &mut value);
    Some(value)
}

/// The parts of a value that has the form of a signed id: the id, its text, the signature.
pub(crate) fn split(value: &[u8]) -> Option<(Id, &str, [u8; 32])> {
    let (text, signature) = value.split_at_checked(43)?;
    Some((Id::parse(text)?, core::str::from_utf8(text).ok()?, decode_exact(signature.strip_prefix(b".")?)?))
}

/// The id in a signed value, if one of the ring's secrets signed it for this cookie. Compared in constant time (S5).
pub fn verify(ring: &Ring, cookie_name: &str, value: &[u8]) -> Option<Id> {
    let (id, text, signature) = split(value)?;
    ring.iter().any(|secret| mac(secret, cookie_name, text).verify(&signature.into()).is_ok()).then_some(id)
}

fn mac(secret: &Secret, cookie_name: &str, id: &str) -> Hmac<Sha256> {
    // HMAC fills a short key up with zeros to the hash's block (RFC 2104), so this is the key itself.
    let mut block = Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(secret.signing.iter()).for_each(|(slot, byte)| *slot = *byte);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block);
    mac.update(cookie_name.as_bytes());
    mac.update(&[0]);
    mac.update(id.as_bytes());
    mac
}
