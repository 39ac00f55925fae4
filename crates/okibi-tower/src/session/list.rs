//! The other sessions of the same owner.

use okibi_core::{Handle, Record};

use super::Session;
use crate::{Error, SessionInfo, directory};

impl<K> Session<K> {
    /// Lists the live sessions of this session's owner, the most recently active first. Without an
    /// owner the list is empty.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](crate::ErrorKind::UnsupportedByStore) if the store cannot list
    /// sessions, or the store's error.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, Error> {
        let Some(owner) = self.owner() else { return Ok(Vec::new()) };
        directory::list(&self.inner.shared, &owner, self.handle()).await
    }

    /// Revokes one of this owner's sessions immediately. Returns whether there was one. For the
    /// current session it calls [`destroy`](Self::destroy), which takes effect at the commit.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](crate::ErrorKind::UnsupportedByStore) if the store cannot list
    /// sessions, or the store's error.
    pub async fn revoke(&self, handle: Handle) -> Result<bool, Error> {
        if self.handle() == Some(handle) {
            return self.destroy().map(|()| true);
        }
        let Some(owner) = self.owner() else { return Ok(false) };
        directory::revoke(&self.inner.shared, &owner, handle).await
    }

    /// Revokes all sessions of this owner except the current one, immediately. Returns how many.
    /// Between [`destroy`](Self::destroy) and the commit it uses the owner of the destroyed
    /// session.
    ///
    /// # Errors
    /// [`UnsupportedByStore`](crate::ErrorKind::UnsupportedByStore) if the store cannot list
    /// sessions, or the store's error.
    pub async fn revoke_others(&self) -> Result<usize, Error> {
        let part = |record: &Record| (record.owner.as_ref().map(|owner| owner.as_str().to_owned()), record.handle);
        let (ended, kept) = self.inner.accessed().destroyed().map(part).unwrap_or_default();
        let Some(owner) = self.owner().or(ended) else { return Ok(0) };
        directory::revoke_all_except(&self.inner.shared, &owner, self.handle().or(kept)).await
    }
}
