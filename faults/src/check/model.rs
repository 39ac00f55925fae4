//! Assigns each request to a session: cookies to generations, and generations to sessions.

use std::collections::{HashMap, HashSet};

use super::{
    Violation,
    fates::{self, Fate},
};
use crate::history::{Act, CookieNumber, History, Micros, Outcome, RecordedRequest, View};

/// A session from its first change to its end, with all of its ids.
pub(super) type Lineage = usize;

/// The ids of a session between two changes of privilege: a renewal stays in the generation, a
/// rotation begins the next.
pub(super) type Generation = usize;

/// The latest end of a change that may happen after its request.
pub(super) const NEVER: Micros = Micros::MAX;

/// A history with the relations between its requests.
pub(super) struct Model<'a> {
    pub(super) history: &'a History,
    /// In the order in which they ended.
    pub(super) requests: Vec<Seen<'a>>,
    /// The session of each generation.
    pub(super) generations: Vec<Lineage>,
    pub(super) cookies: HashMap<CookieNumber, Issue>,
    /// The indexes of each session's requests.
    pub(super) lineages: Vec<Vec<usize>>,
    /// Cookies that were set for two sessions.
    pub(super) crossed: Vec<Violation>,
    /// The spans in which acknowledged writes may have been lost.
    losses: Vec<(Micros, Micros)>,
    /// The births of the live sessions that each cookie opened, from the views.
    births: HashMap<CookieNumber, Option<&'a str>>,
    /// When and with which cookie a request asked for a renewal.
    renewals: HashMap<CookieNumber, Vec<Micros>>,
    /// The cookies of each generation.
    cookies_of: HashMap<Generation, Vec<CookieNumber>>,
    /// Cookies that were set for a session which may exist twice.
    forks: HashSet<CookieNumber>,
}

/// A request and its session.
pub(super) struct Seen<'a> {
    pub(super) request: &'a RecordedRequest,
    /// The generation of its cookie.
    pub(super) at: Option<Generation>,
    /// The generation that it began: the first of a new session, or that of a rotation.
    pub(super) began: Option<Generation>,
    /// The result of its rotation.
    pub(super) rotated: Rotated,
    pub(super) fate: Fate,
    /// Whether its id was renewed, and the marker of that renewal may have been lost while the new
    /// record was kept. Then the session exists twice, and it is unknown which of the two this
    /// request saw and changed.
    pub(super) is_forked: bool,
}

/// The result of a rotation of a live session, from the cookie that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotated {
    /// The same session under another id, or it was not a rotation of that kind.
    On,
    /// Another session: the loaded session had ended or changed its id before, and the request
    /// began its own.
    Apart,
    /// No request saw what its cookie opens. It counts as a session of its own, which may be the
    /// old one.
    Unseen,
}

/// A cookie, its generation, and when it was first sent.
pub(super) struct Issue {
    pub(super) generation: Generation,
    /// When the request that first sent it began.
    pub(super) since: Micros,
}

