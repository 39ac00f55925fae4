//! Rule: comments, pages and messages avoid the words of a list, in the folders that are clean.

use std::{collections::BTreeSet, iter::Peekable, str::Chars};

use super::source::{File, Finding, Repository, numbered};

const RULE: &str = "words";

/// The page that lists the names of tests. A string that is such a name is exempt.
const PAGE: &str = "docs/requirements.md";

/// The names of the contract suite's rules, which both languages share. A string that is such a
/// name is exempt, and so is an item of a page's numbered list.
const CONTRACT: &str = "vectors/contract.json";

/// This file. It contains the words.
const OWN: &str = "xtask/src/tidy/words.rs";

/// The clean folders. Add a folder when its last finding is fixed.
const FOLDERS: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "RELEASING.md",
    "SECURITY.md",
    "benches",
    "crates/okibi",
    "crates/okibi-contract",
    "crates/okibi-core",
    "crates/okibi-mysql",
    "crates/okibi-postgres",
    "crates/okibi-redis",
    "crates/okibi-servers",
    "crates/okibi-sqlite",
    "crates/okibi-store",
    "crates/okibi-tower",
    "crates/okibi-wasm",
    "examples",
    "docs",
    "facts",
    "faults",
    "fuzz",
    "packages/okibi/README.md",
    "packages/okibi/scripts",
    "packages/okibi/src",
    "packages/okibi/test",
    "xtask",
];

/// Words to avoid, and what to say instead. `|` separates the forms.
const WORDS: &[(&str, &str)] = &[
    ("head leaves|head has left|head had left|head left|head leave", "the response headers are sent"),
    ("lie|lies|lay|lying", "is stored"),
    ("of whom|to whom|for whom|from whom|by whom|with whom|whose|who", "name the subject"),
    ("nobody|somebody|someone", "name the subject, or use the passive"),
    ("stranger|strangers", "a request without the cookie"),
    ("now and then", "periodically"),
    ("once more", "again"),
    ("at once", "immediately, or concurrently"),
    ("has not the form|have not the form", "is malformed"),
    ("is none", "is not one"),
    ("no such thing", "name what is absent"),
    ("a text|texts", "a string"),
    ("sign of life|signs of life", "a ping, or an answer"),
    ("goes on|go on|going on|went on", "continues"),
    ("comes back|come back|coming back|came back", "is returned"),
    ("leads to|lead to|leads nowhere|lead nowhere", "opens, resolves to, or causes"),
    ("given up|give up|gives up|gave up", "cancelled, dropped or abandoned"),
    ("gives away|give away|given away|gives it away", "reveals"),
    ("other side", "the peer"),
];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let tests = repository.file(PAGE).into_iter().flat_map(|page| test_names(&page.text));
    let rules = repository.file(CONTRACT).into_iter().flat_map(|file| file.text.split('"'));
    let names: BTreeSet<&str> = tests.chain(rules).collect();
    let clean = |file: &&File| file.path != OWN && FOLDERS.iter().any(|folder| is_below(&file.path, folder));
    repository.files.iter().filter(clean).flat_map(|file| check_file(file, &names)).collect()
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn check_file(file: &File, names: &BTreeSet<&str>) -> Vec<Finding> {
    let Some(prose) = prose(file, names) else { return Vec::new() };
    let tokens = tokens(&prose);
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        let rest = tokens.get(at..).unwrap_or_default();
        for (forms, instead) in WORDS {
            if let Some(form) = forms.split('|').find(|form| begins(rest, form)) {
                let line = rest.first().map_or(1, |token| token.line);
                findings.push(file.finding(line, RULE, format!("\"{form}\": say \"{instead}\"")));
            }
        }
    }
    findings
}

/// Whether the tokens begin with the words of this form.
fn begins(tokens: &[Token], form: &str) -> bool {
    let mut tokens = tokens.iter();
    form.split(' ').all(|word| tokens.next().is_some_and(|token| token.word == word))
}

/// The names of tests on the page of the requirements: lines of the form - `path` `name`.
fn test_names(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| {
        let (_, name) = line.strip_prefix("- `")?.split_once("` `")?;
        Some(name.trim_end_matches('`'))
    })
}

/// The prose of a file, line for line: the comments and strings of source code, or a page without
/// its code. `None` for other files.
fn prose(file: &File, names: &BTreeSet<&str>) -> Option<String> {
    if file.language().is_some() {
        let bare = file.bare();
        let lines = file.text.lines().zip(bare.lines());
        return Some(lines.map(|(text, bare)| prose_of_source(text, bare, names) + "\n").collect());
    }
    match file.name().rsplit('.').next() {
        Some("md") => Some(prose_of_page(&file.text, names)),
        Some("toml" | "yml" | "lua" | "sql") => Some(file.text.clone()),
        _ => None,
    }
}

/// The parts of a line of source that its bare form hides: comments and strings. A string without a
/// space is an identifier, and a listed name belongs to its list.
fn prose_of_source(text: &str, bare: &str, names: &BTreeSet<&str>) -> String {
    let same = |(shown, hidden): (char, char)| if shown == hidden && shown != ' ' { '\0' } else { shown };
    let parts: String = text.chars().zip(bare.chars()).map(same).collect();
    let is_prose = |part: &&str| part.trim().contains(' ') && !names.contains(part.trim());
    parts.split('\0').filter(is_prose).collect::<Vec<_>>().join(" | ")
}

