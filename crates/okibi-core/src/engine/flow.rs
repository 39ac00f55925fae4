//! The plain data of one request's session, and what passes between it and the face that keeps it.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, mem};

use bytes::Bytes;

use super::{close::Plan, rival::Rival, rotate::Fresh};
use crate::{
    error::Event,
    exchange::{Loaded, Swap, Write},
    id::{Id, StoreKey},
    random::{RANDOM_BYTES, Random, SEAL_RANDOM},
    record::{Entry, Record},
    session::Patch,
    state::{State, fields, variants},
    text::Text,
    time::Timestamp,
};

/// One request's session between two calls of the engine. The face keeps it and hands it back; it means nothing to others.
#[derive(Clone, Default)]
pub struct Flow {
    /// The id in the cookie, where the cookie has one.
    pub(super) presented: Option<Id>,
    /// The other cookie of the same name: to be looked up as well, and to be ended by a logout.
    pub(super) rival: Option<Rival>,
    /// What the first of the two turned out to be, while the other is looked up.
    pub(super) first: Option<Box<Base>>,
    /// It was decided which of the two counts.
    pub(super) is_decided: bool,
    /// A cookie's name came twice, and no answer to that was written yet.
    pub(super) is_doubled: bool,
    /// The host that the request asked, where a dialect tells hosts apart.
    pub(super) host: Option<Text>,
    /// Which of the cookie's names the request had, as bits: the name itself, then its chunks.
    pub(super) names_seen: u8,
    /// Which accepted dialects' cookies it had, as bits.
    pub(super) accepted_seen: u8,
    /// The sessions that those cookies name.
    pub(super) accepted: Vec<Elsewhere>,
    /// The session that counts came with the first of them.
    pub(super) is_accepted: bool,
    pub(super) base: Base,
    pub(super) basis: u32,
    /// When the request began, where that is known: what was live then is live for it.
    pub(super) began: Timestamp,
    /// Where a note says that the sealed session of the cookie has ended.
    pub(super) noted: Option<StoreKey>,
    pub(super) set_cookies: Vec<String>,
    pub(super) taken: Option<Text>,
    pub(super) activity: Activity,
    pub(super) events: Vec<Event>,
    pub(super) looking: Option<Looking>,
    pub(super) work: Option<Box<Work>>,
}

/// A session of an accepted dialect: where it lies, and until when at most.
#[derive(Clone)]
pub(super) struct Elsewhere {
    pub(super) entry: u8,
    pub(super) key: StoreKey,
    pub(super) until: Timestamp,
}

/// A load by itself, the most frequent task: the id that is being looked up, and how many markers led to it.
#[derive(Clone)]
pub(super) struct Looking {
    pub(super) id: Id,
    pub(super) key: Option<StoreKey>,
    pub(super) hops: u8,
    /// It is looked up where an accepted dialect keeps it.
    pub(super) is_elsewhere: bool,
    /// It has expired, and its dialect's stores do not clear up by themselves.
    pub(super) is_leftover: bool,
}

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
    Barred,
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
    /// It was reached through a renewal's marker, so the new cookie is sent again and it is not renewed again.
    pub(super) followed: bool,
    /// It comes from an accepted dialect and is still to be written down in this one.
    pub(super) adopted: bool,
}

impl Live {
    /// What must lie where the session lies, for a swap of it.
    pub(super) fn witness(&self) -> Option<Bytes> {
        (!self.adopted).then(|| self.bytes.clone())
    }
}

fields!(Flow {
    presented, rival, first, is_decided, is_doubled, host, names_seen, accepted_seen, accepted, is_accepted, base, basis, began, noted, set_cookies, taken, activity, looking, work;
    events
});
fields!(Elsewhere { entry, key, until });
fields!(Looking { id, hops, is_elsewhere, is_leftover; key });
variants!(Base { 0 => Unread, 1 => Absent, 2 => Barred, 3 => Live(live), 4 => Unchecked(live) });
fields!(Live { id, bytes, record, followed, adopted; key });
fields!(Activity { loads, swaps, deletes });
fields!(Work { task, stage, hops, write, uncertain, fresh, over, is_checked, has_ended });
variants!(Task { 0 => Commit(plan), 1 => Take(name), 2 => End });
variants!(Stage {
    0 => Settled,
    1 => Loading(id),
    2 => LoadingAccepted(id),
    3 => Creating { id, record },
    4 => Writing { record, renewed },
    5 => Taking { record, value },
    6 => RotateCreating(fresh),
    7 => RotateRewriting(fresh),
    8 => RotateMarking,
    9 => RotateClearing { dead },
    10 => RotateUndoing { session_gone },
    11 => Recomputing { token, input },
    12 => EndLoading { key, hops },
    13 => EndMarking { key, expected, hops },
    14 => EndDeleting,
    15 => EndForgetting,
    16 => Checking,
    17 => Revoking { record, cookies },
    18 => Adopting { record, cookies },
});

