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

/// The key that says whose a session is: only there is it known when the session ends. A cluster keeps it where the record is,
/// as what lies between braces is all that counts there. `None` if no such key can be named.
pub(crate) fn owner_of(key: &str) -> Option<String> {
    match key.split_once('{') {
        // The key has such a part itself.
        Some((_, rest)) => rest.find('}').filter(|at| *at > 0).map(|_| format!("okibi:owned:{key}")),
        None if key.contains('}') => None,
        None => Some(format!("okibi:owned:{{{key}}}")),
    }
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

#[cfg(test)]
mod tests {
    use super::owner_of;

    #[test]
    fn whose_a_session_is_lies_in_the_slot_of_the_session() {
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
