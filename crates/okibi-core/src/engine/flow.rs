//! The plain data of one request's session, and what passes between it and the face that keeps it.

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

/// One request's session between two calls of the engine. The face keeps it and hands it back; it means nothing to others.
#[derive(Clone, Default)]
pub struct Flow {
    /// The id in the cookie, where the cookie has one.
    pub(super) presented: Option<Id>,
    pub(super) duplicates: Duplicates,
    /// The host that the request asked, where a dialect tells hosts apart.
    pub(super) host: Option<Text>,
    /// Which of the cookie's names the request had, as bits: the name itself, then its chunks.
    pub(super) names_seen: u8,
    /// Which accepted dialects' cookies it had, as bits.
    pub(super) accepted_seen: u8,
    /// The sessions that those cookies name.
    pub(super) accepted: Vec<AcceptedKey>,
    /// The session that counts came with the first of them.
    pub(super) is_accepted: bool,
    pub(super) base: Base,
    pub(super) basis: u32,
    /// When the request began, where that is known: what was live then is live for it.
    pub(super) began: Timestamp,
    /// Where a note says that the sealed session of the cookie has ended.
    pub(super) revocation_key: Option<StoreKey>,
    pub(super) set_cookies: Vec<String>,
    pub(super) taken: Option<Text>,
    pub(super) calls: Calls,
    pub(super) events: Vec<Event>,
    pub(super) pending_load: Option<PendingLoad>,
    pub(super) work: Option<Box<Work>>,
    /// The outcome of a task is unknown, so what the session holds is, too.
    pub(super) in_doubt: bool,
}

/// One call of the engine under way: the request's session, what time it is, and random bytes.
pub(super) struct Call<'a> {
    pub(super) flow: &'a mut Flow,
    pub(super) now: Timestamp,
    pub(super) random: &'a mut Random,
}

fields!(Flow {
    presented, duplicates, host, names_seen, accepted_seen, accepted, is_accepted, base, basis, began, revocation_key, set_cookies, taken, calls, pending_load, work, in_doubt;
    events
});
impl Flow {
    /// The flow as bytes, for a binding that cannot keep it itself. Its events are not part of them: take those first.
    ///
    /// Whoever has the bytes has the session: they stay where the request is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.live().map_or(0, |live| 3 * live.bytes.len());
        let mut bytes = Vec::with_capacity(256 + size);
        self.put(&mut bytes);
        bytes
    }

    /// A flow from its bytes. `None` for anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        Self::get(&mut bytes).filter(|_| bytes.is_empty())
    }

    /// A live session's record as last seen, without this request's uncommitted changes.
    pub fn record(&self) -> Option<&Record> {
        match &self.base {
            Base::Live(live) => Some(&live.record),
            _ => None,
        }
    }

    /// The named values as last seen, without this request's uncommitted changes.
    pub fn entries(&self) -> &[Entry] {
        self.record().map(|record| record.entries.as_slice()).unwrap_or_default()
    }

    /// Whether there is an id that nobody has looked up yet, or a sealed session that may have ended.
    pub const fn is_unread(&self) -> bool {
        matches!(self.base, Base::Unread | Base::Unchecked(_))
    }

    /// Counts how often what is known of the session was replaced by something that the handler has not seen.
    pub const fn basis(&self) -> u32 {
        self.basis
    }

    /// The Set-Cookie headers of what was committed so far.
    pub fn set_cookies(&self) -> &[String] {
        &self.set_cookies
    }

    /// What the last `take` took out.
    pub fn taken(&mut self) -> Option<Text> {
        self.taken.take()
    }

    /// Whether nobody can tell what the session holds: the outcome of a task is [unknown](crate::Refusal::StoreUnknown), or one was
    /// abandoned while its write was on its way. From then on every commit and every take is refused with that, but for the end
    /// of a session by a request that failed.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt || self.work.as_ref().is_some_and(|work| work.may_have_written())
    }

    /// A task begins, and one that was abandoned before is over. `ends`: all that it may do is to end the session.
    pub(super) fn begin(&mut self, ends: bool) -> Result<(), Refusal> {
        self.in_doubt = self.is_in_doubt();
        self.work = None;
        if self.in_doubt && !ends { Err(Refusal::StoreUnknown) } else { Ok(()) }
    }

    /// How often the store was asked.
    pub const fn calls(&self) -> Calls {
        self.calls
    }

    /// What an operator may want to know, since last asked.
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

    /// The time by which it is decided whether a session is live.
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

    /// Says why a cookie opens no session: once for each reason, however many cookies there are.
    pub(super) fn refuse(&mut self, reason: Reason) {
        let event = reason.event();
        if !self.events.contains(&event) {
            self.event(event);
        }
    }

    /// Another request changed the session: what the handler saw is no longer what is there.
    pub(super) fn replace(&mut self, base: Base) {
        self.base = base;
        self.basis = self.basis.wrapping_add(1);
    }
}

/// Never what a session holds, nor its cookie.
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
