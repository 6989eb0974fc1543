//! Any bytes as the answer of the gateway: `cargo +nightly fuzz run answer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate::lane::fuzz::answer(bytes));
