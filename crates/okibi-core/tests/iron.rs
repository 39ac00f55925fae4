//! Iron with seals of the real packages, and seals that must never open. `vectors/README.md` says
//! how the seals were made.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{fs, path::Path};

use okibi_core::{
    Timestamp,
    compat::iron::{Algorithm, Derivation, Flaw, IronError, Key, Options, Secret, Secrets, seal, unseal},
};
use serde_json::Value;

const PASSWORD: &str = "a password of thirty-two characters, and more";
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/iron.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn key(value: &Value) -> Key {
    value.as_str().map_or_else(|| Key::raw(unhex(text(&value["hex"]))), Key::text)
}

fn secret(case: &Value) -> Secret {
    let secret = Secret::specific(key(&case["encryption"]), key(&case["integrity"]));
    match case["id"].as_str() {
        Some(id) => secret.named(id).unwrap(),
        None => secret,
    }
}

/// The options of the original packages, over the defaults.
fn options(case: &Value) -> Options {
    let given = &case["options"];
    let derivation = |given: &Value| {
        let number = |name: &str| given[name].as_u64().map(|number| u32::try_from(number).unwrap());
        let default = Derivation::default();
        Derivation {
            salt_bits: number("saltBits").unwrap_or(default.salt_bits),
            iterations: number("iterations").unwrap_or(default.iterations),
            min_password_length: default.min_password_length,
        }
    };
    let ctr = given["encryption"]["algorithm"].as_str() == Some("aes-128-ctr");
    Options {
        algorithm: if ctr { Algorithm::Aes128Ctr } else { Algorithm::Aes256Cbc },
        encryption: derivation(&given["encryption"]),
        integrity: derivation(&given["integrity"]),
        ttl: given["ttl"].as_i64().unwrap_or(0),
        offset: given["localtimeOffsetMsec"].as_i64().unwrap_or(0),
        ..Options::default()
    }
}

fn plain() -> Secret {
    Secret::new(Key::text(PASSWORD))
}

fn sealed(options: &Options, secret: &Secret, text: &str) -> String {
    let random: Vec<u8> = (0..).take(options.random_bytes(secret)).collect();
    seal(options, secret, text.as_bytes(), NOW, &random).unwrap()
}

#[test]
fn seals_are_equal_to_those_of_the_real_packages() {
    let vectors = vectors();
    assert_eq!(vectors["now"].as_u64(), Some(NOW.as_millis()));
    for case in list(&vectors["good"]) {
        let (why, options, secret) = (text(&case["why"]), options(case), secret(case));
        let random = unhex(text(&case["random"]));
        assert_eq!(options.random_bytes(&secret), random.len(), "{why}");
        let made = seal(&options, &secret, text(&case["text"]).as_bytes(), NOW, &random).unwrap();
        assert_eq!(made, text(&case["sealed"]), "{why}");
        let secrets = [secret];
        for secrets in [Secrets::Any(&secrets), Secrets::Named(&secrets)] {
            assert_eq!(unseal(&options, secrets, made.as_bytes(), NOW).unwrap(), text(&case["text"]), "{why}");
        }
    }
}

#[test]
fn s30_a_seal_that_the_real_packages_refuse_does_not_open() {
    for case in list(&vectors()["closed"]) {
        let (why, options, secrets) = (text(&case["why"]), options(case), [secret(case)]);
        let error = unseal(&options, Secrets::Named(&secrets), text(&case["sealed"]).as_bytes(), NOW).unwrap_err();
        assert_eq!(error.code(), text(&case["flaw"]), "{why}");
        // The message is the same for every reason.
        assert_eq!(error.to_string(), "iron: this seal does not open", "{why}");
    }
}

#[test]
fn s26_no_flipped_bit_opens() {
    let ctr = Options { algorithm: Algorithm::Aes128Ctr, ttl: 60_000, ..Options::default() };
    let raw = Secret::specific(Key::raw([7; 32]), Key::raw([9; 32])).named("raw").unwrap();
    for (options, secret) in [(Options::default(), plain()), (ctr, plain()), (Options::default(), raw)] {
        let good = sealed(&options, &secret, r#"{"user":"ember"}"#).into_bytes();
        let secrets = [secret];
        assert!(unseal(&options, Secrets::Any(&secrets), &good, NOW).is_ok());
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let result = unseal(&options, Secrets::Any(&secrets), &bad, NOW);
                assert!(matches!(result, Err(IronError::Closed(_))), "bit {bit} of byte {at}: {result:?}");
            }
            assert!(unseal(&options, Secrets::Any(&secrets), &good[..at], NOW).is_err(), "{at} bytes");
            assert!(unseal(&options, Secrets::Any(&secrets), &good[at + 1..], NOW).is_err(), "without {at} bytes");
        }
    }
}

