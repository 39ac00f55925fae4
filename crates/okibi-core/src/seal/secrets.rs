//! Secrets: the first one seals and signs, all of them open, and a secret id selects one.

use alloc::vec::Vec;
use core::fmt;

use okibi_crypto::XChaCha20Poly1305;
use zeroize::Zeroizing;

use crate::error::ConfigError;

/// A list of secrets, newest first. The first one seals and signs. All of them open.
///
/// A secret has at least 32 bytes from a good random source, such as `openssl rand -base64 32`. To
/// rotate secrets, add a new one at the front. Remove the last one when no cookie can be older:
/// after the absolute timeout, or 400 days.
#[derive(Clone)]
pub struct Secrets(Vec<Secret>);

/// The derived keys of one secret.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) id: [u8; 4],
    pub(crate) sealing: XChaCha20Poly1305,
    pub(crate) signing: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// These secrets, newest first. The length of a string is its number of UTF-8 bytes.
    ///
    /// # Errors
    /// No secret, a secret shorter than 32 bytes, or two with the same secret id.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        let mut known: Vec<Secret> = Vec::new();
        for (index, secret) in secrets.into_iter().enumerate() {
            let (secret, position) = (secret.as_ref(), index + 1);
            if secret.len() < 32 {
                return Err(ConfigError::ShortSecret { position, length: secret.len() });
            }
            let secret = Secret::derive(secret);
            if let Some(earlier) = known.iter().position(|other| other.id == secret.id) {
                return Err(ConfigError::EqualSecrets(earlier + 1, position));
            }
            known.push(secret);
        }
        if known.is_empty() { Err(ConfigError::NoSecret) } else { Ok(Self(known)) }
    }

    /// The secret that seals and signs.
    pub(crate) fn first(&self) -> Option<&Secret> {
        self.0.first()
    }

    /// The secret with this id.
    pub(crate) fn by_id(&self, id: &[u8]) -> Option<&Secret> {
        self.0.iter().find(|secret| secret.id == id)
    }

    /// Whether both lists have the same secrets in the same order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.iter().map(|secret| &secret.signing).eq(other.0.iter().map(|secret| &secret.signing))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

impl Secret {
    fn derive(secret: &[u8]) -> Self {
        let sealing = Zeroizing::new(expand::<32>(secret, b"okibi seal v1|record"));
        Self {
            id: expand(secret, b"okibi kid v1"),
            sealing: XChaCha20Poly1305::new(&sealing),
            signing: Zeroizing::new(expand(secret, b"okibi seal v1|sign")),
        }
    }
}

/// HKDF-SHA256 with an empty salt.
pub(crate) fn expand<const N: usize>(secret: &[u8], info: &[u8]) -> [u8; N] {
    let mut key = [0; N];
    // HKDF-SHA256 only refuses more than 8160 bytes. N is 4 or 32.
    let _ = okibi_crypto::expand(secret, info, &mut key);
    key
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} secrets, hidden)", self.0.len())
    }
}
