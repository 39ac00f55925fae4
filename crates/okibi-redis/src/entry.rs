//! The entries of an owner's list, the notes beside the records, and the keys of both. The
//! TypeScript store has the same format.

use std::fmt::Write as _;

use okibi_store::{Owner, StoreKey};
use sha2::{Digest as _, Sha256};

/// Bytes of the record's SHA-256 in an entry, written as twice as many hexadecimal digits.
const DIGEST: usize = 16;

/// The key of an owner's list: a sorted set, with the sessions' expiry as scores.
pub(crate) fn list_of(owner: &str) -> String {
    format!("okibi:owner:{owner}")
}

/// Whether a note can be stored beside a record: a key that has the same hash tag, so that a cluster
/// stores both in one slot and one script writes both.
pub(crate) fn has_note(key: &str) -> bool {
    match key.split_once('{') {
        // The key has a hash tag itself.
        Some((_, rest)) => rest.find('}').is_some_and(|at| at > 0),
        None => !key.contains('}'),
    }
}

/// The key of the note that names the owner of a session.
pub(crate) fn note_of(key: &str) -> Option<String> {
    has_note(key)
        .then(|| if key.contains('{') { format!("okibi:owned:{key}") } else { format!("okibi:owned:{{{key}}}") })
}

/// The digest of the record with which a session is put on its owner's list.
fn digest(bytes: &[u8]) -> String {
    let mut digest = String::with_capacity(2 * DIGEST);
    for byte in Sha256::digest(bytes).iter().take(DIGEST) {
        // Writing to a `String` does not fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// An entry, if `rest` is the session's key. A note, if it is the owner.
pub(crate) fn marked(digest: &str, rest: &str) -> String {
    format!("{digest}:{rest}")
}

/// The digest in an entry or a note, and the rest of it. `None` if it is neither.
pub(crate) fn parts_of(text: &str) -> Option<(&str, &str)> {
    let (digest, rest) = text.split_at_checked(2 * DIGEST)?;
    let is_digest = digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_digest.then(|| rest.strip_prefix(':')).flatten().map(|rest| (digest, rest))
}

/// The session that an entry names; `None` if it is not an entry.
pub(crate) fn key_in(entry: &str) -> Option<StoreKey> {
    parts_of(entry).map(|(_, key)| StoreKey::new(key))
}

/// What a write adds that puts a session on its owner's list.
pub(crate) struct Listing {
    /// The key of the list.
    pub(crate) list: String,
    pub(crate) entry: String,
    pub(crate) note: String,
}

impl Listing {
    pub(crate) fn of(key: &str, bytes: &[u8], owner: &Owner) -> Self {
        // Without a note no later write knows this entry, so all writes of the key have the same one.
        let digest = digest(if has_note(key) { bytes } else { key.as_bytes() });
        let owner = owner.as_str();
        Self { list: list_of(owner), entry: marked(&digest, key), note: marked(&digest, owner) }
    }
}

#[cfg(test)]
mod tests {
    use super::note_of;

    #[test]
    fn the_owner_of_a_session_is_stored_in_the_slot_of_the_session() {
        let found = ["session:a", "{app}:a", "a{b}{c}", "a}", "{}a", "a{", "a{}b{c}"].map(note_of);
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
