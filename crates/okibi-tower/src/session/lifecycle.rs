//! Rotation, destroy, lifetime and owner of a session, and its metadata.

use std::time::{Duration, SystemTime};

use okibi_core::{Handle, Op, Owner, Record};

use super::Session;
use crate::Error;

/// Counters for this request: store calls, pending cookie, uncommitted changes. For debugging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of loads from the store.
    pub loads: u32,
    /// The number of writes to the store.
    pub writes: u32,
    /// The number of deletes in the store.
    pub deletes: u32,
    /// Whether the commits so far send a cookie.
    pub sends_cookie: bool,
    /// Whether there are changes that are not committed yet.
    pub has_changes: bool,
    /// From this time on, reading the session writes its last-active time and sends the cookie
    /// again.
    pub touch_due_at: Option<SystemTime>,
}

impl<K> Session<K> {
    /// Gives the session a new id, for a change of privilege: at login, at logout, when roles
    /// change (ASVS 7.2.4).
    ///
    /// The values stay. Both timeouts start again. From the commit on, the old id
    /// opens nothing. Of several requests that rotate concurrently, one continues the session. Each
    /// of the others begins a new session with the values that it has set.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent), as for every change here.
    pub fn rotate(&self) -> Result<(), Error> {
        self.inner.push(Op::Rotate)
    }

