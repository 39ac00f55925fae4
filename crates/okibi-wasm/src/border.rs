//! The exported functions. Only this file may contain `unsafe`, because exporting a name is an
//! unsafe attribute.
#![allow(unsafe_code)]

use alloc::vec::Vec;

use okibi_core::Engine;
use spin::Mutex;

/// The most bytes that a buffer keeps allocated after a call. A larger buffer is freed.
const KEEP: usize = 256 * 1024;

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static REPLY: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ENGINES: Mutex<Vec<Engine>> = Mutex::new(Vec::new());

/// Makes room for `length` bytes of input and returns the address to write them to.
#[unsafe(no_mangle)]
pub extern "C" fn okibi_input(length: usize) -> *mut u8 {
    let Some(mut input) = INPUT.try_lock() else { return core::ptr::null_mut() };
    input.clear();
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Runs a call on the input and returns the address of the reply: its length in four bytes, then
/// its frames.
#[unsafe(no_mangle)]
pub extern "C" fn okibi_call(call: u32, engine: u32, now: f64, flags: u32) -> *const u8 {
    let (Some(mut input), Some(mut reply), Some(mut engines)) =
        (INPUT.try_lock(), REPLY.try_lock(), ENGINES.try_lock())
    else {
        return core::ptr::null();
    };
    reply.clear();
    reply.shrink_to(KEEP);
    crate::call(&mut engines, call, engine, now, flags, &input, &mut reply);
    // Cookies and values must not stay in memory.
    input.fill(0);
    input.shrink_to(KEEP);
    reply.as_ptr()
}
