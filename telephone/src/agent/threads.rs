use std::io;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads with a runtime each, for lines that share nothing. They end, with all that runs on them, when this is
/// dropped.
#[derive(Debug)]
pub(super) struct Threads {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Threads {
    /// Starts so many.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let start = |number| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let until = stop.clone();
            let thread = std::thread::Builder::new().name(format!("line-{number}"));
            thread.spawn(move || runtime.block_on(until.cancelled()))?;
            Ok(handle)
        };
        Ok(Self { handles: (1..=count).map(start).collect::<io::Result<_>>()?, _stop: guard })
    }

    /// Where the line with this number runs, the first being 0: the first one, and all when there are no threads, on
    /// the runtime that calls this.
    pub(super) fn of(&self, line: usize) -> Handle {
        let own = line.checked_sub(1).and_then(|index| self.handles.get(index));
        own.cloned().unwrap_or_else(Handle::current)
    }
}
