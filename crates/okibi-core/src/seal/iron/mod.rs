//! Iron (Fe26.2): seals that are compatible with `@hapi/iron` and `iron-webcrypto`, with the same
//! options and passwords.
//!
//! A seal has eight parts, separated by `*`: prefix, secret id, encryption salt, IV, ciphertext,
//! expiry, MAC salt, MAC. The MAC covers everything before the last two parts. It is compared in
//! constant time before the content is decoded or decrypted.

mod keys;
mod opening;
mod sealing;

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

pub use self::{opening::unseal, sealing::seal};

/// The first part of every seal: the format and its version.
pub const PREFIX: &str = "Fe26.2";

/// The most bits of a salt. (The default of the original packages is 256.)
pub const MAX_SALT_BITS: u32 = 8192;

/// The longest secret id, in bytes.
const MAX_ID: usize = 256;

/// The encryption algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-256-CBC with PKCS#7 padding, the default of the original packages. A raw key has 32
    /// bytes.
    #[default]
    Aes256Cbc,
    /// AES-128-CTR. A raw key has 16 bytes. With 24 or 32 bytes it is AES-192-CTR or AES-256-CTR,
    /// as in `iron-webcrypto`.
    Aes128Ctr,
}

/// How a key is derived from a password. Raw keys are not derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The random bits of a new salt: 1 to [`MAX_SALT_BITS`], rounded up to whole bytes. Default
    /// 256.
    pub salt_bits: u32,
    /// The iterations of PBKDF2-HMAC-SHA1, at least 1. Default 1: passwords are expected to be
    /// random.
    pub iterations: u32,
    /// The shortest password, in UTF-16 units as in JavaScript. Default 32.
    pub min_password_length: usize,
}

impl Default for Derivation {
    fn default() -> Self {
        Self { salt_bits: 256, iterations: 1, min_password_length: 32 }
    }
}

/// The options to seal and to open. The default is `defaults` of the original packages.
///
/// A seal does not contain its options. To open it, the same options are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The encryption algorithm.
    pub algorithm: Algorithm,
    /// How the encryption key is derived from a password.
    pub encryption: Derivation,
    /// How the key of the MAC (always HMAC-SHA256) is derived from a password.
    pub integrity: Derivation,
    /// How long a seal can be opened, in milliseconds. 0, the default, means without end. With a
    /// negative value the seal is expired immediately.
    pub ttl: i64,
    /// How long a seal can be opened after its expiry, in milliseconds, because clocks differ.
    /// Default 60 seconds.
    pub skew: i64,
    /// A correction that is added to the clock, in milliseconds. Default 0.
    pub offset: i64,
    /// The longest seal to make or to open, in bytes. Default 1 MiB. A cookie needs far less.
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
    /// The number of random bytes that [`seal`] needs with these options and this secret: at most
    /// two salts and an IV. Default 80.
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

/// A password or a raw key. It is overwritten when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A password. The key is derived from it with the salt.
    Text(Zeroizing<String>),
    /// A raw key. The seal's salt is empty.
    Raw(Zeroizing<Vec<u8>>),
}

impl Key {
    /// A password. Its length is checked when it is used, because the shortest length is an option.
    pub fn text(password: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(password.into()))
    }

    /// A raw key. Its length is checked when it is used, because it depends on the algorithm.
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

/// The keys to seal and to open, and the secret id in the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    id: Option<String>,
    encryption: Key,
    integrity: Key,
}

impl Secret {
    /// A secret without an id. Its one key encrypts and authenticates.
    pub fn new(key: Key) -> Self {
        Self { id: None, encryption: key.clone(), integrity: key }
    }

    /// A secret without an id, with two keys.
    pub fn specific(encryption: Key, integrity: Key) -> Self {
        Self { id: None, encryption, integrity }
    }

    /// The same secret with an id, which each seal contains.
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

/// Whether a secret id is valid. An empty one means "no id".
fn is_id(id: &[u8]) -> bool {
    id.len() <= MAX_ID && id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Which secrets may open a seal.
#[derive(Clone, Copy, Debug)]
pub enum Secrets<'a> {
    /// Each of these in order, whatever id the seal has. The original packages treat a plain
    /// password like this.
    Any(&'a [Secret]),
    /// The secret with the seal's id. Without an id in the seal: the secrets without an id or with
    /// the id `default`, in order.
    Named(&'a [Secret]),
}

/// Why a string could not be sealed or opened. The kinds are stable; the messages are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IronError {
    /// The seal does not open. The message is the same for every reason. [`Flaw`] is for tests and
    /// counters.
    #[error("iron: this seal does not open")]
    Closed(Flaw),
    /// The key of a secret is empty.
    #[error("iron secret: empty; give a password of at least 32 characters or a key")]
    EmptySecret,
    /// A password is shorter than the options allow.
    #[error("iron password: shorter than {0} characters; take a longer one")]
    ShortPassword(usize),
    /// A raw key has too few bytes for its algorithm.
    #[error("iron key: shorter than {0} bytes; take a longer one")]
    ShortKey(usize),
    /// The length of a raw key does not fit its algorithm.
    #[error("iron key: aes-256-cbc takes 32 bytes, aes-128-ctr 16, 24 or 32")]
    KeyLength,
    /// A secret id is too long, or has other characters than letters, digits and underscores.
    #[error("iron secret id: must be 1 to 256 letters, digits and underscores")]
    SecretId,
    /// The number of salt bits is zero or too large, and a password needs a salt.
    #[error("iron salt bits: must be 1 to 8192")]
    SaltBits,
    /// The number of iterations is zero.
    #[error("iron iterations: must be at least 1")]
    Iterations,
    /// The seal would be longer than the options allow.
    #[error("iron: the seal would be longer than {0} bytes; seal less or allow more")]
    TooLarge(usize),
    /// There are too few random bytes.
    #[error("iron: not enough random bytes")]
    Entropy,
}

/// Why a seal does not open. It reveals nothing about the content or the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// It does not have eight parts, or is too long.
    Parts,
    /// The prefix is another one.
    Prefix,
    /// The expiry is not a number.
    Expiry,
    /// The seal has expired.
    Expired,
    /// No secret has the id in the seal.
    UnknownSecret,
    /// The MAC is wrong, or a part is malformed.
    Mac,
    /// The sealed bytes are not UTF-8.
    Content,
}

impl IronError {
    /// The stable name of this kind, for bindings.
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
