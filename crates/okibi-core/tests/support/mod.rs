//! A small world for the engine's tests: a store in a map, a clock that the test sets, and requests
//! that take one step at a time.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;

use bytes::Bytes;
use okibi_core::{
    Answer, Config, Engine, Event, Fault, Flow, Json, Loaded, Op, RANDOM_BYTES, Random, RandomBytes, Refusal, Step,
    StoreKey, Swap, Text, Timestamp, Write,
    formats::{Stored, decode},
};

/// The fate of one store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out and answered.
    Fine,
    /// It is carried out, and the answer is lost.
    ReplyLost,
    /// It is not carried out, and the answer is lost.
    RequestLost,
    /// It is refused.
    Refused,
    /// It is delayed, and its answer is lost: see [`World::arrive`].
    Late,
    /// It is carried out and answered, and a delayed copy of it exists.
    Twice,
}

pub struct World {
    pub engine: Engine,
    pub now: Timestamp,
    pub store: BTreeMap<StoreKey, (Bytes, Timestamp)>,
    /// The last write of each key.
    pub written: BTreeMap<StoreKey, Write>,
    /// The stores of the accepted dialects.
    pub accepted_stores: Vec<BTreeMap<StoreKey, (Bytes, Timestamp)>>,
    /// The host name in the requests, for a dialect that separates hosts.
    pub host: Option<&'static str>,
    /// Whether the backend returns the expiry of loaded values.
    pub returns_expiry: bool,
    /// The steps that were carried out.
    pub steps: Vec<Step>,
    pub random: u64,
    /// The number of calls that reached the store.
    pub calls: usize,
    /// The delayed calls.
    pub late: Vec<Step>,
    /// The fate of the write with this number, counted over all intended calls.
    pub disturbed: Option<(usize, Fate)>,
    /// The delayed calls arrive before this call, counted over all intended calls.
    pub arrives_before: Option<usize>,
    /// The number of intended calls, and of intended writes.
    pub intended: (usize, usize),
}

/// Random bytes for one call of the engine.
#[derive(Debug)]
pub struct Drawn {
    bytes: [u8; RANDOM_BYTES],
    used: usize,
}

impl Random for Drawn {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let mut rest = RandomBytes(&self.bytes[self.used..]);
        self.used += bytes.len();
        rest.fill(bytes)
    }
}

impl World {
    pub fn new(config: impl Into<Config>) -> Self {
        Self {
            engine: Engine::new(config.into()).unwrap(),
            now: Timestamp::from_millis(1_700_000_000_000),
            store: BTreeMap::new(),
            written: BTreeMap::new(),
            accepted_stores: vec![BTreeMap::new(); 4],
            host: None,
            returns_expiry: false,
            steps: Vec::new(),
            random: 1,
            calls: 0,
            late: Vec::new(),
            disturbed: None,
            arrives_before: None,
            intended: (0, 0),
        }
    }

    /// Each call returns different bytes.
    pub fn random(&mut self) -> Drawn {
        let mut bytes = [0; RANDOM_BYTES];
        for chunk in bytes.chunks_mut(8) {
            // Xorshift is sufficient to get different ids in a test.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            chunk.copy_from_slice(&self.random.to_le_bytes());
        }
        Drawn { bytes, used: 0 }
    }

    pub fn advance(&mut self, millis: u64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
    }

    pub fn load(&mut self, key: &StoreKey) -> Option<Bytes> {
        self.calls += 1;
        self.peek(key)
    }

    pub fn peek(&self, key: &StoreKey) -> Option<Bytes> {
        self.store.get(key).filter(|(_, expires)| *expires > self.now).map(|(bytes, _)| bytes.clone())
    }

    /// The store's part of a step.
    pub fn carry_out(&mut self, step: &Step) -> Answer {
        self.steps.push(step.clone());
        match step {
            Step::Load(key) => {
                let expires_at = self.store.get(key).map(|(_, expires_at)| *expires_at).filter(|_| self.returns_expiry);
                Answer::Loaded(self.load(key).map(|bytes| Loaded { bytes, expires_at }))
            }
            Step::LoadAccepted { entry, key } => {
                self.calls += 1;
                let held = self.accepted_stores[*entry].get(key).filter(|(_, expires)| *expires > self.now);
                Answer::Loaded(held.map(|(bytes, expires_at)| Loaded {
                    bytes: bytes.clone(),
                    expires_at: Some(*expires_at).filter(|_| self.returns_expiry),
                }))
            }
            Step::DeleteAccepted { entry, key } => {
                self.calls += 1;
                self.accepted_stores[*entry].remove(key);
                Answer::Deleted
            }
            Step::Swap { key, expected, write } => {
                self.calls += 1;
                let there = self.peek(key);
                if there == *expected {
                    let before = self.written.get(key).filter(|before| Some(&before.bytes) == expected.as_ref());
                    if let Some(before) = before.filter(|_| write.keeps) {
                        assert_eq!((before.expires_at, &before.owner), (write.expires_at, &write.owner), "kept");
                    }
                    self.written.insert(key.clone(), write.clone());
                    self.store.insert(key.clone(), (write.bytes.clone(), write.expires_at));
                    Answer::Swapped(Swap::Done)
                } else {
                    Answer::Swapped(Swap::Conflict(there))
                }
            }
            Step::Delete(key) => {
                self.calls += 1;
                self.store.remove(key);
                Answer::Deleted
            }
            Step::Recompute { .. } | Step::Done => {
                panic!("nothing for the store to do")
            }
        }
    }

