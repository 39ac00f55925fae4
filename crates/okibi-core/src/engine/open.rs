//! Open and load: from the Cookie header to what is known of the session.

use super::{Engine, adopt::Heard, flow::Flow, rival::Values};
use crate::{cookie::parse, error::Event, text::Text, time::Timestamp};

impl Engine {
    /// Reads the request's Cookie headers.
    ///
    /// A malformed, forged or unknown cookie means "no session". Of two different values for the session's cookie the one
    /// that opens counts, in whatever order they come; if both open there is no session. Equal ones count once (S12).
    pub fn open<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, now: Timestamp) -> Flow {
        self.open_on(headers, None, now)
    }

    /// The same for a dialect that tells the hosts of requests apart: `host` is the URL's host name.
    pub fn open_on<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, host: Option<&str>, now: Timestamp) -> Flow {
        let host = host.filter(|host| is_host(host)).map(Text::from);
        let mut flow = Flow { host, began: now, ..Flow::default() };
        let mut values = Values::default();
        let mut accepted = [Heard::Nothing; 8];
        let mut is_crowded = false;
        for (name, value) in headers.into_iter().flat_map(parse::pairs) {
            if let Some(index) = self.cookie_index(name) {
                flow.is_doubled |= flow.names_seen >> index & 1 == 1;
                flow.names_seen |= 1 << index;
                // A chunk has no form of its own; a whole value does, and what has not is as good as absent.
                if index == 0 && !self.is_plausible(value) {
                    if !self.hear_accepted(&mut flow, &mut accepted, name, value, now) {
                        flow.event(Event::MalformedCookie);
                    }
                } else if self.is_sealed() {
                    values.hear(index, value);
                } else {
                    is_crowded |= self.hear_id(&mut flow, value, now);
                }
            } else {
                self.hear_accepted(&mut flow, &mut accepted, name, value, now);
            }
        }
        if self.is_sealed() {
            self.hear_sealed(&mut flow, &values, now);
        } else if is_crowded {
            self.contradict(&mut flow);
        }
        self.read_accepted(&mut flow, &accepted, now);
        flow
    }

    /// Whether a Cookie header has this session's cookie, in a form that it can have.
    ///
    /// For an app that still writes an older dialect while it accepts this one: the requests that this engine claims are
    /// its own.
    pub fn claims(&self, header: &[u8]) -> bool {
        parse::pairs(header).any(|(name, value)| self.cookie_index(name) == Some(0) && self.is_plausible(value))
    }

    /// Which of the session's cookies a name is: 0 for the name itself, then the chunks.
    fn cookie_index(&self, name: &[u8]) -> Option<usize> {
        let suffix = name.strip_prefix(self.policy.cookie.name.as_bytes())?;
        self.policy.suffixes().iter().position(|known| known.as_bytes() == suffix)
    }

    fn is_plausible(&self, value: &[u8]) -> bool {
        let first_chunk = self.policy.suffixes().len() > 1 && matches!(value, [b'2'..=b'5', b'.', ..]);
        first_chunk || self.policy.is_well_formed(value)
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
