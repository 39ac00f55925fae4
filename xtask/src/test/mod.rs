//! `cargo xtask test`: all tests, part by part, with a summary at the end.

mod ahead;
mod guides;
mod lanes;
mod load;
#[cfg(test)]
mod one_build;
mod parts;
mod repeat;
mod runtimes;
mod rust;
mod site;
mod stores;
mod typescript;

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    time::Instant,
};

use self::{
    load::Load,
    parts::{PARTS, Part, Turn},
};
pub(crate) use self::{
    runtimes::install_tools,
    rust::{BACKENDS, wants_server},
};
use crate::{
    args::Args,
    run::{Failure, Outcome, fail, in_ci},
};

/// The result of a part: its name, its verdict, and the seconds that it took.
type Ran<'a> = (&'a str, Verdict, f32);

/// The verdict on a part.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed(Failure),
    Skipped(Failure),
}

/// The options of the task.
pub(crate) struct TestOptions {
    parts: Vec<&'static Part>,
    /// Number of rounds.
    rounds: u64,
    /// Whether to keep every core busy.
    is_loaded: bool,
}

impl TestOptions {
    /// Reads `--repeat N`, `--load`, and names of parts or groups; without names, all parts.
    pub(crate) fn parse(args: &mut Args) -> Outcome<Self> {
        let rounds = args.number("--repeat")?.unwrap_or(1);
        if rounds == 0 {
            return fail("--repeat 0: nothing would run, use 1 or more");
        }
        let is_loaded = args.flag("--load");
        let wanted: Vec<String> = std::iter::from_fn(|| args.word()).collect();
        Ok(Self { parts: chosen(&wanted)?, rounds, is_loaded })
    }
}

impl fmt::Debug for TestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|part| part.name)).finish()
    }
}

/// Runs all rounds and prints a summary. A failed round stops no other.
pub(crate) fn run(options: &TestOptions) -> Outcome {
    let load = options.is_loaded.then(Load::start).transpose()?;
    if let Some(load) = &load {
        println!("== load: {} threads that compute", load.cores());
    }
    // With a selection of parts, nothing is downloaded in advance.
    let ahead = (in_ci() && options.parts.len() == PARTS.len()).then(ahead::begin);
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        if options.rounds > 1 {
            println!("== round {round} of {}\n", options.rounds);
        }
        let verdicts = run_once(&options.parts);
        print!("{}", summary(&verdicts));
        rounds.push(verdicts);
    }
    // It has ended long ago, unless everything failed immediately.
    if ahead.is_some_and(|ahead| ahead.join().is_err()) {
        return fail("what the parts download: fetching it ahead panicked");
    }
    if options.rounds > 1 {
        print!("{}", repeat::counts(&rounds, options.is_loaded));
    }
    if rounds.iter().flatten().any(|(_, verdict, _)| matches!(verdict, Verdict::Failed(_))) {
        return Err(Failure::said());
    }
    Ok(())
}

/// Runs each of the parts once: the short ones alone, then the others concurrently.
fn run_once(parts: &[&'static Part]) -> Vec<Ran<'static>> {
    let (mut alone, beside): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.turn == Turn::Alone);
    // One that is by itself prints as it goes.
    let beside = if let [part] = beside[..] {
        alone.push(part);
        Vec::new()
    } else {
        beside
    };
    let mut verdicts = Vec::new();
    for part in alone {
        println!("== {}", part.name);
        let (ran, line) = timed(part);
        println!("{line}\n");
        verdicts.push(ran);
    }
    if !beside.is_empty() {
        verdicts.extend(lanes::run(&beside));
    }
    verdicts
}

/// Runs a part. Returns its verdict and the line that reports it.
fn timed(part: &Part) -> (Ran<'static>, String) {
    let start = Instant::now();
    let verdict = judge(part, in_ci());
    let seconds = start.elapsed().as_secs_f32();
    let line = match &verdict {
        Verdict::Passed => format!("== {}: passed in {seconds:.1} s", part.name),
        Verdict::Failed(failure) => format!("== {}: FAILED in {seconds:.1} s: {failure}", part.name),
        Verdict::Skipped(reason) => format!("== {}: SKIPPED: {reason}", part.name),
    };
    ((part.name, verdict, seconds), line)
}

/// The parts with these names, of parts or groups; without names, all parts.
fn chosen(wanted: &[String]) -> Outcome<Vec<&'static Part>> {
    for word in wanted {
        if !PARTS.iter().any(|part| part.name == word || part.group == word) {
            return fail(format!("{word}: no such part; {}", names()));
        }
    }
    let is_wanted =
        |part: &&Part| wanted.is_empty() || wanted.iter().any(|word| word == part.name || word == part.group);
    Ok(PARTS.iter().filter(is_wanted).collect())
}

