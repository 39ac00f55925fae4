//! Swaps: which commands each kind of write takes.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use okibi_store::{StoreError, Swap, Write, system_time};
use redis::{Cmd, Value};

use crate::{
    RedisStore, bytes_in,
    entry::{Listing, has_note, list_of, marked, note_of, parts_of},
    error::CommandError,
    script::{LIST, REPLACE, SWAP, SWAP_LISTED},
};

impl RedisStore {
    /// Writes if the key still holds what is expected.
    pub(crate) async fn swap_any(&self, key: &str, expected: Option<&[u8]>, write: &Write) -> Result<Swap, StoreError> {
        match (expected, &write.owner) {
            (Some(expected), owner) if write.keeps && (owner.is_none() || has_note(key)) => {
                self.replace(key, expected, &write.bytes).await
            }
            (None, None) => Ok(self.create(key, write).await?),
            (_, None) => {
                let (swap, former) = self.swap_record(key, expected, write, None).await?;
                self.remove_former(key, former, None);
                Ok(swap)
            }
            (_, Some(owner)) => {
                let listing = Listing::of(key, &write.bytes, owner);
                self.swap_owned(key, expected, write, listing).await
            }
        }
    }

    /// Writes the bytes only, because owner and expiry stay: the note and the entry too.
    ///
    /// Newer servers compare within `SET`. Others answer that they do not know the option, and have
    /// written nothing.
    async fn replace(&self, key: &str, expected: &[u8], bytes: &Bytes) -> Result<Swap, StoreError> {
        if self.compares_in_set.load(Ordering::Relaxed) {
            let mut command = Cmd::with_capacity(6, key.len() + bytes.len() + expected.len() + 60);
            command.arg("SET").arg(key).arg(&bytes[..]).arg("IFEQ").arg(expected).arg("KEEPTTL");
            match self.transport.send_once(key, &command).await {
                Ok(Value::Okay) => return Ok(Swap::Done),
                // Nothing was written. What the key holds is for the caller to know.
                Ok(Value::Nil) => {
                    return self.get(key).await.map(Swap::Conflict).map_err(CommandError::before_write);
                }
                Ok(_) => return Err(CommandError::Unexpected.into()),
                Err(error) => {
                    let is_unknown_option = error.is_unknown_option();
                    // Another message of a server that does not know the option is an unknown
                    // outcome now, and the script's at the next swap.
                    if is_unknown_option || error.is_plain() {
                        self.compares_in_set.store(false, Ordering::Relaxed);
                    }
                    if !is_unknown_option {
                        return Err(error.into());
                    }
                }
            }
        }
        match self.run(&REPLACE, &[key], &[bytes, expected]).await? {
            Value::Int(1) => Ok(Swap::Done),
            held => Ok(Swap::Conflict(bytes_in(held)?)),
        }
    }

    /// Writes the record of a new session that has no owner.
    async fn create(&self, key: &str, write: &Write) -> Result<Swap, CommandError> {
        let mut command = Cmd::with_capacity(7, key.len() + write.bytes.len() + 80);
        command.arg("SET").arg(key).arg(&write.bytes[..]).arg("NX").arg("GET");
        command.arg("PXAT").arg(write.expires_at.as_millis());
        // With `GET` the answer is what the key held before.
        Ok(match bytes_in(self.transport.send_once(key, &command).await?)? {
            None => Swap::Done,
            held => Swap::Conflict(held),
        })
    }

    /// Writes a record and its note, and returns the former note if that changes. If there is a
    /// listing, its entry is on the list already.
    async fn swap_record(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        listing: Option<&Listing>,
    ) -> Result<(Swap, Option<Bytes>), CommandError> {
        let expires_at = write.expires_at.as_millis().to_string();
        let note = listing.map_or("", |listing| &listing.note);
        let values = [&write.bytes, expires_at.as_bytes(), note.as_bytes()];
        let values: Vec<&[u8]> = values.into_iter().chain(expected).collect();
        let beside = note_of(key);
        let keys: Vec<&str> = std::iter::once(key).chain(beside.as_deref()).collect();
        let answer = match self.run(&SWAP, &keys, &values).await {
            // While a cluster moves a slot, a command may name one key only. The note goes first,
            // so that no session is missing from the list.
            Err(error) if error.is_slot_moving() => {
                if let (Some(beside), Some(listing)) = (&beside, listing) {
                    let mut command = redis::cmd("SET");
                    command.arg(beside).arg(&listing.note).arg("PXAT").arg(&expires_at);
                    self.transport.send_idempotent(beside, &command).await?;
                }
                self.run(&SWAP, &[key], &values).await?
            }
            answer => answer?,
        };
        swapped(answer)
    }

