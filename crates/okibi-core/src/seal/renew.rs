//! The new id in the marker of a renewed id, encrypted with a key derived from the old id.

use alloc::vec::Vec;

use bytes::Bytes;
use okibi_crypto::XChaCha20Poly1305;
use zeroize::Zeroizing;

use super::secrets::expand;
use crate::id::{Id, StoreKey};

/// Encrypts `new` with a key derived from `old`: nonce (24 bytes), ciphertext (32), tag (16).
/// `nonce` must be random.
pub fn hide(new: &Id, old: &Id, old_key: &StoreKey, nonce: [u8; 24]) -> Option<Bytes> {
    let mut sealed = Vec::with_capacity(24 + 32 + 16);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(new.random_bytes()?);
    let tag = cipher(old).encrypt(&nonce, old_key.as_str().as_bytes(), sealed.get_mut(24..)?)?;
    sealed.extend_from_slice(&tag);
    Some(sealed.into())
}

/// Decrypts the new id, if the marker belongs to `old`.
pub fn reveal(sealed: &[u8], old: &Id, old_key: &StoreKey) -> Option<Id> {
    let nonce: [u8; 24] = sealed.get(..24)?.try_into().ok()?;
    let mut id: Zeroizing<[u8; 32]> = Zeroizing::new(sealed.get(24..56)?.try_into().ok()?);
    let tag: [u8; 16] = sealed.get(56..)?.try_into().ok()?;
    let opened = cipher(old).decrypt(&nonce, old_key.as_str().as_bytes(), id.as_mut_slice(), &tag);
    opened.then(|| Id::from_bytes(*id))
}

fn cipher(old: &Id) -> XChaCha20Poly1305 {
    let key = Zeroizing::new(expand::<32>(old.as_bytes(), b"okibi renew v1"));
    XChaCha20Poly1305::new(&key)
}
