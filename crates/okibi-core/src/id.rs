//! The names of a session: the secret id, the store key made from it, the public handle, and its owner.

use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};
use core::fmt;

use okibi_crypto::{base64, sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::{Codec, variants};

/// The secret in a visitor's cookie: 32 random bytes, or the text that an older dialect uses. It is never shown, and
/// okibi's own is never stored.
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
    /// An id made of these bytes, which must come from the system's CSPRNG (ASVS 7.2.3).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Form::Random(bytes))
    }

    /// The id of an older dialect, which says what it may look like.
    pub(crate) fn from_text(text: impl Into<String>) -> Self {
        Self(Form::Text(text.into()))
    }

    /// Reads the 43 characters of base64url without padding; anything but the canonical spelling is `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        decode_exact(text).map(Self::from_bytes)
    }

    /// The bytes of the id, for deriving keys from it.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Random(bytes) => bytes,
            Form::Text(text) => text.as_bytes(),
        }
    }

    /// The random bytes, if it is okibi's own.
    pub(crate) fn random_bytes(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Form::Random(bytes) => Some(bytes),
            Form::Text(_) => None,
        }
    }

    /// The id as it stands in the cookie: 43 characters of base64url without padding, or an older dialect's text.
    pub fn to_text(&self) -> String {
        match &self.0 {
            Form::Random(bytes) => base64::url(bytes),
            Form::Text(text) => text.to_owned(),
        }
    }

    /// Where the record of this id lies in a store: `<namespace>:` and the base64url of the id's SHA-256.
    pub fn store_key(&self, namespace: &str) -> StoreKey {
        let digest = sha256(self.as_bytes());
        let mut key = String::with_capacity(namespace.len() + 1 + 43);
        key.push_str(namespace);
        key.push(':');
        base64::push_url(&mut key, &digest);
        StoreKey(key.into())
    }

    /// A public name for the session of an id whose dialect has none: it opens nothing either.
    pub(crate) fn derived_handle(&self) -> Handle {
        let digest = sha256(self.as_bytes());
        let mut half = [0; 16];
        half.iter_mut().zip(digest).for_each(|(slot, byte)| *slot = byte);
        Handle(half)
    }
}

/// An id's own bytes are overwritten. Copies of them are not: the cookie's text, a flow's bytes. (The derive of this would cost every build a second copy of `syn`.)
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

/// Where a record lies in a store. In okibi's own dialect it opens nothing: no id can be computed from it.
///
/// In an older dialect the key *is* the id, so it is never shown: [`StoreKey::as_str`] is for stores alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(Arc<str>);

impl StoreKey {
    /// A store key from its text, as a store has it in its index.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The key as text.
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

/// A session's public name, for lists and for ending it from elsewhere. It opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; 16]);

impl Handle {
    /// A handle made of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads the 22 characters of base64url without padding; anything but the canonical spelling is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        decode_exact(text.as_bytes()).map(Self)
    }

    /// The handle's bytes.
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

/// Whose session it is, in the app's own terms (a user id, say). Stores that can list the sessions of one owner index it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

impl Owner {
    /// An owner by the app's own name for it.
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

/// Reads exactly `N` bytes from canonical base64url without padding.
pub(crate) fn decode_exact<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    base64::from_url_exactly(text, &mut bytes).then_some(bytes)
}
