//! XChaCha20-Poly1305: encryption that notices every change.

use core::fmt;

use chacha20poly1305::{KeyInit, aead::AeadInOut};

/// XChaCha20-Poly1305 with a key. The key is wiped when this is dropped.
#[derive(Clone)]
pub struct XChaCha20Poly1305(chacha20poly1305::XChaCha20Poly1305);

impl XChaCha20Poly1305 {
    /// The cipher with this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(KeyInit::new(key.into()))
    }

    /// Encrypts in place and returns the tag, which also covers `bound_to`. A nonce must be used once only: random ones are.
    ///
    /// `None` only for a text of more than 256 GiB.
    pub fn encrypt(&self, nonce: &[u8; 24], bound_to: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        self.0.encrypt_inout_detached(nonce.into(), bound_to, text.into()).ok().map(Into::into)
    }

    /// Decrypts in place and says whether nonce, text, tag and `bound_to` go together; if not, nothing is decrypted.
    #[must_use]
    pub fn decrypt(&self, nonce: &[u8; 24], bound_to: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), bound_to, text.into(), tag.into()).is_ok()
    }
}

impl fmt::Debug for XChaCha20Poly1305 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XChaCha20Poly1305(hidden)")
    }
}
