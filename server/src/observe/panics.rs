//! Faults of ours: each costs what it happened in, is told in the log and is counted.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::respond::panic_text;

/// Of the whole process, as its hook is.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Has every panic of the process counted, and told in the log in place of standard error.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        tell(panic);
    }));
}

/// How many there have been since [`watch`].
pub fn count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

fn tell(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = panic.location().map(tracing::field::display);
    // As RUST_BACKTRACE says.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
    tracing::error!(thread = thread.name(), place, backtrace, "a fault: {}", panic_text(panic.payload()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted() {
        watch();
        let before = count();
        for _ in 0..3 {
            assert!(std::panic::catch_unwind(|| panic!("on purpose")).is_err());
        }
        assert!(count() >= before + 3);
    }
}
