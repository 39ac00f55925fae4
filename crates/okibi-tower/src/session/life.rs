//! The life of a session: rotation, end, lifetime, owner, and what can be known about it.

use std::time::{Duration, SystemTime};

use okibi_core::{Handle, Op, Owner, Record};

use super::Session;
use crate::Error;

/// Counters for this request: store calls, pending cookie, uncommitted changes. For debugging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How often the store was asked for a record.
    pub loads: u32,
    /// How often the store was asked to write one.
    pub writes: u32,
    /// How often the store was asked to delete one.
    pub deletes: u32,
    /// Whether what was committed so far sends a cookie.
    pub sends_cookie: bool,
    /// Whether there are changes that are not committed yet.
    pub has_changes: bool,
    /// From when on reading the session writes its last-active time and sends the cookie again.
    pub touch_due_at: Option<SystemTime>,
}

impl<K> Session<K> {
    /// Gives the session a new id for a change of privilege: at login, at logout, when roles change (ASVS 7.2.4).
    ///
    /// The values stay, both clocks start anew, and from the commit on the old id opens nothing. Of several requests that
    /// rotate in parallel one goes on with the session; each of the others begins a session of its own with what it set.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent), as for every change here.
    pub fn rotate(&self) -> Result<(), Error> {
        self.inner.push(Op::Rotate)
    }

    /// Like [`rotate`](Self::rotate), but the absolute deadline stays where it is.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn rotate_keeping_deadline(&self) -> Result<(), Error> {
        self.inner.push(Op::RotateKeepingDeadline)
    }

    /// Gives the session a new id at equal privilege, now and then. Requests that are under way with the old id go on in
    /// the same session for a short while ([`Sessions::grace`](crate::Sessions::grace)). A session is renewed once in a request.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn renew_id(&self) -> Result<(), Error> {
        self.inner.push(Op::RenewId)
    }

    /// Ends the session: its record goes, and the answer removes the cookie. Even a failed request does this much.
    ///
    /// What is changed after it begins a new session with a new id and only the new values.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn destroy(&self) -> Result<(), Error> {
        self.inner.push(Op::Destroy)
    }

    /// Writes the last-active time with the next commit and sends the cookie again, even if
    /// [`touch_after`](crate::Sessions::touch_after) has not passed. It creates no session, and does nothing in a request that
    /// is [no activity](Self::no_activity).
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn touch(&self) -> Result<(), Error> {
        self.inner.push(Op::Touch)
    }

    /// This request is no activity, such as polling or a health check: it moves no time of the session, so it keeps none
    /// alive. Reading writes nothing and sends no cookie. Changes are written as ever.
    ///
    /// [`rotate`](Self::rotate) and [`destroy`](Self::destroy) do what they do. [`no_activity`](crate::no_activity) says it for
    /// a whole route. In the formats of the older packages a change moves the end all the same.
    pub fn no_activity(&self) {
        self.inner.no_activity();
    }

    /// How long this one session lives without activity ("remember me"): 1 second to 400 days.
    ///
    /// A span longer than the session's absolute span, 24 hours by default, fails at the commit with
    /// [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout): set both, with [`set_absolute`](Self::set_absolute).
    ///
    /// # Errors
    /// [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout), [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_idle(&self, idle: Duration) -> Result<(), Error> {
        self.inner.push(Op::set_idle(idle))
    }

    /// How long this one session lives at most, active or not, counted from its beginning; `None`: as long as it is used. At
    /// least 1 second. A rotation starts the span anew. Default: what [`Sessions::absolute`](crate::Sessions::absolute) says.
    ///
    /// It fails at the commit with [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout) if the idle span is longer, if the span is over
    /// already, or, with [`revocations`](crate::Sessions::revocations), if it is longer than the configured one.
    ///
    /// # Errors
    /// [`InvalidTimeout`](crate::ErrorKind::InvalidTimeout), [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_absolute(&self, absolute: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.inner.push(Op::set_absolute(absolute.into()))
    }

    /// Whether this one session's cookie outlives the browser's own session.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_persistent(&self, persistent: bool) -> Result<(), Error> {
        self.inner.push(Op::SetPersistent(persistent))
    }

    /// Sets the owner (usually a user id), so that the session can be listed and revoked; `None`: no owner. A change of owner
    /// is a change of privilege, so it rotates the session as well.
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
    /// [`InvalidOwner`](crate::ErrorKind::InvalidOwner) if it is empty or longer than 256 bytes;
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_owner<'a>(&self, owner: impl Into<Option<&'a str>>) -> Result<(), Error> {
        self.inner.push(Op::SetOwner(owner.into().map(Owner::new)))
    }

    /// Sets the label that lists show, such as "Firefox on Linux"; `None` or an empty string: no label. A label longer than 256
    /// bytes is cut at a character, so no label of a visitor's browser makes a login fail.
    ///
    /// # Errors
    /// [`HeadersSent`](crate::ErrorKind::HeadersSent).
    pub fn set_label<'a>(&self, label: impl Into<Option<&'a str>>) -> Result<(), Error> {
        self.inner.push(Op::SetLabel(label.into().map(Into::into)))
    }

    /// Whether there is a session: a stored one, or one that will be after the commit.
    pub fn is_live(&self) -> bool {
        self.inner.seen().is_live()
    }

    /// Whether the session's cookie outlives the browser's own session. False without a session.
    pub fn is_persistent(&self) -> bool {
        self.of_record(|record| record.persistent).unwrap_or(false)
    }

    /// Whose session this is.
    pub fn owner(&self) -> Option<String> {
        self.inner.seen().owner().map(|owner| owner.as_str().to_owned())
    }

    /// What lists call this session, as of the last commit.
    pub fn label(&self) -> Option<String> {
        self.of_record(|record| record.label.as_ref().map(|label| label.as_str().to_owned())).flatten()
    }

    /// The session's public name in lists; it opens nothing. None before the first commit. A rotation changes it.
    pub fn handle(&self) -> Option<Handle> {
        self.of_record(|record| record.handle).flatten()
    }

    /// When the session began; a [`rotate`](Self::rotate) begins it anew.
    pub fn created(&self) -> Option<SystemTime> {
        self.of_record(|record| record.created.into())
    }

    /// When it was last active, as of its last touch.
    pub fn last_active(&self) -> Option<SystemTime> {
        self.of_record(|record| record.last_active.into())
    }

    /// When it ends if nothing happens.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.of_record(|record| record.expires_at().into())
    }

    /// When it ends whatever happens.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.of_record(|record| record.deadline.map(Into::into)).flatten()
    }

    /// From when on reading the session writes its last-active time and sends the cookie again.
    pub fn touch_due_at(&self) -> Option<SystemTime> {
        let state = self.inner.seen();
        let due_at = self.inner.shared.engine.touch_due_at(&state.flow).filter(|_| state.record().is_some());
        due_at.map(Into::into)
    }

    /// Counters for this request: a debugging aid. Call [`commit`](Self::commit) first to have all of them.
    pub fn report(&self) -> Report {
        let touch_due_at = self.touch_due_at();
        let state = self.inner.seen();
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
        self.inner.seen().record().map(part)
    }
}
