//! Opening an Iron seal: form, time, secret, MAC, and only then the text.

use alloc::string::String;

use okibi_crypto::base64;

use super::{
    Algorithm, Flaw, IronError, MAX_SALT_BITS, Options, PREFIX, Secret, Secrets, is_id,
    keys::{self, IV, MAC},
    sealing::clock,
};
use crate::{id::decode_exact, time::Timestamp};

/// The longest expiry, in digits: more than any number that JavaScript writes out.
const MAX_DIGITS: usize = 21;

/// The longest salt, in bytes of its text.
const MAX_SALT: usize = MAX_SALT_BITS as usize / 4;

/// The parts of a seal that looks like one.
struct Parts<'a> {
    id: &'a [u8],
    encryption_salt: &'a [u8],
    iv: &'a [u8],
    ciphertext: &'a [u8],
    integrity_salt: &'a [u8],
    /// `None` if some part has another form than what is ever sealed.
    mac: Option<[u8; MAC]>,
    /// What the MAC is over.
    signed: &'a [u8],
}

/// Opens a seal that one of these secrets made, and returns its text, which for the originals is JSON.
///
/// Each secret that is tried costs one key derivation, and the hash of the seal's bytes; nothing else happens before one of
/// them has made the MAC. A seal that is longer than the options allow, or has not the form of one, costs nothing.
///
/// # Errors
/// [`IronError::Closed`] if it does not open; another if a secret or an option cannot be used.
pub fn unseal(options: &Options, secrets: Secrets<'_>, sealed: &[u8], now: Timestamp) -> Result<String, IronError> {
    let parts = read(options, sealed, now).map_err(IronError::Closed)?;
    let (all, by_name) = match secrets {
        Secrets::Any(all) => (all, false),
        Secrets::Named(all) => (all, true),
    };
    let name = if parts.id.is_empty() { b"default" } else { parts.id };
    let goes_with = |secret: &&Secret| match secret.id() {
        _ if !by_name => true,
        None => parts.id.is_empty(),
        Some(id) => id.as_bytes() == name,
    };
    // The id in a seal selects exactly one secret.
    let most = if by_name && !parts.id.is_empty() { 1 } else { usize::MAX };
    let mut flaw = Flaw::UnknownSecret;
    for secret in all.iter().filter(goes_with).take(most) {
        flaw = Flaw::Mac;
        if has_mac(options, secret, &parts)? {
            return decrypt(options, secret, &parts);
        }
    }
    Err(IronError::Closed(flaw))
}

/// Takes a seal apart. Nothing in it is decoded but the MAC, and nothing secret is used.
fn read<'a>(options: &Options, sealed: &'a [u8], now: Timestamp) -> Result<Parts<'a>, Flaw> {
    if sealed.len() > options.max_bytes {
        return Err(Flaw::Parts);
    }
    let mut parts = sealed.split(|byte| *byte == b'*');
    let mut next = || parts.next().ok_or(Flaw::Parts);
    let [prefix, id, encryption_salt, iv, ciphertext, expiry, integrity_salt, mac] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    if parts.next().is_some() {
        return Err(Flaw::Parts);
    }
    if prefix != PREFIX.as_bytes() {
        return Err(Flaw::Prefix);
    }
    if !expiry.is_empty() {
        let end = number(expiry).ok_or(Flaw::Expiry)?;
        if end <= clock(options, now).saturating_sub(options.skew) {
            return Err(Flaw::Expired);
        }
    }
    // What has another form than this was never sealed.
    let block = if options.algorithm == Algorithm::Aes256Cbc { IV } else { 1 };
    let bytes = ciphertext.len() / 4 * 3 + (ciphertext.len() % 4).saturating_sub(1);
    let has_form = is_id(id)
        && encryption_salt.len() <= MAX_SALT
        && integrity_salt.len() <= MAX_SALT
        && iv.len() == (IV * 8).div_ceil(6)
        && ciphertext.len() % 4 != 1
        && bytes.is_multiple_of(block);
    let signed = sealed.len() - integrity_salt.len() - mac.len() - 2;
    let signed = sealed.get(..signed).ok_or(Flaw::Parts)?;
    let mac = if has_form { decode_exact(mac) } else { None };
    Ok(Parts { id, encryption_salt, iv, ciphertext, integrity_salt, mac, signed })
}

/// A number as the originals write it; one that is too large for us is the largest there is.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.len() > MAX_DIGITS || digits.first() == Some(&b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |byte: &u8| i64::from(byte - b'0');
    Some(digits.iter().fold(0, |number: i64, byte| number.saturating_mul(10).saturating_add(digit(byte))))
}

/// Whether this secret made the MAC. Compared in constant time.
fn has_mac(options: &Options, secret: &Secret, parts: &Parts<'_>) -> Result<bool, IronError> {
    let Some(expected) = parts.mac else { return Ok(false) };
    let mut mac = keys::mac(&secret.integrity, &options.integrity, parts.integrity_salt)?;
    // The MAC's salt is the one part that no MAC protects, so one that does not go with the key must not pass.
    if secret.integrity.is_text() == parts.integrity_salt.is_empty() {
        return Ok(false);
    }
    mac.update(parts.signed);
    Ok(mac.verify(&expected))
}

/// The text, once the MAC was right.
fn decrypt(options: &Options, secret: &Secret, parts: &Parts<'_>) -> Result<String, IronError> {
    let closed = IronError::Closed(Flaw::Content);
    if secret.encryption.is_text() == parts.encryption_salt.is_empty() {
        return Err(closed);
    }
    let cipher = keys::cipher(options.algorithm, &secret.encryption, &options.encryption, parts.encryption_salt)?;
    let iv = decode_exact(parts.iv).ok_or(closed)?;
    let ciphertext = base64::from_url(parts.ciphertext).ok_or(closed)?;
    let text = cipher.decrypt(&iv, ciphertext).ok_or(closed)?;
    String::from_utf8(text).map_err(|_| closed)
}
