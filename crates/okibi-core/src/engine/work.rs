//! A task under way: what the face asked for, and which step it was asked to take last.

use alloc::{boxed::Box, string::String, vec::Vec};

use bytes::Bytes;

use super::plan::{Plan, Rotation};
use crate::{
    codec::{fields, variants},
    contract::Write,
    id::{Id, StoreKey},
    record::Record,
    text::Text,
};

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
    pub(super) new_record: Option<NewRecord>,
    /// What lies under an id that the app chose, to be written over.
    pub(super) replaced: Option<Bytes>,
    /// The session was looked at again in this task, and had not ended.
    pub(super) is_rechecked: bool,
    /// The session that was there was ended by this task.
    pub(super) has_destroyed: bool,
}

/// What the face asked for.
#[derive(Clone)]
pub(super) enum Task {
    Commit(Plan),
    Take(Text),
    Revoke,
}

/// Which step was asked for last, and what is needed to understand its answer.
#[derive(Clone)]
pub(super) enum Stage {
    /// Nothing is outstanding.
    Ready,
    /// Loading the record of this id.
    Loading(Id),
    /// Loading the record of this id where an accepted dialect keeps it.
    LoadingAccepted(Id),
    /// Putting a new record under a new id.
    Creating { id: Id, record: Record },
    /// Putting the changed record where the old one lies. `renewed`: its lifetime moved, so the cookie is sent again.
    Writing { record: Record, sends_cookie: bool },
    /// Putting the record without the taken value, kept here, where the old one lies.
    Taking { record: Record, value: Text },
    /// A rotation's first step: the new record under a new id.
    RotateCreating(NewRecord),
    /// The parallel change replayed: the own new record is written again.
    RotateRewriting(NewRecord),
    /// A rotation's last step: the old record becomes a marker.
    RotateMarking,
    /// An older dialect has no markers: the old record is deleted. `dead`: nobody takes it for a session any more.
    RotateDeleting { dead: bool },
    /// The rotation was lost: its new record becomes a marker. Then the rest of the changes, or nothing, is done.
    RotateUndoing { session_gone: bool },
    /// A function is asked again.
    Recomputing { token: u32, input: Option<Text> },
    /// PendingLoad at what is to be ended.
    DestroyLoading { key: StoreKey, hops: u8 },
    /// Turning it into a marker, so that no rotation can escape.
    DestroyMarking { key: StoreKey, expected: Option<Bytes>, hops: u8 },
    /// An older dialect has no markers: removing it.
    DestroyDeleting,
    /// Removing it where an accepted dialect keeps it.
    DestroyDeletingAccepted,
    /// PendingLoad whether a sealed session has ended.
    CheckingRevocation,
    /// Noting the end of a sealed session that goes on under another handle.
    Revoking { record: Record, cookies: Vec<String> },
    /// A session that is taken over into a sealed cookie: it is deleted where the accepted dialect keeps it, or a kept copy
    /// of its old cookie would open it after a logout.
    Adopting { record: Record, cookies: Vec<String> },
}

/// A rotation's own new record.
#[derive(Clone)]
pub(super) struct NewRecord {
    pub(super) id: Id,
    pub(super) record: Record,
    /// Its bytes, as they lie in the store.
    pub(super) bytes: Bytes,
    pub(super) rotation: Rotation,
}

fields!(NewRecord { id, record, bytes, rotation });

/// A load by itself, the most frequent task: the id that is being looked up, and how many markers led to it.
#[derive(Clone)]
pub(super) struct PendingLoad {
    pub(super) id: Id,
    pub(super) key: Option<StoreKey>,
    pub(super) hops: u8,
    /// It is looked up where an accepted dialect keeps it.
    pub(super) is_accepted: bool,
    /// It has expired, and its dialect's stores do not clear up by themselves.
    pub(super) is_cleanup: bool,
}

fields!(Work { task, stage, hops, write, uncertain, new_record, replaced, is_rechecked, has_destroyed });
variants!(Task { 0 => Commit(plan), 1 => Take(name), 2 => Revoke });
variants!(Stage {
    0 => Ready,
    1 => Loading(id),
    2 => LoadingAccepted(id),
    3 => Creating { id, record },
    4 => Writing { record, sends_cookie },
    5 => Taking { record, value },
    6 => RotateCreating(new_record),
    7 => RotateRewriting(new_record),
    8 => RotateMarking,
    9 => RotateDeleting { dead },
    10 => RotateUndoing { session_gone },
    11 => Recomputing { token, input },
    12 => DestroyLoading { key, hops },
    13 => DestroyMarking { key, expected, hops },
    14 => DestroyDeleting,
    15 => DestroyDeletingAccepted,
    16 => CheckingRevocation,
    17 => Revoking { record, cookies },
    18 => Adopting { record, cookies },
});
fields!(PendingLoad { id, hops, is_accepted, is_cleanup; key });

impl Work {
    /// Whether a write was asked for of which nobody knows whether it was made.
    pub(super) fn may_have_written(&self) -> bool {
        let reads = matches!(
            self.stage,
            Stage::Ready
                | Stage::Loading(_)
                | Stage::LoadingAccepted(_)
                | Stage::DestroyLoading { .. }
                | Stage::CheckingRevocation
                | Stage::Recomputing { .. }
        );
        !reads
    }

    pub(super) fn new(task: Task) -> Box<Self> {
        Box::new(Self {
            task,
            stage: Stage::Ready,
            hops: 0,
            write: None,
            uncertain: false,
            new_record: None,
            replaced: None,
            is_rechecked: false,
            has_destroyed: false,
        })
    }
}
