use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Upgraded;

/// Ready when the response with status 101 has been written; `None` when that never happens.
pub struct OnUpgrade<S>(pub(super) oneshot::Receiver<Upgraded<S>>);

impl<S> Future for OnUpgrade<S> {
    type Output = Option<Upgraded<S>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl<S> fmt::Debug for OnUpgrade<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnUpgrade").finish_non_exhaustive()
    }
}
