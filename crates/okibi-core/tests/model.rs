//! Random sequences of requests on virtual time, with interleavings, conflicts, faults and clock jumps, against a simple model.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeSet;

use okibi_core::{Config, Event, Op, Refusal};
use proptest::prelude::*;
use support::{Luck, Request, World};

#[derive(Clone, Debug)]
enum Action {
    /// A visitor without a cookie starts a session.
    Begin,
    /// A request arrives with one of the cookies that were ever sent.
    Arrive { cookie: usize },
    /// One of the requests under way changes something.
    Change { request: usize, kind: Kind },
    /// It starts to commit; `failed` as after a 5xx.
    Commit { request: usize, failed: bool },
    /// It takes its next step, with this luck.
    Step { request: usize, luck: Luck },
    /// It takes all the steps that are left.
    Finish { request: usize },
    /// Time passes.
    Advance { seconds: u64 },
    /// The clock is set back.
    Back { seconds: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Add,
    SetOwn,
    Rotate,
    RenewId,
    Destroy,
}

fn action() -> impl Strategy<Value = Action> {
    let request = 0..6_usize;
    let kind = prop_oneof![
        4 => Just(Kind::Add),
        4 => Just(Kind::SetOwn),
        2 => Just(Kind::Rotate),
        2 => Just(Kind::RenewId),
        1 => Just(Kind::Destroy),
    ];
    let luck = prop_oneof![
        12 => Just(Luck::Fine),
        1 => Just(Luck::ReplyLost),
        1 => Just(Luck::RequestLost),
        1 => Just(Luck::Refused),
    ];
    prop_oneof![
        1 => Just(Action::Begin),
        6 => (0..12_usize).prop_map(|cookie| Action::Arrive { cookie }),
        8 => (request.clone(), kind).prop_map(|(request, kind)| Action::Change { request, kind }),
        5 => (request.clone(), prop::bool::weighted(0.1)).prop_map(|(request, failed)| Action::Commit { request, failed }),
        12 => (request.clone(), luck).prop_map(|(request, luck)| Action::Step { request, luck }),
        4 => request.prop_map(|request| Action::Finish { request }),
        2 => (1..900_u64).prop_map(|seconds| Action::Advance { seconds }),
        1 => (1..4000_u64).prop_map(|seconds| Action::Back { seconds }),
    ]
}

/// What must be true of one session, whatever ids it has had.
#[derive(Default)]
struct Session {
    /// Adds that were acknowledged, and those whose fate is unknown.
    added: i64,
    maybe_added: i64,
    /// Names that were acknowledged.
    names: BTreeSet<String>,
    /// A destroy was acknowledged, or may have happened.
    destroyed: bool,
    maybe_destroyed: bool,
}

struct UnderWay {
    request: Request,
    /// Which session its cookie was of.
    session: usize,
    adds: i64,
    names: Vec<String>,
    kinds: Vec<Kind>,
    failed: bool,
    committing: bool,
    /// The session had been destroyed for sure before this request arrived.
    late: bool,
}

struct Cookie {
    value: String,
    session: usize,
    /// A rotation was acknowledged that began when this was the newest cookie: it opens nothing any more.
    dead: bool,
}

#[derive(Default)]
struct Model {
    sessions: Vec<Session>,
    cookies: Vec<Cookie>,
    under_way: Vec<UnderWay>,
    next_name: u32,
}

impl Model {
    fn play(&mut self, world: &mut World, action: &Action) {
        match *action {
            Action::Begin => {
                let session = self.sessions.len();
                let request = world.serve(None, |request| request.set("session", session));
                self.sessions.push(Session::default());
                self.cookies.push(Cookie { value: request.cookie().unwrap(), session, dead: false });
            }
            Action::Arrive { cookie } => self.arrive(world, cookie),
            Action::Change { request, kind } => self.change(request, kind),
            Action::Commit { request, failed } => {
                let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| !under_way.committing) else {
                    return;
                };
                under_way.committing = true;
                under_way.failed = failed;
                under_way.request.start_commit(world, failed);
            }
            Action::Step { request, luck } => {
                if let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| under_way.committing)
                    && under_way.request.outcome.is_none()
                {
                    under_way.request.go(world, luck);
                }
            }
            Action::Finish { request } => {
                if let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| under_way.committing) {
                    while under_way.request.outcome.is_none() {
                        under_way.request.go(world, Luck::Fine);
                    }
                }
            }
            Action::Advance { seconds } => world.advance(seconds * 1000),
            Action::Back { seconds } => {
                world.now = okibi_core::Timestamp::from_millis(world.now.as_millis() - seconds * 1000);
            }
        }
        self.settle();
    }

    fn arrive(&mut self, world: &mut World, cookie: usize) {
        let Some(cookie) = self.cookies.get(cookie) else { return };
        let mut request = world.request(Some(&cookie.value));
        request.load(world);
        let session = cookie.session;
        if request.is_live() {
            assert_eq!(request.get("session"), Some(session.into()), "no session is ever another's");
            assert!(!cookie.dead, "after a rotation the old id opens nothing");
            assert!(!self.sessions[session].destroyed, "what was destroyed stays destroyed");
        }
        let late = self.sessions[session].destroyed;
        let (adds, names, kinds) = (0, Vec::new(), Vec::new());
        self.under_way.push(UnderWay { request, session, adds, names, kinds, failed: false, committing: false, late });
    }

    fn change(&mut self, request: usize, kind: Kind) {
        let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| !under_way.committing) else { return };
        if !under_way.request.is_live() {
            return;
        }
        under_way.kinds.push(kind);
        match kind {
            Kind::Add => {
                under_way.request.add("n", 1);
                under_way.adds += 1;
            }
            Kind::SetOwn => {
                self.next_name += 1;
                let name = format!("own {}", self.next_name);
                under_way.request.set(&name, self.next_name);
                under_way.names.push(name);
            }
            Kind::Rotate => under_way.request.log.push(Op::Rotate),
            Kind::RenewId => under_way.request.log.push(Op::RenewId),
            Kind::Destroy => {
                // A destroy begins another session; what follows would be of that one.
                under_way.request.log.push(Op::Destroy);
                under_way.committing = false;
            }
        }
    }

    /// Takes in what ended.
    fn settle(&mut self) {
        let ended: Vec<usize> = (0..self.under_way.len())
            .rev()
            .filter(|index| {
                let under_way = &self.under_way[*index];
                under_way.committing && under_way.request.outcome.is_some()
            })
            .collect();
        for index in ended {
            let under_way = self.under_way.remove(index);
            self.learn(&under_way);
        }
        // As many as there is room for in the strategy's numbers.
        self.under_way.truncate(6);
    }

    fn learn(&mut self, ended: &UnderWay) {
        let session = &mut self.sessions[ended.session];
        let request = &ended.request;
        let cookie = request.cookie();
        let destroying = ended.kinds.iter().any(|kind| matches!(kind, Kind::Destroy));
        if ended.kinds.iter().rev().take_while(|kind| !matches!(kind, Kind::Destroy)).count() != ended.kinds.len() {
            // It destroyed; what it did afterwards is of a session that nobody follows here.
            match request.outcome.as_ref().unwrap() {
                Ok(()) => session.destroyed = true,
                Err(_) => session.maybe_destroyed = true,
            }
            return;
        }
        assert!(!destroying);
        match request.outcome.as_ref().unwrap() {
            Ok(()) => {
                let counts = !ended.failed && !request.events.contains(&Event::ChangesDropped) && request.is_live();
                if counts {
                    session.added += ended.adds;
                    session.names.extend(ended.names.iter().cloned());
                }
                if let Some(value) = cookie.filter(|value| !value.is_empty()) {
                    assert!(counts || ended.kinds.is_empty(), "who lost sends no cookie");
                    assert!(!ended.late, "nobody gets a cookie of a session that was destroyed before");
                    if self.cookies.iter().all(|known| known.value != value) {
                        if ended.kinds.iter().any(|kind| matches!(kind, Kind::Rotate)) {
                            self.cookies
                                .iter_mut()
                                .filter(|known| known.session == ended.session)
                                .for_each(|known| known.dead = true);
                        }
                        self.cookies.push(Cookie { value, session: ended.session, dead: false });
                    }
                }
            }
            Err(refusal) => {
                assert!(cookie.is_none() || ended.kinds.is_empty(), "a failed commit sends no cookie");
                if *refusal == Refusal::StoreUnknown {
                    session.maybe_added += ended.adds;
                } else {
                    // Between a rotation's two steps the change is in a record that nobody has the id of.
                    assert_eq!(*refusal, Refusal::StoreUnavailable);
                }
            }
        }
    }

    /// What the store holds at the end.
    fn check(&mut self, world: &mut World) {
        for cookie in 0..self.cookies.len() {
            let (value, session) = (self.cookies[cookie].value.clone(), self.cookies[cookie].session);
            let mut request = world.request(Some(&value));
            request.load(world);
            if !request.is_live() {
                continue;
            }
            let expected = &self.sessions[session];
            assert!(!expected.destroyed && !self.cookies[cookie].dead);
            let added = request.get("n").map_or(0, |value| value.as_i64().unwrap());
            assert!(
                (expected.added..=expected.added + expected.maybe_added).contains(&added),
                "{added} added, {} acknowledged, {} unknown",
                expected.added,
                expected.maybe_added
            );
            for name in &expected.names {
                assert!(request.get(name).is_some(), "{name} was acknowledged and is lost");
            }
        }
        let mut deadline_kept =
            world.records().into_iter().map(|record| record.deadline.unwrap().since(record.created));
        assert!(
            deadline_kept.all(|span| span == std::time::Duration::from_hours(24)),
            "no activity extends the absolute timeout"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn n1_n2_n5_n39_histories_agree_with_the_model(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new(Config::default());
        let mut model = Model::default();
        model.play(&mut world, &Action::Begin);
        for action in &actions {
            model.play(&mut world, action);
        }
        while let Some(mut under_way) = model.under_way.pop() {
            if !under_way.committing {
                under_way.committing = true;
                under_way.request.start_commit(&mut world, false);
            }
            while under_way.request.outcome.is_none() {
                under_way.request.go(&mut world, Luck::Fine);
            }
            model.learn(&under_way);
        }
        model.check(&mut world);
    }
}
