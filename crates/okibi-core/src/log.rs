//! The JSON form of a log, in bindings and in the shared vectors: `[{"set":["name",value]},"clear",
//! …]`.

use alloc::{string::String, vec::Vec};

use crate::{
    id::Owner,
    json::{self, Members},
    session::{Json, Op, Patch},
    text::Text,
};

/// Parses a log. `None` if any part of it is invalid.
pub fn parse_log(json: &[u8]) -> Option<Vec<Op>> {
    json::items(core::str::from_utf8(json).ok()?)?.into_iter().map(op).collect()
}

/// Parses the result of an update: `[["name",value],["removed name"]]`.
pub fn parse_patch(json: &[u8]) -> Option<Patch> {
    patch(core::str::from_utf8(json).ok()?)
}

fn op(item: &str) -> Option<Op> {
    if let Some(name) = json::string(item) {
        return Some(match name.as_ref() {
            "clear" => Op::Clear,
            "rotate" => Op::Rotate,
            "rotate_keeping_deadline" => Op::RotateKeepingDeadline,
            "renew_id" => Op::RenewId,
            "destroy" => Op::Destroy,
            "touch" => Op::Touch,
            "no_activity" => Op::NoActivity,
            _ => return None,
        });
    }
    let [(kind, body)]: [_; 1] = json::members(item)?.0.try_into().ok()?;
    Some(match kind.as_ref() {
        "set" => pair(body).map(|(name, value)| Op::Set(name, value))?,
        "flash" => pair(body).map(|(name, value)| Op::Flash(name, value))?,
        "read_flash" => pair(body).map(|(name, value)| Op::ReadFlash(name, value))?,
        "remove" => Op::Remove(text(body)?),
        "update" => update(&json::members(body)?)?,
        "set_idle" => Op::SetIdle(json::number(body)?),
        "set_absolute" if body == "null" => Op::SetAbsolute(None),
        "set_absolute" => Op::SetAbsolute(Some(json::number(body)?)),
        "set_persistent" => Op::SetPersistent(boolean(body)?),
        "set_deadline" if body == "null" => Op::SetDeadline(None),
        "set_deadline" => Op::SetDeadline(Some(json::number(body)?)),
        "use_id" => Op::UseId(text(body)?),
        "set_owner" => Op::SetOwner(optional(body)?.map(Owner::new)),
        "set_label" => Op::SetLabel(optional(body)?.map(Text::from)),
        _ => return None,
    })
}

fn update(members: &Members<'_>) -> Option<Op> {
    let (mut token, mut name, mut made, mut basis) = (None, None, None, None);
    for (member, value) in &members.0 {
        match member.as_ref() {
            "token" => token = Some(u32::try_from(json::number(value)?).ok()?),
            "name" => name = optional(value)?.map(Text::from),
            "patch" => made = Some(patch(value)?),
            "basis" => basis = Some(u32::try_from(json::number(value)?).ok()?),
            _ => return None,
        }
    }
    Some(Op::Update { token: token?, name, patch: made?, basis: basis? })
}

fn patch(json: &str) -> Option<Patch> {
    let change = |item| match *json::items(item)? {
        [name] => Some((text(name)?, None)),
        [name, value] => Some((text(name)?, Some(Json(value.into())))),
        _ => None,
    };
    json::items(json)?.into_iter().map(change).collect()
}

fn pair(json: &str) -> Option<(Text, Json)> {
    match *json::items(json)? {
        [name, value] => Some((text(name)?, Json(value.into()))),
        _ => None,
    }
}

fn text(json: &str) -> Option<Text> {
    json::string(json).map(|text| Text::from(text.as_ref()))
}

#[expect(clippy::option_option, reason = "not a string, null, or a string")]
fn optional(json: &str) -> Option<Option<String>> {
    if json == "null" { Some(None) } else { json::string(json).map(|text| Some(text.into())) }
}

fn boolean(json: &str) -> Option<bool> {
    match json {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
