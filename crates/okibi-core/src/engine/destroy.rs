//! The end of a session: its record becomes a marker, so that no rotation under way and no late write can escape.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    flow::Flow,
    io::Step,
    known::Base,
    rotate::write_marker,
    work::{Stage, Task, Work},
};
use crate::{
    error::Refusal,
    id::StoreKey,
    policy::{MOST_LIMITS, ROTATE_MARKER},
    random::Random,
    record::{self, Marker, Moved, Stored},
    time::Timestamp,
};

/// How many moves of a session are followed to its end. Each takes a request that rotates in the meantime.
const MOST_MOVES: u8 = 16;

impl Engine {
    /// Ends the session that lies under `key`, wherever it has moved to meanwhile: revocation from elsewhere.
    ///
    /// Give it a flow of its own ([`Flow::default`]).
    pub fn end(&self, flow: &mut Flow, key: StoreKey) -> Step {
        let step = look(flow, Work::new(Task::End), key, 0);
        flow.count(&step);
        step
    }

    /// Ends the request's own session.
    pub(super) fn end_session(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let host = flow.host.as_ref();
        match (&flow.base, &flow.presented) {
            _ if self.is_sealed() => match self.own_revocation(flow) {
                Some(key) => self.ask_mark(flow, work, key, None, 0, now, random),
                None => match flow.noted.clone() {
                    // It went on under another handle: that one ends.
                    Some(key) => Ok(look(flow, work, key, 0)),
                    None => self.ended(flow, work, now, random),
                },
            },
            // Without markers there is nothing to leave behind and nobody to follow.
            (Base::Live(live), presented) if !self.policy.can().markers => {
                match live.id.as_ref().or(presented.as_ref()) {
                    Some(id) => Ok(remove(flow, work, self.key(host, id))),
                    None => self.ended(flow, work, now, random),
                }
            }
            (_, Some(id)) if !self.policy.can().markers => Ok(remove(flow, work, self.key(host, id))),
            (Base::Live(live), _) => match &live.id {
                Some(id) => {
                    let (key, witness) = (self.key(host, id), live.witness());
                    self.ask_mark(flow, work, key, witness, 0, now, random)
                }
                None => self.ended(flow, work, now, random),
            },
            (_, Some(id)) => Ok(look(flow, work, self.key(host, id), 0)),
            (_, None) => self.ended(flow, work, now, random),
        }
    }

    /// What lies under the key that is to be ended.
    pub(super) fn end_seen(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        (key, hops): (StoreKey, u8),
        found: Option<Bytes>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        let Some(bytes) = found else {
            // Nobody has taken the session over yet, and from now on nobody can.
            let is_untaken = hops == 0 && flow.is_accepted && matches!(work.task, Task::Commit(_));
            return if is_untaken || self.policy.revocations {
                self.ask_mark(flow, work, key, None, hops, now, random)
            } else {
                self.ended(flow, work, now, random)
            };
        };
        // What is larger than the limits is ended as well.
        match record::decode(&bytes, &MOST_LIMITS) {
            // A note of a sealed session's end outlives its marker's minute.
            Ok(Stored::Marker(Marker { successor: Some(next), until, .. }))
                // Who saw the session live in this very request ends what became of it, however long the request took.
                if hops < MOST_MOVES && (until > now || flow.live().is_some()) =>
            {
                Ok(look(flow, work, next, hops + 1))
            }
            Ok(Stored::Marker(_)) => self.ended(flow, work, now, random),
            // Whatever is stored there, a note's key says that the session has ended.
            _ if self.policy.revocations => self.ended(flow, work, now, random),
            Ok(Stored::Record(_)) | Err(_) => self.ask_mark(flow, work, key, Some(bytes), hops, now, random),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step's data, used in two places")]
    fn ask_mark(
        &self,
        flow: &mut Flow,
        work: Box<Work>,
        key: StoreKey,
        expected: Option<Bytes>,
        hops: u8,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        if self.policy.revocations {
            let write = self.note(flow, hops, None, now, random)?;
            return self.ask_swap(flow, work, Stage::EndMarking { key, expected, hops }, write);
        }
        let until = match flow.accepted.first().filter(|_| expected.is_none()) {
            Some(elsewhere) => elsewhere.until.max(now.plus(ROTATE_MARKER)),
            None => now.plus(ROTATE_MARKER),
        };
        let marker = Marker { moved: Moved::Rotated, until, next: None, successor: None };
        let write = write_marker(&marker, random.take()?, now);
        self.ask_swap(flow, work, Stage::EndMarking { key, expected, hops }, write)
    }

    /// It is ended: no session, no cookie; and what the log says after the destroy begins another.
    pub(super) fn ended(
        &self,
        flow: &mut Flow,
        mut work: Box<Work>,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Step, Refusal> {
        work.has_ended = true;
        let mut work = match Self::forget_accepted(flow, work) {
            Ok(step) => return Ok(step),
            Err(work) => work,
        };
        let Task::Commit(_) = &work.task else { return Ok(Step::Done) };
        if self.next_to_end(flow, &mut work) {
            return self.end_session(flow, work, now, random);
        }
        let Task::Commit(plan) = &mut work.task else { return Ok(Step::Done) };
        plan.destroy = false;
        flow.set_cookies = self.removals(flow);
        flow.is_accepted = false;
        flow.base = Base::Absent;
        if plan.log.is_empty() { Ok(Step::Done) } else { self.proceed(flow, work, now, random) }
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
