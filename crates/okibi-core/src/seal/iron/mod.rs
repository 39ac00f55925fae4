//! Iron (Fe26.2): the seals of `@hapi/iron` and `iron-webcrypto`, made and opened with the same options and passwords.
//!
//! A seal is eight parts with `*` between them: prefix, secret id, encryption salt, IV, ciphertext, expiry, MAC salt, MAC.
//! The MAC is over everything before the last two parts. It is compared in constant time before anything of the text is
//! decoded or decrypted.

mod keys;
mod opening;
mod sealing;

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

pub use self::{opening::unseal, sealing::seal};

/// What every seal starts with: the format and its version.
pub const PREFIX: &str = "Fe26.2";

/// The most bits that a salt may have. (The originals' default is 256.)
pub const MAX_SALT_BITS: u32 = 8192;

/// The longest secret id, in bytes.
const MAX_ID: usize = 256;

/// How the text is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-256-CBC with PKCS#7 padding, the originals' default. A raw key has 32 bytes.
    #[default]
    Aes256Cbc,
    /// AES-128-CTR. A raw key has 16 bytes; with 24 or 32 bytes it is AES-192-CTR or AES-256-CTR, as in `iron-webcrypto`.
    Aes128Ctr,
}

/// How a key is made of a password. Raw keys need none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The random bits of a new salt: 1 to [`MAX_SALT_BITS`], rounded up to whole bytes. 256 by default.
    pub salt_bits: u32,
    /// The iterations of PBKDF2-HMAC-SHA1, at least 1. 1 by default: the passwords are expected to be random.
    pub iterations: u32,
    /// The shortest password, in UTF-16 units, as JavaScript counts. 32 by default.
    pub min_password_length: usize,
}

impl Default for Derivation {
    fn default() -> Self {
        Self { salt_bits: 256, iterations: 1, min_password_length: 32 }
    }
}

/// How to seal and what to open. The default is what the originals call `defaults`.
///
/// Nothing of it stands in a seal: whoever opens one needs the options that it was made with, and never guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How the text is encrypted.
    pub algorithm: Algorithm,
    /// How the encryption key is made of a password.
    pub encryption: Derivation,
    /// How the key of the MAC (always HMAC-SHA256) is made of a password.
    pub integrity: Derivation,
    /// How long a seal can be opened, in milliseconds. 0, the default, is for ever; a negative one is over at once.
    pub ttl: i64,
    /// For how long after its end a seal still opens, in milliseconds, because clocks differ. 60 seconds by default.
    pub skew: i64,
    /// What to add to the clock, in milliseconds. 0 by default.
    pub offset: i64,
    /// The longest seal to make or to look at, in bytes. 1 MiB by default; a cookie needs far less.
    pub max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            encryption: Derivation::default(),
            integrity: Derivation::default(),
            ttl: 0,
            skew: 60_000,
            offset: 0,
            max_bytes: 1024 * 1024,
        }
    }
}

impl Options {
    /// How many random bytes [`seal`] needs with these options and this secret: at most two salts and an IV. 80 by default.
    pub fn random_bytes(&self, secret: &Secret) -> usize {
        let salt = |key: &Key, derivation: &Derivation| if key.is_text() { derivation.salt_bytes() } else { 0 };
        salt(&secret.encryption, &self.encryption) + keys::IV + salt(&secret.integrity, &self.integrity)
    }
}

impl Derivation {
    fn salt_bytes(&self) -> usize {
        usize::try_from(self.salt_bits.div_ceil(8)).unwrap_or(usize::MAX)
    }
}

/// What a key is made of. It is wiped when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A password: the key is derived from it with the salt's text.
    Text(Zeroizing<String>),
    /// The key itself. The seal's salt is empty.
    Raw(Zeroizing<Vec<u8>>),
}

impl Key {
    /// A password. Its length is checked when it is used, because the shortest length is an option.
    pub fn text(password: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(password.into()))
    }

    /// The bytes of a key. Their number is checked when it is used, because it depends on the algorithm.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Raw(Zeroizing::new(bytes.into()))
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_text() { "Text(hidden)" } else { "Raw(hidden)" })
    }
}

/// The keys that seal and open, and the id under which a seal names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    id: Option<String>,
    encryption: Key,
    integrity: Key,
}

