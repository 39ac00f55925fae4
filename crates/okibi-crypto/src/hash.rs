//! SHA-256 and what is made of hashes: HMAC, HKDF, PBKDF2.

use core::fmt;

use ::hmac::{Hmac, KeyInit, Mac};
use hkdf::Hkdf;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The SHA-256 of these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA256 with a key, over what is added piece by piece. The key is wiped when this is dropped.
#[derive(Clone)]
pub struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    /// The code with a key of any length.
    pub fn new(key: &[u8]) -> Self {
        // HMAC fills a key that is not longer than the hash's block up with zeros, and hashes a longer one (RFC 2104).
        let mut block = ::hmac::digest::Key::<Hmac<Sha256>>::default();
        let fill = |block: &mut [u8], key: &[u8]| block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
        if key.len() <= block.len() {
            fill(&mut block, key);
        } else {
            fill(&mut block, &sha256(key));
        }
        Self(KeyInit::new(&block))
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The code of all that was added.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether this is the code of all that was added. Compared in constant time.
    #[must_use]
    pub fn verify(self, code: &[u8]) -> bool {
        self.0.verify_slice(code).is_ok()
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256(hidden)")
    }
}

/// HKDF-SHA256 with an empty salt: fills `key`, which has at most 8160 bytes, and says whether it did.
#[must_use]
pub fn expand(secret: &[u8], info: &[u8], key: &mut [u8]) -> bool {
    Hkdf::<Sha256>::new(None, secret).expand(info, key).is_ok()
}

/// PBKDF2-HMAC-SHA1: fills `key`.
pub fn pbkdf2_sha1(password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, key);
}