/// How often the store was asked in this request, for those who like to see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Loads asked for.
    pub loads: u32,
    /// Swaps asked for.
    pub swaps: u32,
    /// Deletes asked for.
    pub deletes: u32,
}

/// A task under way.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) task: Task,
    pub(super) stage: Stage,
    /// How many renewal markers were followed.
    pub(super) hops: u8,
    /// The bytes of the swap that was asked for: if they lie there afterwards, it happened.
    pub(super) write: Option<Write>,
    /// The last swap's answer was lost and it was asked for again.
    pub(super) uncertain: bool,
    /// A rotation's own new record, once it lies in the store.
    pub(super) fresh: Option<Fresh>,
    /// What lies under an id that the app chose, to be written over.
    pub(super) over: Option<Bytes>,
    /// The session was looked at again in this task, and had not ended.
    pub(super) is_checked: bool,
    /// The session that was there was ended by this task.
    pub(super) has_ended: bool,
}

/// What the face asked for.
#[derive(Clone)]
pub(super) enum Task {
    Commit(Plan),
    Take(Text),
    End,
}

/// Which step was asked for last, and what is needed to understand its answer.
#[derive(Clone)]
pub(super) enum Stage {
    /// Nothing is outstanding.
    Settled,
    /// Loading the record of this id.
    Loading(Id),
    /// Loading the record of this id where an accepted dialect keeps it.
    LoadingAccepted(Id),
    /// Putting a new record under a new id.
    Creating { id: Id, record: Record },
    /// Putting the changed record where the old one lies. `renewed`: its lifetime moved, so the cookie is sent again.
    Writing { record: Record, renewed: bool },
    /// Putting the record without the taken value, kept here, where the old one lies.
    Taking { record: Record, value: Text },
    /// A rotation's first step: the new record under a new id.
    RotateCreating(Fresh),
    /// The parallel change replayed: the own new record is written again.
    RotateRewriting(Fresh),
    /// A rotation's last step: the old record becomes a marker.
    RotateMarking,
    /// An older dialect has no markers: the old record is deleted. `dead`: nobody takes it for a session any more.
    RotateClearing { dead: bool },
    /// The rotation was lost: its new record becomes a marker. Then the rest of the changes, or nothing, is done.
    RotateUndoing { session_gone: bool },
    /// A function is asked again.
    Recomputing { token: u32, input: Option<Text> },
    /// Looking at what is to be ended.
    EndLoading { key: StoreKey, hops: u8 },
    /// Turning it into a marker, so that no rotation can escape.
    EndMarking { key: StoreKey, expected: Option<Bytes>, hops: u8 },
    /// An older dialect has no markers: removing it.
    EndDeleting,
    /// Removing it where an accepted dialect keeps it.
    EndForgetting,
    /// Looking whether a sealed session has ended.
    Checking,
    /// Noting the end of a sealed session that goes on under another handle.
    Revoking { record: Record, cookies: Vec<String> },
    /// A session that is taken over into a sealed cookie: it is deleted where the accepted dialect keeps it, or a kept copy
    /// of its old cookie would open it after a logout.
    Adopting { record: Record, cookies: Vec<String> },
}

/// What the face is to do next.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Load this key; answer with [`Answer::Loaded`].
    Load(StoreKey),
    /// Load this key from the store of an accepted dialect; answer with [`Answer::Loaded`].
    LoadAccepted {
        /// Which of the configuration's accepted dialects.
        entry: usize,
        /// Where.
        key: StoreKey,
    },
    /// Delete this key from the store of an accepted dialect; answer with [`Answer::Deleted`].
    DeleteAccepted {
        /// Which of the configuration's accepted dialects.
        entry: usize,
        /// Where.
        key: StoreKey,
    },
    /// Compare and swap; answer with [`Answer::Swapped`].
    Swap {
        /// Where.
        key: StoreKey,
        /// What must lie there.
        expected: Option<Bytes>,
        /// What to put there.
        write: Write,
    },
    /// Delete this key; answer with [`Answer::Deleted`].
    Delete(StoreKey),
    /// Run an update's function again; answer with [`Answer::Recomputed`].
    Recompute {
        /// The token that the face gave the update.
        token: u32,
        /// What it reads now: the JSON of the name's value, or of the whole data.
        current: Option<Text>,
    },
    /// Nothing: the task is done.
    Done,
}

/// What came of a [`Step`].
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// What lay under the key.
    Loaded(Option<Loaded>),
    /// Whether the swap was made.
    Swapped(Swap),
    /// The key is gone.
    Deleted,
    /// What the function made this time.
    Recomputed(Patch),
    /// The store failed.
    Failed(Fault),
}

/// How a store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was written.
    NotDone,
    /// The answer is lost: it may or may not have been written.
    Unknown,
}

