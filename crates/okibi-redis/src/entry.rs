//! The entries of an owner's list, and its key. The TypeScript store has the same format.

use std::fmt::Write as _;

use okibi_store::{Owner, StoreKey};
use sha2::{Digest as _, Sha256};

/// Bytes of the record's SHA-256 in an entry, written as twice as many hexadecimal digits.
const DIGEST: usize = 16;

/// The key of an owner's list: a sorted set, with the sessions' expiry as scores.
pub(crate) fn list_of(owner: &Owner) -> String {
    format!("okibi:owner:{}", owner.as_str())
}

/// The key that stores a session's owner, for the moment when the session is deleted. It has the
/// same hash tag as the record, so that a cluster stores both in one slot. `None` if no such key
/// exists.
pub(crate) fn owner_of(key: &str) -> Option<String> {
    match key.split_once('{') {
        // The key has a hash tag itself.
        Some((_, rest)) => rest.find('}').filter(|at| *at > 0).map(|_| format!("okibi:owned:{key}")),
        None if key.contains('}') => None,
        None => Some(format!("okibi:owned:{{{key}}}")),
    }
}

/// An entry names a session and the bytes with which it belonged to this owner.
pub(crate) fn entry(key: &str, bytes: &[u8]) -> String {
    let mut entry = String::with_capacity(2 * DIGEST + 1 + key.len());
    for byte in Sha256::digest(bytes).iter().take(DIGEST) {
        // Writing to a `String` does not fail.
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

#[cfg(test)]
mod tests {
    use super::owner_of;

    #[test]
    fn the_owner_of_a_session_is_stored_in_the_slot_of_the_session() {
        let found = ["session:a", "{app}:a", "a{b}{c}", "a}", "{}a", "a{", "a{}b{c}"].map(owner_of);
        let wanted = [
            Some("okibi:owned:{session:a}"),
            Some("okibi:owned:{app}:a"),
            Some("okibi:owned:a{b}{c}"),
            None,
            None,
            None,
            None,
        ];
        assert_eq!(found, wanted.map(|key| key.map(str::to_owned)));
    }
}
