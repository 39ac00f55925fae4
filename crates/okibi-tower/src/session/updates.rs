//! The functions of a request's updates. A conflict runs them again.

use std::mem;

use okibi_core::{Op, Patch, Text};

use crate::Error;

/// The function of an update. It gets the name (empty for a whole session) and the current value,
/// and returns the changes.
pub(super) type Function = Box<dyn FnMut(&Text, Option<&Text>) -> Result<Patch, Error> + Send>;

/// The function of an update, with the token that the engine uses for it.
pub(super) struct Update {
    pub(super) token: u32,
    pub(super) name: Text,
    pub(super) function: Function,
}

/// The functions of the updates in a log. Most requests have at most one. The first needs no
/// allocation here.
#[derive(Default)]
pub(super) struct Updates {
    first: Option<Update>,
    others: Vec<Update>,
}

impl Updates {
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(super) fn keep(&mut self, update: Update) {
        match &self.first {
            None => self.first = Some(update),
            Some(_) => self.others.push(update),
        }
    }

    /// Removes and returns the function of this token. Run it without holding a lock.
    pub(super) fn take(&mut self, token: u32) -> Option<Update> {
        if let Some(first) = self.first.take_if(|first| first.token == token) {
            return Some(first);
        }
        let index = self.others.iter().position(|update| update.token == token)?;
        Some(self.others.swap_remove(index))
    }

    /// Keeps only the functions that `log` still needs. Returns the others. Drop them without
    /// holding a lock.
    pub(super) fn retain_pending(&mut self, log: &[Op]) -> Self {
        let retired = mem::take(self);
        if log.is_empty() {
            return retired;
        }
        let is_pending =
            |update: &Update| log.iter().any(|op| matches!(op, Op::Update { token, .. } if *token == update.token));
        let (pending, done): (Vec<_>, Vec<_>) = retired.first.into_iter().chain(retired.others).partition(is_pending);
        self.others = pending;
        Self { first: None, others: done }
    }
}
