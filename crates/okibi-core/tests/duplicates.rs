//! Two cookies of one name: the one that opens counts, and former cookies are removed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use okibi_core::{
    Config, ConfigError, CookieConfig, Engine, Event, FormerCookie, Native, Op, Protection, Secrets,
    compat::HonoSessions,
};
use support::World;

const MINUTE: u64 = 60_000;

fn secrets() -> Secrets {
    Secrets::new(["a secret of more than thirty-two bytes"]).unwrap()
}

fn kinds() -> Vec<(&'static str, Native)> {
    let with = |protection: Protection| Native { protection, ..Native::default() };
    vec![
        ("ids", Native::default()),
        ("signed ids", with(Protection::SignedId(secrets()))),
        ("sealed", with(Protection::Sealed { secrets: secrets(), chunks: 1 })),
        (
            "sealed, with revocations",
            Native { revocations: true, ..with(Protection::Sealed { secrets: secrets(), chunks: 1 }) },
        ),
    ]
}

fn former() -> Vec<FormerCookie> {
    vec![FormerCookie { partitioned: true, ..FormerCookie::default() }]
}

fn pair(header: &str) -> String {
    header.split(';').next().unwrap().to_owned()
}

fn log_in(world: &mut World, user: &str) -> String {
    let login = world.serve(None, |request| request.set("user", user));
    pair(login.cookies().last().unwrap())
}

fn both_orders(one: &str, other: &str) -> [String; 2] {
    [format!("{one}; {other}"), format!("{other}; x=1; {one}")]
}

/// The cookie of another service, made with other secrets.
fn foreign(name: &str) -> String {
    let config = match name {
        "ids" => return format!("__Host-session={}", "A".repeat(43)),
        "signed ids" => Protection::SignedId(Secrets::new(["the secret of another service, as long as ours"]).unwrap()),
        _ => Protection::Sealed {
            secrets: Secrets::new(["the secret of another service, as long as ours"]).unwrap(),
            chunks: 1,
        },
    };
    let mut world = World::new(config);
    world.random = 99;
    log_in(&mut world, "eve")
}

#[test]
fn r3_of_two_cookies_the_one_that_opens_counts_in_either_order() {
    for (name, config) in kinds() {
        let mut world = World::new(config);
        let good = log_in(&mut world, "ada");
        for header in both_orders(&good, &foreign(name)) {
            let request = world.serve_header(&header, |_| {});
            assert_eq!(request.get("user"), Some("ada".into()), "{name}: {header}: {:?}", request.events);
            assert!(!request.events.contains(&Event::DuplicateCookie));
        }
    }
}

#[test]
fn r3_of_two_cookies_that_open_neither_counts_and_equal_ones_are_one() {
    for (name, config) in kinds() {
        let mut world = World::new(config);
        let (ada, ben) = (log_in(&mut world, "ada"), log_in(&mut world, "ben"));
        for header in both_orders(&ada, &ben) {
            let request = world.serve_header(&header, |_| {});
            assert!(!request.is_live(), "{name}");
            assert_eq!(request.events, [Event::DuplicateCookie], "{name}");
        }
        for header in both_orders(&ada, &ada) {
            assert_eq!(world.serve_header(&header, |_| {}).get("user"), Some("ada".into()), "{name}");
        }
        for header in [format!("{ada}; {ben}; {}", foreign(name)), format!("{}; {ada}; {ben}", foreign(name))] {
            assert!(!world.serve_header(&header, |_| {}).is_live(), "{name}");
        }
    }
}

#[test]
fn r3_a_live_session_opens_beside_a_destroyed_or_rotated_one() {
    for (name, config) in kinds() {
        let ends = config.revocations || name.contains("ids");
        let mut world = World::new(config);
        let before = log_in(&mut world, "nobody");
        let login = world.serve_header(&before, |request| {
            request.log.push(Op::Rotate);
            request.set("user", "ada");
        });
        let after = login.cookies()[0].split(';').next().unwrap().to_owned();
        for header in both_orders(&before, &after) {
            let request = world.serve_header(&header, |_| {});
            // Without revocations the sealed cookie from before the login still opens.
            assert_eq!(request.is_live(), ends, "{name}");
        }
    }
}

