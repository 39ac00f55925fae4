//! Which options exclude each other, and which configurations are equal. The core decides both for
//! every face.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{fs, path::Path, time::Duration};

use okibi_core::{
    Accept, Config, Consistency, CookieConfig, Dialect, Engine, FormerCookie, Given, Lifetime, Limits, Native,
    Protection, Secrets, Timestamp,
    compat::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
};

const SECRET: &str = "a secret of more than thirty-two bytes";

fn secrets(secret: &str) -> Secrets {
    Secrets::new([secret]).unwrap()
}

fn sealed(secret: &str) -> Protection {
    Protection::Sealed { secrets: secrets(secret), chunks: 1 }
}

/// The options of an app, as a face collects them, and the configuration that the face makes.
fn said(options: &[&str]) -> (Given, Native) {
    let mut native = Native::default();
    let mut given = Given::default();
    for option in options {
        given = given.and(match *option {
            "store" => Given::STORE,
            "secret" => Given::SECRET,
            "chunks" => Given::CHUNKS,
            "max_cookie_bytes" => Given::MAX_COOKIE_BYTES,
            "commit_failed_requests" => Given::COMMIT_FAILED_REQUESTS,
            "failed_when" => Given::FAILED_WHEN,
            "sealed" => {
                native.protection = sealed(SECRET);
                continue;
            }
            "revocations" => {
                native.revocations = true;
                continue;
            }
            other => panic!("{other}"),
        });
    }
    (given, native)
}

#[test]
fn the_core_decides_which_options_exclude_each_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/options.json");
    let cases: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let options: Vec<&str> =
            case["options"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let (given, native) = said(&options);
        let dialect = Dialect::from(native);
        let refused = given.check(&dialect).and_then(|()| Engine::new(dialect.into()).map(drop)).err();
        let text = refused.map(|error| error.to_string());
        assert_eq!(text.as_deref(), case["rust"].as_str(), "{options:?}");
    }
}

#[test]
fn an_older_dialect_refuses_the_options_of_okibis_own_dialect() {
    let own = [
        (Given::COOKIE, "cookie"),
        (Given::LIFETIME, "lifetime"),
        (Given::TOUCH_AFTER, "touch_after"),
        (Given::PERSISTENT, "persistent"),
        (Given::GRACE, "grace"),
        (Given::NAMESPACE, "namespace"),
        (Given::SECRET, "secret"),
        (Given::CHUNKS, "chunks"),
        (Given::MAX_COOKIE_BYTES, "max_cookie_bytes"),
        (Given::ACCEPT, "accept"),
        (Given::REVOCATIONS, "revocations"),
    ];
    for dialect in [Dialect::from(HonoSessions::default()), HonoKv::default().into()] {
        for (given, option) in own {
            let error = given.and(Given::STORE).check(&dialect).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{option}: an older dialect has its own")), "{error}");
        }
        assert_eq!(Given::STORE.check(&dialect), Ok(()));
        assert!(Given::default().check(&dialect).unwrap_err().to_string().starts_with("store: none given"));
    }
    let keys = IronSecrets::new([SECRET]).unwrap();
    let sealed = HonoSessions { protection: HonoProtection::Sealed(keys), ..HonoSessions::default() }.into();
    assert_eq!(Given::default().check(&sealed), Ok(()));
    assert!(Given::STORE.check(&sealed).unwrap_err().to_string().starts_with("store: a sealed cookie is the store"));
}

fn accept(dialect: impl Into<Dialect>) -> Vec<Accept> {
    let until = Timestamp::from_millis(2_000_000_000_000);
    vec![Accept { dialect: dialect.into(), until, consistency: Some(Consistency::Strong) }]
}

