//! A minimal scanner that separates code from comments and strings.

/// The language of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    JavaScript,
}

/// Source with its comments replaced by spaces.
pub(super) fn without_comments(text: &str, language: Language) -> String {
    Scanner::new(text, language, false).scan()
}

/// Source with its comments replaced by spaces and the characters of its strings by underscores.
pub(super) fn bare(text: &str, language: Language) -> String {
    Scanner::new(text, language, true).scan()
}

/// `bare` without the bodies of `#[cfg(test)]` modules; their lines are left empty. The indentation
/// is rustfmt's.
pub(super) fn without_test_modules(bare: &str) -> String {
    let mut kept = String::with_capacity(bare.len());
    let mut lines = bare.lines().peekable();
    let mut end_of_module: Option<String> = None;
    while let Some(line) = lines.next() {
        if let Some(end) = &end_of_module {
            if line.trim_end() == end {
                end_of_module = None;
            }
        } else if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|next| opens_module(next)) {
            let indent = line.len() - line.trim_start().len();
            end_of_module = Some(format!("{}}}", " ".repeat(indent)));
        } else {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

fn opens_module(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("mod ") || line.starts_with("pub(crate) mod ")) && line.ends_with('{')
}

struct Scanner<'a> {
    rest: &'a str,
    language: Language,
    hide_strings: bool,
    out: String,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, language: Language, hide_strings: bool) -> Self {
        Self { rest: text, language, hide_strings, out: String::with_capacity(text.len()) }
    }

    fn scan(mut self) -> String {
        while let Some(next) = self.rest.chars().next() {
            match next {
                _ if self.rest.starts_with("//") => self.blank(self.rest.find('\n').unwrap_or(self.rest.len())),
                _ if self.rest.starts_with("/*") => self.blank(self.block_comment()),
                // Outside of strings, a backslash is part of a JavaScript regular expression.
                '\\' => self.keep(next.len_utf8() + self.rest.chars().nth(1).map_or(0, char::len_utf8)),
                '"' => self.string('"', true),
                '\'' if self.language == Language::JavaScript => self.string('\'', false),
                '`' if self.language == Language::JavaScript => self.string('`', true),
                '\'' => self.character_or_lifetime(),
                'r' if self.language == Language::Rust => self.raw_string(),
                _ => self.keep(next.len_utf8()),
            }
        }
        self.out
    }

    /// Copies this many bytes.
    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.out.push_str(kept);
        self.rest = rest;
    }

    /// Replaces this many bytes by spaces. Line breaks stay.
    fn blank(&mut self, length: usize) {
        self.cover(length, ' ');
    }

    fn cover(&mut self, length: usize, with: char) {
        let (covered, rest) = self.rest.split_at(length);
        self.out.extend(covered.chars().map(|character| if character == '\n' { '\n' } else { with }));
        self.rest = rest;
    }

    /// The length of the block comment. In Rust they nest.
    fn block_comment(&self) -> usize {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(rest) = self.rest.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with("/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
                at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        self.rest.len()
    }

    /// A string with escapes. A single-line string ends with its line.
    fn string(&mut self, quote: char, spans_lines: bool) {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, character)| match character {
            _ if escaped => {
                escaped = false;
                None
            }
            '\\' => {
                escaped = true;
                None
            }
            '\n' if !spans_lines => Some(at),
            _ if character == quote => Some(at),
            _ => None,
        });
        self.quoted(1, end.unwrap_or(self.rest.len()));
    }

    /// Copies the opening quote (up to `start`), then the contents up to `end`, then the closing
    /// quote.
    fn quoted(&mut self, start: usize, end: usize) {
        self.keep(start);
        if self.hide_strings {
            self.cover(end - start, '_');
        } else {
            self.keep(end - start);
        }
        if let Some(last) = self.rest.chars().next() {
            self.keep(last.len_utf8());
        }
    }

    /// `'a'` is a character, `'a` a lifetime.
    fn character_or_lifetime(&mut self) {
        let mut following = self.rest.chars().skip(1);
        match (following.next(), following.next()) {
            (Some('\\'), _) => self.string('\'', false),
            (Some(character), Some('\'')) => self.quoted(1, 1 + character.len_utf8()),
            _ => self.keep(1),
        }
    }

    /// `r"…"` and `r#"…"#`; any other `r` is a letter.
    fn raw_string(&mut self) {
        let hashes = self.rest.chars().skip(1).take_while(|character| *character == '#').count();
        let part_of_name =
            self.out.chars().next_back().is_some_and(|character| character.is_alphanumeric() || character == '_');
        let after_byte_prefix = self.out.ends_with('b')
            && !self.out.chars().rev().nth(1).is_some_and(|character| character.is_alphanumeric() || character == '_');
        if (part_of_name && !after_byte_prefix) || self.rest.get(1 + hashes..).is_none_or(|rest| !rest.starts_with('"'))
        {
            self.keep(1);
            return;
        }
        let start = 2 + hashes;
        let closing = format!("\"{}", "#".repeat(hashes));
        let end = self.rest.get(start..).and_then(|rest| rest.find(&closing)).map_or(self.rest.len(), |at| start + at);
        self.quoted(start, end);
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, bare, without_comments, without_test_modules};

    #[test]
    fn comments_go_and_strings_stay() {
        let source = "let a = \"// no\"; // yes\n/* x /* y */ z */ let b = 'c';\n";
        assert_eq!(
            without_comments(source, Language::Rust),
            "let a = \"// no\";       \n                  let b = 'c';\n"
        );
    }

    #[test]
    fn bare_source_says_nothing_in_strings() {
        assert_eq!(bare("f(\"a\\\"b\", 'q', 'x, r#\"u\"v\"#)", Language::Rust), "f(\"____\", '_', 'x, r#\"___\"#)");
        assert_eq!(bare("for r in 'a'..=br\"q\"", Language::Rust), "for r in '_'..=br\"_\"");
        assert_eq!(bare("let q = '\"'; unsafe {}", Language::Rust), "let q = '_'; unsafe {}");
        assert_eq!(bare("a('//', `x\n'y`) // z", Language::JavaScript), "a('__', `_\n__`)     ");
    }

    #[test]
    fn javascript_comments_do_not_nest_and_regular_expressions_do_not_confuse() {
        assert_eq!(without_comments("/* a /* b */ c", Language::JavaScript), "             c");
        assert_eq!(without_comments("x = /\\/*/; y", Language::JavaScript), "x = /\\/*/; y");
        assert_eq!(bare("x = /'/\ny('z')", Language::JavaScript), "x = /'_\ny('_')");
    }

    #[test]
    fn test_modules_are_left_out() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        assert_eq!(without_test_modules(source), "fn a() {}\n\n\n\n\nfn c() {}\n");
        let elsewhere = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
        assert_eq!(without_test_modules(elsewhere), elsewhere);
    }
}