    /// The delayed calls arrive. Their answers are lost.
    pub fn arrive(&mut self) {
        for step in std::mem::take(&mut self.late) {
            self.carry_out(&step);
        }
    }

    /// A call without a fault, unless it is the [`disturbed`](Self::disturbed) one.
    fn carry_out_intended(&mut self, step: &Step) -> Answer {
        let (call, write) = self.intended;
        let is_write = !matches!(step, Step::Load(_) | Step::LoadAccepted { .. });
        self.intended = (call + 1, write + usize::from(is_write));
        if self.arrives_before == Some(call) {
            self.arrive();
        }
        match self.disturbed {
            Some((number, fate)) if is_write && number == write => self.with_fate(step, fate),
            _ => self.carry_out(step),
        }
    }

    pub fn with_fate(&mut self, step: &Step, fate: Fate) -> Answer {
        match fate {
            Fate::Fine => self.carry_out_intended(step),
            Fate::Late => {
                self.late.push(step.clone());
                Answer::Failed(Fault::Unknown)
            }
            Fate::Twice => {
                self.late.push(step.clone());
                self.carry_out(step)
            }
            Fate::ReplyLost => {
                self.carry_out(step);
                Answer::Failed(Fault::Unknown)
            }
            Fate::RequestLost => Answer::Failed(Fault::Unknown),
            Fate::Refused => Answer::Failed(Fault::NotDone),
        }
    }

    /// Opens a request with this cookie value.
    pub fn request(&self, cookie: Option<&str>) -> Request {
        let header = cookie.map(|value| format!("{}={value}", self.engine.cookie_name()));
        self.open(header.as_deref())
    }

    /// Opens a request with this Cookie header.
    pub fn open(&self, header: Option<&str>) -> Request {
        Request::new(self.engine.open_on(header.map(str::as_bytes), self.host, self.now))
    }

    /// Like [`World::serve`], with a whole Cookie header.
    pub fn serve_header(&mut self, header: &str, log: impl FnOnce(&mut Request)) -> Request {
        let mut request = self.open(Some(header));
        request.load(self);
        log(&mut request);
        request.commit(self).unwrap();
        request
    }

    /// Opens, loads, changes and commits. Returns the request.
    pub fn serve(&mut self, cookie: Option<&str>, log: impl FnOnce(&mut Request)) -> Request {
        let mut request = self.request(cookie);
        request.load(self);
        log(&mut request);
        request.commit(self).unwrap();
        request
    }

    /// The live records in the store.
    pub fn records(&self) -> Vec<okibi_core::Record> {
        let limits = Config::default().limits;
        self.store
            .values()
            .filter(|(_, expires)| *expires > self.now)
            .filter_map(|(bytes, _)| match decode(bytes, &limits) {
                Ok(Stored::Record(record)) if record.expires_at() > self.now => Some(record),
                _ => None,
            })
            .collect()
    }

    /// Revokes the session under `key` from elsewhere, as "log out everywhere" does.
    pub fn revoke(&mut self, key: StoreKey) -> Result<(), Refusal> {
        let mut request = Request::new(Flow::default());
        let step = self.engine.revoke(&mut request.flow, key);
        request.drive(self, Ok(step))
    }

    /// The number of unexpired values in the store, including markers.
    pub fn entries(&self) -> usize {
        self.store.values().filter(|(_, expires)| *expires > self.now).count()
    }
}

/// The face's side of a request: the flow, the log, and the functions of its updates.
pub struct Request {
    pub flow: Flow,
    pub log: Vec<Op>,
    pub step: Step,
    pub outcome: Option<Result<(), Refusal>>,
    pub events: Vec<Event>,
    /// How much each update adds, by token.
    adds: Vec<i64>,
}

