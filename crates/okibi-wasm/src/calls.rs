//! The calls: each reads its frames, calls the engine, and writes its reply.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use okibi_core::{
    Answer, Engine, Fault, Flow, Loaded, Outcome, Owner, RandomBytes, Refusal, Step, StoreKey, Swap, Text, Timestamp,
    formats::{parse_log, parse_patch},
    json::number,
};

use crate::{
    frames,
    numbers::{
        ANSWER, ANSWERED, CACHE_CONTROL, CLAIMS, COMMIT, COMMITS_FAILED, CONFIGURE, CONFLICT, DELETED, DIFFERS, DONE,
        FAILED, HAS_FAILED, IS_LIVE, LAST, LOAD, LOADED, LOOK_UP, NOT_DONE, OPEN, OUT_OF_TIME, OUTCOME, RECOMPUTED,
        REVOKE, SAID, SAID_FAILED, SENDS_COOKIE, STORED_OWNER, SUMMARY, TAKE, UNKNOWN, UPGRADES, VARY,
    },
    options, reply,
};
#[cfg(feature = "compat")]
use crate::{
    iron,
    numbers::{IRON_SEAL, IRON_UNSEAL},
};

/// Runs one call on the frames of `input`. Appends the reply to `reply`, with its length first.
///
/// `now` is in milliseconds since the Unix epoch. Any input gets a reply and never a panic.
pub fn call(
    engines: &mut Vec<Engine>,
    call: u32,
    engine: u32,
    now: f64,
    flags: u32,
    input: &[u8],
    reply: &mut Vec<u8>,
) {
    reply.extend_from_slice(&[0; 4]);
    // A time before 1970, or above the range of the number, becomes the nearest valid time.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let now = Timestamp::from_millis(now as u64);
    let frames = frames::read(input);
    match (call, engines.get(engine as usize)) {
        (CONFIGURE, _) => configure(engines, frames, reply),
        (VARY, _) => reply::text(reply, okibi_core::vary(text(frames).as_str()).as_deref()),
        (CACHE_CONTROL, _) => {
            let (sends_cookie, is_live) = (flags & SENDS_COOKIE != 0, flags & IS_LIVE != 0);
            reply::text(reply, okibi_core::cache_control(&text(frames), sends_cookie, is_live).as_deref());
        }
        (OUTCOME, _) => {
            let has = |flag: u32| flags & flag != 0;
            #[expect(clippy::cast_possible_truncation, reason = "the flags above are no part of the status")]
            let status = has(ANSWERED).then_some(flags as u16);
            let Outcome { failed, upgrades, .. } =
                Outcome::of(status, has(COMMITS_FAILED), has(SAID).then_some(has(SAID_FAILED)));
            frames::push(reply, &[b'0' + u8::from(failed) * HAS_FAILED + u8::from(upgrades) * UPGRADES]);
        }
        (DIFFERS, Some(engine)) => {
            let option = engines.get(flags as usize).map_or(Some("engine"), |other| engine.differs(other));
            reply::text(reply, option);
        }
        #[cfg(feature = "compat")]
        (IRON_SEAL, _) => iron::seal(flags, now, frames, reply),
        #[cfg(feature = "compat")]
        (IRON_UNSEAL, _) => iron::unseal(flags, now, frames, reply),
        (_, Some(engine)) => session_call(engine, call, now, flags, frames, reply),
        (_, None) => reply::refusal(reply, Refusal::OutOfOrder, &[]),
    }
    let length = u32::try_from(reply.len() - 4).unwrap_or(u32::MAX);
    reply.iter_mut().zip(length.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
}

fn configure<'a>(engines: &mut Vec<Engine>, mut frames: impl Iterator<Item = &'a [u8]>, reply: &mut Vec<u8>) {
    match options::engine(frames.next().unwrap_or_default()) {
        Ok(engine) => {
            reply::configured(reply, engines.len(), &engine);
            engines.push(engine);
        }
        Err(error) => reply::config_error(reply, &error),
    }
}

