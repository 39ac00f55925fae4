//! Which Set-Cookie headers go out.

use alloc::{string::String, vec::Vec};

use super::{Engine, flow::Flow};
use crate::{cookie::chunk, error::Refusal, id::Id, random::Random, record::Record, time::Timestamp};

impl Engine {
    /// Headers that set the id's cookie, and clear its former ones and those of accepted dialects.
    pub(super) fn id_cookies(
        &self,
        flow: &Flow,
        id: &Id,
        record: &Record,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Vec<String>, Refusal> {
        let value = self.policy.write_id(id, now, random)?;
        let cookie = self.policy.cookie_on(flow.host());
        let set = value.map(|value| cookie.set("", &value, self.policy.max_age(record, now)));
        Ok(self.former_removals(flow).chain(set).chain(self.accepted_removals(flow)).collect())
    }

    /// Headers that set the sealed cookie, and clear what an earlier, longer one left. Those that set it are measured.
    pub(super) fn sealed_cookies(
        &self,
        chunks: &[String],
        flow: &Flow,
        record: &Record,
        now: Timestamp,
    ) -> Result<Vec<String>, Refusal> {
        let max_age = self.policy.max_age(record, now);
        let mut total = 0;
        let set = chunks.iter().zip(chunk::SUFFIXES).map(|(value, suffix)| {
            let header = self.policy.cookie.set(suffix, value, max_age);
            total += header.len();
            header
        });
        let set = set.chain(self.own_removals(flow, chunks.len()));
        let cookies = self.former_removals(flow).chain(set).chain(self.accepted_removals(flow)).collect();
        if total > self.policy.max_cookie_bytes { Err(Refusal::CookieTooLarge) } else { Ok(cookies) }
    }

    /// Headers that remove every cookie of a session that the request had.
    pub(super) fn removals(&self, flow: &Flow) -> Vec<String> {
        self.own_removals(flow, 0).chain(self.former_removals(flow)).chain(self.accepted_removals(flow)).collect()
    }

    /// Headers that remove those of the cookies that the request had, from the `first` on.
    pub(super) fn own_removals(&self, flow: &Flow, first: usize) -> impl Iterator<Item = String> {
        let (seen, cookie) = (flow.names_seen, self.policy.cookie_on(flow.host()));
        (first..chunk::MOST)
            .filter(move |index| seen >> index & 1 == 1)
            .filter_map(move |index| chunk::SUFFIXES.get(index).map(|suffix| cookie.remove(suffix)))
    }

    /// Headers that remove the cookies of accepted dialects that the request had, but none that this response sets.
    pub(super) fn accepted_removals(&self, flow: &Flow) -> impl Iterator<Item = String> {
        let own = self.policy.cookie_on(flow.host());
        let seen = self.policy.accepted.iter().enumerate().filter(|(index, _)| flow.accepted_seen >> index & 1 == 1);
        seen.map(|(_, accepted)| accepted.policy.cookie_on(flow.host()))
            .filter(move |cookie| !cookie.is_same(&own))
            .map(|cookie| cookie.remove(""))
    }

    /// The cookies that are the record.
    pub(super) fn sealed(
        &self,
        flow: &Flow,
        record: &Record,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Vec<String>, Refusal> {
        let name = &self.policy.cookie.name;
        let text = self.encode(record, None, random)?;
        let (value, chunks) = self.policy.seal_record(&text, now, random)?.ok_or(Refusal::OutOfOrder)?;
        let parts = chunk::split(name, &value, chunks).ok_or(Refusal::CookieTooLarge)?;
        self.sealed_cookies(&parts, flow, record, now)
    }

    /// Headers that remove the cookie as it was before, with the attributes that the configuration names. They come first: to a
    /// browser that does not know `Partitioned` it may be the very cookie that is set next.
    pub(super) fn former_removals(&self, flow: &Flow) -> impl Iterator<Item = String> {
        let seen = flow.names_seen | 1;
        self.policy.former.iter().flat_map(move |former| {
            let names = chunk::SUFFIXES.iter().enumerate().filter(move |(index, _)| seen >> index & 1 == 1);
            names.map(|(_, suffix)| former.remove(suffix))
        })
    }
}
