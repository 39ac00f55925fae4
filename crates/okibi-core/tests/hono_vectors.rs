//! The formats of the older dialects, pinned by `vectors/hono.json`. The TypeScript tests read the
//! same file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use bytes::Bytes;
use okibi_core::{
    Answer, Config, Dialect, Engine, Json, Loaded, Op, RANDOM_BYTES, RandomBytes, SameSite, Step, Swap, Timestamp,
    compat::{HonoCookie, HonoKv, HonoSessions},
};
use serde_json::Value;

#[test]
fn n24_cookies_stored_records_and_writes_are_those_of_the_packages() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/hono.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let now = Timestamp::from_millis(vectors["now"].as_u64().unwrap());
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        let why = case["why"].as_str().unwrap();
        let config = Config { dialect: dialect(&case["options"]), ..Config::default() };
        let engine = Engine::new(config).unwrap();
        let header = case["header"].as_str().unwrap();
        let mut flow = engine.open_on([header.as_bytes()], case["host"].as_str(), now);
        let step = engine.load(&mut flow);
        let Some(key) = case["key"].as_str() else {
            assert!(step == Step::Done, "{why}: it causes no store call");
            continue;
        };
        let Step::Load(asked) = step else { unreachable!("{why}: nothing is looked up") };
        assert_eq!(asked.as_str(), key, "{why}");
        let bytes = Bytes::from(case["record"].as_str().unwrap().to_owned());
        let loaded = Answer::Loaded(Some(Loaded { bytes, expires_at: None }));
        assert_eq!(engine.answer(&mut flow, loaded, now, &mut random()), Ok(Step::Done), "{why}");
        let values: serde_json::Map<String, Value> = flow
            .entries()
            .iter()
            .map(|entry| (entry.name.as_str().to_owned(), serde_json::from_str(entry.value.as_str()).unwrap()))
            .collect();
        assert_eq!(Value::Object(values), case["values"], "{why}");
        let (name, value) = (case["set"][0].as_str().unwrap(), case["set"][1].to_string());
        let log = vec![Op::Set(name.into(), Json(value.into()))];
        let Ok(Step::Swap { write, .. }) = engine.commit(&mut flow, log, false, now, &mut random()) else {
            unreachable!("{why}: nothing is written")
        };
        assert_eq!(str::from_utf8(&write.bytes).unwrap(), case["written"].as_str().unwrap(), "{why}");
        engine.answer(&mut flow, Answer::Swapped(Swap::Done), now, &mut random()).unwrap();
        assert_eq!(Value::from(flow.set_cookies().to_vec()), case["cookies"], "{why}");
    }
}

fn random() -> RandomBytes<'static> {
    RandomBytes(&[7; RANDOM_BYTES])
}

fn dialect(options: &Value) -> Dialect {
    let (dialect, cookie) = (&options["dialect"], &options["cookie"]);
    let millis = |value: &Value| value.as_u64().map(Duration::from_millis);
    if dialect["name"] == "hono-sessions" {
        let cookie = HonoCookie {
            max_age: millis(&cookie["maxAge"]),
            http_only: cookie["httpOnly"] == true,
            secure: cookie["secure"] == true,
            same_site: (cookie["sameSite"] == "Lax").then_some(SameSite::Lax),
            ..HonoCookie::named(cookie["name"].as_str().unwrap_or("session"))
        };
        return HonoSessions { cookie, idle: millis(&dialect["idle"]), ..HonoSessions::default() }.into();
    }
    let plain = HonoKv::default();
    let secrets = dialect["secrets"].as_array().into_iter().flatten();
    Dialect::HonoKv(HonoKv {
        secrets: secrets.map(|secret| secret.as_str().unwrap().to_owned().into()).collect(),
        ttl: millis(&dialect["ttl"]).unwrap_or(plain.ttl),
        json: dialect["json"] == true,
        ..plain
    })
}
