//! Open and load: from the Cookie header to what is known of the session.

use alloc::boxed::Box;

use bytes::Bytes;

use super::{
    Engine,
    flow::{Answer, Base, Flow, Live, Looking, Stage, Step, Work},
};
use crate::{
    cookie::{chunk, parse},
    dialect::native::Reading,
    error::{Event, Refusal},
    id::Id,
    record::{self, Moved, Stored},
    seal::renew,
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

impl Engine {
    /// Reads the request's Cookie headers.
    ///
    /// A malformed, forged or unknown cookie means "no session". Two different well-formed values for the session's
    /// cookie mean no session either, in whatever order they come; equal ones count once (S12).
    pub fn open<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>, now: Timestamp) -> Flow {
        let mut flow = Flow::default();
        let mut values: [Option<&[u8]>; chunk::MOST] = [None; chunk::MOST];
        let mut duplicate = false;
        for (name, value) in headers.into_iter().flat_map(parse::pairs) {
            let Some(index) = self.cookie_index(name) else { continue };
            flow.names_seen |= 1 << index;
            // A chunk has no form of its own; a whole value does, and what has not is as good as absent.
            if index == 0 && !self.is_plausible(value) {
                flow.event(Event::MalformedCookie);
                continue;
            }
            if let Some(slot) = values.get_mut(index) {
                duplicate |= slot.replace(value).is_some_and(|other| other != value);
            }
        }
        if duplicate {
            flow.event(Event::DuplicateCookie);
        } else if values.first().copied().flatten().is_some() {
            self.read_cookie(&mut flow, &values, now);
        }
        flow
    }

    /// Which of the session's cookies a name is: 0 for the name itself, then the chunks.
    fn cookie_index(&self, name: &[u8]) -> Option<usize> {
        let suffix = name.strip_prefix(self.policy.cookie.name.as_bytes())?;
        self.policy.suffixes().iter().position(|known| known.as_bytes() == suffix)
    }

    fn is_plausible(&self, value: &[u8]) -> bool {
        let first_chunk = self.is_sealed() && matches!(value, [b'2'..=b'5', b'.', ..]);
        first_chunk || self.policy.is_well_formed(value)
    }

    fn read_cookie(&self, flow: &mut Flow, values: &[Option<&[u8]>; chunk::MOST], now: Timestamp) {
        if !self.is_sealed() {
            match values.first().copied().flatten().and_then(|value| self.policy.read(value)) {
                Some(Reading::Id(id)) => {
                    flow.presented = Some(id);
                    flow.base = Base::Unread;
                }
                _ => flow.event(Event::ForgedCookie),
            }
            return;
        }
        let Some(value) = chunk::join(values) else {
            return flow.event(Event::IncompleteChunks);
        };
        let Some(Reading::Record(text)) = self.policy.read(&value) else {
            return flow.event(Event::ForgedCookie);
        };
        match self.see(&Bytes::from(text), None, now) {
            Seen::Live(live) => flow.base = Base::Live(live),
            Seen::Gone(event) => flow.event(event),
            Seen::Moved(_) | Seen::RotatedAway => flow.event(Event::UndecodableRecord),
        }
    }

    /// Looks the session up, if there is an id that nobody has looked up yet.
    pub fn load(&self, flow: &mut Flow) -> Step {
        match (&flow.base, flow.presented.clone()) {
            (Base::Unread, Some(id)) => {
                flow.work = None;
                let step = self.look_up(flow, id, 0);
                flow.count(&step);
                step
            }
            _ => Step::Done,
        }
    }

    fn look_up(&self, flow: &mut Flow, id: Id, hops: u8) -> Step {
        let key = self.key(&id);
        flow.looking = Some(Looking { id, key: Some(key.clone()), hops });
        Step::Load(key)
    }

    /// Takes in the answer to a load by itself.
    pub(super) fn looked_up(&self, flow: &mut Flow, answer: Answer, now: Timestamp) -> Result<Step, Refusal> {
        let Looking { id, key, mut hops } = flow.looking.take().ok_or(Refusal::OutOfOrder)?;
        match answer {
            Answer::Loaded(found) => match self.arrive(flow, &mut hops, &id, found.as_ref(), now) {
                Ok(()) => {
                    if let Base::Live(live) = &mut flow.base {
                        live.key = key;
                    }
                    Ok(Step::Done)
                }
                Err(next) => Ok(self.look_up(flow, next, hops)),
            },
            Answer::Failed(_) => Err(Refusal::StoreUnavailable),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    pub(super) fn ask_load(&self, flow: &mut Flow, mut work: Box<Work>, id: Id) -> Step {
        let key = self.key(&id);
        work.stage = Stage::Loading(id);
        flow.work = Some(work);
        Step::Load(key)
    }

    /// What the bytes under an id's key are, at this time.
    pub(super) fn see(&self, bytes: &Bytes, id: Option<&Id>, now: Timestamp) -> Seen {
        match record::decode(bytes, &self.policy.limits) {
            Err(record::Undecodable) => Seen::Gone(Event::UndecodableRecord),
            Ok(Stored::Record(record)) if record.expires_at() <= now => Seen::Gone(Event::Expired),
            Ok(Stored::Record(record)) => {
                // A sealed record needs no witness.
                let bytes = if id.is_some() { bytes.clone() } else { Bytes::new() };
                Seen::Live(Box::new(Live { id: id.cloned(), key: None, bytes, record, followed: false }))
            }
            Ok(Stored::Marker(marker)) if marker.until <= now => Seen::Gone(Event::UnknownId),
            Ok(Stored::Marker(marker)) => match (marker.moved, marker.next, id) {
                (Moved::Rotated, ..) => Seen::RotatedAway,
                (Moved::Renewed, Some(next), Some(id)) => {
                    renew::reveal(&next, id, &self.key(id)).map_or(Seen::Gone(Event::UndecodableRecord), Seen::Moved)
                }
                (Moved::Renewed, ..) => Seen::Gone(Event::UndecodableRecord),
            },
        }
    }

    /// Takes in what lay under the key of `id`. `Err` is the next id to look under.
    pub(super) fn arrive(
        &self,
        flow: &mut Flow,
        hops: &mut u8,
        id: &Id,
        found: Option<&Bytes>,
        now: Timestamp,
    ) -> Result<(), Id> {
        let seen = found.map_or(Seen::Gone(Event::UnknownId), |bytes| self.see(bytes, Some(id), now));
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
                return Err(next);
            }
            Seen::Moved(_) => nothing(flow, Event::UnknownId, Base::Absent),
            Seen::RotatedAway => nothing(flow, Event::RotatedAway, Base::Barred),
            Seen::Gone(event) => nothing(flow, event, Base::Absent),
        };
        flow.replace(base);
        Ok(())
    }
}

/// There is no session for this request (any more), so no cookie of one is sent either.
fn nothing(flow: &mut Flow, event: Event, base: Base) -> Base {
    flow.set_cookies.clear();
    flow.event(event);
    base
}
