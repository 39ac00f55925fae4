//! The JSON form of a log, in bindings and in the shared vectors: `[{"set":["name",value]},"clear",
//! …]`.

use alloc::vec::Vec;

use crate::{
    id::Owner,
    json::{DEEPEST, Reader},
    session::{Json, Op, Patch},
    text::Text,
};

/// Parses a log. `None` if any part of it is invalid.
pub fn parse_log(json: &[u8]) -> Option<Vec<Op>> {
    let mut log = Vec::new();
    whole(json, &mut |reader| {
        reader.array(&mut |reader| {
            log.push(op(reader)?);
            Some(())
        })
    })?;
    Some(log)
}

/// Parses the result of an update: `[["name",value],["removed name"]]`.
pub fn parse_patch(json: &[u8]) -> Option<Patch> {
    let mut made = None;
    whole(json, &mut |reader| {
        made = Some(patch(reader)?);
        Some(())
    })?;
    made
}

/// Reads JSON to its end.
fn whole<'a>(json: &'a [u8], read: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>) -> Option<()> {
    let mut reader = Reader::new(core::str::from_utf8(json).ok()?);
    read(&mut reader)?;
    reader.is_at_end().then_some(())
}

fn op(reader: &mut Reader<'_>) -> Option<Op> {
    if let Some(name) = reader.string() {
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
    let mut op = None;
    reader.object(&mut |kind, reader| {
        let body = body(&kind, reader)?;
        op.replace(body).is_none().then_some(())
    })?;
    op
}

fn body(kind: &str, reader: &mut Reader<'_>) -> Option<Op> {
    Some(match kind {
        "set" => pair(reader).map(|(name, value)| Op::Set(name, value))?,
        "flash" => pair(reader).map(|(name, value)| Op::Flash(name, value))?,
        "read_flash" => pair(reader).map(|(name, value)| Op::ReadFlash(name, value))?,
        "remove" => Op::Remove(text(reader)?),
        "update" => update(reader)?,
        "set_idle" => Op::SetIdle(reader.number()?),
        "set_absolute" => Op::SetAbsolute(optional(reader, Reader::number)?),
        "set_persistent" => Op::SetPersistent(reader.boolean()?),
        "set_deadline" => Op::SetDeadline(optional(reader, Reader::number)?),
        "use_id" => Op::UseId(text(reader)?),
        "set_owner" => Op::SetOwner(optional(reader, Reader::string)?.map(Owner::new)),
        "set_label" => Op::SetLabel(optional(reader, text)?),
        _ => return None,
    })
}

fn update(reader: &mut Reader<'_>) -> Option<Op> {
    let (mut token, mut name, mut made, mut basis) = (None, None, None, None);
    reader.object(&mut |member, reader| {
        match member.as_ref() {
            "token" => token = Some(u32::try_from(reader.number()?).ok()?),
            "name" => name = optional(reader, text)?,
            "patch" => made = Some(patch(reader)?),
            "basis" => basis = Some(u32::try_from(reader.number()?).ok()?),
            _ => return None,
        }
        Some(())
    })?;
    Some(Op::Update { token: token?, name, patch: made?, basis: basis? })
}

fn patch(reader: &mut Reader<'_>) -> Option<Patch> {
    let mut patch = Vec::new();
    reader.array(&mut |reader| {
        patch.push(change(reader)?);
        Some(())
    })?;
    Some(patch)
}

/// Reads a name and, if it was not removed, its value.
fn change(reader: &mut Reader<'_>) -> Option<(Text, Option<Json>)> {
    let (mut name, mut value) = (None, None);
    reader.array(&mut |reader| {
        match (&name, &value) {
            (None, _) => name = Some(text(reader)?),
            (Some(_), None) => value = Some(Json(reader.value(DEEPEST)?.into())),
            _ => return None,
        }
        Some(())
    })?;
    Some((name?, value))
}

fn pair(reader: &mut Reader<'_>) -> Option<(Text, Json)> {
    let (name, value) = change(reader)?;
    Some((name, value?))
}

fn text(reader: &mut Reader<'_>) -> Option<Text> {
    reader.string().map(|text| Text::from(text.as_ref()))
}

#[expect(clippy::option_option, reason = "malformed, null, or a value")]
fn optional<'a, T>(reader: &mut Reader<'a>, read: fn(&mut Reader<'a>) -> Option<T>) -> Option<Option<T>> {
    if reader.null() { Some(None) } else { read(reader).map(Some) }
}
