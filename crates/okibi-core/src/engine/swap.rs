//! Swap: one compare-and-swap with its lost reply, for every task that writes.

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

/// What a step came to, for the task that asked for it.
pub(super) enum Resolved {
    /// What lay there.
    Loaded(Option<Loaded>),
    /// The swap was made, and these bytes lie there.
    Written(Bytes),
    /// Something else lies there, and nothing was written.
    Conflict(Option<Bytes>),
    /// The key is gone.
    Deleted,
    /// What the function of an update made this time.
    Recomputed(Patch),
    /// The store failed at what was no swap, or at one that nobody waits for.
    Failed(Fault),
}

impl Engine {
    /// Asks for the swap of this stage.
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

    /// The swap that a stage stands for.
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
            Stage::Revoking { .. } => (self.own_revocation_key(flow)?, None),
            _ => return None,
        };
        Some(Step::Swap { key, expected, write: work.write.clone()? })
    }

    /// What an answer means, or the step that asks once more. A swap whose answer was lost is asked for again: the write's own
    /// bytes tell whether it had happened.
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
                // The lost write may be part of what lies there now: replaying could count it twice.
                (Swap::Conflict(Some(_)), Some(_)) if work.uncertain && counts_once(&work.stage) => {
                    return Err(Refusal::StoreUnknown);
                }
                (Swap::Conflict(there), _) => Resolved::Conflict(there),
                (Swap::Done, None) => Resolved::Conflict(None),
            },
            Answer::Failed(fault) if work.write.is_none() => Resolved::Failed(fault),
            Answer::Failed(Fault::NotDone) if !work.uncertain => return Err(Refusal::StoreUnavailable),
            Answer::Failed(Fault::Unknown) if !work.uncertain && can_tell => {
                work.uncertain = true;
                return self.swap_step(flow, work).ok_or(Refusal::OutOfOrder).map(Err);
            }
            Answer::Failed(_) => return Err(Refusal::StoreUnknown),
        }))
    }
}

/// Whether a swap writes changes of the request's, and not only that the session has moved or ended.
const fn counts_once(stage: &Stage) -> bool {
    !matches!(stage, Stage::RotateMarking | Stage::DestroyMarking { .. } | Stage::Revoking { .. })
}

/// What a delete that failed is refused with.
pub(super) const fn not_deleted(fault: Fault) -> Refusal {
    match fault {
        Fault::NotDone => Refusal::StoreUnavailable,
        Fault::Unknown => Refusal::StoreUnknown,
    }
}