/// A page with its blocks of code left empty, and the numbered items that are listed names.
fn prose_of_page(text: &str, names: &BTreeSet<&str>) -> String {
    let mut is_code = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        let is_name = line.strip_prefix("1. ").is_some_and(|item| names.contains(item));
        if !is_code && !is_fence && !is_name {
            kept.push_str(line);
        }
        is_code ^= is_fence;
        kept.push('\n');
    }
    kept
}

/// A word in small letters, or a character that ends a phrase.
struct Token {
    line: usize,
    word: String,
}

/// The words of some prose. A phrase may continue on the next line, behind the marks of a comment.
fn tokens(prose: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, text) in numbered(prose) {
        let text = text.trim_start().trim_start_matches(['/', '!', '*', '#', '-', '>', ' ']);
        let text: String =
            text.split('`').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "`" }).collect();
        let mut characters = text.chars().peekable();
        while let Some(next) = characters.next() {
            if next.is_whitespace() {
                continue;
            }
            let mut word = next.to_lowercase().collect::<String>();
            if is_of_word(next) {
                word.push_str(&rest_of_word(&mut characters));
            }
            tokens.push(Token { line, word });
        }
    }
    tokens
}

fn rest_of_word(characters: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(next) = characters.next_if(|next| is_of_word(*next)) {
        word.extend(next.to_lowercase());
    }
    word
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FOLDERS, File, Repository, WORDS, check, check_file};

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let file = File::new(path.to_owned(), text.to_owned());
        let tests = BTreeSet::from(["two at once"]);
        let word = |message: &str| message.split('"').nth(1).unwrap_or_default().to_owned();
        check_file(&file, &tests).iter().map(|finding| (finding.line, word(&finding.message))).collect()
    }

    #[test]
    fn every_form_is_found_in_comments_strings_and_pages() {
        for form in WORDS.iter().flat_map(|(forms, _)| forms.split('|')) {
            let expected = [(2, form.to_owned())];
            assert_eq!(found("a.rs", &format!("//! Fine.\n/// Here {form}, see.\nfn a() {{}}\n"))[..1], expected);
            assert_eq!(found("a.ts", &format!("// Fine.\nfail('here {form}.')\n"))[..1], expected);
            assert_eq!(found("a.md", &format!("# Fine\nHere **{form}**.\n"))[..1], expected);
            assert_eq!(found("a.lua", &format!("-- Fine.\n-- Here {form}.\n"))[..1], expected);
        }
    }

    #[test]
    fn a_phrase_may_be_wrapped() {
        assert_eq!(found("a.rs", "/// Do it at\n/// once.\n"), [(1, "at once".to_owned())]);
        assert_eq!(found("a.md", "- it goes\n  on.\n"), [(1, "goes on".to_owned())]);
    }

    #[test]
    fn the_finding_says_what_to_say() {
        let file = File::new("a.md".to_owned(), "Both run at once.\n".to_owned());
        let found = check_file(&file, &BTreeSet::new());
        assert_eq!(found[0].to_string(), "a.md:1: words: \"at once\": say \"immediately, or concurrently\"");
    }

    #[test]
    fn code_is_free_and_so_are_names_of_listed_tests() {
        for (path, text) in [
            ("a.rs", "fn at_once(who: Who) { nobody.lay() } // calls `nobody at once`\n"),
            ("a.rs", "const KEY: &str = \"who\"; // A look at. Once a day.\n"),
            ("a.ts", "test('two at once', () => {})\nsession.get('who')\n"),
            ("a.md", "`at once`\n\n```ts\n// at once\n```\n"),
            ("a.json", "{ \"why\": \"at once\" }\n"),
        ] {
            assert_eq!(found(path, text), [], "{text}");
        }
    }

    #[test]
    fn a_numbered_item_of_a_page_may_be_a_listed_name() {
        assert_eq!(found("a.md", "1. two at once\n1. free\n"), []);
        for text in ["1. two at once, or three\n", "two at once\n", "- two at once\n"] {
            assert_eq!(found("a.md", text), [(1, "at once".to_owned())], "{text}");
        }
    }

    #[test]
    fn only_clean_folders_are_checked() {
        let text = "//! It goes on.\n";
        let inside = format!("{}/a.rs", FOLDERS[0]);
        let repository = Repository::of(&[(&inside, text), ("elsewhere/a.rs", text)]);
        let paths: Vec<_> = check(&repository).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, [inside]);
    }

    #[test]
    fn listed_names_are_exempt() {
        let inside = format!("{}/a.test.ts", FOLDERS[0]);
        let page = "### N1\n\n- `a/a.test.ts` `two at once`\n";
        let test = "// Tests.\ntest('two at once', () => {})\n";
        let repository = |path, list| Repository::of(&[(path, list), (inside.as_str(), test)]);
        assert_eq!(check(&repository(super::PAGE, page)), []);
        assert_eq!(check(&repository(super::PAGE, "### N1\n")).len(), 1);
        assert_eq!(check(&repository(super::CONTRACT, "[\n  \"two at once\"\n]\n")), []);
    }
}
