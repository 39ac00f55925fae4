//! Duplicates: two cookies of one name. The cookie that opens a session counts, in any order.
//!
//! Browsers send two cookies if a parent domain has a cookie of the same name, or if the cookie's
//! path, domain or partition changed. A cookie opens if its signature or seal verifies and its
//! session is live. At most two cookies are looked up. If both open, there is no session, because
//! the request does not say which one the visitor means. In the older dialects the first cookie
//! that opens counts, as in the original packages.

use alloc::{boxed::Box, vec::Vec};
use core::mem;

use super::{
    Engine,
    base::{Base, Live, OtherCookie},
    flow::Flow,
    lookup::record_in,
    work::Work,
};
use crate::{
    contract::Loaded,
    cookie::chunk,
    dialect::{Candidate, Opened},
    error::Reason,
};

/// The different values of each cookie of a sealed session: at most two of each name.
#[derive(Default)]
pub(super) struct CookieValues<'a> {
    each: [[Option<&'a [u8]>; 2]; chunk::MOST],
    /// The request has more than two different values of a name.
    has_too_many: bool,
}

impl<'a> CookieValues<'a> {
    pub(super) fn add(&mut self, index: usize, value: &'a [u8]) {
        let Some([first, second]) = self.each.get_mut(index) else { return };
        match (&first, &second) {
            (Some(known), _) | (_, Some(known)) if *known == value => {}
            (None, _) => *first = Some(value),
            (_, None) => *second = Some(value),
            (Some(_), Some(other)) => self.has_too_many |= *other != value,
        }
    }

    /// Every combination of chunks, with the position (0 or 1) of its first chunk.
    fn combinations(&self) -> impl Iterator<Item = (usize, [Option<&'a [u8]>; chunk::MOST])> {
        (0..1_usize << chunk::MOST).filter_map(|combination| {
            let mut chosen = [None; chunk::MOST];
            for (index, (slot, [first, second])) in chosen.iter_mut().zip(&self.each).enumerate() {
                *slot = if combination >> index & 1 == 0 { *first } else { Some((*second)?) };
            }
            // A combination that differs only in unused chunks is skipped.
            (combination >> chunk::count((*chosen.first()?)?) == 0).then_some((combination & 1, chosen))
        })
    }
}

impl Engine {
    /// Adds the value of a cookie that may be an id. Returns whether there are too many ids.
    pub(super) fn add_id(&self, flow: &mut Flow, candidate: Candidate<'_>) -> bool {
        let id = match self.policy.open(candidate, flow.began) {
            Ok(Opened::Id(id)) => id,
            Ok(Opened::Record(_)) => return false,
            Err(reason) => {
                flow.refuse(reason);
                return false;
            }
        };
        match (&flow.presented, &flow.duplicates.other) {
            (None, _) => {
                flow.presented = Some(id);
                flow.base = Base::Unread;
            }
            (Some(known), _) if *known == id => {}
            (_, None) => flow.duplicates.other = Some(OtherCookie::Id(id)),
            (_, Some(OtherCookie::Id(known))) if *known == id => {}
            _ => return !self.policy.can().first_counts,
        }
        false
    }

    /// Opens the cookies of a sealed session. Two copies of one session count as one: the copy with
    /// the later activity.
    pub(super) fn open_sealed(&self, flow: &mut Flow, values: &CookieValues<'_>) {
        let mut opened: Vec<(Box<Live>, Vec<u8>)> = Vec::new();
        let mut failures = [None; 2];
        let mut has_opened = [false; 2];
        for (place, chosen) in values.combinations() {
            let mut fail = |reason| {
                if let Some(slot) = failures.get_mut(place) {
                    *slot = Some(reason);
                }
            };
            let joined = if self.policy.suffixes().len() > 1 {
                chunk::join(&chosen)
            } else {
                chosen.first().copied().flatten().map(Into::into)
            };
            let Some(value) = joined else {
                fail(Reason::Incomplete);
                continue;
            };
            let text = match self.policy.open(Candidate::Seal(&value), flow.began) {
                Ok(Opened::Record(text)) => text,
                Ok(Opened::Id(_)) => continue,
                Err(reason) => {
                    fail(reason);
                    continue;
                }
            };
            if let Some(slot) = has_opened.get_mut(place) {
                *slot = true;
            }
            let loaded = Loaded { bytes: text.into(), expires_at: None };
            match record_in(&self.policy, &loaded, None, flow.began) {
                Ok(live) => match opened.iter_mut().find(|(other, _)| other.record.handle == live.record.handle) {
                    Some(known)
                        if self.policy.can().first_counts
                            || (known.0.record.last_active, &known.1) > (live.record.last_active, &value) => {}
                    Some(known) => *known = (live, value),
                    None => opened.push((live, value)),
                },
                Err(reason) => flow.refuse(reason),
            }
        }
        for (failure, has_opened) in failures.into_iter().zip(has_opened) {
            if let Some(reason) = failure.filter(|_| !has_opened) {
                flow.refuse(reason);
            }
        }
        let mut opened = opened.into_iter().map(|(live, _)| live);
        let first_counts = self.policy.can().first_counts;
        match (opened.next(), opened.next().filter(|_| !first_counts), opened.next()) {
            (Some(_), Some(_), third) if third.is_some() || values.has_too_many || !self.policy.revocations => {
                self.refuse_duplicates(flow);
            }
            (Some(_), None, _) if values.has_too_many && !first_counts => self.refuse_duplicates(flow),
            (Some(first), second, _) => {
                flow.duplicates.other = second.map(OtherCookie::Sealed);
                flow.base = if self.policy.revocations { Base::Unchecked(first) } else { Base::Live(first) };
            }
            _ => {}
        }
    }

    /// Refuses all cookies: it cannot be decided which one counts. There is no session.
    pub(super) fn refuse_duplicates(&self, flow: &mut Flow) {
        flow.duplicates.is_decided = true;
        flow.base = Base::Absent;
        flow.refuse(Reason::Duplicate);
        flow.set_cookies = self.former_removals(flow);
    }

    /// After a cookie is looked up: returns the other cookie if it must be looked up too. Otherwise
    /// decides which cookie counts.
    pub(super) fn other_cookie(&self, flow: &mut Flow) -> Option<OtherCookie> {
        if flow.duplicates.is_decided {
            return None;
        }
        if let Some(first) = flow.duplicates.first.take() {
            self.decide(flow, *first);
            return None;
        }
        if self.policy.can().first_counts && flow.live().is_some() {
            flow.duplicates.is_decided = true;
            return None;
        }
        let other = flow.duplicates.other.take()?;
        let base = match &other {
            OtherCookie::Id(id) => {
                flow.duplicates.other = flow.presented.replace(id.clone()).map(OtherCookie::Id);
                Base::Unread
            }
            OtherCookie::Sealed(live) => {
                flow.duplicates.other = Some(other.clone());
                Base::Unchecked(live.clone())
            }
        };
        flow.duplicates.first = Some(Box::new(mem::replace(&mut flow.base, base)));
        Some(other)
    }

    fn decide(&self, flow: &mut Flow, first: Base) {
        let base = match (first, mem::take(&mut flow.base)) {
            // The two ids are an id and its renewed id.
            (Base::Live(first), Base::Live(second)) if first.id.is_some() && first.id == second.id => {
                Base::Live(if first.followed { first } else { second })
            }
            (Base::Live(first), Base::Live(_)) => {
                // A logout destroys both sessions.
                flow.duplicates.first = Some(Box::new(Base::Live(first)));
                self.refuse_duplicates(flow);
                Base::Absent
            }
            (Base::Live(first), _) => {
                if let Some(OtherCookie::Id(id)) = &mut flow.duplicates.other
                    && let Some(presented) = &mut flow.presented
                {
                    mem::swap(id, presented);
                }
                Base::Live(first)
            }
            (_, Base::Live(second)) => Base::Live(second),
            (Base::Blocked, _) | (_, Base::Blocked) => Base::Blocked,
            _ => Base::Absent,
        };
        flow.duplicates.is_decided = true;
        flow.replace(base);
    }

    /// Whether the request has another session that a logout must destroy. The flow then holds that
    /// session.
    pub(super) fn next_to_destroy(&self, flow: &mut Flow, work: &mut Work) -> bool {
        work.is_rechecked = false;
        flow.duplicates.is_decided = true;
        let first = flow.duplicates.first.take().filter(|_| self.is_sealed());
        let base = match (first, flow.duplicates.other.take()) {
            (Some(first), other) => {
                flow.duplicates.other = other;
                *first
            }
            (None, Some(OtherCookie::Sealed(live))) => Base::Unchecked(live),
            (None, Some(OtherCookie::Id(id))) => {
                flow.presented = Some(id);
                Base::Absent
            }
            (None, None) => return false,
        };
        flow.base = base;
        true
    }
}
