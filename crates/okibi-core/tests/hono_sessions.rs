//! The dialect of `hono-sessions`: its bytes, its lifetimes, and the defects of the original
//! packages.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Config, ConfigError, Dialect, Engine, Event, Op, Owner, Refusal, Step, StoreKey, Timestamp,
    compat::{
        HonoCookie, HonoProtection, HonoSessions, IronSecrets,
        iron::{Secrets, unseal},
    },
};
use support::{Fate, World, json};

const MINUTE: u64 = 60 * 1000;
const KEY: &str = "an encryption key of 32 characters, or more";
const OLD_KEY: &str = "the encryption key that they had before this";
const ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
/// The package's own record of a session with the value 1.
const RECORD: &str = r#"{"_data":{"n":{"value":1,"flash":false}},"_expire":"2023-11-14T22:28:20.000Z","_delete":false,"_accessed":"2023-11-14T22:13:20.000Z","_id":"3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b"}"#;

fn keys(keys: &[&str]) -> IronSecrets {
    IronSecrets::new(keys).unwrap()
}

fn config(spoken: HonoSessions) -> Config {
    spoken.into()
}

fn fifteen_minutes() -> HonoSessions {
    HonoSessions { idle: Some(Duration::from_mins(15)), ..HonoSessions::default() }
}

fn with_record(spoken: HonoSessions, record: &str) -> World {
    let mut world = World::new(config(spoken));
    world.store.insert(StoreKey::new(ID), (Bytes::from(record.to_owned()), Timestamp::MAX));
    world
}

fn record(world: &World, id: &str) -> Option<String> {
    world.peek(&StoreKey::new(id)).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// The id that a response sets. The cookie has no other attributes than these.
fn id_of(cookies: &[String]) -> String {
    let [cookie] = cookies else { panic!("one cookie: {cookies:?}") };
    cookie.strip_prefix("session=").unwrap().strip_suffix("; Path=/").unwrap().to_owned()
}

#[test]
fn a_session_is_written_as_the_package_writes_it() {
    let mut world = World::new(config(fifteen_minutes()));
    let id = id_of(world.serve(None, |request| request.set("n", 1)).cookies());
    assert_eq!(record(&world, &id).unwrap(), RECORD.replace(ID, &id));
    let parts: Vec<&str> = id.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "a UUID of version 4");
}

#[test]
fn s4_n34_an_id_from_a_client_is_never_used_for_a_new_session_n28_an_unknown_id_is_no_session() {
    let mut world = World::new(config(fifteen_minutes()));
    let request = world.serve(Some(ID), |request| request.set("n", 1));
    assert!(request.events.contains(&Event::UnknownId));
    assert_ne!(id_of(request.cookies()), ID);
    assert_eq!(record(&world, ID), None);
}

#[test]
fn s3_a_value_that_is_not_a_uuid_causes_no_store_call() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let upper = ID.to_uppercase();
    let version = ID.replacen("4e9f", "1e9f", 1);
    for value in ["", "x", &upper, &version, &ID[1..], "../../etc/passwd", "__proto__", &"a".repeat(5000)] {
        let request = world.serve(Some(value), |_| {});
        assert!(!request.is_live() && request.cookies().is_empty());
    }
    assert_eq!(world.calls, 0);
}

