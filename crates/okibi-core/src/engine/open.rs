//! Open and load: from the Cookie header to what is known of the session.

use alloc::vec::Vec;

use super::{Engine, duplicate::Values, flow::Flow};
use crate::{
    cookie::{chunk, parse},
    dialect::Candidate,
    text::Text,
    time::Timestamp,
};

/// So many values of the session's cookie are looked at in one request. A browser sends one, and one more for each path, domain
/// and partition that the cookie had.
const MOST_VALUES: usize = 16;

impl Engine {
    /// Reads the request's Cookie headers.
    ///
    /// At most 16 values of the session's cookie are looked at, and two of each chunk and of each accepted cookie. So one request
    /// takes at most 16 checks of a signature, or 32 attempts to open a seal, and two for each accepted dialect. What follows is
    /// ignored. Each reason why a cookie opens nothing is told by one event.
    ///
    /// A malformed, forged or unknown cookie means "no session". Of two different values for the session's cookie the one
    /// that opens counts, in whatever order they come; if both open there is no session. Equal ones count once.
    pub fn open<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, now: Timestamp) -> Flow {
        self.open_on(headers, None, now)
    }

    /// The same for a dialect that tells the hosts of requests apart: `host` is the URL's host name.
    pub fn open_on<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, host: Option<&str>, now: Timestamp) -> Flow {
        let host = host.filter(|host| is_host(host)).map(Text::from);
        let mut flow = Flow { host, began: now, ..Flow::default() };
        let mut values = Values::default();
        let mut accepted = Vec::new();
        let (mut has_too_many, mut looked_at) = (false, 0);
        for (name, value) in headers.into_iter().flat_map(parse::pairs) {
            if let Some(index) = self.cookie_index(name) {
                flow.duplicates.is_duplicated |= flow.names_seen >> index & 1 == 1;
                flow.names_seen |= 1 << index;
                if index > 0 || self.is_first_chunk(value) {
                    // A chunk has no form of its own.
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
                    // What has not the form is as good as absent, unless it has that of an accepted dialect.
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

    /// Whether a Cookie header has this session's cookie, in a form that it can have.
    ///
    /// For an app that still writes an older dialect while it accepts this one: the requests that this engine claims are
    /// its own.
    pub fn claims(&self, header: &[u8]) -> bool {
        parse::pairs(header).any(|(name, value)| {
            self.cookie_index(name) == Some(0) && (self.is_first_chunk(value) || self.policy.parse(value).is_ok())
        })
    }

    /// Which of the session's cookies a name is: 0 for the name itself, then the chunks.
    pub(super) fn cookie_index(&self, name: &[u8]) -> Option<usize> {
        let suffix = name.strip_prefix(self.policy.cookie.name.as_bytes())?;
        self.policy.suffixes().iter().position(|known| known.as_bytes() == suffix)
    }

    fn is_first_chunk(&self, value: &[u8]) -> bool {
        self.policy.suffixes().len() > 1 && chunk::count(value) > 1
    }
}

/// Whether a host name can stand in a key and in a cookie's Domain.
fn is_host(host: &str) -> bool {
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
        address.len() <= 45 && address.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
    });
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_address || (is_name && (1..=253).contains(&host.len()))
}
