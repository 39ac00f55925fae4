//! The names of a session: the secret id, the store key made from it, the public handle, and the
//! owner.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};
use core::fmt;

use okibi_crypto::{base64, sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::{Codec, variants};

/// The secret id in a visitor's cookie: 32 random bytes, or a string in an older dialect. It is
/// never shown. In okibi's own dialect it is never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Id(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Random([u8; 32]),
    Text(String),
}

variants!(Form { 0 => Random(bytes), 1 => Text(text) });

impl Codec for Id {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Codec::get(from).map(Self)
    }
}

impl Id {
    /// An id of these bytes. They must come from the system's CSPRNG (ASVS 7.2.3).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Form::Random(bytes))
    }

    /// The id of an older dialect. The dialect checks its form.
    pub(crate) fn from_text(text: impl Into<String>) -> Self {
        Self(Form::Text(text.into()))
    }

    /// Parses 43 characters of base64url without padding; `None` for anything but the canonical
    /// form.
    pub fn parse(text: &[u8]) -> Option<Self> {
        decode_exact(text).map(Self::from_bytes)
    }

    /// The bytes of the id, to derive keys from.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Random(bytes) => bytes,
            Form::Text(text) => text.as_bytes(),
        }
    }

    /// The 32 random bytes, if the id is okibi's own.
    pub(crate) fn random_bytes(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Form::Random(bytes) => Some(bytes),
            Form::Text(_) => None,
        }
    }

    /// The id as the cookie has it: 43 characters of base64url without padding, or the string of an
    /// older dialect.
    pub fn to_text(&self) -> String {
        match &self.0 {
            Form::Random(bytes) => base64::url(bytes),
            Form::Text(text) => text.to_owned(),
        }
    }

    /// The store key of this id: `<namespace>:` and the base64url of the SHA-256 of the id.
    pub fn store_key(&self, namespace: &str) -> StoreKey {
        let digest = sha256(self.as_bytes());
        let mut key = String::with_capacity(namespace.len() + 1 + 43);
        key.push_str(namespace);
        key.push(':');
        base64::push_url(&mut key, &digest);
        StoreKey(key.into())
    }

    /// A public handle, for records that have no handle. It opens nothing.
    pub(crate) fn derived_handle(&self) -> Handle {
        let digest = sha256(self.as_bytes());
        let mut half = [0; 16];
        half.iter_mut().zip(digest).for_each(|(slot, byte)| *slot = byte);
        Handle(half)
    }
}

/// Overwrites the bytes of the id. Copies are not overwritten: the cookie header and a flow's
/// bytes. (Deriving this would add a second copy of `syn` to every build.)
impl Drop for Id {
    fn drop(&mut self) {
        match &mut self.0 {
            Form::Random(bytes) => bytes.zeroize(),
            Form::Text(text) => text.zeroize(),
        }
    }
}

impl ZeroizeOnDrop for Id {}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(hidden)")
    }
}

/// The key of a record in a store. In okibi's own dialect it opens nothing: the id cannot be
/// computed from it.
///
/// In an older dialect the key contains the id, so it is never shown. Only stores may use
/// [`StoreKey::as_str`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(Arc<str>);

impl StoreKey {
    /// A store key from a string, for example from a store's index.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The key as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Codec for StoreKey {
    fn put(&self, out: &mut Vec<u8>) {
        // A key is short.
        String::from(self.as_str()).put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        String::get(from).map(Self::new)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(hidden)")
    }
}

/// The public name of a session, for lists and for revoking. It opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; 16]);

impl Handle {
    /// A handle of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Parses 22 characters of base64url without padding; `None` for anything but the canonical
    /// form.
    pub fn parse(text: &str) -> Option<Self> {
        decode_exact(text.as_bytes()).map(Self)
    }

    /// The bytes of the handle.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Codec for Handle {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Codec::get(from).map(Self)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::url(&self.0))
    }
}

/// The owner of a session, usually a user id. Stores that can list by owner index it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

impl Owner {
    /// An owner with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The owner's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Codec for Owner {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Codec::get(from).map(Self)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(hidden)")
    }
}

/// Decodes exactly `N` bytes from canonical base64url without padding.
pub(crate) fn decode_exact<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    base64::from_url_exactly(text, &mut bytes).then_some(bytes)
}
