//! Replies: a head in JSON, then the frames that go with it.

use alloc::{string::String, vec::Vec};
use core::fmt::Write as _;

use bytes::Bytes;
use okibi_core::{
    ConfigError, Engine, Entry, Event, Flow, LONGEST_NAME, Limits, MOST_UPDATES, Refusal, Step, StoreKey, Summary,
    Timestamp, Write, formats::push_data, json::push_string,
};

use crate::frames;

/// What is to be done next, the flow to hand back, and a swap's bytes: what to write, and what must lie there.
pub(crate) fn step(reply: &mut Vec<u8>, engine: &Engine, flow: &mut Flow, step: Step, now: Timestamp) {
    let mut head = String::with_capacity(256);
    let (write, expected) = match step {
        Step::Load(key) => plain(&mut head, "load", &key, None),
        Step::LoadAccepted { entry, key } => plain(&mut head, "load", &key, Some(entry)),
        Step::Swap { key, expected, write } => {
            let Write { bytes, expires_at, owner } = write;
            _ = write!(
                head,
                "{{\"step\":\"swap\",\"key\":{},\"expiresAt\":{}",
                quoted(key.as_str()),
                expires_at.as_millis()
            );
            if let Some(owner) = owner {
                _ = write!(head, ",\"owner\":{}", quoted(owner.as_str()));
            }
            (Some(bytes), expected)
        }
        Step::Delete(key) => plain(&mut head, "delete", &key, None),
        Step::DeleteAccepted { entry, key } => plain(&mut head, "delete", &key, Some(entry)),
        Step::Recompute { token, current } => {
            _ = write!(head, "{{\"step\":\"recompute\",\"token\":{token}");
            if let Some(current) = current {
                _ = write!(head, ",\"current\":{}", current.as_str());
            }
            (None, None)
        }
        Step::Done => {
            head.push_str("{\"step\":\"done\"");
            view(&mut head, engine, flow, now);
            (None, None)
        }
    };
    events(&mut head, &flow.take_events());
    head.push('}');
    frames::push(reply, head.as_bytes());
    frames::push(reply, &flow.to_bytes());
    for bytes in [write, expected].into_iter().flatten() {
        frames::push(reply, &bytes);
    }
}

/// A step that writes nothing. `entry`: it is for the store of an accepted dialect.
fn plain(head: &mut String, step: &str, key: &StoreKey, entry: Option<usize>) -> (Option<Bytes>, Option<Bytes>) {
    _ = write!(head, "{{\"step\":\"{step}\",\"key\":{}", quoted(key.as_str()));
    if let Some(entry) = entry {
        _ = write!(head, ",\"entry\":{entry}");
    }
    (None, None)
}

/// The request's last task is done: only what was committed counts, and there is no state to hand back.
pub(crate) fn last(reply: &mut Vec<u8>, flow: &mut Flow) {
    let mut head = String::with_capacity(256);
    head.push_str("{\"step\":\"done\"");
    outcome(&mut head, flow);
    events(&mut head, &flow.take_events());
    head.push('}');
    frames::push(reply, head.as_bytes());
}

/// What a task that is done leaves to be sent and told.
fn outcome(head: &mut String, flow: &Flow) {
    let activity = flow.activity();
    _ = write!(head, ",\"loads\":{},\"swaps\":{},\"deletes\":{}", activity.loads, activity.swaps, activity.deletes);
    list(head, "cookies", flow.set_cookies().iter().map(String::as_str));
}