#[test]
fn s17_a_seal_expires_and_clocks_may_differ_by_a_minute() {
    let options = Options { ttl: 10_000, ..Options::default() };
    let (secrets, good) = ([plain()], sealed(&options, &plain(), "1"));
    let opens = |options: &Options, after: i64| {
        let now = Timestamp::from_millis(u64::try_from(1_700_000_000_000 + after).unwrap());
        match unseal(options, Secrets::Any(&secrets), good.as_bytes(), now) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, IronError::Closed(Flaw::Expired));
                false
            }
        }
    };
    assert!(opens(&options, 69_999) && !opens(&options, 70_000));
    assert!(opens(&Options { skew: 0, ..options }, 9_999) && !opens(&Options { skew: 0, ..options }, 10_000));
    assert!(opens(&Options { skew: -2_000, ..options }, 7_999) && !opens(&Options { skew: -2_000, ..options }, 8_000));
    let ahead = Options { offset: 5_000, skew: 0, ..options };
    assert!(opens(&ahead, 4_999) && !opens(&ahead, 5_000));
    let behind = Options { offset: -5_000, skew: 0, ..options };
    assert!(opens(&behind, 14_999) && !opens(&behind, 15_000));
    // Extreme numbers do not overflow and do not open an expired seal.
    assert!(opens(&Options { skew: i64::MAX, ..options }, 0) && !opens(&Options { skew: i64::MIN, ..options }, 0));
    assert!(opens(&Options { offset: i64::MIN, ..options }, 0) && !opens(&Options { offset: i64::MAX, ..options }, 0));
    for ttl in [i64::MAX, i64::MIN, 1, -1] {
        let options = Options { ttl, skew: 0, ..options };
        let result = unseal(&options, Secrets::Any(&secrets), sealed(&options, &plain(), "1").as_bytes(), NOW);
        assert_eq!(result.is_ok(), ttl > 0, "{ttl}");
    }
}

#[test]
fn s29_a_secret_id_selects_exactly_one_secret() {
    let options = Options::default();
    let key = |letter: char| Key::text(letter.to_string().repeat(32));
    let named = |id: &str, letter: char| Secret::new(key(letter)).named(id).unwrap();
    let opens = |secrets: Secrets<'_>, by: &Secret| {
        unseal(&options, secrets, sealed(&options, by, "1").as_bytes(), NOW).map_err(IronError::code)
    };
    let ok = Ok("1".to_owned());
    let keys = [named("new", 'n'), named("old", 'o'), Secret::new(key('p')), named("default", 'd'), named("old", 'x')];
    assert_eq!(opens(Secrets::Named(&keys), &named("new", 'n')), ok);
    assert_eq!(opens(Secrets::Named(&keys), &named("old", 'o')), ok);
    // Only the first secret with that id is tried, and none with another id.
    assert_eq!(opens(Secrets::Named(&keys), &named("old", 'x')), Err("mac"));
    assert_eq!(opens(Secrets::Named(&keys), &named("new", 'o')), Err("mac"));
    assert_eq!(opens(Secrets::Named(&keys), &named("other", 'n')), Err("unknown_secret"));
    assert_eq!(opens(Secrets::Named(&keys), &named("New", 'n')), Err("unknown_secret"));
    // Without an id in the seal: the secrets without an id and with the id `default`, in order.
    assert_eq!(opens(Secrets::Named(&keys), &Secret::new(key('p'))), ok);
    assert_eq!(opens(Secrets::Named(&keys), &Secret::new(key('d'))), ok);
    assert_eq!(opens(Secrets::Named(&keys), &Secret::new(key('n'))), Err("mac"));
    assert_eq!(opens(Secrets::Named(&keys[..2]), &Secret::new(key('n'))), Err("unknown_secret"));
    // Plain passwords open seals of each of them, under any id.
    assert_eq!(opens(Secrets::Any(&keys), &named("other", 'x')), ok);
    assert_eq!(opens(Secrets::Any(&keys), &Secret::new(key('z'))), Err("mac"));
    assert_eq!(opens(Secrets::Any(&[]), &Secret::new(key('n'))), Err("unknown_secret"));
}

