//! Rule: a path in a code span of a document for contributors is that of a file or folder of the
//! repository, or the end of one.

use super::{
    links::prose,
    source::{File, Finding, Repository},
};

const RULE: &str = "paths";

/// The documents for contributors. Others name files of the reader's app.
const DOCUMENTS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md"];

/// Extensions of the repository's source files.
const EXTENSIONS: &[&str] = &["json", "md", "mjs", "py", "rs", "sql", "toml", "ts", "yml"];

/// Stands for the name that a contributor chooses.
const NAME: &str = "NAME";

/// What is no path of the repository: folders of built files, and subpaths of the npm package and of
/// others.
const ELSEWHERE: &[&str] = &["@", "dist/", "okibi/", "target/"];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let documents = DOCUMENTS.iter().filter_map(|path| repository.file(path));
    documents.flat_map(|document| unknown_in(document, repository)).collect()
}

fn unknown_in(document: &File, repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in prose(&document.text) {
        for span in text.split('`').skip(1).step_by(2).filter(|span| is_path(span)) {
            if !repository.files.iter().any(|file| names(span, &file.path)) {
                findings.push(document.finding(line, RULE, format!("`{span}`: no such file in the repository")));
            }
        }
    }
    findings
}

/// Whether a code span looks like a path of the repository.
fn is_path(span: &str) -> bool {
    let is_plain = span.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter));
    let has_folder = span.trim_start_matches('/').contains('/');
    let is_source =
        span.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && EXTENSIONS.contains(&ending));
    is_plain && (has_folder || is_source) && !ELSEWHERE.iter().any(|start| span.starts_with(start))
}

/// Whether a span names this file: whole folders of its path, up to any of them or to the file.
fn names(span: &str, path: &str) -> bool {
    let wanted: Vec<&str> = span.trim_matches('/').split('/').collect();
    let parts: Vec<&str> = path.split('/').collect();
    parts.windows(wanted.len()).any(|window| window.iter().zip(&wanted).all(|(part, wanted)| is_called(part, wanted)))
}

/// Whether a file or folder has this name, in which `NAME` stands for anything.
fn is_called(part: &str, wanted: &str) -> bool {
    match wanted.split_once(NAME) {
        None => part == wanted,
        Some((start, end)) => part.len() > start.len() + end.len() && part.starts_with(start) && part.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::{Repository, check};

    const FILES: [(&str, &str); 3] =
        [("crates/okibi-core/src/policy/same.rs", ""), ("packages/okibi/src/stores/d1.ts", ""), ("deny.toml", "")];

    fn found(text: &str) -> Vec<String> {
        let files: Vec<(&str, &str)> = FILES.into_iter().chain([("CONTRIBUTING.md", text)]).collect();
        check(&Repository::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_folders_and_ends_of_paths_are_good() {
        let text = "`okibi-core/src/policy/same.rs`, `same.rs`, `policy/`, `src/stores/NAME.ts`, `crates/okibi-NAME`\n\
            `deny.toml`, `cargo xtask`, `Policy::native`, `target/guides`, `okibi/contract`, `.rs`\n\
            ```sh\n`no/such.rs`\n```\n";
        assert_eq!(found(text), [] as [&str; 0]);
    }

    #[test]
    fn paths_of_nothing_are_named() {
        assert_eq!(
            found("`same.ts`\n`core/src/policy` and `src/NAME.rs`\n"),
            [
                "CONTRIBUTING.md:1: paths: `same.ts`: no such file in the repository",
                "CONTRIBUTING.md:2: paths: `core/src/policy`: no such file in the repository",
                "CONTRIBUTING.md:2: paths: `src/NAME.rs`: no such file in the repository",
            ]
        );
    }
}
