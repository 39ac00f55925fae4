//! The Rust programs of the bench: builds both workspaces and finds what they made.

use std::path::PathBuf;

use crate::run::{Outcome, cargo, fail, read, run};

/// Where the built programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    sqlite: PathBuf,
}

impl Programs {
    /// Builds all programs.
    pub(super) fn build() -> Outcome<Self> {
        let built = |manifest: &str| {
            run(cargo().args(["build", "--quiet", "--release", "--manifest-path", manifest]))?;
            release_folder(manifest)
        };
        Ok(Self {
            folder: built("benches/Cargo.toml")?,
            sqlite: built("benches/sqlite/Cargo.toml")?.join("okibi-bench-sqlite"),
        })
    }

    /// A program of the benches' own workspace.
    pub(super) fn of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The program with okibi's SQLite store.
    pub(super) fn sqlite(&self) -> PathBuf {
        self.sqlite.clone()
    }
}

/// Where cargo puts the release builds of a workspace.
fn release_folder(manifest: &str) -> Outcome<PathBuf> {
    let metadata = ["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest];
    let printed = read(cargo().args(metadata))?;
    match target_directory(&printed) {
        Some(folder) => Ok(PathBuf::from(folder).join("release")),
        None => fail(format!("cargo metadata of {manifest}: no target_directory")),
    }
}

/// The folder in `"target_directory":"/a/target"`.
fn target_directory(metadata: &str) -> Option<String> {
    let (_, rest) = metadata.split_once("\"target_directory\":\"")?;
    let (folder, _) = rest.split_once('"')?;
    Some(folder.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::target_directory;

    #[test]
    fn the_target_folder_is_found_in_the_metadata() {
        let metadata = r#"{"packages":[],"target_directory":"/a b/target","version":1}"#;
        assert_eq!(target_directory(metadata).as_deref(), Some("/a b/target"));
        assert_eq!(target_directory(r#"{"target_directory":"C:\\a"}"#).as_deref(), Some("C:\\a"));
        assert_eq!(target_directory("{}"), None);
    }
}
