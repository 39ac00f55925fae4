//! Histories written by hand: what each request asked, saw and was told.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    check::check,
    history::{Act, Answer, History, Injection, Outcome, Part, RecordedRequest, Run, SetCookie, View, Wish},
};

/// A history in the making. Times are in milliseconds.
pub(super) struct Story(pub(super) History);

impl Story {
    pub(super) fn new() -> Self {
        let run = Run {
            backend: "planted".to_owned(),
            seed: 0,
            seconds: 1,
            faults: Vec::new(),
            deadline: 5_000_000,
            grace: 60_000_000,
        };
        Self(History { run, injections: Vec::new(), requests: Vec::new() })
    }

    /// A request that was answered with success. With a cookie it saw a live, empty session,
    /// without one none.
    pub(super) fn add(&mut self, time: Range<u64>, sent: Option<u32>, act: Act) -> &mut RecordedRequest {
        let before = View { live: sent.is_some(), ..View::default() };
        self.0.requests.push(RecordedRequest {
            number: u32::try_from(self.0.requests.len()).unwrap() + 1,
            browser: 0,
            part: Part::Storm,
            face: "axum-0".to_owned(),
            wish: Wish { act, pause: 0, early: false, birth: String::new() },
            stray: false,
            sent,
            start: time.start * 1000,
            end: time.end * 1000,
            outcome: Outcome::Ok,
            cookies: Vec::new(),
            answer: Some(Answer { before: Some(before), ..Answer::default() }),
        });
        self.0.requests.last_mut().unwrap()
    }

    /// A session that begins with a value under a name, in this cookie.
    pub(super) fn session(&mut self, time: Range<u64>, cookie: u32, name: &str, value: &str) {
        self.add(time, None, set(name, value)).issues(cookie);
    }

    /// A fault that may lose what was acknowledged.
    pub(super) fn loses(&mut self, time: Range<u64>) {
        let (start, end) = (time.start * 1000, time.end * 1000);
        self.0.injections.push(Injection { fault: "failover".to_owned(), start, end, loses_writes: true });
    }

    /// The rules that the checker finds broken.
    pub(super) fn broken(&self) -> Vec<&'static str> {
        let mut rules: Vec<&str> = check(&self.0).into_iter().map(|violation| violation.rule).collect();
        rules.dedup();
        rules
    }

    #[track_caller]
    pub(super) fn breaks(&self, rules: &[&str]) {
        let found = check(&self.0);
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(self.broken(), rules, "{said:#?}");
        for violation in &found {
            assert!(!violation.proof.is_empty(), "{violation} shows no request");
        }
    }
}

/// What a request saw and was told.
pub(super) trait Told {
    fn sees(&mut self, values: &[(&str, &str)]) -> &mut Self;
    fn counts(&mut self, count: u64) -> &mut Self;
    fn owned(&mut self, owner: &str) -> &mut Self;
    fn handle(&mut self, handle: &str) -> &mut Self;
    fn born(&mut self, birth: &str) -> &mut Self;
    /// No session was there.
    fn dead(&mut self) -> &mut Self;
    /// The handler committed by itself and saw this count.
    fn then_counts(&mut self, count: u64) -> &mut Self;
    /// The handler committed by itself, and the session was there (with this handle) or not.
    fn then(&mut self, live: bool, handle: Option<&str>) -> &mut Self;
    fn got(&mut self, value: &str) -> &mut Self;
    fn issues(&mut self, cookie: u32) -> &mut Self;
    fn removes(&mut self) -> &mut Self;
    /// It was not answered with success, and nothing is known of what it saw.
    fn ends(&mut self, outcome: Outcome) -> &mut Self;
}

fn before(request: &mut RecordedRequest) -> &mut View {
    request.answer.get_or_insert_default().before.get_or_insert_default()
}

fn after(request: &mut RecordedRequest) -> &mut View {
    request.wish.early = true;
    request.answer.get_or_insert_default().after.get_or_insert_default()
}

impl Told for RecordedRequest {
    fn sees(&mut self, values: &[(&str, &str)]) -> &mut Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        before(self).values = values.collect::<BTreeMap<_, _>>();
        self
    }

    fn counts(&mut self, count: u64) -> &mut Self {
        before(self).count = Some(count);
        self
    }

    fn owned(&mut self, owner: &str) -> &mut Self {
        before(self).owner = Some(owner.to_owned());
        self
    }

    fn handle(&mut self, handle: &str) -> &mut Self {
        before(self).handle = Some(handle.to_owned());
        self
    }

    fn born(&mut self, birth: &str) -> &mut Self {
        before(self).birth = Some(birth.to_owned());
        self
    }

    fn dead(&mut self) -> &mut Self {
        *before(self) = View::default();
        self
    }

    fn then_counts(&mut self, count: u64) -> &mut Self {
        *after(self) = View { live: true, count: Some(count), ..View::default() };
        self
    }

    fn then(&mut self, live: bool, handle: Option<&str>) -> &mut Self {
        *after(self) = View { live, handle: handle.map(str::to_owned), ..View::default() };
        self
    }

    fn got(&mut self, value: &str) -> &mut Self {
        self.answer.get_or_insert_default().got = Some(value.to_owned());
        self
    }

    fn issues(&mut self, cookie: u32) -> &mut Self {
        self.cookies.push(SetCookie::Issued(cookie));
        self
    }

    fn removes(&mut self) -> &mut Self {
        self.cookies.push(SetCookie::Removed);
        self
    }

    fn ends(&mut self, outcome: Outcome) -> &mut Self {
        self.outcome = outcome;
        self.answer = None;
        self
    }
}

pub(super) fn set(name: &str, value: &str) -> Act {
    Act::Set { name: name.to_owned(), value: value.to_owned() }
}

pub(super) fn remove(name: &str) -> Act {
    Act::Remove { name: name.to_owned() }
}

pub(super) fn take(name: &str) -> Act {
    Act::Take { name: name.to_owned() }
}

pub(super) fn rotate(value: &str) -> Act {
    Act::Rotate { name: "b".to_owned(), value: value.to_owned() }
}

pub(super) fn renew(value: &str) -> Act {
    Act::Renew { name: "b".to_owned(), value: value.to_owned() }
}

pub(super) fn own(owner: &str, value: &str) -> Act {
    Act::Own { owner: owner.to_owned(), name: "b".to_owned(), value: value.to_owned() }
}

pub(super) fn revoke(owner: &str) -> Act {
    Act::Revoke { owner: owner.to_owned() }
}
