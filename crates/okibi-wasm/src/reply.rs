//! Replies: a head in JSON, then its frames.

use alloc::{string::String, vec::Vec};
use core::fmt::Write as _;

use bytes::Bytes;
use okibi_core::{
    ConfigError, Engine, Entry, Event, Flow, LONGEST_NAME, Limits, MOST_UPDATES, Refusal, Shown, Step, StoreKey,
    Summary, Timestamp, Write,
    formats::push_data,
    json::{push_number, push_string},
};

use crate::frames;

/// The next step, the flow to pass back, and the bytes of a swap: the new bytes and the expected
/// bytes.
pub(crate) fn step(reply: &mut Vec<u8>, engine: &Engine, flow: &mut Flow, step: Step, now: Timestamp) {
    let mut head = String::with_capacity(256);
    let (write, expected) = match step {
        Step::Load(key) => keyed_step(&mut head, "load", &key, None),
        Step::LoadAccepted { entry, key } => keyed_step(&mut head, "load", &key, Some(entry)),
        Step::Swap { key, expected, write } => {
            let Write { bytes, expires_at, owner, keeps } = write;
            keyed_step(&mut head, "swap", &key, None);
            time(&mut head, "expiresAt", expires_at);
            flag(&mut head, "keeps", keeps);
            if let Some(owner) = owner {
                string(&mut head, "owner", owner.as_str());
            }
            (Some(bytes), expected)
        }
        Step::Delete(key) => keyed_step(&mut head, "delete", &key, None),
        Step::DeleteAccepted { entry, key } => keyed_step(&mut head, "delete", &key, Some(entry)),
        Step::Recompute { token, current } => {
            begin(&mut head, "recompute");
            number(&mut head, "token", token.into());
            if let Some(current) = current {
                json(&mut head, "current", current.as_str());
            }
            (None, None)
        }
        Step::Done => {
            begin(&mut head, "done");
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

/// A step that writes nothing. `entry`: the step is for the store of an accepted dialect.
fn keyed_step(head: &mut String, step: &str, key: &StoreKey, entry: Option<usize>) -> (Option<Bytes>, Option<Bytes>) {
    begin(head, step);
    string(head, "key", key.as_str());
    if let Some(entry) = entry {
        number(head, "entry", count(entry));
    }
    (None, None)
}

/// The request's last task is done. The reply has only what was committed, and no flow.
pub(crate) fn last(reply: &mut Vec<u8>, flow: &mut Flow) {
    let mut head = String::with_capacity(256);
    begin(&mut head, "done");
    outcome(&mut head, flow);
    events(&mut head, &flow.take_events());
    head.push('}');
    frames::push(reply, head.as_bytes());
}

/// The cookies and counters of a task that is done.
fn outcome(head: &mut String, flow: &Flow) {
    let calls = flow.calls();
    number(head, "loads", calls.loads.into());
    number(head, "swaps", calls.swaps.into());
    number(head, "deletes", calls.deletes.into());
    list(head, "cookies", flow.set_cookies().iter().map(String::as_str));
}

/// The data that the face shows the handler: the values and the session's properties.
fn view(head: &mut String, engine: &Engine, flow: &mut Flow, now: Timestamp) {
    let taken = flow.taken();
    flag(head, "unread", flow.is_unread());
    number(head, "basis", flow.basis().into());
    outcome(head, flow);
    if let Some(taken) = taken {
        json(head, "taken", taken.as_str());
    }
    let (Some(record), Some(due_at)) = (flow.record(), engine.touch_due_at(flow)) else { return };
    json(head, "session", "{");
    flag(head, "persistent", record.persistent);
    time(head, "created", record.created);
    time(head, "active", record.last_active);
    // Without an idle timeout, the largest number that JavaScript can represent is sent.
    let idle = u64::try_from(record.idle.as_millis()).unwrap_or(u64::MAX);
    number(head, "idle", idle.min(Timestamp::MAX.as_millis()));
    time(head, "touchDueAt", due_at);
    flag(head, "due", engine.is_touch_due(flow, now));
    if let Some(handle) = record.handle {
        string(head, "handle", &display(&handle));
    }
    if let Some(id) = engine.visible_id(flow) {
        string(head, "id", &id);
    }
    if record.expires_at() < Timestamp::MAX {
        time(head, "expiresAt", record.expires_at());
    }
    if let Some(deadline) = record.deadline {
        time(head, "deadline", deadline);
    }
    if let Some(owner) = &record.owner {
        string(head, "owner", owner.as_str());
    }
    if let Some(label) = &record.label {
        string(head, "label", label.as_str());
    }
    number(head, "bytes", count(record.entries.iter().map(Entry::size).sum()));
    member(head, "data");
    push_data(head, &record.entries);
    let flashes = record.entries.iter().filter(|entry| entry.flash);
    // A flash also has its JSON, because the log entry of a read needs it.
    list(head, "flashes", flashes.flat_map(|entry| [entry.name.as_str(), entry.value.as_str()]));
    head.push('}');
}

/// A refusal of a call with a flow. The face keeps its old flow, unless the session is in doubt.
pub(crate) fn refused(reply: &mut Vec<u8>, refusal: Refusal, flow: &mut Flow) {
    self::refusal(reply, refusal, &flow.take_events());
    if flow.is_in_doubt() {
        frames::push(reply, &flow.to_bytes());
    }
}

pub(crate) fn refusal(reply: &mut Vec<u8>, refusal: Refusal, seen: &[Event]) {
    let mut head = String::from("{\"error\":{");
    string(&mut head, "code", refusal.code());
    string(&mut head, "message", &display(&refusal));
    head.push('}');
    events(&mut head, seen);
    head.push('}');
    frames::push(reply, head.as_bytes());
}

pub(crate) fn configured(reply: &mut Vec<u8>, index: usize, engine: &Engine) {
    let mut head = String::from("{");
    number(&mut head, "engine", count(index));
    string(&mut head, "cookieName", engine.cookie_name());
    list(&mut head, "cookieSuffixes", engine.cookie_suffixes().iter().copied());
    flag(&mut head, "sealed", engine.is_sealed());
    flag(&mut head, "takes", engine.may_take().is_ok());
    list(&mut head, "acceptedNames", engine.accepted_cookie_names());
    if let Some(warning) = engine.warning() {
        string(&mut head, "warning", warning);
    }
    let Limits { bytes, names, depth } = *engine.limits();
    json(&mut head, "limits", "{");
    for (name, limit) in
        [("bytes", bytes), ("names", names), ("depth", depth), ("nameBytes", LONGEST_NAME), ("updates", MOST_UPDATES)]
    {
        number(&mut head, name, count(limit));
    }
    head.push_str("}}");
    frames::push(reply, head.as_bytes());
}

/// A configuration error in parts, because JavaScript spells the options differently.
pub(crate) fn config_error(reply: &mut Vec<u8>, error: &ConfigError) {
    let mut head = String::from("{\"error\":{");
    let (option, shown, rule) = error.parts();
    string(&mut head, "option", option);
    match shown {
        Shown::Nothing => {}
        Shown::Text(text) => string(&mut head, "value", text),
        Shown::Json(value) => json(&mut head, "value", value),
        Shown::Number(size) => number(&mut head, "value", count(size)),
        Shown::Span(span) => number(&mut head, "millis", u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
    }
    string(&mut head, "message", &rule);
    head.push_str("}}");
    frames::push(reply, head.as_bytes());
}

pub(crate) fn summary(reply: &mut Vec<u8>, summary: Option<&Summary>) {
    let Some(summary) = summary else { return frames::push(reply, b"null") };
    let mut head = String::from("{");
    string(&mut head, "handle", &display(&summary.handle));
    time(&mut head, "created", summary.created);
    time(&mut head, "active", summary.last_active);
    time(&mut head, "expiresAt", summary.expires_at);
    if let Some(label) = &summary.label {
        string(&mut head, "label", label);
    }
    head.push('}');
    frames::push(reply, head.as_bytes());
}

pub(crate) fn text(reply: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            let mut json = String::with_capacity(text.len() + 2);
            push_string(&mut json, text);
            frames::push(reply, json.as_bytes());
        }
        None => frames::push(reply, b"null"),
    }
}

fn events(head: &mut String, events: &[Event]) {
    if !events.is_empty() {
        list(head, "events", events.iter().map(|event| event.code()));
    }
}

fn list<'a>(head: &mut String, name: &str, items: impl Iterator<Item = &'a str>) {
    member(head, name);
    head.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            head.push(',');
        }
        push_string(head, item);
    }
    head.push(']');
}

/// The message of an error. (`to_string` would add a panic to the module.)
fn display(error: &dyn core::fmt::Display) -> String {
    let mut text = String::new();
    _ = write!(text, "{error}");
    text
}

/// Begins the head of a step.
fn begin(head: &mut String, step: &str) {
    head.push('{');
    string(head, "step", step);
}

/// Begins another member of the open object. (`write!` would be larger and slower.)
fn member(head: &mut String, name: &str) {
    head.push_str(if head.as_bytes().last() == Some(&b'{') { "\"" } else { ",\"" });
    head.push_str(name);
    head.push_str("\":");
}

fn json(head: &mut String, name: &str, value: &str) {
    member(head, name);
    head.push_str(value);
}

fn string(head: &mut String, name: &str, value: &str) {
    member(head, name);
    push_string(head, value);
}

fn number(head: &mut String, name: &str, value: u64) {
    member(head, name);
    push_number(head, value);
}

fn time(head: &mut String, name: &str, value: Timestamp) {
    number(head, name, value.as_millis());
}

fn flag(head: &mut String, name: &str, value: bool) {
    json(head, name, if value { "true" } else { "false" });
}

/// A size as a JSON number.
const fn count(size: usize) -> u64 {
    size as u64
}
