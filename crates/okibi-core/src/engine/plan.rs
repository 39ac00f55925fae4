//! What the log of a request amounts to: whether its session ends, moves, or only changes.

use alloc::vec::Vec;

use super::base::Live;
use crate::{
    codec::{fields, variants},
    id::Owner,
    session::{Op, Patch},
    text::Text,
};

/// What a log amounts to.
#[derive(Clone)]
pub(super) struct Plan {
    /// The session ends first; the rest begins another.
    pub(super) destroy: bool,
    pub(super) rotation: Option<Rotation>,
    /// The request is no activity.
    pub(super) no_activity: bool,
    /// The changes after the last destroy.
    pub(super) log: Vec<Op>,
    pub(super) computed: Vec<Computed>,
    /// The id that the app chose for the next new record.
    pub(super) chosen: Option<Text>,
    /// The request failed: nothing but a destroy is written.
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

    /// How a live session moves: as the log asks, and always when it comes from elsewhere or the app chose another id.
    pub(super) fn rotation_of(&self, live: &Live) -> Option<Rotation> {
        let by_log = self.rotation(live.record.owner.as_ref());
        let chosen = self.chosen.as_ref().zip(live.id.as_ref());
        let by_id = chosen.filter(|(chosen, id)| chosen.as_str().as_bytes() != id.as_bytes()).map(|_| Rotation::Rotate);
        let by_adoption = live.adopted.then_some(Rotation::Renew);
        let rotation = by_log.max(by_id).max(by_adoption);
        rotation.filter(|rotation| !(live.followed && *rotation == Rotation::Renew))
    }

    /// Whether nothing in the log changes what is stored.
    pub(super) fn changes_nothing(&self) -> bool {
        self.log.iter().all(|op| matches!(op, Op::Touch | Op::UseId(_)))
    }

    pub(super) fn touches(&self) -> bool {
        self.log.iter().any(|op| matches!(op, Op::Touch))
    }

    /// How a session that is `owner`'s moves: as the log asks, and always when it gets another owner.
    pub(super) fn rotation(&self, owner: Option<&Owner>) -> Option<Rotation> {
        let changed = self.log.iter().rev().find_map(|op| match op {
            Op::SetOwner(new) => Some(new.as_ref() != owner),
            _ => None,
        });
        let by_owner = changed.filter(|changed| *changed).map(|_| Rotation::Rotate);
        self.rotation.max(by_owner)
    }
}

/// Which rotation a log asks for; the later ones outweigh the earlier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rotation {
    /// A new id at equal privilege.
    Renew,
    /// A new id for a change of privilege; the absolute deadline stays.
    RotateKeepingDeadline,
    /// A new id for a change of privilege; both clocks start anew.
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

/// What an update made of what it read. It counts for as long as the update reads the same.
#[derive(Clone)]
pub(super) struct Computed {
    pub(super) token: u32,
    pub(super) input: Option<Text>,
    pub(super) patch: Patch,
}

fields!(Computed { token, input, patch });
