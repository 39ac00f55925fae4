//! The sessions of one owner: to be listed and ended, from inside a request or from anywhere else.

use std::{collections::HashSet, fmt, sync::Arc, time::SystemTime};

use okibi_core::{Answer, Flow, Handle, Owner, Random, Refusal, Step, StoreKey, Summary, Text, Timestamp};

use crate::{
    Error, ErrorKind,
    at_once::each,
    call::{Deadline, Keeper, ask_directly, no_such_update, run},
    shared::Shared,
    trace,
};

/// A session in a list of one owner's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its public name, for revoking it. It opens nothing.
    pub handle: Handle,
    /// When it began.
    pub created: SystemTime,
    /// When it was last active, as of its last touch.
    pub last_active: SystemTime,
    /// When it ends if nothing happens.
    pub expires_at: SystemTime,
    /// Its label.
    pub label: Option<String>,
    /// Whether it is the current session.
    pub current: bool,
}

/// Lists and revokes the sessions of one owner, outside any request: for admin pages and background jobs.
///
/// Every call asks the store, and fails with [`UnsupportedByStore`](ErrorKind::UnsupportedByStore) if that has no index of owners or if the
/// cookie is the store. A list of n sessions costs a round trip for the list and n to load them, 16 at a time; an end of one
/// costs three more. Made by [`SessionLayer::directory`](crate::SessionLayer::directory).
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

impl Directory {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The live sessions of `owner`, the most recently active first.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore), or the store's failure.
    pub async fn list(&self, owner: &str) -> Result<Vec<SessionInfo>, Error> {
        list(&self.shared, owner, None).await
    }

    /// Revokes one session of `owner` and says whether there was one. A request of it that is under way cannot revive it.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore), or the store's failure.
    pub async fn revoke(&self, owner: &str, handle: Handle) -> Result<bool, Error> {
        revoke(&self.shared, owner, handle).await
    }

    /// Revokes all sessions of `owner` and says how many: "log out everywhere". Lists again until none is left.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore), or the store's failure.
    pub async fn revoke_all(&self, owner: &str) -> Result<usize, Error> {
        revoke_all_except(&self.shared, owner, None).await
    }

    /// Revokes all sessions of `owner` except this one and says how many.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore), or the store's failure.
    pub async fn revoke_all_except(&self, owner: &str, handle: Handle) -> Result<usize, Error> {
        revoke_all_except(&self.shared, owner, Some(handle)).await
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("cookie", &self.shared.engine.cookie_name()).finish_non_exhaustive()
    }
}

pub(crate) async fn list(shared: &Shared, owner: &str, current: Option<Handle>) -> Result<Vec<SessionInfo>, Error> {
    let found = verified(shared, &Owner::new(owner)).await?;
    let mut list: Vec<SessionInfo> = found.into_iter().map(|(_, summary)| info(summary, current)).collect();
    list.sort_by_key(|session| std::cmp::Reverse((session.last_active, session.created)));
    Ok(list)
}

pub(crate) async fn revoke(shared: &Shared, owner: &str, handle: Handle) -> Result<bool, Error> {
    let found = verified(shared, &Owner::new(owner)).await?;
    match found.into_iter().find(|(_, summary)| summary.handle == handle) {
        Some((key, _)) => end_key(shared, key).await.map(|()| true),
        None => Ok(false),
    }
}

pub(crate) async fn revoke_all_except(shared: &Shared, owner: &str, kept: Option<Handle>) -> Result<usize, Error> {
    let owner = Owner::new(owner);
    let mut deadline = Deadline::of(shared);
    let mut ended = 0;
    // Once one of several may be over, nobody may be told that nothing was written.
    let told = |error: Error, alone: bool| match error.kind() {
        ErrorKind::StoreUnavailable if !alone => shared.fail(Refusal::StoreUnknown).with_source(error),
        _ => error,
    };
    loop {
        let mut found = verified(shared, &owner).await.map_err(|error| told(error, ended == 0))?;
        found.retain(|(_, summary)| Some(summary.handle) != kept);
        if found.is_empty() {
            return Ok(ended);
        }
        // However many there were: only those that keep appearing run into the deadline.
        if deadline.has_passed().await {
            return Err(shared.fail(Refusal::Conflict));
        }
        let alone = ended == 0 && found.len() == 1;
        let gone = each(found, |(key, _)| end_key(shared, key)).await.map_err(|error| told(error, alone))?;
        ended += gone.len();
    }
}

