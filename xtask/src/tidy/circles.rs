//! Rule: the files of `okibi-core` have no circular imports. What two files share is in a file
//! below them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    scan::without_test_modules,
    source::{File, Finding, Repository, is_word},
};

const RULE: &str = "circle";

const CORE: &str = "crates/okibi-core/src/";

/// A file's module path: `["engine", "open"]` for `engine/open.rs` and for `engine/open/mod.rs`.
type Module = Vec<String>;

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let files: BTreeMap<Module, &File> =
        repository.files.iter().filter_map(|file| Some((module(file)?, file))).collect();
    let edges: BTreeMap<&Module, BTreeMap<Module, usize>> = files
        .iter()
        .map(|(module, file)| {
            let mut seen = BTreeMap::new();
            for (line, path) in paths(&without_test_modules(&file.bare()), module) {
                if let Some(other) = owner(&files, &path).filter(|other| !module.starts_with(other)) {
                    seen.entry(other).or_insert(line);
                }
            }
            (module, seen)
        })
        .collect();
    let mut findings = Vec::new();
    for (from, seen) in &edges {
        for (to, line) in seen {
            if reaches(&edges, to, from) {
                let message = format!(
                    "imports `{}`, which leads back here; move what both need into a file below them",
                    to.join("::")
                );
                findings.extend(files.get(*from).map(|file| file.finding(*line, RULE, message)));
            }
        }
    }
    findings
}

fn module(file: &File) -> Option<Module> {
    let path = file.path.strip_prefix(CORE)?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    (path != "lib" && !file.is_test()).then(|| path.split('/').map(str::to_owned).collect())
}

/// The file of the item that a path names: that of the longest prefix that is a module. A file may
/// use its folder's module (`Engine` of `engine/mod.rs`); `mod.rs` contains its parts, so it is
/// above them.
fn owner(files: &BTreeMap<Module, &File>, path: &[String]) -> Option<Module> {
    (1..=path.len())
        .rev()
        .find_map(|length| path.get(..length).filter(|start| files.contains_key(*start)))
        .map(Into::into)
}

fn reaches(edges: &BTreeMap<&Module, BTreeMap<Module, usize>>, from: &Module, to: &Module) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        if seen.insert(module) {
            next.extend(edges.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    seen.contains(to)
}

/// All paths in a source file that begin at the crate root, at the parent module or at a child
/// module, with their lines.
fn paths(source: &str, module: &Module) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("::") {
        let before = source.get(..at).unwrap_or_default();
        let first = before.rsplit(|part: char| !is_part(part)).next().unwrap_or_default();
        let start = at - first.len();
        // The middle of a path, or not the name of a module.
        if first.is_empty()
            || before.get(..start).is_some_and(|before| before.ends_with("::"))
            || !is_word(source, start, first)
        {
            continue;
        }
        let mut base = match first {
            "crate" => Vec::new(),
            "super" => above(module),
            "self" => module.clone(),
            name => [module.as_slice(), &[name.to_owned()]].concat(),
        };
        let mut rest = source.get(at + 2..).unwrap_or_default();
        while let Some(after) = rest.strip_prefix("super::") {
            base = above(&base);
            rest = after;
        }
        let line = before.matches('\n').count() + 1;
        found.extend(spelled_out(&base, rest).into_iter().map(|path| (line, path)));
    }
    found
}

fn above(module: &Module) -> Module {
    module.split_last().map(|(_, above)| above.to_vec()).unwrap_or_default()
}

const fn is_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The paths of `a::b` or `{a::{b, c}, d}`, each with `base` before it.
fn spelled_out(base: &[String], path: &str) -> Vec<Vec<String>> {
    let path = path.trim_start();
    if let Some(group) = path.strip_prefix('{') {
        return items(group).iter().flat_map(|item| spelled_out(base, item)).collect();
    }
    let name: String = path.chars().take_while(|part| is_part(*part)).collect();
    let longer = [base, std::slice::from_ref(&name)].concat();
    match path.get(name.len()..).and_then(|rest| rest.strip_prefix("::")) {
        Some(rest) => spelled_out(&longer, rest),
        None => vec![longer],
    }
}

/// The items of a group, separated by commas, up to its end.
fn items(group: &str) -> Vec<String> {
    let (mut items, mut item, mut depth) = (Vec::new(), String::new(), 0_usize);
    for character in group.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        item.push(character);
    }
    items.push(item);
    items.retain(|item| !item.trim().is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::{Repository, check, paths};

    #[test]
    fn paths_are_spelled_out() {
        let source =
            "use super::{\n    Engine,\n    flow::{Flow, Base},\n};\nuse crate::id::Id;\nlet x = super::open::MOST;\n";
        let module = vec!["engine".to_owned(), "close".to_owned()];
        let found: Vec<_> = paths(source, &module).into_iter().map(|(line, path)| (line, path.join("::"))).collect();
        for path in [(1, "engine::Engine"), (1, "engine::flow::Base"), (5, "id::Id"), (6, "engine::open::MOST")] {
            assert!(found.contains(&(path.0, path.1.to_owned())), "{path:?} in {found:?}");
        }
    }

    #[test]
    fn a_room_and_its_parts_are_no_circle() {
        let good = [
            ("crates/okibi-core/src/engine/mod.rs", "mod flow;\nuse flow::Flow;\nuse crate::id::Id;\n"),
            ("crates/okibi-core/src/engine/flow.rs", "use super::Engine;\nuse crate::id::Id;\n"),
            ("crates/okibi-core/src/engine/open.rs", "use super::flow::Flow;\n"),
            ("crates/okibi-core/src/id.rs", "#[cfg(test)]\nmod tests {\n    use crate::engine::flow::Flow;\n}\n"),
        ];
        assert_eq!(check(&Repository::of(&good)), []);
    }

    #[test]
    fn circles_are_found_also_by_a_third_file() {
        let bad = [
            ("crates/okibi-core/src/engine/flow.rs", "\nuse super::close::Plan;\n"),
            ("crates/okibi-core/src/engine/close.rs", "use super::replay::Computed;\n"),
            ("crates/okibi-core/src/engine/replay.rs", "fn f(x: super::flow::Flow) {}\n"),
            ("crates/okibi-core/src/engine/take.rs", "use super::flow::Flow;\n"),
        ];
        let found = check(&Repository::of(&bad));
        let lines: Vec<_> = found.iter().map(|finding| (finding.path.rsplit('/').next(), finding.line)).collect();
        assert_eq!(lines, [(Some("close.rs"), 1), (Some("flow.rs"), 2), (Some("replay.rs"), 1)]);
    }
}
