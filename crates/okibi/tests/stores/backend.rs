//! What the scenarios need of a backend: instances of the store, each as a process of its own has it, and a count.

use std::{future::Future, time::Duration};

use axum::Router;
use okibi::{Directory, Sessions, store::Store};

use crate::support::{Browser, browser::routes};

/// A place for sessions that a test made for itself.
pub(crate) trait Backend: Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// Another instance of the store, with a connection of its own.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// How many records lie there, markers included.
    fn records(&self) -> impl Future<Output = usize> + Send;
}

/// One app in two processes, as far as the store can tell: each has its own instance.
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

    /// Somebody without cookies, at one of the processes.
    pub(crate) fn browser(&self, at: usize) -> Browser {
        Browser::new(self.apps[at % 2].clone())
    }

    /// The same visitor with the cookies as they are now, at one of the processes.
    pub(crate) fn at(&self, at: usize, browser: &Browser) -> Browser {
        browser.copy().visiting(self.apps[at % 2].clone())
    }

    pub(crate) fn directory(&self, at: usize) -> &Directory {
        &self.directories[at % 2]
    }
}

/// Many conflicts in a row on a slow disk are no fault of the store, so the app is patient.
fn app(store: impl Store) -> (Router, Directory) {
    let sessions = Sessions::new(store).store_timeout(Duration::from_mins(1)).commit_deadline(Duration::from_mins(2));
    let layer = sessions.layer().unwrap();
    let directory = layer.directory();
    (routes().layer(layer), directory)
}
