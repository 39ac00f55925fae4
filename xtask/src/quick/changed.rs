//! Changed files according to git: commits since the branch left `main`, and uncommitted changes.

use std::{collections::BTreeSet, process::Command};

use crate::run::{Outcome, fail, quietly, read, root};

/// Possible bases of a branch: `main` of this repository, or of its origin.
const MAINS: [&str; 2] = ["main", "origin/main"];

/// The abbreviated base commit, and the paths that differ from it, including deleted files.
pub(super) fn since(commit: Option<&str>) -> Outcome<(String, BTreeSet<String>)> {
    let base = match commit {
        Some(commit) if is_commit(commit) => commit.to_owned(),
        Some(commit) => return fail(format!("--since {commit}: not a commit of this repository")),
        None => match MAINS.into_iter().find(|main| is_commit(main)) {
            Some(main) => git(&["merge-base", "HEAD", main])?,
            None => "HEAD".to_owned(),
        },
    };
    let base = git(&["rev-parse", "--short", base.trim()])?.trim().to_owned();
    let mut changed = paths(&git(&["diff", "--name-only", "--no-renames", "-z", &base, "--"])?);
    changed.extend(paths(&git(&["ls-files", "--others", "--exclude-standard", "-z"])?));
    Ok((base, changed))
}

/// All paths that git tracks or would track.
pub(super) fn tracked() -> Outcome<BTreeSet<String>> {
    Ok(paths(&git(&["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?))
}

fn is_commit(name: &str) -> bool {
    let mut command = Command::new("git");
    let command = command.current_dir(root()).args(["rev-parse", "--verify", "--quiet", "--end-of-options"]);
    quietly(command.arg(format!("{name}^{{commit}}"))).is_ok()
}

fn git(arguments: &[&str]) -> Outcome<String> {
    read(Command::new("git").current_dir(root()).args(arguments))
}

fn paths(list: &str) -> BTreeSet<String> {
    list.split_terminator('\0').map(str::to_owned).collect()
}
