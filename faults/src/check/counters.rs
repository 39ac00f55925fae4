//! The counter and the owner: the guarantees of an update and of a change of privilege.

use std::collections::HashMap;

use super::{
    Violation,
    fates::Fate,
    model::{Lineage, Model, Seen},
};
use crate::history::{Act, Micros};

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for lineage in 0..model.lineages.len() {
        found.extend(counter(model, lineage));
        found.extend(owner(model, lineage));
    }
    found
}

/// A count that a request saw.
struct Count<'a> {
    seen: &'a Seen<'a>,
    value: u64,
    /// It is the result of the request's own increment.
    is_own: bool,
}

fn counter(model: &Model<'_>, lineage: Lineage) -> Vec<Violation> {
    let bumps: Vec<&Seen<'_>> = model
        .of_lineage(lineage)
        .filter(|seen| seen.request.wish.act == Act::Bump && model.written(seen) == Some(lineage))
        .collect();
    let mut found = Vec::new();
    let counts = counts(model, lineage);
    for count in &counts {
        let (start, end) = (count.seen.request.start, count.seen.request.end);
        let least =
            bumps.iter().filter(|bump| bump.done_by() < start && model.is_kept(bump.request.start, end)).count();
        let most = bumps.iter().filter(|bump| bump.request.start < end).count();
        if count.value < as_count(least) {
            let acknowledged = bumps.iter().filter(|bump| bump.done_by() < start).map(|bump| bump.number());
            let what = format!("the counter was {} after {least} acknowledged increments", count.value);
            let proof = acknowledged.chain([count.seen.number()]).collect();
            found.push(Violation { rule: "lost-count", what, proof });
        }
        if count.value > as_count(most) {
            let begun = bumps.iter().filter(|bump| bump.request.start < end).map(|bump| bump.number());
            let what = format!("the counter was {} after {most} increments at most", count.value);
            let proof = begun.chain([count.seen.number()]).collect();
            found.push(Violation { rule: "counted-twice", what, proof });
        }
    }
    found.extend(same_count_twice(model, &counts));
    found.extend(backwards(model, &counts));
    found
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn counts<'a>(model: &'a Model<'_>, lineage: Lineage) -> Vec<Count<'a>> {
    let mut counts = Vec::new();
    for seen in model.of_lineage(lineage) {
        for (of, view) in model.views(seen) {
            let is_after = seen.request.after().is_some_and(|after| std::ptr::eq(after, view));
            let is_own = is_after && seen.request.wish.act == Act::Bump;
            if of == lineage {
                counts.push(Count { seen, value: view.count.unwrap_or(0), is_own });
            }
        }
    }
    counts
}

/// Two increments that were both made have different results.
fn same_count_twice(model: &Model<'_>, counts: &[Count<'_>]) -> Vec<Violation> {
    let mut made: HashMap<u64, &Seen<'_>> = HashMap::new();
    let mut found = Vec::new();
    for Count { seen, value, .. } in counts.iter().filter(|count| count.is_own && count.seen.fate == Fate::Done) {
        if let Some(other) = made.insert(*value, seen)
            && model.is_kept(other.request.start.min(seen.request.start), other.request.end.max(seen.request.end))
        {
            let what = format!("two increments both made {value}");
            found.push(Violation { rule: "lost-count", what, proof: vec![other.number(), seen.number()] });
        }
    }
    found
}

/// A later request sees no lower count.
fn backwards(model: &Model<'_>, counts: &[Count<'_>]) -> Vec<Violation> {
    let mut by_start: Vec<&Count<'_>> = counts.iter().collect();
    by_start.sort_by_key(|count| count.seen.request.start);
    let mut by_end: Vec<&Count<'_>> = counts.iter().collect();
    by_end.sort_by_key(|count| count.seen.request.end);
    let mut found = Vec::new();
    let mut ended = by_end.into_iter().peekable();
    let mut highest: Option<&Count<'_>> = None;
    for count in by_start {
        while let Some(other) = ended.next_if(|other| other.seen.request.end < count.seen.request.start) {
            let since = highest.filter(|known| model.is_kept(known.seen.request.start, count.seen.request.end));
            if since.is_none_or(|known| known.value <= other.value) {
                highest = Some(other);
            }
        }
        let before = highest.filter(|known| model.is_kept(known.seen.request.start, count.seen.request.end));
        if let Some(before) = before.filter(|before| before.value > count.value) {
            let what = format!("the counter went from {} back to {}", before.value, count.value);
            let proof = vec![before.seen.number(), count.seen.number()];
            found.push(Violation { rule: "count-backwards", what, proof });
        }
    }
    found
}

fn owner(model: &Model<'_>, lineage: Lineage) -> Vec<Violation> {
    let changes: Vec<(&Seen<'_>, &str)> = model
        .of_lineage(lineage)
        .filter(|seen| model.written(seen) == Some(lineage))
        .filter_map(|seen| match &seen.request.wish.act {
            Act::Own { owner, .. } => Some((seen, owner.as_str())),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for seen in model.of_lineage(lineage) {
        for (_, view) in model.views(seen).into_iter().filter(|(of, _)| *of == lineage) {
            let (start, end) = (seen.request.start, seen.request.end);
            let last = changes
                .iter()
                .filter(|(change, _)| change.done_by() < start && model.is_kept(change.request.start, end))
                .max_by_key(|(change, _)| change.request.start);
            let since: Micros = last.map_or(0, |(change, _)| change.request.start);
            let may_be = |owner: &str| {
                changes
                    .iter()
                    .any(|(change, to)| *to == owner && change.request.start < end && change.done_by() > since)
            };
            let is_right = match &view.owner {
                None => last.is_none(),
                Some(owner) => may_be(owner),
            };
            if !is_right {
                let shown = view.owner.as_deref().unwrap_or("nobody");
                let what = match last {
                    Some((_, owner)) => format!("the session was {shown}'s after it had become {owner}'s"),
                    None => format!("the session was {shown}'s and had not become that"),
                };
                let proof = last.map(|(change, _)| change.number()).into_iter().chain([seen.number()]).collect();
                found.push(Violation { rule: "wrong-owner", what, proof });
            }
        }
    }
    found
}
