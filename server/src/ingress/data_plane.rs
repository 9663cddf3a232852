//! The threads that carry traffic.

use std::cell::Cell;
use std::io;
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
    next: AtomicUsize,
    stop: CancellationToken,
}

thread_local! {
    /// Which of the data plane's threads this is.
    static INDEX: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Which of the data plane's threads this is; `None` on any other thread. What is on the same one can be used without
/// waking another.
pub fn current_worker() -> Option<usize> {
    INDEX.get()
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl DataPlane {
    /// Starts `threads` of them, at least one.
    pub fn start(threads: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let workers = (0..threads.max(1)).map(|index| Worker::start(index, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self { workers, next: AtomicUsize::new(0), stop })
    }

    /// The first of them.
    pub fn first(&self) -> &Handle {
        &self.workers[0].handle
    }

    /// The next of them in turn.
    pub fn pick(&self) -> &Handle {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        &self.workers[index].handle
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
        let thread = std::thread::Builder::new().name(format!("data-{index}")).spawn(move || {
            INDEX.set(Some(index));
            runtime.block_on(stop.cancelled());
        })?;
        Ok(Self { handle, thread })
    }
}
