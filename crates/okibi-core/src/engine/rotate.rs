//! Rotation: create the new record, then swap the old one into a marker. One winner, whatever happens in parallel.

use alloc::boxed::Box;

use super::{
    Engine,
    base::{Base, Live},
    flow::Call,
    flow::Flow,
    plan::Rotation,
    step::Step,
    swap::{Resolved, not_deleted},
    work::{NewRecord, Stage, Task, Work},
};
use crate::{
    contract::Write,
    error::{Event, Refusal},
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
        if !plan.is_some_and(|plan| plan.no_activity && rotation == Rotation::Renew) || self.policy.can().writes_touch {
            self.touch(&mut record, plan.map_or(&[], |plan| &plan.log), call.now);
        }
        let own_handles = self.policy.can().own_handles;
        if own_handles && (rotation > Rotation::Renew || record.handle.is_none()) {
            // The name of the session before the change of privilege does not name the one after it.
            record.handle = match &work.new_record {
                Some(new_record) => new_record.record.handle,
                None => Some(Handle::from_bytes(call.random.take()?)),
            };
        }
        if self.is_sealed() {
            let may_have_ended = self.own_revocation_key(call.flow).is_some();
            return match rotation {
                Rotation::RotateKeepingDeadline | Rotation::Rotate if may_have_ended => {
                    self.rotate_sealed(call, work, record)
                }
                Rotation::Renew if self.must_check_revocation(call.flow, &work) => {
                    self.start_revocation_check(call.flow, work)
                }
                _ => self.seal_or_adopt(call, work, record),
            };
        }
        let id = match &work.new_record {
            Some(new_record) => new_record.id.clone(),
            None => self.next_id(plan, call.random)?,
        };
        if !own_handles {
            record.handle = Some(id.derived_handle());
        }
        let write = self.write(&record, &id, call.random)?;
        let new_record = NewRecord { id, record, bytes: write.bytes.clone(), rotation };
        let stage = if work.new_record.is_some() {
            Stage::RotateRewriting(new_record)
        } else {
            Stage::RotateCreating(new_record)
        };
        self.start_swap(call.flow, work, stage, write)
    }

    /// What the answers to a rotation's steps mean.
    pub(super) fn rotate_answered(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::RotateCreating(new_record) | Stage::RotateRewriting(new_record), Resolved::Written(_)) => {
                self.mark_old(call, work, new_record)
            }
            (Stage::RotateCreating(_), Resolved::Conflict(there)) => {
                self.id_is_taken(&mut work, there);
                self.proceed(call, work)
            }
            // Only "log out everywhere" can find the new record before anyone knows its id.
            (Stage::RotateRewriting(_), Resolved::Conflict(_)) => {
                work.new_record = None;
                self.session_ended(call, work)
            }
            (Stage::RotateMarking, Resolved::Written(_)) => self.old_marked(call, work),
            (Stage::RotateMarking, Resolved::Conflict(there)) => self.conflict(call, work, there),
            (Stage::RotateDeleting { .. }, Resolved::Deleted) => self.finish_rotation(call, work),
            (Stage::RotateDeleting { dead: false }, Resolved::Failed(fault)) => Err(not_deleted(fault)),
            (Stage::RotateDeleting { dead: true }, Resolved::Failed(_)) => {
                call.flow.event(Event::CleanupFailed);
                self.finish_rotation(call, work)
            }
            // Something else than the own record there is no session of this request's either.
            (
                Stage::RotateUndoing { session_gone },
                Resolved::Written(_) | Resolved::Conflict(_) | Resolved::Deleted,
            ) => self.rotation_undone(call, work, session_gone),
            (Stage::RotateUndoing { session_gone }, Resolved::Failed(_)) => {
                call.flow.event(Event::CleanupFailed);
                self.rotation_undone(call, work, session_gone)
            }
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The new record lies there: the old one becomes a marker.
    fn mark_old(&self, call: &mut Call<'_>, mut work: Box<Work>, new_record: NewRecord) -> Result<Step, Refusal> {
        let Some(Live { id, adopted, .. }) = call.flow.live() else { return Err(Refusal::OutOfOrder) };
        let Some(old) = id else {
            // An accepted cookie that was the session itself: nothing lies anywhere.
            work.new_record = Some(new_record);
            return self.old_marked(call, work);
        };
        let old_key = self.key(call.flow.host.as_ref(), old);
        if !self.policy.can().markers {
            work.new_record = Some(new_record);
            if self.policy.is_eventual() {
                return Ok(start_delete(call.flow, work, old_key, false));
            }
            let write = Write {
                bytes: self.policy.dead_record(call.now),
                expires_at: call.now.plus(ROTATE_MARKER),
                owner: None,
            };
            return self.start_swap(call.flow, work, Stage::RotateMarking, write);
        }
        // The mark of a session that was taken over lasts as long as the old one could be taken over again.
        let until = |span| match call.flow.accepted.first().filter(|_| *adopted) {
            Some(accepted) => accepted.until.max(call.now.plus(span)),
            None => call.now.plus(span),
        };
        let tag = call.random.take()?;
        let successor = Some(self.key(call.flow.host.as_ref(), &new_record.id));
        let marker = if new_record.rotation == Rotation::Renew {
            let next = renew::hide(&new_record.id, old, &old_key, call.random.take()?);
            Marker { moved: Moved::Renewed, until: until(self.policy.grace), next, successor }
        } else {
            Marker { moved: Moved::Rotated, until: until(ROTATE_MARKER), next: None, successor }
        };
        work.new_record = Some(new_record);
        let write = write_marker(&marker, tag, call.now);
        self.start_swap(call.flow, work, Stage::RotateMarking, write)
    }

    /// The old record is no session any more: where there are no markers it is removed.
    fn old_marked(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        if self.policy.can().markers {
            return self.finish_rotation(call, work);
        }
        let id = call.flow.live().and_then(|live| live.id.as_ref()).ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), id);
        Ok(start_delete(call.flow, work, key, true))
    }

    /// The session goes on under its new id.
    fn finish_rotation(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let NewRecord { id, record, bytes, rotation } = work.new_record.take().ok_or(Refusal::OutOfOrder)?;
        // The id that the browser has leads here by a marker, as it does for other requests.
        let is_known = |before: &Live| before.followed || (before.id.is_some() && before.id == call.flow.presented);
        let followed =
            rotation == Rotation::Renew && self.policy.can().markers && call.flow.live().is_some_and(is_known);
        self.set_live(call, Live { followed, ..Live::stored(Some(id), bytes, record) }, true)?;
        if let Task::Take(_) = work.task { self.proceed(call, work) } else { Ok(Step::Done) }
    }

    /// The rotation came too late: its own new record becomes a marker, which a late copy of that record's write meets.
    pub(super) fn undo_rotation(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        session_gone: bool,
    ) -> Result<Step, Refusal> {
        let new_record = work.new_record.take().ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), &new_record.id);
        let step = if self.policy.can().markers {
            // Nobody has its id, so it need not count for any time.
            let marker = Marker { moved: Moved::Rotated, until: call.now, next: None, successor: None };
            Step::Swap {
                key,
                expected: Some(new_record.bytes),
                write: write_marker(&marker, call.random.take()?, call.now),
            }
        } else {
            Step::Delete(key)
        };
        work.stage = Stage::RotateUndoing { session_gone };
        call.flow.work = Some(work);
        Ok(step)
    }

    fn rotation_undone(&self, call: &mut Call<'_>, work: Box<Work>, session_gone: bool) -> Result<Step, Refusal> {
        if session_gone { self.session_ended(call, work) } else { self.proceed(call, work) }
    }

    /// The session is no more: this request's changes are dropped and it sends no cookie, unless it rotates.
    pub(super) fn session_ended(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        call.flow.set_cookies.clear();
        if let Some(key) = self.own_revocation_key(call.flow) {
            call.flow.revocation_key = Some(key);
        }
        call.flow.replace(Base::Blocked);
        if work.new_record.is_some() {
            return self.undo_rotation(call, work, true);
        }
        let (rotates, changes) = match &work.task {
            Task::Commit(plan) => (plan.rotation(None) > Some(Rotation::Renew), !plan.log.is_empty()),
            Task::Take(_) | Task::Revoke => (false, true),
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

fn start_delete(flow: &mut Flow, mut work: Box<Work>, key: StoreKey, dead: bool) -> Step {
    work.stage = Stage::RotateDeleting { dead };
    flow.work = Some(work);
    Step::Delete(key)
}
