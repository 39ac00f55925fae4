//! Rule: imports point downwards only, between the rooms of `okibi-core` and between the crates.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    manifest::of_cargo,
    scan::without_test_modules,
    source::{File, Finding, Repository, is_word},
};

const RULE: &str = "rooms";

/// The rooms of `okibi-core`, from the ground up. A room may import from its own floor (without a
/// circle) and below.
const FLOORS: &[&[&str]] = &[
    &["error", "text", "json", "time", "codec", "random", "outcome"],
    &["id", "contract", "cookie", "seal", "record"],
    &["session", "log", "dialect", "policy"],
    &["engine"],
];

const CORE: &str = "crates/okibi-core/src/";

/// The crates of okibi that a crate may depend on, apart from its tests. The crate `okibi` may
/// depend on all.
const CRATES: &[(&str, &[&str])] = &[
    ("okibi-crypto", &[]),
    ("okibi-core", &["okibi-crypto"]),
    ("okibi-store", &["okibi-core"]),
    ("okibi-wasm", &["okibi-core"]),
    ("okibi-contract", &["okibi-core", "okibi-store"]),
    ("okibi-tower", &["okibi-core", "okibi-store"]),
    ("okibi-sqlite", &["okibi-core", "okibi-store"]),
    ("okibi-redis", &["okibi-core", "okibi-store"]),
    ("okibi-postgres", &["okibi-core", "okibi-store"]),
    ("okibi-mysql", &["okibi-core", "okibi-store"]),
    ("okibi-servers", &[]),
];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sideways: BTreeMap<(&str, String), Finding> = BTreeMap::new();
    for file in &repository.files {
        if let Some(path) = file.path.strip_prefix(CORE).and_then(|path| path.strip_suffix(".rs")) {
            check_core_file(file, path, &mut findings, &mut sideways);
        } else if let Some(name) = crate_name(&file.path) {
            findings.extend(check_crate(file, name));
        }
    }
    findings.extend(circles(sideways));
    findings
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Checks one file of `okibi-core`. Its path inside `src` has no extension.
fn check_core_file<'a>(
    file: &File,
    path: &'a str,
    findings: &mut Vec<Finding>,
    sideways: &mut BTreeMap<(&'a str, String), Finding>,
) {
    let room = path.split('/').next().unwrap_or(path);
    if room == "lib" || file.is_test() {
        return;
    }
    let Some(own) = floor(room) else {
        let message = format!("`{room}` is no room; give it a floor in xtask/src/tidy/rooms.rs and ARCHITECTURE.md");
        findings.push(file.finding(1, RULE, message));
        return;
    };
    let depth = path.trim_end_matches("/mod").split('/').count();
    let source = without_test_modules(&file.bare());
    for (line, target) in imports(&source, depth) {
        match floor(&target) {
            _ if target == room => {}
            None => {
                let message = format!("`crate::{target}` is no room; import from the room where it lives");
                findings.push(file.finding(line, RULE, message));
            }
            Some(other) if other > own => {
                let message =
                    format!("`{room}` must not import `{target}`, which stands above it; move what both need down");
                findings.push(file.finding(line, RULE, message));
            }
            Some(other) if other == own => {
                let message = format!("`{room}` and `{target}` import each other; move what both need down");
                sideways.entry((room, target)).or_insert_with(|| file.finding(line, RULE, message));
            }
            Some(_) => {}
        }
    }
}

/// The first name of every path that starts at the root of the crate, with its line.
fn imports(source: &str, depth: usize) -> Vec<(usize, String)> {
    let to_root = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for start in ["crate::", to_root.as_str()] {
        for (at, _) in source.match_indices(start) {
            let ends_like_a_path = source.get(..at).is_some_and(|before| before.ends_with("::"));
            if ends_like_a_path || !is_word(source, at, start.trim_end_matches(':')) {
                continue;
            }
            let line = source.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
            let after = source.get(at + start.len()..).unwrap_or_default();
            if after.starts_with("super::") {
                continue;
            }
            found.extend(first_names(after).into_iter().map(|name| (line, name)));
        }
    }
    found.into_iter().collect()
}

/// The first names in `a::b`, or in each item of `{a::b, c}`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut item = String::new();
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&std::mem::take(&mut item))),
            _ => {}
        }
        if character != ',' || depth > 0 {
            item.push(character);
        }
    }
    names.push(name(&item));
    names.retain(|name| !name.is_empty() && name != "self");
    names
}

