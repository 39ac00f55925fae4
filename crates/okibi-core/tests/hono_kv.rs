//! The dialect of `hono-kv-session`: its keys, values and cookies, on strong and on weaker stores.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{Config, Consistency, Dialect, Engine, Event, Op, Refusal, Step, StoreKey, Timestamp, compat::HonoKv};
use support::{Fate, Request, World, json};

const MINUTE: u64 = 60 * 1000;
const WEEK: u64 = 7 * 24 * 60 * MINUTE;
const ID: &str = "49b0b962-5b95-43c6-9e00-94ce1313d0ed";
const KEY: &str = "session:www.example.com:49b0b962-5b95-43c6-9e00-94ce1313d0ed";
const REST: &str = "; Max-Age=604800; Domain=www.example.com; Path=/; HttpOnly; Secure; SameSite=Strict";

fn world(spoken: HonoKv, consistency: Consistency) -> World {
    let mut world = World::new(Config { dialect: Dialect::HonoKv(spoken), consistency, ..Config::default() });
    world.host = Some("www.example.com");
    world.returns_expiry = true;
    world
}

/// A world with an entry that the package wrote.
fn with_entry() -> World {
    let mut world = world(HonoKv::default(), Consistency::Strong);
    let expires_at = Timestamp::from_millis(world.now.as_millis() + WEEK);
    world.store.insert(StoreKey::new(KEY), (Bytes::from_static(b"user01"), expires_at));
    world
}

fn create(request: &mut Request, value: impl Into<serde_json::Value>) {
    request.set("value", value);
}

fn signed(secret: &str) -> HonoKv {
    HonoKv { secrets: vec![secret.to_owned().into()], ..HonoKv::default() }
}

fn stored(world: &World) -> Vec<(String, String)> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    world.store.iter().map(|(key, (bytes, _))| (key.as_str().to_owned(), text(bytes))).collect()
}

#[test]
fn a_session_is_a_bare_value_under_the_host_and_the_id() {
    let mut world = world(HonoKv::default(), Consistency::Strong);
    let request = world.serve(None, |request| create(request, "user01"));
    let id = request.cookie().unwrap();
    assert_eq!(request.cookies(), [format!("id={id}{REST}")]);
    assert_eq!(stored(&world), [(format!("session:www.example.com:{id}"), "user01".to_owned())]);
    let expires_at = world.store.values().next().unwrap().1;
    assert_eq!(expires_at.as_millis() - world.now.as_millis(), WEEK);
}

#[test]
fn a_session_of_the_original_package_opens_only_on_its_host() {
    let mut world = with_entry();
    assert_eq!(world.serve(Some(ID), |_| {}).get("value"), Some("user01".into()));
    for host in ["example.com", "www.example.com:80", "evil", ""] {
        world.host = Some(host);
        assert!(!world.serve(Some(ID), |_| {}).is_live(), "{host}");
    }
}

#[test]
fn n3_n10_n15_touches_are_spaced_and_at_most_one_a_minute() {
    let mut world = with_entry();
    for _ in 0..100 {
        assert!(world.serve(Some(ID), |_| {}).cookies().is_empty());
    }
    assert_eq!(world.calls, 100, "loads and nothing else");
    world.advance(WEEK / 10 + 1);
    assert_eq!(world.serve(Some(ID), |_| {}).cookies(), [format!("id={ID}{REST}")]);
    // The shortest lifetime: touches are half of it apart.
    let mut world = self::world(HonoKv { ttl: Duration::from_secs(1), ..HonoKv::default() }, Consistency::Strong);
    let request = world.serve(None, |request| create(request, "user01"));
    let id = request.cookie().unwrap();
    assert!(request.cookies()[0].contains("Max-Age=60;"), "raised to a minute");
    let (before, mut writes) = (world.steps.len(), Vec::new());
    for second in 1..600 {
        world.advance(1000);
        assert!(world.serve(Some(&id), |_| {}).is_live(), "second {second}");
    }
    let mut second = 0;
    for step in &world.steps[before..] {
        match step {
            Step::Load(_) => second += 1,
            Step::Swap { .. } => writes.push(second),
            _ => panic!("{step:?}"),
        }
    }
    assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= 30), "{writes:?}");
}

#[test]
fn a_touch_that_the_app_requests_is_spaced_too() {
    let mut world = world(HonoKv { renew: false, ..HonoKv::default() }, Consistency::Strong);
    let id = world.serve(None, |request| create(request, "user01")).cookie().unwrap();
    for _ in 0..10 {
        world.advance(1000);
        assert!(world.serve(Some(&id), |request| request.log.push(Op::Touch)).cookies().is_empty());
    }
    world.advance(WEEK / 5);
    assert!(world.serve(Some(&id), |_| {}).cookies().is_empty(), "nothing is renewed without activity");
    assert_eq!(world.serve(Some(&id), |request| request.log.push(Op::Touch)).cookies(), [format!("id={id}{REST}")]);
}

