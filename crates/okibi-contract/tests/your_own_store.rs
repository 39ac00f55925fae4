//! The store and the test of docs/your-own-store.md: what the page shows compiles, runs and keeps
//! the contract.

#[path = "your_own_store/contract.rs"]
mod contract;
#[path = "your_own_store/store.rs"]
mod store;

// The page's test is in a crate of its own, which knows the store by the name of its crate.
extern crate self as my_store;
pub use crate::store::TableStore;

use okibi_contract::{Contract, Verdict};

const PAGE: &str = include_str!("../../../docs/your-own-store.md");

/// The code of a file, without the line that says what it is.
fn shown(file: &str) -> String {
    let (_, code) = file.split_once('\n').unwrap_or_default();
    format!("```rust\n{code}```\n")
}

#[test]
fn the_page_shows_these_files_as_they_are() {
    for file in [include_str!("your_own_store/store.rs"), include_str!("your_own_store/contract.rs")] {
        assert!(PAGE.contains(&shown(file)), "docs/your-own-store.md must show:\n{}", shown(file));
    }
    assert_eq!(PAGE.matches("```rust\n").count(), 2, "every piece of Rust on the page is a file here");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_no_rule_out() {
    let folder = tempfile::tempdir().unwrap();
    let open = || TableStore::open(&folder.path().join("sessions.db")).unwrap();
    let report = Contract::new(open()).another(open()).run().await;
    assert!(report.findings().iter().all(|finding| finding.verdict == Verdict::Kept), "{report}");
}

#[tokio::test]
async fn the_page_names_every_rule_and_no_other() {
    let names: Vec<String> = serde_json::from_str(include_str!("../../../vectors/contract.json")).unwrap();
    let rules: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("1. ")).collect();
    assert_eq!(rules, names);
}
