#![no_main]

#[path = "../../tests/fuzz/page.rs"]
mod page;

libfuzzer_sys::fuzz_target!(|data: &[u8]| page::check(data));
