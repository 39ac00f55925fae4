//! The cookie: how long it lives, when it is sent again, and what a name's prefix demands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use okibi_core::{Config, CookieConfig, Engine, Lifetime, Protection, Ring, SameSite};
use support::World;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

fn stored(idle: Duration, absolute: Option<Duration>) -> World {
    World::new(Config { lifetime: Lifetime { idle, absolute }, ..Config::default() })
}

fn sealed(chunks: usize) -> Config {
    let ring = Ring::new(["a secret of more than thirty-two bytes"]).unwrap();
    Config { dialect: Protection::Sealed { ring, chunks }.into(), ..Config::default() }
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
    // The server alone ends it when it was idle.
    world.advance(15 * MINUTE);
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    let mut world = stored(Duration::from_mins(15), None);
    let login = world.serve(None, |request| request.set("user", "ada"));
    assert_eq!(max_age(&login.cookies()[0]), Some(400 * 86_400));
}

#[test]
fn r11_no_answer_has_to_arrive_for_an_active_visitor_to_stay_signed_in() {
    let mut world = stored(Duration::from_mins(15), Some(days(1)));
    let login = world.serve(None, |request| request.set("user", "ada"));
    let cookie = login.cookie().unwrap();
    let gone = world.now.as_millis() + 1000 * max_age(&login.cookies()[0]).unwrap();
    // Every later answer is lost, and with it its cookie.
    for _ in 0..100 {
        world.advance(10 * MINUTE);
        assert!(world.now.as_millis() < gone, "the browser has dropped the cookie of an active visitor");
        assert!(world.serve(Some(&cookie), |_| {}).is_live());
    }
}

#[test]
fn r11_the_renewal_of_a_sealed_session_stays_due_until_the_new_cookie_comes_back() {
    let mut world = World::new(sealed(1));
    let old = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
    world.advance(7 * MINUTE);
    for _ in 0..3 {
        // The answer with the new cookie is lost.
        assert_eq!(world.serve(Some(&old), |_| {}).cookies().len(), 1);
        world.advance(MINUTE);
    }
    let new = world.serve(Some(&old), |_| {}).cookie().unwrap();
    assert!(world.serve(Some(&new), |_| {}).cookies().is_empty());
}

#[test]
fn r11_max_age_is_never_rounded_down_to_nothing() {
    for config in [Config::default(), sealed(1)] {
        let lifetime = Lifetime { idle: Duration::from_millis(1500), absolute: Some(Duration::from_millis(1500)) };
        let mut world = World::new(Config { lifetime, ..config });
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
    for config in [Config::default(), sealed(1)] {
        let lifetime = Lifetime { idle: days(90), absolute: None };
        let mut world = World::new(Config { lifetime, ..config });
        let cookie = world.serve(None, |request| request.set("user", "ada")).cookie().unwrap();
        world.advance(DAY);
        assert!(world.serve(Some(&cookie), |_| {}).cookies().is_empty());
        world.advance(1);
        assert_eq!(world.serve(Some(&cookie), |_| {}).cookies().len(), 1);
    }
    let refused = Engine::new(Config {
        lifetime: Lifetime { idle: days(90), absolute: None },
        renew_after: Some(Duration::from_millis(DAY + 1)),
        ..Config::default()
    });
    let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("renew_after of 86400001ms: must be at most 1 day"), "{error}");
}

#[test]
fn r15_every_prefix_is_held_to_what_browsers_demand_of_it() {
    type Change = fn(&mut CookieConfig);
    let says = |name: &str, change: Change| {
        let mut config = Config::default();
        config.cookie.name = name.into();
        change(&mut config.cookie);
        Engine::new(config).err().map(|error| error.to_string()).unwrap_or_default()
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
        // Browsers compare prefixes without regard to case, so a cookie of such a name would be dropped as well.
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
        let mut world = World::new(Config { cookie, ..Config::default() });
        let login = world.serve(None, |request| request.set("user", "ada"));
        let (start, attributes) = login.cookies()[0].split_once("; Max-Age").unwrap();
        assert!(start.starts_with("a="), "{start}");
        assert_eq!(attributes, "=86400; Path=/; HttpOnly; SameSite=Lax");
    }
}
