//! Decides from the answers whether each requested change was made.

use std::collections::HashMap;

use super::model::{Generation, Model, Rotated, Seen};
use crate::history::{Act, Micros, Outcome, SetCookie};

/// The fate of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was made during the request.
    Done,
    /// It was made, or will be made at any time, or never.
    Maybe,
    /// It was not made and never will be.
    Never,
}

/// Decides the fate of every request's change.
pub(super) fn judge(model: &mut Model<'_>) {
    for seen in &mut model.requests {
        seen.fate = by_itself(seen);
    }
    // A concurrent rotation drops a change silently, unless the handler read the session after its
    // commit.
    let mut rotations: HashMap<Generation, Micros> = HashMap::new();
    for seen in model.requests.iter().filter(|seen| is_rotation(seen)) {
        let Some(generation) = seen.at else { continue };
        let first = rotations.entry(generation).or_insert(seen.request.start);
        *first = (*first).min(seen.request.start);
    }
    let dropped: Vec<usize> =
        (0..).zip(&model.requests).filter(|(_, seen)| is_dropped(seen)).map(|(at, _)| at).collect();
    for place in dropped {
        let may_be_made = model.requests.get(place).is_some_and(|seen| may_have_ended(model, seen));
        if let Some(seen) = model.requests.get_mut(place).filter(|_| may_be_made) {
            seen.fate = Fate::Maybe;
        }
    }
    for seen in &mut model.requests {
        let overlaps = seen.at.and_then(|at| rotations.get(&at)).is_some_and(|start| *start < seen.request.end);
        if seen.fate == Fate::Done && overlaps && !is_certain(seen) {
            seen.fate = Fate::Maybe;
        }
        let is_elsewhere = seen.is_forked && !matches!(seen.request.wish.act, Act::Revoke { .. });
        if seen.fate == Fate::Done && is_elsewhere {
            seen.fate = Fate::Maybe;
        }
    }
}

/// Whether the session of a change no longer existed when the handler's own commit had ended.
fn is_dropped(seen: &Seen<'_>) -> bool {
    let is_gone = seen.request.after().is_some_and(|after| !after.live);
    let changes = !matches!(seen.request.wish.act, Act::Destroy | Act::Read | Act::Revoke { .. });
    seen.was_live() == Some(true) && is_gone && changes && seen.fate == Fate::Never
}

/// Whether the session may have ended meanwhile. Then a change with a lost answer may have been
/// made before the end, and a later request finds neither the change nor the session.
fn may_have_ended(model: &Model<'_>, seen: &Seen<'_>) -> bool {
    let Some(at) = seen.at else { return false };
    let is_meanwhile = |end: &Seen<'_>| {
        end.fate != Fate::Never && end.request.start < seen.request.end && end.done_by() > seen.request.start
    };
    let mut logouts = model.of_lineage(model.lineage(at)).filter(|end| end.request.wish.act == Act::Destroy);
    let mut revocations = model.requests.iter().filter(|end| matches!(end.request.wish.act, Act::Revoke { .. }));
    logouts.any(is_meanwhile) || revocations.any(is_meanwhile)
}

/// Whether it rotated the session of its cookie, or may have.
pub(super) fn is_rotation(seen: &Seen<'_>) -> bool {
    if seen.rotated == Rotated::Apart {
        return false;
    }
    match seen.request.wish.act {
        Act::Rotate { .. } => seen.fate != Fate::Never && seen.was_live() != Some(false),
        // Setting the same owner again rotates nothing, but only an acknowledged owner is known.
        Act::Own { .. } if seen.fate == Fate::Done => seen.began.is_some() && seen.was_live() != Some(false),
        Act::Own { .. } => seen.fate == Fate::Maybe && seen.was_live() != Some(false),
        _ => false,
    }
}

/// Whether the answer itself shows that the change was made.
fn is_certain(seen: &Seen<'_>) -> bool {
    let request = seen.request;
    let got = matches!(request.wish.act, Act::Take { .. }) && got(seen);
    is_gone(seen) || got || request.issued().is_some() || request.after().is_some_and(|after| after.live)
}

/// Whether the answer to a logout removes the cookie of a session that was there.
pub(super) fn is_gone(seen: &Seen<'_>) -> bool {
    let request = seen.request;
    let was_there = seen.was_live() == Some(true) || (seen.was_live().is_none() && request.wish.early);
    request.wish.act == Act::Destroy && was_there && request.cookies == [SetCookie::Removed]
}

fn got(seen: &Seen<'_>) -> bool {
    seen.request.answer.as_ref().is_some_and(|answer| answer.got.is_some())
}

fn by_itself(seen: &Seen<'_>) -> Fate {
    let request = seen.request;
    let is_revocation = matches!(request.wish.act, Act::Revoke { .. });
    if is_gone(seen) {
        // A logout takes effect even if the handler's own commit of it failed.
        return Fate::Done;
    }
    let has_failed = matches!(request.outcome, Outcome::Failed | Outcome::Unknown);
    let is_begun = seen.began.is_some() && request.wish.early && request.outcome != Outcome::Ok && !has_failed;
    if seen.rotated == Rotated::Apart || is_begun {
        // The session exists, whatever failed after it had begun.
        return Fate::Done;
    }
    match &request.outcome {
        // It ends one session after another, so some may have ended before one failed.
        Outcome::Failed if is_revocation => Fate::Maybe,
        Outcome::Failed => Fate::Never,
        // Changes that the handler committed stay.
        Outcome::RolledBack => {
            if request.wish.early {
                of_success(seen)
            } else {
                Fate::Never
            }
        }
        // A visitor without a cookie, with an answer that sets none, wrote nothing that any request
        // will see.
        Outcome::Unknown | Outcome::Abandoned | Outcome::Hung | Outcome::Broken(_) => {
            if request.sent.is_some() || is_revocation { Fate::Maybe } else { Fate::Never }
        }
        Outcome::Ok => of_success(seen),
    }
}

fn of_success(seen: &Seen<'_>) -> Fate {
    let request = seen.request;
    let moved = request.issued().is_some();
    // Without a session, or in one that no longer existed but may have had a successor that ended
    // as well.
    match (&request.wish.act, seen.was_live()) {
        (Act::Revoke { .. }, _) => return Fate::Done,
        (Act::Destroy, Some(false)) if request.sent.is_some() => return Fate::Maybe,
        // Its own commit made it, and the new session ended before the answer.
        (Act::Rotate { .. }, Some(true)) if !moved && request.after().is_some_and(|after| after.live) => {
            return Fate::Maybe;
        }
        _ => {}
    }
    let changed = match (&request.wish.act, seen.was_live()) {
        (Act::Read, _) | (Act::Destroy, Some(false)) => false,
        (Act::Destroy, _) => true,
        (Act::Take { .. }, _) => got(seen),
        (Act::ReadFlash, Some(true)) if !got(seen) => false,
        // A new session comes with its cookie. Without a cookie the change is dropped. The same is
        // true for a rotation.
        (_, Some(false)) | (Act::Rotate { .. }, _) if !moved => false,
        // If the session had ended before the commit, the change is dropped.
        _ => request.after().is_none_or(|after| after.live),
    };
    if changed { Fate::Done } else { Fate::Never }
}
