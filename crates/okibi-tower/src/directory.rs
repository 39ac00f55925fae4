//! Lists and revokes the sessions of one owner, inside a request or outside.

use std::{collections::HashSet, fmt, sync::Arc, time::SystemTime};

use okibi_core::{Answer, Flow, Handle, Op, Owner, Random, Refusal, Step, StoreKey, Summary, Text, Timestamp};

use crate::{
    Error, ErrorKind,
    concurrent::map_concurrently,
    driver::{Deadline, Task, call_directly, run, unknown_update},
    shared::Shared,
    trace,
};

/// A session in a list of an owner's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its handle. Pass it to `revoke`. It does not open the session.
    pub handle: Handle,
    /// When it was created.
    pub created: SystemTime,
    /// Its last-active time, as last written.
    pub last_active: SystemTime,
    /// When it expires if there is no further activity.
    pub expires_at: SystemTime,
    /// Its label.
    pub label: Option<String>,
    /// Whether it is the current session.
    pub current: bool,
}

/// Lists and revokes the sessions of one owner, outside any request: for admin pages and background
/// jobs.
///
/// Every call fails with [`UnsupportedByStore`](ErrorKind::UnsupportedByStore) if the store has no
/// index by owner, or if sessions are sealed, and with [`InvalidOwner`](ErrorKind::InvalidOwner) if
/// the owner is empty or longer than 256 bytes. A list of n sessions takes 1 + n store calls; the n
/// loads run 16 at a time. Revoking one session takes three more calls. Made by
/// [`SessionLayer::directory`](crate::SessionLayer::directory).
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

impl Directory {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Lists the live sessions of `owner`, the most recently active first.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore),
    /// [`InvalidOwner`](ErrorKind::InvalidOwner), or the store's error.
    pub async fn list(&self, owner: &str) -> Result<Vec<SessionInfo>, Error> {
        list(&self.shared, owner, None).await
    }

    /// Revokes one session of `owner`. Returns whether there was one. A concurrent request of that
    /// session cannot write it again.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore),
    /// [`InvalidOwner`](ErrorKind::InvalidOwner), or the store's error.
    pub async fn revoke(&self, owner: &str, handle: Handle) -> Result<bool, Error> {
        revoke(&self.shared, owner, handle).await
    }

    /// Revokes all sessions of `owner` ("log out everywhere"). Returns how many. It repeats the
    /// list until none is left.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore),
    /// [`InvalidOwner`](ErrorKind::InvalidOwner), or the store's error.
    pub async fn revoke_all(&self, owner: &str) -> Result<usize, Error> {
        revoke_all_except(&self.shared, owner, None).await
    }

    /// Revokes all sessions of `owner` except the one with this handle. Returns how many.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](ErrorKind::UnsupportedByStore),
    /// [`InvalidOwner`](ErrorKind::InvalidOwner), or the store's error.
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
    let found = live_sessions(shared, &Owner::new(owner)).await?;
    let mut list: Vec<SessionInfo> = found.into_iter().map(|(_, summary)| info(summary, current)).collect();
    list.sort_by_key(|session| std::cmp::Reverse((session.last_active, session.created)));
    Ok(list)
}

pub(crate) async fn revoke(shared: &Shared, owner: &str, handle: Handle) -> Result<bool, Error> {
    let found = live_sessions(shared, &Owner::new(owner)).await?;
    match found.into_iter().find(|(_, summary)| summary.handle == handle) {
        Some((key, _)) => end_key(shared, key).await.map(|()| true),
        None => Ok(false),
    }
}

