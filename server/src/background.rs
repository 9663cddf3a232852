//! Work that goes on beside requests for as long as the server does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What goes on. When one part fails, the server is to end: whoever started it starts a whole one again, and half of one
/// would be noticed by nobody.
#[derive(Clone, Debug)]
pub(crate) struct Background {
    tasks: TaskTracker,
    failed: Arc<OnceLock<&'static str>>,
    end: CancellationToken,
}

impl Background {
    /// Nothing yet. `end` is cancelled when something fails.
    pub(crate) fn new(end: CancellationToken) -> Self {
        Self { tasks: TaskTracker::new(), failed: Arc::default(), end }
    }

    /// Begins with `work`, which `name` tells people.
    pub(crate) fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (failed, end) = (self.failed.clone(), self.end.clone());
        self.tasks.spawn(async move {
            // Nobody uses it afterwards.
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!("{name} failed, so the server stops: it would be only half of one");
                failed.get_or_init(|| name);
                end.cancel();
            }
        });
    }

    /// Waits for the end of all that goes on, and says whether it came within `limit`.
    pub(crate) async fn ended(&self, limit: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }

    /// Why the server is to end, if it is.
    pub(crate) fn fault(&self) -> anyhow::Result<()> {
        self.failed.get().map_or(Ok(()), |name| Err(anyhow::anyhow!("{name} failed; the log says how")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_part_that_fails_is_the_end_of_all() {
        let end = CancellationToken::new();
        let background = Background::new(end.clone());
        let until = end.clone();
        background.spawn("what goes on", async move { until.cancelled().await });
        assert!(background.fault().is_ok() && !end.is_cancelled());
        background.spawn("what fails", async { panic!("on purpose") });
        assert!(background.ended(Duration::from_secs(60)).await, "the other part goes on");
        let fault = background.fault().map_err(|fault| fault.to_string());
        assert_eq!(fault, Err("what fails failed; the log says how".to_owned()));
    }
}
