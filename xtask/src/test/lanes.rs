//! Parts that run concurrently, a few at a time.

use std::{
    num::NonZero,
    panic,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    Ran, Verdict,
    parts::{Part, Turn},
    timed,
};
use crate::run::{Failure, holding_back};

/// The most parts at a time. Each has servers, compilers or browsers of its own in memory.
const MOST_LANES: usize = 4;

/// The number of concurrent parts: one more than cores, as one of them always waits for something.
fn lanes() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).saturating_add(1).min(MOST_LANES)
}

/// What is left to run, and what became of the rest.
struct Queue {
    waiting: Vec<usize>,
    /// Whether a part runs that compiles with cargo.
    is_building: bool,
    ran: Vec<Option<Ran<'static>>>,
}

/// Runs parts concurrently, and prints the output of each when it has ended. Each lane takes the first
/// part that may run. Returns the results in the order of the parts.
pub(super) fn run(parts: &[&'static Part]) -> Vec<Ran<'static>> {
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    println!("== concurrently: {}\n", names.join(", "));
    let queue =
        Queue { waiting: (0..parts.len()).collect(), is_building: false, ran: parts.iter().map(|_| None).collect() };
    let (queue, changed) = (Mutex::new(queue), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..lanes() {
            scope.spawn(|| {
                while let Some((index, part)) = next(&queue, &changed, parts) {
                    println!("== {} begins", part.name);
                    // A part that panics must not keep the others waiting for its end.
                    let outcome = panic::catch_unwind(|| holding_back(|| timed(part)));
                    let ((ran, line), printed) = outcome.unwrap_or_else(|_| (panicked(part), String::new()));
                    println!("\n== {}\n{printed}{line}\n", part.name);
                    let mut queue = held(&queue);
                    queue.is_building &= part.turn != Turn::Building;
                    if let Some(place) = queue.ran.get_mut(index) {
                        *place = Some(ran);
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let ran = queue.into_inner().unwrap_or_else(PoisonError::into_inner).ran;
    let no_verdict = |name| (name, Verdict::Failed(Failure("it ended without a verdict".to_owned())), 0.0);
    names.into_iter().zip(ran).map(|(name, ran)| ran.unwrap_or_else(|| no_verdict(name))).collect()
}

/// The result of a part that panicked, and the line that reports it. Its thread has printed why.
fn panicked(part: &Part) -> (Ran<'static>, String) {
    let verdict = Verdict::Failed(Failure("it panicked".to_owned()));
    ((part.name, verdict, 0.0), format!("== {}: FAILED: it panicked", part.name))
}

/// Takes the next part out of the queue. Waits while only parts are left that have to wait.
fn next(queue: &Mutex<Queue>, changed: &Condvar, parts: &[&'static Part]) -> Option<(usize, &'static Part)> {
    let mut queue = held(queue);
    loop {
        let is_building = queue.is_building;
        let may_run = |index: &usize| {
            let turn = parts.get(*index).map(|part| part.turn);
            !(is_building && turn == Some(Turn::Building))
        };
        if let Some(at) = queue.waiting.iter().position(may_run) {
            let index = queue.waiting.remove(at);
            let part = *parts.get(index)?;
            queue.is_building |= part.turn == Turn::Building;
            return Some((index, part));
        }
        if queue.waiting.is_empty() {
            return None;
        }
        queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

fn held(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        process::Command,
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::{
        super::parts::{Part, Turn},
        Failure, Verdict, holding_back, run,
    };
    use crate::run::{self as commands, Outcome, fail};

    fn part(name: &'static str, turn: Turn, run: fn() -> Outcome) -> &'static Part {
        Box::leak(Box::new(Part { name, group: "a", turn, needs: &[], run }))
    }

    #[test]
    fn parts_keep_their_order_and_their_lines() {
        let good = part("good", Turn::Any, || commands::run(&mut Command::new("true")));
        let bad = part("bad", Turn::Any, || commands::run(&mut Command::new("false")));
        let verdicts = run(&[good, bad, good]);
        assert_eq!(verdicts.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["good", "bad", "good"]);
        assert!(matches!(verdicts[1].1, Verdict::Failed(_)));
        assert_eq!((&verdicts[0].1, &verdicts[2].1), (&Verdict::Passed, &Verdict::Passed));
        let ((), printed) = holding_back(|| commands::run(Command::new("echo").arg("held")).unwrap());
        assert_eq!(printed, "held\n");
    }

    #[test]
    fn a_part_that_panics_fails_alone() {
        let parts = [
            part("a", Turn::Building, || panic!("as the test wants")),
            part("b", Turn::Building, || Ok(())),
            part("c", Turn::Any, || Ok(())),
        ];
        let verdicts: Vec<Verdict> = run(&parts).into_iter().map(|(_, verdict, _)| verdict).collect();
        let failed = Verdict::Failed(Failure("it panicked".to_owned()));
        assert_eq!(verdicts, [failed, Verdict::Passed, Verdict::Passed]);
    }

    #[test]
    fn one_part_at_a_time_compiles() {
        static BUILDING: AtomicUsize = AtomicUsize::new(0);
        let builds = || {
            let others = BUILDING.fetch_add(1, Ordering::SeqCst);
            for _ in 0..1000 {
                thread::yield_now();
            }
            BUILDING.fetch_sub(1, Ordering::SeqCst);
            if others == 0 { Ok(()) } else { fail("another part compiles") }
        };
        let parts = [
            part("a", Turn::Building, builds),
            part("b", Turn::Building, builds),
            part("c", Turn::Any, || Ok(())),
            part("d", Turn::Building, builds),
        ];
        let verdicts: Vec<Verdict> = run(&parts).into_iter().map(|(_, verdict, _)| verdict).collect();
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed, Verdict::Passed, Verdict::Passed]);
    }
}
