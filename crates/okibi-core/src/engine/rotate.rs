//! Rotation: create the new record, then swap the old one into a marker. One winner, whatever happens in parallel.

use alloc::boxed::Box;

use super::{
    Engine,
    flow::Call,
    flow::Flow,
    io::Step,
    known::{Base, Live},
    plan::Rotation,
    swap::{Came, not_deleted},
    work::{Fresh, Stage, Task, Work},
};
use crate::{
    error::{Event, Refusal},
    exchange::Write,
    id::{Handle, StoreKey},
    policy::{MARKER_KEPT, ROTATE_MARKER},
    record::{Marker, Moved, Record},
    seal::renew,
    time::Timestamp,
};

impl Engine {
    /// Moves `record`, the old one with the changes, to a new id.
    pub(super) fn rotate(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        mut record: Record,
        rotation: Rotation,
    ) -> Result<Step, Refusal> {
        let plan = if let Task::Commit(plan) = &work.task { Some(plan) } else { None };
        // A new id at equal privilege is no activity by itself.
        if !plan.is_some_and(|plan| plan.is_quiet && rotation == Rotation::Renewed) || self.policy.can().writes_renew {
            self.renew(&mut record, plan.map_or(&[], |plan| &plan.log), call.now);
        }
        let own_handles = self.policy.can().own_handles;
        if own_handles && (rotation > Rotation::Renewed || record.handle.is_none()) {
            // The name of the session before the change of privilege does not name the one after it.
            record.handle = match &work.fresh {
                Some(fresh) => fresh.record.handle,
                None => Some(Handle::from_bytes(call.random.take()?)),
            };
        }
        if self.is_sealed() {
            let may_have_ended = self.own_revocation(call.flow).is_some();
            return match rotation {
                Rotation::KeepingDeadline | Rotation::Anew if may_have_ended => self.rotate_sealed(call, work, record),
                Rotation::Renewed if self.must_check(call.flow, &work) => self.ask_check(call.flow, work),
                _ => self.seal_or_adopt(call, work, record),
            };
        }
        let id = match &work.fresh {
            Some(fresh) => fresh.id.clone(),
            None => self.next_id(plan, call.random)?,
        };
        if !own_handles {
            record.handle = Some(id.derived_handle());
        }
        let write = self.write(&record, &id, call.random)?;
        let fresh = Fresh { id, record, bytes: write.bytes.clone(), rotation };
        let stage = if work.fresh.is_some() { Stage::RotateRewriting(fresh) } else { Stage::RotateCreating(fresh) };
        self.ask_swap(call.flow, work, stage, write)
    }

    /// What the answers to a rotation's steps mean.
    pub(super) fn rotate_answered(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        stage: Stage,
        came: Came,
    ) -> Result<Step, Refusal> {
        match (stage, came) {
            (Stage::RotateCreating(fresh) | Stage::RotateRewriting(fresh), Came::Written(_)) => {
                self.mark(call, work, fresh)
            }
            (Stage::RotateCreating(_), Came::Overtaken(there)) => {
                self.id_is_taken(&mut work, there);
                self.proceed(call, work)
            }
            // Only "log out everywhere" can find the new record before anyone knows its id.
            (Stage::RotateRewriting(_), Came::Overtaken(_)) => {
                work.fresh = None;
                self.lose(call, work)
            }
            (Stage::RotateMarking, Came::Written(_)) => self.marked(call, work),
            (Stage::RotateMarking, Came::Overtaken(there)) => self.conflict(call, work, there),
            (Stage::RotateClearing { .. }, Came::Deleted) => self.moved(call, work),
            (Stage::RotateClearing { dead: false }, Came::Failed(fault)) => Err(not_deleted(fault)),
            (Stage::RotateClearing { dead: true }, Came::Failed(_)) => {
                call.flow.event(Event::CleanupFailed);
                self.moved(call, work)
            }
            // Something else than the own record there is no session of this request's either.
            (Stage::RotateUndoing { session_gone }, Came::Written(_) | Came::Overtaken(_) | Came::Deleted) => {
                self.undone(call, work, session_gone)
            }
            (Stage::RotateUndoing { session_gone }, Came::Failed(_)) => {
                call.flow.event(Event::CleanupFailed);
                self.undone(call, work, session_gone)
            }
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The new record lies there: the old one becomes a marker.
    fn mark(&self, call: &mut Call<'_>, mut work: Box<Work>, fresh: Fresh) -> Result<Step, Refusal> {
        let Some(Live { id, adopted, .. }) = call.flow.live() else { return Err(Refusal::OutOfOrder) };
        let Some(old) = id else {
            // An accepted cookie that was the session itself: nothing lies anywhere.
            work.fresh = Some(fresh);
            return self.marked(call, work);
        };
        let old_key = self.key(call.flow.host.as_ref(), old);
        if !self.policy.can().markers {
            work.fresh = Some(fresh);
            if self.policy.is_eventual() {
                return Ok(clear(call.flow, work, old_key, false));
            }
            let write = Write {
                bytes: self.policy.dead_record(call.now),
                expires_at: call.now.plus(ROTATE_MARKER),
                owner: None,
            };
            return self.ask_swap(call.flow, work, Stage::RotateMarking, write);
        }
        // The mark of a session that was taken over lasts as long as the old one could be taken over again.
        let until = |span| match call.flow.accepted.first().filter(|_| *adopted) {
            Some(elsewhere) => elsewhere.until.max(call.now.plus(span)),
            None => call.now.plus(span),
        };
        let tag = call.random.take()?;
        let successor = Some(self.key(call.flow.host.as_ref(), &fresh.id));
        let marker = if fresh.rotation == Rotation::Renewed {
            let next = renew::hide(&fresh.id, old, &old_key, call.random.take()?);
            Marker { moved: Moved::Renewed, until: until(self.policy.grace), next, successor }
        } else {
            Marker { moved: Moved::Rotated, until: until(ROTATE_MARKER), next: None, successor }
        };
        work.fresh = Some(fresh);
        let write = write_marker(&marker, tag, call.now);
        self.ask_swap(call.flow, work, Stage::RotateMarking, write)
    }

    /// The old record is no session any more: where there are no markers it is removed.
    fn marked(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        if self.policy.can().markers {
            return self.moved(call, work);
        }
        let id = call.flow.live().and_then(|live| live.id.as_ref()).ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), id);
        Ok(clear(call.flow, work, key, true))
    }

