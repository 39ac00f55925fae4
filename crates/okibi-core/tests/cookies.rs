//! The cookie: its lifetime, when it is sent again, and the rules of name prefixes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use okibi_core::{CookieConfig, Engine, Lifetime, Native, Op, Protection, Refusal, SameSite, Secrets};
use support::World;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

fn stored(idle: Duration, absolute: Option<Duration>) -> World {
    World::new(Native { lifetime: Lifetime { idle, absolute }, ..Native::default() })
}

fn sealed(chunks: usize) -> Native {
    let secrets = Secrets::new(["a secret of more than thirty-two bytes"]).unwrap();
    Native { protection: Protection::Sealed { secrets, chunks }, ..Native::default() }
}

fn max_age(header: &str) -> Option<u64> {
    header.split("; ").find_map(|part| part.strip_prefix("Max-Age="))?.parse().ok()
}

#[test]
fn r11_the_cookie_of_a_stored_session_lives_until_the_absolute_deadline() {
    let mut world = stored(Duration::from_mins(15), Some(days(30)));
    let login = world.serve(None, |request| request.set("user", "ada"));
    assert_eq!(max_age(&login.cookies()[0]), Some(30 * 86_400));
    let cookie = login.cookie().unwrap();
    world.advance(14 * MINUTE);
    let renewed = world.serve(Some(&cookie), |_| {});
    assert_eq!(max_age(&renewed.cookies()[0]), Some(30 * 86_400 - 14 * 60));
    // The idle timeout ends the session on the server only.
    world.advance(15 * MINUTE);
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    let mut world = stored(Duration::from_mins(15), None);
    let login = world.serve(None, |request| request.set("user", "ada"));
    assert_eq!(max_age(&login.cookies()[0]), Some(400 * 86_400));
}

#[test]
fn r11_an_active_visitor_stays_signed_in_even_if_all_responses_are_lost() {
    let mut world = stored(Duration::from_mins(15), Some(days(1)));
    let login = world.serve(None, |request| request.set("user", "ada"));
    let cookie = login.cookie().unwrap();
    let gone = world.now.as_millis() + 1000 * max_age(&login.cookies()[0]).unwrap();
    // All later responses, with their cookies, are lost.
    for _ in 0..100 {
        world.advance(10 * MINUTE);
        assert!(world.now.as_millis() < gone, "the browser has dropped the cookie of an active visitor");
        assert!(world.serve(Some(&cookie), |_| {}).is_live());
    }
}

#[test]
fn r11_the_touch_of_a_sealed_session_stays_due_until_a_request_has_the_new_cookie() {
    let mut world = World::new(sealed(1));
    let old = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
    world.advance(7 * MINUTE);
    for _ in 0..3 {
        // The response with the new cookie is lost.
        assert_eq!(world.serve(Some(&old), |_| {}).cookies().len(), 1);
        world.advance(MINUTE);
    }
    let new = world.serve(Some(&old), |_| {}).cookie().unwrap();
    assert!(world.serve(Some(&new), |_| {}).cookies().is_empty());
}

#[test]
fn r11_max_age_is_never_rounded_down_to_zero() {
    for config in [Native::default(), sealed(1)] {
        let lifetime = Lifetime { idle: Duration::from_millis(1500), absolute: Some(Duration::from_millis(1500)) };
        let mut world = World::new(Native { lifetime, ..config });
        let login = world.serve(None, |request| request.set("user", "ada"));
        assert_eq!(max_age(&login.cookies()[0]), Some(2));
        world.advance(1499);
        let request = world.serve(login.cookie().as_deref(), |_| {});
        assert!(request.is_live());
        assert_eq!(max_age(&request.cookies()[0]), Some(1));
    }
}

#[test]
fn r22_activity_is_written_and_the_cookie_sent_at_least_once_a_day() {
    for config in [Native::default(), sealed(1)] {
        let lifetime = Lifetime { idle: days(90), absolute: None };
        let mut world = World::new(Native { lifetime, ..config });
        let cookie = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
        world.advance(DAY);
        assert!(world.serve(Some(&cookie), |_| {}).cookies().is_empty());
        world.advance(1);
        assert_eq!(world.serve(Some(&cookie), |_| {}).cookies().len(), 1);
    }
    let refused = Engine::new(
        Native {
            lifetime: Lifetime { idle: days(90), absolute: None },
            touch_after: Some(Duration::from_millis(DAY + 1)),
            ..Native::default()
        }
        .into(),
    );
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("touch_after of 86400001ms: must be at most 1 day"), "{error}");
}

