#![no_main]

#[path = "../../tests/fuzz/error_body.rs"]
mod error_body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| error_body::check(data));
