//! Opens an Iron seal: checks the form, the time, the secret and the MAC, and only then decrypts.

use alloc::string::String;

use okibi_crypto::base64;

use super::{
    Algorithm, Flaw, IronError, MAX_SALT_BITS, Options, PREFIX, Secret, Secrets, is_id,
    keys::{self, IV, MAC},
    sealing::clock,
};
use crate::{id::decode_exact, time::Timestamp};

/// The longest expiry, in digits: more than any number that JavaScript writes in full.
const MAX_DIGITS: usize = 21;

/// The longest salt, in characters.
const MAX_SALT: usize = MAX_SALT_BITS as usize / 4;

/// The parts of a well-formed seal.
struct Parts<'a> {
    id: &'a [u8],
    encryption_salt: &'a [u8],
    iv: &'a [u8],
    ciphertext: &'a [u8],
    integrity_salt: &'a [u8],
    /// `None` if a part is malformed.
    mac: Option<[u8; MAC]>,
    /// The bytes that the MAC covers.
    signed: &'a [u8],
}

/// Opens a seal of one of these secrets and returns its content, which is JSON in the original
/// packages.
///
/// Each tried secret costs one key derivation and one hash of the seal. Nothing is decrypted before
/// a MAC fits. A seal that is malformed, or longer than the options allow, costs neither.
///
/// # Errors
/// [`IronError::Closed`] if it does not open; another error if a secret or an option is invalid.
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

/// Splits a seal into its parts. Only the MAC is decoded, and no secret is used.
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
    // No seal was ever made with another form.
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

/// A number as the original packages write it. A number that is too large becomes the largest.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.len() > MAX_DIGITS || digits.first() == Some(&b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |byte: &u8| i64::from(byte - b'0');
    Some(digits.iter().fold(0, |number: i64, byte| number.saturating_mul(10).saturating_add(digit(byte))))
}

/// Whether this secret made the MAC. The comparison takes constant time.
fn has_mac(options: &Options, secret: &Secret, parts: &Parts<'_>) -> Result<bool, IronError> {
    let Some(expected) = parts.mac else { return Ok(false) };
    let mut mac = keys::mac(&secret.integrity, &options.integrity, parts.integrity_salt)?;
    // No MAC covers the MAC's salt, so a salt that does not fit the kind of key is refused.
    if secret.integrity.is_text() == parts.integrity_salt.is_empty() {
        return Ok(false);
    }
    mac.update(parts.signed);
    Ok(mac.verify(&expected))
}

/// Decrypts the content. The MAC is already verified.
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