pub(crate) async fn revoke_all_except(shared: &Shared, owner: &str, except: Option<Handle>) -> Result<usize, Error> {
    let owner = Owner::new(owner);
    let mut deadline = Deadline::of(shared);
    let mut ended = 0;
    // `StoreUnavailable` says that nothing was written. If one of several sessions may have been
    // revoked, the outcome is unknown.
    let with_outcome = |error: Error, is_only: bool| match error.kind() {
        ErrorKind::StoreUnavailable if !is_only => shared.fail(Refusal::StoreUnknown).with_source(error),
        _ => error,
    };
    loop {
        let mut found = live_sessions(shared, &owner).await.map_err(|error| with_outcome(error, ended == 0))?;
        found.retain(|(_, summary)| Some(summary.handle) != except);
        if found.is_empty() {
            return Ok(ended);
        }
        // The deadline is checked between two rounds only. So any number of sessions can be
        // revoked, and only sessions that keep appearing reach it.
        if deadline.has_passed().await {
            return Err(shared.fail(Refusal::Conflict));
        }
        let is_only = ended == 0 && found.len() == 1;
        let absent = map_concurrently(found, |(key, _)| end_key(shared, key))
            .await
            .map_err(|error| with_outcome(error, is_only))?;
        ended += absent.len();
    }
}

/// A list that keeps changing is read at least this many times, also after the deadline.
const MIN_ROUNDS: u32 = 8;

/// The keys in the store's index under which live sessions of `owner` are stored.
///
/// A session can get another id between the list and the load. Then its old key is on the list, and
/// its new key is not. So if a listed key has no session, the list is read again, until it has no
/// new key without a session.
async fn live_sessions(shared: &Shared, owner: &Owner) -> Result<Vec<(StoreKey, Summary)>, Error> {
    // The store of sealed sessions holds only revocations, which cannot be listed.
    let store = shared.store.as_deref().filter(|_| !shared.engine.is_sealed());
    let store = store.ok_or_else(|| shared.fail(no_owners()))?;
    let owners = store.owners().ok_or_else(|| shared.fail(no_owners()))?;
    shared.engine.check(&[Op::SetOwner(Some(owner.clone()))]).map_err(|refusal| shared.fail(refusal))?;
    let mut deadline = Deadline::of(shared);
    let mut absent = HashSet::new();
    let stored = shared.engine.stored_owner(owner);
    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut listed = call_directly(shared, owners.list(&stored)).await?;
        // An index may list a key twice.
        let mut named = HashSet::new();
        listed.retain(|key| named.insert(key.clone()));
        let loaded_all = map_concurrently(listed, |key| async move {
            let loaded = call_directly(shared, store.load(&key)).await?;
            let summary = loaded.and_then(|loaded| shared.engine.summary(&key, &loaded.bytes, owner, shared.now()));
            Ok::<_, Error>((key, summary))
        });
        let (mut found, mut has_new_absent) = (Vec::new(), false);
        for (key, summary) in loaded_all.await? {
            match summary {
                Some(summary) => found.push((key, summary)),
                None => has_new_absent |= absent.insert(key),
            }
        }
        if !has_new_absent {
            return Ok(found);
        }
        // A slow store may list new keys without a session in every round. So some rounds are
        // allowed after the deadline, but not any number.
        if deadline.has_passed().await && rounds >= MIN_ROUNDS {
            return Err(shared.fail(Refusal::Conflict));
        }
    }
}

async fn end_key(shared: &Shared, key: StoreKey) -> Result<(), Error> {
    let mut flow = Flow::default();
    let step = shared.engine.revoke(&mut flow, key);
    let result = run(shared, step, &mut RevokeTask { shared, flow: &mut flow }).await;
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

/// Revokes a session that is not the request's own.
struct RevokeTask<'a> {
    shared: &'a Shared,
    flow: &'a mut Flow,
}

impl Task for RevokeTask<'_> {
    fn answer(&mut self, answer: Answer, now: Timestamp, random: &mut dyn Random) -> Result<Step, Refusal> {
        self.shared.engine.answer(self.flow, answer, now, random)
    }

    fn out_of_time(&mut self) -> Refusal {
        self.shared.engine.out_of_time(self.flow)
    }

    fn recompute(&mut self, _token: u32, _current: Option<&Text>) -> Result<Answer, Error> {
        Err(self.shared.fail(unknown_update()))
    }
}