#[test]
fn an_entry_without_a_known_expiry_is_touched_immediately() {
    let mut world = with_entry();
    world.returns_expiry = false;
    let request = world.serve(Some(ID), |_| {});
    assert_eq!(request.cookies(), [format!("id={ID}{REST}")]);
    assert_eq!(stored(&world), [(KEY.to_owned(), "user01".to_owned())]);
}

#[test]
fn s18_a_login_ends_the_session_of_the_request() {
    let mut world = with_entry();
    let other = "my-own.id_1~2";
    let request = world.serve(Some(ID), |request| {
        request.log.push(Op::UseId(other.into()));
        create(request, "user02");
    });
    assert_eq!(request.cookies(), [format!("id={other}{REST}")]);
    assert_eq!(stored(&world), [(format!("session:www.example.com:{other}"), "user02".to_owned())]);
}

#[test]
fn a_session_created_under_its_own_id_changes_in_place() {
    let mut world = with_entry();
    let request = world.serve(Some(ID), |request| {
        request.log.push(Op::UseId(ID.into()));
        create(request, "user02");
    });
    assert_eq!(request.cookies(), [format!("id={ID}{REST}")]);
    assert_eq!(stored(&world), [(KEY.to_owned(), "user02".to_owned())]);
}

#[test]
fn a_record_under_an_id_that_the_app_chose_is_overwritten() {
    let mut world = with_entry();
    let request = world.serve(None, |request| {
        request.log.push(Op::UseId(ID.into()));
        create(request, "user02");
    });
    assert_eq!(request.cookie().unwrap(), ID);
    assert_eq!(stored(&world), [(KEY.to_owned(), "user02".to_owned())]);
    for bad in ["", "a b", "a;b", "a,b", "ä", &"x".repeat(129)] {
        let mut request = world.request(None);
        request.log.push(Op::UseId(bad.into()));
        create(&mut request, "user02");
        assert_eq!(request.commit(&mut world), Err(Refusal::InvalidId), "{bad}");
    }
}

#[test]
fn regeneration_has_one_winner_and_leaves_no_orphan() {
    let mut world = with_entry();
    let mut racers: Vec<_> = (0..100).map(|_| world.request(Some(ID))).collect();
    for racer in &mut racers {
        racer.load(&mut world);
        racer.log.push(Op::Rotate);
    }
    for racer in &mut racers {
        racer.start_commit(&mut world, false);
    }
    while racers.iter().any(|racer| racer.outcome.is_none()) {
        for racer in racers.iter_mut().filter(|racer| racer.outcome.is_none()) {
            racer.take_step(&mut world, support::Fate::Fine);
        }
    }
    assert_eq!(racers.iter().filter(|racer| !racer.cookies().is_empty()).count(), 1);
    assert_eq!(world.store.len(), 1);
}

#[test]
fn n1_n8_a_logout_is_final_and_removes_the_same_cookie() {
    let mut world = with_entry();
    let mut slow = world.request(Some(ID));
    slow.load(&mut world);
    let logout = world.serve(Some(ID), |request| request.log.push(Op::Destroy));
    assert_eq!(logout.cookies(), ["id=; Max-Age=0; Domain=www.example.com; Path=/; HttpOnly; Secure; SameSite=Strict"]);
    world.advance(WEEK / 5);
    slow.log.push(Op::Touch);
    slow.commit(&mut world).unwrap();
    assert!(slow.cookies().is_empty() && slow.events.contains(&Event::ChangesDropped));
    assert_eq!(world.store.len(), 0);
}

#[test]
fn n10_an_eventual_store_is_written_once_per_key_and_request() {
    let mut world = world(HonoKv::default(), Consistency::Eventual);
    let id = world.serve(None, |request| create(request, "user01")).cookie().unwrap();
    for op in [Op::Rotate, Op::Destroy] {
        let before = world.steps.len();
        let request = world.serve(Some(&id), |request| request.log.push(op));
        let mut written: Vec<&str> = world.steps[before..]
            .iter()
            .filter_map(|step| match step {
                Step::Swap { key, .. } | Step::Delete(key) => Some(key.as_str()),
                _ => None,
            })
            .collect();
        let count = written.len();
        written.sort_unstable();
        written.dedup();
        assert_eq!(written.len(), count, "each key at most once");
        assert!(request.cookies().len() == 1);
    }
}

