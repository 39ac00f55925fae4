//! Iron: nothing opens but what was sealed, and what opens is spelled in the one way that sealing
//! spells it.

use okibi_core::{
    Timestamp,
    compat::iron::{Algorithm, Derivation, Flaw, IronError, Key, Options, Secret, Secrets, seal, unseal},
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The first byte selects options and secret. The rest is opened as a seal and then sealed as a
/// string.
///
/// # Panics
/// If something opens that sealing would not have written so, or a seal does not give back its
/// text, or opens for others.
pub fn iron(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let key = |raw: bool| {
        if raw { Key::raw(pattern(32)) } else { Key::text("a password of thirty-two characters, and more") }
    };
    let plain = Secret::specific(key(choice & 1 != 0), key(choice & 2 != 0));
    let secret = if choice & 4 == 0 { plain.clone() } else { plain.clone().named("v_2").expect("a good id") };
    let derivation = Derivation { iterations: 1 + u32::from(choice >> 6), ..Derivation::default() };
    let options = Options {
        algorithm: if choice & 8 == 0 { Algorithm::Aes256Cbc } else { Algorithm::Aes128Ctr },
        encryption: derivation,
        integrity: derivation,
        ttl: if choice & 16 == 0 { 0 } else { 3_600_000 },
        max_bytes: 16 * 1024,
        ..Options::default()
    };
    let secrets = std::slice::from_ref(&secret);
    let which = if choice & 32 == 0 { Secrets::Any(secrets) } else { Secrets::Named(secrets) };

    // No input forges a MAC by chance. The seeds contain seals of these secrets, which do open.
    match unseal(&options, which, input, NOW) {
        Ok(text) => {
            let sealed = std::str::from_utf8(input).expect("what opens is ASCII");
            let parts: Vec<&str> = sealed.split('*').collect();
            let random = [unhex(parts[2]), base64(parts[3]), unhex(parts[6])].concat();
            let ttl = parts[5].parse().map_or(0, |end: i64| end - 1_700_000_000_000);
            let by = if parts[1].is_empty() { plain } else { plain.named(parts[1]).expect("an id") };
            let again = seal(&Options { ttl, ..options }, &by, text.as_bytes(), NOW, &random);
            assert_eq!(again.as_deref(), Ok(sealed), "another spelling opens");
        }
        Err(error) => assert!(matches!(error, IronError::Closed(_)), "{error:?}"),
    }

    let random = vec![choice; options.random_bytes(&secret)];
    match seal(&options, &secret, input, NOW, &random) {
        Ok(sealed) => {
            let opened = unseal(&options, which, sealed.as_bytes(), NOW);
            match std::str::from_utf8(input) {
                Ok(text) => assert_eq!(opened.as_deref(), Ok(text)),
                Err(_) => assert_eq!(opened, Err(IronError::Closed(Flaw::Content))),
            }
            let others =
                [Secret::new(Key::raw([9; 32])), Secret::new(Key::text("another password, which is just as long"))];
            assert_eq!(
                unseal(&options, Secrets::Any(&others), sealed.as_bytes(), NOW),
                Err(IronError::Closed(Flaw::Mac))
            );
        }
        Err(error) => assert_eq!(error, IronError::TooLarge(16 * 1024)),
    }
}

fn pattern(length: u8) -> Vec<u8> {
    (0..length).map(|index| 3 + index * 7).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
}

/// The bytes of canonical base64url.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        bits = bits << 6
            | u32::try_from(DIGITS.iter().position(|digit| *digit == byte).expect("base64url")).expect("small");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).expect("a byte"));
        }
    }
    bytes
}
