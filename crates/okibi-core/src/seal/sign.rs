//! Signed ids: an HMAC over the cookie's name and the id, so that no store call is made for an
//! invented id.

use alloc::string::String;

use okibi_crypto::{HmacSha256, base64};

use super::secrets::{Secret, Secrets};
use crate::id::{Id, decode_exact};

/// `id.signature` for this cookie, signed with the first secret.
pub fn sign(secrets: &Secrets, cookie_name: &str, id: &Id) -> Option<String> {
    let mut value = id.to_text();
    let signature = mac(secrets.first()?, cookie_name, &value).finish();
    value.push('.');
    base64::push_url(&mut value, &signature);
    Some(value)
}

/// The parts of a signed id: the id, its string, and the signature. `None` if the value is
/// malformed.
pub(crate) fn split(value: &[u8]) -> Option<(Id, &str, [u8; 32])> {
    let (text, signature) = value.split_at_checked(43)?;
    Some((Id::parse(text)?, core::str::from_utf8(text).ok()?, decode_exact(signature.strip_prefix(b".")?)?))
}

/// The id, if one of the secrets signed it for this cookie. The comparison takes constant time.
pub fn verify(secrets: &Secrets, cookie_name: &str, value: &[u8]) -> Option<Id> {
    let (id, text, signature) = split(value)?;
    is_signed(secrets, cookie_name, text, &signature).then_some(id)
}

/// Whether one of the secrets signed the string of an id for this cookie.
pub(crate) fn is_signed(secrets: &Secrets, cookie_name: &str, text: &str, signature: &[u8]) -> bool {
    secrets.iter().any(|secret| mac(secret, cookie_name, text).verify(signature))
}

fn mac(secret: &Secret, cookie_name: &str, id: &str) -> HmacSha256 {
    let mut mac = HmacSha256::new(&*secret.signing);
    mac.update(cookie_name.as_bytes());
    mac.update(&[0]);
    mac.update(id.as_bytes());
    mac
}