impl Flow {
    /// The flow as bytes, for a binding that cannot keep it itself. Its events are not part of them: take those first.
    ///
    /// Whoever has the bytes has the session: they stay where the request is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.live().map_or(0, |live| 3 * live.bytes.len());
        let mut bytes = Vec::with_capacity(256 + size);
        self.put(&mut bytes);
        bytes
    }

    /// A flow from its bytes. `None` for anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        Self::get(&mut bytes).filter(|_| bytes.is_empty())
    }

    /// A live session's record as last seen, without this request's uncommitted changes.
    pub fn record(&self) -> Option<&Record> {
        match &self.base {
            Base::Live(live) => Some(&live.record),
            _ => None,
        }
    }

    /// The named values as last seen, without this request's uncommitted changes.
    pub fn entries(&self) -> &[Entry] {
        self.record().map(|record| record.entries.as_slice()).unwrap_or_default()
    }

    /// Whether there is an id that nobody has looked up yet, or a sealed session that may have ended.
    pub const fn is_unread(&self) -> bool {
        matches!(self.base, Base::Unread | Base::Unchecked(_))
    }

    /// Counts how often what is known of the session was replaced by something that the handler has not seen.
    pub const fn basis(&self) -> u32 {
        self.basis
    }

    /// The Set-Cookie headers of what was committed so far.
    pub fn set_cookies(&self) -> &[String] {
        &self.set_cookies
    }

    /// What the last `take` took out.
    pub fn taken(&mut self) -> Option<Text> {
        self.taken.take()
    }

    /// How often the store was asked.
    pub const fn activity(&self) -> Activity {
        self.activity
    }

    /// What an operator may want to know, since last asked.
    pub fn take_events(&mut self) -> Vec<Event> {
        mem::take(&mut self.events)
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref().map(Text::as_str)
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.base {
            Base::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The time by which it is decided whether a session is live.
    pub(super) fn judged_at(&self, now: Timestamp) -> Timestamp {
        if self.began == Timestamp::default() { now } else { self.began.min(now) }
    }

    pub(super) fn count(&mut self, step: &Step) {
        match step {
            Step::Load(_) | Step::LoadAccepted { .. } => self.activity.loads += 1,
            Step::Swap { .. } => self.activity.swaps += 1,
            Step::Delete(_) | Step::DeleteAccepted { .. } => self.activity.deletes += 1,
            Step::Recompute { .. } | Step::Done => {}
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Another request changed the session: what the handler saw is no longer what is there.
    pub(super) fn replace(&mut self, base: Base) {
        self.base = base;
        self.basis = self.basis.wrapping_add(1);
    }
}

impl Work {
    pub(super) fn new(task: Task) -> Box<Self> {
        Box::new(Self {
            task,
            stage: Stage::Settled,
            hops: 0,
            write: None,
            uncertain: false,
            fresh: None,
            over: None,
            is_checked: false,
            has_ended: false,
        })
    }
}

impl Random {
    /// Whether what is left is enough for the call that takes in this answer. If not, that call gets new ones.
    ///
    /// After a swap that was made, there is a marker to write, which takes 32 bytes, or a cookie to seal, which takes 80.
    /// Anything else may take them all.
    pub fn suffices_for(&self, answer: &Answer) -> bool {
        let needed = if *answer == Answer::Swapped(Swap::Done) { SEAL_RANDOM } else { RANDOM_BYTES };
        self.left() >= needed
    }
}

/// Never what a session holds, nor its cookie (S7).
impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = match self.base {
            Base::Unread | Base::Unchecked(_) => "unread",
            Base::Absent => "absent",
            Base::Barred => "barred",
            Base::Live(_) => "live",
        };
        f.debug_struct("Flow").field("session", &base).field("activity", &self.activity).finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(_) => f.write_str("Load"),
            Self::LoadAccepted { entry, .. } => write!(f, "LoadAccepted({entry})"),
            Self::Swap { expected, write, .. } => {
                write!(f, "Swap({:?} bytes, {write:?})", expected.as_ref().map(Bytes::len))
            }
            Self::Delete(_) => f.write_str("Delete"),
            Self::DeleteAccepted { entry, .. } => write!(f, "DeleteAccepted({entry})"),
            Self::Recompute { token, .. } => write!(f, "Recompute({token})"),
            Self::Done => f.write_str("Done"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(loaded) => {
                write!(f, "Loaded({:?} bytes)", loaded.as_ref().map(|loaded| loaded.bytes.len()))
            }
            Self::Swapped(swap) => write!(f, "Swapped({swap:?})"),
            Self::Deleted => f.write_str("Deleted"),
            Self::Recomputed(patch) => write!(f, "Recomputed({} names)", patch.len()),
            Self::Failed(fault) => write!(f, "Failed({fault:?})"),
        }
    }
}
