//! The same app once for each library, and twice without any session.

pub(crate) mod actix;
pub(crate) mod axum_session;
pub(crate) mod bare;
mod okibi;
pub(crate) mod tower_sessions;

use std::rc::Rc;

use crate::{
    contest::{Contestant, Machine},
    counting::Calls,
};

/// An app and its baseline.
pub struct Entrant {
    /// The app.
    pub contestant: Box<dyn Contestant>,
    /// The index of the baseline on the same framework; `None` for a baseline.
    pub bare: Option<usize>,
}

/// All apps, with sessions kept in memory.
pub fn entrants(machine: &Rc<Machine>) -> Vec<Entrant> {
    let list = [
        (bare::axum(machine), None),
        (okibi::memory(machine), Some(0)),
        (okibi::signed(machine), Some(0)),
        (tower_sessions::memory(machine), Some(0)),
        (axum_session::memory(machine), Some(0)),
        (bare::actix(machine), None),
        (actix::memory(machine), Some(5)),
    ];
    list.map(|(contestant, bare)| Entrant { contestant, bare }).into()
}

/// An app with a store that counts its calls.
pub type Counted = (Box<dyn Contestant>, Calls);

/// Each library once, with a store that counts.
pub fn counted(machine: &Rc<Machine>) -> Vec<Counted> {
    vec![
        okibi::counted(machine),
        tower_sessions::counted(machine),
        axum_session::counted(machine),
        actix::counted(machine),
    ]
}
