//! Lua scripts that run inside Redis. Each script is atomic.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// Writes a record, or returns the stored one.
pub(crate) static SWAP: LazyLock<CachedScript> = LazyLock::new(|| CachedScript::new(include_str!("script/swap.lua")));
/// The same for a session that has an owner.
pub(crate) static SWAP_LISTED: LazyLock<CachedScript> =
    LazyLock::new(|| CachedScript::new(include_str!("script/swap_listed.lua")));
/// Writes the bytes of a record, and leaves its owner and expiry as they are.
pub(crate) static REPLACE: LazyLock<CachedScript> =
    LazyLock::new(|| CachedScript::new(include_str!("script/replace.lua")));
/// Deletes a session and the note with its owner.
pub(crate) static DELETE: LazyLock<CachedScript> =
    LazyLock::new(|| CachedScript::new(include_str!("script/delete.lua")));
/// Adds an entry to an owner's list. The list may be on another server than the record.
pub(crate) static LIST: LazyLock<CachedScript> = LazyLock::new(|| CachedScript::new(include_str!("script/list.lua")));

/// A script, and the SHA-1 by which Redis calls it from its cache.
pub(crate) struct CachedScript {
    text: &'static str,
    name: String,
}

impl CachedScript {
    /// Reads a script's file. Redis gets the script without the comment at its top, as in
    /// TypeScript.
    fn new(file: &'static str) -> Self {
        let mut text = file;
        while let Some((_, rest)) = text.split_once('\n').filter(|(line, _)| line.starts_with("--")) {
            text = rest;
        }
        let text = text.trim_end();
        Self { text, name: Script::new(text).get_hash().to_owned() }
    }

    /// Runs the script by its SHA-1. Redis answers `NOSCRIPT` if the script is not in its cache.
    pub(crate) fn by_name(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.name, keys, values)
    }

    /// Runs the script by its source. Redis then caches it.
    pub(crate) fn by_text(&self, keys: &[&str], values: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, values)
    }
}

fn call(how: &str, script: &str, keys: &[&str], values: &[&[u8]]) -> Cmd {
    // Allocated in full size: growth in steps costs as much as the rest of the call.
    let bytes = keys.iter().map(|key| key.len()).chain(values.iter().map(|value| value.len())).sum::<usize>();
    let mut command = Cmd::with_capacity(keys.len() + values.len() + 3, how.len() + script.len() + bytes + 20);
    command.arg(how).arg(script).arg(keys.len()).arg(keys).arg(values);
    command
}

#[cfg(test)]
mod tests {
    use super::{DELETE, LIST, REPLACE, SWAP, SWAP_LISTED};

    #[test]
    fn redis_is_given_a_script_without_the_comment_at_its_top() {
        let files = [
            (&SWAP, include_str!("script/swap.lua")),
            (&SWAP_LISTED, include_str!("script/swap_listed.lua")),
            (&REPLACE, include_str!("script/replace.lua")),
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