#[test]
fn m4_two_configurations_are_equal_or_the_differing_option_is_named() {
    let other = "another secret of more than thirty-two bytes";
    let plain = Native::default;
    let lifetime = Lifetime { idle: Duration::from_mins(5), ..Lifetime::AAL2 };
    let endless = Lifetime { absolute: None, ..Lifetime::AAL2 };
    let path = CookieConfig { name: "x".into(), path: "/app".into(), ..CookieConfig::default() };
    let renamed = CookieConfig { name: "x".into(), ..CookieConfig::default() };
    let former = vec![FormerCookie { partitioned: true, ..FormerCookie::default() }];
    let keys = |key: &str| HonoSessions {
        protection: HonoProtection::SealedId(IronSecrets::new([key]).unwrap()),
        ..HonoSessions::default()
    };
    let kv = |secret: &str| HonoKv { secrets: vec![String::from(secret).into()], ..HonoKv::default() };
    let signed = |secret| Native { protection: Protection::SignedId(secrets(secret)), ..plain() };
    let cookie_is_store = |secret| Native { protection: sealed(secret), ..plain() };
    let chunks = Native { protection: Protection::Sealed { secrets: secrets(SECRET), chunks: 2 }, ..plain() };
    let limits = Config { limits: Limits { bytes: 1000, ..Limits::default() }, ..Config::default() };
    let cases: Vec<(&str, Config, Config)> = vec![
        ("idle", plain().into(), Native { lifetime, ..plain() }.into()),
        ("absolute", plain().into(), Native { lifetime: endless, ..plain() }.into()),
        ("cookie", Native { cookie: renamed, ..plain() }.into(), Native { cookie: path, ..plain() }.into()),
        (
            "cookie",
            plain().into(),
            Native { cookie: CookieConfig { former, ..CookieConfig::default() }, ..plain() }.into(),
        ),
        ("namespace", plain().into(), Native { namespace: Some("other".into()), ..plain() }.into()),
        ("touch_after", plain().into(), Native { touch_after: Some(Duration::from_secs(1)), ..plain() }.into()),
        ("persistent", plain().into(), Native { persistent: false, ..plain() }.into()),
        ("grace", plain().into(), Native { grace: Duration::ZERO, ..plain() }.into()),
        ("limits", plain().into(), limits),
        ("max_cookie_bytes", plain().into(), Native { max_cookie_bytes: 4096, ..plain() }.into()),
        ("revocations", cookie_is_store(SECRET).into(), Native { revocations: true, ..cookie_is_store(SECRET) }.into()),
        ("sealed", plain().into(), cookie_is_store(SECRET).into()),
        ("sealed", signed(SECRET).into(), cookie_is_store(SECRET).into()),
        ("secret", plain().into(), signed(SECRET).into()),
        ("secrets", signed(SECRET).into(), signed(other).into()),
        ("secrets", cookie_is_store(SECRET).into(), cookie_is_store(other).into()),
        ("chunks", cookie_is_store(SECRET).into(), chunks.into()),
        ("accept", plain().into(), Native { accept: accept(HonoSessions::default()), ..plain() }.into()),
        (
            "accept",
            Native { accept: accept(keys(SECRET)), ..plain() }.into(),
            Native { accept: accept(keys(other)), ..plain() }.into(),
        ),
        ("dialect", keys(SECRET).into(), keys(other).into()),
        ("dialect", kv(SECRET).into(), kv(other).into()),
    ];
    for (option, one, other) in cases {
        let engine = |config: &Config| Engine::new(config.clone()).unwrap();
        assert_eq!(engine(&one).differs(&engine(&other)), Some(option));
        assert_eq!(engine(&other).differs(&engine(&one)), Some(option));
        // Equal configurations. The consistency belongs to the store and is not compared.
        let eventual = Config { consistency: Consistency::Eventual, ..one.clone() };
        assert_eq!(engine(&one).differs(&engine(&eventual)), None, "{option}");
        assert_eq!(engine(&other).differs(&engine(&other.clone())), None, "{option}");
    }
}

#[test]
fn the_core_decides_which_cookies_have_a_name_in_common() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/names.json");
    let cases: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 10);
    let engine = |session: &serde_json::Value| {
        let cookie = CookieConfig { name: session["name"].as_str().unwrap().into(), ..CookieConfig::default() };
        let is_sealed = session["sealed"] == true;
        let protection = if is_sealed { sealed(SECRET) } else { Protection::Id };
        Engine::new(Native { cookie, protection, ..Native::default() }.into()).unwrap()
    };
    for case in cases {
        let (one, other) = (engine(&case["one"]), engine(&case["other"]));
        assert_eq!([one.meets(&other), other.meets(&one)], [case["meet"] == true; 2], "{case}");
    }
}

/// Two layers with one cookie, of which one sets an option to its default, have equal options.
#[test]
fn an_option_set_to_its_default_makes_no_difference() {
    let days = Lifetime { idle: Duration::from_hours(24 * 30), absolute: None };
    let after = |lifetime, after| Native { lifetime, touch_after: after, ..Native::default() };
    let engine = |native: Native| Engine::new(native.into()).unwrap();
    for (lifetime, default) in [
        (Lifetime::AAL1, Duration::from_hours(24)),
        (Lifetime::AAL2, Duration::from_mins(6)),
        (Lifetime::AAL3, Duration::from_secs(90)),
        (days, Duration::from_hours(24)),
    ] {
        let plain = engine(after(lifetime, None));
        let said = engine(after(lifetime, Some(default)));
        assert_eq!((plain.differs(&said), said.differs(&plain)), (None, None), "{default:?}");
        let other = engine(after(lifetime, Some(default / 2)));
        assert_eq!(plain.differs(&other), Some("touch_after"));
    }
    let named = Native { namespace: Some("session".into()), grace: Duration::from_mins(1), ..Native::default() };
    assert_eq!(engine(named).differs(&engine(Native::default())), None);
}