/// The names that select parts.
fn names() -> String {
    let mut names: Vec<&str> = PARTS.iter().flat_map(|part| [part.group, part.name]).collect();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    format!("these are known: {}", names.join(", "))
}

fn judge(part: &Part, in_ci: bool) -> Verdict {
    match part.needs.iter().try_for_each(|need| need()) {
        Err(missing) if in_ci => Verdict::Failed(missing),
        Err(missing) => Verdict::Skipped(missing),
        Ok(()) => match (part.run)() {
            Ok(()) => Verdict::Passed,
            Err(failure) => Verdict::Failed(failure),
        },
    }
}

/// The summary: failed and skipped parts, their seconds, and a last line with the counts.
fn summary(verdicts: &[Ran<'_>]) -> String {
    let mut text = String::new();
    let (mut passed, mut failed) = (0, 0);
    for (name, verdict, _) in verdicts {
        // A failure may contain the whole output of a command, which was printed already.
        let first_line = |failure: &Failure| failure.0.lines().next().unwrap_or_default().to_owned();
        let _ = match verdict {
            Verdict::Passed => {
                passed += 1;
                Ok(())
            }
            Verdict::Failed(failure) => {
                failed += 1;
                writeln!(text, "FAILED {name}: {}", first_line(failure))
            }
            Verdict::Skipped(reason) => writeln!(text, "SKIPPED {name}: {}", first_line(reason)),
        };
    }
    let seconds: Vec<String> = verdicts.iter().map(|(name, _, seconds)| format!("{name} {seconds:.0}")).collect();
    let _ = writeln!(text, "seconds: {}", seconds.join(", "));
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    text
}

#[cfg(test)]
mod tests {
    use super::{Failure, Part, Turn, Verdict, chosen, fail, judge, summary};

    fn names(wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<String> = wanted.iter().map(|word| (*word).to_owned()).collect();
        chosen(&wanted).unwrap().iter().map(|part| part.name).collect()
    }

    #[test]
    fn parts_are_chosen_by_name_or_group() {
        assert_eq!(names(&["rust"]), ["format", "clippy", "unit", "features", "docs", "no-std", "packages"]);
        assert_eq!(names(&["vitest", "tidy"]), ["tidy", "vitest"]);
        assert!(names(&[]).len() > 10);
        let Err(unknown) = chosen(&["rusty".to_owned()]) else { panic!("accepted") };
        assert!(unknown.0.starts_with("rusty: no such part; these are known: rust, format, tidy, "), "{unknown}");
    }

    #[test]
    fn what_is_missing_is_skipped_except_in_ci() {
        let part =
            Part { name: "a", group: "a", turn: Turn::Any, needs: &[|| fail("chromium: not found")], run: || Ok(()) };
        assert_eq!(judge(&part, false), Verdict::Skipped(Failure("chromium: not found".to_owned())));
        assert_eq!(judge(&part, true), Verdict::Failed(Failure("chromium: not found".to_owned())));
        let part = Part { name: "a", group: "a", turn: Turn::Any, needs: &[], run: || fail("no") };
        assert_eq!(judge(&part, false), Verdict::Failed(Failure("no".to_owned())));
        let part = Part { name: "a", group: "a", turn: Turn::Any, needs: &[], run: || Ok(()) };
        assert_eq!(judge(&part, true), Verdict::Passed);
    }

    #[test]
    fn the_summary_names_what_is_not_green_and_ends_with_the_counts() {
        let verdicts = [
            ("format", Verdict::Passed, 1.2),
            ("clippy", Verdict::Failed(Failure("cargo clippy ended with 1\nmuch more".to_owned())), 100.6),
            ("browser", Verdict::Skipped(Failure("chromium: not found".to_owned())), 0.0),
            ("docs", Verdict::Passed, 20.0),
        ];
        assert_eq!(
            summary(&verdicts),
            "FAILED clippy: cargo clippy ended with 1\nSKIPPED browser: chromium: not found\nseconds: format 1, clippy 101, browser 0, docs 20\n2 passed, 1 failed\n"
        );
    }
}
