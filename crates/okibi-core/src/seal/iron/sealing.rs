//! Makes an Iron seal.

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use okibi_crypto::base64;

use super::{Derivation, IronError, Key, MAX_SALT_BITS, Options, PREFIX, Secret, keys};
use crate::time::Timestamp;

/// Seals `text` at the time `now`. In the original packages `text` is JSON.
///
/// `random` must come from the system's CSPRNG, with at least [`Options::random_bytes`] bytes: the
/// encryption salt, the IV and the MAC salt, in this order. No byte may be used for two seals.
///
/// # Errors
/// A secret or an option that is invalid, too few random bytes, or a seal longer than the options
/// allow.
pub fn seal(
    options: &Options,
    secret: &Secret,
    text: &[u8],
    now: Timestamp,
    random: &[u8],
) -> Result<String, IronError> {
    // Base64 turns three bytes into four. The length with all other parts is checked at the end.
    if text.len() > options.max_bytes {
        return Err(IronError::TooLarge(options.max_bytes));
    }
    let (encryption_salt, random) = salt(&secret.encryption, &options.encryption, random)?;
    let (iv, random) = random.split_first_chunk().ok_or(IronError::Entropy)?;
    let (integrity_salt, _) = salt(&secret.integrity, &options.integrity, random)?;

    let cipher = keys::cipher(options.algorithm, &secret.encryption, &options.encryption, encryption_salt.as_bytes())?;
    let mut mac = keys::mac(&secret.integrity, &options.integrity, integrity_salt.as_bytes())?;
    let ciphertext = cipher.encrypt(iv, text).ok_or(IronError::KeyLength)?;

    let mut sealed = String::with_capacity(256 + encryption_salt.len() * 2 + ciphertext.len() / 3 * 4);
    _ = write!(sealed, "{PREFIX}*{}*{encryption_salt}*", secret.id().unwrap_or_default());
    base64::push_url(&mut sealed, iv);
    sealed.push('*');
    base64::push_url(&mut sealed, &ciphertext);
    sealed.push('*');
    if options.ttl != 0 {
        let end = clock(options, now).saturating_add(options.ttl);
        _ = write!(sealed, "{}", end.max(1));
    }
    mac.update(sealed.as_bytes());
    _ = write!(sealed, "*{integrity_salt}*");
    base64::push_url(&mut sealed, &mac.finish());
    if sealed.len() > options.max_bytes { Err(IronError::TooLarge(options.max_bytes)) } else { Ok(sealed) }
}

/// The current time for these options, in milliseconds.
pub(super) fn clock(options: &Options, now: Timestamp) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX).saturating_add(options.offset)
}

/// The salt from the first random bytes, and the remaining bytes. A raw key has an empty salt.
fn salt<'a>(key: &Key, derivation: &Derivation, random: &'a [u8]) -> Result<(String, &'a [u8]), IronError> {
    if !key.is_text() {
        return Ok((String::new(), random));
    }
    if !(1..=MAX_SALT_BITS).contains(&derivation.salt_bits) {
        return Err(IronError::SaltBits);
    }
    let (bytes, rest) = random.split_at_checked(derivation.salt_bytes()).ok_or(IronError::Entropy)?;
    Ok((hex(bytes), rest))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().map_or('0', char::from);
    let digits: Vec<char> = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
    digits.into_iter().collect()
}
