//! What is known about a session between two tasks. Plain data.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::{
    codec::{fields, variants},
    id::{Id, StoreKey},
    record::Record,
    time::Timestamp,
};

/// What is known about the stored session.
#[derive(Clone, Default)]
pub(super) enum Base {
    /// The cookie has an id that is not loaded yet.
    Unread,
    /// The cookie has a sealed session. Whether it is revoked is not checked yet.
    Unchecked(Box<Live>),
    /// There is no session.
    #[default]
    Absent,
    /// The session was rotated, or it ended during this request. The request is anonymous and sends
    /// no cookie, unless it rotates.
    Blocked,
    /// A live session.
    Live(Box<Live>),
}

/// A live session, as of the last load or write.
#[derive(Clone)]
pub(super) struct Live {
    /// The id. A sealed session has none.
    pub(super) id: Option<Id>,
    /// The store key, if it is computed already.
    pub(super) key: Option<StoreKey>,
    /// The stored bytes: the witness of the next swap.
    pub(super) bytes: Bytes,
    pub(super) record: Record,
    /// The session was found through the marker of a renewed id. The new cookie is sent again, and
    /// the id is not renewed again.
    pub(super) followed: bool,
    /// The session comes from an accepted dialect and is not yet written in this dialect.
    pub(super) adopted: bool,
}

impl Live {
    /// A session as it is stored under an id. A sealed session has no id and no stored bytes.
    pub(super) fn stored(id: Option<Id>, bytes: Bytes, record: Record) -> Self {
        Self { id, key: None, bytes, record, followed: false, adopted: false }
    }

    /// Keeps the store key and `followed` of the session before, if it has the same id.
    pub(super) fn keep_key_of(&mut self, before: Option<&Self>) {
        if let Some(before) = before.filter(|before| before.id == self.id) {
            (self.followed, self.key) = (before.followed, before.key.clone());
        }
    }

    /// The bytes that a swap of this session expects. An adopted session expects no bytes.
    pub(super) fn witness(&self) -> Option<Bytes> {
        (!self.adopted).then(|| self.bytes.clone())
    }
}

/// The state of a request that has two cookies of one name (`duplicate.rs`).
#[derive(Clone, Default)]
pub(super) struct Duplicates {
    /// The other cookie. It is looked up too, and a logout destroys its session too.
    pub(super) other: Option<OtherCookie>,
    /// The result for the first cookie, while the other one is looked up.
    pub(super) first: Option<Box<Base>>,
    /// Which of the two cookies counts is decided.
    pub(super) is_decided: bool,
    /// The request has two cookies of one name, and no cookie was sent since.
    pub(super) is_duplicated: bool,
}

fields!(Duplicates { other, first, is_decided, is_duplicated });

/// The other cookie of a request that has two.
#[derive(Clone)]
pub(super) enum OtherCookie {
    /// A stored session.
    Id(Id),
    /// A sealed session that may be revoked.
    Sealed(Box<Live>),
}

variants!(OtherCookie { 0 => Id(id), 1 => Sealed(live) });

/// Where an accepted dialect stores a session, and until when it can be adopted.
#[derive(Clone)]
pub(super) struct AcceptedKey {
    pub(super) entry: u8,
    pub(super) key: StoreKey,
    pub(super) until: Timestamp,
}

variants!(Base { 0 => Unread, 1 => Absent, 2 => Blocked, 3 => Live(live), 4 => Unchecked(live) });
fields!(Live { id, bytes, record, followed, adopted; key });
fields!(AcceptedKey { entry, key, until });
