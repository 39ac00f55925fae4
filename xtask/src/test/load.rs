//! Load for tests that must hold on a busy machine too: a thread for each core that does nothing but compute.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::run::{During, Outcome};

/// Threads that keep every core busy until this is dropped. They are threads of the task runner, so they also end with it
/// when it is interrupted or killed.
pub(super) struct Load {
    is_over: Arc<AtomicBool>,
    burners: Vec<JoinHandle<u64>>,
}

impl Load {
    /// Starts them, one for each core.
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
            // It can't panic, and if it did, it would be over all the same.
            let _ = burner.join();
        }
    }
}

/// Computes until it is over, and returns what it counted. No compiler can leave out an atomic write.
fn burn(is_over: &AtomicBool) -> u64 {
    let count = AtomicU64::new(0);
    while !is_over.load(Ordering::Relaxed) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    count.into_inner()
}

/// Linux says what a thread has computed.
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
            assert!(started.elapsed() < Duration::from_mins(1), "nobody computes");
            thread::yield_now();
        }
        let is_over = Arc::clone(&load.is_over);
        drop(load);
        assert!(is_over.load(Ordering::Relaxed));
        assert_eq!(Arc::strong_count(&is_over), 1, "a thread goes on");
    }
}
