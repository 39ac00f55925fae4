//! The values under each name: an atomic register. All written values differ.
//!
//! For each value the span in which it was certainly stored is known: from the first end to the
//! last start of the write and of the reads that saw it. Two such spans never overlap, and no other
//! change is within one. (Gibbons and Korach, "Testing Shared Memories", 1997, prove that a
//! register needs no other check.)

use std::collections::BTreeMap;

use super::{
    Violation,
    fates::Fate,
    model::{Lineage, Model, NEVER, Seen},
};
use crate::history::{Act, Micros, NAMES, NOTE};

/// All events of one name of one session.
#[derive(Default)]
struct Register<'a> {
    writes: Vec<Event<'a>>,
    /// The value is the one that the remover saw, if it saw one.
    removals: Vec<Event<'a>>,
    reads: Vec<Event<'a>>,
}

/// An event at one moment between two times.
#[derive(Clone, Copy)]
struct Event<'a> {
    number: u32,
    value: Option<&'a str>,
    start: Micros,
    end: Micros,
}

/// A value's certain time: it was stored from `from` to `until`, if that is a span.
struct Zone<'a> {
    value: &'a str,
    from: Micros,
    until: Micros,
    /// The requests that end first and start last.
    proof: [u32; 2],
}

pub(super) fn check(model: &Model<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for lineage in 0..model.lineages.len() {
        for name in NAMES.into_iter().chain([NOTE]) {
            let register = Register::of(model, lineage, name);
            for epoch in model.epochs() {
                found.extend(register.within(epoch).check(name));
            }
        }
    }
    found
}

impl<'a> Register<'a> {
    fn of(model: &'a Model<'_>, lineage: Lineage, name: &str) -> Self {
        let mut register = Self::default();
        for seen in model.of_lineage(lineage) {
            register.take_in_views(model, lineage, name, seen);
            if model.written(seen) == Some(lineage)
                || matches!(seen.request.wish.act, Act::Take { .. } | Act::ReadFlash)
            {
                register.take_in_change(name, seen);
            }
        }
        register
    }

    fn take_in_views(&mut self, model: &'a Model<'_>, lineage: Lineage, name: &str, seen: &'a Seen<'_>) {
        if name == NOTE {
            return;
        }
        for (_, view) in model.views(seen).into_iter().filter(|(of, _)| *of == lineage) {
            let value = view.values.get(name).map(String::as_str);
            self.reads.push(Event::of(seen, value));
        }
    }

    fn take_in_change(&mut self, name: &str, seen: &'a Seen<'_>) {
        let change = |value| Event { end: seen.done_by(), ..Event::of(seen, value) };
        let act = &seen.request.wish.act;
        if let Some((written, value)) = act.write() {
            if written == name && seen.fate != Fate::Never {
                self.writes.push(change(Some(value)));
            }
            return;
        }
        let got = seen.request.answer.as_ref().and_then(|answer| answer.got.as_deref());
        match act {
            Act::Remove { name: removed } if removed == name && seen.fate != Fate::Never => {
                self.removals.push(change(None));
            }
            Act::Take { name: taken } if taken == name => {
                let still_live = seen.request.after().is_some_and(|after| after.live);
                if got.is_some() || still_live {
                    self.reads.push(Event::of(seen, got));
                }
                if seen.fate != Fate::Never {
                    self.removals.push(change(got));
                }
            }
            Act::ReadFlash if name == NOTE => {
                if seen.was_live() == Some(true) && !seen.is_forked {
                    self.reads.push(Event::of(seen, got));
                }
                if seen.fate != Fate::Never {
                    self.removals.push(change(got));
                }
            }
            _ => {}
        }
    }

