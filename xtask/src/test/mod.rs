//! `cargo xtask test`: all tests, part by part, with a summary at the end.

mod ahead;
mod guides;
mod load;
mod repeat;
mod runtimes;
mod rust;
mod site;
mod stores;
mod typescript;

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use self::load::Load;
pub(crate) use self::{
    runtimes::install_tools,
    rust::{BACKENDS, wants_server},
};
use crate::{
    args::Args,
    faults, fuzz, release,
    run::{Failure, Outcome, fail, holding_back, in_ci},
    site as documentation, tidy,
};

/// One part of the tests.
struct Part {
    name: &'static str,
    /// The group of the part. A group's name selects all of its parts.
    group: &'static str,
    /// The required program. If it is missing, the part is skipped, or fails in continuous
    /// integration.
    needs: &'static [fn() -> Outcome],
    run: fn() -> Outcome,
}

/// Seconds per fuzz target. `cargo xtask fuzz` runs longer.
const FUZZ_SECONDS: u64 = 5;

/// In the order of execution: fast parts and those that fail most often come first.
const PARTS: &[Part] = &[
    Part { name: "format", group: "rust", needs: &[rust::need_rustfmt], run: rust::format },
    Part { name: "tidy", group: "tidy", needs: &[], run: tidy::check },
    Part { name: "clippy", group: "rust", needs: &[rust::need_clippy], run: rust::clippy },
    Part { name: "unit", group: "rust", needs: &[], run: rust::tests },
    Part { name: "features", group: "rust", needs: &[rust::need_clippy], run: rust::features },
    Part { name: "docs", group: "rust", needs: &[], run: rust::docs },
    Part { name: "no-std", group: "rust", needs: &[], run: rust::no_std },
    Part { name: "packages", group: "rust", needs: &[], run: release::in_tests },
    Part { name: "wasm", group: "ts", needs: &[typescript::need_node], run: typescript::wasm },
    Part { name: "biome", group: "ts", needs: &[typescript::need_node], run: typescript::biome },
    Part { name: "types", group: "ts", needs: &[typescript::need_node], run: typescript::types },
    Part { name: "benches", group: "ts", needs: &[typescript::need_node], run: typescript::benches },
    Part { name: "vitest", group: "ts", needs: &[typescript::need_node], run: typescript::vitest },
    Part { name: "newer-node", group: "runtimes", needs: &[runtimes::need_newer_node], run: runtimes::newer_node },
    Part { name: "workerd", group: "runtimes", needs: &[runtimes::need_newer_node], run: runtimes::workerd },
    Part { name: "deno", group: "runtimes", needs: &[typescript::need_node], run: runtimes::deno },
    Part { name: "bun", group: "runtimes", needs: &[typescript::need_node], run: runtimes::bun },
    Part { name: "consumers", group: "consumers", needs: &[runtimes::need_newer_node], run: runtimes::consumers },
    Part {
        name: "guides",
        group: "guides",
        needs: &[runtimes::need_newer_node, stores::need_redis, stores::need_postgres, stores::need_mariadb],
        run: guides::follow,
    },
    Part {
        name: "stores",
        group: "stores",
        needs: &[
            typescript::need_node,
            stores::need_redis,
            stores::need_newer_redis,
            stores::need_postgres,
            stores::need_mariadb,
            stores::need_nginx,
        ],
        run: stores::real,
    },
    Part {
        name: "databases",
        group: "stores",
        needs: &[
            stores::need_redis,
            stores::need_newer_redis,
            stores::need_postgres,
            stores::need_mariadb,
            stores::need_nginx,
        ],
        run: rust::databases,
    },
    Part { name: "examples", group: "ts", needs: &[typescript::need_node], run: site::examples },
    Part {
        name: "faults",
        group: "faults",
        needs: &[
            typescript::need_node,
            stores::need_redis,
            stores::need_newer_redis,
            stores::need_postgres,
            stores::need_mariadb,
        ],
        run: faults::in_tests,
    },
    Part { name: "fuzz", group: "fuzz", needs: &[], run: || fuzz::in_tests(FUZZ_SECONDS) },
    Part { name: "site", group: "site", needs: &[typescript::need_node], run: || documentation::build().map(drop) },
    Part { name: "readme", group: "readme", needs: &[typescript::need_node], run: site::readme },
    Part { name: "browser", group: "browser", needs: &[site::need_browser], run: site::browser },
    Part {
        name: "browser-examples",
        group: "browser",
        needs: &[site::need_browser, runtimes::need_newer_node, stores::need_redis],
        run: site::browser_examples,
    },
];

