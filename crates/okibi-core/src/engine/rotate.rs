//! Rotation: create the new record, then swap the old one into a marker. One winner, whatever happens in parallel.

use alloc::boxed::Box;

use super::{
    Engine,
    flow::Flow,
    io::Step,
    known::{Base, Live},
    plan::Rotation,
    work::{Fresh, Stage, Task, Work},
};
use crate::{
    error::{Event, Refusal},
    exchange::Write,
    id::{Handle, StoreKey},
    policy::{MARKER_KEPT, ROTATE_MARKER},
    random::Random,
    record::{Marker, Moved, Record},
    seal::renew,
    time::Timestamp,
};

impl Engine {
    /// Moves `record`, the old one with the changes, to a new id.
    pub(super) fn rotate(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        mut record: Record,
        rotation: Rotation,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let plan = if let Task::Commit(plan) = &work.task { Some(plan) } else { None };
        // A new id at equal privilege is no activity by itself.
        if !plan.is_some_and(|plan| plan.is_quiet && rotation == Rotation::Renewed) || self.policy.can().writes_renew {
            self.renew(&mut record, plan.map_or(&[], |plan| &plan.log), now);
        }
        let own_handles = self.policy.can().own_handles;
        if own_handles && (rotation > Rotation::Renewed || record.handle.is_none()) {
            // The name of the session before the change of privilege does not name the one after it.
            record.handle = match &work.fresh {
                Some(fresh) => fresh.record.handle,
                None => Some(Handle::from_bytes(random.take()?)),
            };
        }
        if self.is_sealed() {
            let may_have_ended = self.own_revocation(flow).is_some();
            return match rotation {
                Rotation::KeepingDeadline | Rotation::Anew if may_have_ended => {
                    self.rotate_sealed(flow, work, record, now, random)
                }
                Rotation::Renewed if self.must_check(flow, &work) => self.ask_check(flow, work),
                _ => self.seal_or_adopt(flow, work, record, now, random),
            };
        }
        let id = match &work.fresh {
            Some(fresh) => fresh.id.clone(),
            None => self.next_id(plan, random)?,
        };
        if !own_handles {
            record.handle = Some(id.derived_handle());
        }
        let write = self.write(&record, &id, random)?;
        let fresh = Fresh { id, record, bytes: write.bytes.clone(), rotation };
        let stage = if work.fresh.is_some() { Stage::RotateRewriting(fresh) } else { Stage::RotateCreating(fresh) };
        self.ask_swap(flow, work, stage, write)
    }

    /// The new record lies there: the old one becomes a marker.
    pub(super) fn mark(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        fresh: Fresh,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Some(Live { id, adopted, .. }) = flow.live() else { return Err(Refusal::OutOfOrder) };
        let Some(old) = id else {
            // An accepted cookie that was the session itself: nothing lies anywhere.
            work.fresh = Some(fresh);
            return self.marked(flow, work, now, random);
        };
        let old_key = self.key(flow.host.as_ref(), old);
        if !self.policy.can().markers {
            work.fresh = Some(fresh);
            if self.policy.is_eventual() {
                return Ok(clear(flow, work, old_key, false));
            }
            let write = Write { bytes: self.policy.dead_record(now), expires_at: now.plus(ROTATE_MARKER), owner: None };
            return self.ask_swap(flow, work, Stage::RotateMarking, write);
        }
        // The mark of a session that was taken over lasts as long as the old one could be taken over again.
        let until = |span| match flow.accepted.first().filter(|_| *adopted) {
            Some(elsewhere) => elsewhere.until.max(now.plus(span)),
            None => now.plus(span),
        };
        let tag = random.take()?;
        let successor = Some(self.key(flow.host.as_ref(), &fresh.id));
        let marker = if fresh.rotation == Rotation::Renewed {
            let next = renew::hide(&fresh.id, old, &old_key, random.take()?);
            Marker { moved: Moved::Renewed, until: until(self.policy.grace), next, successor }
        } else {
            Marker { moved: Moved::Rotated, until: until(ROTATE_MARKER), next: None, successor }
        };
        work.fresh = Some(fresh);
        let write = write_marker(&marker, tag, now);
        self.ask_swap(flow, work, Stage::RotateMarking, write)
    }

    /// The old record is no session any more: where there are no markers it is removed.
    pub(super) fn marked(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        if self.policy.can().markers {
            return self.moved(flow, work, now, random);
        }
        let id = flow.live().and_then(|live| live.id.as_ref()).ok_or(Refusal::OutOfOrder)?;
        let key = self.key(flow.host.as_ref(), id);
        Ok(clear(flow, work, key, true))
    }

    /// The session goes on under its new id.
    pub(super) fn moved(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Fresh { id, record, bytes, .. } = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        self.arrived_at(flow, id, record, bytes, Some((random, now)))?;
        if let Task::Take(_) = work.task { self.proceed(flow, work, now, random) } else { Ok(Step::Done) }
    }

    /// The rotation came too late: its own new record becomes a marker, which a late copy of that record's write meets.
    pub(super) fn undo_rotation(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        session_gone: bool,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let fresh = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        let key = self.key(flow.host.as_ref(), &fresh.id);
        let step = if self.policy.can().markers {
            // Nobody has its id, so it need not count for any time.
            let marker = Marker { moved: Moved::Rotated, until: now, next: None, successor: None };
            Step::Swap { key, expected: Some(fresh.bytes), write: write_marker(&marker, random.take()?, now) }
        } else {
            Step::Delete(key)
        };
        work.stage = Stage::RotateUndoing { session_gone };
        flow.work = Some(work);
        Ok(step)
    }

    /// The session is no more: this request's changes are dropped and it sends no cookie (N1), unless it rotates.
    pub(super) fn lose(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        flow.set_cookies.clear();
        if let Some(key) = self.own_revocation(flow) {
            flow.noted = Some(key);
        }
        flow.replace(Base::Barred);
        if work.fresh.is_some() {
            return self.undo_rotation(flow, work, true, now, random);
        }
        let (rotates, changes) = match &work.task {
            Task::Commit(plan) => (plan.rotation(None) > Some(Rotation::Renewed), !plan.log.is_empty()),
            Task::Take(_) | Task::End => (false, true),
        };
        if rotates {
            // Of two logins at once one wins the session. The other begins one of its own with what it set: whichever answer
            // the browser keeps, the visitor is signed in.
            return self.proceed(flow, work, now, random);
        }
        if changes {
            flow.event(Event::ChangesDropped);
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
