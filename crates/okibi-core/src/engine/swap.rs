//! Swap: one compare-and-swap and its lost reply, for every task that writes.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    flow::Flow,
    step::{Answer, Fault, Step},
    work::{Stage, Work},
};
use crate::{
    contract::{Loaded, Swap, Write},
    error::{Event, Refusal},
    session::Patch,
};

/// The meaning of an answer, for the task that requested the step.
pub(super) enum Resolved {
    /// The stored value, if there is one.
    Loaded(Option<Loaded>),
    /// The swap was made. These bytes are stored.
    Written(Bytes),
    /// Other bytes are stored, and nothing was written.
    Conflict(Option<Bytes>),
    /// The key is deleted.
    Deleted,
    /// The new result of an update's function.
    Recomputed(Patch),
    /// The store failed. The step was not a swap, or the task does not depend on it.
    Failed(Fault),
}

impl Engine {
    /// Starts the swap of this stage.
    pub(super) fn start_swap(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        stage: Stage,
        write: Write,
    ) -> Result<Step, Refusal> {
        work.stage = stage;
        work.write = Some(write);
        work.uncertain = false;
        let step = self.swap_step(flow, &work).ok_or(Refusal::OutOfOrder)?;
        flow.work = Some(work);
        Ok(step)
    }

    /// The swap of a stage.
    fn swap_step(&self, flow: &Flow, work: &Work) -> Option<Step> {
        let key = |id| self.key(flow.host.as_ref(), id);
        let (key, expected) = match &work.stage {
            Stage::Creating { id, .. } => (key(id), work.replaced.clone()),
            Stage::RotateCreating(new_record) => (key(&new_record.id), work.replaced.clone()),
            Stage::RotateRewriting(new_record) => (key(&new_record.id), Some(work.new_record.as_ref()?.bytes.clone())),
            Stage::Writing { .. } | Stage::Taking { .. } | Stage::RotateMarking => {
                let live = flow.live()?;
                let known = live.key.clone();
                (known.or_else(|| live.id.as_ref().map(key))?, live.witness())
            }
            Stage::DestroyMarking { key, expected, .. } => (key.clone(), expected.clone()),
            Stage::WritingRevocation { .. } => (self.own_revocation_key(flow)?, None),
            _ => return None,
        };
        let mut write = work.write.clone()?;
        write.keeps = self.keeps(flow, &work.stage);
        Some(Step::Swap { key, expected, write })
    }

    /// Whether the swap of this stage leaves owner and expiry as they were written. Only a native record says how that was.
    fn keeps(&self, flow: &Flow, stage: &Stage) -> bool {
        let (Stage::Writing { record, .. } | Stage::Taking { record, .. }, Some(live)) = (stage, flow.live()) else {
            return false;
        };
        let keeps = record.expires_at() == live.record.expires_at() && record.owner == live.record.owner;
        keeps && !live.adopted && self.policy.can().write_tag
    }

    /// The meaning of an answer, or the same swap again if its reply is lost. The second answer
    /// shows whether the first swap was made: then the stored bytes are those of the write.
    pub(super) fn resolve(
        &self,
        flow: &mut Flow,
        work: &mut Work,
        answer: Answer,
    ) -> Result<Result<Resolved, Step>, Refusal> {
        let can_tell = self.policy.can().write_tag;
        Ok(Ok(match answer {
            Answer::Loaded(found) => Resolved::Loaded(found),
            Answer::Deleted => Resolved::Deleted,
            Answer::Recomputed(patch) => Resolved::Recomputed(patch),
            Answer::Swapped(swap) => match (swap, work.write.take()) {
                (Swap::Done, Some(write)) => {
                    work.uncertain = false;
                    Resolved::Written(write.bytes)
                }
                (Swap::Conflict(Some(there)), Some(write)) if there == write.bytes && can_tell => {
                    work.uncertain = false;
                    flow.event(Event::LostReplyResolved);
                    Resolved::Written(there)
                }
                // The stored record may include the lost write. A replay could apply the changes
                // twice.
                (Swap::Conflict(Some(_)), Some(_)) if work.uncertain && counts_once(&work.stage) => {
                    return Err(Refusal::StoreUnknown);
                }
                (Swap::Conflict(there), _) => Resolved::Conflict(there),
                (Swap::Done, None) => Resolved::Conflict(None),
            },
            Answer::Failed(fault) if work.write.is_none() => Resolved::Failed(fault),
            Answer::Failed(fault @ Fault::NotDone) if !work.uncertain => {
                if work.new_record.is_none() {
                    return Err(Refusal::StoreUnavailable);
                }
                Resolved::Failed(fault)
            }
            Answer::Failed(Fault::Unknown) if !work.uncertain && can_tell => {
                work.uncertain = true;
                return self.swap_step(flow, work).ok_or(Refusal::OutOfOrder).map(Err);
            }
            Answer::Failed(_) => return Err(Refusal::StoreUnknown),
        }))
    }
}

/// Whether a swap writes the request's changes. A swap that only ends or moves the session can be
/// repeated.
const fn counts_once(stage: &Stage) -> bool {
    !matches!(stage, Stage::RotateMarking | Stage::DestroyMarking { .. } | Stage::WritingRevocation { .. })
}

/// The refusal for a failed delete.
pub(super) const fn not_deleted(fault: Fault) -> Refusal {
    match fault {
        Fault::NotDone => Refusal::StoreUnavailable,
        Fault::Unknown => Refusal::StoreUnknown,
    }
}
