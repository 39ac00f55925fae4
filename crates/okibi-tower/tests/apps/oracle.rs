//! The expected results of a request without concurrent requests: a plain map of values.

use std::collections::BTreeMap;

use crate::{
    app::Place,
    plan::{End, Script, Step, Target},
};

/// The contents of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) strings: BTreeMap<&'static str, String>,
    pub(crate) note: Option<String>,
    pub(crate) count: Option<u64>,
    pub(crate) owner: Option<String>,
}

/// The expected changes of the visitor's cookie for one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// From now on the request's cookie opens nothing.
    pub(crate) ended: bool,
    /// Something was stored, so there is a cookie.
    pub(crate) stored: bool,
}

/// One request's session: the committed values, the pending values, and the other calls.
#[expect(clippy::struct_excessive_bools, reason = "what a request asked for, one by one")]
struct Pending<'a> {
    committed: &'a mut Session,
    view: Session,
    /// The names with a value that this request has set or removed.
    own: Vec<&'static str>,
    /// The response has no body, so reading removes nothing.
    head: bool,
    asks: bool,
    destroys: bool,
    moves: bool,
    did: Moves,
}

impl<'a> Pending<'a> {
    fn of(committed: &'a mut Session, head: bool) -> Self {
        let view = committed.clone();
        let (own, did) = (Vec::new(), Moves::default());
        Self { committed, view, own, head, asks: false, destroys: false, moves: false, did }
    }

    fn commit(&mut self) {
        // A change of owner is a change of privilege.
        let is_owned_anew = self.view.owner != self.committed.owner;
        *self.committed = self.view.clone();
        self.did.ended |= self.destroys || self.moves || is_owned_anew;
        self.did.stored |= self.asks;
        (self.asks, self.destroys, self.moves) = (false, false, false);
        self.own.clear();
    }

    fn end(&mut self, failed: bool) {
        if !failed {
            self.commit();
        } else if self.destroys {
            // Takes effect even if the request fails.
            *self.committed = Session::default();
            self.did.ended = true;
        }
    }

    /// Carries out one step and returns the handler's expected result.
    fn step(&mut self, step: &Step) -> String {
        match step {
            Step::Get(name) => return format!("{:?}", self.view.strings.get(name)),
            Step::Count => return format!("{:?}", self.view.count),
            Step::Owner => return format!("{:?}", self.view.owner),
            Step::Take(name) => {
                let taken = self.view.strings.remove(name);
                if self.own.contains(name) || self.destroys {
                    self.asks |= taken.is_some();
                } else {
                    // Immediately, even if the request fails later.
                    self.committed.strings.remove(name);
                }
                return format!("{taken:?}");
            }
            Step::ReadFlash if self.head => return format!("{:?}", self.view.note),
            Step::ReadFlash => {
                let read = self.view.note.take();
                self.asks |= read.is_some();
                return format!("{read:?}");
            }
            Step::Commit => {
                self.commit();
                return String::new();
            }
            Step::CommitBeside(others) => {
                self.commit();
                for step in others {
                    self.step(step);
                }
                return String::new();
            }
            Step::Set(name, text) => {
                self.own.push(name);
                drop(self.view.strings.insert(name, text.clone()));
            }
            Step::Remove(name) => {
                self.own.push(name);
                drop(self.view.strings.remove(name));
            }
            Step::Append(name) => self.view.strings.entry(name).or_default().push('+'),
            Step::Bump => self.view.count = Some(self.view.count.unwrap_or(0) + 1),
            Step::Flash(text) => self.view.note = Some(text.clone()),
            Step::Clear => {
                self.own.extend(crate::plan::NAMES);
                self.view = Session { owner: self.view.owner.take(), ..Session::default() };
            }
            Step::Rotate => self.moves = true,
            Step::Renew => {}
            Step::Own(owner) => self.view.owner = Some(owner.clone()),
            Step::Destroy => {
                self.view = Session::default();
                (self.destroys, self.moves) = (true, false);
            }
        }
        self.asks = true;
        String::new()
    }
}

/// The expected sessions after the request, the expected results of the handler, and the two
/// cookies.
pub(crate) fn foresee(script: &Script, place: &Place, sessions: &mut [Session; 2]) -> (Vec<String>, [Moves; 2]) {
    let [user, admin] = sessions;
    let (mut user, mut admin) = (Pending::of(user, script.head), Pending::of(admin, script.head));
    (0..place.before).for_each(|_| drop(user.step(&Step::Bump)));
    let mut seen = Vec::new();
    for (target, step) in &script.steps {
        let pending = if *target == Target::User { &mut user } else { &mut admin };
        seen.push(pending.step(step));
    }
    if script.end.is_lost() {
        return (seen, [user.did, admin.did]);
    }
    (0..place.after).for_each(|_| drop(user.step(&Step::Bump)));
    for pending in [&mut user, &mut admin] {
        pending.end(script.end.is_failure());
    }
    (seen, [user.did, admin.did])
}

/// The response status for a handler's end, if there is a response.
pub(crate) fn status(end: End) -> Option<u16> {
    match end {
        End::Answers(status) => Some(status),
        End::Panics => Some(500),
        End::Hangs => Some(504),
        End::PanicsUncaught | End::Abandoned => None,
    }
}
