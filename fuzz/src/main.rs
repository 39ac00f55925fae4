//! Runs fuzz targets without nightly or libFuzzer: mutated seeds for a bounded time, repeatable by
//! a seed.
//!
//! `cargo run --release -- [--seconds N] [--seed N] [target …]`, or `-- --input FILE target` to
//! repeat a finding.
#![forbid(unsafe_code)]

mod mutate;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::{self, ExitCode},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use okibi_fuzz::{TARGETS, Target};

/// One input may take no longer than this: parsing is linear.
const LONGEST_RUN: Duration = Duration::from_secs(5);

/// What was asked for.
struct Options {
    seconds: u64,
    seed: u64,
    input: Option<PathBuf>,
    targets: Vec<(&'static str, Target)>,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("fuzz: {message}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let mut options = Options { seconds: 5, seed: u64::from(now), input: None, targets: Vec::new() };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument}: a value is missing"));
        let number = |text: String| text.parse().map_err(|_| format!("{text}: not a whole number"));
        match argument.as_str() {
            "--seconds" => options.seconds = number(value()?)?,
            "--seed" => options.seed = number(value()?)?,
            "--input" => options.input = Some(value()?.into()),
            name => {
                let known = TARGETS.iter().find(|(known, _)| *known == name);
                options
                    .targets
                    .push(*known.ok_or(format!("{name}: no such target; name it in TARGETS, fuzz/src/lib.rs"))?);
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), String> {
    for (name, target) in &options.targets {
        if let Some(input) = &options.input {
            target(&fs::read(input).map_err(|error| format!("{}: {error}", input.display()))?);
            println!("fuzz {name}: {} is fine", input.display());
        } else {
            fuzz(name, *target, options)?;
        }
    }
    Ok(())
}

/// Feeds one target until its time is over or an input makes it panic.
fn fuzz(name: &'static str, target: Target, options: &Options) -> Result<(), String> {
    let seeds = seeds(name)?;
    let current = Arc::new(Mutex::new((Vec::new(), Instant::now())));
    watch(name, options.seed, &current);
    let mut random = mutate::Random::new(options.seed);
    let start = Instant::now();
    let mut count = 0_u64;
    // Each seed as it is comes first.
    let mut next = seeds.clone().into_iter();
    while start.elapsed() < Duration::from_secs(options.seconds) {
        for _ in 0..64 {
            let input = next.next().unwrap_or_else(|| mutate::input(&mut random, &seeds));
            *current.lock().unwrap_or_else(PoisonError::into_inner) = (input.clone(), Instant::now());
            count += 1;
            if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                return Err(finding(name, options.seed, &input, "panicked"));
            }
        }
    }
    println!("fuzz {name}: {count} inputs from {} seeds in {} s, seed {}", seeds.len(), options.seconds, options.seed);
    *current.lock().unwrap_or_else(PoisonError::into_inner) = (Vec::new(), Instant::now() + Duration::from_hours(24));
    Ok(())
}

/// Ends the program if one input takes too long.
fn watch(name: &'static str, seed: u64, current: &Arc<Mutex<(Vec<u8>, Instant)>>) {
    let current = Arc::clone(current);
    thread::spawn(move || {
        loop {
            thread::sleep(LONGEST_RUN / 5);
            let (input, since) = &*current.lock().unwrap_or_else(PoisonError::into_inner);
            if since.elapsed() > LONGEST_RUN {
                eprintln!("fuzz: {}", finding(name, seed, input, "took too long"));
                process::exit(1);
            }
        }
    });
}

/// Saves what a target failed on and says how to repeat it.
fn finding(name: &str, seed: u64, input: &[u8], what: &str) -> String {
    let folder = here().join("artifacts").join(name);
    let file = folder.join(format!("seed-{seed}"));
    let saved = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    let place = saved.map_or_else(
        |error| format!("it could not be saved ({error}): {input:?}"),
        |()| {
            format!(
                "repeat it with\n  cargo run --release --manifest-path fuzz/Cargo.toml -- --input {} {name}",
                file.display()
            )
        },
    );
    format!("{name}: {what} on an input of {} bytes (seed {seed}); {place}", input.len())
}

/// The good inputs of a target: those in the repository and those that libFuzzer has found on this
/// machine.
fn seeds(name: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut files = Vec::new();
    for folder in ["seeds", "corpus"].map(|kind| here().join(kind).join(name)) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            files.push(entry.map_err(|error| format!("{}: {error}", folder.display()))?.path());
        }
    }
    // The order of a folder differs from machine to machine; the inputs of a seed must not.
    files.sort();
    files.into_iter().map(|file| fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))).collect()
}

/// This folder, as cargo says at run time: where this was compiled says nothing after the folder
/// moved.
fn here() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{TARGETS, here, seeds};

    #[test]
    fn every_target_has_its_file_its_entry_in_the_manifest_and_seeds() {
        let named: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files: BTreeSet<String> = fs::read_dir(here().join("fuzz_targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(named, files);
        let manifest = fs::read_to_string(here().join("Cargo.toml")).unwrap();
        for name in named {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}: no [[bin]]");
            assert!(!seeds(&name).unwrap().is_empty(), "{name}: no seeds");
        }
    }
}
