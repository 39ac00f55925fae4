//! Open: from the Cookie headers to a flow.

use alloc::vec::Vec;

use super::{Engine, duplicate::CookieValues, flow::Flow};
use crate::{
    cookie::{chunk, parse},
    dialect::Candidate,
    text::Text,
    time::Timestamp,
};

/// The most values of the session's cookie that are checked in one request. A browser sends one
/// value, and one more for each path, domain and partition that the cookie had.
const MOST_VALUES: usize = 16;

impl Engine {
    /// Reads the Cookie headers of the request.
    ///
    /// At most 16 values of the session's cookie are checked, and at most two of each chunk and of
    /// each accepted cookie. One request therefore costs at most 16 signature checks or 32 attempts
    /// to open a seal, and two for each accepted dialect. Further values are ignored. Each reason
    /// why a cookie opens no session is reported by one event.
    ///
    /// A malformed, forged or unknown cookie means "no session". Of two different values of the
    /// session's cookie, the one that opens counts, in any order. If both open, there is no
    /// session. Equal values count once.
    pub fn open<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, now: Timestamp) -> Flow {
        self.open_on(headers, None, now)
    }

    /// Like [`open`](Self::open), for a dialect that separates hosts. `host` is the host name of
    /// the request's URL.
    pub fn open_on<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, host: Option<&str>, now: Timestamp) -> Flow {
        let host = host.filter(|host| is_host(host)).map(Text::from);
        let mut flow = Flow { host, began: now, ..Flow::default() };
        let mut values = CookieValues::default();
        let mut accepted = Vec::new();
        let (mut has_too_many, mut looked_at) = (false, 0);
        for (name, value) in headers.into_iter().flat_map(parse::pairs) {
            if let Some(index) = self.cookie_index(name) {
                flow.duplicates.is_duplicated |= flow.names_seen >> index & 1 == 1;
                flow.names_seen |= 1 << index;
                if index > 0 || self.is_first_chunk(value) {
                    // A chunk has no form that could be checked by itself.
                    values.add(index, value);
                    continue;
                }
                looked_at += 1;
                if looked_at > MOST_VALUES {
                    continue;
                }
                match self.policy.parse(value) {
                    Ok(Candidate::Seal(value)) if self.is_sealed() => values.add(index, value),
                    Ok(candidate) => has_too_many |= self.add_id(&mut flow, candidate),
                    // A malformed value counts as absent, unless it has the form of an accepted
                    // dialect.
                    Err(_) if self.add_accepted(&mut flow, &mut accepted, name, value) => {}
                    Err(reason) => flow.refuse(reason),
                }
            } else {
                self.add_accepted(&mut flow, &mut accepted, name, value);
            }
        }
        if self.is_sealed() {
            self.open_sealed(&mut flow, &values);
        } else if has_too_many {
            self.refuse_duplicates(&mut flow);
        }
        self.open_accepted(&mut flow, &accepted);
        flow
    }

    /// Whether a Cookie header has the session's cookie, in a valid form.
    ///
    /// For an app that still writes an older dialect and already accepts this one: such requests
    /// belong to this engine.
    pub fn claims(&self, header: &[u8]) -> bool {
        parse::pairs(header).any(|(name, value)| {
            self.cookie_index(name) == Some(0) && (self.is_first_chunk(value) || self.policy.parse(value).is_ok())
        })
    }

    /// The index of a name among the names of the session's cookie: 0 is the name itself, the
    /// chunks follow.
    pub(super) fn cookie_index(&self, name: &[u8]) -> Option<usize> {
        let suffix = name.strip_prefix(self.policy.cookie.name.as_bytes())?;
        self.policy.suffixes().iter().position(|known| known.as_bytes() == suffix)
    }

    fn is_first_chunk(&self, value: &[u8]) -> bool {
        self.policy.suffixes().len() > 1 && chunk::count(value) > 1
    }
}

/// Whether a host name is valid in a store key and in a cookie's Domain.
fn is_host(host: &str) -> bool {
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
        address.len() <= 45 && address.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
    });
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_address || (is_name && (1..=253).contains(&host.len()))
}
