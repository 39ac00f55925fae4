//! The Rust examples of docs/stores.md are the files in `stores_page`, which are compiled here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The example of the section "In front of a slow store".
mod cached {
    include!("stores_page/cached.rs");

    #[test]
    fn it_runs() {
        sessions(okibi::MemoryStore::new()).unwrap();
    }
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let page = include_str!("../../../docs/stores.md");
    let (_, example) = include_str!("stores_page/cached.rs").split_once('\n').unwrap();
    assert!(page.contains(&format!("```rust\n{example}```\n")));
}
