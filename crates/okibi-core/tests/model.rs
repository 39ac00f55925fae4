//! Random sequences of requests on virtual time, with interleavings, conflicts, faults, late
//! writes, early commits, takes and clock jumps, compared with a simple model. Two engines serve
//! them from one store, as before and after a deploy that changed the secrets, the timeouts or the
//! limits.
//!
//! The seed is fixed. `OKIBI_MODEL_CASES=100000 cargo test -p okibi-core --release --test model`
//! runs longer, with a new seed each time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{collections::BTreeSet, mem, time::Duration};

use okibi_core::{Config, Engine, Event, Lifetime, Limits, Native, Op, Protection, Refusal, Secrets};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use support::{Luck, Request, World};

#[derive(Clone, Debug)]
enum Action {
    /// A visitor without a cookie starts a session.
    Begin,
    /// A request arrives at one of the two engines, with one of the cookies that were sent.
    Arrive { cookie: usize, engine: bool },
    /// One of the requests in progress changes something.
    Change { request: usize, kind: Kind },
    /// It starts its last commit; `failed` as after a 5xx.
    Commit { request: usize, failed: bool },
    /// It commits early and continues.
    CommitEarly { request: usize },
    /// It takes the session's only ticket.
    Take { request: usize },
    /// The delayed calls arrive at the store.
    Late,
    /// It takes its next step, with this fate.
    Step { request: usize, luck: Luck },
    /// It takes all its remaining steps.
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
    Touch,
    Destroy,
}

fn action() -> impl Strategy<Value = Action> {
    let request = 0..6_usize;
    let kind = prop_oneof![
        4 => Just(Kind::Add),
        4 => Just(Kind::SetOwn),
        2 => Just(Kind::Rotate),
        2 => Just(Kind::RenewId),
        1 => Just(Kind::Touch),
        1 => Just(Kind::Destroy),
    ];
    let luck = prop_oneof![
        12 => Just(Luck::Fine),
        1 => Just(Luck::ReplyLost),
        1 => Just(Luck::RequestLost),
        1 => Just(Luck::Refused),
        1 => Just(Luck::Late),
        1 => Just(Luck::Twice),
    ];
    prop_oneof![
        1 => Just(Action::Begin),
        6 => (0..12_usize, any::<bool>()).prop_map(|(cookie, engine)| Action::Arrive { cookie, engine }),
        8 => (request.clone(), kind).prop_map(|(request, kind)| Action::Change { request, kind }),
        5 => (request.clone(), prop::bool::weighted(0.1)).prop_map(|(request, failed)| Action::Commit { request, failed }),
        2 => request.clone().prop_map(|request| Action::CommitEarly { request }),
        2 => request.clone().prop_map(|request| Action::Take { request }),
        2 => Just(Action::Late),
        12 => (request.clone(), luck).prop_map(|(request, luck)| Action::Step { request, luck }),
        4 => request.prop_map(|request| Action::Finish { request }),
        2 => (1..900_u64).prop_map(|seconds| Action::Advance { seconds }),
        1 => (1..4000_u64).prop_map(|seconds| Action::Back { seconds }),
    ]
}

/// The facts that must hold for one session, under all its ids.
#[derive(Default)]
struct Session {
    /// Additions that were acknowledged, and those with an unknown outcome.
    added: i64,
    maybe_added: i64,
    /// Names that were acknowledged.
    names: BTreeSet<String>,
    /// A destroy was acknowledged, or may have happened.
    destroyed: bool,
    maybe_destroyed: bool,
    /// A rotation that lost another session began this one.
    is_own: bool,
    /// The number of requests that got its ticket.
    tickets: u32,
}

#[expect(clippy::struct_excessive_bools, reason = "facts of a request, which no other depends on")]
struct UnderWay {
    request: Request,
    /// The engine that serves it.
    engine: bool,
    /// The session of its cookie.
    session: usize,
    adds: i64,
    names: Vec<String>,
    kinds: Vec<Kind>,
    failed: bool,
    committing: bool,
    /// The session was certainly destroyed before this request arrived.
    late: bool,
}

struct Cookie {
    value: String,
    session: usize,
    /// A rotation that began when this was the newest cookie was acknowledged. The cookie opens
    /// nothing any more.
    dead: bool,
}

struct Model {
    /// The engine that the world does not use now, and which one it is.
    other: Engine,
    engine: bool,
    sessions: Vec<Session>,
    cookies: Vec<Cookie>,
    under_way: Vec<UnderWay>,
    next_name: u32,
}

