//! The primitives that okibi's formats are made of, all from `RustCrypto`, behind functions and types without parameters.
//!
//! They are a crate of their own because of how Rust compiles generics: `RustCrypto`'s ciphers would be compiled inside the
//! engine, and that is compiled for size where it becomes WebAssembly. In here they are compiled once, for speed. Nothing
//! in here decides anything: which primitive protects what is said in `okibi-core`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod aead;
mod aes;
pub mod base64;
mod hash;

pub use crate::{
    aead::XChaCha20Poly1305,
    aes::Aes,
    hash::{HmacSha256, expand, pbkdf2_sha1, sha256},
};
