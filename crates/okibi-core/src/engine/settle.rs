//! Answers: what each one means for the step that was asked for, and what comes next.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    flow::Flow,
    io::{Answer, Fault, Step},
    known::{Base, Live, Rival},
    lookup::{MOST_HOPS, Next, Seen, ask_load_elsewhere},
    plan::Computed,
    work::{Stage, Task, Work},
};
use crate::{
    dialect::ChosenId,
    error::{Event, Refusal},
    exchange::{Loaded, Swap, Write},
    id::Id,
    random::Random,
    session::Patch,
    text::Text,
    time::Timestamp,
};

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
        let step = match flow.work.take() {
            Some(work) => {
                let has_ended = work.has_ended;
                let step = self.take_in(flow, work, answer, now, random);
                step.map_err(|refusal| match refusal {
                    // The session that was there has ended: that nothing was written would be wrong.
                    Refusal::StoreUnavailable if has_ended => Refusal::StoreUnknown,
                    refusal => refusal,
                })?
            }
            None => self.looked_up(flow, answer, now)?,
        };
        flow.count(&step);
        Ok(step)
    }

    /// What a task is refused with whose time is over before it is done: whether anybody can tell what was written.
    ///
    /// A face asks this in place of its next step. The flow is then that of a request whose outcome is
    /// [unknown](Refusal::StoreUnknown), or in which nothing was written ([`Contended`](Refusal::Contended)).
    pub fn out_of_time(&self, flow: &Flow) -> Refusal {
        match &flow.work {
            Some(work) if work.uncertain || work.has_ended => Refusal::StoreUnknown,
            _ => Refusal::Contended,
        }
    }

    fn take_in(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        answer: Answer,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let stage = core::mem::replace(&mut work.stage, Stage::Settled);
        match (stage, answer) {
            (Stage::Loading(id), Answer::Loaded(found)) => self.loaded(flow, work, &id, found.as_ref(), now, random),
            (Stage::LoadingAccepted(id), Answer::Loaded(found)) => {
                self.arrive_elsewhere(flow, &id, found.as_ref(), now);
                self.proceed(flow, work, now, random)
            }
            (Stage::EndLoading { key, hops }, Answer::Loaded(found)) => {
                self.end_seen(flow, work, (key, hops), found.map(|loaded| loaded.bytes), now, random)
            }
            (Stage::Checking, Answer::Loaded(found)) => {
                self.checked(flow, work, found.map(|loaded| loaded.bytes).as_ref(), now, random)
            }
            // Nothing was left to write, only to look again before a cookie is sent: no reason to fail. What this request itself
            // committed has its cookie; one that was found by a marker is found by it again.
            (Stage::Loading(_), Answer::Failed(_)) if work.is_checked => {
                if work.hops > 0 {
                    flow.set_cookies.clear();
                }
                Ok(Step::Done)
            }
            (
                Stage::EndDeleting | Stage::RotateClearing { dead: false } | Stage::Adopting { .. },
                Answer::Failed(Fault::Unknown),
            )
            | (Stage::EndForgetting, Answer::Failed(_)) => Err(Refusal::StoreUnknown),
            (
                Stage::Loading(_)
                | Stage::LoadingAccepted(_)
                | Stage::Checking
                | Stage::EndLoading { .. }
                | Stage::EndDeleting
                | Stage::Adopting { .. }
                | Stage::RotateClearing { dead: false },
                Answer::Failed(_),
            ) => Err(Refusal::StoreUnavailable),
            (Stage::RotateClearing { .. }, Answer::Deleted) => self.moved(flow, work, now, random),
            (Stage::RotateClearing { dead: true }, Answer::Failed(_)) => {
                flow.event(Event::CleanupFailed);
                self.moved(flow, work, now, random)
            }
            (Stage::Recomputing { token, input }, Answer::Recomputed(patch)) => {
                self.recomputed(flow, work, token, input, patch, now, random)
            }
            // Something else than the own record there is no session of this request's either.
            (Stage::RotateUndoing { session_gone }, Answer::Swapped(_) | Answer::Deleted) => {
                self.undone(flow, work, session_gone, now, random)
            }
            (Stage::RotateUndoing { session_gone }, Answer::Failed(_)) => {
                flow.event(Event::CleanupFailed);
                self.undone(flow, work, session_gone, now, random)
            }
            (Stage::Adopting { record, cookies }, Answer::Deleted) => {
                Self::arrived_sealed(flow, record, cookies);
                Ok(Step::Done)
            }
            (Stage::EndDeleting | Stage::EndForgetting, Answer::Deleted) => self.ended(flow, work, now, random),
            (stage, Answer::Swapped(swap)) => {
                work.stage = stage;
                self.swapped(flow, work, swap, now, random)
            }
            (stage, Answer::Failed(fault)) => {
                work.stage = stage;
                self.swap_failed(flow, work, fault)
            }
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// Goes on with the task, with nothing outstanding.
    pub(super) fn proceed(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        match work.task {
            Task::End => Ok(Step::Done),
            Task::Commit(_) => self.commit_next(flow, work, now, random),
            Task::Take(_) => self.take_next(flow, work, now, random),
        }
    }

    fn loaded(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        id: &Id,
        found: Option<&Loaded>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let was_live = flow.live().is_some();
        let followed = flow.live().is_some_and(|live| live.followed);
        match self.arrive(flow, &mut work.hops, id, found, now) {
            Next::Id(next) => return Ok(self.ask_load(flow, work, next)),
            Next::Elsewhere(id) => return Ok(ask_load_elsewhere(flow, work, id)),
            Next::Nowhere => {}
        }
        if !was_live && let Some(Rival::Id(next)) = self.other_cookie(flow) {
            work.hops = 0;
            return Ok(self.ask_load(flow, work, next));
        }
        if let Base::Live(live) = &mut flow.base {
            live.followed |= followed;
        }
        if was_live && flow.live().is_none() {
            self.lose(flow, work, now, random)
        } else {
            self.proceed(flow, work, now, random)
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one answer's data")]
    fn recomputed(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        token: u32,
        input: Option<Text>,
        patch: Patch,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        self.check_patch(&patch)?;
        let Task::Commit(plan) = &mut work.task else { return Err(Refusal::OutOfOrder) };
        plan.computed.retain(|known| known.token != token);
        plan.computed.push(Computed { token, input, patch });
        self.proceed(flow, work, now, random)
    }

    fn undone(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        session_gone: bool,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        if session_gone { self.lose(flow, work, now, random) } else { self.proceed(flow, work, now, random) }
    }

    /// Asks for the swap of this stage.
    pub(super) fn ask_swap(
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
            Stage::Creating { id, .. } => (key(id), work.over.clone()),
            Stage::RotateCreating(fresh) => (key(&fresh.id), work.over.clone()),
            Stage::RotateRewriting(fresh) => (key(&fresh.id), Some(work.fresh.as_ref()?.bytes.clone())),
            Stage::Writing { .. } | Stage::Taking { .. } | Stage::RotateMarking => {
                let live = flow.live()?;
                let known = live.key.clone();
                (known.or_else(|| live.id.as_ref().map(key))?, live.witness())
            }
            Stage::EndMarking { key, expected, .. } => (key.clone(), expected.clone()),
            Stage::Revoking { .. } => (self.own_revocation(flow)?, None),
            _ => return None,
        };
        Some(Step::Swap { key, expected, write: work.write.clone()? })
    }

    /// The store failed to swap. An answer that was lost is asked for once more: the write's own bytes tell (N39).
    fn swap_failed(&self, flow: &mut Flow, mut work: Box<Work>, fault: Fault) -> Result<Step, Refusal> {
        match fault {
            // Without a write tag nothing tells one write from another.
            Fault::Unknown if !self.policy.can().write_tag => Err(Refusal::StoreUnknown),
            Fault::Unknown if !work.uncertain => {
                work.uncertain = true;
                let step = self.swap_step(flow, &work).ok_or(Refusal::OutOfOrder)?;
                flow.work = Some(work);
                Ok(step)
            }
            Fault::NotDone if !work.uncertain => Err(Refusal::StoreUnavailable),
            Fault::Unknown | Fault::NotDone => Err(Refusal::StoreUnknown),
        }
    }

    fn swapped(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        swap: Swap,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let written = work.write.take().ok_or(Refusal::OutOfOrder)?.bytes;
        let stage = core::mem::replace(&mut work.stage, Stage::Settled);
        match swap {
            Swap::Done => self.written(flow, work, stage, written, now, random),
            Swap::Conflict(Some(there)) if there == written && self.policy.can().write_tag => {
                flow.event(Event::LostReplyResolved);
                self.written(flow, work, stage, written, now, random)
            }
            Swap::Conflict(there) => self.overtaken(flow, work, stage, there, now, random),
        }
    }

    /// The swap was made.
    fn written(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        stage: Stage,
        written: Bytes,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        match stage {
            Stage::Creating { id, record } => {
                self.arrived_at(flow, id, record, written, Some((random, now)))?;
                Ok(Step::Done)
            }
            Stage::Writing { record, renewed } => {
                let id = flow.live().and_then(|live| live.id.clone()).ok_or(Refusal::OutOfOrder)?;
                self.arrived_at(flow, id, record, written, renewed.then_some((random, now)))?;
                Ok(Step::Done)
            }
            Stage::Taking { record, value } => {
                let id = flow.live().and_then(|live| live.id.clone()).ok_or(Refusal::OutOfOrder)?;
                self.arrived_at(flow, id, record, written, None)?;
                flow.basis = flow.basis.wrapping_add(1);
                flow.taken = Some(value);
                Ok(Step::Done)
            }
            Stage::RotateCreating(fresh) | Stage::RotateRewriting(fresh) => self.mark(flow, work, fresh, now, random),
            Stage::RotateMarking => self.marked(flow, work, now, random),
            Stage::Revoking { record, cookies } => {
                Self::arrived_sealed(flow, record, cookies);
                Ok(Step::Done)
            }
            Stage::EndMarking { .. } => self.ended(flow, work, now, random),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// Something else lies there.
    fn overtaken(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        stage: Stage,
        there: Option<Bytes>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let counts_once = !matches!(stage, Stage::RotateMarking | Stage::EndMarking { .. } | Stage::Revoking { .. });
        if work.uncertain && counts_once && there.is_some() {
            // The lost write may be part of what lies there now: replaying could count it twice.
            return Err(Refusal::StoreUnknown);
        }
        match stage {
            // The id was taken, so another is tried (S4); one that the app chose means what lies there.
            Stage::Creating { .. } | Stage::RotateCreating(_) => {
                if let Task::Commit(plan) = &mut work.task {
                    let overwrites = plan.chosen.is_some() && self.policy.can().chosen_id == ChosenId::Overwrites;
                    if overwrites { work.over = there } else { plan.chosen = None }
                }
                self.proceed(flow, work, now, random)
            }
            // Only "log out everywhere" can find the new record before anyone knows its id.
            Stage::RotateRewriting(_) => {
                work.fresh = None;
                self.lose(flow, work, now, random)
            }
            Stage::EndMarking { key, hops, .. } => self.end_seen(flow, work, (key, hops), there, now, random),
            // A logout or another rotation was first.
            Stage::Revoking { .. } => self.lose(flow, work, now, random),
            _ => self.replaced(flow, work, there, now, random),
        }
    }

    /// Another request changed, moved or ended the session first.
    fn replaced(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        there: Option<Bytes>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Some(Live { id: Some(id), key, followed, .. }) = flow.live() else { return Err(Refusal::OutOfOrder) };
        let (id, key, followed) = (id.clone(), key.clone(), *followed);
        let there = there.map(|bytes| Loaded { bytes, expires_at: None });
        match there.map(|loaded| self.see(&self.policy, flow, &loaded, Some(&id), now)) {
            Some(Seen::Live(mut live)) => {
                live.followed = followed;
                live.key = key;
                flow.replace(Base::Live(live));
                flow.event(Event::Conflict);
                self.proceed(flow, work, now, random)
            }
            Some(Seen::Moved(next)) if work.hops < MOST_HOPS => {
                work.hops += 1;
                Ok(self.ask_load(flow, work, next))
            }
            Some(Seen::Moved(_) | Seen::RotatedAway | Seen::Gone(_)) | None => self.lose(flow, work, now, random),
        }
    }
}
