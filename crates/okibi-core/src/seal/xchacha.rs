//! Seal v1: a whole record in a cookie's value, encrypted and authenticated with
//! XChaCha20-Poly1305.

use alloc::{string::String, vec::Vec};

use okibi_crypto::base64;

use super::secrets::{Secret, Secrets};
use crate::error::Reason;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4 + 24;
const TAG: usize = 16;
const PURPOSE: &str = "record";

/// The number of bytes that a seal adds to its padded content, before base64url.
pub(crate) const OVERHEAD: usize = HEADER + TAG;

/// Seals `record` for the cookie `cookie_name` with the first secret. `nonce` must be random.
///
/// The content is padded with spaces to the next multiple of 32 bytes, so that its length reveals
/// little.
pub fn seal(secrets: &Secrets, cookie_name: &str, record: &[u8], nonce: [u8; 24]) -> Option<String> {
    let secret = secrets.first()?;
    let padded = record.len().next_multiple_of(32);
    let mut message = Vec::with_capacity(HEADER + padded + TAG);
    message.push(VERSION);
    message.extend_from_slice(&secret.id);
    message.extend_from_slice(&nonce);
    let bound_to = associated_data(&message, cookie_name);
    message.extend_from_slice(record);
    message.resize(HEADER + padded, b' ');
    let tag = secret.sealing.encrypt(&nonce, &bound_to, message.get_mut(HEADER..)?)?;
    message.extend_from_slice(&tag);
    Some(base64::url(&message))
}

/// Whether `value` has the form of a seal: base64url, version 1, and long enough.
pub(crate) fn is_well_formed(value: &[u8]) -> bool {
    let shortest = (OVERHEAD * 8).div_ceil(6);
    value.len() >= shortest
        && value.len() % 4 != 1
        // A first byte of 1 is "AQ" to "Af" in base64url.
        && matches!(value, [b'A', b'Q'..=b'Z' | b'a'..=b'f', ..])
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Opens a seal for the cookie `cookie_name`, and returns the record without its padding.
///
/// `None` for an unknown version, an unknown secret id, a wrong cookie name or a changed byte.
pub fn open(secrets: &Secrets, cookie_name: &str, value: &[u8]) -> Option<Vec<u8>> {
    unseal(secrets, cookie_name, value).ok()
}

/// Like [`open`], with the reason for a failure.
pub(crate) fn unseal(secrets: &Secrets, cookie_name: &str, value: &[u8]) -> Result<Vec<u8>, Reason> {
    let message = base64::from_url(value).ok_or(Reason::Forged)?;
    if message.first() != Some(&VERSION) || message.len() < OVERHEAD {
        return Err(Reason::Forged);
    }
    let secret = message.get(1..5).and_then(|id| secrets.by_id(id)).ok_or(Reason::UnknownSecret)?;
    decrypt(secret, cookie_name, message).ok_or(Reason::Forged)
}

fn decrypt(secret: &Secret, cookie_name: &str, mut message: Vec<u8>) -> Option<Vec<u8>> {
    let nonce: [u8; 24] = message.get(5..HEADER)?.try_into().ok()?;
    let bound_to = associated_data(message.get(..HEADER)?, cookie_name);
    let end = message.len() - TAG;
    let (front, tag) = message.split_at_mut_checked(end)?;
    let tag: [u8; TAG] = (&*tag).try_into().ok()?;
    let text = front.get_mut(HEADER..)?;
    if !secret.sealing.decrypt(&nonce, &bound_to, text, &tag) {
        return None;
    }
    message.truncate(end);
    while message.len() > HEADER && message.last() == Some(&b' ') {
        message.pop();
    }
    message.drain(..HEADER);
    Some(message)
}

/// The associated data of a seal: its header, its purpose and the cookie's name.
fn associated_data(header: &[u8], cookie_name: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(header.len() + 4 + PURPOSE.len() + cookie_name.len());
    data.extend_from_slice(header);
    for part in [PURPOSE, cookie_name] {
        // Names have at most 128 bytes.
        data.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
