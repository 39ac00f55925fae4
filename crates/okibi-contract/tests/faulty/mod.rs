//! A small honest store, and the defects that can be planted in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use okibi_contract::VirtualClock;
use okibi_store::{
    BoxFuture, Bytes, Consistency, Loaded, Owner, OwnerIndex, Owners, Purge, Purger, Store, StoreError, StoreKey, Swap,
    Timestamp, Write,
};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    // Swaps and deletes.
    NoCompare,
    CreateOverwrites,
    ConflictWithoutBytes,
    ConflictWithWritten,
    ConflictIsWritten,
    ConflictRenewsExpiry,
    ExpectedOnAbsentCreates,
    RefusesSameBytes,
    DeleteDoesNothing,
    DeleteOfAbsentFails,
    DeleteByPrefix,
    DeleteTakesNeighbour,
    LoadFails,
    // Bytes and keys.
    TextOnly,
    TrimsValues,
    CutsAtNul,
    CutsLongValues,
    CutsHugeValues,
    RefusesHugeAfterWriting,
    RefusesHugeAsUnknown,
    EmptyIsAbsent,
    ComparesLengths,
    ComparesStarts,
    ComparesWithoutCase,
    KeysWithoutCase,
    KeysCutShort,
    KeysAsPatterns,
    KeysTrimmed,
    KeysWithoutAccents,
    // Expiry.
    ForgetsExpiryOnLoad,
    ExpiredBlocksCreation,
    ExpiredCanBeSwapped,
    ExpiredInConflict,
    FirstExpiryStays,
    ExpiryOnlyGrows,
    ExpiryIn32Bits,
    ReportsOtherExpiry,
    RefusesPastExpiry,
    RefusesNever,
    // Immediately.
    SwapInTwoSteps,
    CreateInTwoSteps,
    ExpiredCreateInTwoSteps,
    WritesInTwoHalves,
    LosesNeighbours,
    StaleReads,
    RacesBetweenThreads,
    LocksOneInstance,
    InstancesApart,
    DroppedLoadKeepsLock,
    DroppedDeleteIsHalf,
    // Owners.
    UnknownOwnerFails,
    OwnersNotListed,
    OwnersOnlyOnCreation,
    FormerOwnerStays,
    MarkerKeepsOwner,
    DeletedStaysListed,
    RefusedChangesOwner,
    OwnersWithoutCase,
    OwnersByPrefix,
    OwnersTrimmed,
    OwnersListedTwice,
    OwnersListCut,
    OwnersWithoutAccents,
    OwnersGapOnWrite,
    // Purge.
    PurgeDoesNothing,
    PurgeTakesLiving,
    PurgeLeavesOwned,
    PurgeCountsOne,
    PurgeInTwoSteps,
    PurgeByFirstExpiry,
    PurgeTakesOldMarkers,
    // Time.
    LoadNeverAnswers,
    SwapNeverAnswers,
}

#[derive(Clone, PartialEq)]
struct Row {
    bytes: Bytes,
    expires_at: Timestamp,
}

#[derive(Default)]
struct Tables {
    rows: BTreeMap<String, Row>,
    /// What a stale read sees: the row before its last change, and when that was.
    before: BTreeMap<String, (Option<Row>, Timestamp)>,
    owners: BTreeSet<(String, String)>,
    /// When the sessions were to expire that began under the keys.
    first: BTreeMap<String, Timestamp>,
    /// Keys that a load of a defective store has locked.
    locked: BTreeSet<String>,
}

/// How long an eventually consistent store shows what was there before.
const LAG: Duration = Duration::from_millis(130);

/// A store on virtual time with at most one defect. If it is to be eventually consistent, its reads
/// lag behind.
pub(crate) struct Faulty {
    defect: Option<Defect>,
    consistency: Consistency,
    clock: VirtualClock,
    tables: Arc<Mutex<Tables>>,
    /// Whether a swap of this instance is under way, for a defect.
    busy: Mutex<bool>,
}

impl Faulty {
    pub(crate) fn new(defect: impl Into<Option<Defect>>, consistency: Consistency, clock: &VirtualClock) -> Self {
        Self {
            defect: defect.into(),
            consistency,
            clock: clock.clone(),
            tables: Arc::default(),
            busy: Mutex::default(),
        }
    }

