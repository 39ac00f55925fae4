//! Iron's keys and ciphers: PBKDF2-HMAC-SHA1, AES-CBC, AES-CTR and HMAC-SHA256 from `okibi-crypto`.

use alloc::vec::Vec;

use okibi_crypto::{Aes, HmacSha256};
use zeroize::Zeroizing;

use super::{Algorithm, Derivation, IronError, Key};

/// The bytes of an IV and of an AES block.
pub(super) const IV: usize = 16;

/// The bytes of a MAC, and the shortest key for it.
pub(super) const MAC: usize = 32;

impl Algorithm {
    /// The bytes of a key derived from a password, and the shortest raw key.
    fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Cbc => 32,
            Self::Aes128Ctr => 16,
        }
    }
}

/// The MAC with its key, for a seal with this salt.
pub(super) fn mac(key: &Key, derivation: &Derivation, salt: &[u8]) -> Result<HmacSha256, IronError> {
    Ok(HmacSha256::new(&derive(key, derivation, salt, MAC)?))
}

/// The cipher with its key, for a seal with this salt. It is used once.
pub(super) fn cipher(algorithm: Algorithm, key: &Key, derivation: &Derivation, salt: &[u8]) -> Result<Aes, IronError> {
    let key = derive(key, derivation, salt, algorithm.key_bytes())?;
    let cipher = match algorithm {
        Algorithm::Aes256Cbc => Aes::cbc(&key),
        Algorithm::Aes128Ctr => Aes::ctr(&key),
    };
    cipher.ok_or(IronError::KeyLength)
}

/// A key of `length` bytes derived from a password, or a raw key of at least `length` bytes.
fn derive(key: &Key, derivation: &Derivation, salt: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, IronError> {
    match key {
        Key::Text(password) if password.is_empty() => Err(IronError::EmptySecret),
        Key::Text(password) => {
            let shortest = derivation.min_password_length;
            // A UTF-16 unit takes at most three bytes of UTF-8, so most passwords need no counting.
            if password.len() < shortest.saturating_mul(3) && password.encode_utf16().count() < shortest {
                return Err(IronError::ShortPassword(shortest));
            }
            if derivation.iterations == 0 {
                return Err(IronError::Iterations);
            }
            let mut derived = Zeroizing::new(Vec::new());
            derived.resize(length, 0);
            okibi_crypto::pbkdf2_sha1(password.as_bytes(), salt, derivation.iterations, &mut derived);
            Ok(derived)
        }
        Key::Raw(key) if key.is_empty() => Err(IronError::EmptySecret),
        Key::Raw(key) if key.len() < length => Err(IronError::ShortKey(length)),
        Key::Raw(key) => Ok(key.clone()),
    }
}