pub fn json(value: impl Into<serde_json::Value>) -> Json {
    Json(Text::from(value.into().to_string()))
}

impl Request {
    pub fn new(flow: Flow) -> Self {
        Self { flow, log: Vec::new(), step: Step::Done, outcome: None, events: Vec::new(), adds: Vec::new() }
    }

    fn drive(&mut self, world: &mut World, first: Result<Step, Refusal>) -> Result<(), Refusal> {
        self.begin(first);
        while self.outcome.is_none() {
            self.take_step(world, Fate::Fine);
        }
        self.outcome.unwrap()
    }

    fn begin(&mut self, first: Result<Step, Refusal>) {
        self.outcome = None;
        self.take(first);
    }

    fn take(&mut self, step: Result<Step, Refusal>) {
        self.events.extend(self.flow.take_events());
        match step {
            Ok(Step::Done) => {
                self.step = Step::Done;
                self.outcome = Some(Ok(()));
            }
            Ok(step) => self.step = step,
            Err(refusal) => self.outcome = Some(Err(refusal)),
        }
    }

    /// Carries out the requested step. A recompute always succeeds.
    pub fn take_step(&mut self, world: &mut World, fate: Fate) {
        let answer = match &self.step {
            Step::Recompute { token, current } => Answer::Recomputed(self.compute(*token, current.as_ref())),
            step => world.with_fate(step, fate),
        };
        let mut random = world.random();
        let next = world.engine.answer(&mut self.flow, answer, world.now, &mut random);
        self.take(next);
    }

    fn compute(&self, token: u32, current: Option<&Text>) -> okibi_core::Patch {
        let old: i64 = current.map_or(0, |text| text.as_str().parse().unwrap());
        let name = self.log.iter().find_map(|op| match op {
            Op::Update { token: known, name, .. } if *known == token => name.clone(),
            _ => None,
        });
        vec![(name.unwrap(), Some(json(old + self.adds[token as usize])))]
    }

    pub fn load(&mut self, world: &mut World) {
        let step = world.engine.load(&mut self.flow);
        self.drive(world, Ok(step)).unwrap();
    }

    pub fn start_load(&mut self, world: &mut World) {
        let step = world.engine.load(&mut self.flow);
        self.begin(Ok(step));
    }

    pub fn start_commit(&mut self, world: &mut World, failed: bool) {
        let mut random = world.random();
        let step = world.engine.commit(&mut self.flow, self.log.clone(), failed, world.now, &mut random);
        self.begin(step);
    }

    pub fn commit(&mut self, world: &mut World) -> Result<(), Refusal> {
        self.start_commit(world, false);
        while self.outcome.is_none() {
            self.take_step(world, Fate::Fine);
        }
        self.outcome.unwrap()
    }

    pub fn take_value(&mut self, world: &mut World, name: &str) -> Option<String> {
        let mut random = world.random();
        let step = world.engine.take(&mut self.flow, name.into(), world.now, &mut random);
        self.drive(world, step).unwrap();
        self.flow.taken().map(|text| text.as_str().to_owned())
    }

    pub fn set(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.log.push(Op::Set(name.into(), json(value)));
    }

    /// Adds to the number under `name`, again on every replay.
    pub fn add(&mut self, name: &str, more: i64) {
        let mut view = self.flow.entries().to_vec();
        self.log.iter().for_each(|op| okibi_core::apply(&mut view, op));
        let (token, name) = (u32::try_from(self.adds.len()).unwrap(), Text::from(name));
        self.adds.push(more);
        let old: i64 = okibi_core::input(&view, Some(&name)).map_or(0, |text| text.as_str().parse().unwrap());
        let patch = vec![(name.clone(), Some(json(old + more)))];
        self.log.push(Op::Update { token, name: Some(name), patch, basis: self.flow.basis() });
    }

    /// The value that the handler sees under a name.
    pub fn get(&self, name: &str) -> Option<serde_json::Value> {
        let mut view = self.flow.entries().to_vec();
        self.log.iter().for_each(|op| okibi_core::apply(&mut view, op));
        view.iter()
            .find(|entry| entry.name.as_str() == name)
            .map(|entry| serde_json::from_str(entry.value.as_str()).unwrap())
    }

    pub fn is_live(&self) -> bool {
        self.flow.record().is_some()
    }

    pub fn cookies(&self) -> &[String] {
        self.flow.set_cookies()
    }

    /// The value of the only cookie that is set.
    pub fn cookie(&self) -> Option<String> {
        assert!(self.cookies().len() <= 1, "exactly one Set-Cookie");
        let header = self.cookies().first()?;
        Some(header.split(';').next().unwrap().split_once('=').unwrap().1.to_owned())
    }
}