#[test]
fn n3_n15_reading_writes_nothing_until_a_tenth_of_the_idle_timeout_has_passed() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    for _ in 0..100 {
        let request = world.serve(Some(ID), |request| assert_eq!(request.get("n"), Some(1.into())));
        assert!(request.cookies().is_empty());
    }
    assert_eq!((world.calls, record(&world, ID).unwrap()), (100, RECORD.to_owned()));
    world.advance(2 * MINUTE);
    let request = world.serve(Some(ID), |_| {});
    assert_eq!(world.calls, 102);
    assert_eq!(id_of(request.cookies()), ID);
    assert!(record(&world, ID).unwrap().contains(r#""_expire":"2023-11-14T22:30:20.000Z""#));
}

#[test]
fn n4_a_visitor_without_session_data_gets_no_record_and_no_cookie() {
    let mut world = World::new(config(fifteen_minutes()));
    for _ in 0..1000 {
        assert!(world.serve(None, |_| {}).cookies().is_empty());
    }
    assert_eq!((world.calls, world.entries()), (0, 0));
}

#[test]
fn n14_a_session_expires_and_its_record_is_deleted() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    world.advance(15 * MINUTE);
    let request = world.serve(Some(ID), |_| {});
    assert!(!request.is_live() && request.events.contains(&Event::Expired));
    assert_eq!(record(&world, ID), None);
}

#[test]
fn a_failed_delete_of_an_expired_record_is_no_error() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    world.advance(HOUR);
    let mut request = world.request(Some(ID));
    request.start_load(&mut world);
    request.take_step(&mut world, Fate::Fine);
    assert!(matches!(request.step, Step::Delete(_)));
    request.take_step(&mut world, Fate::Refused);
    assert_eq!(request.outcome, Some(Ok(())));
    assert!(!request.is_live());
}

#[test]
fn n1_a_slow_request_does_not_revive_an_expired_session_on_a_store_without_expiry() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut slow = world.request(Some(ID));
    slow.load(&mut world);
    slow.set("late", 1);
    world.advance(15 * MINUTE);
    slow.commit(&mut world).unwrap();
    assert!(slow.events.contains(&Event::ChangesDropped) && slow.cookies().is_empty());
    assert_eq!(record(&world, ID).unwrap(), RECORD);
}