impl Secret {
    /// A secret without an id whose one key encrypts and authenticates.
    pub fn new(key: Key) -> Self {
        Self { id: None, encryption: key.clone(), integrity: key }
    }

    /// A secret without an id that has two keys.
    pub fn specific(encryption: Key, integrity: Key) -> Self {
        Self { id: None, encryption, integrity }
    }

    /// The same secret under an id, which is written into every seal.
    ///
    /// # Errors
    /// [`IronError::SecretId`] if it is not 1 to 256 letters (a to z), digits and underscores.
    pub fn named(mut self, id: impl Into<String>) -> Result<Self, IronError> {
        let id = id.into();
        if !is_id(id.as_bytes()) || id.is_empty() {
            return Err(IronError::SecretId);
        }
        self.id = Some(id);
        Ok(self)
    }

    /// The id, if there is one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// Whether a seal may name a secret like this. Empty is "no id".
fn is_id(id: &[u8]) -> bool {
    id.len() <= MAX_ID && id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Which secrets may open a seal.
#[derive(Clone, Copy, Debug)]
pub enum Secrets<'a> {
    /// Each of these in order, whatever id the seal names. It is how the originals treat a bare password.
    Any(&'a [Secret]),
    /// The one secret that the seal names. If it names none: those without an id or with the id `default`, in order.
    Named(&'a [Secret]),
}

/// Why something could not be sealed or opened. The kinds are stable; the texts are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IronError {
    /// It does not open. Whatever the reason is, the text is the same; [`Flaw`] is for tests and for whoever counts.
    #[error("iron: this seal does not open")]
    Closed(Flaw),
    /// A secret's key is empty.
    #[error("iron secret: empty; give a password of at least 32 characters or a key")]
    EmptySecret,
    /// A password is shorter than the options allow.
    #[error("iron password: shorter than {0} characters; take a longer one")]
    ShortPassword(usize),
    /// A raw key has fewer bytes than its algorithm needs.
    #[error("iron key: shorter than {0} bytes; take a longer one")]
    ShortKey(usize),
    /// A raw key has a number of bytes that its algorithm has no use for.
    #[error("iron key: aes-256-cbc takes 32 bytes, aes-128-ctr 16, 24 or 32")]
    KeyLength,
    /// A secret id has other characters than letters, digits and underscores, or too many.
    #[error("iron secret id: must be 1 to 256 letters, digits and underscores")]
    SecretId,
    /// No salt bits, or too many, where a password needs a salt.
    #[error("iron salt bits: must be 1 to 8192")]
    SaltBits,
    /// No iterations.
    #[error("iron iterations: must be at least 1")]
    Iterations,
    /// The seal would be longer than the options allow.
    #[error("iron: the seal would be longer than {0} bytes; seal less or allow more")]
    TooLarge(usize),
    /// The random bytes given did not suffice.
    #[error("iron: not enough random bytes")]
    Entropy,
}

/// What is wrong with a seal that does not open. It says nothing about its text or its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// Not eight parts, or too long.
    Parts,
    /// Another prefix.
    Prefix,
    /// The expiry is no number.
    Expiry,
    /// The time is over.
    Expired,
    /// No secret goes with the id that it names.
    UnknownSecret,
    /// The MAC is of another text or another secret, or a part has not the form that is ever sealed.
    Mac,
    /// Whoever has the secret sealed something that is no text.
    Content,
}

impl IronError {
    /// The stable name of this kind, which bindings pass on.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed(Flaw::Parts) => "parts",
            Self::Closed(Flaw::Prefix) => "prefix",
            Self::Closed(Flaw::Expiry) => "expiry",
            Self::Closed(Flaw::Expired) => "expired",
            Self::Closed(Flaw::UnknownSecret) => "unknown_secret",
            Self::Closed(Flaw::Mac) => "mac",
            Self::Closed(Flaw::Content) => "content",
            Self::EmptySecret => "empty_secret",
            Self::ShortPassword(_) => "short_password",
            Self::ShortKey(_) => "short_key",
            Self::KeyLength => "key_length",
            Self::SecretId => "secret_id",
            Self::SaltBits => "salt_bits",
            Self::Iterations => "iterations",
            Self::TooLarge(_) => "too_large",
            Self::Entropy => "entropy",
        }
    }
}
