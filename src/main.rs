//! The binary: everything is in the library.

use std::process::ExitCode;

#[cfg(feature = "simtest")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    classiclinkd::cli::main()
}
