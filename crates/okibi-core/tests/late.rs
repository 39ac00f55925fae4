//! Late writes: each write of each task is delayed or sent twice, and arrives at each later moment.
//! No ended session opens again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Accept, Config, Consistency, Lifetime, Native, Op, Protection, Secrets, StoreKey, Timestamp,
    compat::HonoSessions,
    formats::{Stored, decode},
};
use support::{Fate, Request, World};

const MINUTE: u64 = 60 * 1000;
const HOUR: u64 = 60 * MINUTE;
const OLD_ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const OLD_RECORD: &str = r#"{"_data":{"n":{"value":10,"flash":false}},"_expire":"2023-12-14T22:13:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z"}"#;

/// One task of the visitor. Each task is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Add,
    Take,
    Touch,
    Renew,
    /// A login: a rotation that sets a value.
    Login,
    Logout,
    /// A logout in a request that did not load the session.
    BlindLogout,
    /// A revocation from elsewhere.
    Revoke,
    /// No request until the session expires.
    Expire,
}

use Task::{Add, BlindLogout, Expire, Login, Logout, Renew, Revoke, Take, Touch};

const TASKS: [Task; 9] = [Add, Take, Touch, Renew, Login, Logout, BlindLogout, Revoke, Expire];

/// A visitor's browser, and the cookies that must not open anything any more.
struct Visitor {
    header: Option<String>,
    ended: Vec<String>,
}

impl Visitor {
    fn ends(&mut self) {
        self.ended.extend(self.header.clone());
    }

    /// Plays one task. A late write must not make it fail.
    fn play(&mut self, world: &mut World, task: Task) {
        match task {
            Expire => {
                let end = world.records().iter().map(okibi_core::Record::expires_at).max();
                world.now = end.unwrap_or(world.now);
                world.advance(if world.engine.is_sealed() { HOUR + MINUTE } else { MINUTE });
                return self.ends();
            }
            Revoke => {
                let limits = Config::default().limits;
                let now = world.now;
                let is_live = |bytes: &Bytes| matches!(decode(bytes, &limits), Ok(Stored::Record(record)) if record.expires_at() > now);
                let live = world.store.iter().find(|(_, (bytes, expires))| *expires > now && is_live(bytes));
                let Some(key) = live.map(|(key, _)| key.clone()) else { return };
                world.revoke(key).unwrap();
                return self.ends();
            }
            _ => {}
        }
        let mut request = world.open(self.header.as_deref());
        if task != BlindLogout {
            request.load(world);
        }
        let was_live = request.is_live();
        match task {
            Add => request.add("n", 1),
            Take if was_live && !world.engine.is_sealed() => {
                request.take_value(world, "n");
            }
            Touch => request.log.push(Op::Touch),
            Renew => request.log.push(Op::RenewId),
            Login => {
                request.log.push(Op::Rotate);
                request.set("user", "ada");
            }
            Logout | BlindLogout => request.log.push(Op::Destroy),
            Take | Revoke | Expire => {}
        }
        request.commit(world).unwrap();
        match task {
            Login | Logout | BlindLogout => self.ends(),
            _ => {}
        }
        self.keep(&request);
    }

    /// The browser keeps the cookies of the response.
    fn keep(&mut self, request: &Request) {
        for header in request.cookies() {
            let pair = header.split(';').next().unwrap();
            if !pair.starts_with("__Host-session=") {
                continue;
            }
            let is_removal = pair.ends_with('=');
            self.header = (!is_removal).then(|| pair.to_owned());
        }
    }

    fn check(&self, world: &mut World, what: &str) {
        for cookie in &self.ended {
            let mut request = world.open(Some(cookie));
            request.load(world);
            assert!(!request.is_live(), "{what}: what ended opens again");
        }
        if self.header.is_none() {
            assert_eq!(world.records(), [], "{what}: after a logout nothing is left");
        }
    }
}

/// All histories of `length` tasks.
fn histories(length: u32) -> impl Iterator<Item = Vec<Task>> {
    let count = TASKS.len();
    (0..count.pow(length)).map(move |code| (0..length).map(|digit| TASKS[code / count.pow(digit) % count]).collect())
}

