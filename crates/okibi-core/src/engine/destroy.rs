//! The end of a session: its record becomes a marker, so that no rotation under way and no late write can escape.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    flow::Call,
    flow::Flow,
    io::Step,
    known::Base,
    rotate::write_marker,
    swap::{Came, not_deleted},
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
        let step = look(flow, Work::new(Task::End), key, 0);
        flow.count(&step);
        step
    }

    /// Ends the request's own session.
    pub(super) fn end_session(&self, call: &mut Call<'_>, work: Box<Work>) -> Result<Step, Refusal> {
        let host = call.flow.host.as_ref();
        match (&call.flow.base, &call.flow.presented) {
            _ if self.is_sealed() => match self.own_revocation(call.flow) {
                Some(key) => self.ask_mark(call, work, (key, 0), None),
                None => match call.flow.noted.clone() {
                    // It went on under another handle: that one ends.
                    Some(key) => Ok(look(call.flow, work, key, 0)),
                    None => self.ended(call, work),
                },
            },
            // Without markers there is nothing to leave behind and nobody to follow.
            (Base::Live(live), presented) if !self.policy.can().markers => {
                match live.id.as_ref().or(presented.as_ref()) {
                    Some(id) => Ok(remove(call.flow, work, self.key(host, id))),
                    None => self.ended(call, work),
                }
            }
            (_, Some(id)) if !self.policy.can().markers => Ok(remove(call.flow, work, self.key(host, id))),
            (Base::Live(live), _) => match &live.id {
                Some(id) => {
                    let (key, witness) = (self.key(host, id), live.witness());
                    self.ask_mark(call, work, (key, 0), witness)
                }
                None => self.ended(call, work),
            },
            (_, Some(id)) => Ok(look(call.flow, work, self.key(host, id), 0)),
            (_, None) => self.ended(call, work),
        }
    }

    /// What the answers to the steps of an end mean.
    pub(super) fn destroy_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        came: Came,
    ) -> Result<Step, Refusal> {
        match (stage, came) {
            (Stage::EndLoading { key, hops }, Came::Loaded(found)) => {
                self.end_seen(call, work, (key, hops), found.map(|loaded| loaded.bytes))
            }
            (Stage::EndLoading { .. }, Came::Failed(_)) => Err(Refusal::StoreUnavailable),
            (Stage::EndMarking { key, hops, .. }, Came::Overtaken(there)) => {
                self.end_seen(call, work, (key, hops), there)
            }
            (Stage::EndMarking { .. }, Came::Written(_))
            | (Stage::EndDeleting | Stage::EndForgetting, Came::Deleted) => self.ended(call, work),
            (Stage::EndDeleting, Came::Failed(fault)) => Err(not_deleted(fault)),
            (Stage::EndForgetting, Came::Failed(_)) => Err(Refusal::StoreUnknown),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// What lies under the key that is to be ended.
    fn end_seen(
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
                self.ask_mark(call, work, (key, hops), None)
            } else {
                self.ended(call, work)
            };
        };
        // What is larger than the limits is ended as well.
        match record::decode(&bytes, &MOST_LIMITS) {
            // A note of a sealed session's end outlives its marker's minute.
            Ok(Stored::Marker(Marker { successor: Some(next), until, .. }))
                // Who saw the session live in this very request, or the marker, ends what became of it, however long the request took.
                if hops < MOST_MOVES
                    && (until > call.now || matches!(call.flow.base, Base::Live(_) | Base::Barred)) =>
            {
                Ok(look(call.flow, work, next, hops + 1))
            }
            Ok(Stored::Marker(_)) => self.ended(call, work),
            // Whatever is stored there, a note's key says that the session has ended.
            _ if self.policy.revocations => self.ended(call, work),
            stored => {
                // Whoever looked at it before has told.
                if stored.is_err() && matches!(call.flow.base, Base::Live(_)) {
                    call.flow.refuse(Reason::Undecodable);
                }
                self.ask_mark(call, work, (key, hops), Some(bytes))
            }
        }
    }

    fn ask_mark(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        (key, hops): (StoreKey, u8),
        expected: Option<Bytes>,
    ) -> Result<Step, Refusal> {
        if self.policy.revocations {
            let write = self.note(call, hops, None)?;
            return self.ask_swap(call.flow, work, Stage::EndMarking { key, expected, hops }, write);
        }
        let until = match call.flow.accepted.first().filter(|_| expected.is_none()) {
            Some(elsewhere) => elsewhere.until.max(call.now.plus(ROTATE_MARKER)),
            None => call.now.plus(ROTATE_MARKER),
        };
        let marker = Marker { moved: Moved::Rotated, until, next: None, successor: None };
        let write = write_marker(&marker, call.random.take()?, call.now);
        self.ask_swap(call.flow, work, Stage::EndMarking { key, expected, hops }, write)
    }

    /// It is ended: no session, no cookie; and what the log says after the destroy begins another.
    pub(super) fn ended(&self, call: &mut Call<'_>, mut work: Box<Work>) -> Result<Step, Refusal> {
        work.has_ended = true;
        let mut work = match Self::forget_accepted(call.flow, work) {
            Ok(step) => return Ok(step),
            Err(work) => work,
        };
        let Task::Commit(_) = &work.task else { return Ok(Step::Done) };
        if self.next_to_end(call.flow, &mut work) {
            return self.end_session(call, work);
        }
        let Task::Commit(plan) = &mut work.task else { return Ok(Step::Done) };
        plan.destroy = false;
        call.flow.set_cookies = self.removals(call.flow);
        call.flow.is_accepted = false;
        call.flow.base = Base::Absent;
        if plan.log.is_empty() { Ok(Step::Done) } else { self.proceed(call, work) }
    }
}

fn look(flow: &mut Flow, mut work: Box<Work>, key: StoreKey, hops: u8) -> Step {
    work.stage = Stage::EndLoading { key: key.clone(), hops };
    flow.work = Some(work);
    Step::Load(key)
}

fn remove(flow: &mut Flow, mut work: Box<Work>, key: StoreKey) -> Step {
    work.stage = Stage::EndDeleting;
    flow.work = Some(work);
    Step::Delete(key)
}