impl<'a> Model<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut requests: Vec<&RecordedRequest> = history.requests.iter().collect();
        requests.sort_by_key(|request| (request.end, request.number));
        let losses = history.injections.iter().filter(|injection| injection.loses_writes);
        let mut model = Self {
            history,
            requests: Vec::with_capacity(requests.len()),
            generations: Vec::new(),
            cookies: HashMap::new(),
            lineages: Vec::new(),
            crossed: Vec::new(),
            losses: losses.map(|injection| (injection.start, injection.end)).collect(),
            births: births(&requests),
            renewals: renewals(&requests),
            cookies_of: HashMap::new(),
            forks: HashSet::new(),
        };
        for request in requests {
            model.place(request);
        }
        fates::judge(&mut model);
        model
    }

    /// Assigns a request to a session, by the cookie that it sent and the one that it got.
    fn place(&mut self, request: &'a RecordedRequest) {
        let at = request.sent.and_then(|cookie| self.cookies.get(&cookie)).map(|issue| issue.generation);
        let is_forked = self.is_forked(request);
        let mut seen = Seen { request, at, began: None, rotated: Rotated::On, fate: Fate::Never, is_forked };
        if let Some(cookie) = request.issued() {
            if is_forked {
                self.forks.insert(cookie);
            }
            let has_failed = has_failed(request);
            // A revocation does not open the session of its own cookie.
            let goes_on = at.filter(|_| has_failed || request.before().is_none_or(|before| before.live));
            let generation = match goes_on {
                Some(generation) if has_failed || !moves(request) => generation,
                Some(generation) => {
                    seen.rotated = self.rotated(request, cookie);
                    let same = self.generations.get(generation).copied().filter(|_| seen.rotated == Rotated::On);
                    self.begin(same)
                }
                None => self.begin(None),
            };
            seen.began = (goes_on != Some(generation)).then_some(generation);
            self.issue(request, cookie, generation);
        }
        let place = self.requests.len();
        for generation in [seen.at, seen.began].into_iter().flatten() {
            let lineage = self.lineage(generation);
            if let Some(requests) = self.lineages.get_mut(lineage)
                && requests.last() != Some(&place)
            {
                requests.push(place);
            }
        }
        self.requests.push(seen);
    }

    /// The result of a rotation of a live session that set this cookie.
    fn rotated(&self, request: &RecordedRequest, cookie: CookieNumber) -> Rotated {
        match self.births.get(&cookie) {
            None => Rotated::Unseen,
            // Its own `birth` is stored only if nothing was stored: in a session that began with
            // this request.
            Some(Some(birth)) if *birth == request.wish.birth => Rotated::Apart,
            Some(_) => Rotated::On,
        }
    }

    /// Whether the session of its cookie may exist twice: see [`Seen::is_forked`].
    fn is_forked(&self, request: &RecordedRequest) -> bool {
        let Some(sent) = request.sent else { return false };
        let Some(issue) = self.cookies.get(&sent) else { return false };
        let may_be_lost = |since: &Micros| *since < request.start && !self.is_kept(*since, request.end);
        let was_lost = |cookie: &CookieNumber| {
            let is_older = self.cookies.get(cookie).is_some_and(|renewed| renewed.since >= issue.since);
            is_older && self.renewals.get(cookie).into_iter().flatten().any(may_be_lost)
        };
        self.forks.contains(&sent) || self.cookies_of.get(&issue.generation).into_iter().flatten().any(was_lost)
    }

    /// A new generation of an existing session or of a new one.
    fn begin(&mut self, lineage: Option<Lineage>) -> Generation {
        let lineage = lineage.unwrap_or_else(|| {
            self.lineages.push(Vec::new());
            self.lineages.len() - 1
        });
        self.generations.push(lineage);
        self.generations.len() - 1
    }

    fn issue(&mut self, request: &RecordedRequest, cookie: CookieNumber, generation: Generation) {
        let issue = Issue { generation, since: request.start };
        if !self.cookies.contains_key(&cookie) {
            self.cookies_of.entry(generation).or_default().push(cookie);
        }
        let known = self.cookies.entry(cookie).or_insert(issue).generation;
        if known != generation {
            let what = format!("cookie {cookie} was given out for two sessions, or for two rotations of one");
            let others = self.requests.iter().map(|seen| seen.request);
            let other = others.filter(|other| other.issued() == Some(cookie)).map(|other| other.number).next();
            self.crossed.push(Violation {
                rule: "crossed",
                what,
                proof: other.into_iter().chain([request.number]).collect(),
            });
        }
    }

    pub(super) fn lineage(&self, generation: Generation) -> Lineage {
        self.generations.get(generation).copied().unwrap_or(Lineage::MAX)
    }

    /// The requests of a session.
    pub(super) fn of_lineage(&self, lineage: Lineage) -> impl Iterator<Item = &Seen<'a>> {
        self.lineages.get(lineage).into_iter().flatten().filter_map(|place| self.requests.get(*place))
    }

    /// The session that this one may be: the one before a rotation with a new id that no request
    /// used.
    pub(super) fn may_go_on(&self, lineage: Lineage) -> Option<Lineage> {
        let is_begun_here = |seen: &&Seen<'_>| {
            seen.rotated == Rotated::Unseen && seen.began.map(|began| self.lineage(began)) == Some(lineage)
        };
        self.of_lineage(lineage).find(is_begun_here)?.at.map(|at| self.lineage(at))
    }

    /// The session to which a request wrote, or may have written.
    pub(super) fn written(&self, seen: &Seen<'_>) -> Option<Lineage> {
        seen.began.or(seen.at).filter(|_| seen.fate != Fate::Never).map(|generation| self.lineage(generation))
    }

    /// The live session that a request saw: which, its view, and the span of the read.
    pub(super) fn views<'b>(&self, seen: &'b Seen<'a>) -> Vec<(Lineage, &'b View)> {
        if seen.is_forked {
            return Vec::new();
        }
        let before = seen.at.into_iter().zip(seen.request.before());
        // A login by the handler's own commit sets no cookie if the session ended before the
        // answer.
        let after = seen.began.or(seen.at.filter(|_| !is_login(seen.request))).into_iter().zip(seen.request.after());
        let live = before.chain(after).filter(|(_, view)| view.live);
        live.map(|(generation, view)| (self.lineage(generation), view)).collect()
    }

    /// Whether a write acknowledged within this span must still exist at its end: the span contains
    /// no loss.
    pub(super) fn is_kept(&self, from: Micros, to: Micros) -> bool {
        !self.losses.iter().any(|(start, end)| *start < to && *end > from)
    }

    /// The spans between two losses.
    pub(super) fn epochs(&self) -> Vec<(Micros, Micros)> {
        let mut losses = self.losses.clone();
        losses.sort_unstable();
        let starts = std::iter::once(0).chain(losses.iter().map(|(_, end)| *end));
        let ends = losses.iter().map(|(start, _)| *start).chain([NEVER]);
        starts.zip(ends).filter(|(start, end)| start < end).collect()
    }
}

