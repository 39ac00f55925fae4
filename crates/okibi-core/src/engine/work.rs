//! A task in progress: what the face requested, and which step the engine requested last.

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

/// A task in progress.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) task: Task,
    pub(super) stage: Stage,
    /// The number of markers of renewed ids that were followed.
    pub(super) hops: u8,
    /// The write of the last swap. If its bytes are stored afterwards, the swap was made.
    pub(super) write: Option<Write>,
    /// The reply to the last swap was lost, and the swap was requested again.
    pub(super) uncertain: bool,
    /// The new record of a rotation, after it is stored.
    pub(super) new_record: Option<NewRecord>,
    /// The bytes that are stored under an id that the app chose. They are overwritten.
    pub(super) replaced: Option<Bytes>,
    /// This task has checked again that the session is live.
    pub(super) is_rechecked: bool,
    /// This task has destroyed the session.
    pub(super) has_destroyed: bool,
}

/// What the face requested.
#[derive(Clone)]
pub(super) enum Task {
    Commit(Plan),
    Take(Text),
    Revoke,
}

/// The last requested step, with the data that its answer needs.
#[derive(Clone)]
pub(super) enum Stage {
    /// No step is outstanding.
    Ready,
    /// Loads the record of this id.
    Loading(Id),
    /// Loads the record of this id from the store of an accepted dialect.
    LoadingAccepted(Id),
    /// Writes a new record under a new id.
    Creating { id: Id, record: Record },
    /// Replaces the record with the changed one. `sends_cookie`: its cookie is sent, for example
    /// because its lifetime changed.
    Writing { record: Record, sends_cookie: bool },
    /// Replaces the record with one without the taken value. `value` is the taken value.
    Taking { record: Record, value: Text },
    /// First step of a rotation: writes the new record under a new id.
    RotateCreating(NewRecord),
    /// After a conflict: writes the new record again, with the changes of both requests.
    RotateRewriting(NewRecord),
    /// Last step of a rotation: replaces the old record with a marker.
    RotateMarking,
    /// In a dialect without markers: deletes the old record. `dead`: the old record is already
    /// replaced with one that is no session.
    RotateDeleting { dead: bool },
    /// The rotation lost, or failed half-way: replaces its new record with a marker.
    RotateUndoing(AfterUndo),
    /// Runs the function of an update again.
    Recomputing { token: u32, input: Option<Text> },
    /// Loads the session to destroy.
    DestroyLoading { key: StoreKey, hops: u8 },
    /// Replaces the session with a marker, so that a parallel rotation cannot continue it.
    DestroyMarking { key: StoreKey, expected: Option<Bytes>, hops: u8 },
    /// In a dialect without markers: deletes the record.
    DestroyDeleting,
    /// Deletes the record from the store of an accepted dialect.
    DestroyDeletingAccepted,
    /// Checks for the revocation of a sealed session.
    CheckingRevocation,
    /// Writes the revocation of a sealed session's old handle. The session continues under another
    /// handle.
    WritingRevocation { record: Record, cookies: Vec<String> },
    /// Adopts a stored session into a sealed cookie: deletes the old record. Otherwise a copy of
    /// the old cookie would open it after a logout.
    Adopting { record: Record, cookies: Vec<String> },
}

/// What follows when the new record of a rotation is undone.
#[derive(Clone, Copy)]
pub(super) enum AfterUndo {
    /// The task continues.
    Proceed,
    /// The session has ended.
    SessionEnded,
    /// The task fails: the store failed before the old record was replaced.
    Fail,
}

/// The new record of a rotation.
#[derive(Clone)]
pub(super) struct NewRecord {
    pub(super) id: Id,
    pub(super) record: Record,
    /// The stored bytes.
    pub(super) bytes: Bytes,
    pub(super) rotation: Rotation,
}

fields!(NewRecord { id, record, bytes, rotation });

/// A load that is not part of another task, the most frequent case. It holds the id that is looked
/// up, and the number of markers that were followed.
#[derive(Clone)]
pub(super) struct PendingLoad {
    pub(super) id: Id,
    pub(super) key: Option<StoreKey>,
    pub(super) hops: u8,
    /// The load uses the store of an accepted dialect.
    pub(super) is_accepted: bool,
    /// The record has expired, and the dialect's stores do not delete expired records. The step
    /// deletes it.
    pub(super) is_cleanup: bool,
}

fields!(Work { task, stage, hops, write, uncertain, new_record, replaced, is_rechecked, has_destroyed });
variants!(AfterUndo { 0 => Proceed, 1 => SessionEnded, 2 => Fail });
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
    10 => RotateUndoing(after),
    11 => Recomputing { token, input },
    12 => DestroyLoading { key, hops },
    13 => DestroyMarking { key, expected, hops },
    14 => DestroyDeleting,
    15 => DestroyDeletingAccepted,
    16 => CheckingRevocation,
    17 => WritingRevocation { record, cookies },
    18 => Adopting { record, cookies },
});
fields!(PendingLoad { id, hops, is_accepted, is_cleanup; key });

impl Work {
    /// Whether a requested write has an unknown outcome.
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
