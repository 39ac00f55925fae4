//! Open and load: from the Cookie header to what is known of the session.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    accept::{Heard, ask_load_elsewhere, look_elsewhere},
    flow::{Answer, Base, Flow, Live, Looking, Stage, Step, Work},
    rival::{Rival, Values},
};
use crate::{
    cookie::parse,
    error::{Event, Refusal},
    exchange::Loaded,
    id::Id,
    policy::Policy,
    record::{self, Moved, Stored},
    seal::renew,
    text::Text,
    time::Timestamp,
};

/// How many renewal markers are followed in one request.
pub(super) const MOST_HOPS: u8 = 4;

/// What lies under a key, as far as a request's session is concerned.
pub(super) enum Seen {
    Live(Box<Live>),
    /// It moved at equal privilege: the next id.
    Moved(Id),
    RotatedAway,
    Gone(Event),
}

/// Where to look next.
pub(super) enum Next {
    /// What is known now is known for good.
    Nowhere,
    /// Under the id that a marker names.
    Id(Id),
    /// Where an accepted dialect keeps this id.
    Elsewhere(Id),
}

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

    /// Looks the session up, if there is an id that nobody has looked up yet, or a sealed session that may have ended.
    pub fn load(&self, flow: &mut Flow) -> Step {
        match (&flow.base, flow.presented.clone()) {
            (Base::Unchecked(_), _) => {
                let step = self.check_by_itself(flow).unwrap_or(Step::Done);
                flow.count(&step);
                step
            }
            (Base::Unread, Some(id)) => {
                flow.work = None;
                let step = if flow.is_accepted && self.is_sealed() {
                    look_elsewhere(flow, id)
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
        flow.looking = Some(Looking { id, key: Some(key.clone()), hops, is_elsewhere: false, is_leftover: false });
        Step::Load(key)
    }

    /// Takes in the answer to a load by itself.
    pub(super) fn looked_up(&self, flow: &mut Flow, answer: Answer, now: Timestamp) -> Result<Step, Refusal> {
        if matches!(flow.base, Base::Unchecked(_)) {
            return self.checked_by_itself(flow, answer, now);
        }
        let mut looking = flow.looking.take().ok_or(Refusal::OutOfOrder)?;
        let found = match answer {
            Answer::Loaded(found) => found,
            // What could not be cleared up is cleared up another time.
            Answer::Deleted | Answer::Failed(_) if looking.is_leftover => return Ok(Step::Done),
            Answer::Failed(_) => return Err(Refusal::StoreUnavailable),
            _ => return Err(Refusal::OutOfOrder),
        };
        let seen_before = flow.events.len();
        let next = if looking.is_elsewhere {
            self.arrive_elsewhere(flow, &looking.id, found.as_ref(), now);
            Next::Nowhere
        } else {
            self.arrive(flow, &mut looking.hops, &looking.id, found.as_ref(), now)
        };
        match next {
            Next::Id(id) => return Ok(self.look_up(flow, id, looking.hops)),
            Next::Elsewhere(id) => return Ok(look_elsewhere(flow, id)),
            Next::Nowhere => {}
        }
        if let Base::Live(live) = &mut flow.base
            && !live.adopted
        {
            live.key = looking.key.take();
        }
        if let Some(Rival::Id(id)) = self.other_cookie(flow) {
            return Ok(self.look_up(flow, id, 0));
        }
        if flow.live().is_none()
            && self.policy.can().deletes_expired
            && flow.events.iter().skip(seen_before).any(|event| *event == Event::Expired)
        {
            let key = looking.key.take().unwrap_or_else(|| self.key(flow.host.as_ref(), &looking.id));
            looking.is_leftover = true;
            flow.looking = Some(looking);
            return Ok(Step::Delete(key));
        }
        Ok(Step::Done)
    }

    pub(super) fn ask_load(&self, flow: &mut Flow, mut work: Box<Work>, id: Id) -> Step {
        if flow.is_accepted && self.is_sealed() {
            return ask_load_elsewhere(flow, work, id);
        }
        let key = self.key(flow.host.as_ref(), &id);
        work.stage = Stage::Loading(id);
        flow.work = Some(work);
        Step::Load(key)
    }

    /// What lies under an id's key, or in a cookie, is at this time.
    pub(super) fn see(&self, policy: &Policy, flow: &Flow, loaded: &Loaded, id: Option<&Id>, now: Timestamp) -> Seen {
        let now = flow.judged_at(now);
        match policy.decode(loaded, id) {
            Err(record::Undecodable) => Seen::Gone(Event::UndecodableRecord),
            Ok(Stored::Record(record)) if record.expires_at() <= now => Seen::Gone(Event::Expired),
            Ok(Stored::Record(record)) => {
                // A sealed record needs no witness.
                let bytes = if id.is_some() { loaded.bytes.clone() } else { Bytes::new() };
                let id = id.cloned();
                Seen::Live(Box::new(Live { id, key: None, bytes, record, followed: false, adopted: false }))
            }
            Ok(Stored::Marker(marker)) if marker.until <= now => Seen::Gone(Event::UnknownId),
            Ok(Stored::Marker(marker)) => match (marker.moved, marker.next, id) {
                (Moved::Rotated, ..) => Seen::RotatedAway,
                (Moved::Renewed, Some(next), Some(id)) => {
                    let key = self.key(flow.host.as_ref(), id);
                    renew::reveal(&next, id, &key).map_or(Seen::Gone(Event::UndecodableRecord), Seen::Moved)
                }
                (Moved::Renewed, ..) => Seen::Gone(Event::UndecodableRecord),
            },
        }
    }

    /// Takes in what lay under the key of `id`, and says where to look next.
    pub(super) fn arrive(
        &self,
        flow: &mut Flow,
        hops: &mut u8,
        id: &Id,
        found: Option<&Loaded>,
        now: Timestamp,
    ) -> Next {
        if found.is_none() && flow.is_accepted && *hops == 0 {
            return Next::Elsewhere(id.clone());
        }
        let seen =
            found.map_or(Seen::Gone(Event::UnknownId), |loaded| self.see(&self.policy, flow, loaded, Some(id), now));
        let base = match seen {
            Seen::Live(mut live) => {
                live.followed = *hops > 0;
                if live.followed {
                    flow.event(Event::FollowedMarker);
                }
                Base::Live(live)
            }
            Seen::Moved(next) if *hops < MOST_HOPS => {
                *hops += 1;
                return Next::Id(next);
            }
            Seen::Moved(_) => nothing(flow, Event::UnknownId, Base::Absent),
            Seen::RotatedAway => nothing(flow, Event::RotatedAway, Base::Barred),
            Seen::Gone(event) => nothing(flow, event, Base::Absent),
        };
        flow.replace(base);
        Next::Nowhere
    }
}

/// There is no session for this request (any more), so no cookie of one is sent either.
pub(super) fn nothing(flow: &mut Flow, event: Event, base: Base) -> Base {
    flow.set_cookies.clear();
    flow.event(event);
    base
}

/// Whether a host name can stand in a key and in a cookie's Domain.
fn is_host(host: &str) -> bool {
    let is_address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
        address.len() <= 45 && address.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
    });
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_address || (is_name && (1..=253).contains(&host.len()))
}
