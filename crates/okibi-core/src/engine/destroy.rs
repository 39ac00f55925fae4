//! The end of a session: its record becomes a marker, so that no rotation under way and no late write can escape.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    base::Base,
    flow::Call,
    flow::Flow,
    rotate::write_marker,
    step::Step,
    swap::{Resolved, not_deleted},
    work::{Stage, Task, Work},
};
use crate::{
    error::{Reason, Refusal},
    id::StoreKey,
    policy::{MOST_LIMITS, ROTATE_MARKER},
    record::{self, Marker, Moved, Stored},
};

/// How many moves of a session are followed to its end. Each takes a request that rotates in the meantime.
const MOST_MOVES: u8 = 16;

impl Engine {
    /// Ends the session that lies under `key`, wherever it has moved to meanwhile: revocation from elsewhere.
    ///
    /// Give it a flow of its own ([`Flow::default`]).
    pub fn revoke(&self, flow: &mut Flow, key: StoreKey) -> Step {
        let step = start_destroy_load(flow, Work::new(Task::Revoke), key, 0);
        flow.count(&step);
        step
    }

    /// Ends the request's own session.
    pub(super) fn destroy_session(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        let host = call.flow.host.as_ref();
        match (&call.flow.base, &call.flow.presented) {
            _ if self.is_sealed() => match self.own_revocation_key(call.flow) {
                Some(key) => self.start_marking(call, work, (key, 0), None),
                None => match call.flow.revocation_key.clone() {
                    // It went on under another handle: that one ends.
                    Some(key) => Ok(start_destroy_load(call.flow, work, key, 0)),
                    None => self.destroyed(call, work),
                },
            },
            // Without markers there is nothing to leave behind and nobody to follow.
            (Base::Live(live), presented) if !self.policy.can().markers => {
                match live.id.as_ref().or(presented.as_ref()) {
                    Some(id) => Ok(start_destroy_delete(call.flow, work, self.key(host, id))),
                    None => self.destroyed(call, work),
                }
            }
            (_, Some(id)) if !self.policy.can().markers => {
                Ok(start_destroy_delete(call.flow, work, self.key(host, id)))
            }
            (Base::Live(live), _) => match &live.id {
                Some(id) => {
                    let (key, witness) = (self.key(host, id), live.witness());
                    self.start_marking(call, work, (key, 0), witness)
                }
                None => self.destroyed(call, work),
            },
            (_, Some(id)) => Ok(start_destroy_load(call.flow, work, self.key(host, id), 0)),
            (_, None) => self.destroyed(call, work),
        }
    }

    /// What the answers to the steps of an end mean.
    pub(super) fn destroy_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::DestroyLoading { key, hops }, Resolved::Loaded(found)) => {
                self.destroy_loaded(call, work, (key, hops), found.map(|loaded| loaded.bytes))
            }
            (Stage::DestroyLoading { .. }, Resolved::Failed(_)) => Err(Refusal::StoreUnavailable),
            (Stage::DestroyMarking { key, hops, .. }, Resolved::Conflict(there)) => {
                self.destroy_loaded(call, work, (key, hops), there)
            }
            (Stage::DestroyMarking { .. }, Resolved::Written(_))
            | (Stage::DestroyDeleting | Stage::DestroyDeletingAccepted, Resolved::Deleted) => {
                self.destroyed(call, work)
            }
            (Stage::DestroyDeleting, Resolved::Failed(fault)) => Err(not_deleted(fault)),
            (Stage::DestroyDeletingAccepted, Resolved::Failed(_)) => Err(Refusal::StoreUnknown),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// What lies under the key that is to be ended.
    fn destroy_loaded(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        (key, hops): (StoreKey, u8),
        found: Option<Bytes>,
    ) -> Result<Step, Refusal> {
        let Some(bytes) = found else {
            // Nobody has taken the session over yet, and from now on nobody can.
            let is_untaken = hops == 0 && call.flow.is_accepted && matches!(work.task, Task::Commit(_));
            return if is_untaken || self.policy.revocations {
                self.start_marking(call, work, (key, hops), None)
            } else {
                self.destroyed(call, work)
            };
        };
        // What is larger than the limits is ended as well.
        match record::decode(&bytes, &MOST_LIMITS) {
            // A note of a sealed session's end outlives its marker's minute.
            Ok(Stored::Marker(Marker { successor: Some(next), until, .. }))
                // Who saw the session live in this very request, or the marker, ends what became of it, however long the request took.
                if hops < MOST_MOVES
                    && (until > call.now || matches!(call.flow.base, Base::Live(_) | Base::Blocked)) =>
            {
                Ok(start_destroy_load(call.flow, work, next, hops + 1))
            }
            Ok(Stored::Marker(_)) => self.destroyed(call, work),
            // Whatever is stored there, a note's key says that the session has ended.
            _ if self.policy.revocations => self.destroyed(call, work),
            stored => {
                // Whoever looked at it before has told.
                if stored.is_err() && matches!(call.flow.base, Base::Live(_)) {
                    call.flow.refuse(Reason::Undecodable);
                }
                self.start_marking(call, work, (key, hops), Some(bytes))
            }
        }
    }

    fn start_marking(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        (key, hops): (StoreKey, u8),
        expected: Option<Bytes>,
    ) -> Result<Step, Refusal> {
        if self.policy.revocations {
            let write = self.revocation(call, hops, None)?;
            return self.start_swap(call.flow, work, Stage::DestroyMarking { key, expected, hops }, write);
        }
        let until = match call.flow.accepted.first().filter(|_| expected.is_none()) {
            Some(accepted) => accepted.until.max(call.now.plus(ROTATE_MARKER)),
            None => call.now.plus(ROTATE_MARKER),
        };
        let marker = Marker { moved: Moved::Rotated, until, next: None, successor: None };
        let write = write_marker(&marker, call.random.take()?, call.now);
        self.start_swap(call.flow, work, Stage::DestroyMarking { key, expected, hops }, write)
    }

    /// It is ended: no session, no cookie; and what the log says after the destroy begins another.
    pub(super) fn destroyed(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        work.has_destroyed = true;
        let mut work = match Self::start_delete_accepted(call.flow, work) {
            Ok(step) => return Ok(step),
            Err(work) => work,
        };
        let Task::Commit(_) = &work.task else { return Ok(Step::Done) };
        if self.next_to_destroy(call.flow, &mut work) {
            return self.destroy_session(call, work);
        }
        let Task::Commit(plan) = &mut work.task else { return Ok(Step::Done) };
        plan.destroy = false;
        call.flow.set_cookies = self.removals(call.flow);
        call.flow.is_accepted = false;
        call.flow.base = Base::Absent;
        if plan.log.is_empty() { Ok(Step::Done) } else { self.proceed(call, work) }
    }
}

fn start_destroy_load(flow: &mut Flow, mut work: Box<Work>, key: StoreKey, hops: u8) -> Step {
    work.stage = Stage::DestroyLoading { key: key.clone(), hops };
    flow.work = Some(work);
    Step::Load(key)
}

fn start_destroy_delete(flow: &mut Flow, mut work: Box<Work>, key: StoreKey) -> Step {
    work.stage = Stage::DestroyDeleting;
    flow.work = Some(work);
    Step::Delete(key)
}