    /// The events of an epoch between two losses: a change from before it may exist or not.
    fn within(&self, (from, until): (Micros, Micros)) -> Self {
        let is_inside = |event: &Event<'_>| event.start >= from && event.end <= until;
        let changes = |events: &[Event<'a>]| -> Vec<Event<'a>> {
            let begun = events.iter().filter(|event| event.start < until);
            begun.map(|event| if is_inside(event) { *event } else { Event { end: NEVER, ..*event } }).collect()
        };
        Self {
            writes: changes(&self.writes),
            removals: changes(&self.removals),
            reads: self.reads.iter().copied().filter(is_inside).collect(),
        }
    }

    fn check(&self, name: &str) -> Vec<Violation> {
        let zones = self.zones();
        let mut found = Vec::new();
        for (place, zone) in zones.iter().enumerate() {
            for other in zones.iter().skip(place + 1) {
                if zone.excludes(other) {
                    let what = format!("{} and {} were stored under {name} at the same time", zone.value, other.value);
                    found.push(Violation { rule: "undone", what, proof: together(zone.proof, other.proof) });
                }
            }
            if !zone.is_certain() {
                continue;
            }
            for removal in &self.removals {
                let saw_it = removal.value == Some(zone.value) && removal.end < zone.until;
                let lies_within = zone.from < removal.start && removal.end < zone.until;
                if saw_it || lies_within {
                    let what = format!("{} was seen under {name} after it had been removed", zone.value);
                    found.push(Violation { rule: "undone", what, proof: together(zone.proof, [removal.number]) });
                }
            }
            for read in self.reads.iter().filter(|read| read.value.is_none()) {
                if zone.from < read.start && read.end < zone.until {
                    let what = format!("{} was missing under {name} while it must have been there", zone.value);
                    found.push(Violation { rule: "lost-write", what, proof: together(zone.proof, [read.number]) });
                }
            }
        }
        found.extend(self.missing(name));
        found
    }

    /// The certain times of all values.
    fn zones(&self) -> Vec<Zone<'a>> {
        let mut zones: BTreeMap<&str, Zone<'_>> = BTreeMap::new();
        for event in self.writes.iter().chain(&self.reads) {
            let Some(value) = event.value else { continue };
            let proof = [event.number; 2];
            let zone = zones.entry(value).or_insert(Zone { value, from: event.end, until: event.start, proof });
            if event.end < zone.from {
                zone.from = event.end;
                zone.proof[0] = event.number;
            }
            if event.start > zone.until {
                zone.until = event.start;
                zone.proof[1] = event.number;
            }
        }
        zones.into_values().collect()
    }

    /// Nothing was seen after an acknowledged write, and no request can have removed it.
    fn missing(&self, name: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        for read in self.reads.iter().filter(|read| read.value.is_none()) {
            let last = self.writes.iter().filter(|write| write.end < read.start).max_by_key(|write| write.start);
            let Some(write) = last else { continue };
            let may_be_gone = self.removals.iter().any(|removal| removal.start < read.end && removal.end > write.start);
            if !may_be_gone {
                let value = write.value.unwrap_or_default();
                let what =
                    format!("{value} was acknowledged under {name}, no request removed it, and nothing was stored");
                found.push(Violation { rule: "lost-write", what, proof: vec![write.number, read.number] });
            }
        }
        found
    }
}

impl<'a> Event<'a> {
    fn of(seen: &Seen<'_>, value: Option<&'a str>) -> Self {
        Self { number: seen.number(), value, start: seen.request.start, end: seen.request.end }
    }
}

impl Zone<'_> {
    /// Whether there is a span in which the value was certainly stored.
    const fn is_certain(&self) -> bool {
        self.from < self.until
    }

    /// Whether the two values cannot both have been stored at their times.
    const fn excludes(&self, other: &Self) -> bool {
        // Either their certain times overlap, or all that is known of one happened within the
        // other's.
        let overlap = self.from < other.until && other.from < self.until;
        overlap && (self.is_certain() || other.is_certain())
    }
}

fn together(one: [u32; 2], others: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut proof: Vec<u32> = one.into_iter().chain(others).collect();
    proof.sort_unstable();
    proof.dedup();
    proof
}