#[test]
fn s30_a_seal_that_is_too_long_costs_nothing() {
    // A password that is too short to use shows whether a key was derived.
    let (options, secrets) = (Options::default(), [Secret::new(Key::text("short"))]);
    let (salt, long) = ("a".repeat(64), "a".repeat(2049));
    let (iv, mac) = ("A".repeat(22), "A".repeat(43));
    let shaped = |id: &str, salt: &str, iv: &str, text: &str, mac_salt: &str, mac: &str| {
        let sealed = format!("Fe26.2*{id}*{salt}*{iv}*{text}**{mac_salt}*{mac}");
        unseal(&options, Secrets::Any(&secrets), sealed.as_bytes(), NOW).unwrap_err()
    };
    let text = "A".repeat(22);
    assert_eq!(shaped("a", &salt, &iv, &text, &salt, &mac), IronError::ShortPassword(32), "the form is right");
    for (why, error) in [
        ("id", shaped(&"a".repeat(257), &salt, &iv, &text, &salt, &mac)),
        ("no id", shaped("a-b", &salt, &iv, &text, &salt, &mac)),
        ("encryption salt", shaped("a", &long, &iv, &text, &salt, &mac)),
        ("IV", shaped("a", &salt, &"A".repeat(23), &text, &salt, &mac)),
        ("no whole block", shaped("a", &salt, &iv, &"A".repeat(23), &salt, &mac)),
        ("no base64", shaped("a", &salt, &iv, &"A".repeat(25), &salt, &mac)),
        ("MAC salt", shaped("a", &salt, &iv, &text, &long, &mac)),
        ("MAC", shaped("a", &salt, &iv, &text, &salt, &"A".repeat(44))),
    ] {
        assert_eq!(error, IronError::Closed(Flaw::Mac), "{why}");
    }
    let huge = "A".repeat(4 * 1024 * 1024);
    assert_eq!(shaped("a", &salt, &iv, &huge, &salt, &mac), IronError::Closed(Flaw::Parts));
    let stars = "*".repeat(1024 * 1024);
    assert_eq!(shaped("a", &salt, &iv, &stars, &salt, &mac), IronError::Closed(Flaw::Parts));
}

#[test]
fn the_longest_seal_is_made_and_opened_and_none_longer() {
    let options = Options { max_bytes: 1000, ..Options::default() };
    let secrets = [plain()];
    let mut made = (0, 0);
    for length in 400..1200 {
        let text = "x".repeat(length);
        match seal(&options, &secrets[0], text.as_bytes(), NOW, &[7; 80]) {
            Ok(sealed) => {
                assert!(sealed.len() <= 1000);
                assert_eq!(unseal(&options, Secrets::Any(&secrets), sealed.as_bytes(), NOW).unwrap(), text);
                made.0 += 1;
            }
            Err(error) => {
                assert_eq!(error, IronError::TooLarge(1000));
                made.1 += 1;
            }
        }
    }
    assert!(made.0 > 50 && made.1 > 50);
}

#[test]
fn an_invalid_option_or_secret_is_named() {
    let options = Options::default();
    let with = |options: &Options, secret: &Secret| seal(options, secret, b"1", NOW, &[0; 80]).map(|_| ()).unwrap_err();
    let code = |key: Key| with(&options, &Secret::new(key)).code();
    assert_eq!(code(Key::text("")), "empty_secret");
    assert_eq!(code(Key::raw([])), "empty_secret");
    assert_eq!(with(&options, &Secret::new(Key::text("é".repeat(31)))), IronError::ShortPassword(32));
    assert_eq!(with(&options, &Secret::new(Key::raw([1; 31]))), IronError::ShortKey(32));
    assert_eq!(code(Key::raw([1; 33])), "key_length");
    let no_bits = Options { integrity: Derivation { salt_bits: 0, ..Derivation::default() }, ..options };
    assert_eq!(with(&no_bits, &plain()), IronError::SaltBits);
    let many_bits = Options { encryption: Derivation { salt_bits: 8193, ..Derivation::default() }, ..options };
    assert_eq!(with(&many_bits, &plain()), IronError::SaltBits);
    let none = Options { encryption: Derivation { iterations: 0, ..Derivation::default() }, ..options };
    assert_eq!(with(&none, &plain()), IronError::Iterations);
    assert_eq!(seal(&options, &plain(), b"1", NOW, &[0; 79]), Err(IronError::Entropy));
    for id in ["", "a-b", "a b", "é", "*"] {
        assert_eq!(plain().named(id).unwrap_err(), IronError::SecretId, "{id:?}");
    }
    // The length of a password is counted as in JavaScript: 16 characters of two units each.
    assert!(seal(&options, &Secret::new(Key::text("🔥".repeat(16))), b"1", NOW, &[0; 80]).is_ok());
    assert_eq!(with(&options, &Secret::new(Key::text("🔥".repeat(15)))), IronError::ShortPassword(32));
}

#[test]
fn s7_secrets_are_not_shown() {
    let secret = Secret::specific(
        Key::text("canary canary canary canary canary"),
        Key::raw(*b"kanary kanary kanary kanary kana"),
    );
    let shown = format!("{:?} {:?}", secret.named("id").unwrap(), Secrets::Any(&[]));
    assert!(!shown.contains("anary") && !shown.contains("107, 97"), "{shown}");
}

#[test]
fn only_utf8_opens() {
    let (options, secrets) = (Options::default(), [plain()]);
    let sealed = seal(&options, &secrets[0], b"\xff\xfe", NOW, &[7; 80]).unwrap();
    let error = unseal(&options, Secrets::Any(&secrets), sealed.as_bytes(), NOW).unwrap_err();
    assert_eq!(error, IronError::Closed(Flaw::Content));
}
