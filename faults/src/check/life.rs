//! The lifecycle of sessions: what ends them, what must not, and which of two rotations wins.

use super::{
    Violation,
    fates::{Fate, is_rotation},
    model::{Generation, Lineage, Model, Rotated, Seen},
};
use crate::history::{Act, Micros};

/// Number of renewals through which a request is forwarded from its id.
const MOST_HOPS: usize = 4;

/// An event that ends a session, or the ids of one generation.
struct End<'a> {
    by: &'a Seen<'a>,
    /// A rotation ends one generation, every other event the whole session.
    only: Option<Generation>,
    /// The time by which it has happened, if that is certain.
    done: Option<Micros>,
}

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let revocations: Vec<&Seen<'_>> =
        model.requests.iter().filter(|seen| matches!(seen.request.wish.act, Act::Revoke { .. })).collect();
    for lineage in 0..model.lineages.len() {
        let mut ends_of = ends(model, lineage, &revocations);
        for seen in model.of_lineage(lineage) {
            found.extend(revived(model, lineage, &ends_of, seen));
        }
        if let Some(before) = model.may_go_on(lineage) {
            ends_of.extend(ends(model, before, &revocations));
        }
        for seen in model.of_lineage(lineage) {
            found.extend(lost(model, lineage, &ends_of, seen));
        }
    }
    found.extend(two_winners(model));
    found
}

/// All events that end this session, certainly or possibly.
fn ends<'a>(model: &'a Model<'_>, lineage: Lineage, revocations: &[&'a Seen<'a>]) -> Vec<End<'a>> {
    let mut ends = Vec::new();
    for seen in model.of_lineage(lineage) {
        let done = Some(seen.request.end).filter(|_| seen.fate == Fate::Done);
        let here = seen.at.filter(|at| model.lineage(*at) == lineage);
        if here.is_none() || seen.fate == Fate::Never {
            continue;
        }
        if seen.request.wish.act == Act::Destroy {
            ends.push(End { by: seen, only: None, done });
        } else if is_rotation(seen) {
            ends.push(End { by: seen, only: here, done: done.filter(|_| seen.rotated == Rotated::On) });
        }
    }
    for revocation in revocations.iter().filter(|seen| seen.fate != Fate::Never) {
        ends.extend(revoked(model, lineage, revocation));
    }
    ends
}

/// Whether a revocation ends this session: certainly, if it was acknowledged and the session
/// belonged to that owner all the time.
fn revoked<'a>(model: &Model<'_>, lineage: Lineage, revocation: &'a Seen<'a>) -> Option<End<'a>> {
    let Act::Revoke { owner } = &revocation.request.wish.act else { return None };
    let owns: Vec<(&Seen<'_>, bool)> = model
        .of_lineage(lineage)
        .filter(|seen| model.written(seen) == Some(lineage))
        .filter_map(|seen| match &seen.request.wish.act {
            Act::Own { owner: to, .. } => Some((seen, to == owner)),
            _ => None,
        })
        .collect();
    let (start, end) = (revocation.request.start, revocation.request.end);
    // An unknown end happens at any time after its beginning.
    let until = revocation.done_by();
    // A request that began another session may have had this one when it was ended.
    let may_be_theirs = |seen: &Seen<'_>| match &seen.request.wish.act {
        Act::Own { owner: to, .. } => {
            let is_here = model.written(seen) == Some(lineage) || seen.rotated == Rotated::Apart;
            is_here && to == owner && seen.request.start < until
        }
        _ => false,
    };
    if !model.of_lineage(lineage).any(may_be_theirs) {
        return None;
    }
    let last = owns
        .iter()
        .filter(|(own, is_theirs)| *is_theirs && own.done_by() < start && model.is_kept(own.request.start, end))
        .map(|(own, _)| own.request.start)
        .max();
    let is_certain = revocation.fate == Fate::Done
        && last.is_some_and(|last| {
            owns.iter()
                .filter(|(_, is_theirs)| !is_theirs)
                .all(|(own, _)| own.done_by() < last || own.request.start > end)
        });
    Some(End { by: revocation, only: None, done: is_certain.then_some(end) })
}