/// How often a list that goes on changing is looked at, however long that takes.
const FEWEST_LOOKS: u32 = 8;

/// The keys in the store's index that really lead to live sessions of `owner`.
///
/// A session that moves to another id between the list and the look at it is under neither key: it was on the list by the
/// one and is by the other. So where a key leads nowhere any more the list is asked for again, until it names no such key
/// that was not known before.
async fn verified(shared: &Shared, owner: &Owner) -> Result<Vec<(StoreKey, Summary)>, Error> {
    // What a sealed session has in a store is a note of its end, and nothing that could be listed.
    let store = shared.store.as_deref().filter(|_| !shared.engine.is_sealed());
    let store = store.ok_or_else(|| shared.fail(no_owners()))?;
    let owners = store.owners().ok_or_else(|| shared.fail(no_owners()))?;
    let mut deadline = Deadline::of(shared);
    let mut gone = HashSet::new();
    let stored = shared.engine.stored_owner(owner);
    let mut looks = 0;
    loop {
        looks += 1;
        let mut listed = ask_directly(shared, owners.list(&stored)).await?;
        // A key that an index repeats is one session.
        let mut named = HashSet::new();
        listed.retain(|key| named.insert(key.clone()));
        let looked_at = each(listed, |key| async move {
            let loaded = ask_directly(shared, store.load(&key)).await?;
            let summary = loaded.and_then(|loaded| shared.engine.summary(&key, &loaded.bytes, owner, shared.now()));
            Ok::<_, Error>((key, summary))
        });
        let (mut found, mut has_moved) = (Vec::new(), false);
        for (key, summary) in looked_at.await? {
            match summary {
                Some(summary) => found.push((key, summary)),
                None => has_moved |= gone.insert(key),
            }
        }
        if !has_moved {
            return Ok(found);
        }
        // Where each look takes longer than that, a store may name other keys that lead nowhere each time, as many as it has no
        // time to look at.
        if deadline.has_passed().await && looks >= FEWEST_LOOKS {
            return Err(shared.fail(Refusal::Conflict));
        }
    }
}

async fn end_key(shared: &Shared, key: StoreKey) -> Result<(), Error> {
    let mut flow = Flow::default();
    let step = shared.engine.revoke(&mut flow, key);
    let result = run(shared, step, Random::none(), &mut Ending { shared, flow: &mut flow }).await;
    trace::events(shared, flow.take_events());
    if let Err(error) = &result {
        trace::failure(shared.engine.cookie_name(), "revoke", error);
    }
    result
}

fn no_owners() -> Error {
    Error::new(
        ErrorKind::UnsupportedByStore,
        "sessions of an owner: this store cannot list them; use a store with an index of owners",
    )
}

fn info(summary: Summary, current: Option<Handle>) -> SessionInfo {
    SessionInfo {
        handle: summary.handle,
        created: summary.created.into(),
        last_active: summary.last_active.into(),
        expires_at: summary.expires_at.into(),
        label: summary.label,
        current: current == Some(summary.handle),
    }
}

/// Ends a session that is not the request's own.
struct Ending<'a> {
    shared: &'a Shared,
    flow: &'a mut Flow,
}

impl Keeper for Ending<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut Random) -> Result<Step, Refusal> {
        self.shared.engine.answer(self.flow, answer, now, random)
    }

    fn out_of_time(&mut self) -> Refusal {
        self.shared.engine.out_of_time(self.flow)
    }

    fn recompute(&mut self, _token: u32, _current: Option<&Text>) -> Result<Answer, Error> {
        Err(self.shared.fail(no_such_update()))
    }
}
