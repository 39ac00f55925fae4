//! What every request gets, whatever it asks: an answer, in time, and service after the faults.

use std::{collections::BTreeMap, mem};

use super::{
    Violation,
    model::{Model, Seen},
};
use crate::history::{Act, Outcome, Part, RecordedRequest, seconds};

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for seen in &model.requests {
        found.extend(broken(seen));
        found.extend(late(model, seen));
        found.extend(anonymous(seen));
        found.extend(not_calm(model, seen));
    }
    found.extend(unrecovered(model));
    found
}

fn broken(seen: &Seen<'_>) -> Option<Violation> {
    let Outcome::Broken(why) = &seen.request.outcome else { return None };
    Some(Violation { rule: "broken", what: why.clone(), proof: vec![seen.number()] })
}

fn late(model: &Model<'_>, seen: &Seen<'_>) -> Option<Violation> {
    let request = seen.request;
    let took = request.end.saturating_sub(request.start);
    // Revoking all sessions of an owner takes many calls. It must end, but has no deadline.
    let has_deadline = !matches!(request.wish.act, Act::Revoke { .. });
    let allowed = model.history.run.deadline.saturating_add(request.wish.pause.saturating_mul(1000));
    let what = if request.outcome == Outcome::Hung {
        format!("no answer came within {:.1} s", seconds(took))
    } else if has_deadline && took > allowed {
        format!("it took {:.1} s and should have ended within {:.1} s", seconds(took), seconds(allowed))
    } else {
        return None;
    };
    Some(Violation { rule: "late", what, proof: vec![seen.number()] })
}

/// A request without a cookie that changes nothing needs no store.
fn anonymous(seen: &Seen<'_>) -> Option<Violation> {
    let request = seen.request;
    if request.sent.is_some() || request.wish.act != Act::Read || request.outcome == Outcome::Abandoned {
        return None;
    }
    let what = match (&request.outcome, request.before()) {
        (Outcome::Ok, Some(before)) if !before.live && request.cookies.is_empty() => return None,
        (Outcome::Ok, _) => "a visitor without session data got a session".to_owned(),
        _ => "a visitor without session data was not served".to_owned(),
    };
    Some(Violation { rule: "anonymous", what, proof: vec![seen.number()] })
}

fn not_calm(model: &Model<'_>, seen: &Seen<'_>) -> Option<Violation> {
    let request = seen.request;
    if request.part != Part::Calm
        || request.is_fine()
        || (request.was_too_slow() && worked_when_asked_again(model, seen))
    {
        return None;
    }
    let what = format!("{} did not work after all had recovered", request.face);
    Some(Violation { rule: "no-recovery", what, proof: vec![seen.number()] })
}

/// On a busy machine the store may exceed its short deadline. Then the same request is repeated.
fn worked_when_asked_again(model: &Model<'_>, seen: &Seen<'_>) -> bool {
    let request = seen.request;
    let is_again = |other: &RecordedRequest| {
        other.part == Part::Calm
            && other.start >= request.end
            && (&other.face, other.browser, other.sent) == (&request.face, request.browser, request.sent)
            && mem::discriminant(&other.wish.act) == mem::discriminant(&request.wish.act)
    };
    model.requests.iter().any(|other| is_again(other.request) && other.request.is_fine())
}

/// Instances that still failed the last request that tested them.
fn unrecovered(model: &Model<'_>) -> Vec<Violation> {
    let probes = model.requests.iter().filter(|seen| seen.request.part == Part::Probe);
    let last: BTreeMap<&str, &Seen<'_>> = probes.map(|seen| (seen.request.face.as_str(), seen)).collect();
    let failed = last.into_iter().filter(|(_, seen)| seen.request.outcome != Outcome::Ok);
    failed
        .map(|(face, seen)| Violation {
            rule: "no-recovery",
            what: format!("{face} did not recover from the faults"),
            proof: vec![seen.number()],
        })
        .collect()
}
