//! Rotation: creates the new record, then swaps the old one for a marker. Of parallel rotations
//! exactly one wins.

use alloc::boxed::Box;

use super::{
    Engine,
    base::{Base, Live},
    flow::Call,
    flow::Flow,
    plan::Rotation,
    step::Step,
    swap::Resolved,
    work::{AfterUndo, NewRecord, Stage, Task, Work},
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
    /// Moves the session to a new id. `record` is the old record with the changes.
    pub(super) fn rotate(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        mut record: Record,
        rotation: Rotation,
    ) -> Result<Step, Refusal> {
        let plan = if let Task::Commit(plan) = &work.task { Some(plan) } else { None };
        // A new id at equal privilege is no activity.
        if !plan.is_some_and(|plan| plan.no_activity && rotation == Rotation::Renew) || self.policy.can().writes_touch {
            self.touch(&mut record, plan.map_or(&[], |plan| &plan.log), call.now);
        }
        let own_handles = self.policy.can().own_handles;
        if own_handles && (rotation > Rotation::Renew || record.handle.is_none()) {
            // A new privilege gets a new handle: the old handle must not name the session any more.
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

    /// Processes the answers to the steps of a rotation.
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
            // The id of the new record is not sent yet, so only "log out everywhere" can have
            // changed the record.
            (Stage::RotateRewriting(_), Resolved::Conflict(_)) => {
                work.new_record = None;
                self.session_ended(call, work)
            }
            (Stage::RotateMarking, Resolved::Written(_)) => self.old_marked(call, work),
            (Stage::RotateMarking, Resolved::Conflict(there)) => self.conflict(call, work, there),
            (Stage::RotateDeleting { .. }, Resolved::Deleted) => self.finish_rotation(call, work),
            (Stage::RotateDeleting { dead: false }, Resolved::Failed(_)) => Err(Refusal::StoreUnknown),
            (Stage::RotateDeleting { dead: true }, Resolved::Failed(_)) => {
                call.flow.event(Event::CleanupFailed);
                self.finish_rotation(call, work)
            }
            (Stage::RotateUndoing(after), resolved) => {
                // If the new record is not there any more, it is not a session either.
                if let Resolved::Failed(_) = resolved {
                    call.flow.event(Event::CleanupFailed);
                }
                match after {
                    AfterUndo::Proceed => self.proceed(call, work),
                    AfterUndo::SessionEnded => self.session_ended(call, work),
                    AfterUndo::Fail => Err(Refusal::StoreUnavailable),
                }
            }
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The new record is stored. Replaces the old record with a marker.
    fn mark_old(&self, call: &mut Call<'_>, mut work: Box<Work>, new_record: NewRecord) -> Result<Step, Refusal> {
        let Some(Live { id, adopted, .. }) = call.flow.live() else { return Err(Refusal::OutOfOrder) };
        let Some(old) = id else {
            // The accepted cookie contained the session. Nothing is stored, so nothing is replaced.
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
                keeps: false,
            };
            return self.start_swap(call.flow, work, Stage::RotateMarking, write);
        }
        // The marker of an adopted session lasts as long as the old session could be adopted again.
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

    /// The old record is replaced. Dialects without markers delete it now.
    fn old_marked(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        if self.policy.can().markers {
            return self.finish_rotation(call, work);
        }
        let id = call.flow.live().and_then(|live| live.id.as_ref()).ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), id);
        Ok(start_delete(call.flow, work, key, true))
    }

    /// The session continues under its new id.
    fn finish_rotation(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        let NewRecord { id, record, bytes, rotation } = work.new_record.take().ok_or(Refusal::OutOfOrder)?;
        // The id in the browser's cookie reaches the new id through the marker, as in other
        // requests.
        let is_known = |before: &Live| before.followed || (before.id.is_some() && before.id == call.flow.presented);
        let followed =
            rotation == Rotation::Renew && self.policy.can().markers && call.flow.live().is_some_and(is_known);
        self.set_live(call, Live { followed, ..Live::stored(Some(id), bytes, record) }, true)?;
        if let Task::Take(_) = work.task { self.proceed(call, work) } else { Ok(Step::Done) }
    }

    /// The rotation lost or failed. Its new record becomes a marker, so that a late copy of the record's
    /// write finds it.
    pub(super) fn undo_rotation(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        after: AfterUndo,
    ) -> Result<Step, Refusal> {
        let new_record = work.new_record.take().ok_or(Refusal::OutOfOrder)?;
        let key = self.key(call.flow.host.as_ref(), &new_record.id);
        let step = if self.policy.can().markers {
            // The id was never sent, so the marker needs no time in which it counts.
            let marker = Marker { moved: Moved::Rotated, until: call.now, next: None, successor: None };
            Step::Swap {
                key,
                expected: Some(new_record.bytes),
                write: write_marker(&marker, call.random.take()?, call.now),
            }
        } else {
            Step::Delete(key)
        };
        work.stage = Stage::RotateUndoing(after);
        work.write = None;
        call.flow.work = Some(work);
        Ok(step)
    }

    /// The session has ended. The changes of this request are dropped and it sends no cookie,
    /// unless it rotates.
    pub(super) fn session_ended(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        call.flow.set_cookies.clear();
        if let Some(key) = self.own_revocation_key(call.flow) {
            call.flow.revocation_key = Some(key);
        }
        call.flow.replace(Base::Blocked);
        if work.new_record.is_some() {
            return self.undo_rotation(call, work, AfterUndo::SessionEnded);
        }
        let (rotates, changes) = match &work.task {
            Task::Commit(plan) => (plan.rotation(None) > Some(Rotation::Renew), !plan.log.is_empty()),
            Task::Take(_) | Task::Revoke => (false, true),
        };
        if rotates {
            // Of two parallel logins one wins the session. The other begins a new session with its
            // own changes. So the visitor is signed in with either response.
            return self.proceed(call, work);
        }
        if changes {
            call.flow.event(Event::ChangesDropped);
        }
        Ok(Step::Done)
    }
}

/// The write of a marker. The store keeps it longer than it counts.
pub(super) fn write_marker(marker: &Marker, tag: [u8; 8], now: Timestamp) -> Write {
    Write { bytes: marker.encode(tag), expires_at: marker.until.max(now.plus(MARKER_KEPT)), owner: None, keeps: false }
}

fn start_delete(flow: &mut Flow, mut work: Box<Work>, key: StoreKey, dead: bool) -> Step {
    work.stage = Stage::RotateDeleting { dead };
    flow.work = Some(work);
    Step::Delete(key)
}
