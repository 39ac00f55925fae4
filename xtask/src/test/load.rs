//! Load for tests that must pass on a busy machine: one computing thread per core.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::run::{During, Outcome};

/// Threads that keep every core busy until this is dropped. They also end when the task runner is
/// interrupted or killed.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    burners: Vec<JoinHandle<u64>>,
}

impl Load {
    /// Starts one thread per core.
    pub(super) fn start() -> Outcome<Self> {
        let cores = thread::available_parallelism().during("counting the cores")?.get();
        let mut load = Self { is_over: Arc::default(), burners: Vec::with_capacity(cores) };
        for _ in 0..cores {
            let is_over = Arc::clone(&load.is_over);
            let burner = thread::Builder::new().name("load".into()).spawn(move || burn(&is_over));
            load.burners.push(burner.during("starting a thread")?);
        }
        Ok(load)
    }

    pub(super) fn cores(&self) -> usize {
        self.burners.len()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for burner in self.burners.drain(..) {
            // The thread does not panic. If it did, it would have ended too.
            let _ = burner.join();
        }
    }
}

/// Computes until told to stop, and returns a count. Compilers do not remove an atomic write.
fn burn(is_over: &AtomicBool) -> u64 {
    let count = AtomicU64::new(0);
    while !is_over.load(Ordering::Relaxed) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    count.into_inner()
}

/// Linux reports the processor time of a thread.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        fs,
        sync::{Arc, atomic::Ordering},
        thread,
        time::{Duration, Instant},
    };

    use super::Load;

    /// The processor time that the threads of this process called `load` have had, in ticks.
    fn ticks() -> u64 {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let burners = stats.filter(|stat| stat.contains("(load)"));
        burners
            .map(|stat| {
                let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
                fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
            })
            .sum()
    }

    #[test]
    fn every_core_is_kept_busy_until_it_is_dropped() {
        let load = Load::start().unwrap();
        assert_eq!(load.cores(), thread::available_parallelism().unwrap().get());
        let started = Instant::now();
        while ticks() == 0 {
            assert!(started.elapsed() < Duration::from_mins(1), "no other process computes");
            thread::yield_now();
        }
        let is_over = Arc::clone(&load.is_over);
        drop(load);
        assert!(is_over.load(Ordering::Relaxed));
        assert_eq!(Arc::strong_count(&is_over), 1, "a thread still runs");
    }
}
