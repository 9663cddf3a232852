use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads with a runtime each, for lines that share nothing. They end, with all that runs on them, when this is
/// dropped.
#[derive(Debug)]
pub(super) struct Threads {
    /// Whether there are any.
    own: bool,
    handles: Vec<Handle>,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Threads {
    /// None yet. `own`: whether each line but the first is to have one; otherwise all are on the runtime that drives
    /// the agent.
    pub(super) fn new(own: bool) -> Self {
        let stop = CancellationToken::new();
        Self { own, handles: Vec::new(), stop: stop.clone(), _stop: stop.drop_guard() }
    }

    /// Starts what is missing for so many lines.
    pub(super) fn reach(&mut self, lines: usize) -> io::Result<()> {
        while self.own && self.handles.len() + 1 < lines {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let until = self.stop.clone();
            let thread = std::thread::Builder::new().name(format!("line-{}", self.handles.len() + 1));
            thread.spawn(move || runtime.block_on(until.cancelled()))?;
            self.handles.push(handle);
        }
        Ok(())
    }

    /// Where the line with this number runs, the first being 0: the first one, and all for which there is no thread, on
    /// the runtime that calls this.
    pub(super) fn of(&self, line: usize) -> Handle {
        let own = line.checked_sub(1).and_then(|index| self.handles.get(index));
        own.cloned().unwrap_or_else(Handle::current)
    }

    /// For how long they, and the runtime that calls this, have worked since their start.
    pub(super) fn busy(&self) -> Duration {
        self.handles.iter().chain([&Handle::current()]).map(busy).sum()
    }
}

fn busy(runtime: &Handle) -> Duration {
    let metrics = runtime.metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}
