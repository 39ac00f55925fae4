//! The other sessions of the same owner.

use okibi_core::{Handle, Record};

use super::Session;
use crate::{Error, SessionInfo, directory};

impl<K> Session<K> {
    /// The live sessions of this session's owner, the most recently active first. Empty if it is nobody's.
    ///
    /// # Errors
    /// [`NoOwners`](crate::ErrorKind::NoOwners) if the store cannot list them, or the store's failure.
    pub async fn owned(&self) -> Result<Vec<SessionInfo>, Error> {
        let Some(owner) = self.owner() else { return Ok(Vec::new()) };
        directory::list(&self.inner.shared, &owner, self.handle()).await
    }

    /// Ends one of this owner's sessions, at once; whether there was one. The session that asks is destroyed with the
    /// commit, as by [`destroy`](Self::destroy).
    ///
    /// # Errors
    /// [`NoOwners`](crate::ErrorKind::NoOwners) if the store cannot list them, or the store's failure.
    pub async fn end(&self, handle: Handle) -> Result<bool, Error> {
        if self.handle() == Some(handle) {
            return self.destroy().map(|()| true);
        }
        let Some(owner) = self.owner() else { return Ok(false) };
        directory::end(&self.inner.shared, &owner, handle).await
    }

    /// Ends all sessions of this owner but this one, at once, and says how many. After [`destroy`](Self::destroy) it goes by the
    /// owner that the session had, until that is committed.
    ///
    /// # Errors
    /// [`NoOwners`](crate::ErrorKind::NoOwners) if the store cannot list them, or the store's failure.
    pub async fn end_others(&self) -> Result<usize, Error> {
        let part = |record: &Record| (record.owner.as_ref().map(|owner| owner.as_str().to_owned()), record.handle);
        let (ended, kept) = self.inner.seen().ended().map(part).unwrap_or_default();
        let Some(owner) = self.owner().or(ended) else { return Ok(0) };
        directory::end_all_but(&self.inner.shared, &owner, self.handle().or(kept)).await
    }
}
