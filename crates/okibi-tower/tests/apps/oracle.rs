//! What must come of a request that nobody disturbs: a plain map of values, in a few lines.

use std::collections::BTreeMap;

use crate::{
    app::Place,
    plan::{Deed, End, Step, Whose},
};

/// A session as a visitor finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) texts: BTreeMap<&'static str, String>,
    pub(crate) note: Option<String>,
    pub(crate) count: Option<u64>,
    pub(crate) owner: Option<String>,
}

/// What is known of the visitor's cookie for one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    /// From now on the cookie that came opens nothing.
    pub(crate) ended: bool,
    /// Something was stored, so there is a cookie if there was none.
    pub(crate) stored: bool,
}

/// One request's session: what is committed, what is pending on top of it, and what else was asked for.
#[expect(clippy::struct_excessive_bools, reason = "what a request asked for, one by one")]
struct Pending<'a> {
    committed: &'a mut Session,
    view: Session,
    /// Names of which this request itself put there what is there, or removed what was there.
    own: Vec<&'static str>,
    /// The answer has no body, so it consumes nothing.
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
        // Another owner is a change of privilege.
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
            // Even a failed request does this much.
            *self.committed = Session::default();
            self.did.ended = true;
        }
    }

    /// Does one thing and says what a handler sees of it.
    fn step(&mut self, step: &Step) -> String {
        match step {
            Step::Get(name) => return format!("{:?}", self.view.texts.get(name)),
            Step::Count => return format!("{:?}", self.view.count),
            Step::Owner => return format!("{:?}", self.view.owner),
            Step::Take(name) => {
                let taken = self.view.texts.remove(name);
                if self.own.contains(name) || self.destroys {
                    self.asks |= taken.is_some();
                } else {
                    // At once, whatever becomes of the request.
                    self.committed.texts.remove(name);
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
                drop(self.view.texts.insert(name, text.clone()));
            }
            Step::Remove(name) => {
                self.own.push(name);
                drop(self.view.texts.remove(name));
            }
            Step::Append(name) => self.view.texts.entry(name).or_default().push('+'),
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

/// What a visitor must find afterwards, what the handler must have seen, and what became of the two cookies.
pub(crate) fn foresee(deed: &Deed, place: &Place, sessions: &mut [Session; 2]) -> (Vec<String>, [Moves; 2]) {
    let [user, admin] = sessions;
    let (mut user, mut admin) = (Pending::of(user, deed.head), Pending::of(admin, deed.head));
    (0..place.before).for_each(|_| drop(user.step(&Step::Bump)));
    let mut seen = Vec::new();
    for (whose, step) in &deed.steps {
        let pending = if *whose == Whose::User { &mut user } else { &mut admin };
        seen.push(pending.step(step));
    }
    if deed.end.is_lost() {
        return (seen, [user.did, admin.did]);
    }
    (0..place.after).for_each(|_| drop(user.step(&Step::Bump)));
    for pending in [&mut user, &mut admin] {
        pending.end(deed.end.is_failure());
    }
    (seen, [user.did, admin.did])
}

/// The status that a handler's end becomes, if anybody hears of it.
pub(crate) fn status(end: End) -> Option<u16> {
    match end {
        End::Answers(status) => Some(status),
        End::Panics => Some(500),
        End::Hangs => Some(504),
        End::PanicsUncaught | End::Abandoned => None,
    }
}
