//! What an owner's list holds, and under which key. The TypeScript store has the same.

use std::fmt::Write as _;

use okibi_store::{Owner, StoreKey};
use sha2::{Digest as _, Sha256};

/// How many bytes of the record's SHA-256 an entry names, as twice as many hexadecimal digits.
const DIGEST: usize = 16;

/// The key of an owner's list, a sorted set of entries by the sessions' expiry.
pub(crate) fn list_of(owner: &Owner) -> String {
    format!("okibi:owner:{}", owner.as_str())
}

/// An entry says which session, and with which bytes it was this owner's.
pub(crate) fn entry(key: &str, bytes: &[u8]) -> String {
    let mut entry = String::with_capacity(2 * DIGEST + 1 + key.len());
    for byte in Sha256::digest(bytes).iter().take(DIGEST) {
        // Writing to a string does not fail.
        let _ = write!(entry, "{byte:02x}");
    }
    entry.push(':');
    entry.push_str(key);
    entry
}

/// The session that an entry names; `None` if it is not an entry.
pub(crate) fn key_in(entry: &str) -> Option<StoreKey> {
    let (digest, rest) = entry.split_at_checked(2 * DIGEST)?;
    let is_digest = digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_digest.then(|| rest.strip_prefix(':')).flatten().map(StoreKey::new)
}
