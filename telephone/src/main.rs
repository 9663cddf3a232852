//! The `telephone` command.

mod cli;

use std::process::ExitCode;

/// Traffic makes and drops buffers of every size all the time. The C library's allocator gives freed ones back to the
/// kernel only to ask for them again: that halved the speed of large downloads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