    /// Writes the record of an owner's session, its note and its entry.
    async fn swap_owned(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        listing: Listing,
    ) -> Result<Swap, StoreError> {
        if !self.is_cross_slot.load(Ordering::Relaxed) {
            match self.swap_listed(key, expected, write, &listing).await {
                // A proxy in front of several servers.
                Err(error) if error.is_cross_slot() => self.is_cross_slot.store(true, Ordering::Relaxed),
                Err(error) => return Err(error.into()),
                Ok((swap, former)) => {
                    self.remove_former(key, former, None);
                    return Ok(swap);
                }
            }
        }
        // The entry goes before the record, so that no session is missing from the list.
        let expires_at = write.expires_at.as_millis().to_string();
        let now = system_time().as_millis().to_string();
        let values = [&now, &expires_at, &listing.entry].map(String::as_bytes);
        self.run(&LIST, &[&listing.list], &values).await.map_err(CommandError::before_write)?;
        let (swap, former) = self.swap_record(key, expected, write, Some(&listing)).await?;
        self.remove_former(key, former, Some(&listing));
        if matches!(swap, Swap::Conflict(_)) {
            self.remove_refused(key, listing);
        }
        Ok(swap)
    }

    /// Writes record, note and entry in one step, and returns the note of another owner.
    async fn swap_listed(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        write: &Write,
        Listing { list, entry, note }: &Listing,
    ) -> Result<(Swap, Option<Bytes>), CommandError> {
        let expires_at = write.expires_at.as_millis().to_string();
        let now = system_time().as_millis().to_string();
        let texts = [expires_at.as_str(), &now, entry, note].map(str::as_bytes);
        let values: Vec<&[u8]> = [&write.bytes[..]].into_iter().chain(texts).chain(expected).collect();
        let beside = note_of(key);
        let keys: Vec<&str> = [key, list].into_iter().chain(beside.as_deref()).collect();
        swapped(self.run(&SWAP_LISTED, &keys, &values).await?)
    }

    /// Removes the entry that a former note names, unless it is the entry of this listing.
    pub(crate) fn remove_former(&self, key: &str, former: Option<Bytes>, listing: Option<&Listing>) {
        // okibi writes notes as UTF-8 only.
        let Some(former) = former.and_then(|former| String::from_utf8(former.into()).ok()) else { return };
        let Some((digest, owner)) = parts_of(&former) else { return };
        let (list, entry) = (list_of(owner), marked(digest, key));
        if listing.is_none_or(|listing| listing.list != list || listing.entry != entry) {
            self.remove_entry(list, entry);
        }
    }

    /// Removes, in the background, the entry of a write that was refused. A note that names it says
    /// that an earlier copy of that write was done, and then the entry belongs to the session.
    fn remove_refused(&self, key: &str, Listing { list, entry, note }: Listing) {
        let Some(beside) = note_of(key) else { return };
        let transport = self.transport.clone();
        tokio::spawn(async move {
            let held = transport.send_idempotent(&beside, redis::cmd("GET").arg(&beside)).await;
            if held.and_then(bytes_in).is_ok_and(|held| held.is_none_or(|held| held != note)) {
                let _ = transport.send_idempotent(&list, redis::cmd("ZREM").arg(&list).arg(entry)).await;
            }
        });
    }

    /// Removes an entry from a list, in the background. An entry that stays opens nothing and
    /// expires.
    fn remove_entry(&self, list: String, entry: String) {
        let transport = self.transport.clone();
        tokio::spawn(async move {
            let _ = transport.send_idempotent(&list, redis::cmd("ZREM").arg(&list).arg(entry)).await;
        });
    }
}

/// The result of a script that swaps, with the former note.
fn swapped(answer: Value) -> Result<(Swap, Option<Bytes>), CommandError> {
    match answer {
        Value::Int(1) => Ok((Swap::Done, None)),
        Value::Array(former) => former_in(former).map(|former| (Swap::Done, Some(former))),
        held => bytes_in(held).map(|held| (Swap::Conflict(held), None)),
    }
}

/// The note in an answer that is a list of one.
pub(crate) fn former_in(values: Vec<Value>) -> Result<Bytes, CommandError> {
    let [former] = <[Value; 1]>::try_from(values).map_err(|_| CommandError::Unexpected)?;
    bytes_in(former)?.ok_or(CommandError::Unexpected)
}
