//! The list of an owner's sessions.
//!
//! An entry says where to look, and the note beside the record says which owner the session has.
//! Note and record change in one step. So the list is exact, even if it has entries of other
//! sessions.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::try_join_all;
use okibi_store::{BoxFuture, Owner, OwnerIndex, StoreError, StoreKey, system_time};
use redis::{Cmd, Value};

use crate::{
    RedisStore, bytes_in,
    entry::{key_in, list_of, note_of, parts_of},
    error::CommandError,
};

/// Most reads of one list while sessions move.
const MOST_LOOKS: u32 = 8;
/// Longest time to check the sessions on a list. It is half of the default store timeout.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Sessions on a list that are checked with one command.
const PAGE: usize = 500;

impl OwnerIndex for RedisStore {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move { Ok(self.list(owner.as_str()).await?) })
    }
}

impl RedisStore {
    /// The keys on an owner's list with a note that names the owner.
    ///
    /// Other keys are being written, moved to another key, or ended. A write adds its entry to the
    /// list before it writes the record. So the list is read again and the other keys are checked
    /// again, until no key appears that is not the owner's. If that takes long, the remaining keys
    /// are returned unchecked: the caller checks each of them.
    async fn list(&self, owner: &str) -> Result<Vec<StoreKey>, CommandError> {
        let began = Instant::now();
        let (mut theirs, mut known, mut appeared) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for _ in 0..MOST_LOOKS {
            let named: Vec<StoreKey> = self.named(owner).await?.difference(&theirs).cloned().collect();
            let mut others = BTreeSet::new();
            for (at, page) in named.chunks(PAGE).enumerate() {
                if at > 0 && began.elapsed() > LONGEST_LOOK {
                    theirs.extend(named.iter().skip(at * PAGE).cloned());
                    break;
                }
                let notes: Vec<Option<String>> = page.iter().map(|key| note_of(key.as_str())).collect();
                let asked = page.iter().zip(&notes).map(|(key, note)| note.as_deref().unwrap_or(key.as_str()));
                let held = self.get_all(&asked.collect::<Vec<_>>()).await?;
                for ((key, note), held) in page.iter().zip(notes).zip(held) {
                    let is_theirs = held.is_some_and(|held| note.is_none() || owner_in(&held) == Some(owner));
                    if is_theirs { &mut theirs } else { &mut others }.insert(key.clone());
                }
            }
            appeared = others.difference(&known).cloned().collect();
            if appeared.is_empty() || began.elapsed() > LONGEST_LOOK {
                break;
            }
            known = others;
        }
        // Keys that appeared in the last read are returned too.
        theirs.extend(appeared);
        Ok(theirs.into_iter().collect())
    }

    /// The keys that the entries of an owner's list name.
    async fn named(&self, owner: &str) -> Result<BTreeSet<StoreKey>, CommandError> {
        let list = list_of(owner);
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(&list).arg(system_time().as_millis()).arg("+inf");
        let Value::Array(entries) = self.transport.send_idempotent(&list, &command).await? else {
            return Err(CommandError::Unexpected);
        };
        let key = |entry| bytes_in(entry).ok().flatten().and_then(|bytes| key_in(std::str::from_utf8(&bytes).ok()?));
        Ok(entries.into_iter().filter_map(key).collect())
    }

    /// What each of these keys holds.
    async fn get_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, CommandError> {
        if !self.is_cross_slot.load(Ordering::Relaxed) {
            let mut command = redis::cmd("MGET");
            command.arg(keys);
            match self.transport.send_idempotent(keys.first().copied().unwrap_or_default(), &command).await {
                Ok(Value::Array(held)) if held.len() == keys.len() => return held.into_iter().map(bytes_in).collect(),
                Ok(_) => return Err(CommandError::Unexpected),
                // A proxy in front of several servers.
                Err(error) if error.is_cross_slot() => self.is_cross_slot.store(true, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        try_join_all(keys.iter().map(|key| self.get(key))).await
    }
}

/// The owner in a note.
fn owner_in(note: &[u8]) -> Option<&str> {
    parts_of(std::str::from_utf8(note).ok()?).map(|(_, owner)| owner)
}