/// Rooms on one floor that import each other, directly or in a circle.
fn circles(sideways: BTreeMap<(&str, String), Finding>) -> Vec<Finding> {
    let edges: BTreeSet<(String, String)> =
        sideways.keys().map(|(from, to)| ((*from).to_owned(), to.clone())).collect();
    let reaches = |from: &str, to: &str| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(room) = next.pop() {
            if seen.insert(room.clone()) {
                next.extend(edges.iter().filter(|(start, _)| *start == room).map(|(_, end)| end.clone()));
            }
        }
        seen.contains(to)
    };
    sideways.into_iter().filter(|((from, to), _)| reaches(to, from)).map(|(_, finding)| finding).collect()
}

/// The crate of the manifest at this path.
fn crate_name(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")
}

/// What a crate depends on among the crates of okibi, and should not.
fn check_crate(file: &File, name: &str) -> Vec<Finding> {
    if name == "okibi" {
        return Vec::new();
    }
    let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
        let message = format!("`{name}` has no place yet; say in xtask/src/tidy/rooms.rs what it may depend on");
        return vec![file.finding(1, RULE, message)];
    };
    of_cargo(&file.text)
        .into_iter()
        .filter(|dependency| !dependency.dev && (dependency.name == "okibi" || dependency.name.starts_with("okibi-")))
        .filter(|dependency| !allowed.contains(&dependency.name.as_str()))
        .map(|dependency| {
            let message = format!("`{name}` must not depend on `{}`; only `okibi` sees both sides", dependency.name);
            file.finding(dependency.line, RULE, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Finding, Repository, check, imports};

    fn lines(found: &[Finding]) -> Vec<(&str, usize)> {
        found.iter().map(|finding| (finding.path.as_str(), finding.line)).collect()
    }

    #[test]
    fn paths_from_the_root_are_read() {
        let source = "use crate::{\n    engine::{Open, Close},\n    time::Timestamp,\n};\nlet x = crate::id::parse(mycrate::x);\n";
        let found = imports(source, 1);
        let found: Vec<_> = found.iter().map(|(line, name)| (*line, name.as_str())).collect();
        assert_eq!(found, [(1, "engine"), (1, "time"), (5, "id")]);
        assert_eq!(imports("use super::super::seal::Secrets;\nuse super::parse;\n", 2), [(1, "seal".to_owned())]);
    }

    #[test]
    fn imports_downwards_and_sideways_are_fine() {
        let good = [
            ("crates/okibi-core/src/lib.rs", "pub use crate::engine::Open;\n"),
            ("crates/okibi-core/src/engine/open.rs", "use crate::{policy::Policy, time::Timestamp};\n"),
            ("crates/okibi-core/src/record.rs", "use crate::id::Handle;\n// use crate::engine\n"),
            ("crates/okibi-core/src/id.rs", "#[cfg(test)]\nmod tests {\n    use crate::engine::Open;\n}\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn imports_upwards_in_circles_and_from_nowhere_are_found() {
        let bad = [
            ("crates/okibi-core/src/cookie/parse.rs", "use crate::time::A;\nuse crate::engine::Open;\n"),
            ("crates/okibi-core/src/extras.rs", ""),
            ("crates/okibi-core/src/id.rs", "use crate::record::Record;\n"),
            ("crates/okibi-core/src/record.rs", "use crate::id::Handle;\n"),
            ("crates/okibi-core/src/seal/secrets.rs", "use crate::Timestamp;\n"),
        ];
        assert_eq!(
            lines(&check(&Repository::of(&bad))),
            [
                ("crates/okibi-core/src/cookie/parse.rs", 2),
                ("crates/okibi-core/src/extras.rs", 1),
                ("crates/okibi-core/src/seal/secrets.rs", 1),
                ("crates/okibi-core/src/id.rs", 1),
                ("crates/okibi-core/src/record.rs", 1),
            ]
        );
    }

    #[test]
    fn crates_keep_to_their_side() {
        let tower = "[dependencies]\nokibi-core.workspace = true\nokibi-sqlite.workspace = true\n";
        let sqlite =
            "[dependencies]\nokibi-store.workspace = true\n[dev-dependencies]\nokibi-contract.workspace = true\n";
        let found = check(&Repository::of(&[
            ("crates/okibi-tower/Cargo.toml", tower),
            ("crates/okibi-sqlite/Cargo.toml", sqlite),
            ("crates/okibi/Cargo.toml", tower),
            ("crates/okibi-new/Cargo.toml", sqlite),
        ]));
        assert_eq!(lines(&found), [("crates/okibi-tower/Cargo.toml", 3), ("crates/okibi-new/Cargo.toml", 1)]);
    }
}
