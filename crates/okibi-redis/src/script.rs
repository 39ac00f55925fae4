//! What runs inside Redis. Each script is one step for everybody who uses the server.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// Writes a record, or says what lies there instead.
pub(crate) static SWAP: LazyLock<Named> = LazyLock::new(|| Named::new(include_str!("script/swap.lua")));
/// The same for a session of an owner.
pub(crate) static SWAP_LISTED: LazyLock<Named> = LazyLock::new(|| Named::new(include_str!("script/swap_listed.lua")));
/// Deletes a session and what says whose it is.
pub(crate) static DELETE: LazyLock<Named> = LazyLock::new(|| Named::new(include_str!("script/delete.lua")));
/// Puts an entry on an owner's list, where that may be on another server than the record.
pub(crate) static LIST: LazyLock<Named> = LazyLock::new(|| Named::new(include_str!("script/list.lua")));

/// A script, and the name by which Redis knows it once it has seen it.
pub(crate) struct Named {
    text: &'static str,
    name: String,
}

impl Named {
    /// Of a script's file. What Redis is given is all after the comment at its top, as in TypeScript.
    fn new(file: &'static str) -> Self {
        let mut text = file;
        while let Some((_, rest)) = text.split_once('\n').filter(|(line, _)| line.starts_with("--")) {
            text = rest;
        }
        let text = text.trim_end();
        Self { text, name: Script::new(text).get_hash().to_owned() }
    }

    /// Runs it by its name. Redis answers `NOSCRIPT` if it has not seen it, or has forgotten it.
    pub(crate) fn by_name(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.name, keys, values)
    }

    /// Runs it by its text, by which Redis gets to know it.
    pub(crate) fn by_text(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, values)
    }
}

fn call(how: &str, script: &str, keys: &[&str], values: &[&[u8]]) -> Cmd {
    // Made in its full size at once: growing bit by bit costs as much as all else about it.
    let bytes = keys.iter().map(|key| key.len()).chain(values.iter().map(|value| value.len())).sum::<usize>();
    let mut command = Cmd::with_capacity(keys.len() + values.len() + 3, how.len() + script.len() + bytes + 20);
    command.arg(how).arg(script).arg(keys.len()).arg(keys).arg(values);
    command
}

#[cfg(test)]
mod tests {
    use super::{DELETE, LIST, SWAP, SWAP_LISTED};

    #[test]
    fn redis_is_given_a_script_without_the_comment_at_its_top() {
        let files = [
            (&SWAP, include_str!("script/swap.lua")),
            (&SWAP_LISTED, include_str!("script/swap_listed.lua")),
            (&DELETE, include_str!("script/delete.lua")),
            (&LIST, include_str!("script/list.lua")),
        ];
        for (script, file) in files {
            let comment = file.strip_suffix(&format!("{}\n", script.text)).unwrap_or_else(|| panic!("{file}"));
            assert!(!comment.is_empty() && comment.lines().all(|line| line.starts_with("-- ")), "{comment}");
            assert!(!script.text.starts_with("--") && script.text.contains("return"), "{}", script.text);
        }
    }
}
