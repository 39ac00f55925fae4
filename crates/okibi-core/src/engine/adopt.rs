//! Adoption: sessions of accepted dialects are found by their cookies, loaded from their own
//! stores, and written in the configured dialect.

use alloc::{boxed::Box, vec::Vec};
use core::mem;

use super::{
    Engine,
    base::{AcceptedKey, Base, Live},
    flow::Call,
    flow::Flow,
    lookup::record_in,
    step::Step,
    work::{Stage, Work},
};
use crate::{
    contract::Loaded,
    dialect::{Candidate, Opened},
    error::Refusal,
    policy::Accepted,
    record::Record,
    time::Timestamp,
};

/// The cookies of accepted dialects in a request, each with the index of its dialect. At most two
/// different values of each cookie are kept. The first value that opens counts, as in the older
/// packages.
pub(super) type AcceptedCookies<'a> = Vec<(usize, Candidate<'a>)>;

impl Engine {
    /// Adds a cookie if it belongs to an accepted dialect and that dialect's `until` is not over.
    /// Returns whether it does.
    pub(super) fn add_accepted<'a>(
        &self,
        flow: &mut Flow,
        cookies: &mut AcceptedCookies<'a>,
        name: &[u8],
        value: &'a [u8],
    ) -> bool {
        let mut is_one = false;
        for (index, accepted) in self.policy.accepted.iter().enumerate() {
            let policy = &accepted.policy;
            if flow.began >= accepted.until || policy.cookie.name.as_bytes() != name {
                continue;
            }
            let Ok(candidate) = policy.parse(value) else { continue };
            is_one = true;
            flow.accepted_seen |= 1 << index;
            let mut known = cookies.iter().filter(|(other, _)| *other == index);
            let (first, second) = (known.next(), known.next());
            if second.is_none() && first.is_none_or(|(_, first)| *first != candidate) {
                cookies.push((index, candidate));
            }
        }
        is_one
    }

    /// Opens the cookies of accepted dialects. The first one counts, but only if the request has no
    /// cookie of the configured dialect. Even an invalid one blocks adoption: otherwise a logout
    /// would be undone.
    pub(super) fn open_accepted(&self, flow: &mut Flow, cookies: &AcceptedCookies<'_>) {
        for (index, accepted) in self.policy.accepted.iter().enumerate() {
            for (_, candidate) in cookies.iter().filter(|(other, _)| *other == index) {
                self.open_one_accepted(flow, (index, accepted), candidate.clone());
            }
        }
    }

    fn open_one_accepted(&self, flow: &mut Flow, (index, accepted): (usize, &Accepted), candidate: Candidate<'_>) {
        let now = flow.began;
        let counts = flow.accepted.is_empty()
            && !flow.is_accepted
            && flow.names_seen & !same_name(self, index) == 0
            && matches!(flow.base, Base::Absent);
        match accepted.policy.open(candidate, now) {
            Ok(Opened::Id(id)) => {
                let key = accepted.policy.key(flow.host.as_ref().map(crate::text::Text::as_str), &id);
                let entry = u8::try_from(index).unwrap_or(u8::MAX);
                flow.accepted.push(AcceptedKey { entry, key, until: accepted.until });
                if counts {
                    flow.is_accepted = true;
                    flow.presented = Some(id);
                    flow.base = Base::Unread;
                }
            }
            Ok(Opened::Record(text)) if counts => {
                let loaded = Loaded { bytes: text.into(), expires_at: None };
                match record_in(&accepted.policy, &loaded, None, now) {
                    Ok(live) => flow.base = Base::Live(self.adopt(live, now)),
                    Err(reason) => flow.refuse(reason),
                }
            }
            Ok(Opened::Record(_)) => {}
            Err(reason) => flow.refuse(reason),
        }
    }

    /// Converts a session of an older dialect into a session of this dialect that begins now.
    pub(super) fn adopt(&self, live: Box<Live>, now: Timestamp) -> Box<Live> {
        let policy = &self.policy;
        let Live { id, record, .. } = *live;
        let record = Record {
            handle: record.handle,
            created: now,
            last_active: now,
            idle: policy.lifetime.idle,
            deadline: policy.lifetime.absolute.map(|absolute| now.plus(absolute)),
            absolute: None,
            persistent: policy.persistent,
            owner: None,
            label: None,
            entries: record.entries,
            unknown: Vec::new(),
        };
        Box::new(Live { adopted: true, ..Live::stored(id, bytes::Bytes::new(), record) })
    }

    /// Seals the record into the cookie. If the session is stored by an accepted dialect, it is
    /// deleted there first.
    pub(super) fn seal_or_adopt(
        &self,
        call: &mut Call<'_>,
        mut work: Box<Work>,
        record: Record,
    ) -> Result<Step, Refusal> {
        let is_stored = call.flow.live().is_some_and(|live| live.adopted && live.id.is_some());
        let Some(AcceptedKey { entry, key, .. }) = call.flow.accepted.first().filter(|_| is_stored) else {
            return self.seal(call, record);
        };
        let step = Step::DeleteAccepted { entry: (*entry).into(), key: key.clone() };
        // The delete must not happen before it is certain that the session fits into cookies.
        let cookies = self.sealed_cookies(call, &record)?;
        work.stage = Stage::Adopting { record, cookies };
        call.flow.work = Some(work);
        Ok(step)
    }

    /// Starts to delete the adopted session from the store of its dialect, after the session is
    /// destroyed. Returns the work if there is nothing to delete.
    pub(super) fn start_delete_accepted(flow: &mut Flow, mut work: Box<Work>) -> Result<Step, Box<Work>> {
        let mut accepted = mem::take(&mut flow.accepted);
        let Some(AcceptedKey { entry, key, .. }) = accepted.pop() else { return Err(work) };
        flow.accepted = accepted;
        work.stage = Stage::DestroyDeletingAccepted;
        flow.work = Some(work);
        Ok(Step::DeleteAccepted { entry: entry.into(), key })
    }
}

/// The bit of the configured cookie's name, if the accepted dialect uses the same name. Then the
/// form of the value decides which dialect the cookie belongs to.
fn same_name(engine: &Engine, index: usize) -> u8 {
    let accepted = engine.policy.accepted.get(index);
    u8::from(accepted.is_some_and(|accepted| accepted.policy.cookie.name == engine.policy.cookie.name))
}
