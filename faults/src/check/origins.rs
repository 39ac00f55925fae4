//! Checks the origin of each value that a request saw: the same session, an earlier change, and one
//! that was not refused.

use std::collections::{HashMap, HashSet};

use super::{
    Violation,
    fates::Fate,
    model::{Generation, Lineage, Model, Seen, is_login},
};
use crate::history::{Act, Outcome, View};

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut writers: HashMap<&str, &Seen<'_>> = HashMap::new();
    for seen in &model.requests {
        if let Some((_, value)) = seen.request.wish.act.write() {
            writers.insert(value, seen);
        }
    }
    for reader in &model.requests {
        for value in values(reader) {
            found.extend(of_value(model, reader, value, writers.get(value).copied()));
        }
        found.extend(without_session(reader));
    }
    found.extend(handles(model));
    found.extend(births(model));
    found.extend(taken_twice(model));
    found
}

/// Every value in a request's answer, once.
fn values<'a>(seen: &Seen<'a>) -> HashSet<&'a str> {
    let Some(answer) = &seen.request.answer else { return HashSet::new() };
    let views = [&answer.before, &answer.after].into_iter().flatten();
    let shown = views.flat_map(|view| view.values.values()).chain(&answer.got);
    shown.map(String::as_str).collect()
}

fn of_value(model: &Model<'_>, reader: &Seen<'_>, value: &str, writer: Option<&Seen<'_>>) -> Option<Violation> {
    let violation = |rule, what: String, writer: Option<&Seen<'_>>| {
        let proof = writer.map(Seen::number).into_iter().chain([reader.number()]).collect();
        Some(Violation { rule, what, proof })
    };
    let Some(writer) = writer.filter(|writer| writer.request.start < reader.request.end) else {
        return violation("from-nowhere", format!("{value} was seen but had not been written"), writer);
    };
    if writer.number() == reader.number() {
        // Its own value, before its fate is known.
        return None;
    }
    if writer.fate == Fate::Never {
        let (rule, why) = match writer.request.outcome {
            Outcome::Ok | Outcome::Failed | Outcome::RolledBack => ("failed-shows", "writing it failed or was dropped"),
            _ => ("crossed", "it went to a new session with a cookie that no answer set"),
        };
        return violation(rule, format!("{value} was seen, though {why}"), Some(writer));
    }
    let lineage = |generation: Option<Generation>| generation.map(|generation| model.lineage(generation));
    // A value written before a session was identified may be stored in a session that the writer's
    // cookie named.
    let own = [lineage(reader.at), lineage(reader.began)];
    if own.contains(&model.written(writer)) {
        return None;
    }
    violation("crossed", format!("{value} was seen in another session than it was written to"), Some(writer))
}

/// A request without a session sees no values.
fn without_session(seen: &Seen<'_>) -> Option<Violation> {
    let before = seen.request.before()?;
    let shows =
        !before.values.is_empty() || before.count.is_some() || before.owner.is_some() || before.handle.is_some();
    let shows = shows || before.birth.is_some();
    let (rule, what) = if !before.live && shows {
        ("crossed", "no session, but values of one were seen")
    } else if before.live && seen.at.is_none() {
        ("crossed", "a session was seen without a cookie that opens one")
    } else {
        return None;
    };
    Some(Violation { rule, what: what.to_owned(), proof: vec![seen.number()] })
}

/// A handle belongs to one generation, and each generation has one handle.
fn handles(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut by_handle: HashMap<&str, (Generation, u32)> = HashMap::new();
    let mut by_generation: HashMap<Generation, (&str, u32)> = HashMap::new();
    for seen in &model.requests {
        let before = seen.at.zip(seen.request.before());
        let after = seen.began.or(seen.at.filter(|_| !is_login(seen.request))).zip(seen.request.after());
        // After an ended session the view may have the handle of another one, which the next
        // request shows.
        let after = after.filter(|_| !matches!(seen.request.wish.act, Act::Destroy));
        for (generation, View { handle, .. }) in [before, after].into_iter().flatten() {
            let Some(handle) = handle.as_deref() else { continue };
            let number = seen.number();
            let (other, first) = *by_handle.entry(handle).or_insert((generation, number));
            let (known, since) = *by_generation.entry(generation).or_insert((handle, number));
            if other != generation {
                let what = "two sessions, or a session before and after a rotation, have the same handle".to_owned();
                found.push(Violation { rule: "crossed", what, proof: vec![first, number] });
            } else if known != handle {
                let what = "a session's handle changed without a rotation".to_owned();
                found.push(Violation { rule: "crossed", what, proof: vec![since, number] });
            }
        }
    }
    found
}

/// A birth belongs to one session, and each session keeps its birth.
fn births(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut by_birth: HashMap<&str, (Lineage, u32)> = HashMap::new();
    let mut by_lineage: HashMap<Lineage, (&str, u32)> = HashMap::new();
    for seen in &model.requests {
        for (lineage, view) in model.views(seen) {
            let Some(birth) = view.birth.as_deref() else { continue };
            let number = seen.number();
            let (other, first) = *by_birth.entry(birth).or_insert((lineage, number));
            let (known, since) = *by_lineage.entry(lineage).or_insert((birth, number));
            if other != lineage {
                let what = "two sessions have the same birth".to_owned();
                found.push(Violation { rule: "crossed", what, proof: vec![first, number] });
            } else if known != birth {
                let what = "a session's birth changed".to_owned();
                found.push(Violation { rule: "crossed", what, proof: vec![since, number] });
            }
        }
    }
    found
}

/// A value is taken by one request at most, unless the effect of the first was lost.
fn taken_twice(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut takers: HashMap<&str, &Seen<'_>> = HashMap::new();
    for seen in model.requests.iter().filter(|seen| matches!(seen.request.wish.act, Act::Take { .. })) {
        let Some(value) = seen.request.answer.as_ref().and_then(|answer| answer.got.as_deref()) else { continue };
        if let Some(first) = takers.insert(value, seen)
            && model.is_kept(first.request.start, seen.request.end)
        {
            let what = format!("{value} was taken by two requests");
            found.push(Violation { rule: "taken-twice", what, proof: vec![first.number(), seen.number()] });
        }
    }
    found
}