impl Model {
    fn new(other: Config) -> Self {
        let other = Engine::new(other).unwrap();
        let (sessions, cookies, under_way) = (Vec::new(), Vec::new(), Vec::new());
        Self { other, engine: false, sessions, cookies, under_way, next_name: 0 }
    }

    /// Makes this engine the world's engine.
    fn turn_to(&mut self, world: &mut World, engine: bool) {
        if self.engine != engine {
            mem::swap(&mut self.other, &mut world.engine);
            self.engine = engine;
        }
    }

    /// Makes the engine of this request the world's engine, if there is such a request.
    fn turn(&mut self, world: &mut World, request: usize) {
        if let Some(under_way) = self.under_way.get(request) {
            self.turn_to(world, under_way.engine);
        }
    }

    fn play(&mut self, world: &mut World, action: &Action) {
        match *action {
            Action::Commit { request, .. }
            | Action::CommitEarly { request }
            | Action::Take { request }
            | Action::Step { request, .. }
            | Action::Finish { request } => self.turn(world, request),
            Action::Arrive { engine, .. } => self.turn_to(world, engine),
            Action::Begin | Action::Change { .. } | Action::Late | Action::Advance { .. } | Action::Back { .. } => {}
        }
        match *action {
            Action::Begin => {
                let session = self.sessions.len();
                let request = world.serve(None, |request| {
                    request.set("session", session);
                    request.set("ticket", 1);
                });
                self.sessions.push(Session::default());
                self.cookies.push(Cookie { value: request.cookie().unwrap(), session, dead: false });
            }
            Action::Arrive { cookie, engine } => self.arrive(world, cookie, engine),
            Action::Change { request, kind } => self.change(request, kind),
            Action::Commit { request, failed } => {
                let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| !under_way.committing) else {
                    return;
                };
                under_way.committing = true;
                under_way.failed = failed;
                under_way.request.start_commit(world, failed);
            }
            Action::CommitEarly { request } => self.commit_early(world, request),
            Action::Take { request } => {
                let Some(under_way) = self.under_way.get_mut(request).filter(|under_way| !under_way.committing) else {
                    return;
                };
                if under_way.request.take_out(world, "ticket").is_some() {
                    let session = &mut self.sessions[under_way.session];
                    session.tickets += 1;
                    assert_eq!(session.tickets, 1, "a value is handed to one request");
                }
                // Only the take was dropped. The commit decides about the other changes.
                under_way.request.events.retain(|event| *event != Event::ChangesDropped);
            }
            Action::Late => world.arrive(),
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

    /// An early commit without faults.
    fn commit_early(&mut self, world: &mut World, request: usize) {
        let Some(under_way) = self.under_way.get(request).filter(|under_way| {
            // A destroy begins another session, which the model does not track.
            !under_way.committing && !under_way.kinds.iter().any(|kind| matches!(kind, Kind::Destroy))
        }) else {
            return;
        };
        assert!(under_way.request.outcome.is_none() || under_way.request.outcome == Some(Ok(())));
        let mut under_way = self.under_way.remove(request);
        under_way.request.commit(world).unwrap();
        self.learn(&mut under_way);
        under_way.request.log.clear();
        under_way.request.outcome = None;
        (under_way.adds, under_way.names, under_way.kinds) = (0, Vec::new(), Vec::new());
        self.under_way.insert(request, under_way);
    }

    fn arrive(&mut self, world: &mut World, cookie: usize, engine: bool) {
        let Some(cookie) = self.cookies.get(cookie) else { return };
        let mut request = world.request(Some(&cookie.value));
        request.load(world);
        let session = cookie.session;
        if request.is_live() {
            let name = Some(session.into()).filter(|_| !self.sessions[session].is_own);
            assert_eq!(request.get("session"), name, "no session is ever another's");
            assert!(!cookie.dead, "after a rotation the old id opens nothing");
            assert!(!self.sessions[session].destroyed, "what was destroyed stays destroyed");
        }
        let late = self.sessions[session].destroyed;
        let (adds, names, kinds) = (0, Vec::new(), Vec::new());
        let (failed, committing) = (false, false);
        self.under_way.push(UnderWay { request, engine, session, adds, names, kinds, failed, committing, late });
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
            Kind::Touch => under_way.request.log.push(Op::Touch),
            Kind::Destroy => {
                // A destroy begins another session, and the following changes would belong to that
                // one.
                under_way.request.log.push(Op::Destroy);
                under_way.committing = false;
            }
        }
    }

