//! Which options exclude each other: the core decides, and the layer names its own options.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use okibi_store::MemoryStore;
use okibi_tower::{Secrets, Sessions};

fn secrets() -> Secrets {
    Secrets::new(["a secret of more than thirty-two bytes"]).unwrap()
}

#[test]
fn options_that_exclude_each_other_are_refused_in_both_languages() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/options.json");
    let cases: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut played = 0;
    for case in cases.as_array().unwrap() {
        let options: Vec<&str> =
            case["options"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let has = |name: &str| options.contains(&name);
        // Rust cannot express these.
        let mut sessions = match (has("store"), has("sealed")) {
            (true, false) => Sessions::new(MemoryStore::new()),
            (false, true) => Sessions::sealed(secrets()),
            _ => continue,
        };
        for option in &options {
            sessions = match *option {
                "secret" => sessions.secret(secrets()),
                "chunks" => sessions.chunks(2),
                "max_cookie_bytes" => sessions.max_cookie_bytes(4096),
                "revocations" => sessions.revocations(MemoryStore::new().refuse_when_full()),
                "commit_failed_requests" => sessions.commit_failed_requests(true),
                "failed_when" => sessions.failed_when(|_| true),
                _ => sessions,
            };
        }
        let refused = sessions.layer().err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), case["rust"].as_str(), "{options:?}");
        played += 1;
    }
    assert!(played > 8);
}
