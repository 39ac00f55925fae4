//! Sessions for the web: one engine behind tower, axum and Hono.
