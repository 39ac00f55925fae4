//! How answers change the visitor's cookie.

use super::{
    Violation,
    fates::{Fate, is_gone},
    model::{Model, Seen},
};
use crate::history::{Act, Outcome, SetCookie};

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for seen in &model.requests {
        let what = match seen.request.outcome {
            Outcome::Failed | Outcome::Unknown => on_failure(model, seen),
            Outcome::Ok | Outcome::RolledBack => on_success(model, seen),
            _ => continue,
        };
        let rule = if matches!(seen.request.outcome, Outcome::Ok | Outcome::RolledBack) {
            "wrong-cookie"
        } else {
            "cookie-on-failure"
        };
        found.extend(what.map(|what| Violation { rule, what: what.to_owned(), proof: vec![seen.number()] }));
    }
    found
}

/// A failed request keeps the cookie. An exception: a request with an id that was renewed before
/// may get the new cookie, because the old id's grace period may end during the outage.
fn on_failure(model: &Model<'_>, seen: &Seen<'_>) -> Option<&'static str> {
    let is_told = match *seen.request.cookies {
        [] => return None,
        [SetCookie::Issued(cookie)] => seen.request.sent != Some(cookie) && was_renewed(model, seen),
        // The handler's own commit failed, and the logout took effect afterwards.
        [SetCookie::Removed] => is_gone(seen),
        _ => false,
    };
    (!is_told).then_some("an answer that reports a store's failure touched the cookie")
}

fn on_success(model: &Model<'_>, seen: &Seen<'_>) -> Option<&'static str> {
    let request = seen.request;
    let destroys = request.wish.act == Act::Destroy && request.outcome == Outcome::Ok;
    match *request.cookies {
        [] if destroys && request.sent.is_some() => Some("a logout did not remove the cookie"),
        // A session that the handler committed may have ended since then.
        [] if matches!(request.wish.act, Act::Rotate { .. }) && !request.wish.early => Some("a login set no cookie"),
        [] => None,
        [SetCookie::Removed] if destroys && request.sent.is_some() => None,
        [SetCookie::Removed] => Some("the cookie was removed without a logout"),
        [SetCookie::Issued(_)] if destroys => Some("a logout set a cookie"),
        [SetCookie::Issued(cookie)] if request.sent == Some(cookie) => Some("the cookie that came was sent again"),
        [SetCookie::Issued(_)] => {
            (!may_set(model, seen)).then_some("a cookie was set though the session had not moved")
        }
        _ => Some("the session's cookie was set more than once"),
    }
}

/// Whether there was a reason to set a cookie: a new session, a new id, or a former new id that the
/// visitor missed.
fn may_set(model: &Model<'_>, seen: &Seen<'_>) -> bool {
    let act = &seen.request.wish.act;
    let rolls_back = seen.request.outcome == Outcome::RolledBack && !seen.request.wish.early;
    if matches!(act, Act::Rotate { .. } | Act::Renew { .. } | Act::Own { .. }) && !rolls_back {
        return true;
    }
    if seen.was_live() == Some(false) {
        return !rolls_back && act.write().is_some() || *act == Act::Bump;
    }
    was_renewed(model, seen)
}

/// Whether the request's id may have been renewed, so that the answer may set the new cookie.
fn was_renewed(model: &Model<'_>, seen: &Seen<'_>) -> bool {
    let Some(at) = seen.at else { return false };
    model.of_lineage(model.lineage(at)).any(|other| {
        let renews = matches!(other.request.wish.act, Act::Renew { .. }) && other.fate != Fate::Never;
        renews && other.number() != seen.number() && other.at == Some(at) && other.request.start < seen.request.end
    })
}
