//! The life of a session: rotation, end, lifetime, owner, and what can be known about it.

use std::time::Duration;

use okibi_core::{Handle, Op, Owner, Record, Timestamp};

use super::Session;
use crate::Error;

/// What the engine did for this request so far, for those who like to see it.
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
    /// When reading the session next writes its activity down and sends the cookie again.
    pub renewal_due_at: Option<Timestamp>,
}

impl<K> Session<K> {
    /// Gives the session a new id for a change of privilege: at login, at logout, when roles change (ASVS 7.2.4).
    ///
    /// The values stay, both clocks start anew, and from the commit on the old id opens nothing. Of several requests that
    /// rotate in parallel one goes on with the session; each of the others begins a session of its own with what it set.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent), as for every change here.
    pub fn rotate(&self) -> Result<(), Error> {
        self.inner.push(Op::Rotate)
    }

    /// Like [`rotate`](Self::rotate), but the absolute deadline stays where it is.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn rotate_keeping_deadline(&self) -> Result<(), Error> {
        self.inner.push(Op::RotateKeepingDeadline)
    }

    /// Gives the session a new id at equal privilege, now and then. Requests that are under way with the old id go on in
    /// the same session for a short while ([`Sessions::grace`](crate::Sessions::grace)). A session is renewed once in a request.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn renew_id(&self) -> Result<(), Error> {
        self.inner.push(Op::RenewId)
    }

    /// Ends the session: its record goes, and the answer removes the cookie. Even a failed request does this much.
    ///
    /// What is changed after it begins a new session with a new id and only the new values.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn destroy(&self) -> Result<(), Error> {
        self.inner.push(Op::Destroy)
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
    /// [`InvalidSpan`](crate::ErrorKind::InvalidSpan): set both, with [`set_absolute`](Self::set_absolute).
    ///
    /// # Errors
    /// [`InvalidSpan`](crate::ErrorKind::InvalidSpan), [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn set_idle(&self, idle: Duration) -> Result<(), Error> {
        self.inner.push(Op::set_idle(idle))
    }

    /// How long this one session lives at most, active or not, counted from its beginning; `None`: as long as it is used. At
    /// least 1 second. A rotation starts the span anew. Default: what [`Sessions::absolute`](crate::Sessions::absolute) says.
    ///
    /// It fails at the commit with [`InvalidSpan`](crate::ErrorKind::InvalidSpan) if the idle span is longer, if the span is over
    /// already, or, with [`revocations`](crate::Sessions::revocations), if it is longer than the configured one.
    ///
    /// # Errors
    /// [`InvalidSpan`](crate::ErrorKind::InvalidSpan), [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn set_absolute(&self, absolute: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.inner.push(Op::set_absolute(absolute.into()))
    }

    /// Whether this one session's cookie outlives the browser's own session.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn set_persistent(&self, persistent: bool) -> Result<(), Error> {
        self.inner.push(Op::SetPersistent(persistent))
    }

    /// Says whose session this is, by the app's own name for them (a user id), so that it can be listed and ended with
    /// their others. A change of owner is a change of privilege, so it rotates as well.
    ///
    /// # Errors
    /// [`InvalidText`](crate::ErrorKind::InvalidText) if it is empty or longer than 256 bytes;
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn set_owner(&self, owner: impl Into<String>) -> Result<(), Error> {
        self.inner.push(Op::SetOwner(Some(Owner::new(owner))))
    }

    /// Says that the session is nobody's any more. That rotates, too.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn clear_owner(&self) -> Result<(), Error> {
        self.inner.push(Op::SetOwner(None))
    }

    /// Sets what lists call this session, such as "Firefox on Linux". A label over 256 bytes is cut at a character, and an empty
    /// one is no label: what the visitor's browser says of itself never fails a login.
    ///
    /// # Errors
    /// [`HeadSent`](crate::ErrorKind::HeadSent).
    pub fn set_label(&self, label: impl Into<String>) -> Result<(), Error> {
        self.inner.push(Op::SetLabel(Some(label.into().into())))
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
    pub fn created(&self) -> Option<Timestamp> {
        self.of_record(|record| record.created)
    }

    /// When it was last active, as of its last renewal.
    pub fn last_active(&self) -> Option<Timestamp> {
        self.of_record(|record| record.active)
    }

    /// When it ends if nothing happens.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.of_record(Record::expires_at)
    }

    /// When it ends whatever happens.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.of_record(|record| record.deadline).flatten()
    }

    /// When activity is next written down, and the cookie sent again.
    pub fn renewal_due_at(&self) -> Option<Timestamp> {
        let state = self.inner.seen();
        self.inner.shared.engine.renewal_due_at(&state.flow).filter(|_| state.record().is_some())
    }

    /// What the engine did for this request so far. [`commit`](Self::commit) first to have it all.
    pub fn report(&self) -> Report {
        let renewal_due_at = self.renewal_due_at();
        let state = self.inner.seen();
        let activity = state.flow.activity();
        Report {
            loads: activity.loads,
            writes: activity.swaps,
            deletes: activity.deletes,
            sends_cookie: !state.flow.set_cookies().is_empty(),
            has_changes: !state.log.is_empty(),
            renewal_due_at,
        }
    }

    fn of_record<T>(&self, part: impl FnOnce(&Record) -> T) -> Option<T> {
        self.inner.seen().record().map(part)
    }
}
