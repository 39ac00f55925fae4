//! What the parts download, fetched while the first of them compile: the one waits for the network, the other for the processor.

use std::{
    iter,
    thread::{self, JoinHandle},
};

use crate::{
    npm::{install, package},
    run::root,
    servers,
};

/// Begins. A part that wants something of it waits until it is there, and fetches it itself if that has failed.
pub(super) fn begin() -> JoinHandle<()> {
    thread::spawn(|| {
        let folders = [package(), package().join("test/runtimes"), package().join("test/stores"), root().join("docs")];
        let outcomes = folders.iter().map(|folder| install(folder)).chain(iter::once_with(servers::fetch));
        for outcome in outcomes {
            if let Err(failure) = outcome {
                println!("== not fetched ahead: {failure}");
            }
        }
    })
}
