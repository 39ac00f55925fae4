//! The publishing order of the crates: each after its dependencies.

use std::collections::BTreeSet;

use super::{Problem, checks::Package};

/// The packages in that order. Dependencies of tests count too, because crates.io resolves them;
/// those without a version do not count, because cargo leaves them out of the package.
pub(super) fn of(packages: &[Package]) -> Result<Vec<&Package>, Problem> {
    let known: BTreeSet<&str> = packages.iter().map(|package| package.manifest.name()).collect();
    let mut order: Vec<&Package> = Vec::new();
    let mut left: Vec<&Package> = packages.iter().collect();
    while !left.is_empty() {
        let is_done = |name: &str| order.iter().any(|package| package.manifest.name() == name);
        let Some(at) = left.iter().position(|package| package.manifest.needs().iter().all(|need| is_done(&need.name)))
        else {
            return Err(no_order(&left, &known));
        };
        let next = left.remove(at);
        order.push(next);
    }
    Ok(order)
}

/// The error if none of these can be next.
fn no_order(left: &[&Package], known: &BTreeSet<&str>) -> Problem {
    for package in left {
        let name = package.manifest.name();
        let needs = package.manifest.needs();
        if let Some(need) = needs.iter().find(|need| !known.contains(need.name.as_str())) {
            let what = format!("{name}: needs {}, which is not published", need.name);
            return Problem::new(what, "publish that as well, or give the need of a test its path alone");
        }
    }
    let names: Vec<&str> = left.iter().map(|package| package.manifest.name()).collect();
    let is_circle = |name: &str| names.contains(&name);
    let tests = left.iter().find_map(|package| {
        let need = package.manifest.needs().into_iter().find(|need| need.dev && is_circle(&need.name))?;
        Some((package.manifest.name(), need.name))
    });
    match tests {
        Some((name, need)) => Problem::new(
            format!("{name}: its tests need {need}, which needs {name}, directly or through others"),
            format!("give it the path alone there, `{need} = {{ path = \"../{need}\" }}`: then it is not packed"),
        ),
        None => Problem::new(format!("{}: each needs another of these", names.join(", ")), "move what both need down"),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{super::manifest::Manifest, Package, Problem, of};

    /// A crate with its dependencies. Those of tests begin with `dev `.
    fn package(name: &str, needs: &[&str]) -> Package {
        let mut text = format!("[package]\nname = \"{name}\"\n");
        for need in needs {
            let (table, need) =
                need.strip_prefix("dev ").map_or(("dependencies", *need), |need| ("dev-dependencies", need));
            let _ = writeln!(text, "[{table}.{need}]\nversion = \"=1.0.0\"");
        }
        Package { manifest: Manifest::of(&text), files: Vec::new(), bytes: 0 }
    }

    fn names(packages: &[Package]) -> Result<Vec<&str>, Problem> {
        of(packages).map(|order| order.iter().map(|package| package.manifest.name()).collect())
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        let packages = [
            package("okibi", &["okibi-core", "okibi-store", "serde"]),
            package("okibi-contract", &["okibi-store"]),
            package("okibi-core", &[]),
            package("okibi-sqlite", &["okibi-store", "dev okibi-contract"]),
            package("okibi-store", &["okibi-core"]),
        ];
        let order = ["okibi-core", "okibi-store", "okibi", "okibi-contract", "okibi-sqlite"];
        assert_eq!(names(&packages).unwrap(), order);
    }

    #[test]
    fn a_circle_through_tests_and_a_crate_that_stays_here_are_named() {
        let circle = [package("okibi-contract", &["okibi-store"]), package("okibi-store", &["dev okibi-contract"])];
        let problem = names(&circle).unwrap_err();
        assert!(problem.what.starts_with("okibi-store: its tests need okibi-contract"), "{problem:?}");
        assert!(problem.fix.contains("`okibi-contract = { path = \"../okibi-contract\" }`"), "{problem:?}");
        let problem = names(&[package("okibi", &["okibi-servers"])]).unwrap_err();
        assert_eq!(problem.what, "okibi: needs okibi-servers, which is not published");
        let circle = [package("okibi-a", &["okibi-b"]), package("okibi-b", &["okibi-a"])];
        assert_eq!(names(&circle).unwrap_err().what, "okibi-a, okibi-b: each needs another of these");
    }
}