    /// The session goes on under its new id.
    fn moved(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let Fresh { id, record, bytes, rotation } = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        // The id that the browser has leads here by a marker, as it does for other requests.
        let is_known = |before: &Live| before.followed || (before.id.is_some() && before.id == call.flow.presented);
        let followed =
            rotation == Rotation::Renewed && self.policy.can().markers && call.flow.live().is_some_and(is_known);
        self.arrived_at(call, Live { followed, ..Live::stored(Some(id), bytes, record) }, true)?;
        if let Task::Take(_) = work.task { self.proceed(call, work) } else { Ok(Step::Done) }
    }

    /// The rotation came too late: its own new record becomes a marker, which a late copy of that record's write meets.
    pub(super) fn undo_rotation(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        session_gone: bool,
    ) -> Result<Step, Refusal> {
        let fresh = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), &fresh.id);
        let step = if self.policy.can().markers {
            // Nobody has its id, so it need not count for any time.
            let marker = Marker { moved: Moved::Rotated, until: call.now, next: None, successor: None };
            Step::Swap { key, expected: Some(fresh.bytes), write: write_marker(&marker, call.random.take()?, call.now) }
        } else {
            Step::Delete(key)
        };
        work.stage = Stage::RotateUndoing { session_gone };
        call.flow.work = Some(work);
        Ok(step)
    }

    fn undone(&self, call: &mut Call<'_>, work: Box<Work>, session_gone: bool) -> Result<Step, Refusal> {
        if session_gone { self.lose(call, work) } else { self.proceed(call, work) }
    }

    /// The session is no more: this request's changes are dropped and it sends no cookie, unless it rotates.
    pub(super) fn lose(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        call.flow.set_cookies.clear();
        if let Some(key) = self.own_revocation(call.flow) {
            call.flow.noted = Some(key);
        }
        call.flow.replace(Base::Barred);
        if work.fresh.is_some() {
            return self.undo_rotation(call, work, true);
        }
        let (rotates, changes) = match &work.task {
            Task::Commit(plan) => (plan.rotation(None) > Some(Rotation::Renewed), !plan.log.is_empty()),
            Task::Take(_) | Task::End => (false, true),
        };
        if rotates {
            // Of two logins at once one wins the session. The other begins one of its own with what it set: whichever answer
            // the browser keeps, the visitor is signed in.
            return self.proceed(call, work);
        }
        if changes {
            call.flow.event(Event::ChangesDropped);
        }
        Ok(Step::Done)
    }
}

/// A marker as the store gets it: kept for longer than it counts.
pub(super) fn write_marker(marker: &Marker, tag: [u8; 8], now: Timestamp) -> Write {
    Write { bytes: marker.encode(tag), expires_at: marker.until.max(now.plus(MARKER_KEPT)), owner: None }
}

fn clear(flow: &mut Flow, mut work: Box<Work>, key: StoreKey, dead: bool) -> Step {
    work.stage = Stage::RotateClearing { dead };
    flow.work = Some(work);
    Step::Delete(key)
}
