//! Which Set-Cookie headers go out.

use alloc::{string::String, vec::Vec};

use super::{
    Engine,
    flow::{Call, Flow},
};
use crate::{cookie::chunk, error::Refusal, id::Id, record::Record, time::Timestamp};

impl Engine {
    /// Headers that set the id's cookie.
    pub(super) fn id_cookies(&self, call: &mut Call<'_>, id: &Id, record: &Record) -> Result<Vec<String>, Refusal> {
        let value = self.policy.write_id(id, call.now, call.random)?;
        self.cookies(call.flow, value.as_slice(), record, call.now)
    }

    /// Headers that set the cookies that are the record.
    pub(super) fn sealed_cookies(&self, call: &mut Call<'_>, record: &Record) -> Result<Vec<String>, Refusal> {
        let text = self.encode(record, None, call.random)?;
        let (value, chunks) = self.policy.seal_record(&text, call.now, call.random)?.ok_or(Refusal::OutOfOrder)?;
        let parts = chunk::split(&self.policy.cookie.name, &value, chunks).ok_or(Refusal::CookieTooLarge)?;
        self.cookies(call.flow, &parts, record, call.now)
    }

    /// Headers that set the cookie to this value, or to its parts, and clear its former ones, what an earlier, longer value
    /// left, and those of accepted dialects. Those that are the record are measured.
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

    /// Headers that remove every cookie of a session that the request had.
    pub(super) fn removals(&self, flow: &Flow) -> Vec<String> {
        let mut cookies = Vec::new();
        self.remove_own(flow, 0, &mut cookies);
        cookies.append(&mut self.former_removals(flow));
        self.remove_accepted(flow, &mut cookies);
        cookies
    }

    /// Removes those of the cookies that the request had, from the `first` on.
    fn remove_own(&self, flow: &Flow, first: usize, cookies: &mut Vec<String>) {
        let cookie = self.policy.cookie_on(flow.host());
        for (index, suffix) in chunk::SUFFIXES.iter().enumerate().skip(first) {
            if flow.names_seen >> index & 1 == 1 {
                cookies.push(cookie.remove(suffix));
            }
        }
    }

    /// Removes the cookies of accepted dialects that the request had, but none that this response sets.
    fn remove_accepted(&self, flow: &Flow, cookies: &mut Vec<String>) {
        for (index, accepted) in self.policy.accepted.iter().enumerate() {
            let cookie = accepted.policy.cookie_on(flow.host());
            if flow.accepted_seen >> index & 1 == 1 && !cookie.is_same(&self.policy.cookie_on(flow.host())) {
                cookies.push(cookie.remove(""));
            }
        }
    }

    /// Headers that remove the cookie as it was before, with the attributes that the configuration names. They come first: to a
    /// browser that does not know `Partitioned` it may be the very cookie that is set next.
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
