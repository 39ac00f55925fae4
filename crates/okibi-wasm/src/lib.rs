//! The border between JavaScript and the engine: it passes bytes to one engine call and returns
//! bytes. It makes no decisions.
//!
//! JavaScript gets the input buffer ([`border::okibi_input`]), writes frames into it, and calls
//! ([`border::okibi_call`]). The reply has frames too. Between two calls, only the configured
//! engines and two buffers are kept, and no call reads the content of an earlier one. So an aborted
//! request leaves nothing behind, and a lost instance is replaced by configuring a new one.
//!
//! In WebAssembly there is no standard library, because it would add panic messages to the module.
//! A panic traps, and JavaScript replaces the instance.
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