fn session_call<'a>(
    engine: &Engine,
    call: u32,
    now: Timestamp,
    flags: u32,
    mut frames: impl Iterator<Item = &'a [u8]>,
    reply: &mut Vec<u8>,
) {
    let first = frames.next().unwrap_or_default();
    match call {
        OPEN => {
            let host = frames.next().and_then(|host| core::str::from_utf8(host).ok());
            let mut flow = engine.open_on([first], host, now);
            let step = if flags & LOOK_UP == 0 { Step::Done } else { engine.load(&mut flow) };
            reply::step(reply, engine, &mut flow, step, now);
        }
        OUT_OF_TIME => {
            let mut flow = Flow::from_bytes(first).unwrap_or_default();
            let refusal = engine.out_of_time(&mut flow);
            reply::refused(reply, refusal, &mut flow);
        }
        CLAIMS => frames::push(reply, boolean(engine.claims(first))),
        SUMMARY => {
            let key = StoreKey::new(text(&mut frames));
            let owner = Owner::new(text(&mut frames));
            reply::summary(reply, engine.summary(&key, &Bytes::copy_from_slice(first), &owner, now).as_ref());
        }
        STORED_OWNER => {
            let owner = Owner::new(core::str::from_utf8(first).unwrap_or_default());
            frames::push(reply, engine.stored_owner(&owner).as_str().as_bytes());
        }
        REVOKE => {
            let mut flow = Flow::default();
            let step = engine.revoke(&mut flow, StoreKey::new(core::str::from_utf8(first).unwrap_or_default()));
            reply::step(reply, engine, &mut flow, step, now);
        }
        _ => match flow_call(engine, call, now, flags, first, frames) {
            Ok((mut flow, Ok(Step::Done))) if flags & LAST != 0 => reply::last(reply, &mut flow),
            Ok((mut flow, Ok(step))) => reply::step(reply, engine, &mut flow, step, now),
            Ok((mut flow, Err(refusal))) => reply::refused(reply, refusal, &mut flow),
            Err(refusal) => reply::refusal(reply, refusal, &[]),
        },
    }
}

/// The calls that continue a request's flow. The flow is the first frame.
fn flow_call<'a>(
    engine: &Engine,
    call: u32,
    now: Timestamp,
    flags: u32,
    state: &[u8],
    mut frames: impl Iterator<Item = &'a [u8]>,
) -> Result<(Flow, Result<Step, Refusal>), Refusal> {
    let mut flow = Flow::from_bytes(state).ok_or(Refusal::OutOfOrder)?;
    if call == LOAD {
        let step = engine.load(&mut flow);
        return Ok((flow, Ok(step)));
    }
    let mut random = RandomBytes(frames.next().unwrap_or_default());
    let payload = frames.next();
    let step = match call {
        COMMIT => {
            let log = parse_log(payload.unwrap_or(b"[]")).ok_or(Refusal::InvalidValue)?;
            engine.commit(&mut flow, log, flags & FAILED != 0, now, &mut random)
        }
        TAKE => engine.take(&mut flow, Text::from(text(payload.into_iter())), now, &mut random),
        ANSWER => {
            let answer = answer(flags & !LAST, payload, frames.next())?;
            engine.answer(&mut flow, answer, now, &mut random)
        }
        _ => return Err(Refusal::OutOfOrder),
    };
    Ok((flow, step))
}

/// The answer with this number. A loaded value may have the backend's own expiry.
fn answer(kind: u32, payload: Option<&[u8]>, expiry: Option<&[u8]>) -> Result<Answer, Refusal> {
    let bytes = || payload.map(Bytes::copy_from_slice);
    let expires_at = || {
        let millis = number(core::str::from_utf8(expiry?).ok()?)?;
        Some(Timestamp::from_millis(millis))
    };
    Ok(match kind {
        LOADED => Answer::Loaded(bytes().map(|bytes| Loaded { bytes, expires_at: expires_at() })),
        DONE => Answer::Swapped(Swap::Done),
        CONFLICT => Answer::Swapped(Swap::Conflict(bytes())),
        DELETED => Answer::Deleted,
        RECOMPUTED => Answer::Recomputed(parse_patch(payload.unwrap_or_default()).ok_or(Refusal::InvalidValue)?),
        NOT_DONE => Answer::Failed(Fault::NotDone),
        UNKNOWN => Answer::Failed(Fault::Unknown),
        _ => return Err(Refusal::OutOfOrder),
    })
}

const fn boolean(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

fn text<'a>(mut frames: impl Iterator<Item = &'a [u8]>) -> String {
    core::str::from_utf8(frames.next().unwrap_or_default()).unwrap_or_default().into()
}
