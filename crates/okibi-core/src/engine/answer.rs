//! Answers: each goes to the task that asked, and each task goes on from there.

use alloc::boxed::Box;

use super::{
    Engine,
    flow::Call,
    flow::Flow,
    step::{Answer, Step},
    work::{Stage, Task, Work},
};
use crate::{error::Refusal, random::Random, time::Timestamp};

impl Engine {
    /// Takes in the answer to the last step and says what to do next.
    ///
    /// # Errors
    /// The store's failure, or a change that cannot be written. The task is over then and nothing of it is sent.
    pub fn answer(
        &self,
        flow: &mut Flow,
        answer: Answer,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let call = &mut Call { flow, now, random };
        let step = match call.flow.work.take() {
            Some(work) => {
                // The session that was there has ended, or nobody knows what was written before: that nothing was would be wrong.
                let is_written = work.has_destroyed || call.flow.in_doubt;
                let step = self.dispatch(call, work, answer);
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

    /// What a task is refused with whose time is over before it is done: whether anybody can tell what was written.
    ///
    /// A face asks this in place of its next step. The flow is then that of a request whose outcome is
    /// [unknown](Refusal::StoreUnknown), or in which nothing was written ([`Conflict`](Refusal::Conflict)).
    pub fn out_of_time(&self, flow: &mut Flow) -> Refusal {
        match flow.work.take() {
            Some(work) if work.uncertain || work.has_destroyed => in_doubt(flow),
            _ => Refusal::Conflict,
        }
    }

    /// Hands what the step came to over to the task that asked for it: each reads its own answers.
    fn dispatch(&self, call: &mut Call<'_>, mut work: Box<Work>, answer: Answer) -> Result<Step, Refusal> {
        let resolved = match self.resolve(call.flow, &mut work, answer)? {
            Ok(resolved) => resolved,
            Err(again) => {
                call.flow.work = Some(work);
                return Ok(again);
            }
        };
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
            | Stage::RotateUndoing { .. } => self.rotate_answered(call, work, stage, resolved),
            Stage::DestroyLoading { .. }
            | Stage::DestroyMarking { .. }
            | Stage::DestroyDeleting
            | Stage::DestroyDeletingAccepted => self.destroy_answered(call, work, stage, resolved),
            Stage::Revoking { .. } => self.revoke_answered(call, work, stage, resolved),
            Stage::Ready => Err(Refusal::OutOfOrder),
        }
    }

    /// Goes on with the task, with nothing outstanding.
    pub(super) fn proceed(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        match work.task {
            Task::Revoke => Ok(Step::Done),
            Task::Commit(_) => self.commit_next(call, work),
            Task::Take(_) => self.take_next(call, work),
        }
    }
}

/// The outcome is unknown, and with it what the session holds.
const fn in_doubt(flow: &mut Flow) -> Refusal {
    flow.in_doubt = true;
    Refusal::StoreUnknown
}
