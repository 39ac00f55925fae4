//! Engine scripts: the bytes say which requests come, what they change, and how their store calls
//! fare.

#[path = "../../crates/okibi-core/tests/support/mod.rs"]
mod support;

use okibi_core::{Op, Protection, Secrets, StoreKey};
use support::{Fate, Request, World};

/// Whatever happens, no session is ever another's, one cookie at most is sent, and every task ends.
///
/// # Panics
/// If one of these does not hold, or the engine panics.
pub fn script(input: &[u8]) {
    let Some((&mode, script)) = input.split_first() else { return };
    let secrets = || Secrets::new(["a secret of thirty-two bytes: no more"]).expect("a good secret");
    let protection = match mode % 3 {
        0 => Protection::Id,
        1 => Protection::SignedId(secrets()),
        _ => Protection::Sealed { secrets: secrets(), chunks: 1 },
    };
    let mut world = World::new(protection);
    let mut cookies: Vec<(String, u8)> = Vec::new();
    let mut requests: Vec<(Request, u8)> = Vec::new();
    for step in script.chunks_exact(2).take(200) {
        let (action, argument) = (step[0] % 10, step[1]);
        let index = usize::from(argument >> 4);
        match action {
            0 => {
                let whose = u8::try_from(cookies.len() % 251).unwrap_or_default();
                let request = world.serve(None, |request| request.set("whose", whose));
                cookies.extend(request.cookie().map(|cookie| (cookie, whose)));
            }
            1 => {
                let known = cookies.get(usize::from(argument) % cookies.len().max(1)).cloned();
                let Some((value, whose)) = known else { continue };
                let mut request = world.request(Some(&value));
                request.load(&mut world);
                if let Some(found) = request.get("whose") {
                    assert_eq!(found, whose, "a session is another's");
                    requests.push((request, whose));
                }
            }
            2 | 3 => {
                if let Some((request, _)) = requests.get_mut(index).filter(|(request, _)| request.log.len() < 20) {
                    change(request, argument & 15);
                }
            }
            4 | 5 => {
                if index < requests.len() {
                    let (mut request, whose) = requests.swap_remove(index);
                    finish(&mut world, &mut request, argument & 15);
                    cookies.extend(request.cookie().filter(|cookie| !cookie.is_empty()).map(|cookie| (cookie, whose)));
                }
            }
            6 => world.advance(u64::from(argument) * 10_000),
            7 => {
                let back = world.now.as_millis().saturating_sub(u64::from(argument) * 10_000);
                world.now = okibi_core::Timestamp::from_millis(back);
            }
            8 => {
                // The record is changed outside of the engine.
                let key: Option<StoreKey> = world.store.keys().nth(index).cloned();
                if let Some((bytes, _)) = key.and_then(|key| world.store.get_mut(&key)) {
                    let mut damaged = bytes.to_vec();
                    if let Some(byte) = damaged.get_mut(usize::from(argument)) {
                        // Only the braces and names around the values: a changed value would be
                        // another one, rightly.
                        if !byte.is_ascii_digit() {
                            *byte ^= argument;
                        }
                    }
                    *bytes = damaged.into();
                }
            }
            _ => drop(requests.pop()),
        }
    }
}

fn change(request: &mut Request, kind: u8) {
    match kind {
        0..=3 => request.add("n", 1),
        4 | 5 => request.set("x", kind),
        6 => request.log.push(Op::Flash("f".into(), support::json("hi"))),
        7 => request.log.push(Op::ReadFlash("f".into(), support::json("hi"))),
        8 => request.log.push(Op::Remove("x".into())),
        9 | 10 => request.log.push(Op::Rotate),
        11 | 12 => request.log.push(Op::RenewId),
        13 => request.log.push(Op::SetIdle(120_000)),
        14 => request.log.push(Op::RotateKeepingDeadline),
        _ => request.log.push(Op::Destroy),
    }
}

fn finish(world: &mut World, request: &mut Request, fate: u8) {
    request.start_commit(world, fate == 15);
    for call in 0..100 {
        if request.outcome.is_some() {
            return;
        }
        let fate = match (call, fate) {
            (0, 12) | (1, 13) => Fate::ReplyLost,
            (1, 12) => Fate::RequestLost,
            (2, 13) | (0, 14) => Fate::Refused,
            _ => Fate::Fine,
        };
        request.take_step(world, fate);
    }
    panic!("a task never ends");
}
