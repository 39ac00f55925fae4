//! The parts of the bench: what each is called, how long it takes, and which commands measure it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::programs::Programs;
use crate::run::{During, Outcome, fail, node, read, run};

/// Something that can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Rust,
    Servers,
    Node,
    Iron,
    Cost,
    /// Growth at its two ends: a thousand sessions and a million.
    Ends,
    Growth,
    Http,
}

/// The word for everything, long parts included.
const ALL: &str = "all";
/// The word for writing the pages.
const PAGES: &str = "pages";

impl Part {
    /// Those of a run without words.
    const USUAL: [Self; 6] = [Self::Rust, Self::Servers, Self::Node, Self::Iron, Self::Cost, Self::Ends];
    /// Those of a run of everything.
    const EVERY: [Self; 7] = [Self::Rust, Self::Servers, Self::Node, Self::Iron, Self::Cost, Self::Growth, Self::Http];

    /// The word on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Servers => "servers",
            Self::Node => "node",
            Self::Iron => "iron",
            Self::Cost => "cost",
            Self::Ends => "ends",
            Self::Growth => "growth",
            Self::Http => "http",
        }
    }

    /// How long it takes on a quiet machine.
    pub(super) const fn minutes(self) -> u64 {
        match self {
            Self::Rust | Self::Node | Self::Iron | Self::Cost => 1,
            Self::Ends => 2,
            Self::Servers => 3,
            Self::Growth => 5,
            Self::Http => 13,
        }
    }

    /// Whether it starts a Valkey, which `cargo xtask servers` puts into the target folder.
    pub(super) const fn needs_servers(self) -> bool {
        matches!(self, Self::Servers | Self::Http)
    }

    /// The names of its results.
    pub(super) fn results(self) -> Vec<&'static str> {
        match self {
            Self::Rust => vec!["times", "counts"],
            Self::Servers => vec!["servers", "sqlite"],
            // The ends of growth are part of it, so a later run of either replaces the other.
            Self::Ends => vec!["growth", "growth-sqlite"],
            Self::Growth => vec!["growth", "growth-sqlite", "growth-node"],
            Self::Node | Self::Iron | Self::Cost | Self::Http => vec![self.name()],
        }
    }

    /// The commands that measure it, in this order.
    pub(super) fn commands(self, programs: &Programs, nodes: &Path, results: &Path) -> Vec<Measure> {
        let printed = |result, program: PathBuf, given: &[&str]| {
            let mut command = Command::new(program);
            command.args(given);
            Measure { command, result: Some(result) }
        };
        let script = |name: &str| {
            let mut command = node(nodes);
            command.arg("part.mjs").arg(name).arg(results);
            command.arg(programs.of("apps")).arg(programs.sqlite());
            Measure { command, result: None }
        };
        match self {
            Self::Rust => {
                vec![printed("times", programs.of("times"), &[]), printed("counts", programs.of("counts"), &[])]
            }
            Self::Servers => vec![printed("servers", programs.of("servers"), &[]), script("sqlite")],
            Self::Ends | Self::Growth => {
                let extent = if self == Self::Ends { "ends" } else { "all" };
                let mut commands = vec![
                    printed("growth", programs.of("apps"), &["growth", extent]),
                    printed("growth-sqlite", programs.sqlite(), &["growth", extent]),
                ];
                commands.extend((self == Self::Growth).then(|| script("growth-node")));
                commands
            }
            Self::Node | Self::Iron | Self::Cost | Self::Http => vec![script(self.name())],
        }
    }
}

/// A command that measures something. It prints the result of this name, or writes results itself.
#[derive(Debug)]
pub(super) struct Measure {
    command: Command,
    result: Option<&'static str>,
}

impl Measure {
    /// Sets a variable of its environment.
    pub(super) fn env(&mut self, name: &str, value: &str) {
        self.command.env(name, value);
    }

    /// Measures, and leaves the result in the folder.
    pub(super) fn run(&mut self, folder: &Path) -> Outcome {
        let Some(result) = self.result else { return run(&mut self.command) };
        let printed = read(&mut self.command)?;
        let file = folder.join(format!("{result}.json"));
        fs::write(&file, printed).during(file.display())
    }
}

/// The parts of these words, and whether the pages are written.
pub(super) fn chosen(words: &[String]) -> Outcome<(Vec<Part>, bool)> {
    if words.is_empty() {
        return Ok((Part::USUAL.to_vec(), false));
    }
    let (mut parts, mut writes_pages) = (Vec::new(), false);
    for word in words {
        match (word.as_str(), Part::EVERY.into_iter().find(|part| part.name() == word)) {
            (_, Some(part)) => parts.push(part),
            (PAGES, _) => writes_pages = true,
            (ALL, _) => (parts, writes_pages) = (Part::EVERY.to_vec(), true),
            _ => {
                let known = Part::EVERY.map(Part::name).join(", ");
                return fail(format!("{word}: no such part; these are known: {known}, {PAGES}, {ALL}"));
            }
        }
    }
    Ok((parts, writes_pages))
}

#[cfg(test)]
mod tests {
    use super::{Part, chosen};

    fn of(words: &[&str]) -> (Vec<Part>, bool) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        chosen(&words).unwrap()
    }

    #[test]
    fn words_choose_parts() {
        assert_eq!(of(&[]), (Part::USUAL.to_vec(), false));
        assert_eq!(of(&["http", "iron"]), (vec![Part::Http, Part::Iron], false));
        assert_eq!(of(&["pages"]), (Vec::new(), true));
        assert_eq!(of(&["all"]), (Part::EVERY.to_vec(), true));
        let failure = chosen(&["fast".to_owned()]).unwrap_err().0;
        assert!(failure.starts_with("fast: no such part; these are known: rust, servers, node, "), "{failure}");
    }
}
