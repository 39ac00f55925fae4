//! The session engine of okibi.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod engine;
mod id;
mod time;

pub use crate::{
    engine::exchange::{Consistency, Swap, Write},
    id::{Handle, Id, Owner, StoreKey},
    time::Timestamp,
};
