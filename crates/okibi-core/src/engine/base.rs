//! What is known of a session between two tasks: plain data.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::{
    codec::{fields, variants},
    id::{Id, StoreKey},
    record::Record,
    time::Timestamp,
};

/// What is known of the stored session.
#[derive(Clone, Default)]
pub(super) enum Base {
    /// There is an id, and nobody has looked yet.
    Unread,
    /// There is a sealed session, and nobody has looked yet whether it has ended.
    Unchecked(Box<Live>),
    /// There is no session.
    #[default]
    Absent,
    /// The session was rotated away, or ended under this request: anonymous, and no cookie unless this request rotates.
    Blocked,
    /// A live session.
    Live(Box<Live>),
}

/// A live session as it was last seen.
#[derive(Clone)]
pub(super) struct Live {
    /// Its id; a sealed session has none.
    pub(super) id: Option<Id>,
    /// Where it lies, as far as that was worked out already.
    pub(super) key: Option<StoreKey>,
    /// The bytes that lie in the store: the witness of the next swap.
    pub(super) bytes: Bytes,
    pub(super) record: Record,
    /// A renewal's marker leads to it, which an earlier request or this one made, so the new cookie is sent again and it is not
    /// renewed again.
    pub(super) followed: bool,
    /// It comes from an accepted dialect and is still to be written down in this one.
    pub(super) adopted: bool,
}

impl Live {
    /// What is stored under an id. A sealed session has neither an id nor bytes of a store.
    pub(super) fn stored(id: Option<Id>, bytes: Bytes, record: Record) -> Self {
        Self { id, key: None, bytes, record, followed: false, adopted: false }
    }

    /// Where the session is stored and how it was found stay known while its id is the same.
    pub(super) fn keep_key_of(&mut self, before: Option<&Self>) {
        if let Some(before) = before.filter(|before| before.id == self.id) {
            (self.followed, self.key) = (before.followed, before.key.clone());
        }
    }

    /// What must lie where the session lies, for a swap of it.
    pub(super) fn witness(&self) -> Option<Bytes> {
        (!self.adopted).then(|| self.bytes.clone())
    }
}

/// What is known of a request's two cookies of one name, if it has two (`rival.rs`).
#[derive(Clone, Default)]
pub(super) struct Duplicates {
    /// The other one: to be looked up as well, and to be ended by a logout.
    pub(super) other: Option<OtherCookie>,
    /// What the first of the two turned out to be, while the other is looked up.
    pub(super) first: Option<Box<Base>>,
    /// It was decided which of the two counts.
    pub(super) is_decided: bool,
    /// A cookie's name came twice, and no answer to that was written yet.
    pub(super) is_duplicated: bool,
}

fields!(Duplicates { other, first, is_decided, is_duplicated });

/// The other cookie of a request that has two.
#[derive(Clone)]
pub(super) enum OtherCookie {
    /// A session in the store.
    Id(Id),
    /// A sealed session that may have ended.
    Sealed(Box<Live>),
}

variants!(OtherCookie { 0 => Id(id), 1 => Sealed(live) });

/// A session of an accepted dialect: where it lies, and until when at most.
#[derive(Clone)]
pub(super) struct AcceptedKey {
    pub(super) entry: u8,
    pub(super) key: StoreKey,
    pub(super) until: Timestamp,
}

variants!(Base { 0 => Unread, 1 => Absent, 2 => Blocked, 3 => Live(live), 4 => Unchecked(live) });
fields!(Live { id, bytes, record, followed, adopted; key });
fields!(AcceptedKey { entry, key, until });
