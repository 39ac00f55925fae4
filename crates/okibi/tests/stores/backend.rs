//! A backend for the scenarios: instances of the store, one for each process, and a count of
//! records.

use std::{future::Future, time::Duration};

use axum::Router;
use okibi::{Directory, Sessions, store::Store};

use crate::support::{Browser, browser::routes};

/// The place of a test's sessions.
pub(crate) trait Backend: Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// Another instance of the store, with a connection of its own.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// The number of stored records, including markers.
    fn records(&self) -> impl Future<Output = usize> + Send;
}

/// One app in two processes: each has an instance of the store.
pub(crate) struct Site<B> {
    pub(crate) backend: B,
    apps: [Router; 2],
    directories: [Directory; 2],
}

impl<B: Backend> Site<B> {
    pub(crate) async fn new(backend: B) -> Self {
        let (one, first) = app(backend.open().await);
        let (other, second) = app(backend.open().await);
        Self { backend, apps: [one, other], directories: [first, second] }
    }

    /// A visitor without cookies, at one of the processes.
    pub(crate) fn browser(&self, at: usize) -> Browser {
        Browser::new(self.apps[at % 2].clone())
    }

    /// The same visitor with the current cookies, at one of the processes.
    pub(crate) fn at(&self, at: usize, browser: &Browser) -> Browser {
        browser.copy().visiting(self.apps[at % 2].clone())
    }

    pub(crate) fn directory(&self, at: usize) -> &Directory {
        &self.directories[at % 2]
    }
}

/// Many conflicts on a slow disk are not a fault of the store, so the deadline is long.
fn app(store: impl Store) -> (Router, Directory) {
    let sessions = Sessions::new(store).store_timeout(Duration::from_mins(1)).commit_deadline(Duration::from_mins(2));
    let layer = sessions.layer().unwrap();
    let directory = layer.directory();
    (routes().layer(layer), directory)
}
