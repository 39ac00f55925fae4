//! The SQLite example of `docs/stores.md` is a compiled file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[test]
fn the_page_shows_the_example_with_sqlite_as_it_is() {
    let page = include_str!("../../../docs/stores.md");
    let example = include_str!("../examples/sqlite.rs").split_once("\n\n").unwrap().1;
    assert!(page.contains(&format!("```rust\n{example}```\n")));
}
