//! Rotation: create the new record, then swap the old one into a marker. One winner, whatever happens in parallel.

use alloc::boxed::Box;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Engine,
    flow::{Base, Flow, Live, Random, Stage, Step, Work},
};
use crate::{
    error::{Event, Refusal},
    exchange::Write,
    id::{Handle, Id},
    policy::ROTATE_MARKER,
    record::{Marker, Moved, Record},
    seal::renew,
    session::Op,
    time::Timestamp,
};

/// Which rotation a log asks for; the later ones outweigh the earlier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Rotation {
    /// A new id at equal privilege.
    Renewed,
    /// A new id for a change of privilege; the absolute deadline stays.
    KeepingDeadline,
    /// A new id for a change of privilege; both clocks start anew.
    Anew,
}

impl Rotation {
    pub(super) fn asked_by(op: &Op) -> Option<Self> {
        match op {
            Op::RenewId => Some(Self::Renewed),
            Op::RotateKeepingDeadline => Some(Self::KeepingDeadline),
            Op::Rotate => Some(Self::Anew),
            _ => None,
        }
    }
}

/// A rotation's own new record.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Fresh {
    pub(super) id: Id,
    pub(super) record: Record,
    /// Its bytes, as they lie in the store.
    pub(super) bytes: Bytes,
    pub(super) rotation: Rotation,
}

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
        record.active = now;
        if rotation == Rotation::Anew {
            record.created = now;
            record.deadline = self.policy.lifetime.absolute.map(|absolute| now.plus(absolute));
        }
        if rotation > Rotation::Renewed {
            // The name of the session before the change of privilege does not name the one after it.
            record.handle = match &work.fresh {
                Some(fresh) => fresh.record.handle,
                None => Handle::from_bytes(random.take()?),
            };
        }
        if self.is_sealed() {
            return self.seal(flow, record, now, random);
        }
        let write = self.write(&record, random)?;
        let bytes = write.bytes.clone();
        let stage = match &work.fresh {
            Some(fresh) => Stage::RotateRewriting(Fresh { id: fresh.id.clone(), record, bytes, rotation }),
            None => Stage::RotateCreating(Fresh { id: Id::from_bytes(random.take()?), record, bytes, rotation }),
        };
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
        let Some(Live { id: Some(old), .. }) = flow.live() else { return Err(Refusal::OutOfOrder) };
        let tag = random.take()?;
        let successor = Some(self.key(&fresh.id));
        let marker = if fresh.rotation == Rotation::Renewed {
            let next = renew::hide(&fresh.id, old, &self.key(old), random.take()?);
            Marker { moved: Moved::Renewed, until: now.plus(self.policy.grace), next, successor }
        } else {
            Marker { moved: Moved::Rotated, until: now.plus(ROTATE_MARKER), next: None, successor }
        };
        work.fresh = Some(fresh);
        let write = Write { bytes: marker.encode(tag), expires_at: marker.until, owner: None };
        self.ask_swap(flow, work, Stage::RotateMarking, write)
    }

    /// The marker lies there: the session goes on under its new id.
    pub(super) fn marked(&self, flow: &mut Flow, mut work: Box<Work>, now: Timestamp) -> Result<Step, Refusal> {
        let Fresh { id, record, bytes, .. } = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        self.arrived_at(flow, id, record, bytes, true, now);
        Ok(Step::Done)
    }

    /// The rotation came too late: its own new record goes.
    pub(super) fn undo_rotation(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        session_gone: bool,
    ) -> Result<Step, Refusal> {
        let fresh = work.fresh.take().ok_or(Refusal::OutOfOrder)?;
        work.stage = Stage::RotateUndoing { session_gone };
        flow.work = Some(work);
        Ok(Step::Delete(self.key(&fresh.id)))
    }

    /// The session is no more: this request's changes are dropped and it sends no cookie (N1).
    pub(super) fn lose(&self, flow: &mut Flow, work: Box<Work>) -> Result<Step, Refusal> {
        flow.set_cookies.clear();
        flow.replace(Base::Barred);
        if work.fresh.is_some() {
            return self.undo_rotation(flow, work, true);
        }
        flow.event(Event::ChangesDropped);
        Ok(Step::Done)
    }
}