    /// Another instance on the same tables.
    pub(crate) fn twin(&self) -> Self {
        let tables = if self.has(Defect::InstancesApart) { Arc::default() } else { Arc::clone(&self.tables) };
        Self { tables, ..Self::new(self.defect, self.consistency, &self.clock) }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    fn spelled(&self, key: &StoreKey) -> String {
        let key = key.as_str();
        match self.defect {
            Some(Defect::KeysWithoutCase) => key.to_lowercase(),
            Some(Defect::KeysTrimmed) => key.trim_end().to_owned(),
            Some(Defect::KeysWithoutAccents) => without_accents(key),
            Some(Defect::KeysCutShort) => key.chars().take(255).collect(),
            _ => key.to_owned(),
        }
    }

    fn owner_spelled(&self, owner: &Owner) -> String {
        match self.defect {
            Some(Defect::OwnersWithoutCase) => owner.as_str().to_lowercase(),
            Some(Defect::OwnersWithoutAccents) => without_accents(owner.as_str()),
            Some(Defect::OwnersTrimmed) => owner.as_str().trim().to_owned(),
            _ => owner.as_str().to_owned(),
        }
    }

    fn stored(&self, bytes: &Bytes) -> Bytes {
        match self.defect {
            Some(Defect::TextOnly) => String::from_utf8_lossy(bytes).into_owned().into(),
            Some(Defect::TrimsValues) => bytes.trim_ascii_end().to_vec().into(),
            Some(Defect::CutsAtNul) => bytes.split(|byte| *byte == 0).next().unwrap().to_vec().into(),
            Some(Defect::CutsHugeValues | Defect::RefusesHugeAfterWriting) => bytes.slice(..bytes.len().min(HUGE)),
            Some(Defect::CutsLongValues) => bytes.slice(..bytes.len().min(65_535)),
            _ => bytes.clone(),
        }
    }

    fn compares(&self, held: &[u8], expected: &[u8]) -> bool {
        match self.defect {
            Some(Defect::NoCompare) => true,
            Some(Defect::ComparesLengths) => held.len() == expected.len(),
            Some(Defect::ComparesStarts) => held.iter().zip(expected).take(8).all(|(held, expected)| held == expected),
            Some(Defect::ComparesWithoutCase) => held.eq_ignore_ascii_case(expected),
            Some(Defect::RefusesSameBytes | _) | None => held == expected,
        }
    }

    fn live<'a>(&self, row: Option<&'a Row>) -> Option<&'a Row> {
        row.filter(|row| row.expires_at > self.clock.now() || self.has(Defect::ForgetsExpiryOnLoad))
            .filter(|row| !(row.bytes.is_empty() && self.has(Defect::EmptyIsAbsent)))
    }

    fn find<'a>(&self, tables: &'a Tables, key: &str) -> Option<&'a Row> {
        if let Some((before, changed)) = tables.before.get(key)
            && self.consistency == Consistency::Eventual
            && self.clock.now() < changed.plus(LAG)
        {
            return before.as_ref();
        }
        if self.has(Defect::KeysAsPatterns) {
            return tables.rows.iter().find(|(held, _)| like(held, key)).map(|(_, row)| row);
        }
        tables.rows.get(key)
    }

    /// What is there for a swap, or the answer that it gets.
    fn judge(&self, tables: &Tables, key: &str, expected: Option<&[u8]>, write: &Write) -> Result<(), Swap> {
        let row = self.find(tables, key);
        let live = row.filter(|row| row.expires_at > self.clock.now() || self.has(Defect::ExpiredCanBeSwapped));
        let live = live.filter(|row| !(row.bytes.is_empty() && self.has(Defect::EmptyIsAbsent)));
        let may = match (live, expected) {
            (None, None) => !(row.is_some() && self.has(Defect::ExpiredBlocksCreation)),
            (Some(_), None) => self.has(Defect::CreateOverwrites) || self.has(Defect::NoCompare),
            (None, Some(_)) => self.has(Defect::ExpectedOnAbsentCreates),
            (Some(live), Some(expected)) => {
                self.compares(&live.bytes, expected)
                    && !(self.has(Defect::RefusesSameBytes) && write.bytes == live.bytes)
            }
        };
        if may {
            return Ok(());
        }
        Err(Swap::Conflict(match self.defect {
            Some(Defect::ConflictWithoutBytes) => None,
            Some(Defect::ConflictWithWritten) => Some(write.bytes.clone()),
            Some(Defect::ExpiredInConflict | Defect::ExpiredBlocksCreation) => row.map(|row| row.bytes.clone()),
            _ => live.map(|row| row.bytes.clone()),
        }))
    }

    fn put(&self, tables: &mut Tables, key: &str, write: &Write, bytes: Bytes) {
        let before = tables.rows.get(key).cloned();
        let old_expiry = before.as_ref().map(|row| row.expires_at).filter(|at| *at > self.clock.now());
        let expires_at = match (self.defect, old_expiry) {
            (Some(Defect::FirstExpiryStays), Some(old)) => old,
            (Some(Defect::ExpiryOnlyGrows), Some(old)) => old.max(write.expires_at),
            (Some(Defect::ExpiryIn32Bits), _) => {
                Timestamp::from_millis(write.expires_at.as_millis() / 1000 % (1 << 31) * 1000 + 999)
            }
            _ => write.expires_at,
        };
        if old_expiry.is_none() {
            tables.first.insert(key.to_owned(), write.expires_at);
        }
        tables.before.insert(key.to_owned(), (before.clone(), self.clock.now()));
        tables.rows.insert(key.to_owned(), Row { bytes, expires_at });
        if self.has(Defect::LosesNeighbours) {
            lose_neighbour(tables, key);
        }
        let owner = write.owner.as_ref().map(|owner| self.owner_spelled(owner));
        let keeps = self.has(Defect::FormerOwnerStays) && owner.is_some()
            || self.has(Defect::MarkerKeepsOwner) && owner.is_none();
        if !keeps {
            tables.owners.retain(|(_, held)| held != key);
        }
        let skip = self.has(Defect::OwnersNotListed) || self.has(Defect::OwnersOnlyOnCreation) && before.is_some();
        if let Some(owner) = owner.filter(|_| !skip) {
            tables.owners.insert((owner, key.to_owned()));
        }
    }

    /// Compares and writes, as it should be; or says no more than that it may be written, if a
    /// defect wants a second step.
    fn in_one_step(&self, key: &str, expected: Option<&[u8]>, write: &Write) -> Option<Swap> {
        let mut tables = self.lock();
        if let Err(refused) = self.judge(&tables, key, expected, write) {
            match self.defect {
                Some(Defect::ConflictIsWritten) => self.put(&mut tables, key, write, write.bytes.clone()),
                Some(Defect::ConflictRenewsExpiry) => {
                    tables.rows.entry(key.to_owned()).and_modify(|row| row.expires_at = write.expires_at);
                }
                Some(Defect::RefusedChangesOwner) => {
                    let owner = write.owner.as_ref().map(|owner| owner.as_str().to_owned());
                    owner.map(|owner| tables.owners.insert((owner, key.to_owned())));
                }
                _ => {}
            }
            return Some(refused);
        }
        let in_two_steps = match self.defect {
            Some(Defect::SwapInTwoSteps) => expected.is_some(),
            Some(Defect::CreateInTwoSteps) => expected.is_none(),
            Some(Defect::ExpiredCreateInTwoSteps) => expected.is_none() && tables.rows.contains_key(key),
            Some(Defect::LocksOneInstance | Defect::RacesBetweenThreads | Defect::WritesInTwoHalves) => true,
            _ => false,
        };
        if in_two_steps {
            return None;
        }
        let bytes = self.stored(&write.bytes);
        self.put(&mut tables, key, write, bytes);
        Some(Swap::Done)
    }

    /// What happens between the two steps of a swap; what others do in between isn't looked at
    /// again.
    async fn come_in_between(&self, key: &str, write: &Write) {
        if self.has(Defect::RacesBetweenThreads) {
            // Nothing else can come in between in this thread.
            std::thread::sleep(Duration::from_micros(200));
            return;
        }
        if self.has(Defect::WritesInTwoHalves) {
            let half = write.bytes.slice(..write.bytes.len() / 2);
            self.put(&mut self.lock(), key, write, half);
        }
        self.pause().await;
    }

    /// What a swap says that was done.
    async fn answer(&self, key: &str, write: &Write) -> Result<Swap, StoreError> {
        if self.has(Defect::OwnersGapOnWrite) {
            self.list_late(key, write).await;
        }
        if self.has(Defect::RefusesHugeAfterWriting) && write.bytes.len() > HUGE {
            return Err(StoreError::unavailable("planted"));
        }
        Ok(Swap::Done)
    }

    /// Takes a session off its owner's list for a moment.
    async fn list_late(&self, key: &str, write: &Write) {
        let Some(owner) = &write.owner else { return };
        let entry = (owner.as_str().to_owned(), key.to_owned());
        self.lock().owners.remove(&entry);
        self.pause().await;
        let mut tables = self.lock();
        if tables.rows.get(key).is_some_and(|row| row.bytes == write.bytes) {
            tables.owners.insert(entry);
        }
    }

    async fn pause(&self) {
        tokio::task::yield_now().await;
    }
}

