//! Everything that is tested from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test that cannot go on should stop loudly"
)]

mod architecture;
mod manifests;
