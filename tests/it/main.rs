//! Black-box tests.

mod manifests;
