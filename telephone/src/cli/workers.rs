//! Threads that tunnels are spread over.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runtimes that share nothing, each on a thread of its own but the first, which is the caller's. They end when this is
/// dropped.
pub(super) struct Workers {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Workers {
    /// Starts so many, the caller's among them.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut handles = vec![Handle::current()];
        for number in 1..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let until = stop.clone();
            let thread = std::thread::Builder::new().name(format!("tunnels-{number}"));
            thread.spawn(move || runtime.block_on(until.cancelled()))?;
        }
        Ok(Self { handles, _stop: stop.drop_guard() })
    }

    /// Where the tunnel with this number runs, the first being 0.
    pub(super) fn of(&self, tunnel: usize) -> &Handle {
        &self.handles[tunnel % self.handles.len()]
    }
}