/// Plays the history. The write with this number is disturbed, and arrives before call number
/// `arrives_before` or at the end. Returns the number of calls and of writes.
fn play(begin: &Begin, history: &[Task], disturbed: Option<(usize, Fate)>, arrives_before: usize) -> (usize, usize) {
    let (mut world, header) = begin();
    let mut visitor = Visitor { header, ended: Vec::new() };
    (world.disturbed, world.arrives_before) = (disturbed, Some(arrives_before));
    for task in history {
        visitor.play(&mut world, *task);
    }
    let played = world.intended;
    (world.disturbed, world.arrives_before) = (None, None);
    let what = format!("{history:?}, write {disturbed:?} arrives before call {arrives_before} of {}", played.0);
    visitor.check(&mut world, &what);
    world.arrive();
    visitor.check(&mut world, &what);
    played
}

/// The start of a history: a world, and the browser's first Cookie header.
type Begin = dyn Fn() -> (World, Option<String>);

/// Delays and duplicates each write of each history, and lets it arrive at each later moment.
fn everything_late(begin: &Begin, length: u32) {
    let mut played = 0;
    for history in histories(length).map(|history| [vec![Add], history].concat()) {
        let (_, writes) = play(begin, &history, None, usize::MAX);
        for write in 0..writes {
            for fate in [Fate::Late, Fate::Twice] {
                let (calls, _) = play(begin, &history, Some((write, fate)), usize::MAX);
                for arrives_before in write + 1..calls {
                    play(begin, &history, Some((write, fate)), arrives_before);
                    played += 1;
                }
                played += 1;
            }
        }
    }
    println!("{played} cases: each write of each history, held back or sent twice, arrives at each later moment");
    assert!(played > 0, "something was late");
}

/// An idle timeout that is longer than the delay of a late write, so that only a marker stops the
/// write.
fn lasting() -> Native {
    let lifetime = Lifetime { idle: Duration::from_hours(24 * 30), absolute: None };
    Native { lifetime, ..Native::default() }
}

#[test]
fn h3_no_late_write_restores_an_ended_session() {
    everything_late(&|| (World::new(Config::default()), None), 3);
}

#[test]
fn h3_no_late_write_restores_a_session_that_ended_long_before_its_expiry() {
    everything_late(&|| (World::new(lasting()), None), 2);
    everything_late(&|| (World::new(Native { grace: Duration::ZERO, ..lasting() }), None), 2);
}

#[test]
fn h3_no_late_revocation_or_cookie_restores_a_sealed_session() {
    let secrets = Secrets::new(["a secret of these tests, long enough"]).unwrap();
    let protection = Protection::Sealed { secrets, chunks: 1 };
    let begin = move || {
        let config = Native { protection: protection.clone(), revocations: true, ..Native::default() };
        (World::new(config), None)
    };
    everything_late(&begin, 2);
}

#[test]
fn h3_no_late_write_restores_an_adopted_session() {
    let begin = || {
        let until = Timestamp::from_millis(1_700_000_000_000 + 30 * 24 * HOUR);
        let accept = Accept { dialect: HonoSessions::default().into(), until, consistency: Some(Consistency::Strong) };
        let mut world = World::new(Native { accept: vec![accept], ..lasting() });
        world.accepted_stores[0]
            .insert(StoreKey::new(OLD_ID), (Bytes::from_static(OLD_RECORD.as_bytes()), Timestamp::MAX));
        (world, Some(format!("session={OLD_ID}")))
    };
    everything_late(&begin, 2);
}

#[test]
fn h3_a_marker_is_kept_for_an_hour_but_counts_only_until_its_time() {
    for end in [Op::Rotate, Op::RenewId, Op::Destroy] {
        let mut world = World::new(lasting());
        let mut first = world.request(None);
        first.set("n", 1);
        first.start_commit(&mut world, false);
        first.take_step(&mut world, Fate::Twice);
        let cookie = first.cookie().unwrap();
        world.serve(Some(&cookie), |request| request.log.push(end.clone()));
        world.advance(HOUR - MINUTE);
        let anonymous = world.serve(Some(&cookie), |request| request.set("a", 1));
        assert!(anonymous.cookie().is_some(), "{end:?}: after its time it is an unknown id");
        world.arrive();
        assert!(!world.serve(Some(&cookie), |_| ()).is_live(), "{end:?}");
    }
}

#[test]
fn h3_a_destroy_needs_no_delete() {
    let mut world = World::new(Config::default());
    let cookie = world.serve(None, |request| request.set("n", 1)).cookie().unwrap();
    let logout = world.serve(Some(&cookie), |request| request.log.push(Op::Destroy));
    let calls = logout.flow.calls();
    assert_eq!((calls.loads, calls.swaps, calls.deletes), (1, 1, 0));
}
