//! The pinned vectors, read in Rust. TypeScript reads the same files through the WebAssembly
//! module.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{fs, path::Path};

use bytes::Bytes;
use okibi_core::{
    Answer, Config, Engine, Id, Json, Loaded, Op, RANDOM_BYTES, RandomBytes, Secrets, Step, Swap, Text, Timestamp,
    cache_control,
    formats::{Moved, Stored, decode, hide, open, pairs, parse_log, reveal, seal, sign, verify},
    vary,
};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits = text(value).as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().unwrap()
}

#[test]
fn ids_and_store_keys() {
    let vectors = read("id.json");
    for case in list(&vectors["good"]) {
        let id = Id::from_bytes(fixed(&case["bytes"]));
        assert_eq!(id.to_text(), text(&case["text"]));
        assert!(Id::parse(text(&case["text"]).as_bytes()) == Some(id.clone()));
        for (namespace, key) in case["keys"].as_object().unwrap() {
            assert_eq!(id.store_key(namespace).as_str(), text(key));
        }
    }
    for bad in list(&vectors["bad"]) {
        assert!(Id::parse(text(bad).as_bytes()).is_none(), "{bad} is no id");
    }
}

#[test]
fn seals() {
    let vectors = read("seal.json");
    for case in list(&vectors["good"]) {
        let secrets = Secrets::new([text(&case["secret"])]).unwrap();
        let (cookie, record) = (text(&case["cookie"]), text(&case["record"]));
        let value = seal(&secrets, cookie, record.as_bytes(), fixed(&case["nonce"])).unwrap();
        assert_eq!(value, text(&case["value"]));
        assert_eq!(open(&secrets, cookie, value.as_bytes()).unwrap(), record.as_bytes());
    }
    let secrets = Secrets::new(list(&vectors["ring"]).iter().map(text)).unwrap();
    for (why, value) in vectors["bad"].as_object().unwrap() {
        assert!(open(&secrets, text(&vectors["cookie"]), text(value).as_bytes()).is_none(), "{why} must not open");
    }
}

#[test]
fn signed_ids() {
    let vectors = read("sign.json");
    for case in list(&vectors["good"]) {
        let secrets = Secrets::new([text(&case["secret"])]).unwrap();
        let (cookie, id) = (text(&case["cookie"]), Id::parse(text(&case["id"]).as_bytes()).unwrap());
        assert_eq!(sign(&secrets, cookie, &id).unwrap(), text(&case["value"]));
        assert!(verify(&secrets, cookie, text(&case["value"]).as_bytes()) == Some(id));
    }
    let secrets = Secrets::new(list(&vectors["ring"]).iter().map(text)).unwrap();
    for (why, value) in vectors["bad"].as_object().unwrap() {
        assert!(verify(&secrets, text(&vectors["cookie"]), text(value).as_bytes()).is_none(), "{why} must not verify");
    }
}

