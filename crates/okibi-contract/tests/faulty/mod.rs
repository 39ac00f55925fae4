//! A small honest store, and the defects that can be planted in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use okibi_contract::VirtualClock;
use okibi_store::{
    BoxFuture, Bytes, Consistency, Loaded, Owner, OwnerIndex, Owners, Store, StoreError, StoreKey, Swap, Timestamp,
    Write,
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
    EmptyIsAbsent,
    ComparesLengths,
    ComparesStarts,
    ComparesWithoutCase,
    KeysWithoutCase,
    KeysCutShort,
    KeysAsPatterns,
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
    // At once.
    SwapInTwoSteps,
    CreateInTwoSteps,
    ExpiredCreateInTwoSteps,
    WritesInTwoHalves,
    LosesNeighbours,
    StaleReads,
    RacesBetweenThreads,
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
}

/// How long an eventually consistent store shows what was there before.
const LAG: Duration = Duration::from_millis(130);

/// A store on virtual time with at most one defect. If it is to be eventually consistent, its reads lag behind.
pub(crate) struct Faulty {
    defect: Option<Defect>,
    consistency: Consistency,
    clock: VirtualClock,
    tables: Mutex<Tables>,
}

impl Faulty {
    pub(crate) fn new(defect: impl Into<Option<Defect>>, consistency: Consistency, clock: &VirtualClock) -> Self {
        Self { defect: defect.into(), consistency, clock: clock.clone(), tables: Mutex::default() }
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
            Some(Defect::KeysCutShort) => key.chars().take(255).collect(),
            _ => key.to_owned(),
        }
    }

    fn owner_spelled(&self, owner: &Owner) -> String {
        match self.defect {
            Some(Defect::OwnersWithoutCase) => owner.as_str().to_lowercase(),
            Some(Defect::OwnersTrimmed) => owner.as_str().trim().to_owned(),
            _ => owner.as_str().to_owned(),
        }
    }

    fn stored(&self, bytes: &Bytes) -> Bytes {
        match self.defect {
            Some(Defect::TextOnly) => String::from_utf8_lossy(bytes).into_owned().into(),
            Some(Defect::TrimsValues) => bytes.trim_ascii_end().to_vec().into(),
            Some(Defect::CutsAtNul) => bytes.split(|byte| *byte == 0).next().unwrap().to_vec().into(),
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

    async fn pause(&self) {
        tokio::task::yield_now().await;
    }
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
        let judged = self.judge(&self.lock(), &key, expected, &write);
        if let Err(refused) = judged {
            let mut tables = self.lock();
            match self.defect {
                Some(Defect::ConflictIsWritten) => self.put(&mut tables, &key, &write, write.bytes.clone()),
                Some(Defect::ConflictRenewsExpiry) => {
                    tables.rows.entry(key).and_modify(|row| row.expires_at = write.expires_at);
                }
                Some(Defect::RefusedChangesOwner) => {
                    let owner = write.owner.as_ref().map(|owner| owner.as_str().to_owned());
                    owner.map(|owner| tables.owners.insert((owner, key)));
                }
                _ => {}
            }
            return Ok(refused);
        }
        let slow = match self.defect {
            Some(Defect::SwapInTwoSteps) => expected.is_some(),
            Some(Defect::CreateInTwoSteps) => expected.is_none(),
            Some(Defect::ExpiredCreateInTwoSteps) => expected.is_none() && self.lock().rows.contains_key(&key),
            _ => false,
        };
        if slow {
            // Others come in between, and what they did isn't looked at again.
            self.pause().await;
        } else if self.has(Defect::RacesBetweenThreads) {
            // Nothing else can come in between in this thread.
            std::thread::sleep(Duration::from_micros(200));
        } else if self.has(Defect::WritesInTwoHalves) {
            let half = write.bytes.slice(..write.bytes.len() / 2);
            self.put(&mut self.lock(), &key, &write, half);
            self.pause().await;
        }
        let bytes = self.stored(&write.bytes);
        self.put(&mut self.lock(), &key, &write, bytes);
        Ok(Swap::Done)
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
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
