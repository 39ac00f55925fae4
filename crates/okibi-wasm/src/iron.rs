//! The calls of Iron. They need no engine. The reply's first frame is an error code, or empty if
//! the call succeeded.

use alloc::vec::Vec;

use okibi_core::{
    Timestamp,
    compat::iron::{self, Algorithm, Derivation, IronError, Key, Options, Secret, Secrets},
};

use crate::{
    frames,
    numbers::{NO_SECRET, RAW_ENCRYPTION, RAW_INTEGRITY},
};

/// Seals a string. Frames: the options, the two keys, the secret id or nothing, the string, random
/// bytes.
pub(crate) fn seal<'a>(flags: u32, now: Timestamp, mut frames: impl Iterator<Item = &'a [u8]>, reply: &mut Vec<u8>) {
    let mut frame = || frames.next().unwrap_or_default();
    let options = options(frame());
    let secret = secret(flags, frame(), frame());
    let (id, text, random) = (frame(), frame(), frame());
    let sealed = options.zip(secret).ok_or("options").and_then(|(options, mut secret)| {
        if !id.is_empty() {
            let id = core::str::from_utf8(id).map_err(|_| IronError::SecretId.code())?;
            secret = secret.named(id).map_err(IronError::code)?;
        }
        iron::seal(&options, &secret, text, now, random).map_err(IronError::code)
    });
    push_result(reply, sealed.as_deref().map_err(|code| *code));
}

/// Opens a seal. Frames: the options, the two keys, the seal.
pub(crate) fn unseal<'a>(flags: u32, now: Timestamp, mut frames: impl Iterator<Item = &'a [u8]>, reply: &mut Vec<u8>) {
    let mut frame = || frames.next().unwrap_or_default();
    let options = options(frame());
    let secret = secret(flags, frame(), frame());
    let text = options.zip(secret).ok_or("options").and_then(|(options, secret)| {
        let secrets: &[Secret] = if flags & NO_SECRET == 0 { &[secret] } else { &[] };
        iron::unseal(&options, Secrets::Any(secrets), frame(), now).map_err(IronError::code)
    });
    push_result(reply, text.as_deref().map_err(|code| *code));
}

fn push_result(reply: &mut Vec<u8>, result: Result<&str, &str>) {
    frames::push(reply, result.err().unwrap_or_default().as_bytes());
    frames::push(reply, result.unwrap_or_default().as_bytes());
}

/// The options as JavaScript numbers: algorithm; salt bits, iterations and shortest password for
/// encryption and for the MAC; lifetime, skew and offset in milliseconds. NaN becomes zero, and a
/// number that is too large becomes the largest.
fn options(frame: &[u8]) -> Option<Options> {
    let (numbers, rest) = frame.as_chunks::<8>();
    let numbers: &[[u8; 8]; 10] = numbers.try_into().ok().filter(|_| rest.is_empty())?;
    let [algorithm, salt, rounds, shortest, mac_salt, mac_rounds, mac_shortest, ttl, skew, offset] =
        numbers.map(f64::from_le_bytes);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let derivation = |salt_bits: f64, iterations: f64, shortest: f64| Derivation {
        salt_bits: salt_bits as u32,
        iterations: iterations as u32,
        min_password_length: shortest as usize,
    };
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let milliseconds = |number: f64| number as i64;
    Some(Options {
        algorithm: if algorithm == 0.0 { Algorithm::Aes256Cbc } else { Algorithm::Aes128Ctr },
        encryption: derivation(salt, rounds, shortest),
        integrity: derivation(mac_salt, mac_rounds, mac_shortest),
        ttl: milliseconds(ttl),
        skew: milliseconds(skew),
        offset: milliseconds(offset),
        ..Options::default()
    })
}

fn secret(flags: u32, encryption: &[u8], integrity: &[u8]) -> Option<Secret> {
    let key = |raw: u32, bytes: &[u8]| {
        let text = || core::str::from_utf8(bytes).ok().map(Key::text);
        if flags & raw == 0 { text() } else { Some(Key::raw(bytes)) }
    };
    Some(Secret::specific(key(RAW_ENCRYPTION, encryption)?, key(RAW_INTEGRITY, integrity)?))
}
