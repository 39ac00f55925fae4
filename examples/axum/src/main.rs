//! The demo site on axum.
fn main() {}