/// What some column types hold at most.
const HUGE: usize = 1_000_000;

/// As a collation that ignores accents reads a string.
fn without_accents(text: &str) -> String {
    text.replace('\u{301}', "").replace('\u{e9}', "e").replace('\u{c9}', "E")
}

fn lose_neighbour(tables: &mut Tables, key: &str) {
    let neighbour = tables.rows.keys().rev().find(|held| *held != key).cloned();
    neighbour.map(|neighbour| tables.rows.remove(&neighbour));
}

/// `held LIKE key`, as a database that takes keys for patterns sees it.
fn like(held: &str, key: &str) -> bool {
    held.len() == key.len() && held.bytes().zip(key.bytes()).all(|(held, key)| key == b'_' || held == key)
}

impl Store for Faulty {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        if self.has(Defect::LoadFails) {
            return Err(StoreError::unavailable("planted"));
        }
        if self.has(Defect::LoadNeverAnswers) {
            pending::<()>().await;
        }
        if self.has(Defect::DroppedLoadKeepsLock) {
            let key = self.spelled(key);
            while !self.lock().locked.insert(key.clone()) {
                self.pause().await;
            }
            self.pause().await;
            self.lock().locked.remove(&key);
        }
        let (key, tables) = (self.spelled(key), self.lock());
        let row = match tables.before.get(&key) {
            Some((before, _)) if self.has(Defect::StaleReads) => before.as_ref(),
            _ => self.find(&tables, &key),
        };
        let off = if self.has(Defect::ReportsOtherExpiry) { Duration::from_mins(1) } else { Duration::ZERO };
        Ok(self.live(row).map(|row| Loaded { bytes: row.bytes.clone(), expires_at: Some(row.expires_at.plus(off)) }))
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        let key = self.spelled(key);
        if self.has(Defect::RefusesPastExpiry) && write.expires_at <= self.clock.now() {
            return Err(StoreError::unavailable("planted"));
        }
        if self.has(Defect::RefusesNever) && write.expires_at == Timestamp::MAX {
            return Err(StoreError::unavailable("planted"));
        }
        if self.has(Defect::SwapNeverAnswers) {
            pending::<()>().await;
        }
        if self.has(Defect::RefusesHugeAsUnknown) && write.bytes.len() > HUGE {
            return Err(StoreError::unknown("planted"));
        }
        if self.has(Defect::LocksOneInstance) {
            while std::mem::replace(&mut *self.busy.lock().unwrap(), true) {
                self.pause().await;
            }
        }
        match self.in_one_step(&key, expected, &write) {
            Some(Swap::Done) => self.answer(&key, &write).await,
            Some(refused) => {
                *self.busy.lock().unwrap() = false;
                Ok(refused)
            }
            None => {
                self.come_in_between(&key, &write).await;
                let bytes = self.stored(&write.bytes);
                self.put(&mut self.lock(), &key, &write, bytes);
                *self.busy.lock().unwrap() = false;
                Ok(Swap::Done)
            }
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        if self.has(Defect::DroppedDeleteIsHalf) {
            let emptied = self.lock().rows.get_mut(&self.spelled(key)).map(|row| row.bytes = Bytes::new());
            if emptied.is_some() {
                self.pause().await;
            }
        }
        let (key, mut tables) = (self.spelled(key), self.lock());
        if self.has(Defect::DeleteDoesNothing) {
            return Ok(());
        }
        if self.has(Defect::DeleteTakesNeighbour) {
            lose_neighbour(&mut tables, &key);
        }
        if self.has(Defect::DeleteByPrefix) {
            tables.rows.retain(|held, _| !held.starts_with(&key));
        }
        let before = tables.rows.remove(&key);
        if before.is_none() && self.has(Defect::DeleteOfAbsentFails) {
            return Err(StoreError::unavailable("planted"));
        }
        tables.before.insert(key.clone(), (before, self.clock.now()));
        if !self.has(Defect::DeletedStaysListed) {
            tables.owners.retain(|(_, held)| *held != key);
        }
        Ok(())
    }