    /// Like [`rotate`](Self::rotate), but the absolute deadline does not change.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn rotate_keeping_deadline(&self) -> Result<(), Error> {
        self.inner.push(Op::RotateKeepingDeadline)
    }

    /// Gives the session a new id at equal privilege. Call it periodically, for example every few
    /// hours.
    ///
    /// Concurrent requests with the old id still open the session for a grace period
    /// ([`Sessions::grace`](crate::Sessions::grace)). In one request the id is renewed at most
    /// once.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn renew_id(&self) -> Result<(), Error> {
        self.inner.push(Op::RenewId)
    }

    /// Deletes the session and clears its cookie. Takes effect even if the request fails.
    ///
    /// Changes after it begin a new session, with a new id and only the new values.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn destroy(&self) -> Result<(), Error> {
        self.inner.push(Op::Destroy)
    }

    /// Writes the last-active time with the next commit and sends the cookie again, even if
    /// [`touch_after`](crate::Sessions::touch_after) has not passed. It creates no session. It does
    /// nothing in a request that is marked as [no activity](Self::no_activity).
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn touch(&self) -> Result<(), Error> {
        self.inner.push(Op::Touch)
    }

    /// Marks this request as no activity, for example polling or a health check. It does not extend
    /// the session: no time of the session changes. Reading writes nothing and sends no cookie.
    /// Changes are written as usual.
    ///
    /// [`rotate`](Self::rotate) and [`destroy`](Self::destroy) are not affected.
    /// [`no_activity`](crate::no_activity) marks a whole route. In the formats of other packages a
    /// change extends the session nevertheless.
    pub fn no_activity(&self) {
        self.inner.no_activity();
    }

    /// Sets the idle timeout of this session ("remember me"): 1 second to 400 days.
    ///
    /// If it is longer than the session's absolute timeout, 24 hours by default, the commit
    /// fails with [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout). Set that, too, with
    /// [`set_absolute`](Self::set_absolute).
    ///
    /// # Errors
    /// [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout),
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_idle(&self, idle: Duration) -> Result<(), Error> {
        self.inner.push(Op::set_idle(idle))
    }

    /// Sets the absolute timeout of this session: its longest lifetime with or without activity, at
    /// least 1 second. It counts from the creation of the session. A rotation starts it again.
    /// `None`: no limit. Default: that of [`Sessions::absolute`](crate::Sessions::absolute).
    ///
    /// The commit fails with [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout) if the idle
    /// timeout is longer, if the absolute timeout has passed already, or, with
    /// [`revocations`](crate::Sessions::revocations), if it is longer than the configured one.
    ///
    /// # Errors
    /// [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout),
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_absolute(&self, absolute: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.inner.push(Op::set_absolute(absolute.into()))
    }

    /// Sets whether the browser keeps this session's cookie after it closes.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_persistent(&self, persistent: bool) -> Result<(), Error> {
        self.inner.push(Op::SetPersistent(persistent))
    }

    /// Sets the owner (usually a user id), so that the session can be listed and revoked. `None`:
    /// no owner. A change of owner is a change of privilege, so it also rotates the session.
    ///
    /// ```
    /// # let session: okibi_tower::Session = okibi_tower::Session::detached();
    /// # let user = String::from("ada");
    /// session.set_owner(user.as_str())?;
    /// session.set_owner(None)?;
    /// # Ok::<(), okibi_tower::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidOwner`](crate::ErrorKind::InvalidOwner) if the owner is empty or longer than 256
    /// bytes; [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_owner<'a>(&self, owner: impl Into<Option<&'a str>>) -> Result<(), Error> {
        self.inner.push(Op::SetOwner(owner.into().map(Owner::new)))
    }

    /// Sets the label in lists, such as "Firefox on Linux". `None` or an empty string: no label. A
    /// label of more than 256 bytes is cut at a character, so a label made from a request header
    /// never fails.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_label<'a>(&self, label: impl Into<Option<&'a str>>) -> Result<(), Error> {
        self.inner.push(Op::SetLabel(label.into().map(Into::into)))
    }

    /// Whether there is a session: a stored one, or one that the commit will create.
    pub fn is_live(&self) -> bool {
        self.inner.accessed().is_live()
    }

    /// Whether the browser keeps the session's cookie after it closes. `false` without a session.
    pub fn is_persistent(&self) -> bool {
        self.of_record(|record| record.persistent).unwrap_or(false)
    }

    /// The owner.
    pub fn owner(&self) -> Option<String> {
        self.inner.accessed().owner().map(|owner| owner.as_str().to_owned())
    }

    /// The label, as of the last commit.
    pub fn label(&self) -> Option<String> {
        self.of_record(|record| record.label.as_ref().map(|label| label.as_str().to_owned())).flatten()
    }

    /// The session's handle in lists. It does not open the session. `None` before the first commit.
    /// A rotation changes it.
    pub fn handle(&self) -> Option<Handle> {
        self.of_record(|record| record.handle).flatten()
    }

    /// When the session was created. [`rotate`](Self::rotate) sets it again.
    pub fn created(&self) -> Option<SystemTime> {
        self.of_record(|record| record.created.into())
    }

    /// The last-active time, as last written.
    pub fn last_active(&self) -> Option<SystemTime> {
        self.of_record(|record| record.last_active.into())
    }

    /// When the session expires if there is no further activity.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.of_record(|record| record.expires_at().into())
    }

    /// The absolute deadline, or `None` without an absolute timeout.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.of_record(|record| record.deadline.map(Into::into)).flatten()
    }

    /// From this time on, reading the session writes its last-active time and sends the cookie
    /// again.
    pub fn touch_due_at(&self) -> Option<SystemTime> {
        let state = self.inner.accessed();
        let due_at = self.inner.shared.engine.touch_due_at(&state.flow).filter(|_| state.record().is_some());
        due_at.map(Into::into)
    }

    /// Counters for this request, for debugging. Call [`commit`](Self::commit) first to include its
    /// calls.
    pub fn report(&self) -> Report {
        let touch_due_at = self.touch_due_at();
        let state = self.inner.accessed();
        let calls = state.flow.calls();
        Report {
            loads: calls.loads,
            writes: calls.swaps,
            deletes: calls.deletes,
            sends_cookie: !state.flow.set_cookies().is_empty(),
            has_changes: !state.log.is_empty(),
            touch_due_at,
        }
    }

    fn of_record<T>(&self, part: impl FnOnce(&Record) -> T) -> Option<T> {
        self.inner.accessed().record().map(part)
    }
}
