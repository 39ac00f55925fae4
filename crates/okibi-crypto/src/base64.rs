//! Base64 in both spellings that okibi's formats use. Only the canonical spelling of some bytes is read.

use alloc::{string::String, vec::Vec};

use ::base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Appends the base64url of some bytes, without padding.
pub fn push_url(out: &mut String, bytes: &[u8]) {
    // What is short, as ids are, needs no memory of its own.
    let mut text = [0; 43];
    match URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).ok().and_then(|length| text.get(..length)) {
        Some(text) => out.push_str(core::str::from_utf8(text).unwrap_or_default()),
        None => URL_SAFE_NO_PAD.encode_string(bytes, out),
    }
}

/// The base64url of some bytes, without padding.
pub fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a base64url without padding.
pub fn from_url(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Fills `bytes` with exactly what a base64url without padding holds; whether it did.
#[must_use]
pub fn from_url_exactly(text: &[u8], bytes: &mut [u8]) -> bool {
    text.len() == (bytes.len() * 8).div_ceil(6)
        && URL_SAFE_NO_PAD.decode_slice(text, bytes).is_ok_and(|written| written == bytes.len())
}

/// Appends the standard base64 of some bytes, with padding.
pub fn push_standard(out: &mut String, bytes: &[u8]) {
    STANDARD.encode_string(bytes, out);
}

/// The bytes of a standard base64 with padding.
pub fn from_standard(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
