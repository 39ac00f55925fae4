//! `iron` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| okibi_fuzz::iron(input));
