//! The shared pages, rendered the way the axum app renders them.
#![forbid(unsafe_code)]

use std::{fs, path::PathBuf};

use minijinja::{Environment, UndefinedBehavior, context, path_loader, value::Serde};
use serde::Deserialize;
use serde_json::Value;

/// One page of `examples/site/cases.json`.
#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    data: Value,
    has: Vec<String>,
    lacks: Vec<String>,
}

/// Where the templates, the stylesheet and the icon lie.
fn site() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../site")
}

fn templates() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_loader(path_loader(site().join("templates")));
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
}

#[test]
fn every_page_has_what_it_must_and_lacks_what_it_must_not() {
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(site().join("cases.json")).unwrap()).unwrap();
    let templates = templates();
    assert!(!cases.is_empty());
    for Case { name, template, data, has, lacks } in &cases {
        let html = templates.get_template(template).unwrap().render(Serde(data)).unwrap();
        for text in has {
            assert!(html.contains(text), "{name}: {text} is missing in:\n{html}");
        }
        for text in lacks {
            assert!(!html.contains(text), "{name}: {text} is in:\n{html}");
        }
    }
}

#[test]
fn a_page_without_its_data_is_an_error_not_a_hole() {
    let templates = templates();
    let members = templates.get_template("members.html").unwrap();
    assert!(members.render(context!(path => "/members", servers => [(); 0], store => "sqlite")).is_err());
}
