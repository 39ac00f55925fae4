//! The command line of `okibi-faults`.

use std::{path::PathBuf, time::SystemTime};

use okibi_faults::{history::Run, run::RunOptions};

pub(crate) const USAGE: &str = "\
okibi-faults --backend NAME [--seed N] [--seconds N] [--faults NAME,...] [--record FILE]
    runs random session histories on a backend while faults are injected, and checks what was recorded
    --seed     what the histories, the faults and their times are drawn from; default: a new one, which is printed
    --seconds  how long faults are injected, or longer until each has injected once; default 10
    --faults   only these; default all that the backend knows; `none`: none
    --record   where the history goes; default target/faults/NAME-SEED.jsonl
okibi-faults --check FILE    checks a recorded history again
okibi-faults --list          names the backends
okibi-faults --rules         names what is checked
";

/// The requested action.
#[derive(Debug)]
pub(crate) enum Args {
    Help,
    List,
    Rules,
    Check(PathBuf),
    Run { backend: String, options: RunOptions, record: Option<PathBuf> },
}

impl Args {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let (mut backend, mut record) = (None, None);
        let mut options = RunOptions { seed: fresh_seed(), seconds: 10, faults: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word}: a value is missing\n\n{USAGE}"));
            match word.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--rules" => return Ok(Self::Rules),
                "--check" => return Ok(Self::Check(value()?.into())),
                "--backend" => backend = Some(value()?),
                "--record" => record = Some(value()?.into()),
                "--seed" => options.seed = number(&word, &value()?)?,
                "--seconds" => options.seconds = number(&word, &value()?)?,
                "--faults" => options.faults = Some(names(&value()?)),
                _ => return Err(format!("{word}: unknown\n\n{USAGE}")),
            }
        }
        let backend = backend.ok_or_else(|| format!("--backend: which?\n\n{USAGE}"))?;
        Ok(Self::Run { backend, options, record })
    }
}

/// The arguments that repeat a run.
pub(crate) fn repeat(run: &Run) -> String {
    let faults = if run.faults.is_empty() { "none".to_owned() } else { run.faults.join(",") };
    format!("--backend {} --seed {} --seconds {} --faults {faults}", run.backend, run.seed, run.seconds)
}

fn number(option: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{option} {value}: not a whole number"))
}

fn names(value: &str) -> Vec<String> {
    value.split(',').filter(|name| !name.is_empty() && *name != "none").map(str::to_owned).collect()
}

/// A random seed, short enough to type.
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.subsec_nanos().into()
}

#[cfg(test)]
mod tests {
    use super::{Args, repeat};
    use okibi_faults::history::Run;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_repeats_a_run_is_understood() {
        let run = Run {
            backend: "sqlite".to_owned(),
            seed: 7,
            seconds: 3,
            faults: vec!["busy".to_owned(), "full".to_owned()],
            deadline: 0,
            grace: 0,
        };
        for faults in [run.faults.clone(), Vec::new()] {
            let run = Run { faults: faults.clone(), ..run.clone() };
            let Ok(Args::Run { backend, options, record: None }) = parse(&repeat(&run)) else {
                panic!("not understood")
            };
            assert_eq!((backend.as_str(), options.seed, options.seconds), ("sqlite", 7, 3));
            assert_eq!(options.faults, Some(faults));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("", "--backend: which?"),
            ("--backend", "--backend: a value is missing"),
            ("--backend a --seed x", "--seed x: not a whole number"),
            ("--backends a", "--backends: unknown"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.starts_with(message), "{line}: {error}");
        }
    }
}
