//! The older dialects: any cookie and any record, in each of their forms, and taking over what
//! comes of it.

use bytes::Bytes;
use okibi_core::{
    Accept, Answer, Consistency, Dialect, Engine, Flow, Json, Loaded, Native, Op, RandomBytes, Step, Swap, Timestamp,
    compat::{HonoKv, HonoProtection, HonoSessions, IronSecrets},
};

const KEY: &str = "an encryption key of 32 characters, or more";
const ID: &str = "3f8e2b0a-6c1d-4e9f-8a7b-0c1d2e3f4a5b";
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn dialect(mode: u8) -> Dialect {
    let keys = || IronSecrets::new([KEY]).expect("a good key");
    let sessions = |protection| HonoSessions { protection, ..HonoSessions::default() };
    let kv = |secret: bool, json| HonoKv {
        secrets: secret.then(|| KEY.to_owned().into()).into_iter().collect(),
        json,
        ..HonoKv::default()
    };
    match mode % 6 {
        0 => sessions(HonoProtection::Id).into(),
        1 => sessions(HonoProtection::SealedId(keys())).into(),
        2 => sessions(HonoProtection::Sealed(keys())).into(),
        3 => Dialect::HonoKv(kv(false, false)),
        4 => Dialect::HonoKv(kv(false, true)),
        _ => Dialect::HonoKv(kv(true, false)),
    }
}

/// The first byte says which dialect; what follows is a record, and a cookie's value. Whatever they
/// are, a session that was read is written so that it reads the same, and every task ends.
///
/// # Panics
/// If a session changes by being written and read again, or a task never ends.
pub fn dialects(input: &[u8]) {
    let Some((&mode, text)) = input.split_first() else { return };
    let spoken = dialect(mode);
    let own = Engine::new(spoken.clone().into()).expect("a possible one");
    let until = Timestamp::from_millis(NOW.as_millis() + 1000);
    let consistency = (!spoken.is_sealed()).then_some(Consistency::Strong);
    let accept = vec![Accept { dialect: spoken, until, consistency }];
    let taking_over = Engine::new(Native { accept, ..Native::default() }.into()).expect("a possible one");
    for engine in [&own, &taking_over] {
        let names = ["session", "id"];
        for name in names {
            let header = [name.as_bytes(), b"=", text].concat();
            visit(engine, &header, text);
            visit(engine, format!("{name}={ID}").as_bytes(), text);
        }
    }
}

/// One request: loads the session, with `record` as the only stored record, and writes it again.
fn visit(engine: &Engine, header: &[u8], record: &[u8]) {
    let mut flow = engine.open_on([header], Some("www.example.com"), NOW);
    let step = engine.load(&mut flow);
    finish(engine, &mut flow, step, record);
    let Some(session) = flow.record().cloned() else { return };
    // The one name of the one dialect that has no other.
    let Some(entry) = session.entries.first().filter(|entry| !entry.flash) else { return };
    let log = vec![Op::Set(entry.name.clone(), Json(entry.value.clone()))];
    let Ok(step) = engine.commit(&mut flow, log, false, NOW, &mut random()) else { return };
    if let Step::Swap { write, .. } = &step {
        reads_again(engine, &write.bytes, &session.entries);
    }
    finish(engine, &mut flow, step, record);
}

/// Carries out a task to its end, where every load finds the record and every swap is made.
fn finish(engine: &Engine, flow: &mut Flow, mut step: Step, record: &[u8]) {
    for _ in 0..50 {
        let answer = match &step {
            Step::Done => return,
            Step::Load(_) | Step::LoadAccepted { .. } => {
                let bytes = Bytes::copy_from_slice(record);
                Answer::Loaded(Some(Loaded { bytes, expires_at: None }))
            }
            Step::Swap { .. } => Answer::Swapped(Swap::Done),
            _ => Answer::Deleted,
        };
        let Ok(next) = engine.answer(flow, answer, NOW, &mut random()) else { return };
        step = next;
    }
    panic!("a task never ends");
}

/// What was written for these values reads as these values.
fn reads_again(engine: &Engine, written: &Bytes, before: &[okibi_core::Entry]) {
    let header = format!("{}={ID}", engine.cookie_name());
    let mut flow = engine.open_on([header.as_bytes()], Some("www.example.com"), NOW);
    // Only where the bare id is the cookie.
    if engine.load(&mut flow) == Step::Done {
        return;
    }
    let loaded = Loaded { bytes: written.clone(), expires_at: None };
    let done = engine.answer(&mut flow, Answer::Loaded(Some(loaded)), NOW, &mut random());
    assert_eq!(done, Ok(Step::Done), "what was written is no session");
    assert_eq!(flow.entries(), before, "not the same after writing and reading");
}

fn random() -> RandomBytes<'static> {
    RandomBytes(&[7; okibi_core::RANDOM_BYTES])
}
