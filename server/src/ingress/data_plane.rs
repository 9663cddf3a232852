//! The threads that carry traffic.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle, RuntimeMetrics};
use tokio_util::sync::CancellationToken;

/// Several single-threaded runtimes. A connection lives on one of them from its first byte to its last, so that a
/// request that enters and leaves by the same one never wakes another thread; and whatever pages, queries and password
/// hashes do on the control plane's runtime, these threads do not wait for it.
#[derive(Debug)]
pub struct DataPlane {
    workers: Vec<Worker>,
    stop: CancellationToken,
}

thread_local! {
    /// Which of the data plane's threads this is, and how many telephones' sockets live on it.
    static HERE: RefCell<Option<(usize, Arc<AtomicUsize>)>> = const { RefCell::new(None) };
}

/// Which of the data plane's threads this is; `None` on any other thread. What is on the same one can be used without
/// waking another.
pub fn current_worker() -> Option<usize> {
    HERE.with_borrow(|here| here.as_ref().map(|(index, _)| *index))
}

/// A telephone's socket on the thread that made this: counts for where the next one goes.
#[derive(Debug)]
pub struct LinePlace(Option<Arc<AtomicUsize>>);

impl LinePlace {
    /// One on this thread.
    pub fn here() -> Self {
        let lines = HERE.with_borrow(|here| here.as_ref().map(|(_, lines)| lines.clone()));
        if let Some(lines) = &lines {
            lines.fetch_add(1, Ordering::Relaxed);
        }
        Self(lines)
    }
}

impl Drop for LinePlace {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
            lines.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A client's connection on one of the threads: counts for where the next one goes.
#[derive(Debug)]
pub(super) struct ConnectionPlace(Arc<AtomicUsize>);

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    lines: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl DataPlane {
    /// Starts `threads` of them, at least one.
    pub fn start(threads: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let workers = (0..threads.max(1)).map(|index| Worker::start(index, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self { workers, stop })
    }

    /// The first of them.
    pub fn first(&self) -> &Handle {
        &self.workers[0].handle
    }

    /// One of them; the first one when there is no such.
    pub fn worker(&self, index: usize) -> &Handle {
        &self.workers.get(index).unwrap_or(&self.workers[0]).handle
    }

    /// The one on which the fewest telephones' sockets live.
    pub fn emptiest(&self) -> usize {
        let lines = |index: &usize| self.workers[*index].lines.load(Ordering::Relaxed);
        (0..self.workers.len()).min_by_key(lines).unwrap_or(0)
    }

    /// The one with the fewest connections.
    pub fn quietest(&self) -> usize {
        let connections = |index: &usize| self.workers[*index].connections.load(Ordering::Relaxed);
        (0..self.workers.len()).min_by_key(connections).unwrap_or(0)
    }

    /// Counts a connection of the thread with this number, or of the first one, until the place is dropped.
    pub(super) fn place(&self, index: usize) -> ConnectionPlace {
        let connections = &self.workers.get(index).unwrap_or(&self.workers[0]).connections;
        connections.fetch_add(1, Ordering::Relaxed);
        ConnectionPlace(connections.clone())
    }

    /// What each of them tells about itself.
    pub fn metrics(&self) -> Vec<RuntimeMetrics> {
        self.workers.iter().map(|worker| worker.handle.metrics()).collect()
    }

    /// Ends all of them, and with them every task still on them.
    pub fn stop(self) {
        self.stop.cancel();
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a data plane thread had panicked");
            }
        }
    }
}

impl Worker {
    fn start(index: usize, stop: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let lines = Arc::new(AtomicUsize::new(0));
        let counted = lines.clone();
        let thread = std::thread::Builder::new().name(format!("data-{index}")).spawn(move || {
            HERE.set(Some((index, counted)));
            runtime.block_on(stop.cancelled());
        })?;
        Ok(Self { handle, lines, connections: Arc::default(), thread })
    }
}
