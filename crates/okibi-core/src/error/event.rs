//! The events. Written by `cargo xtask facts` from facts/events.md: change that.

/// Something an operator may want to count. It holds no id, secret or value (ASVS 16.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The value of the session cookie is malformed.
    MalformedCookie,
    /// Two different values of the session cookie open, or there are more than two; there is no session.
    DuplicateCookie,
    /// A signature or seal does not verify, or its secret is not configured.
    ForgedCookie,
    /// Some chunks of a sealed cookie are missing.
    IncompleteChunks,
    /// Nothing is stored under the id: it was never issued, the session has ended, or the store lost it.
    UnknownId,
    /// The record is stored, but its idle or absolute timeout is over.
    Expired,
    /// The stored value does not decode.
    UndecodableRecord,
    /// The session of the cookie was rotated; the request is anonymous.
    RotatedAway,
    /// The session of the sealed cookie was destroyed or rotated; the cookie opens nothing.
    Revoked,
    /// The id of the cookie was renewed; the request uses the successor.
    FollowedMarker,
    /// A session of an accepted older dialect was adopted.
    Adopted,
    /// The session ended during this request; its changes were dropped.
    ChangesDropped,
    /// Another request changed the session first; the changes were replayed.
    Conflict,
    /// The reply to a write was lost, but the write was made.
    LostReplyResolved,
    /// An unused record could not be deleted; it opens nothing and expires.
    CleanupFailed,
    /// A stored value does not fit the type of its name or field, so it counts as absent.
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
