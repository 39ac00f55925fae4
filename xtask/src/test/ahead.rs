//! Downloads for the parts, during the compilation of the first of them: one uses the network, the
//! other the processor.

use std::{
    iter,
    thread::{self, JoinHandle},
};

use crate::{
    npm::{install, package},
    run::root,
    servers,
};

/// Starts the downloads. A part that needs one waits for it, and downloads it itself if that
/// failed.
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
