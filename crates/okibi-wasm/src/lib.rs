//! The border between JavaScript and the engine: bytes in, one engine call, bytes out. No policy.
//!
//! JavaScript asks for the input buffer ([`border::okibi_input`]), writes frames into it, and calls
//! ([`border::okibi_call`]); the reply is frames again. What is kept between two calls is the configured engines and two
//! buffers whose content no later call looks at: an aborted request leaves nothing behind, and an instance that was lost
//! is replaced by configuring another.
//!
//! In WebAssembly there is no standard library, which would bring texts for panics that nobody reads. A panic traps, and
//! JavaScript replaces the instance.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod border;
mod calls;
#[cfg(feature = "compat")]
mod dialects;
mod frames;
#[cfg(feature = "compat")]
mod iron;
mod js_option;
pub mod numbers;
mod options;
mod reply;
#[cfg(target_arch = "wasm32")]
mod runtime;

pub use calls::call;
