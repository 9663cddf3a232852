//! What a client is told before its response.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Response, StatusCode};

use super::head::remove_connection_fields;

/// How many informational heads a request may get. They wait for a client that does not read, so there is an end to
/// them.
const MAX_INFORMATIONAL: u8 = 16;

/// Where the answer to one request goes.
#[derive(Clone)]
pub struct Informing(Arc<Answering>);

struct Answering {
    sender: Mutex<SendResponse<Bytes>>,
    informed: AtomicU8,
}

impl Informing {
    pub(super) fn new(sender: SendResponse<Bytes>) -> Self {
        Self(Arc::new(Answering { sender: Mutex::new(sender), informed: AtomicU8::new(0) }))
    }

    /// For the one who sends the response.
    pub(super) fn sender(&self) -> MutexGuard<'_, SendResponse<Bytes>> {
        self.0.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an informational head (RFC 9110 section 15.2), unless there were too many. Nothing happens behind the head
    /// of the response.
    pub fn send(&self, status: StatusCode, mut headers: HeaderMap) {
        if self.0.informed.fetch_add(1, Ordering::Relaxed) >= MAX_INFORMATIONAL {
            self.0.informed.store(MAX_INFORMATIONAL, Ordering::Relaxed);
            return;
        }
        remove_connection_fields(&mut headers);
        let mut head = Response::new(());
        *head.status_mut() = status;
        *head.headers_mut() = headers;
        if let Err(error) = self.sender().send_informational(head) {
            tracing::debug!(%status, %error, "an informational response was not sent");
        }
    }
}

impl fmt::Debug for Informing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informing").finish_non_exhaustive()
    }
}
