//! The arguments after `cargo xtask <task>`: words, `--flags` and `--options value`.

use crate::run::{Outcome, fail};

/// The arguments of a task. They are removed one by one; an argument that is left at the end is an
/// error.
#[derive(Debug)]
pub(crate) struct Args {
    task: String,
    rest: Vec<String>,
}

impl Args {
    pub(crate) fn new(task: &str, rest: impl IntoIterator<Item = String>) -> Self {
        Self { task: task.to_owned(), rest: rest.into_iter().collect() }
    }

    /// The task of these arguments.
    pub(crate) fn task(&self) -> &str {
        &self.task
    }

    /// Removes a flag. Returns whether it was given.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|argument| argument != name);
        self.rest.len() < before
    }

    /// Removes an option and its value: `--name value` or `--name=value`.
    pub(crate) fn option(&mut self, name: &str) -> Outcome<Option<String>> {
        let Some(at) = self.rest.iter().position(|argument| key(argument) == name) else { return Ok(None) };
        let argument = self.rest.remove(at);
        if let Some((_, value)) = argument.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if self.rest.get(at).is_none_or(|value| value.starts_with("--")) {
            return fail(format!("{name}: a value is missing"));
        }
        Ok(Some(self.rest.remove(at)))
    }

    /// Removes an option with an integer as its value.
    pub(crate) fn number(&mut self, name: &str) -> Outcome<Option<u64>> {
        let Some(value) = self.option(name)? else { return Ok(None) };
        value.parse().map_or_else(|_| fail(format!("{name} {value}: not a whole number")), |number| Ok(Some(number)))
    }

    /// Removes the next word: an argument that is neither a flag nor an option.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.rest.iter().position(|argument| !argument.starts_with("--"))?;
        Some(self.rest.remove(at))
    }

    /// Fails if an argument is left.
    pub(crate) fn done(self) -> Outcome {
        match self.rest.first() {
            None => Ok(()),
            Some(argument) => {
                fail(format!("{argument}: unknown argument of `cargo xtask {}`; `cargo xtask` lists them", self.task))
            }
        }
    }
}

/// The name in `--name=value`.
fn key(argument: &str) -> &str {
    argument.split_once('=').map_or(argument, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(line: &str) -> Args {
        Args::new("task", line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_options_and_words_in_any_order() {
        let mut args = args("cookie --seconds 5 --dev --seed=7 rest");
        assert!(args.flag("--dev"));
        assert!(!args.flag("--dev"));
        assert_eq!(args.number("--seconds").unwrap(), Some(5));
        assert_eq!(args.option("--seed").unwrap().as_deref(), Some("7"));
        assert_eq!(args.option("--store").unwrap(), None);
        assert_eq!(args.word().as_deref(), Some("cookie"));
        assert_eq!(args.word().as_deref(), Some("rest"));
        assert_eq!(args.word(), None);
        args.done().unwrap();
    }

    #[test]
    fn mistakes_name_the_argument() {
        assert_eq!(args("--store").option("--store").unwrap_err().0, "--store: a value is missing");
        assert_eq!(args("--store --dev").option("--store").unwrap_err().0, "--store: a value is missing");
        assert_eq!(args("--seconds ten").number("--seconds").unwrap_err().0, "--seconds ten: not a whole number");
        let left = args("--devv").done().unwrap_err().0;
        assert!(left.starts_with("--devv: unknown argument of `cargo xtask task`"), "{left}");
    }
}
