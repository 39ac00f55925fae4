//! The flow: the plain data of one request's session, which the face keeps.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, mem};

use super::{
    base::{AcceptedKey, Base, Duplicates, Live},
    step::{Calls, Step},
    work::{PendingLoad, Work},
};
use crate::{
    codec::{Codec, fields},
    error::{Event, Reason, Refusal},
    id::{Id, StoreKey},
    random::Random,
    record::{Entry, Record},
    text::Text,
    time::Timestamp,
};

/// The session of one request between two calls of the engine. The face keeps it and passes it to
/// each call. Its content is private to the engine.
#[derive(Clone, Default)]
pub struct Flow {
    /// The id in the cookie, if there is one.
    pub(super) presented: Option<Id>,
    pub(super) duplicates: Duplicates,
    /// The host name of the request, if the dialect separates hosts.
    pub(super) host: Option<Text>,
    /// Which names of the session's cookie the request has, as bits: the name itself, then its
    /// chunks.
    pub(super) names_seen: u8,
    /// Which accepted dialects have a cookie in the request, as bits.
    pub(super) accepted_seen: u8,
    /// The stored sessions of those cookies.
    pub(super) accepted: Vec<AcceptedKey>,
    /// The request's session is the first of those.
    pub(super) is_accepted: bool,
    pub(super) base: Base,
    pub(super) basis: u32,
    /// When the request began, or the default if that is unknown. A session that is live at this
    /// time is live for the whole request.
    pub(super) began: Timestamp,
    /// The key of the revocation of the cookie's sealed session, if the session is revoked.
    pub(super) revocation_key: Option<StoreKey>,
    pub(super) set_cookies: Vec<String>,
    pub(super) taken: Option<Text>,
    pub(super) calls: Calls,
    pub(super) events: Vec<Event>,
    pub(super) pending_load: Option<PendingLoad>,
    pub(super) work: Option<Box<Work>>,
    /// The outcome of a write is unknown, so the stored session is unknown.
    pub(super) in_doubt: bool,
}

/// One call of the engine: the request's session, the current time, and random bytes.
pub(super) struct Call<'a> {
    pub(super) flow: &'a mut Flow,
    pub(super) now: Timestamp,
    pub(super) random: &'a mut dyn Random,
}

fields!(Flow {
    presented, duplicates, host, names_seen, accepted_seen, accepted, is_accepted, base, basis, began, revocation_key, set_cookies, taken, calls, pending_load, work, in_doubt;
    events
});
impl Flow {
    /// The flow as bytes, for a binding that cannot keep the value. The bytes do not include the
    /// events: call [`take_events`](Self::take_events) first.
    ///
    /// The bytes give full access to the session. Keep them in memory, for this request only.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.live().map_or(0, |live| 3 * live.bytes.len());
        let mut bytes = Vec::with_capacity(256 + size);
        self.put(&mut bytes);
        bytes
    }

    /// A flow from its bytes; `None` if they are not a flow.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        Self::get(&mut bytes).filter(|_| bytes.is_empty())
    }

    /// The record of a live session, without the uncommitted changes of this request.
    pub fn record(&self) -> Option<&Record> {
        match &self.base {
            Base::Live(live) => Some(&live.record),
            _ => None,
        }
    }

    /// The named values of a live session, without the uncommitted changes of this request.
    pub fn entries(&self) -> &[Entry] {
        self.record().map(|record| record.entries.as_slice()).unwrap_or_default()
    }

    /// Whether the session must be loaded: the id is not looked up yet, or a sealed session may be
    /// revoked.
    pub const fn is_unread(&self) -> bool {
        matches!(self.base, Base::Unread | Base::Unchecked(_))
    }

    /// A counter that grows when the session is replaced by one that the handler has not seen.
    pub const fn basis(&self) -> u32 {
        self.basis
    }

    /// The Set-Cookie headers of all commits so far.
    pub fn set_cookies(&self) -> &[String] {
        &self.set_cookies
    }

    /// The value that the last `take` returned. It is removed from the flow.
    pub fn taken(&mut self) -> Option<Text> {
        self.taken.take()
    }

    /// Whether the session is in doubt: the outcome of a write is
    /// [unknown](crate::Refusal::StoreUnknown), or a task was abandoned during a write. Every later
    /// commit and take is refused with that error. The only exception is a failed request that
    /// destroys its session.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt || self.work.as_ref().is_some_and(|work| work.may_have_written())
    }

    /// Begins a task and drops an abandoned one. `ends`: the task can only destroy the session, so
    /// it is allowed in doubt.
    pub(super) fn begin(&mut self, ends: bool) -> Result<(), Refusal> {
        self.in_doubt = self.is_in_doubt();
        self.work = None;
        if self.in_doubt && !ends { Err(Refusal::StoreUnknown) } else { Ok(()) }
    }

    /// The number of store calls so far.
    pub const fn calls(&self) -> Calls {
        self.calls
    }

    /// The events since the last call of this method.
    pub fn take_events(&mut self) -> Vec<Event> {
        mem::take(&mut self.events)
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref().map(Text::as_str)
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.base {
            Base::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The time at which liveness of a session is checked.
    pub(super) fn judged_at(&self, now: Timestamp) -> Timestamp {
        if self.began == Timestamp::default() { now } else { self.began.min(now) }
    }

    pub(super) fn count(&mut self, step: &Step) {
        match step {
            Step::Load(_) | Step::LoadAccepted { .. } => self.calls.loads += 1,
            Step::Swap { .. } => self.calls.swaps += 1,
            Step::Delete(_) | Step::DeleteAccepted { .. } => self.calls.deletes += 1,
            Step::Recompute { .. } | Step::Done => {}
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Reports why a cookie opens no session. Each reason is reported once, also for several
    /// cookies.
    pub(super) fn refuse(&mut self, reason: Reason) {
        let event = reason.event();
        if !self.events.contains(&event) {
            self.event(event);
        }
    }

    /// Replaces the session with one that the handler has not seen.
    pub(super) fn replace(&mut self, base: Base) {
        self.base = base;
        self.basis = self.basis.wrapping_add(1);
    }
}

/// Shows no session data and no cookie.
impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = match self.base {
            Base::Unread | Base::Unchecked(_) => "unread",
            Base::Absent => "absent",
            Base::Blocked => "blocked",
            Base::Live(_) => "live",
        };
        f.debug_struct("Flow").field("session", &base).field("calls", &self.calls).finish_non_exhaustive()
    }
}