#[test]
fn r3_two_ids_of_one_renewed_session_are_one() {
    let mut world = World::new(Config::default());
    let old = log_in(&mut world, "ada");
    let renewed = world.serve_header(&old, |request| request.log.push(Op::RenewId));
    let new = renewed.cookies()[0].split(';').next().unwrap().to_owned();
    for header in both_orders(&old, &new) {
        assert!(world.serve_header(&header, |_| {}).is_live());
    }
}

#[test]
fn r3_of_two_copies_of_one_sealed_session_the_one_with_the_later_activity_counts() {
    let mut world = World::new(Protection::Sealed { secrets: secrets(), chunks: 1 });
    let old = log_in(&mut world, "ada");
    world.advance(10 * MINUTE);
    let renewed = world.serve_header(&old, |request| request.set("user", "ada, later"));
    let new = renewed.cookies()[0].split(';').next().unwrap().to_owned();
    for header in both_orders(&old, &new) {
        assert_eq!(world.serve_header(&header, |_| {}).get("user"), Some("ada, later".into()));
    }
}

#[test]
fn r3_chunks_of_two_cookies_are_not_mixed() {
    let mut world = World::new(Protection::Sealed { secrets: secrets(), chunks: 3 });
    let pairs = |headers: &[String]| -> Vec<String> {
        headers.iter().map(|header| header.split(';').next().unwrap().to_owned()).collect()
    };
    let ours = pairs(world.serve(None, |request| request.set("user", "a".repeat(5000))).cookies());
    let mut other = World::new(Protection::Sealed {
        secrets: Secrets::new(["the secret of another service, as long as ours"]).unwrap(),
        chunks: 3,
    });
    other.random = 99;
    let theirs = pairs(other.serve(None, |request| request.set("user", "b".repeat(5000))).cookies());
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    for way in 0..4 {
        let mut header = Vec::new();
        for index in 0..2 {
            let (first, second) = if way >> index & 1 == 0 { (&ours, &theirs) } else { (&theirs, &ours) };
            header.extend([first[index].clone(), second[index].clone()]);
        }
        let request = world.serve_header(&header.join("; "), |_| {});
        assert_eq!(request.get("user").and_then(|user| user.as_str().map(str::len)), Some(5000), "way {way}");
        assert_eq!(request.events, [Event::ForgedCookie]);
    }
}

#[test]
fn r3_at_most_two_are_looked_up_and_once_each() {
    let mut world = World::new(Config::default());
    let good = log_in(&mut world, "ada");
    let other = foreign("ids");
    let third = format!("__Host-session={}A", "B".repeat(42));
    let request = world.serve_header(&format!("{other}; {good}; {other}"), |_| {});
    assert_eq!((request.is_live(), request.flow.calls().loads), (true, 2));
    let request = world.serve_header(&format!("{other}; {good}; {third}"), |_| {});
    assert_eq!((request.is_live(), request.flow.calls().loads), (false, 0));
}

#[test]
fn r3_a_logout_destroys_every_session_of_the_request() {
    for (name, config) in kinds() {
        let is_noted = config.revocations || name.contains("ids");
        let mut world = World::new(config);
        let (ada, ben) = (log_in(&mut world, "ada"), log_in(&mut world, "ben"));
        let logout = world.serve_header(&format!("{ada}; {ben}"), |request| request.log.push(Op::Destroy));
        assert_eq!(logout.cookies().len(), 1, "{name}");
        for header in [&ada, &ben] {
            assert_eq!(world.serve_header(header, |_| {}).is_live(), !is_noted, "{name}");
        }
    }
    // The former cookie is also removed if one of the cookies counts, and if nothing was looked up
    // before.
    let mut world = World::new(Config::default());
    let (ada, dead) = (log_in(&mut world, "ada"), foreign("ids"));
    let mut logout = world.open(Some(&format!("{dead}; {ada}")));
    logout.log.push(Op::Destroy);
    logout.commit(&mut world).unwrap();
    assert!(!world.serve_header(&ada, |_| {}).is_live());
}

