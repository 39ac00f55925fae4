//! Answers: passes each answer to the task that requested the step, and continues the task.

use alloc::boxed::Box;

use super::{
    Engine,
    flow::Call,
    flow::Flow,
    step::{Answer, Fault, Step},
    swap::Resolved,
    work::{AfterUndo, Stage, Task, Work},
};
use crate::{error::Refusal, random::Random, time::Timestamp};

impl Engine {
    /// Processes the answer to the last step and returns the next step.
    ///
    /// # Errors
    /// The store's failure, or a change that cannot be written. The task is then over, and none of
    /// its cookies are sent.
    pub fn answer(
        &self,
        flow: &mut Flow,
        answer: Answer,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Step, Refusal> {
        let call = &mut Call { flow, now, random };
        let step = match call.flow.work.take() {
            Some(work) => {
                // Part of the task, or an earlier task, may be written. An error that says "nothing
                // was written" would be wrong.
                let was_in_doubt = call.flow.in_doubt;
                let is_written = work.has_destroyed || was_in_doubt;
                // The source of random bytes is the app's. It can fail or panic in here, after a write.
                call.flow.in_doubt |= work.may_have_written();
                let step = self.dispatch(call, work, answer);
                if step != Err(Refusal::RandomFailed) {
                    call.flow.in_doubt = was_in_doubt;
                }
                step.map_err(|refusal| match refusal {
                    Refusal::StoreUnavailable if is_written => in_doubt(call.flow),
                    Refusal::StoreUnknown => in_doubt(call.flow),
                    refusal => refusal,
                })?
            }
            None => self.load_answered(call, answer)?,
        };
        call.flow.count(&step);
        Ok(step)
    }

    /// Ends a task that has reached its deadline, and returns the refusal for it.
    ///
    /// A face calls this instead of carrying out the next step.
    /// [`StoreUnknown`](Refusal::StoreUnknown) means that the outcome of a write is unknown; the
    /// flow is then in doubt. [`Conflict`](Refusal::Conflict) means that nothing was written.
    pub fn out_of_time(&self, flow: &mut Flow) -> Refusal {
        match flow.work.take() {
            Some(work) if work.uncertain || work.has_destroyed => in_doubt(flow),
            _ => Refusal::Conflict,
        }
    }

    /// Passes what the answer means to the task that requested the step.
    fn dispatch(&self, call: &mut Call<'_>, mut work: Box<Work>, answer: Answer) -> Result<Step, Refusal> {
        let resolved = match self.resolve(call.flow, &mut work, answer)? {
            Ok(resolved) => resolved,
            Err(again) => {
                call.flow.work = Some(work);
                return Ok(again);
            }
        };
        // The new record of a rotation is stored, and the old one is still the session. Without this
        // a list would show both.
        let is_half_done = match (&resolved, &work.stage) {
            (Resolved::Failed(fault), Stage::RotateDeleting { dead }) => !dead && *fault == Fault::NotDone,
            (Resolved::Failed(_), _) => work.new_record.is_some(),
            _ => false,
        };
        if is_half_done {
            return self.undo_rotation(call, work, AfterUndo::Fail);
        }
        let stage = core::mem::replace(&mut work.stage, Stage::Ready);
        match &stage {
            Stage::Loading(_) | Stage::LoadingAccepted(_) | Stage::CheckingRevocation => {
                self.lookup_answered(call, work, stage, resolved)
            }
            Stage::Creating { .. } | Stage::Writing { .. } | Stage::Recomputing { .. } | Stage::Adopting { .. } => {
                self.commit_answered(call, work, stage, resolved)
            }
            Stage::Taking { .. } => self.take_answered(call, work, stage, resolved),
            Stage::RotateCreating(_)
            | Stage::RotateRewriting(_)
            | Stage::RotateMarking
            | Stage::RotateDeleting { .. }
            | Stage::RotateUndoing(_) => self.rotate_answered(call, work, stage, resolved),
            Stage::DestroyLoading { .. }
            | Stage::DestroyMarking { .. }
            | Stage::DestroyDeleting
            | Stage::DestroyDeletingAccepted => self.destroy_answered(call, work, stage, resolved),
            Stage::WritingRevocation { .. } => self.revocation_answered(call, work, stage, resolved),
            Stage::Ready => Err(Refusal::OutOfOrder),
        }
    }

    /// Continues the task. No step is outstanding.
    pub(super) fn proceed(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        match work.task {
            Task::Revoke => Ok(Step::Done),
            Task::Commit(_) => self.commit_next(call, work),
            Task::Take(_) => self.take_next(call, work),
        }
    }
}

/// Marks the session as in doubt: the outcome of a write is unknown.
const fn in_doubt(flow: &mut Flow) -> Refusal {
    flow.in_doubt = true;
    Refusal::StoreUnknown
}
