//! The events. Written by `cargo xtask facts` from facts/events.md: change that.

/// Something an operator may want to count. It holds no id, secret or value (ASVS 16.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The session cookie's value has not the form of one.
    MalformedCookie,
    /// Two different values of the session cookie open, or there are more than two: no session.
    DuplicateCookie,
    /// A signature or seal did not verify, or its secret is not one of the configured secrets.
    ForgedCookie,
    /// Some chunks of a sealed cookie are missing.
    IncompleteChunks,
    /// The id leads to nothing: never issued, ended, or forgotten by the store.
    UnknownId,
    /// The record was there but its idle or absolute time is over.
    Expired,
    /// What lies in the store does not decode.
    UndecodableRecord,
    /// The cookie is of a session that was rotated: the request is anonymous.
    RotatedAway,
    /// The sealed cookie is of a session that was ended or rotated: it opens nothing any more.
    Revoked,
    /// The cookie is of a session that was renewed: the request goes on in its successor.
    FollowedMarker,
    /// The session of an accepted older dialect was taken over.
    Adopted,
    /// The session ended while this request was under way: its changes were dropped.
    ChangesDropped,
    /// Another request changed the session first: the changes were replayed.
    Conflict,
    /// A write's reply had been lost, and the write was found to have happened.
    LostReplyResolved,
    /// A leftover could not be deleted; it opens nothing and expires by itself.
    CleanupFailed,
    /// A stored value does not fit the type of its name or field, and is absent.
    Misfit,
}

impl Event {
    /// The stable name of this event, as the TypeScript face shows it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MalformedCookie => "malformed_cookie",
            Self::DuplicateCookie => "duplicate_cookie",
            Self::ForgedCookie => "forged_cookie",
            Self::IncompleteChunks => "incomplete_chunks",
            Self::UnknownId => "unknown_id",
            Self::Expired => "expired",
            Self::UndecodableRecord => "undecodable_record",
            Self::RotatedAway => "rotated_away",
            Self::Revoked => "revoked",
            Self::FollowedMarker => "followed_marker",
            Self::Adopted => "adopted",
            Self::ChangesDropped => "changes_dropped",
            Self::Conflict => "conflict",
            Self::LostReplyResolved => "lost_reply_resolved",
            Self::CleanupFailed => "cleanup_failed",
            Self::Misfit => "misfit",
        }
    }
}
