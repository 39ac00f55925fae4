//! Adoption of sessions of older dialects. After a logout, neither the old nor the new cookie opens
//! a session.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use bytes::Bytes;
use okibi_core::{
    Accept, Config, ConfigError, Consistency, CookieConfig, Dialect, Engine, Event, Native, Op, Protection, Secrets,
    Step, StoreKey, Timestamp,
    compat::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
};
use support::{Fate, Request, World};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;
const KEY: &str = "an encryption key of 32 characters, or more";
const ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const START: u64 = 1_700_000_000_000;
const RECORD: &str = r#"{"_data":{"user":{"value":"ada","flash":false},"n":{"value":1,"flash":false}},"_expire":"2023-11-15T22:13:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z"}"#;
const REMOVED: &str = "session=; Max-Age=0; Path=/";

fn accept(dialect: impl Into<Dialect>) -> Accept {
    let until = Timestamp::from_millis(START + 30 * DAY);
    let dialect = dialect.into();
    let consistency = (!dialect.is_sealed()).then_some(Consistency::Strong);
    Accept { dialect, until, consistency }
}

fn config() -> Native {
    Native { accept: vec![accept(HonoSessions::default())], ..Native::default() }
}

fn world_of(config: impl Into<Config>) -> World {
    let mut world = World::new(config);
    world.accepted_stores[0].insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
    world
}

/// The Cookie header of a browser with the old cookie.
fn old() -> String {
    format!("session={ID}")
}

/// The Cookie header of a browser that kept the cookies of a response.
fn header(request: &Request) -> String {
    let pair = request.cookies()[0].split(';').next().unwrap();
    assert!(pair.starts_with("__Host-session="), "{pair}");
    pair.to_owned()
}

fn logout(request: &mut Request) {
    request.log.push(Op::Destroy);
}

#[test]
fn n24_a_visitor_stays_signed_in_and_gets_the_new_cookie_immediately() {
    let mut world = world_of(config());
    let first = world.serve_header(&old(), |request| {
        assert_eq!((request.get("user"), request.get("n")), (Some("ada".into()), Some(1.into())));
    });
    assert!(first.events.contains(&Event::Adopted));
    assert_eq!(first.cookies().len(), 2);
    assert_eq!(first.cookies()[1], REMOVED);
    let second = world.serve_header(&header(&first), |request| request.add("n", 1));
    assert_eq!((second.get("user"), second.cookies().len()), (Some("ada".into()), 0));
    // An instance that still runs the old package keeps its record.
    assert_eq!(world.accepted_stores[0].len(), 1);
}