#[test]
fn n19_a_signed_cookie_works_through_login_reading_renewal_and_rotation() {
    let mut world = world(signed("Strong_Secret_123"), Consistency::Strong);
    let login = world.serve(None, |request| create(request, "user01")).cookie().unwrap();
    assert!(login.contains('.') && login.ends_with("%3D"), "{login}");
    let id = login.split('.').next().unwrap().to_owned();
    assert!(!world.serve(Some(&id), |_| {}).is_live(), "an unsigned id opens nothing");
    assert!(world.serve(Some(&login), |_| {}).is_live());
    world.advance(WEEK / 5);
    assert_eq!(world.serve(Some(&login), |_| {}).cookie().unwrap(), login);
    let rotated = world.serve(Some(&login), |request| request.log.push(Op::Rotate)).cookie().unwrap();
    assert!(rotated != login && world.serve(Some(&rotated), |_| {}).is_live());
    let calls = world.calls;
    for forged in [login.replacen(&id, ID, 1), login[..login.len() - 3].to_owned(), "x.y".into(), "%zz".into()] {
        assert!(!world.serve(Some(&forged), |_| {}).is_live(), "{forged}");
    }
    assert_eq!(world.calls, calls, "no forged cookie reaches the store");
    // With a new secret at the front, the old one still opens.
    let mut both = signed("another secret");
    both.secrets.push("Strong_Secret_123".to_owned().into());
    world.engine = Engine::new(Config { dialect: Dialect::HonoKv(both), ..Config::default() }).unwrap();
    assert!(world.serve(Some(&rotated), |_| {}).is_live());
}

#[test]
fn n28_any_json_value_is_read_back_and_a_string_is_stored_as_it_is() {
    let values = [
        serde_json::json!("okibi:json:1"),
        serde_json::json!({ "user": "ada", "roles": [1, null, "ä"] }),
        serde_json::json!(42),
        serde_json::json!("line\nbreak \u{0} and \"quotes\""),
    ];
    for json_store in [false, true] {
        for value in &values {
            let mut world = world(HonoKv { json: json_store, ..HonoKv::default() }, Consistency::Strong);
            let id = world.serve(None, |request| create(request, value.clone())).cookie().unwrap();
            assert_eq!(world.serve(Some(&id), |_| {}).get("value").as_ref(), Some(value));
            if json_store {
                assert_eq!(stored(&world)[0].1, value.to_string());
            }
        }
    }
    assert_eq!(stored(&with_entry())[0].1, "user01");
}

#[test]
fn a_falsy_value_is_no_session() {
    for (json, values) in [(false, &[""][..]), (true, &["\"\"", "null", "false", "0", "{", "a b"][..])] {
        for value in values {
            let mut world = world(HonoKv { json, ..HonoKv::default() }, Consistency::Strong);
            world.store.insert(StoreKey::new(KEY), (Bytes::from(value.as_bytes()), Timestamp::MAX));
            assert!(!world.serve(Some(ID), |_| {}).is_live(), "{value}");
        }
    }
}

#[test]
fn a_session_keeps_its_own_lifetime_until_the_next_touch() {
    let mut world = world(HonoKv::default(), Consistency::Strong);
    let request = world.serve(None, |request| {
        request.log.push(Op::SetIdle(30_000));
        create(request, "user01");
    });
    assert!(request.cookies()[0].contains("Max-Age=60;"));
    world.advance(61_000);
    assert!(!world.serve(Some(&request.cookie().unwrap()), |_| {}).is_live());
}

#[test]
fn what_the_dialect_has_no_place_for_is_refused() {
    let mut world = with_entry();
    for op in [Op::Set("other".into(), json(1)), Op::Flash("value".into(), json(1)), Op::SetLabel(Some("x".into()))] {
        let mut request = world.request(Some(ID));
        request.load(&mut world);
        request.log.push(op);
        assert_eq!(request.commit(&mut world), Err(Refusal::UnsupportedByDialect));
    }
    assert_eq!(stored(&world), [(KEY.to_owned(), "user01".to_owned())]);
}

#[test]
fn s8_a_cookie_name_that_forbids_a_domain_is_refused() {
    let engine = |name: &str| {
        let spoken = HonoKv { name: name.to_owned(), ..HonoKv::default() };
        Engine::new(Config { dialect: Dialect::HonoKv(spoken), ..Config::default() })
    };
    assert!(engine("__Secure-id").is_ok());
    assert!(engine("__Host-id").unwrap_err().to_string().contains("a __Host- cookie has no Domain"));
}

#[test]
fn max_age_is_the_whole_lifetime_even_for_a_slow_response() {
    let mut world = world(HonoKv::default(), Consistency::Strong);
    let mut request = world.request(None);
    create(&mut request, "user01");
    request.start_commit(&mut world, false);
    while request.outcome.is_none() {
        world.advance(3);
        request.take_step(&mut world, Fate::Fine);
    }
    assert!(request.cookies()[0].ends_with(REST), "{:?}", request.cookies());
}
