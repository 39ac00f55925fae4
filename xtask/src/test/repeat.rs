//! The verdicts of each part over several rounds, to find flaky tests.

use super::{Ran, Verdict};

/// The verdicts of a part over the rounds.
struct Count<'a> {
    name: &'a str,
    failed: u64,
    skipped: u64,
}

/// The number of failures of each part, in the order of their first run: the last line of
/// `--repeat`.
pub(super) fn counts(rounds: &[Vec<Ran<'_>>], is_loaded: bool) -> String {
    let mut counts: Vec<Count<'_>> = Vec::new();
    for (name, verdict, _) in rounds.iter().flatten() {
        let at = counts.iter().position(|count| count.name == *name).unwrap_or_else(|| {
            counts.push(Count { name, failed: 0, skipped: 0 });
            counts.len() - 1
        });
        let Some(count) = counts.get_mut(at) else { continue };
        match verdict {
            Verdict::Passed => {}
            Verdict::Failed(_) => count.failed += 1,
            Verdict::Skipped(_) => count.skipped += 1,
        }
    }
    let total = rounds.len();
    let parts = counts.iter().map(|Count { name, failed, skipped }| match skipped {
        0 => format!("{name} failed {failed} of {total}"),
        _ => format!("{name} failed {failed}, skipped {skipped} of {total}"),
    });
    let load = if is_loaded { " under load" } else { "" };
    format!("{total} rounds{load}: {}\n", parts.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::{Verdict, counts};
    use crate::run::Failure;

    #[test]
    fn failures_are_counted_for_each_part() {
        let failed = || Verdict::Failed(Failure("no".to_owned()));
        let skipped = || Verdict::Skipped(Failure(String::new()));
        let rounds = [
            vec![("stores", Verdict::Passed, 1.0), ("faults", failed(), 1.0), ("bun", skipped(), 0.0)],
            vec![("stores", failed(), 1.0), ("faults", failed(), 1.0), ("bun", skipped(), 0.0)],
            vec![("stores", Verdict::Passed, 1.0), ("faults", Verdict::Passed, 1.0), ("bun", failed(), 1.0)],
        ];
        let line = "stores failed 1 of 3; faults failed 2 of 3; bun failed 1, skipped 2 of 3\n";
        assert_eq!(counts(&rounds, false), format!("3 rounds: {line}"));
        assert_eq!(counts(&rounds, true), format!("3 rounds under load: {line}"));
    }
}