#[test]
fn an_expiry_is_read_in_every_form_that_javascript_reads() {
    for (written, read) in [
        ("2023-11-14T22:28:20.000Z", Some("2023-11-14T22:28:20.000Z")),
        ("2023-11-14T22:28:20Z", Some("2023-11-14T22:28:20.000Z")),
        ("2023-11-14T22:28Z", Some("2023-11-14T22:28:00.000Z")),
        ("2023-11-14T22:28:20.5Z", Some("2023-11-14T22:28:20.500Z")),
        ("2023-11-14T22:28:20.123456789Z", Some("2023-11-14T22:28:20.123Z")),
        ("2023-11-15T00:28:20+02:00", Some("2023-11-14T22:28:20.000Z")),
        ("2023-11-14T16:58:20.000-05:30", Some("2023-11-14T22:28:20.000Z")),
        ("2023-11-14T22:28:20", Some("2023-11-14T22:28:20.000Z")),
        ("2023-11-15", Some("2023-11-15T00:00:00.000Z")),
        ("+012023-11-15T00:00:00.000Z", Some("+012023-11-15T00:00:00.000Z")),
        ("2023-11-15T", None),
        ("2023-11-15T22", None),
        ("2023-11-15T22:28:20.", None),
        ("2023-11-15T22:28:20.1234567890Z", None),
        ("2023-11-15T22:28:20ZZ", None),
        ("2023-11-15T22:28:20+0200", None),
        ("2023-13-15", None),
        ("2023-11-1", None),
        ("23-11-15", None),
        ("Wed, 15 Nov 2023 00:28:20 GMT", None),
    ] {
        let text = RECORD.replace("2023-11-14T22:28:20.000Z", written);
        // Without an idle timeout the expiry stays.
        let mut world = with_record(HonoSessions::default(), &text);
        assert_eq!(world.serve(Some(ID), |_| {}).is_live(), read.is_some(), "{written}");
        if let Some(read) = read {
            world.serve(Some(ID), |request| request.set("n", 2));
            let after = record(&world, ID).unwrap();
            assert!(after.contains(&format!(r#""_expire":"{read}""#)), "{written}: {after}");
        }
    }
}

const HOUR: u64 = 60 * MINUTE;

#[test]
fn without_an_idle_timeout_a_session_never_expires_and_reading_never_writes() {
    let mut world = World::new(config(HonoSessions::default()));
    let id = id_of(world.serve(None, |request| request.set("n", 1)).cookies());
    assert!(record(&world, &id).unwrap().contains(r#""_expire":null"#));
    world.advance(400 * 24 * HOUR);
    let calls = world.calls;
    let request = world.serve(Some(&id), |_| {});
    assert!(request.is_live() && request.cookies().is_empty());
    assert_eq!(world.calls, calls + 1);
}

#[test]
fn without_an_idle_timeout_an_expiry_that_the_app_set_stays() {
    let mut world = World::new(config(HonoSessions::default()));
    let end = world.now.as_millis() + HOUR;
    let id = id_of(
        world
            .serve(None, |request| {
                request.set("n", 1);
                request.log.push(Op::SetDeadline(Some(end)));
            })
            .cookies(),
    );
    world.advance(30 * MINUTE);
    world.serve(Some(&id), |request| request.set("n", 2));
    assert!(record(&world, &id).unwrap().contains(r#""_expire":"2023-11-14T23:13:20.000Z""#));
    world.advance(30 * MINUTE);
    assert!(!world.serve(Some(&id), |_| {}).is_live());
}

#[test]
fn without_auto_extension_reading_is_no_activity_but_writing_is() {
    let mut world = with_record(HonoSessions { auto_extend: false, ..fifteen_minutes() }, RECORD);
    world.advance(10 * MINUTE);
    world.serve(Some(ID), |_| {});
    assert_eq!(record(&world, ID).unwrap(), RECORD);
    world.serve(Some(ID), |request| request.set("n", 2));
    assert!(record(&world, ID).unwrap().contains(r#""_expire":"2023-11-14T22:38:20.000Z""#));
}

#[test]
fn touch_extends_the_session_immediately() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    world.advance(1000);
    world.serve(Some(ID), |request| request.log.push(Op::Touch));
    let after = record(&world, ID).unwrap();
    assert!(after.contains(r#""_expire":"2023-11-14T22:28:21.000Z""#), "{after}");
    assert!(after.contains(r#""_accessed":"2023-11-14T22:13:21.000Z""#), "{after}");
}

#[test]
fn n40_a_cookie_with_an_end_moves_with_every_write_and_only_then() {
    let mut cookie = HonoCookie::named("session");
    cookie.max_age = Some(Duration::from_mins(20));
    let mut world = with_record(HonoSessions { cookie, ..fifteen_minutes() }, RECORD);
    for minute in 1..60 {
        world.advance(MINUTE);
        let request = world.serve(Some(ID), |request| request.set("n", minute));
        assert_eq!(request.cookies(), [format!("session={ID}; Max-Age=1200; Path=/")]);
        assert!(world.serve(Some(ID), |_| {}).cookies().is_empty());
    }
}

#[test]
fn n40_a_cookie_with_expires_is_sent_again_like_one_with_max_age() {
    let mut cookie = HonoCookie::named("session");
    cookie.expires = Some("Wed, 15 Nov 2023 22:13:20 GMT".into());
    cookie.lasts = Some(Duration::from_mins(20));
    let mut world = with_record(HonoSessions { cookie, idle: None, ..fifteen_minutes() }, RECORD);
    assert!(world.serve(Some(ID), |_| {}).cookies().is_empty());
    let sent = [format!("session={ID}; Path=/; Expires=Wed, 15 Nov 2023 22:13:20 GMT")];
    assert_eq!(world.serve(Some(ID), |request| request.set("n", 2)).cookies(), sent);
    world.advance(3 * MINUTE);
    assert_eq!(world.serve(Some(ID), |_| {}).cookies(), sent);
}

#[test]
fn a_cookie_is_written_in_the_order_of_honos_own_helper() {
    let cookie = HonoCookie {
        domain: Some("example.com".into()),
        path: "/app".into(),
        secure: true,
        http_only: true,
        same_site: Some(okibi_core::SameSite::None),
        partitioned: true,
        max_age: Some(Duration::from_mins(1)),
        expires: Some("Wed, 15 Nov 2023 22:13:20 GMT".into()),
        priority: Some("High".into()),
        ..HonoCookie::named("sid")
    };
    let mut world = World::new(config(HonoSessions { cookie, ..fifteen_minutes() }));
    let request = world.serve(None, |request| request.set("n", 1));
    let set = &request.cookies()[0];
    let rest = "; Max-Age=60; Domain=example.com; Path=/app; Expires=Wed, 15 Nov 2023 22:13:20 GMT; HttpOnly; Secure; \
                SameSite=None; Priority=High; Partitioned";
    assert!(set.starts_with("sid=") && set.ends_with(rest), "{set}");
    let id = request.cookie().unwrap();
    let gone = world.serve(Some(&id), |request| request.log.push(Op::Destroy));
    let removal = "sid=; Max-Age=0; Domain=example.com; Path=/app; HttpOnly; Secure; SameSite=None; Priority=High; \
                   Partitioned";
    assert_eq!(gone.cookies(), [removal]);
}

#[test]
fn n2_parallel_changes_of_different_names_both_survive() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut requests: Vec<_> = (0..50).map(|_| world.request(Some(ID))).collect();
    for (index, request) in requests.iter_mut().enumerate() {
        request.load(&mut world);
        request.set(&format!("name {index}"), index);
        request.add("n", 1);
    }
    for request in &mut requests {
        request.commit(&mut world).unwrap();
    }
    let after = world.serve(Some(ID), |_| {});
    assert_eq!(after.get("n"), Some(51.into()));
    assert!((0..50).all(|index| after.get(&format!("name {index}")) == Some(index.into())));
}

#[test]
fn n1_s19_a_destroyed_session_is_never_revived() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut slow = world.request(Some(ID));
    slow.load(&mut world);
    let logout = world.serve(Some(ID), |request| request.log.push(Op::Destroy));
    assert_eq!(logout.cookies(), ["session=; Max-Age=0; Path=/"]);
    slow.set("n", 2);
    slow.commit(&mut world).unwrap();
    assert!(slow.cookies().is_empty() && slow.events.contains(&Event::ChangesDropped));
    assert_eq!(world.entries(), 0);
}

#[test]
fn n8_a_session_that_was_not_loaded_is_destroyed_by_one_call() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut request = world.request(Some(ID));
    request.log.push(Op::Destroy);
    request.commit(&mut world).unwrap();
    assert_eq!((world.calls, world.entries()), (1, 0));
    assert_eq!(request.cookies(), ["session=; Max-Age=0; Path=/"]);
}

#[test]
fn s18_a_rotation_has_one_winner_and_leaves_no_orphan() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut racers: Vec<_> = (0..100).map(|_| world.request(Some(ID))).collect();
    for racer in &mut racers {
        racer.load(&mut world);
        racer.log.push(Op::Rotate);
        racer.start_commit(&mut world, false);
    }
    while racers.iter().any(|racer| racer.outcome.is_none()) {
        for racer in racers.iter_mut().filter(|racer| racer.outcome.is_none()) {
            racer.take_step(&mut world, Fate::Fine);
        }
    }
    let winners: Vec<_> = racers.iter().filter(|racer| !racer.cookies().is_empty()).collect();
    assert_eq!(winners.len(), 1);
    let id = id_of(winners[0].cookies());
    assert_eq!((world.entries(), record(&world, ID)), (1, None));
    assert!(world.serve(Some(&id), |_| {}).is_live());
}

#[test]
fn n5_a_parallel_change_does_not_make_a_rotation_lose_and_is_not_lost() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let mut login = world.request(Some(ID));
    login.load(&mut world);
    login.set("user", "ember");
    login.log.push(Op::Rotate);
    login.start_commit(&mut world, false);
    login.take_step(&mut world, Fate::Fine);
    world.serve(Some(ID), |request| request.set("cart", 7));
    while login.outcome.is_none() {
        login.take_step(&mut world, Fate::Fine);
    }
    let id = id_of(login.cookies());
    let after = world.serve(Some(&id), |_| {});
    assert_eq!((after.get("user"), after.get("cart")), (Some("ember".into()), Some(7.into())));
    assert_eq!(world.entries(), 1);
}

#[test]
fn n32_n35_rotate_set_and_destroy_in_one_request_in_any_order() {
    let orders: [&[Op]; 3] = [
        &[Op::Rotate, Op::Set("a".into(), json(1))],
        &[Op::Set("a".into(), json(1)), Op::Rotate],
        &[Op::Destroy, Op::Set("a".into(), json(1)), Op::Rotate],
    ];
    for order in orders {
        let mut world = with_record(fifteen_minutes(), RECORD);
        let request = world.serve(Some(ID), |request| request.log.extend(order.iter().cloned()));
        let id = id_of(&request.cookies()[request.cookies().len() - 1..]);
        let after = world.serve(Some(&id), |_| {});
        assert_eq!(after.get("a"), Some(1.into()));
        assert_eq!(after.get("n").is_none(), order.contains(&Op::Destroy));
        assert_eq!((world.entries(), record(&world, ID)), (1, None));
    }
}

#[test]
fn n30_a_forgotten_name_stays_forgotten_and_a_flash_is_read_once() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    world.serve(Some(ID), |request| {
        request.log.push(Op::Remove("n".into()));
        request.log.push(Op::Flash("notice".into(), json("saved")));
    });
    assert!(record(&world, ID).unwrap().contains(r#""_data":{"notice":{"value":"saved","flash":true}}"#));
    world.serve(Some(ID), |request| {
        assert_eq!((request.get("n"), request.get("notice")), (None, Some("saved".into())));
        request.log.push(Op::ReadFlash("notice".into(), json("saved")));
    });
    assert!(record(&world, ID).unwrap().starts_with(r#"{"_data":{},"#));
}

#[test]
fn n39_a_lost_reply_is_unknown_and_never_counted_twice() {
    for fate in [Fate::ReplyLost, Fate::RequestLost] {
        let mut world = with_record(fifteen_minutes(), RECORD);
        let mut request = world.request(Some(ID));
        request.load(&mut world);
        request.add("n", 1);
        request.start_commit(&mut world, false);
        request.take_step(&mut world, fate);
        assert_eq!(request.outcome, Some(Err(Refusal::StoreUnknown)));
        let after = world.serve(Some(ID), |_| {}).get("n");
        assert_eq!(after, Some(if fate == Fate::ReplyLost { 2.into() } else { 1.into() }));
    }
}

#[test]
fn an_id_that_the_app_chose_is_used_once_and_its_record_is_never_overwritten() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    let use_id = |id: &'static str| {
        move |request: &mut support::Request| {
            request.log.push(Op::UseId(id.into()));
            request.set("n", 2);
        }
    };
    let free = "00000000-0000-4000-8000-000000000000";
    assert_eq!(id_of(world.serve(None, use_id(free)).cookies()), free);
    assert_ne!(id_of(world.serve(None, use_id(ID)).cookies()), ID, "it is taken");
    assert_eq!(record(&world, ID).unwrap(), RECORD);
    let mut request = world.request(None);
    use_id("my own")(&mut request);
    assert_eq!(request.commit(&mut world), Err(Refusal::InvalidId));
}

#[test]
fn a_session_with_an_id_that_the_app_chose_is_stored_even_without_values() {
    let mut world = World::new(config(fifteen_minutes()));
    let free = "00000000-0000-4000-8000-000000000000";
    let request = world.serve(None, |request| request.log.push(Op::UseId(free.into())));
    assert_eq!(id_of(request.cookies()), free);
    assert!(world.serve(Some(free), |_| {}).is_live());
}

#[test]
fn what_the_dialect_has_no_place_for_is_refused() {
    let mut world = with_record(fifteen_minutes(), RECORD);
    for op in [
        Op::SetOwner(Some(Owner::new("ada"))),
        Op::SetLabel(Some("phone".into())),
        Op::SetIdle(60_000),
        Op::SetPersistent(false),
    ] {
        let mut request = world.request(Some(ID));
        request.log.push(op);
        assert_eq!(request.commit(&mut world), Err(Refusal::UnsupportedByDialect));
    }
    assert_eq!(world.calls, 0);
}

#[test]
fn s24_s25_bytes_that_are_not_a_record_are_no_session() {
    let deep = format!(r#"{{"_data":{{"a":{{"value":{}{},"flash":false}}}}}}"#, "[".repeat(40), "]".repeat(40));
    let large = format!(r#"{{"_data":{{"a":{{"value":"{}","flash":false}}}}}}"#, "x".repeat(70_000));
    let bad = [
        "",
        "null",
        "[]",
        "{}",
        r#"{"_data":null}"#,
        r#"{"_data":[]}"#,
        r#"{"_data":{"a":1}}"#,
        r#"{"_data":{},"_expire":5}"#,
        r#"{"_data":{},"_expire":"soon"}"#,
        r#"{"_data":{"a":{"value":1,"flash":false},"a":{"value":2,"flash":false}}}"#,
        r#"{"_data":{},"_delete":true}"#,
        &RECORD[..RECORD.len() - 1],
        &deep,
        &large,
    ];
    for record in bad {
        let mut world = with_record(fifteen_minutes(), record);
        assert!(!world.serve(Some(ID), |_| {}).is_live(), "{}", &record[..record.len().min(80)]);
    }
    for index in 0..RECORD.len() * 8 {
        let mut bytes = RECORD.as_bytes().to_vec();
        bytes[index / 8] ^= 1 << (index % 8);
        let mut world = with_record(fifteen_minutes(), "");
        world.store.insert(StoreKey::new(ID), (bytes.into(), Timestamp::MAX));
        let request = world.serve(Some(ID), |_| {});
        assert!(!request.is_live() || request.flow.entries().len() <= 1);
    }
}

#[test]
fn a_record_with_missing_members_is_read_and_unknown_members_are_kept() {
    let mut world = with_record(
        fifteen_minutes(),
        r#"{ "more" : [1] , "_data" : { "gone" : { "flash" : false } , "__proto__" : {"value":7,"flash":false} } }"#,
    );
    let request = world.serve(Some(ID), |request| request.set("a", 1));
    assert_eq!((request.get("__proto__"), request.get("gone")), (Some(7.into()), None));
    let after = record(&world, ID).unwrap();
    assert!(
        after.contains(r#""__proto__":{"value":7,"flash":false}"#) && after.ends_with(r#","more":[1]}"#),
        "{after}"
    );
}

#[test]
fn an_encrypted_id_is_an_iron_seal_that_each_configured_key_opens() {
    let sealed =
        |texts: &[&str]| HonoSessions { protection: HonoProtection::SealedId(keys(texts)), ..fifteen_minutes() };
    let mut world = World::new(config(sealed(&[OLD_KEY])));
    let cookie = world.serve(None, |request| request.set("n", 1)).cookie().unwrap();
    assert!(cookie.starts_with("Fe26.2**"));
    let id = world.store.keys().next().unwrap().as_str().to_owned();
    assert!(!world.serve(Some(&id), |_| {}).is_live(), "with a key a bare id opens nothing");
    world.engine = Engine::new(config(sealed(&[KEY, OLD_KEY]))).unwrap();
    assert!(world.serve(Some(&cookie), |_| {}).is_live());
    world.advance(2 * MINUTE);
    let renewed = world.serve(Some(&cookie), |_| {}).cookie().unwrap();
    let opened = unseal(
        &okibi_core::compat::iron::Options::default(),
        Secrets::Any(&[okibi_core::compat::iron::Secret::new(okibi_core::compat::iron::Key::text(KEY))]),
        renewed.as_bytes(),
        world.now,
    );
    assert_eq!(opened.unwrap(), format!("\"{id}\""), "sealed again with the first key");
    world.engine = Engine::new(config(sealed(&[KEY]))).unwrap();
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
    assert!(world.serve(Some(&renewed), |_| {}).is_live());
}

#[test]
fn the_cookie_store_keeps_the_record_in_the_cookie_as_a_string() {
    let sealed = HonoSessions { protection: HonoProtection::Sealed(keys(&[KEY])), ..fifteen_minutes() };
    let mut world = World::new(config(sealed));
    let cookie = world.serve(None, |request| request.set("n", 1)).cookie().unwrap();
    let request = world.serve(Some(&cookie), |request| {
        assert_eq!(request.get("n"), Some(1.into()));
        request.set("n", 2);
    });
    let cookie = request.cookie().unwrap();
    assert_eq!(world.serve(Some(&cookie), |_| {}).get("n"), Some(2.into()));
    let secret = okibi_core::compat::iron::Secret::new(okibi_core::compat::iron::Key::text(KEY));
    let opened =
        unseal(&okibi_core::compat::iron::Options::default(), Secrets::Any(&[secret]), cookie.as_bytes(), world.now);
    let inner: String = serde_json::from_str(&opened.unwrap()).unwrap();
    assert!(inner.starts_with(r#"{"_data":{"n":{"value":2,"flash":false}},"_expire":"2023"#) && !inner.contains("_id"));
    assert_eq!(world.calls, 0);
    world.advance(15 * MINUTE);
    assert!(!world.serve(Some(&cookie), |_| {}).is_live());
}

#[test]
fn n16_a_cookie_that_is_too_large_for_browsers_is_an_error_before_anything_is_sent() {
    let sealed = HonoSessions { protection: HonoProtection::Sealed(keys(&[KEY])), ..fifteen_minutes() };
    let mut world = World::new(config(sealed));
    let mut request = world.request(None);
    request.set("text", "x".repeat(3500));
    assert_eq!(request.commit(&mut world), Err(Refusal::CookieTooLarge));
    assert!(request.cookies().is_empty());
}

#[test]
fn s8_s30_an_invalid_configuration_fails_when_it_is_configured() {
    let short = IronSecrets::new(["too short"]).unwrap_err();
    assert_eq!(short, ConfigError::ShortSecret { position: 1, length: 9 });
    assert_eq!(IronSecrets::new(Vec::<String>::new()).unwrap_err(), ConfigError::NoSecret);
    let says = |config: Config| Engine::new(config).unwrap_err().to_string();
    let cookie = |edit: fn(&mut HonoCookie)| {
        let mut cookie = HonoCookie::named("session");
        edit(&mut cookie);
        says(config(HonoSessions { cookie, ..fifteen_minutes() }))
    };
    assert!(cookie(|cookie| cookie.path = "no slash".into()).contains("no slash"));
    assert!(cookie(|cookie| cookie.domain = Some("a;b".into())).contains("a;b"));
    assert!(cookie(|cookie| cookie.name = "__Host-x".into()).contains("Secure"));
    assert!(cookie(|cookie| cookie.max_age = Some(Duration::from_hours(9601))).contains("400 days"));
    assert!(cookie(|cookie| cookie.priority = Some("High; Domain=evil".into())).contains("priority"));
    assert!(cookie(|cookie| cookie.partitioned = true).contains("Secure"));
    assert!(says(config(HonoSessions { idle: Some(Duration::ZERO), ..fifteen_minutes() })).contains("idle"));
    assert!(matches!(Config::default().dialect, Dialect::Native(_)), "the default stays okibi's own");
}
