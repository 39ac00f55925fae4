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
use support::{Fate, Request, World};

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
    Step { request: usize, fate: Fate },
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
    let fate = prop_oneof![
        12 => Just(Fate::Fine),
        1 => Just(Fate::ReplyLost),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Late),
        1 => Just(Fate::Twice),
    ];
    prop_oneof![
        1 => Just(Action::Begin),
        6 => (0..12_usize, any::<bool>()).prop_map(|(cookie, engine)| Action::Arrive { cookie, engine }),
        8 => (request.clone(), kind).prop_map(|(request, kind)| Action::Change { request, kind }),
        5 => (request.clone(), prop::bool::weighted(0.1)).prop_map(|(request, failed)| Action::Commit { request, failed }),
        2 => request.clone().prop_map(|request| Action::CommitEarly { request }),
        2 => request.clone().prop_map(|request| Action::Take { request }),
        2 => Just(Action::Late),
        12 => (request.clone(), fate).prop_map(|(request, fate)| Action::Step { request, fate }),
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
struct ActiveRequest {
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
    active: Vec<ActiveRequest>,
    next_name: u32,
}

impl Model {
    fn new(other: Config) -> Self {
        let other = Engine::new(other).unwrap();
        let (sessions, cookies, active) = (Vec::new(), Vec::new(), Vec::new());
        Self { other, engine: false, sessions, cookies, active, next_name: 0 }
    }

    /// Makes this engine the world's engine.
    fn use_engine(&mut self, world: &mut World, engine: bool) {
        if self.engine != engine {
            mem::swap(&mut self.other, &mut world.engine);
            self.engine = engine;
        }
    }

    /// Makes the engine of this request the world's engine, if there is such a request.
    fn use_engine_of(&mut self, world: &mut World, request: usize) {
        if let Some(active) = self.active.get(request) {
            self.use_engine(world, active.engine);
        }
    }

    fn play(&mut self, world: &mut World, action: &Action) {
        match *action {
            Action::Commit { request, .. }
            | Action::CommitEarly { request }
            | Action::Take { request }
            | Action::Step { request, .. }
            | Action::Finish { request } => self.use_engine_of(world, request),
            Action::Arrive { engine, .. } => self.use_engine(world, engine),
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
                let Some(active) = self.active.get_mut(request).filter(|active| !active.committing) else {
                    return;
                };
                active.committing = true;
                active.failed = failed;
                active.request.start_commit(world, failed);
            }
            Action::CommitEarly { request } => self.commit_early(world, request),
            Action::Take { request } => {
                let Some(active) = self.active.get_mut(request).filter(|active| !active.committing) else {
                    return;
                };
                if active.request.take_value(world, "ticket").is_some() {
                    let session = &mut self.sessions[active.session];
                    session.tickets += 1;
                    assert_eq!(session.tickets, 1, "one request gets the value");
                }
                // Only the take was dropped. The commit decides about the other changes.
                active.request.events.retain(|event| *event != Event::ChangesDropped);
            }
            Action::Late => world.arrive(),
            Action::Step { request, fate } => {
                if let Some(active) = self.active.get_mut(request).filter(|active| active.committing)
                    && active.request.outcome.is_none()
                {
                    active.request.take_step(world, fate);
                }
            }
            Action::Finish { request } => {
                if let Some(active) = self.active.get_mut(request).filter(|active| active.committing) {
                    while active.request.outcome.is_none() {
                        active.request.take_step(world, Fate::Fine);
                    }
                }
            }
            Action::Advance { seconds } => world.advance(seconds * 1000),
            Action::Back { seconds } => {
                world.now = okibi_core::Timestamp::from_millis(world.now.as_millis() - seconds * 1000);
            }
        }
        self.finish_requests();
    }

    /// An early commit without faults.
    fn commit_early(&mut self, world: &mut World, request: usize) {
        let Some(active) = self.active.get(request).filter(|active| {
            // A destroy begins another session, which the model does not track.
            !active.committing && !active.kinds.iter().any(|kind| matches!(kind, Kind::Destroy))
        }) else {
            return;
        };
        assert!(active.request.outcome.is_none() || active.request.outcome == Some(Ok(())));
        let mut active = self.active.remove(request);
        active.request.commit(world).unwrap();
        self.update(&mut active);
        active.request.log.clear();
        active.request.outcome = None;
        (active.adds, active.names, active.kinds) = (0, Vec::new(), Vec::new());
        self.active.insert(request, active);
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
            assert!(!self.sessions[session].destroyed, "a destroyed session stays destroyed");
        }
        let late = self.sessions[session].destroyed;
        let (adds, names, kinds) = (0, Vec::new(), Vec::new());
        let (failed, committing) = (false, false);
        self.active.push(ActiveRequest { request, engine, session, adds, names, kinds, failed, committing, late });
    }

    fn change(&mut self, request: usize, kind: Kind) {
        let Some(active) = self.active.get_mut(request).filter(|active| !active.committing) else { return };
        if !active.request.is_live() {
            return;
        }
        active.kinds.push(kind);
        match kind {
            Kind::Add => {
                active.request.add("n", 1);
                active.adds += 1;
            }
            Kind::SetOwn => {
                self.next_name += 1;
                let name = format!("own {}", self.next_name);
                active.request.set(&name, self.next_name);
                active.names.push(name);
            }
            Kind::Rotate => active.request.log.push(Op::Rotate),
            Kind::RenewId => active.request.log.push(Op::RenewId),
            Kind::Touch => active.request.log.push(Op::Touch),
            Kind::Destroy => {
                // A destroy begins another session, and the following changes would belong to that
                // one.
                active.request.log.push(Op::Destroy);
                active.committing = false;
            }
        }
    }

    /// Updates the model with the finished requests.
    fn finish_requests(&mut self) {
        let ended: Vec<usize> = (0..self.active.len())
            .rev()
            .filter(|index| {
                let active = &self.active[*index];
                active.committing && active.request.outcome.is_some()
            })
            .collect();
        for index in ended {
            let mut active = self.active.remove(index);
            self.update(&mut active);
        }
        // The strategy has numbers for at most six requests.
        self.active.truncate(6);
    }

    fn update(&mut self, ended: &mut ActiveRequest) {
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
                    assert!(counts || ended.failed || ended.kinds.is_empty(), "a request that lost sends no cookie");
                    let is_dead = self.cookies.iter().any(|known| known.value == value && known.dead);
                    assert!(!is_dead, "no id that a login replaced is sent again");
                    assert!(!ended.late, "no cookie of a session that was destroyed before is sent");
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
            self.use_engine(world, engine);
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
        while let Some(mut active) = model.active.pop() {
            model.use_engine(&mut world, active.engine);
            if !active.committing {
                active.committing = true;
                active.request.start_commit(&mut world, false);
            }
            while active.request.outcome.is_none() {
                active.request.take_step(&mut world, Fate::Fine);
            }
            model.update(&mut active);
        }
        world.arrive();
        model.check(&mut world);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
