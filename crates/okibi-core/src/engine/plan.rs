//! The plan of a commit: whether the log destroys, rotates or only changes the session.

use alloc::vec::Vec;

use super::base::Live;
use crate::{
    codec::{fields, variants},
    id::Owner,
    session::{Op, Patch},
    text::Text,
};

/// What a log does to the session.
#[derive(Clone)]
pub(super) struct Plan {
    /// The session is destroyed first. The rest of the log begins a new one.
    pub(super) destroy: bool,
    pub(super) rotation: Option<Rotation>,
    /// The request is no activity.
    pub(super) no_activity: bool,
    /// The changes after the last destroy.
    pub(super) log: Vec<Op>,
    pub(super) computed: Vec<Computed>,
    /// The app's choice of the id of the next new record.
    pub(super) chosen: Option<Text>,
    /// The request failed: only a destroy is written.
    pub(super) failed: bool,
}

fields!(Plan { destroy, rotation, no_activity, log, computed, chosen, failed });

impl Plan {
    /// `failed`: the request failed, so only a destroy is carried out.
    pub(super) fn new(mut log: Vec<Op>, failed: bool) -> Self {
        let before = log.len();
        log.retain(|op| !matches!(op, Op::NoActivity));
        let no_activity = log.len() < before;
        let end = log.iter().rposition(|op| matches!(op, Op::Destroy));
        if let Some(end) = end {
            log.drain(..=end);
        }
        if failed {
            log.clear();
        }
        let rotation = log.iter().filter_map(Rotation::of_op).max();
        let chosen = log.iter().rev().find_map(|op| if let Op::UseId(id) = op { Some(id.clone()) } else { None });
        Self { destroy: end.is_some(), rotation, no_activity, log, computed: Vec::new(), chosen, failed }
    }

    /// Which rotation a live session gets: the one in the log. An adopted session always gets one,
    /// and so does a session if the app chose another id.
    pub(super) fn rotation_of(&self, live: &Live) -> Option<Rotation> {
        let by_log = self.rotation(live.record.owner.as_ref());
        let chosen = self.chosen.as_ref().zip(live.id.as_ref());
        let by_id = chosen.filter(|(chosen, id)| chosen.as_str().as_bytes() != id.as_bytes()).map(|_| Rotation::Rotate);
        let by_adoption = live.adopted.then_some(Rotation::Renew);
        let rotation = by_log.max(by_id).max(by_adoption);
        rotation.filter(|rotation| !(live.followed && *rotation == Rotation::Renew))
    }

    /// Whether the log changes no stored data.
    pub(super) fn changes_nothing(&self) -> bool {
        self.log.iter().all(|op| matches!(op, Op::Touch | Op::UseId(_)))
    }

    pub(super) fn touches(&self) -> bool {
        self.log.iter().any(|op| matches!(op, Op::Touch))
    }

    /// Which rotation a session of `owner` gets: the one in the log. A change of the owner always
    /// rotates.
    pub(super) fn rotation(&self, owner: Option<&Owner>) -> Option<Rotation> {
        let changed = self.log.iter().rev().find_map(|op| match op {
            Op::SetOwner(new) => Some(new.as_ref() != owner),
            _ => None,
        });
        let by_owner = changed.filter(|changed| *changed).map(|_| Rotation::Rotate);
        self.rotation.max(by_owner)
    }
}

/// The kinds of rotation. If a log has several, the last kind in this list counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rotation {
    /// A new id at equal privilege.
    Renew,
    /// A new id for a change of privilege. The absolute deadline stays.
    RotateKeepingDeadline,
    /// A new id for a change of privilege. The idle and the absolute timeout start again.
    Rotate,
}

variants!(Rotation { 0 => Renew, 1 => RotateKeepingDeadline, 2 => Rotate });

impl Rotation {
    pub(super) fn of_op(op: &Op) -> Option<Self> {
        match op {
            Op::RenewId => Some(Self::Renew),
            Op::RotateKeepingDeadline => Some(Self::RotateKeepingDeadline),
            Op::Rotate => Some(Self::Rotate),
            _ => None,
        }
    }
}

/// The result of an update for one input. It is used again while the input is the same.
#[derive(Clone)]
pub(super) struct Computed {
    pub(super) token: u32,
    pub(super) input: Option<Text>,
    pub(super) patch: Patch,
}

fields!(Computed { token, input, patch });
