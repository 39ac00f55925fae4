//! Revocation: what a sealed session leaves in a store when it ends, so that nobody can use a copy of its cookie.
//!
//! A cookie that is the store cannot be taken back. So the end of such a session is noted in a small store, under the
//! session's handle, and everybody looks there first. The note is a marker, put down where nothing lies yet: whoever is
//! first, a logout or a rotation, has won, and a logout follows a rotation to its successor.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use bytes::Bytes;
use okibi_crypto::base64;

use super::{
    Engine,
    base::{Base, Live},
    flow::Call,
    flow::Flow,
    step::{Answer, Step},
    swap::Resolved,
    work::{Stage, Work},
};
use crate::{
    contract::Write,
    error::{Reason, Refusal},
    id::{Handle, StoreKey},
    policy::{ROTATE_MARKER, SKEW},
    record::{self, Marker, Moved, Record, Stored},
    time::Timestamp,
};

impl Engine {
    /// Whether a store is asked at all: always, unless the cookie is the store and its end is noted nowhere.
    pub const fn needs_store(&self) -> bool {
        !self.is_sealed() || self.policy.revocations
    }

    /// Where the end of a sealed session is revocation_key.
    fn revocation_key(&self, handle: &Handle) -> StoreKey {
        StoreKey::new([&self.policy.namespace, ":revoked:", &base64::url(handle.as_bytes())].concat())
    }

    /// The same for the session of this request, if its end can be revocation_key.
    pub(super) fn own_revocation_key(&self, flow: &Flow) -> Option<StoreKey> {
        let (Base::Live(live) | Base::Unchecked(live)) = &flow.base else { return None };
        // What comes from an older dialect has no note: it can be taken over again until that ends.
        let handle = live.record.handle.as_ref().filter(|_| self.policy.revocations && !live.adopted)?;
        Some(self.revocation_key(handle))
    }

    /// Until when a note must be kept: as long as any copy of the session's cookie could open.
    fn revocation_expires_at(&self, flow: &Flow, hops: u8, now: Timestamp) -> Timestamp {
        let own = match &flow.base {
            Base::Live(live) | Base::Unchecked(live) if hops == 0 => live.record.deadline,
            _ => None,
        };
        // A successor that nobody here has seen began before now.
        let most = || now.plus(self.policy.lifetime.absolute.unwrap_or(Duration::MAX));
        own.unwrap_or_else(most).plus(SKEW)
    }

    /// The note that ends a session: for a minute whoever comes with it stays anonymous, whatever their request does.
    pub(super) fn revocation(
        &self,
        call: &mut Call<'_>,
        hops: u8,
        successor: Option<StoreKey>,
    ) -> Result<Write, Refusal> {
        let marker = Marker { moved: Moved::Rotated, until: call.now.plus(ROTATE_MARKER), next: None, successor };
        let bytes = marker.encode(call.random.take()?);
        Ok(Write { bytes, expires_at: self.revocation_expires_at(call.flow, hops, call.now), owner: None })
    }

    /// Asks whether the session of the cookie has ended.
    pub(super) fn load_revocation(&self, flow: &mut Flow) -> Option<Step> {
        flow.work = None;
        self.own_revocation_key(flow).map(Step::Load)
    }

    /// Takes in the answer to that.
    pub(super) fn revocation_load_answered(&self, call: &mut Call<'_>, answer: Answer) -> Result<Step, Refusal> {
        let flow = &mut *call.flow;
        match answer {
            Answer::Loaded(found) => self.apply_revocation(flow, found.map(|loaded| loaded.bytes).as_ref(), call.now),
            Answer::Failed(_) => return Err(Refusal::StoreUnavailable),
            _ => return Err(Refusal::OutOfOrder),
        }
        let next = self.other_cookie(flow).and_then(|_| self.load_revocation(flow));
        Ok(next.unwrap_or(Step::Done))
    }

    /// The same in the middle of a commit: what was looked up when the request began may be over by now.
    pub(super) fn start_revocation_check(&self, flow: &mut Flow, mut work: Box<Work>) -> Result<Step, Refusal> {
        let key = self.own_revocation_key(flow).ok_or(Refusal::OutOfOrder)?;
        work.stage = Stage::CheckingRevocation;
        flow.work = Some(work);
        Ok(Step::Load(key))
    }

    pub(super) fn revocation_checked(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        found: Option<&Bytes>,
    ) -> Result<Step, Refusal> {
        let was_live = call.flow.live().is_some();
        if !was_live || found.is_some() {
            self.apply_revocation(call.flow, found, call.now);
        }
        if !was_live && self.other_cookie(call.flow).is_some() {
            return self.start_revocation_check(call.flow, work);
        }
        work.is_rechecked = true;
        if was_live && call.flow.live().is_none() { self.session_ended(call, work) } else { self.proceed(call, work) }
    }

    /// What a note, or that there is none, says of the session of the cookie.
    fn apply_revocation(&self, flow: &mut Flow, found: Option<&Bytes>, now: Timestamp) {
        if found.is_some() {
            flow.revocation_key = self.own_revocation_key(flow);
        }
        let base = match (core::mem::take(&mut flow.base), found) {
            (Base::Unchecked(live), None) => Base::Live(live),
            (base, None) => base,
            // It has ended, whatever the note says besides.
            (_, Some(bytes)) => {
                flow.set_cookies.clear();
                flow.refuse(Reason::Revoked);
                match record::decode(bytes, &self.policy.limits) {
                    Ok(Stored::Marker(marker)) if marker.until > now => Base::Blocked,
                    _ => Base::Absent,
                }
            }
        };
        flow.replace(base);
    }

    /// Whether the next step of a commit is to look once more whether the session has ended.
    pub(super) fn must_check_revocation(&self, flow: &Flow, work: &Work) -> bool {
        !work.is_rechecked && self.own_revocation_key(flow).is_some()
    }

    /// A sealed session gets another handle: the end of the one before is revocation_key, then the cookie goes out.
    pub(super) fn rotate_sealed(&self, call: &mut Call<'_>, work: Box<Work>, record: Record) -> Result<Step, Refusal> {
        // Before anything is written, it must be certain that the new one fits into cookies.
        let cookies = self.sealed_cookies(call, &record)?;
        let successor = record.handle.as_ref().map(|handle| self.revocation_key(handle));
        let write = self.revocation(call, 0, successor)?;
        self.start_swap(call.flow, work, Stage::Revoking { record, cookies }, write)
    }

    /// What the answer to the swap of a note means.
    pub(super) fn revoke_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::Revoking { record, cookies }, Resolved::Written(_)) => {
                Self::set_sealed(call.flow, record, cookies);
                Ok(Step::Done)
            }
            // A logout or another rotation was first.
            (_, Resolved::Conflict(_)) => self.session_ended(call, work),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The cookie of a sealed session goes out.
    pub(super) fn set_sealed(flow: &mut Flow, record: Record, cookies: Vec<String>) {
        flow.set_cookies = cookies;
        flow.duplicates.is_duplicated = false;
        flow.base = Base::Live(Box::new(Live::stored(None, Bytes::new(), record)));
    }
}