/// Consecutive parts that may run concurrently: those that use one core most of the time, and those
/// that mostly wait for servers.
const SIDE_BY_SIDE: &[&[&str]] =
    &[&["vitest", "newer-node", "workerd", "deno", "bun"], &["stores", "databases", "examples", "faults"]];

/// The number of concurrent parts.
const LANES: usize = 2;

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

/// Runs each of the parts once.
fn run_once(parts: &[&'static Part]) -> Vec<Ran<'static>> {
    let mut verdicts = Vec::new();
    for parts in parts.chunk_by(|one, next| may_run_beside(one, next)) {
        match parts {
            [part] => {
                println!("== {}", part.name);
                let (ran, line) = timed(part);
                println!("{line}\n");
                verdicts.push(ran);
            }
            _ => verdicts.extend(side_by_side(parts)),
        }
    }
    verdicts
}

fn may_run_beside(one: &Part, next: &Part) -> bool {
    SIDE_BY_SIDE.iter().any(|names| names.contains(&one.name) && names.contains(&next.name))
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

/// Runs parts concurrently, a few at a time, and prints the output of each when it has ended.
fn side_by_side(parts: &[&'static Part]) -> Vec<Ran<'static>> {
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    println!("== side by side: {}", names.join(", "));
    let next = AtomicUsize::new(0);
    let verdicts: Vec<OnceLock<Ran<'static>>> = parts.iter().map(|_| OnceLock::new()).collect();
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(part), Some(place)) = (parts.get(index), verdicts.get(index)) else { break };
                    let ((ran, line), printed) = holding_back(|| timed(part));
                    println!("== {}\n{printed}{line}\n", part.name);
                    let _ = place.set(ran);
                }
            });
        }
    });
    let no_verdict = |name| (name, Verdict::Failed(Failure("it ended without a verdict".to_owned())), 0.0);
    names.into_iter().zip(verdicts).map(|(name, ran)| ran.into_inner().unwrap_or_else(|| no_verdict(name))).collect()
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
    use std::process::Command;

    use super::{
        Failure, PARTS, Part, SIDE_BY_SIDE, Verdict, chosen, fail, holding_back, judge, may_run_beside, side_by_side,
        summary,
    };
    use crate::run::run;

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
        let part = Part { name: "a", group: "a", needs: &[|| fail("chromium: not found")], run: || Ok(()) };
        assert_eq!(judge(&part, false), Verdict::Skipped(Failure("chromium: not found".to_owned())));
        assert_eq!(judge(&part, true), Verdict::Failed(Failure("chromium: not found".to_owned())));
        let part = Part { name: "a", group: "a", needs: &[], run: || fail("no") };
        assert_eq!(judge(&part, false), Verdict::Failed(Failure("no".to_owned())));
        let part = Part { name: "a", group: "a", needs: &[], run: || Ok(()) };
        assert_eq!(judge(&part, true), Verdict::Passed);
    }

    #[test]
    fn parts_side_by_side_keep_their_order_and_their_lines() {
        let good =
            Box::leak(Box::new(Part { name: "good", group: "a", needs: &[], run: || run(&mut Command::new("true")) }));
        let bad =
            Box::leak(Box::new(Part { name: "bad", group: "a", needs: &[], run: || run(&mut Command::new("false")) }));
        let verdicts = side_by_side(&[good, bad, good]);
        assert_eq!(verdicts.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["good", "bad", "good"]);
        assert!(matches!(verdicts[1].1, Verdict::Failed(_)));
        assert_eq!((&verdicts[0].1, &verdicts[2].1), (&Verdict::Passed, &Verdict::Passed));
        let ((), printed) = holding_back(|| run(Command::new("echo").arg("held")).unwrap());
        assert_eq!(printed, "held\n");
    }

    #[test]
    fn parts_that_may_run_side_by_side_follow_each_other() {
        let groups: Vec<Vec<&str>> = PARTS
            .chunk_by(may_run_beside)
            .map(|parts| parts.iter().map(|part| part.name).collect())
            .filter(|names: &Vec<&str>| names.len() > 1)
            .collect();
        assert_eq!(groups, SIDE_BY_SIDE);
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
