//! Lookup: from an id to its session. It follows the markers of renewed ids and loads from the
//! stores of accepted dialects.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    base::{AcceptedKey, Base, Live, OtherCookie},
    flow::Call,
    flow::Flow,
    step::{Answer, Step},
    swap::Resolved,
    work::{PendingLoad, Stage, Work},
};
use crate::{
    contract::Loaded,
    error::{Event, Reason, Refusal},
    id::Id,
    policy::Policy,
    record::{self, Moved, Stored},
    seal::renew,
    time::Timestamp,
};

/// How many markers of renewed ids one request follows.
pub(super) const MOST_HOPS: u8 = 4;

/// What is stored under a key.
pub(super) enum Lookup {
    Live(Box<Live>),
    /// The id was renewed. This is the next id.
    Moved(Id),
    Absent(Reason),
}

/// Where to look next.
pub(super) enum NextLoad {
    /// Nowhere: the session is live, or it is absent for this reason.
    None(Option<Reason>),
    /// Under the id in a marker.
    Id(Id),
    /// In the store of an accepted dialect.
    Accepted(Id),
}

impl Engine {
    /// Looks up the session, if the flow has an id that is not looked up yet or a sealed session
    /// that may be revoked.
    pub fn load(&self, flow: &mut Flow) -> Step {
        match (&flow.base, flow.presented.clone()) {
            (Base::Unchecked(_), _) => {
                let step = self.load_revocation(flow).unwrap_or(Step::Done);
                flow.count(&step);
                step
            }
            (Base::Unread, Some(id)) => {
                flow.work = None;
                let step = if flow.is_accepted && self.is_sealed() {
                    look_up_accepted(flow, id)
                } else {
                    self.look_up(flow, id, 0)
                };
                flow.count(&step);
                step
            }
            _ => Step::Done,
        }
    }

    fn look_up(&self, flow: &mut Flow, id: Id, hops: u8) -> Step {
        let key = self.key(flow.host.as_ref(), &id);
        flow.pending_load =
            Some(PendingLoad { id, key: Some(key.clone()), hops, is_accepted: false, is_cleanup: false });
        Step::Load(key)
    }

    /// Processes the answer to a load that is not part of a commit, take or destroy.
    pub(super) fn load_answered(&self, call: &mut Call<'_>, answer: Answer) -> Result<Step, Refusal> {
        if matches!(call.flow.base, Base::Unchecked(_)) {
            return self.revocation_load_answered(call, answer);
        }
        let flow = &mut *call.flow;
        let mut pending_load = flow.pending_load.take().ok_or(Refusal::OutOfOrder)?;
        let found = match answer {
            Answer::Loaded(found) => found,
            // A failed delete of an expired record is no error. A later request deletes the record.
            Answer::Deleted | Answer::Failed(_) if pending_load.is_cleanup => return Ok(Step::Done),
            Answer::Failed(_) => return Err(Refusal::StoreUnavailable),
            _ => return Err(Refusal::OutOfOrder),
        };
        let next = if pending_load.is_accepted {
            NextLoad::None(self.update_base_accepted(call, &pending_load.id, found.as_ref()))
        } else {
            self.update_base(call, &mut pending_load.hops, &pending_load.id, found.as_ref())
        };
        let flow = &mut *call.flow;
        let reason = match next {
            NextLoad::Id(id) => return Ok(self.look_up(flow, id, pending_load.hops)),
            NextLoad::Accepted(id) => return Ok(look_up_accepted(flow, id)),
            NextLoad::None(reason) => reason,
        };
        if let Base::Live(live) = &mut flow.base
            && !live.adopted
        {
            live.key = pending_load.key.take();
        }
        if let Some(OtherCookie::Id(id)) = self.other_cookie(flow) {
            return Ok(self.look_up(flow, id, 0));
        }
        if flow.live().is_none() && self.policy.can().deletes_expired && reason == Some(Reason::Expired) {
            let key = pending_load.key.take().unwrap_or_else(|| self.key(flow.host.as_ref(), &pending_load.id));
            pending_load.is_cleanup = true;
            flow.pending_load = Some(pending_load);
            return Ok(Step::Delete(key));
        }
        Ok(Step::Done)
    }