#[test]
fn r4_a_former_cookie_is_removed_when_it_is_seen_at_login_and_at_logout() {
    const GONE: &str = "__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; Partitioned; SameSite=Lax";
    for (name, config) in kinds() {
        let plain = Native { cookie: CookieConfig { partitioned: true, ..CookieConfig::default() }, ..config.clone() };
        let mut world = World::new(plain);
        let old = log_in(&mut world, "ada");
        // After the deploy the cookie is not partitioned any more.
        let deployed = Native { cookie: CookieConfig { former: former(), ..CookieConfig::default() }, ..config };
        world.engine = Engine::new(deployed.into()).unwrap();
        assert!(world.serve_header(&old, |_| {}).cookies().is_empty(), "{name}: one cookie alone needs nothing");
        // The next cookie removes the former cookie.
        world.advance(10 * MINUTE);
        let renewed = world.serve_header(&old, |_| {});
        assert_eq!(renewed.cookies().len(), 2, "{name}");
        assert_eq!(renewed.cookies()[0], GONE, "first, because some browsers treat it as the cookie that is set");
        let new = pair(&renewed.cookies()[1]);
        // A browser that kept both cookies. One response removes the former cookie, and the session
        // continues.
        let stale = if name.contains("ids") { foreign(name) } else { old.clone() };
        for header in both_orders(&stale, &new) {
            let request = world.serve_header(&header, |_| {});
            assert!(request.is_live(), "{name}");
            assert_eq!(request.cookies().first().map(String::as_str), Some(GONE), "{name}");
        }
        let rotated = world.serve_header(&new, |request| request.log.push(Op::Rotate));
        assert_eq!(rotated.cookies()[0], GONE, "{name}");
        let login = world.serve(None, |request| request.set("user", "ben"));
        assert_eq!(login.cookies()[0], GONE, "{name}");
        let logout = world.serve(login.cookies()[1].split(['=', ';']).nth(1), |request| request.log.push(Op::Destroy));
        assert_eq!(logout.cookies()[1], GONE, "{name}");
        // Two cookies that open. The next request has only one.
        let (ada, ben) = (log_in(&mut world, "ada"), log_in(&mut world, "ben"));
        let request = world.serve_header(&format!("{ada}; {ben}"), |_| {});
        assert_eq!((request.is_live(), request.cookies()), (false, &[GONE.to_owned()][..]), "{name}");
    }
}

#[test]
fn r4_removing_a_former_cookie_never_undoes_a_login() {
    let mut world = World::new(Native {
        cookie: CookieConfig { former: former(), ..CookieConfig::default() },
        ..Native::default()
    });
    let ada = log_in(&mut world, "ada");
    let mut slow = world.open(Some(&format!("{ada}; {}", foreign("ids"))));
    slow.load(&mut world);
    world.serve_header(&ada, |request| request.log.push(Op::Rotate));
    slow.commit(&mut world).unwrap();
    assert!(slow.cookies().is_empty());
}

#[test]
fn r4_former_attributes_are_checked_when_configured() {
    let error = |former: Vec<FormerCookie>, name: &str| {
        let cookie = CookieConfig { name: name.into(), former, ..CookieConfig::default() };
        Engine::new(Native { cookie, ..Native::default() }.into()).err()
    };
    let domain = FormerCookie { domain: Some("example.org".into()), ..FormerCookie::default() };
    assert_eq!(error(vec![domain.clone()], "session"), None);
    assert!(matches!(error(vec![domain.clone()], "__Host-session"), Some(ConfigError::CookiePrefix { .. })));
    assert!(matches!(error(vec![FormerCookie::default()], "session"), Some(ConfigError::Together(_))));
    assert!(matches!(error(vec![domain; 5], "session"), Some(ConfigError::Limit { option: "former", .. })));
}

/// The original packages use the first cookie, and so do the older dialects.
#[test]
fn r3_in_an_older_dialect_the_first_cookie_that_opens_counts() {
    let spoken = HonoSessions { idle: Some(Duration::from_mins(20)), ..HonoSessions::default() };
    let mut world = World::new(spoken);
    let (ada, ben) = (log_in(&mut world, "ada"), log_in(&mut world, "ben"));
    let dead = "session=00000000-0000-4000-8000-000000000000";
    for (header, user, loads) in [
        (format!("{ada}; {ben}"), "ada", 1),
        (format!("{ben}; {ada}"), "ben", 1),
        (format!("{dead}; {ben}"), "ben", 2),
        (format!("{ada}; {ben}; {dead}"), "ada", 1),
    ] {
        let request = world.serve_header(&header, |_| {});
        assert_eq!((request.get("user"), request.flow.calls().loads), (Some(user.into()), loads), "{header}");
        assert!(!request.events.contains(&Event::DuplicateCookie));
    }
}
