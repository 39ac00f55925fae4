//! The functions of a request's updates, kept so that they can be run again.

use std::mem;

use okibi_core::{Op, Patch, Text};

use crate::Error;

/// The function of an update: from its name (empty for a whole session) and what lies there to what it makes of it.
pub(super) type Function = Box<dyn FnMut(&Text, Option<&Text>) -> Result<Patch, Error> + Send>;

/// An update's function, and the token by which the engine asks for it.
pub(super) struct Update {
    pub(super) token: u32,
    pub(super) name: Text,
    pub(super) function: Function,
}

/// The functions of the updates in a log. Most requests have one at most, which has its place without an allocation.
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

    /// Takes out the function of this token, to be run where no lock is held.
    pub(super) fn take(&mut self, token: u32) -> Option<Update> {
        if let Some(first) = self.first.take_if(|first| first.token == token) {
            return Some(first);
        }
        let place = self.others.iter().position(|update| update.token == token)?;
        Some(self.others.swap_remove(place))
    }

    /// Keeps only the functions that `log` still needs. Returns the others, to be dropped where no lock is held.
    pub(super) fn retire(&mut self, log: &[Op]) -> Self {
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
