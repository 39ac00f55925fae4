//! Revocation: what a destroyed sealed session leaves in a store, so that a copy of its cookie
//! opens nothing.
//!
//! A sealed cookie cannot be deleted from a stolen copy. So the end of the session is stored as a
//! revocation, under the session's handle, and every request checks for it first. The revocation is
//! a marker that is swapped in where nothing is stored. Of a logout and a rotation, the first one
//! wins. A logout follows a rotation to its successor.

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
    /// Whether a store is used: always, except for sealed sessions without revocations.
    pub const fn needs_store(&self) -> bool {
        !self.is_sealed() || self.policy.revocations
    }

    /// The store key of a sealed session's revocation.
    fn revocation_key(&self, handle: &Handle) -> StoreKey {
        StoreKey::new([&self.policy.namespace, ":revoked:", &base64::url(handle.as_bytes())].concat())
    }

    /// The store key of the revocation of this request's session; `None` if it cannot be revoked.
    pub(super) fn own_revocation_key(&self, flow: &Flow) -> Option<StoreKey> {
        let (Base::Live(live) | Base::Unchecked(live)) = &flow.base else { return None };
        // A session of an older dialect cannot be revoked before it is written in this dialect.
        let handle = live.record.handle.as_ref().filter(|_| self.policy.revocations && !live.adopted)?;
        Some(self.revocation_key(handle))
    }

    /// Until when a revocation is kept: as long as any copy of the session's cookie could open.
    fn revocation_expires_at(&self, flow: &Flow, hops: u8, now: Timestamp) -> Timestamp {
        let own = match &flow.base {
            Base::Live(live) | Base::Unchecked(live) if hops == 0 => live.record.deadline,
            _ => None,
        };
        // The deadline of a successor is unknown here, but the successor began before now.
        let most = || now.plus(self.policy.lifetime.absolute.unwrap_or(Duration::MAX));
        own.unwrap_or_else(most).plus(SKEW)
    }

    /// The revocation of a session. For a minute, requests with the old cookie stay anonymous, even
    /// if they change the session.
    pub(super) fn revocation(
        &self,
        call: &mut Call<'_>,
        hops: u8,
        successor: Option<StoreKey>,
    ) -> Result<Write, Refusal> {
        let marker = Marker { moved: Moved::Rotated, until: call.now.plus(ROTATE_MARKER), next: None, successor };
        let bytes = marker.encode(call.random.take()?);
        Ok(Write {
            bytes,
            expires_at: self.revocation_expires_at(call.flow, hops, call.now),
            owner: None,
            keeps: false,
        })
    }

    /// Starts to load the revocation of the cookie's session.
    pub(super) fn load_revocation(&self, flow: &mut Flow) -> Option<Step> {
        flow.work = None;
        self.own_revocation_key(flow).map(Step::Load)
    }

    /// Processes the answer to that load.
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

    /// Checks for a revocation again during a commit: the session may have ended since the request
    /// began.
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

    /// Updates the flow with the stored revocation; `None` means that the session is not revoked.
    fn apply_revocation(&self, flow: &mut Flow, found: Option<&Bytes>, now: Timestamp) {
        if found.is_some() {
            flow.revocation_key = self.own_revocation_key(flow);
        }
        let base = match (core::mem::take(&mut flow.base), found) {
            (Base::Unchecked(live), None) => Base::Live(live),
            (base, None) => base,
            // The session has ended, even if the revocation does not decode.
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

    /// Whether a commit must check for a revocation again.
    pub(super) fn must_check_revocation(&self, flow: &Flow, work: &Work) -> bool {
        !work.is_rechecked && self.own_revocation_key(flow).is_some()
    }

    /// Gives a sealed session another handle: the old handle is revoked first, then the cookie is
    /// sent.
    pub(super) fn rotate_sealed(&self, call: &mut Call<'_>, work: Box<Work>, record: Record) -> Result<Step, Refusal> {
        // The revocation must not be written before it is certain that the new session fits into
        // cookies.
        let cookies = self.sealed_cookies(call, &record)?;
        let successor = record.handle.as_ref().map(|handle| self.revocation_key(handle));
        let write = self.revocation(call, 0, successor)?;
        self.start_swap(call.flow, work, Stage::WritingRevocation { record, cookies }, write)
    }

    /// Processes the answer to the swap of a revocation.
    pub(super) fn revocation_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::WritingRevocation { record, cookies }, Resolved::Written(_)) => {
                Self::set_sealed(call.flow, record, cookies);
                Ok(Step::Done)
            }
            // A logout or another rotation was first.
            (_, Resolved::Conflict(_)) => self.session_ended(call, work),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// Keeps the sealed session as the live session, and sends its cookies.
    pub(super) fn set_sealed(flow: &mut Flow, record: Record, cookies: Vec<String>) {
        flow.set_cookies = cookies;
        flow.duplicates.is_duplicated = false;
        flow.base = Base::Live(Box::new(Live::stored(None, Bytes::new(), record)));
    }
}
