//! Base64 in both spellings that okibi's formats use. Only the canonical spelling of some bytes is read.

use alloc::{string::String, vec, vec::Vec};

use ::base64::{
    Engine,
    engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD},
};

/// How many bytes are encoded at once, into text that needs no memory of its own. A multiple of 3: only the last has padding.
const AT_ONCE: usize = 192;

fn push(out: &mut String, engine: &GeneralPurpose, bytes: &[u8]) {
    let mut text = [0; AT_ONCE / 3 * 4];
    for part in bytes.chunks(AT_ONCE) {
        let length = engine.encode_slice(part, &mut text).unwrap_or_default();
        out.push_str(text.get(..length).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default());
    }
}

/// Appends the base64url of some bytes, without padding.
pub fn push_url(out: &mut String, bytes: &[u8]) {
    push(out, &URL_SAFE_NO_PAD, bytes);
}

/// The base64url of some bytes, without padding.
pub fn url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 4).div_ceil(3));
    push_url(&mut text, bytes);
    text
}

/// The bytes of a base64url without padding.
pub fn from_url(text: &[u8]) -> Option<Vec<u8>> {
    decode(&URL_SAFE_NO_PAD, text)
}

/// Fills `bytes` with exactly what a base64url without padding holds; whether it did.
#[must_use]
pub fn from_url_exactly(text: &[u8], bytes: &mut [u8]) -> bool {
    text.len() == (bytes.len() * 8).div_ceil(6)
        && URL_SAFE_NO_PAD.decode_slice(text, bytes).is_ok_and(|written| written == bytes.len())
}

/// Appends the standard base64 of some bytes, with padding.
pub fn push_standard(out: &mut String, bytes: &[u8]) {
    push(out, &STANDARD, bytes);
}

/// The bytes of a standard base64 with padding.
pub fn from_standard(text: &[u8]) -> Option<Vec<u8>> {
    decode(&STANDARD, text)
}

fn decode(engine: &GeneralPurpose, text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len().div_ceil(4) * 3];
    let length = engine.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}