/// Whether a request saw a session that had ended before the request began.
fn revived(model: &Model<'_>, lineage: Lineage, ends: &[End<'_>], seen: &Seen<'_>) -> Option<Violation> {
    let at = seen.at.filter(|at| model.lineage(*at) == lineage)?;
    if seen.was_live() != Some(true) || seen.is_forked {
        return None;
    }
    let request = seen.request;
    let end = ends.iter().find(|end| {
        let is_over = end.done.is_some_and(|done| done < request.start);
        is_over && end.only.is_none_or(|only| only == at) && model.is_kept(end.by.request.start, request.end)
    })?;
    let what = match end.only {
        Some(_) => "an id that an acknowledged rotation had replaced opened a session".to_owned(),
        None => format!("a session was there after an acknowledged {}", end.by.request.wish.act.name()),
    };
    Some(Violation { rule: "revived", what, proof: vec![end.by.number(), seen.number()] })
}

/// Whether a request found no session although none of them had ended it.
fn lost(model: &Model<'_>, lineage: Lineage, ends: &[End<'_>], seen: &Seen<'_>) -> Option<Violation> {
    let at = seen.at.filter(|at| model.lineage(*at) == lineage)?;
    let request = seen.request;
    let was_missing = seen.was_live() == Some(false);
    let vanished = seen.was_live() == Some(true)
        && request.wish.act != Act::Destroy
        && request.after().is_some_and(|after| !after.live);
    if !was_missing && !vanished && seen.rotated != Rotated::Apart {
        return None;
    }
    let may_end = |end: &End<'_>| {
        let is_other = end.by.number() != seen.number();
        is_other && end.by.request.start < request.end && end.only.is_none_or(|only| only == at)
    };
    let may_have_ended = ends.iter().any(may_end);
    let issue = model.cookies.get(&request.sent?)?;
    let may_be_lost = !model.is_kept(issue.since, request.end);
    if may_have_ended || may_be_lost || may_have_faded(model, lineage, at, request.end) {
        return None;
    }
    let begun = model.of_lineage(lineage).find(|other| other.began == Some(at)).map(Seen::number);
    let what = match seen.rotated {
        Rotated::Apart => "a login began another session, though nothing had ended the one that it was to move",
        _ => "no session was found, though nothing had ended it",
    };
    let what = what.to_owned();
    Some(Violation { rule: "lost-session", what, proof: begun.into_iter().chain([seen.number()]).collect() })
}

/// Whether the id may have been renewed too often, or too long ago, to be followed.
fn may_have_faded(model: &Model<'_>, lineage: Lineage, generation: Generation, by: Micros) -> bool {
    let renewals = || {
        let of_generation = model.of_lineage(lineage).filter(|seen| seen.at == Some(generation));
        of_generation.filter(|seen| matches!(seen.request.wish.act, Act::Renew { .. }) && seen.fate != Fate::Never)
    };
    let begun = renewals().filter(|seen| seen.request.start < by).count();
    begun > MOST_HOPS || renewals().any(|seen| seen.request.start.saturating_add(model.history.run.grace) < by)
}

/// Two rotations of the same generation that both won.
fn two_winners(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut winners: Vec<Option<&Seen<'_>>> = vec![None; model.generations.len()];
    let is_winner = |seen: &Seen<'_>| seen.fate == Fate::Done && is_rotation(seen) && seen.rotated == Rotated::On;
    for seen in model.requests.iter().filter(|seen| is_winner(seen)) {
        let Some(winner) = seen.at.and_then(|at| winners.get_mut(at)) else { continue };
        if let Some(first) = winner.replace(seen)
            && model.is_kept(first.request.start.min(seen.request.start), seen.request.end.max(first.request.end))
        {
            let what = "two rotations of one id both got a new one".to_owned();
            found.push(Violation { rule: "two-winners", what, proof: vec![first.number(), seen.number()] });
        }
    }
    found
}