    fn consistency(&self) -> Consistency {
        self.consistency
    }

    fn owners(&self) -> Option<Owners<'_>> {
        Some(self)
    }

    fn purger(&self) -> Option<Purger<'_>> {
        Some(self)
    }
}

impl Purge for Faulty {
    fn purge(&self) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async {
            let has_expired = |row: &Row| row.expires_at <= self.clock.now();
            let mut gone: Vec<_> = {
                let tables = self.lock();
                let gone = tables.rows.iter().filter(|(_, row)| has_expired(row)).map(|(key, _)| key.clone());
                gone.collect()
            };
            match self.defect {
                Some(Defect::PurgeDoesNothing) => return Ok(0),
                Some(Defect::PurgeTakesLiving) => gone.extend(self.lock().rows.keys().next_back().cloned()),
                Some(Defect::PurgeLeavesOwned) => {
                    let tables = self.lock();
                    gone.retain(|key| !tables.owners.iter().any(|(_, held)| held == key));
                }
                Some(Defect::PurgeInTwoSteps) => self.pause().await,
                Some(Defect::PurgeByFirstExpiry) => {
                    let tables = self.lock();
                    let first = tables.first.iter().filter(|(_, first)| **first <= self.clock.now());
                    gone.extend(first.map(|(key, _)| key.clone()));
                }
                Some(Defect::PurgeTakesOldMarkers) => {
                    let tables = self.lock();
                    let old = tables.rows.iter().filter(|(_, row)| is_old_marker(row, self.clock.now()));
                    gone.extend(old.map(|(key, _)| key.clone()));
                }
                _ => {}
            }
            let mut tables = self.lock();
            for key in &gone {
                tables.rows.remove(key);
                tables.before.remove(key);
                tables.owners.retain(|(_, held)| held != key);
            }
            Ok(if self.has(Defect::PurgeCountsOne) { 1 } else { gone.len() })
        })
    }
}

/// Whether a row is a marker that does not count any more.
fn is_old_marker(row: &Row, now: Timestamp) -> bool {
    let text = String::from_utf8_lossy(&row.bytes);
    let until = text.split_once("\"until\":").map(|(_, rest)| rest.trim_end_matches('}'));
    until.and_then(|until| until.parse().ok()).is_some_and(|until| Timestamp::from_millis(until) <= now)
}

impl OwnerIndex for Faulty {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        let owner = self.owner_spelled(owner);
        let tables = self.lock();
        if self.has(Defect::UnknownOwnerFails) && !tables.owners.iter().any(|(held, _)| *held == owner) {
            return Box::pin(async { Err(StoreError::unavailable("planted")) });
        }
        let entries = tables
            .owners
            .iter()
            .filter(|(held, _)| *held == owner || self.has(Defect::OwnersByPrefix) && held.starts_with(&owner));
        let mut keys: Vec<_> = entries.map(|(_, key)| StoreKey::new(key)).collect();
        if self.has(Defect::OwnersListedTwice) {
            keys.extend(keys.clone());
        }
        if self.has(Defect::OwnersListCut) {
            keys.truncate(100);
        }
        Box::pin(async { Ok(keys) })
    }
}