    /// Updates the model with the finished requests.
    fn settle(&mut self) {
        let ended: Vec<usize> = (0..self.under_way.len())
            .rev()
            .filter(|index| {
                let under_way = &self.under_way[*index];
                under_way.committing && under_way.request.outcome.is_some()
            })
            .collect();
        for index in ended {
            let mut under_way = self.under_way.remove(index);
            self.learn(&mut under_way);
        }
        // The strategy has numbers for at most six requests.
        self.under_way.truncate(6);
    }

    fn learn(&mut self, ended: &mut UnderWay) {
        let rotates = ended.kinds.iter().any(|kind| matches!(kind, Kind::Rotate));
        let is_of_session = ended.request.get("session").is_some();
        if ended.request.outcome == Some(Ok(())) && rotates && ended.request.is_live() && !is_of_session {
            // The rotation lost, and has a session of its own.
            if !self.sessions[ended.session].is_own || ended.request.events.contains(&Event::RotatedAway) {
                let is_own = true;
                ended.session = self.sessions.len();
                ended.late = false;
                self.sessions.push(Session { is_own, ..Session::default() });
            }
        }
        let session = &mut self.sessions[ended.session];
        let request = &ended.request;
        let cookie = request.cookie();
        let destroying = ended.kinds.iter().any(|kind| matches!(kind, Kind::Destroy));
        if ended.kinds.iter().rev().take_while(|kind| !matches!(kind, Kind::Destroy)).count() != ended.kinds.len() {
            // The request destroyed the session. Its later changes belong to a session that the
            // model does not track.
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
                    assert!(counts || ended.failed || ended.kinds.is_empty(), "who lost sends no cookie");
                    let is_dead = self.cookies.iter().any(|known| known.value == value && known.dead);
                    assert!(!is_dead, "no id that a login replaced is sent again");
                    assert!(!ended.late, "nobody gets a cookie of a session that was destroyed before");
                    if self.cookies.iter().all(|known| known.value != value) {
                        if rotates {
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
                if *refusal == Refusal::StoreUnknown {
                    session.maybe_added += ended.adds;
                } else {
                    // Between the two steps of a rotation, the change is in a record with an id
                    // that no browser has.
                    assert_eq!(*refusal, Refusal::StoreUnavailable);
                }
            }
        }
    }

    /// Checks the final content of the store.
    fn check(&mut self, world: &mut World) {
        for (cookie, engine) in (0..self.cookies.len()).flat_map(|cookie| [(cookie, false), (cookie, true)]) {
            self.turn_to(world, engine);
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

/// Configurations before and after a deploy. A request that began before the deploy keeps its
/// configuration.
fn deploys() -> Vec<(Config, Config)> {
    let signed = |secrets: &[&str]| {
        let protection = Protection::SignedId(Secrets::new(secrets.iter().copied()).unwrap());
        Config::from(Native { protection, ..Native::default() })
    };
    let (old, new) = ("the old secret of thirty-two bytes or more", "the new secret of thirty-two bytes or more");
    let idle = Duration::from_mins(20);
    let shorter = Native { lifetime: Lifetime { idle, ..Native::default().lifetime }, ..Native::default() };
    let larger = Limits { bytes: 2 * Limits::default().bytes, ..Limits::default() };
    vec![
        (Config::default(), Config::default()),
        (signed(&[old]), signed(&[new, old])),
        (signed(&[old, new]), signed(&[new])),
        (shorter.into(), Config { limits: larger, ..Config::default() }),
        (Config::default(), Native { grace: Duration::ZERO, ..Native::default() }.into()),
    ]
}

/// The number of histories: 400 with a fixed seed, or the requested number.
fn cases() -> Option<u32> {
    std::env::var("OKIBI_MODEL_CASES").ok().map(|cases| cases.parse().unwrap())
}

#[test]
fn n1_n2_n5_n39_histories_agree_with_the_model() {
    let config =
        ProptestConfig { cases: cases().unwrap_or(400), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = match cases() {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let deploys = deploys();
    let histories = (0..deploys.len(), prop::collection::vec(action(), 1..80));
    let result = runner.run(&histories, |(deploy, actions)| {
        let (before, after) = deploys[deploy].clone();
        let mut world = World::new(before);
        let mut model = Model::new(after);
        model.play(&mut world, &Action::Begin);
        for action in &actions {
            model.play(&mut world, action);
        }
        while let Some(mut under_way) = model.under_way.pop() {
            model.turn_to(&mut world, under_way.engine);
            if !under_way.committing {
                under_way.committing = true;
                under_way.request.start_commit(&mut world, false);
            }
            while under_way.request.outcome.is_none() {
                under_way.request.go(&mut world, Luck::Fine);
            }
            model.learn(&mut under_way);
        }
        world.arrive();
        model.check(&mut world);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
