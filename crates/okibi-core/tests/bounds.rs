//! The most work that one request can cause, and the longest time that a face may wait.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use okibi_core::{
    Accept, Config, ConfigError, Consistency, CookieConfig, Engine, Event, Native, Op, Protection, Secrets, Timestamp,
    check_timeouts,
    compat::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
};
use support::World;

const SECRET: &str = "a secret of these tests, long enough";

fn secrets() -> Secrets {
    Secrets::new([SECRET]).unwrap()
}

fn signed() -> Config {
    Protection::SignedId(secrets()).into()
}

fn sealed(chunks: usize) -> Config {
    Protection::Sealed { secrets: secrets(), chunks }.into()
}

fn keys() -> IronSecrets {
    IronSecrets::new([SECRET]).unwrap()
}

/// The most cookies that fit into 16 KB.
fn full(cookie: impl Fn(usize) -> String) -> String {
    let mut header = cookie(0);
    for at in 1.. {
        let next = cookie(at);
        if header.len() + next.len() > 16_000 {
            break;
        }
        header = format!("{header}; {next}");
    }
    header
}

/// A value with the form of a signed id, but without a session.
fn forged(at: usize) -> String {
    format!("__Host-session={at:A>43}.{at:A>43}")
}

fn seal(at: usize) -> String {
    // The first byte is the version, and the next four bytes are the secret id.
    format!("AQ{at:A>158}")
}

#[test]
fn a_header_full_of_cookies_causes_one_event_for_each_reason() {
    let iron = |at: usize| format!("session=Fe26.2**{at:0>64}*{at:A>22}*{at:A>43}**{at:0>64}*{at:A>43}");
    let kv = |at: usize| format!("id=user{at}.{at:A>43}%3D");
    let protected = |protection| Config::from(HonoSessions { protection, ..HonoSessions::default() });
    let cases: [(Config, String); 8] = [
        (Config::default(), full(|at| format!("__Host-session={at}"))),
        (signed(), full(forged)),
        (sealed(1), full(|at| format!("__Host-session={}", seal(at)))),
        (sealed(5), full(|at| format!("__Host-session={}", seal(at)))),
        (sealed(5), full(|at| format!("__Host-session=5.{0}; __Host-session.{1}={0}", seal(at), at % 4 + 1))),
        (protected(HonoProtection::SealedId(keys())), full(iron)),
        (protected(HonoProtection::Sealed(keys())), full(iron)),
        (HonoKv { secrets: vec![String::from(SECRET).into()], ..HonoKv::default() }.into(), full(kv)),
    ];
    for (config, header) in cases {
        let engine = Engine::new(config).unwrap();
        let mut flow = engine.open([header.as_bytes()], Timestamp::from_millis(1_700_000_000_000));
        let events = flow.take_events();
        assert!((1..=3).contains(&events.len()), "{events:?} of {}", &header[..60]);
        assert!(events.iter().all(|event| events.iter().filter(|other| *other == event).count() == 1), "{events:?}");
    }
}

#[test]
fn accepted_cookies_cause_one_event_for_each_reason() {
    let accept = |dialect: okibi_core::Dialect| Accept {
        dialect,
        until: Timestamp::MAX,
        consistency: Some(Consistency::Strong),
    };
    let old = HonoSessions { protection: HonoProtection::SealedId(keys()), ..HonoSessions::default() };
    let engine = Engine::new(Native { accept: vec![accept(old.into())], ..Native::default() }.into()).unwrap();
    let iron = |at: usize| format!("session=Fe26.2**{at:0>64}*{at:A>22}*{at:A>43}**{at:0>64}*{at:A>43}");
    let mut flow = engine.open([full(iron).as_bytes()], Timestamp::from_millis(1_700_000_000_000));
    assert_eq!(flow.take_events(), [Event::ForgedCookie]);
}

/// A cookie that opens counts after others that do not open, up to the limit.
#[test]
fn at_most_sixteen_values_of_a_cookie_are_checked() {
    let mut world = World::new(signed());
    let own = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
    let own = format!("__Host-session={own}");
    let behind = |others: usize| {
        let header: Vec<String> = (0..others).map(forged).chain([own.clone()]).collect();
        header.join("; ")
    };
    for (others, is_live) in [(0, true), (1, true), (15, true), (16, false), (100, false)] {
        let mut request = world.open(Some(&behind(others)));
        request.load(&mut world);
        assert_eq!(request.is_live(), is_live, "behind {others}");
    }
    // Further cookies are ignored.
    let header: Vec<String> = [own].into_iter().chain((0..100).map(forged)).collect();
    let mut request = world.open(Some(&header.join("; ")));
    request.load(&mut world);
    assert!(request.is_live());
}

#[test]
fn an_accepted_cookie_must_not_have_the_name_of_a_chunk() {
    let accept = |protection: Protection, old: &str| {
        let dialect = HonoKv { name: old.into(), ..HonoKv::default() }.into();
        let accept = Accept { dialect, until: Timestamp::MAX, consistency: Some(Consistency::Strong) };
        let cookie = CookieConfig { name: "x".into(), ..CookieConfig::default() };
        Engine::new(Native { cookie, protection, accept: vec![accept], ..Native::default() }.into()).map(|_| ())
    };
    let sealed = || Protection::Sealed { secrets: secrets(), chunks: 2 };
    assert!(
        matches!(accept(sealed(), "x.1"), Err(ConfigError::Together(text)) if text.starts_with("accept: an older"))
    );
    for (protection, old) in [(sealed(), "x"), (sealed(), "x.5"), (Protection::Id, "x.1")] {
        assert_eq!(accept(protection, old), Ok(()));
    }
}

#[test]
fn a_timeout_longer_than_a_timer_of_javascript_is_refused() {
    let (second, most) = (Duration::from_secs(1), Duration::from_millis(2_147_483_647));
    let month = Duration::from_hours(30 * 24);
    assert_eq!((check_timeouts(most, second), check_timeouts(second, most)), (Ok(()), Ok(())));
    for span in [Duration::ZERO, most + Duration::from_millis(1), month, Duration::MAX] {
        for (checked, option) in
            [(check_timeouts(span, second), "store_timeout"), (check_timeouts(second, span), "commit_deadline")]
        {
            let Err(ConfigError::Span { option: named, value, rule }) = checked else {
                panic!("{span:?}: {checked:?}")
            };
            assert_eq!((named, value), (option, span));
            assert!(rule.contains("at most 2147483 seconds (24 days)"));
        }
    }
    let text = check_timeouts(month, second).unwrap_err().to_string();
    assert!(text.starts_with("store_timeout of 2592000s: must be longer than zero and at most 2147483 seconds"));
}

/// The browser has no id that a marker could resolve.
#[test]
fn the_cookie_of_a_new_session_is_sent_even_if_its_id_is_renewed_meanwhile() {
    let mut world = World::new(Config::default());
    let mut request = world.request(None);
    request.set("cart", 1);
    request.commit(&mut world).unwrap();
    request.log.clear();
    request.log.push(Op::RenewId);
    request.commit(&mut world).unwrap();
    request.log.clear();
    let decided = request.cookie().unwrap();
    request.start_commit(&mut world, false);
    request.take_step(&mut world, support::Fate::Refused);
    assert_eq!((request.outcome, request.cookie()), (Some(Ok(())), Some(decided)));
}