#[test]
fn renewal_markers() {
    for case in list(&read("renew.json")) {
        let id = |name: &str| Id::parse(text(&case[name]).as_bytes()).unwrap();
        let (old, new) = (id("old"), id("new"));
        let key = old.store_key(text(&case["namespace"]));
        let hidden = hide(&new, &old, &key, fixed(&case["nonce"])).unwrap();
        let marker = format!(r#"{{"v":1,"w":"AAECAwQFBgc","r":"renew","until":5,"n":"{}"}}"#, text(&case["n"]));
        let Ok(Stored::Marker(marker)) = decode(&Bytes::from(marker), &Config::default().limits) else { panic!() };
        assert_eq!(marker.next.as_ref(), Some(&hidden));
        assert!(reveal(&hidden, &old, &key) == Some(new.clone()));
        assert!(reveal(&hidden, &new, &key).is_none(), "only the old id opens it");
        assert!(reveal(&hidden, &old, &new.store_key("session")).is_none(), "and only under its key");
    }
}

#[test]
fn records() {
    let vectors = read("record.json");
    let limits = Config::default().limits;
    for case in list(&vectors["records"]) {
        let bytes = Bytes::from(text(&case["json"]).to_owned());
        let Ok(Stored::Record(record)) = decode(&bytes, &limits) else { panic!("{} must decode", case["why"]) };
        assert_eq!(record.handle.unwrap().to_string(), text(&case["handle"]));
        assert_eq!(record.created.as_millis(), case["created"].as_u64().unwrap());
        assert_eq!(record.last_active.as_millis(), case["active"].as_u64().unwrap());
        assert_eq!(u64::try_from(record.idle.as_millis()).unwrap(), case["idle"].as_u64().unwrap());
        assert_eq!(record.deadline.map(Timestamp::as_millis), case["deadline"].as_u64());
        assert_eq!(record.absolute, case["absolute"].as_u64().map(std::time::Duration::from_millis));
        assert_eq!(record.expires_at().as_millis(), case["expires"].as_u64().unwrap());
        assert_eq!(record.persistent, case["persistent"].as_bool().unwrap());
        assert_eq!(record.owner.as_ref().map(okibi_core::Owner::as_str), case["owner"].as_str());
        assert_eq!(record.label.as_ref().map(Text::as_str), case["label"].as_str());
        let data: Vec<Value> = record
            .entries
            .iter()
            .map(|entry| serde_json::json!([entry.name.as_str(), entry.value.as_str(), entry.flash]))
            .collect();
        assert_eq!(&data, list(&case["data"]));
        // The decoded record is encoded to the same JSON, except for the order of members and the
        // escapes in names.
        let again = record.encode([0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(decode(&again, &limits), Ok(Stored::Record(record)));
    }
    let first = text(&vectors["records"][0]["json"]);
    let Ok(Stored::Record(record)) = decode(&Bytes::from(first.to_owned()), &limits) else { panic!() };
    assert_eq!(str::from_utf8(&record.encode([0, 1, 2, 3, 4, 5, 6, 7])).unwrap(), first, "the written form is pinned");
    for case in list(&vectors["markers"]) {
        let bytes = Bytes::from(text(&case["json"]).to_owned());
        let Ok(Stored::Marker(marker)) = decode(&bytes, &limits) else { panic!("{case} must decode") };
        assert_eq!(marker.moved == Moved::Rotated, text(&case["moved"]) == "rotate");
        assert_eq!(marker.until.as_millis(), case["until"].as_u64().unwrap());
        assert_eq!(marker.next.as_deref(), case["next"].as_str().map(|_| unhex(&case["next"])).as_deref());
        assert_eq!(marker.successor.as_ref().map(okibi_core::StoreKey::as_str), case["successor"].as_str());
        assert_eq!(marker.encode([0, 1, 2, 3, 4, 5, 6, 7]), bytes, "the written form is pinned");
    }
    for (why, json) in vectors["undecodable"].as_object().unwrap() {
        assert!(decode(&Bytes::from(text(json).to_owned()), &limits).is_err(), "{why} must not decode");
    }
}

#[test]
fn cookie_pairs_s11() {
    for case in list(&read("cookies.json")["pairs"]) {
        let found: Vec<Value> = pairs(text(&case["header"]).as_bytes())
            .map(|(name, value)| serde_json::json!([str::from_utf8(name).unwrap(), str::from_utf8(value).unwrap()]))
            .collect();
        assert_eq!(&found, list(&case["pairs"]), "{}", case["why"]);
    }
}

#[test]
fn cookie_candidates_s3_s12() {
    let engine = Engine::new(Config::default()).unwrap();
    for case in list(&read("cookies.json")["candidates"]) {
        let mut flow = engine.open([text(&case["header"]).as_bytes()], Timestamp::from_millis(0));
        let events: Vec<Value> = flow.take_events().iter().map(|event| event.code().into()).collect();
        assert_eq!(&events, list(&case["events"]), "{}", case["why"]);
        let loads = matches!(engine.load(&mut flow), Step::Load(_));
        assert_eq!(loads, case["loads"].as_bool().unwrap(), "{}", case["why"]);
    }
}

#[test]
fn caches_s14() {
    let vectors = read("cache.json");
    for case in list(&vectors["vary"]) {
        assert_eq!(vary(text(&case[0])).as_deref(), case[1].as_str(), "{case}");
    }
    for case in list(&vectors["cacheControl"]) {
        assert_eq!(cache_control(text(&case[0]), true, true).as_deref(), case[1].as_str(), "{case}");
        assert_eq!(cache_control(text(&case[0]), true, false).as_deref(), case[1].as_str(), "{case}");
    }
    for case in list(&vectors["live"]) {
        assert_eq!(cache_control(text(&case[0]), false, true).as_deref(), case[1].as_str(), "{case}");
        assert_eq!(cache_control(text(&case[0]), false, false), None, "{case}");
    }
}

#[test]
fn replays() {
    let engine = Engine::new(Config::default()).unwrap();
    let limits = Config::default().limits;
    let id = Id::from_bytes([9; 32]);
    let (now, cookie) = (Timestamp::from_millis(1_700_000_000_000), format!("__Host-session={}", id.to_text()));
    for case in list(&read("replay.json")) {
        let why = text(&case["why"]);
        let record = serde_json::json!({
            "v": 1, "w": "AAECAwQFBgc", "h": "AAECAwQFBgcICQoLDA0ODw", "c": now.as_millis(), "a": now.as_millis(),
            "i": 3_600_000, "d": case["before"], "f": case.get("flashes").cloned().unwrap_or_else(|| Value::Array(vec![])),
        });
        let mut flow = engine.open([cookie.as_bytes()], now);
        assert!(matches!(engine.load(&mut flow), Step::Load(_)));
        let loaded = Answer::Loaded(Some(Loaded { bytes: Bytes::from(record.to_string()), expires_at: None }));
        let mut random = RandomBytes(&[7; RANDOM_BYTES]);
        assert_eq!(engine.answer(&mut flow, loaded, now, &mut random).unwrap(), Step::Done);
        assert_eq!(flow.basis(), 1, "{why}");
        let log: Vec<Op> = parse_log(case["log"].to_string().as_bytes()).unwrap();
        // The values that the handler sees …
        let mut view = flow.entries().to_vec();
        for op in &log {
            okibi_core::apply(&mut view, op);
        }
        // … are written.
        let mut step = engine.commit(&mut flow, log.clone(), false, now, &mut RandomBytes(&[8; RANDOM_BYTES])).unwrap();
        while let Step::Swap { .. } | Step::Delete(_) = step {
            let answer = if matches!(step, Step::Delete(_)) { Answer::Deleted } else { Answer::Swapped(Swap::Done) };
            if let Step::Swap { write, .. } = &step {
                assert!(decode(&write.bytes, &limits).is_ok(), "{why}");
            }
            step = engine.answer(&mut flow, answer, now, &mut RandomBytes(&[9; RANDOM_BYTES])).unwrap();
        }
        assert_eq!(step, Step::Done, "{why}");
        assert_eq!(flow.entries(), view, "{why}");
        let after: Vec<Value> = flow
            .entries()
            .iter()
            .map(|entry| {
                serde_json::json!([entry.name.as_str(), serde_json::from_str::<Value>(entry.value.as_str()).unwrap()])
            })
            .collect();
        let expected: Vec<Value> = match case.get("afterPairs") {
            Some(pairs) => list(pairs).to_vec(),
            None => case["after"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| serde_json::json!([name, value]))
                .collect(),
        };
        let sorted = |mut pairs: Vec<Value>| {
            pairs.sort_by_key(|pair| text(&pair[0]).to_owned());
            pairs
        };
        assert_eq!(sorted(after), sorted(expected), "{why}");
        let flashes: Vec<Value> =
            flow.entries().iter().filter(|entry| entry.flash).map(|entry| entry.name.as_str().into()).collect();
        assert_eq!(&flashes, case.get("flashesAfter").map(list).unwrap_or_default(), "{why}");
        let same_handle =
            flow.record().is_some_and(|record| record.handle.unwrap().to_string() == "AAECAwQFBgcICQoLDA0ODw");
        assert_eq!(same_handle, case.get("newSession").is_none(), "{why}");
    }
}

#[test]
fn an_invalid_log_is_refused_as_a_whole() {
    for bad in [
        "",
        "{}",
        "[1]",
        r#"["unknown"]"#,
        r#"[{"set":["a"]}]"#,
        r#"[{"set":["a",1],"remove":"b"}]"#,
        r#"[{"set":["\ud800",1]}]"#,
    ] {
        assert!(parse_log(bad.as_bytes()).is_none(), "{bad}");
    }
    let good = parse_log(br#"["clear",{"set":["a",1.50]}]"#).unwrap();
    assert_eq!(good, [Op::Clear, Op::Set("a".into(), Json("1.50".into()))]);
}