impl Seen<'_> {
    pub(super) fn number(&self) -> u32 {
        self.request.number
    }

    /// Whether the session existed when the request loaded it; `None` if that is unknown.
    pub(super) fn was_live(&self) -> Option<bool> {
        self.request.before().map(|before| before.live)
    }

    /// When its change was done: at its end if it was acknowledged, else at any time.
    pub(super) fn done_by(&self) -> Micros {
        if self.fate == Fate::Done { self.request.end } else { NEVER }
    }
}

/// The session that each cookie opened, whenever it opened one.
fn births<'a>(requests: &[&'a RecordedRequest]) -> HashMap<CookieNumber, Option<&'a str>> {
    let mut births: HashMap<CookieNumber, Option<&str>> = HashMap::new();
    for request in requests {
        let before = request.sent.zip(request.before());
        let after = request.issued().zip(request.after());
        // A request with a renewed id gets the cookie that opens the same session.
        let told = request.issued().zip(request.before()).filter(|_| !moves(request));
        for (cookie, view) in [before, after, told].into_iter().flatten().filter(|(_, view)| view.live) {
            let known = births.entry(cookie).or_default();
            *known = known.or(view.birth.as_deref());
        }
    }
    // A failed request that got the cookie of a missed renewal had another cookie of the same
    // session.
    for request in requests.iter().rev().filter(|request| has_failed(request)) {
        let told = request.issued().and_then(|cookie| births.get(&cookie).copied());
        if let (Some(sent), Some(birth)) = (request.sent, told) {
            births.entry(sent).or_insert(birth);
        }
    }
    births
}

/// The cookies with which renewals were requested, and when.
fn renewals(requests: &[&RecordedRequest]) -> HashMap<CookieNumber, Vec<Micros>> {
    let mut renewals: HashMap<CookieNumber, Vec<Micros>> = HashMap::new();
    for request in requests.iter().filter(|request| matches!(request.wish.act, Act::Renew { .. })) {
        if let Some(sent) = request.sent {
            renewals.entry(sent).or_default().push(request.start);
        }
    }
    renewals
}

fn has_failed(request: &RecordedRequest) -> bool {
    matches!(request.outcome, Outcome::Failed | Outcome::Unknown)
}

/// Whether it asks for another id because of a change of privilege.
pub(super) fn is_login(request: &RecordedRequest) -> bool {
    let changes_handle =
        request.before().zip(request.after()).is_some_and(|(before, after)| before.handle != after.handle);
    matches!(request.wish.act, Act::Rotate { .. }) || (matches!(request.wish.act, Act::Own { .. }) && changes_handle)
}

/// Whether a live session's new cookie is that of a rotation and not of a renewal: then the handle
/// is new.
fn moves(request: &RecordedRequest) -> bool {
    match request.wish.act {
        Act::Rotate { .. } => true,
        Act::Own { .. } => {
            let handle = |view: Option<&View>| view.and_then(|view| view.handle.clone());
            handle(request.before()) != handle(request.after())
        }
        _ => false,
    }
}
