//! Iron's keys and ciphers: PBKDF2-HMAC-SHA1, AES-CBC, AES-CTR and HMAC-SHA256, each from `RustCrypto`.

use alloc::vec::Vec;

use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, StreamCipherCore, block_padding::Pkcs7};
use ctr::{CtrCore, flavors::Ctr128BE};
use hmac::{Hmac, KeyInit};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    Algorithm, Derivation, IronError, Key,
    aes::{Aes, Long},
};

/// The bytes of an IV, and of a block of AES.
pub(super) const IV: usize = 16;

/// The bytes of a MAC, and of the shortest key for it.
pub(super) const MAC: usize = 32;

impl Algorithm {
    /// The bytes of a key derived from a password, and of the shortest raw key.
    fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Cbc => 32,
            Self::Aes128Ctr => 16,
        }
    }
}

/// The keyed MAC for a seal with this salt.
pub(super) fn mac(key: &Key, derivation: &Derivation, salt: &[u8]) -> Result<Hmac<Sha256>, IronError> {
    let key = derive(key, derivation, salt, MAC)?;
    // HMAC takes a key of any length.
    Hmac::new_from_slice(&key).map_err(|_| IronError::KeyLength)
}

/// A cipher with its key, ready for one text.
pub(super) enum Cipher {
    Cbc(Long),
    Ctr(Aes),
}

impl Cipher {
    /// The cipher for a seal with this salt.
    pub(super) fn new(
        algorithm: Algorithm,
        key: &Key,
        derivation: &Derivation,
        salt: &[u8],
    ) -> Result<Self, IronError> {
        let key = derive(key, derivation, salt, algorithm.key_bytes())?;
        let cipher = match algorithm {
            Algorithm::Aes256Cbc => Long::new(&key).map(Self::Cbc),
            Algorithm::Aes128Ctr => Aes::new(&key).map(Self::Ctr),
        };
        cipher.ok_or(IronError::KeyLength)
    }

    /// The text, encrypted. `None` never happens: there is room for the padding.
    pub(super) fn encrypt(self, iv: &[u8; IV], text: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = Vec::with_capacity(text.len() + IV);
        buffer.extend_from_slice(text);
        match self {
            Self::Cbc(aes) => {
                buffer.resize(text.len() + IV - text.len() % IV, 0);
                let cipher = cbc::Encryptor::inner_iv_init(aes, iv.into());
                cipher.encrypt_padded::<Pkcs7>(&mut buffer, text.len()).ok()?;
            }
            Self::Ctr(aes) => keystream(aes, iv, &mut buffer),
        }
        Some(buffer)
    }

    /// Decrypts in place. `None` if the padding is wrong, which is only ever looked at behind a MAC that was right.
    pub(super) fn decrypt(self, iv: &[u8; IV], mut buffer: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Cbc(aes) => {
                let cipher = cbc::Decryptor::inner_iv_init(aes, iv.into());
                let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
                buffer.truncate(length);
            }
            Self::Ctr(aes) => keystream(aes, iv, &mut buffer),
        }
        Some(buffer)
    }
}

/// Encrypts or decrypts in place: with a counter both are the same.
fn keystream(aes: Aes, iv: &[u8; IV], buffer: &mut [u8]) {
    CtrCore::<_, Ctr128BE>::inner_iv_init(aes, iv.into()).apply_keystream_partial(buffer.into());
}

/// A password's key of `length` bytes, or a raw key that has at least as many.
fn derive(key: &Key, derivation: &Derivation, salt: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, IronError> {
    match key {
        Key::Text(password) if password.is_empty() => Err(IronError::EmptySecret),
        Key::Text(password) => {
            let shortest = derivation.min_password_length;
            // No UTF-16 unit takes more than three bytes, so most passwords need no counting.
            if password.len() < shortest.saturating_mul(3) && password.encode_utf16().count() < shortest {
                return Err(IronError::ShortPassword(shortest));
            }
            if derivation.iterations == 0 {
                return Err(IronError::Iterations);
            }
            let mut derived = Zeroizing::new(Vec::new());
            derived.resize(length, 0);
            pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, derivation.iterations, &mut derived);
            Ok(derived)
        }
        Key::Raw(key) if key.is_empty() => Err(IronError::EmptySecret),
        Key::Raw(key) if key.len() < length => Err(IronError::ShortKey(length)),
        Key::Raw(key) => Ok(key.clone()),
    }
}
