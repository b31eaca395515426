#![no_main]

#[path = "../../tests/fuzz/plan_file.rs"]
mod plan_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| plan_file::check(data));