#[test]
fn the_old_cookie_opens_the_new_session_and_never_creates_a_second_one() {
    let mut world = world_of(config());
    let first = world.serve_header(&old(), |request| request.set("n", 7));
    world.advance(12 * HOUR / 13);
    let again = world.serve_header(&old(), |request| assert_eq!(request.get("n"), Some(7.into())));
    assert_eq!(header(&again), header(&first), "the same session, its cookie sent again");
    assert_eq!(again.cookies()[1], REMOVED);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn n41_after_a_logout_no_cookie_opens_anything_n8_and_the_old_record_is_deleted() {
    for both in [false, true] {
        for looks in [false, true] {
            let mut world = world_of(config());
            let first = world.serve_header(&old(), |_| {});
            let new = header(&first);
            let cookies = if both { format!("{new}; {}", old()) } else { old() };
            let mut request = world.open(Some(&cookies));
            if looks {
                request.load(&mut world);
            }
            logout(&mut request);
            request.commit(&mut world).unwrap();
            assert!(request.cookies().contains(&REMOVED.to_owned()));
            assert!(world.accepted_stores[0].is_empty() && world.records().is_empty());
            world.accepted_stores[0].insert(StoreKey::new(ID), (Bytes::from_static(RECORD.as_bytes()), Timestamp::MAX));
            for cookies in [new.clone(), old(), format!("{new}; {}", old())] {
                assert!(
                    !world.serve_header(&cookies, |_| {}).is_live(),
                    "even if an old instance writes it again: {cookies}"
                );
            }
        }
    }
}

#[test]
fn n41_a_logout_with_the_new_cookie_alone_ends_the_old_one_too() {
    let mut world = world_of(config());
    let first = world.serve_header(&old(), |_| {});
    world.serve_header(&header(&first), logout);
    world.advance(HOUR);
    let replayed = world.serve_header(&old(), |_| {});
    assert!(!replayed.is_live() && replayed.cookies().is_empty());
}

#[test]
fn n41_a_logout_before_the_adoption_is_final() {
    for looks in [false, true] {
        let mut world = world_of(config());
        let mut slow = world.open(Some(&old()));
        slow.load(&mut world);
        let mut request = world.open(Some(&old()));
        if looks {
            request.load(&mut world);
        }
        logout(&mut request);
        request.commit(&mut world).unwrap();
        assert_eq!(request.cookies(), [REMOVED]);
        // A request that loaded the old session before the logout cannot adopt it.
        slow.set("n", 9);
        slow.commit(&mut world).unwrap();
        assert!(slow.cookies().is_empty());
        assert!(world.records().is_empty() && world.accepted_stores[0].is_empty());
    }
}

#[test]
fn n41_with_a_cookie_of_the_configured_dialect_no_other_counts_even_if_it_is_invalid() {
    let mut world = world_of(config());
    for dead in ["__Host-session=garbage", &format!("__Host-session={}", "A".repeat(43))] {
        let request = world.serve_header(&format!("{dead}; {}", old()), |_| {});
        assert!(!request.is_live());
    }
    assert!(!world.steps.iter().any(|step| matches!(step, Step::LoadAccepted { .. })));
}

#[test]
fn parallel_first_requests_adopt_one_session_and_lose_no_change() {
    let mut world = world_of(config());
    let mut requests: Vec<_> = (0..20).map(|_| world.open(Some(&old()))).collect();
    for request in &mut requests {
        request.load(&mut world);
    }
    for request in &mut requests {
        request.add("n", 1);
        request.start_commit(&mut world, false);
    }
    while requests.iter().any(|request| request.outcome.is_none()) {
        for request in requests.iter_mut().filter(|request| request.outcome.is_none()) {
            request.take_step(&mut world, Fate::Fine);
        }
    }
    let headers: Vec<String> = requests.iter().map(header).collect();
    assert!(headers.iter().all(|other| *other == headers[0]), "one session, one cookie");
    assert_eq!(world.serve_header(&headers[0], |_| {}).get("n"), Some(21.into()));
    assert_eq!(world.records().len(), 1, "no orphan");
}

#[test]
fn n39_a_lost_reply_during_an_adoption_counts_once_or_is_an_error() {
    for failing in 0..6 {
        for fate in [Fate::ReplyLost, Fate::RequestLost, Fate::Refused] {
            let mut world = world_of(config());
            let mut request = world.open(Some(&old()));
            request.add("n", 1);
            request.start_commit(&mut world, false);
            let mut step = 0;
            while request.outcome.is_none() {
                request.take_step(&mut world, if step == failing { fate } else { Fate::Fine });
                step += 1;
            }
            let after = world.serve_header(&old(), |_| {}).get("n");
            let counts: &[i64] = if request.outcome == Some(Ok(())) { &[2] } else { &[1, 2] };
            assert!(counts.iter().any(|count| after == Some((*count).into())), "{failing} {fate:?}: {after:?}");
        }
    }
}

#[test]
fn after_a_login_in_the_first_request_the_old_cookie_opens_nothing() {
    let mut world = world_of(config());
    let login = world.serve_header(&old(), |request| {
        request.set("user", "eve");
        request.log.push(Op::Rotate);
    });
    assert_eq!(world.serve_header(&header(&login), |_| {}).get("user"), Some("eve".into()));
    world.advance(HOUR / 2);
    let late = world.serve_header(&old(), |request| request.set("x", 1));
    assert!(!late.is_live() && late.cookies().is_empty(), "for as long as the old record lives");
}

#[test]
fn take_returns_a_value_of_an_old_session_to_exactly_one_request() {
    let mut world = world_of(config());
    let mut first = world.open(Some(&old()));
    let mut second = world.open(Some(&old()));
    first.load(&mut world);
    second.load(&mut world);
    assert_eq!(first.take_value(&mut world, "n"), Some("1".into()));
    assert_eq!(second.take_value(&mut world, "n"), None);
    first.commit(&mut world).unwrap();
    second.commit(&mut world).unwrap();
    assert_eq!(header(&first), header(&second));
    assert_eq!(world.records().len(), 1);
}

#[test]
fn failed_requests_adopt_no_session() {
    let mut world = world_of(config());
    let mut request = world.open(Some(&old()));
    request.load(&mut world);
    request.start_commit(&mut world, true);
    assert_eq!((request.outcome, request.cookies().len(), world.store.len()), (Some(Ok(())), 0, 0));
}

#[test]
fn s27_after_until_no_session_is_adopted() {
    let mut world = world_of(config());
    world.advance(30 * DAY);
    let request = world.serve_header(&old(), |_| {});
    assert!(!request.is_live());
    assert_eq!(world.calls, 0);
}

#[test]
fn r3_of_two_old_cookies_the_first_counts_as_for_the_package_and_a_logout_ends_both() {
    let other = ID.replace('3', "4");
    let mut world = world_of(config());
    let request = world.serve_header(&format!("{}; session={other}", old()), |_| {});
    assert!(request.is_live() && request.events.contains(&Event::Adopted), "{:?}", request.events);
    let mut world = world_of(config());
    assert!(!world.serve_header(&format!("session={other}; {}", old()), |_| {}).is_live());
    let logout = world.serve_header(&format!("session={other}; {}", old()), |request| request.log.push(Op::Destroy));
    assert!(logout.cookies().contains(&REMOVED.to_owned()));
    assert!(world.accepted_stores[0].is_empty());
}

#[test]
fn s12_a_malformed_cookie_of_an_older_dialect_causes_no_store_call() {
    let mut world = world_of(config());
    for header in ["session=garbage".into(), "session=".into(), format!("session={ID}x")] {
        let request = world.serve_header(&header, |_| {});
        assert!(!request.is_live() && request.cookies().is_empty());
    }
    assert_eq!(world.calls, 0);
}

#[test]
fn a_cookie_store_session_is_adopted_into_a_store_and_into_a_sealed_cookie() {
    let secrets = || IronSecrets::new([KEY]).unwrap();
    let sealed = || HonoSessions { protection: HonoProtection::Sealed(secrets()), ..HonoSessions::default() };
    let mut theirs = World::new(sealed());
    let cookie = theirs.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
    let own = Secrets::new(["a secret of thirty-two bytes: no more"]).unwrap();
    for protection in [Protection::Id, Protection::Sealed { secrets: own, chunks: 1 }] {
        let accept = vec![accept(sealed())];
        let mut world = World::new(Native { protection, accept, ..Native::default() });
        let first = world.serve_header(&format!("session={cookie}"), |request| {
            assert_eq!(request.get("user"), Some("ada".into()));
        });
        assert_eq!(first.cookies()[1], REMOVED);
        assert_eq!(world.serve_header(&header(&first), |_| {}).get("user"), Some("ada".into()));
        // One byte is changed: no session, and no error.
        let forged = world.serve_header(&format!("session={cookie}A"), |_| {});
        assert!(!forged.is_live() && forged.events.contains(&Event::ForgedCookie));
    }
}

#[test]
fn a_stored_session_is_adopted_into_a_sealed_cookie() {
    let own = Secrets::new(["a secret of thirty-two bytes: no more"]).unwrap();
    let protection = Protection::Sealed { secrets: own, chunks: 1 };
    let mut world = world_of(Native { protection, ..config() });
    let first = world.serve_header(&old(), |request| assert_eq!(request.get("user"), Some("ada".into())));
    assert_eq!(world.serve_header(&header(&first), |_| {}).get("user"), Some("ada".into()));
    let mut request = world.open(Some(&format!("{}; {}", header(&first), old())));
    logout(&mut request);
    request.commit(&mut world).unwrap();
    assert!(world.accepted_stores[0].is_empty());
}

#[test]
fn a_session_of_hono_kv_session_is_adopted_on_its_host() {
    let spoken = Dialect::HonoKv(HonoKv::default());
    let mut world = World::new(Native { accept: vec![accept(spoken)], ..Native::default() });
    world.host = Some("www.example.com");
    let key = StoreKey::new(format!("session:www.example.com:{ID}"));
    world.accepted_stores[0].insert(key, (Bytes::from_static(b"ada"), Timestamp::MAX));
    let first = world.serve_header(&format!("id={ID}"), |request| assert_eq!(request.get("value"), Some("ada".into())));
    let removed = "id=; Max-Age=0; Domain=www.example.com; Path=/; HttpOnly; Secure; SameSite=Strict";
    assert_eq!(first.cookies()[1], removed);
    assert_eq!(world.serve_header(&header(&first), |_| {}).get("value"), Some("ada".into()));
}

#[test]
fn two_dialects_can_share_a_cookie_name_and_the_form_decides() {
    let cookie = CookieConfig { name: "session".into(), ..CookieConfig::default() };
    let mut world = world_of(Native { cookie, ..config() });
    let first = world.serve_header(&old(), |request| assert_eq!(request.get("user"), Some("ada".into())));
    let [set] = first.cookies() else { panic!("the new one replaces the old one: {:?}", first.cookies()) };
    let pair = set.split(';').next().unwrap();
    assert_eq!(world.serve_header(pair, |_| {}).get("user"), Some("ada".into()));
}

#[test]
fn an_app_that_still_writes_the_old_dialect_recognizes_requests_of_the_new_one() {
    let native = Engine::new(Config::default()).unwrap();
    let id = "A".repeat(43);
    assert!(native.claims(format!("a=b; __Host-session={id}; {}", old()).as_bytes()));
    for header in [old(), String::new(), "__Host-session=garbage".into(), format!("x__Host-session={id}")] {
        assert!(!native.claims(header.as_bytes()), "{header}");
    }
}

#[test]
fn an_invalid_entry_of_accept_is_a_configuration_error() {
    let says = |accept: Vec<Accept>| Engine::new(Native { accept, ..Native::default() }.into()).unwrap_err();
    let own = vec![accept(Dialect::default())];
    assert!(says(own).to_string().contains("accept"));
    let stored = Accept { consistency: None, ..accept(HonoSessions::default()) };
    assert!(says(vec![stored]).to_string().contains("all others in `accept`"));
    let many = vec![accept(HonoSessions::default()); 9];
    assert!(matches!(says(many), ConfigError::Limit { option: "accept", value: 9, .. }));
}