/// What the face shows the handler: the values and what is known of the session.
fn view(head: &mut String, engine: &Engine, flow: &mut Flow, now: Timestamp) {
    let taken = flow.taken();
    _ = write!(head, ",\"unread\":{},\"basis\":{}", flow.is_unread(), flow.basis());
    outcome(head, flow);
    if let Some(taken) = taken {
        _ = write!(head, ",\"taken\":{}", taken.as_str());
    }
    let (Some(record), Some(due_at)) = (flow.record(), engine.renewal_due_at(flow)) else { return };
    _ = write!(
        head,
        ",\"session\":{{\"created\":{},\"active\":{},\"idle\":{},\"persistent\":{},\"renewalDueAt\":{},\"due\":{}",
        record.created.as_millis(),
        record.active.as_millis(),
        // A session without an idle span has one that JavaScript can still count.
        u64::try_from(record.idle.as_millis()).unwrap_or(u64::MAX).min(Timestamp::MAX.as_millis()),
        record.persistent,
        due_at.as_millis(),
        engine.is_renewal_due(flow, now)
    );
    if let Some(handle) = record.handle {
        _ = write!(head, ",\"handle\":\"{handle}\"");
    }
    if let Some(id) = engine.visible_id(flow) {
        _ = write!(head, ",\"id\":{}", quoted(&id));
    }
    if record.expires_at() < Timestamp::MAX {
        _ = write!(head, ",\"expiresAt\":{}", record.expires_at().as_millis());
    }
    if let Some(deadline) = record.deadline {
        _ = write!(head, ",\"deadline\":{}", deadline.as_millis());
    }
    if let Some(owner) = &record.owner {
        _ = write!(head, ",\"owner\":{}", quoted(owner.as_str()));
    }
    if let Some(label) = &record.label {
        _ = write!(head, ",\"label\":{}", quoted(label.as_str()));
    }
    let bytes: usize = record.entries.iter().map(Entry::size).sum();
    _ = write!(head, ",\"bytes\":{bytes},\"data\":");
    push_data(head, &record.entries);
    let flashes = record.entries.iter().filter(|entry| entry.flash);
    // A flash comes with its text as well: who reads it has to say which one it was.
    list(head, "flashes", flashes.flat_map(|entry| [entry.name.as_str(), entry.value.as_str()]));
    head.push('}');
}

/// The task was refused. The face keeps the flow that it had.
pub(crate) fn refusal(reply: &mut Vec<u8>, refusal: Refusal, seen: &[Event]) {
    let mut head = String::new();
    _ = write!(head, "{{\"error\":{{\"code\":\"{}\",\"message\":{}}}", refusal.code(), quoted(&shown(&refusal)));
    events(&mut head, seen);
    head.push('}');
    frames::push(reply, head.as_bytes());
}

pub(crate) fn configured(reply: &mut Vec<u8>, index: usize, engine: &Engine) {
    let mut head = String::new();
    let takes = engine.may_take().is_ok();
    _ = write!(
        head,
        "{{\"engine\":{index},\"cookieName\":{},\"sealed\":{},\"takes\":{takes}",
        quoted(engine.cookie_name()),
        engine.is_sealed()
    );
    list(&mut head, "acceptedNames", engine.accepted_cookie_names());
    let Limits { bytes, names, depth } = engine.limits();
    _ = write!(
        head,
        ",\"limits\":{{\"bytes\":{bytes},\"names\":{names},\"depth\":{depth},\"nameBytes\":{LONGEST_NAME},\"updates\":{MOST_UPDATES}}}"
    );
    head.push('}');
    frames::push(reply, head.as_bytes());
}

pub(crate) fn config_error(reply: &mut Vec<u8>, error: &ConfigError) {
    let mut head = String::new();
    _ = write!(head, "{{\"error\":{{\"code\":\"config\",\"message\":{}}}}}", quoted(&shown(error)));
    frames::push(reply, head.as_bytes());
}

pub(crate) fn summary(reply: &mut Vec<u8>, summary: Option<&Summary>) {
    let Some(summary) = summary else { return frames::push(reply, b"null") };
    let mut head = String::new();
    _ = write!(
        head,
        "{{\"handle\":\"{}\",\"created\":{},\"active\":{},\"expiresAt\":{}",
        summary.handle,
        summary.created.as_millis(),
        summary.active.as_millis(),
        summary.expires_at.as_millis()
    );
    if let Some(label) = &summary.label {
        _ = write!(head, ",\"label\":{}", quoted(label));
    }
    head.push('}');
    frames::push(reply, head.as_bytes());
}

pub(crate) fn text(reply: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => frames::push(reply, quoted(text).as_bytes()),
        None => frames::push(reply, b"null"),
    }
}

fn events(head: &mut String, events: &[Event]) {
    if !events.is_empty() {
        list(head, "events", events.iter().map(|event| event.code()));
    }
}

fn list<'a>(head: &mut String, name: &str, items: impl Iterator<Item = &'a str>) {
    _ = write!(head, ",\"{name}\":[");
    for (index, item) in items.enumerate() {
        if index > 0 {
            head.push(',');
        }
        head.push_str(&quoted(item));
    }
    head.push(']');
}

/// What an error says. (`to_string` would keep the way of a panic in the module.)
fn shown(error: &dyn core::fmt::Display) -> String {
    let mut text = String::new();
    _ = write!(text, "{error}");
    text
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_string(&mut json, text);
    json
}
