//! What the engine refuses, cuts or keeps of what a request wants written.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use okibi_core::{Config, Op, Owner};
use support::World;

#[test]
fn n47_a_label_is_cut_at_a_character_and_an_empty_one_is_none() {
    let mut world = World::new(Config::default());
    for (given, kept) in [
        ("phone".to_owned(), Some("phone".to_owned())),
        ("x".repeat(256), Some("x".repeat(256))),
        ("x".repeat(10_000), Some("x".repeat(256))),
        ("é".repeat(200), Some("é".repeat(128))),
        (format!("{}🔥", "x".repeat(253)), Some("x".repeat(253))),
        (String::new(), None),
    ] {
        world.store.clear();
        world.serve(None, |request| {
            request.log.push(Op::SetOwner(Some(Owner::new("ember"))));
            request.log.push(Op::SetLabel(Some(given.as_str().into())));
        });
        let records = world.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].label.as_ref().map(|label| label.as_str().to_owned()), kept, "{given}");
    }
}
