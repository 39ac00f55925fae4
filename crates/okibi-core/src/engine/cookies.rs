//! The Set-Cookie headers of a response.

use alloc::{string::String, vec::Vec};

use super::{
    Engine,
    flow::{Call, Flow},
};
use crate::{cookie::chunk, error::Refusal, id::Id, record::Record, time::Timestamp};

impl Engine {
    /// Headers that set the cookie of the id.
    pub(super) fn id_cookies(&self, call: &mut Call<'_>, id: &Id, record: &Record) -> Result<Vec<String>, Refusal> {
        let value = self.policy.write_id(id, call.now, call.random)?;
        self.cookies(call.flow, value.as_slice(), record, call.now)
    }

    /// Headers that set the cookies of a sealed record.
    pub(super) fn sealed_cookies(&self, call: &mut Call<'_>, record: &Record) -> Result<Vec<String>, Refusal> {
        let text = self.encode(record, None, call.random)?;
        let (value, chunks) = self.policy.seal_record(&text, call.now, call.random)?.ok_or(Refusal::OutOfOrder)?;
        let parts = chunk::split(&self.policy.cookie.name, &value, chunks).ok_or(Refusal::CookieTooLarge)?;
        self.cookies(call.flow, &parts, record, call.now)
    }

    /// Headers that set the cookie to `values`, one value for each chunk. They also remove former
    /// cookies, unused chunks, and the cookies of accepted dialects. For a sealed session, the size
    /// of the headers that set cookies is limited.
    fn cookies(&self, flow: &Flow, values: &[String], record: &Record, now: Timestamp) -> Result<Vec<String>, Refusal> {
        let (max_age, cookie) = (self.policy.max_age(record, now), self.policy.cookie_on(flow.host()));
        let (mut cookies, mut total) = (self.former_removals(flow), 0);
        for (value, suffix) in values.iter().zip(chunk::SUFFIXES) {
            let header = cookie.set(suffix, value, max_age);
            total += header.len();
            cookies.push(header);
        }
        if self.is_sealed() && total > self.policy.max_cookie_bytes {
            return Err(Refusal::CookieTooLarge);
        }
        self.remove_own(flow, values.len(), &mut cookies);
        self.remove_accepted(flow, &mut cookies);
        Ok(cookies)
    }

    /// Headers that remove every session cookie that the request sent.
    pub(super) fn removals(&self, flow: &Flow) -> Vec<String> {
        let mut cookies = Vec::new();
        self.remove_own(flow, 0, &mut cookies);
        cookies.append(&mut self.former_removals(flow));
        self.remove_accepted(flow, &mut cookies);
        cookies
    }

    /// Removes the cookies that the request sent, starting at chunk number `first`.
    fn remove_own(&self, flow: &Flow, first: usize, cookies: &mut Vec<String>) {
        let cookie = self.policy.cookie_on(flow.host());
        for (index, suffix) in chunk::SUFFIXES.iter().enumerate().skip(first) {
            if flow.names_seen >> index & 1 == 1 {
                cookies.push(cookie.remove(suffix));
            }
        }
    }

    /// Removes the cookies of accepted dialects that the request sent, but not the cookie that this
    /// response sets.
    fn remove_accepted(&self, flow: &Flow, cookies: &mut Vec<String>) {
        for (index, accepted) in self.policy.accepted.iter().enumerate() {
            let cookie = accepted.policy.cookie_on(flow.host());
            if flow.accepted_seen >> index & 1 == 1 && !cookie.is_same(&self.policy.cookie_on(flow.host())) {
                cookies.push(cookie.remove(""));
            }
        }
    }

    /// Headers that remove the cookie with its former attributes. They come before the headers that
    /// set it: a browser that does not support `Partitioned` treats both as the same cookie.
    pub(super) fn former_removals(&self, flow: &Flow) -> Vec<String> {
        let (mut cookies, seen) = (Vec::new(), flow.names_seen | 1);
        for former in &self.policy.former {
            for (index, suffix) in chunk::SUFFIXES.iter().enumerate() {
                if seen >> index & 1 == 1 {
                    cookies.push(former.remove(suffix));
                }
            }
        }
        cookies
    }
}
