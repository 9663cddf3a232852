//! The memory allocator.

use std::hint::black_box;
use std::io;
use std::thread;
use std::time::Duration;

use mimalloc::MiMalloc;

/// Traffic makes and drops buffers of every size all the time. The C library's allocator gives freed ones back to the
/// kernel only to ask for them again: that halved the speed of large downloads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often what is due goes back to the kernel.
const INTERVAL: Duration = Duration::from_secs(5);
/// A piece so large that mimalloc looks for it where freed memory waits to be given back. It is never touched, so that
/// it costs no memory.
const LARGE: usize = 1024 * 1024;

/// Gives memory back that was freed a while ago, for as long as the process lives.
///
/// mimalloc does so by the way, when somebody asks for memory. An idle process asks for none, and would keep the 19 MiB of
/// every password that was hashed.
pub fn keep_tidy() -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a thread of its own, for which a runtime's timer would be too much")]
    let tidy = || {
        loop {
            thread::sleep(INTERVAL);
            drop(black_box(Vec::<u8>::with_capacity(LARGE)));
        }
    };
    thread::Builder::new().name("allocator".to_owned()).stack_size(64 * 1024).spawn(tidy)?;
    Ok(())
}
