//! Forwarding: one request from the line to the local server, and its answer back.

mod connection;
mod copy;
mod done;
mod exchange;
mod headers;
mod local;
mod page;
mod pool;
mod upgrade;

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use wire::head::RequestHead;

use crate::line::{RecvBody, SendResponse};
use crate::target::Target;
use crate::tls::Tls;
use done::Done;
use pool::Pool;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The response was passed on to its end.
    Complete,
    /// Whoever asked has gone.
    Cancelled,
    /// The local server could not be reached, or broke off; the visitor has seen an error or a truncated response.
    Failed,
}

/// What is known of a request when it is over, besides its head.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub status: Option<u16>,
    pub bytes: u64,
    pub outcome: Outcome,
    pub problem: Option<String>,
    /// When it came.
    pub started: Instant,
    /// When it was over.
    pub at: Instant,
}

/// Forwards requests to one local server.
#[derive(Debug)]
pub(crate) struct Forwarder {
    target: Target,
    tls: Option<Tls>,
    host: Option<HeaderValue>,
    /// What `Host` says when a request has none.
    authority: HeaderValue,
    pool: Arc<Pool>,
}

impl Forwarder {
    /// `tls` is what the local server's certificate is checked with, when it speaks TLS; `host` replaces the `Host` of
    /// each request.
    pub(crate) fn new(target: Target, tls: Option<Tls>, host: Option<HeaderValue>) -> Self {
        // The text of a target has only what a field may have.
        let authority = HeaderValue::try_from(target.authority()).unwrap_or(HeaderValue::from_static("localhost"));
        Self { target, tls, host, authority, pool: Arc::new(Pool::default()) }
    }

    /// Lets go of connections to the local server that have not been needed for a while; to be called now and then.
    pub(crate) fn sweep(&self) {
        self.pool.sweep();
    }

    /// One that forwards to the same server, with connections of its own: those live on the runtime that opened them.
    pub(crate) fn with_own_pool(&self) -> Self {
        Self::new(self.target.clone(), self.tls.clone(), self.host.clone())
    }

    /// Sees one request through. Of its head, the method and the target stay as they are.
    pub(crate) async fn forward(&self, head: &mut RequestHead, respond: SendResponse, body: RecvBody) -> Report {
        let started = Instant::now();
        let Done { status, bytes, outcome, at, problem } = exchange::run(self, head, respond, body, started).await;
        Report { status, bytes, outcome, problem, started, at }
    }
}