    /// Processes the answer to a load inside a task.
    pub(super) fn lookup_answered(
        &self,
        call: &mut Call<'_>,
        work: Box<Work>,
        stage: Stage,
        resolved: Resolved,
    ) -> Result<Step, Refusal> {
        match (stage, resolved) {
            (Stage::Loading(id), Resolved::Loaded(found)) => self.loaded(call, work, &id, found.as_ref()),
            (Stage::LoadingAccepted(id), Resolved::Loaded(found)) => {
                self.update_base_accepted(call, &id, found.as_ref());
                self.proceed(call, work)
            }
            (Stage::CheckingRevocation, Resolved::Loaded(found)) => {
                self.revocation_checked(call, work, found.map(|loaded| loaded.bytes).as_ref())
            }
            // Nothing is left to write; the load only checks a cookie before it is sent, so its
            // failure is no error. The cookie is not sent if the browser has its id already or
            // reaches it through a marker, because a login may have replaced the id. It is sent if
            // the browser has no other way to the session: the id is new, or the marker of the
            // renewed id may be over.
            (Stage::Loading(_), Resolved::Failed(_)) if work.is_rechecked => {
                let flow = &call.flow;
                let is_marked = call.now < flow.began.plus(self.policy.grace);
                let is_found = |live: &Live| live.id == flow.presented || (live.followed && is_marked);
                if work.hops > 0 || flow.live().is_some_and(is_found) {
                    call.flow.set_cookies.clear();
                }
                Ok(Step::Done)
            }
            (_, Resolved::Failed(_)) => Err(Refusal::StoreUnavailable),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    fn loaded(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        id: &Id,
        found: Option<&Loaded>,
    ) -> Result<Step, Refusal> {
        let was_live = call.flow.live().is_some();
        let followed = call.flow.live().is_some_and(|live| live.followed);
        match self.update_base(call, &mut work.hops, id, found) {
            NextLoad::Id(next) => return Ok(self.start_load(call.flow, work, next)),
            NextLoad::Accepted(id) => return Ok(start_load_accepted(call.flow, work, id)),
            NextLoad::None(_) => {}
        }
        if !was_live && let Some(OtherCookie::Id(next)) = self.other_cookie(call.flow) {
            work.hops = 0;
            return Ok(self.start_load(call.flow, work, next));
        }
        if let Base::Live(live) = &mut call.flow.base {
            live.followed |= followed;
        }
        if was_live && call.flow.live().is_none() { self.session_ended(call, work) } else { self.proceed(call, work) }
    }

    pub(super) fn start_load(&self, flow: &mut Flow, mut work: Box<Work>, id: Id) -> Step {
        if flow.is_accepted && self.is_sealed() {
            return start_load_accepted(flow, work, id);
        }
        let key = self.key(flow.host.as_ref(), &id);
        work.stage = Stage::Loading(id);
        flow.work = Some(work);
        Step::Load(key)
    }

    /// Says what is stored under the key of an id at the time of the request.
    pub(super) fn classify(&self, call: &Call<'_>, loaded: &Loaded, id: &Id) -> Lookup {
        let now = call.flow.judged_at(call.now);
        let marker = match self.policy.decode(loaded, Some(id)) {
            Ok(Stored::Marker(marker)) => marker,
            stored => return live(stored, &loaded.bytes, Some(id), now).map_or_else(Lookup::Absent, Lookup::Live),
        };
        match (marker.moved, marker.next) {
            _ if marker.until <= now => Lookup::Absent(Reason::UnknownId),
            (Moved::Rotated, _) => Lookup::Absent(Reason::RotatedAway),
            (Moved::Renewed, next) => {
                let key = self.key(call.flow.host.as_ref(), id);
                let next = next.and_then(|next| renew::reveal(&next, id, &key));
                next.map_or(Lookup::Absent(Reason::Undecodable), Lookup::Moved)
            }
        }
    }

    /// Updates the flow with what is stored under the key of `id`, and returns where to look next.
    pub(super) fn update_base(&self, call: &mut Call<'_>, hops: &mut u8, id: &Id, found: Option<&Loaded>) -> NextLoad {
        if found.is_none() && call.flow.is_accepted && *hops == 0 {
            return NextLoad::Accepted(id.clone());
        }
        match found.map_or(Lookup::Absent(Reason::UnknownId), |loaded| self.classify(call, loaded, id)) {
            Lookup::Live(mut live) => {
                live.followed = *hops > 0;
                if live.followed {
                    call.flow.event(Event::FollowedMarker);
                }
                call.flow.replace(Base::Live(live));
                NextLoad::None(None)
            }
            Lookup::Moved(next) if *hops < MOST_HOPS => {
                *hops += 1;
                NextLoad::Id(next)
            }
            Lookup::Moved(_) => NextLoad::None(Some(set_absent(call.flow, Reason::UnknownId))),
            Lookup::Absent(reason) => NextLoad::None(Some(set_absent(call.flow, reason))),
        }
    }

    /// Updates the flow with what an accepted dialect stores under `id`. Returns the reason if
    /// there is no session.
    pub(super) fn update_base_accepted(&self, call: &mut Call<'_>, id: &Id, found: Option<&Loaded>) -> Option<Reason> {
        let flow = &mut *call.flow;
        let entry = flow.accepted.first().map(|accepted| usize::from(accepted.entry));
        let accepted = entry.and_then(|entry| self.policy.accepted.get(entry));
        let now = flow.judged_at(call.now);
        let seen = match (accepted, found) {
            (Some(accepted), Some(loaded)) => record_in(&accepted.policy, loaded, Some(id), now),
            _ => Err(Reason::UnknownId),
        };
        match seen {
            Ok(live) => {
                let expires_at = live.record.expires_at();
                if let Some(accepted_key) = flow.accepted.first_mut() {
                    accepted_key.until = accepted_key.until.min(expires_at);
                }
                flow.event(Event::Adopted);
                flow.replace(Base::Live(self.adopt(live, call.now)));
                None
            }
            Err(reason) => Some(set_absent(flow, reason)),
        }
    }
}

/// The session in a cookie or in the store of an accepted dialect. A marker is not accepted there.
pub(super) fn record_in(
    policy: &Policy,
    loaded: &Loaded,
    id: Option<&Id>,
    now: Timestamp,
) -> Result<Box<Live>, Reason> {
    live(policy.decode(loaded, id), &loaded.bytes, id, now)
}

/// The stored session if it is live. A sealed session needs no witness.
fn live(
    stored: Result<Stored, record::Undecodable>,
    bytes: &Bytes,
    id: Option<&Id>,
    now: Timestamp,
) -> Result<Box<Live>, Reason> {
    match stored {
        Ok(Stored::Record(record)) if record.expires_at() <= now => Err(Reason::Expired),
        Ok(Stored::Record(record)) => {
            let bytes = if id.is_some() { bytes.clone() } else { Bytes::new() };
            Ok(Box::new(Live::stored(id.cloned(), bytes, record)))
        }
        Ok(Stored::Marker(_)) | Err(record::Undecodable) => Err(Reason::Undecodable),
    }
}

/// The request has no session, or has none any more. No session cookie is sent.
fn set_absent(flow: &mut Flow, reason: Reason) -> Reason {
    flow.set_cookies.clear();
    flow.refuse(reason);
    flow.replace(if reason == Reason::RotatedAway { Base::Blocked } else { Base::Absent });
    reason
}

fn look_up_accepted(flow: &mut Flow, id: Id) -> Step {
    let Some(AcceptedKey { entry, key, .. }) = flow.accepted.first() else { return Step::Done };
    let step = Step::LoadAccepted { entry: (*entry).into(), key: key.clone() };
    flow.pending_load = Some(PendingLoad { id, key: None, hops: 0, is_accepted: true, is_cleanup: false });
    step
}

pub(super) fn start_load_accepted(flow: &mut Flow, mut work: Box<Work>, id: Id) -> Step {
    let Some(AcceptedKey { entry, key, .. }) = flow.accepted.first() else { return Step::Done };
    let step = Step::LoadAccepted { entry: (*entry).into(), key: key.clone() };
    work.stage = Stage::LoadingAccepted(id);
    flow.work = Some(work);
    step
}