#[test]
fn r15_every_prefix_is_checked_by_the_rules_of_browsers() {
    type Change = fn(&mut CookieConfig);
    let says = |name: &str, change: Change| {
        let mut config = Native::default();
        config.cookie.name = name.into();
        change(&mut config.cookie);
        Engine::new(config.into()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let plain: Change = |_| {};
    let open: Change = |cookie| cookie.http_only = false;
    let domain: Change = |cookie| cookie.domain = Some("example.org".into());
    let path: Change = |cookie| cookie.path = "/app".into();
    for (name, change, expected) in [
        ("__Host-a", plain, ""),
        ("__Secure-a", plain, ""),
        ("__Http-a", plain, ""),
        ("__Host-Http-a", plain, ""),
        ("__Host-a", open, ""),
        ("__Secure-a", domain, ""),
        ("__Secure-a", open, ""),
        ("__Http-a", domain, ""),
        ("__Http-a", path, ""),
        ("__Http-a", open, "a __Http- cookie is HttpOnly"),
        ("__Host-Http-a", open, "a __Host-Http- cookie is HttpOnly"),
        ("__Host-a", domain, "a __Host- cookie has no Domain"),
        ("__Host-Http-a", domain, "a __Host-Http- cookie has no Domain"),
        ("__Host-Http-a", path, "a __Host-Http- cookie has Path=/"),
        ("__Host-", plain, "a prefix alone is no name"),
        ("__Http-", plain, "a prefix alone is no name"),
        ("__Host-Http-", plain, "a prefix alone is no name"),
        // Browsers compare prefixes without regard to case, so they would drop a cookie with such a
        // name too.
        ("__http-a", plain, "spell the prefix exactly __Http-"),
        ("__host-HTTP-a", plain, "spell the prefix exactly __Host-Http-"),
        ("__Host-http-a", plain, "spell the prefix exactly __Host-Http-"),
        ("__SECURE-a", plain, "spell the prefix exactly __Secure-"),
    ] {
        let error = says(name, change);
        assert!(
            error.is_empty() == expected.is_empty() && error.contains(expected),
            "{name}: {error:?}, not {expected:?}"
        );
    }
}

#[test]
fn n21_development_takes_away_all_that_needs_secure() {
    for name in ["__Host-a", "__Secure-a", "__Http-a", "__Host-Http-a", "a"] {
        let cookie = CookieConfig {
            name: name.into(),
            partitioned: true,
            same_site: SameSite::None,
            insecure_for_development: true,
            ..CookieConfig::default()
        };
        let mut world = World::new(Native { cookie, ..Native::default() });
        let login = world.serve(None, |request| request.set("user", "ada"));
        let (start, attributes) = login.cookies()[0].split_once("; Max-Age").unwrap();
        assert!(start.starts_with("a="), "{start}");
        assert_eq!(attributes, "=86400; Path=/; HttpOnly; SameSite=Lax");
    }
}

#[test]
fn r30_a_sealed_session_stays_within_a_total_of_eight_kilobytes() {
    let largest = |max_cookie_bytes: Option<usize>| {
        let mut config = sealed(5);
        config.max_cookie_bytes = max_cookie_bytes.unwrap_or(config.max_cookie_bytes);
        let mut world = World::new(config);
        let mut largest = 0;
        for length in (0..16_000).step_by(100) {
            let mut request = world.request(None);
            request.set("text", "x".repeat(length));
            match request.commit(&mut world) {
                Ok(()) => largest = request.cookies().iter().map(String::len).sum(),
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::CookieTooLarge);
                    assert!(refusal.to_string().contains("max_cookie_bytes"), "{refusal}");
                    assert!(request.cookies().is_empty());
                    break;
                }
            }
        }
        largest
    };
    let total = largest(None);
    assert!((7_900..=8_192).contains(&total), "{total}");
    assert!((15_800..=16_000).contains(&largest(Some(16_000))));
    let refused = Engine::new(Native { max_cookie_bytes: 511, ..sealed(5) }.into()).err().unwrap().to_string();
    assert_eq!(refused, "max_cookie_bytes of 511: must be 512 to 65536; the default is 8192");
    // A request with a larger cookie can still destroy the session.
    let mut world = World::new(Native { max_cookie_bytes: 20_480, ..sealed(5) });
    let large = world.serve(None, |request| request.set("text", "x".repeat(14_000)));
    let header: Vec<&str> = large.cookies().iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    world.engine = Engine::new(sealed(5).into()).unwrap();
    let logout = world.serve_header(&header.join("; "), |request| request.log.push(Op::Destroy));
    assert_eq!(logout.cookies().len(), 5);
    assert!(logout.cookies().iter().map(String::len).sum::<usize>() < 600);
}

#[test]
fn r16_a_request_that_is_no_activity_keeps_no_session_alive() {
    for config in [Native::default(), sealed(1)] {
        let mut world = World::new(config);
        let cookie = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
        let mut end = None;
        for minute in 0..59 {
            world.advance(MINUTE);
            let poll = world.serve(Some(&cookie), |request| request.log.push(Op::NoActivity));
            assert!(poll.is_live(), "minute {minute}");
            let calls = poll.flow.calls();
            assert_eq!((calls.swaps, calls.deletes, poll.cookies().len()), (0, 0, 0), "minute {minute}");
            let expires_at = poll.flow.record().unwrap().expires_at();
            assert_eq!(*end.get_or_insert(expires_at), expires_at);
        }
        world.advance(MINUTE);
        assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    }
}

#[test]
fn r16_a_request_that_is_no_activity_writes_its_changes_and_keeps_the_last_active_time() {
    for config in [Native::default(), sealed(1)] {
        let mut world = World::new(config);
        let login = world.serve(None, |request| request.set("user", "ada"));
        let (active, mut cookie) = (login.flow.record().unwrap().last_active, login.cookie().unwrap());
        for log in [vec![], vec![Op::Touch], vec![Op::set_idle(Duration::from_mins(30))], vec![Op::RenewId]] {
            world.advance(7 * MINUTE);
            let poll = world.serve(Some(&cookie), |request| {
                request.add("n", 1);
                request.log.push(Op::NoActivity);
                request.log.extend(log);
            });
            assert_eq!(poll.flow.record().unwrap().last_active, active);
            cookie = poll.cookie().unwrap_or(cookie);
        }
        assert_eq!(world.serve(Some(&cookie), |_| {}).get("n"), Some(4.into()));
        // A login is activity of the visitor, even in a request that is marked as no activity.
        let now = world.now;
        let login = world.serve(Some(&cookie), |request| request.log.extend([Op::NoActivity, Op::Rotate]));
        assert_eq!(login.flow.record().unwrap().last_active, now);
        let ended = world.serve(login.cookie().as_deref(), |request| request.log.extend([Op::NoActivity, Op::Destroy]));
        assert!(ended.cookies()[0].contains("Max-Age=0"));
    }
}
