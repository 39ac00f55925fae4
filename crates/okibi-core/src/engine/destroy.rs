//! Destroy: replaces a session's record with a marker, so that no parallel rotation and no late
//! write can restore the session.

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

/// How many moves of a session are followed in order to destroy it. Each move is the rotation of a
/// parallel request.
const MOST_MOVES: u8 = 16;

impl Engine {
    /// Revokes the session that is stored under `key`. If the session was rotated meanwhile, its
    /// successor is revoked too.
    ///
    /// The flow must be new ([`Flow::default`]).
    pub fn revoke(&self, flow: &mut Flow, key: StoreKey) -> Step {
        let step = start_destroy_load(flow, Work::new(Task::Revoke), key, 0);
        flow.count(&step);
        step
    }

    /// Destroys the session of the request.
    pub(super) fn destroy_session(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        let host = call.flow.host.as_ref();
        match (&call.flow.base, &call.flow.presented) {
            _ if self.is_sealed() => match self.own_revocation_key(call.flow) {
                Some(key) => self.start_marking(call, work, (key, 0), None),
                None => match call.flow.revocation_key.clone() {
                    // The session continued under another handle. The successor is destroyed.
                    Some(key) => Ok(start_destroy_load(call.flow, work, key, 0)),
                    None => self.destroyed(call, work),
                },
            },
            // Without markers there is no successor to follow, so the record is deleted.
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

    /// Processes the answers to the steps of a destroy.
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

    /// Processes the bytes that are stored under the key of the session to destroy.
    fn destroy_loaded(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        (key, hops): (StoreKey, u8),
        found: Option<Bytes>,
    ) -> Result<Step, Refusal> {
        let Some(bytes) = found else {
            // No request has adopted the session yet. With the marker, no later request can adopt it.
            let is_untaken = hops == 0 && call.flow.is_accepted && matches!(work.task, Task::Commit(_));
            return if is_untaken || self.policy.revocations {
                self.start_marking(call, work, (key, hops), None)
            } else {
                self.destroyed(call, work)
            };
        };
        // A record above the configured limits is destroyed too.
        match record::decode(&bytes, &MOST_LIMITS) {
            // The stored revocation of a sealed session is kept after its marker's `until`.
            Ok(Stored::Marker(Marker { successor: Some(next), until, .. }))
                // If the request saw the session live, or saw the marker, it destroys the successor
                // too, even after `until`.
                if hops < MOST_MOVES
                    && (until > call.now || matches!(call.flow.base, Base::Live(_) | Base::Blocked)) =>
            {
                Ok(start_destroy_load(call.flow, work, next, hops + 1))
            }
            Ok(Stored::Marker(_)) => self.destroyed(call, work),
            // A stored value under a revocation key always means that the session has ended, even
            // if it does not decode.
            _ if self.policy.revocations => self.destroyed(call, work),
            stored => {
                // Without a live session, the lookup has already reported the reason.
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

    /// The session is destroyed, and its cookie is removed. The changes that follow the destroy in
    /// the log begin a new session.
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
