//! Answers on their way out.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response, StatusCode, header, response};
use http_body::Body;
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::remove_connection_fields;
use super::informing::Informing;
use crate::ingress::ResponseBody;

/// Why an answer did not go out whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    /// The client has taken its request back, or its connection is gone.
    #[error("the client wants no more of it")]
    Gone,
    /// `h2` does not take it.
    #[error(transparent)]
    Refused(#[from] h2::Error),
    /// The client gives no room for more.
    #[error("the client took nothing for {0:?}")]
    Stuck(Duration),
    /// The answer itself broke off.
    #[error("it broke off: {0}")]
    Broken(axum::BoxError),
    /// Another protocol cannot be switched to here, and nothing else of the kind is an answer (RFC 9113 section 8.6).
    #[error("{0} is no final status")]
    NotFinal(StatusCode),
    /// The head has said another length.
    #[error("it has another length than its head has said")]
    WrongLength,
}

/// Sends an answer. `write_time` is how long the client may take nothing of it.
pub(super) async fn send(
    response: Response<ResponseBody>,
    to: &Informing,
    head_only: bool,
    write_time: Duration,
) -> Result<(), Unsent> {
    let (mut parts, body) = response.into_parts();
    if parts.status.is_informational() {
        to.sender().send_reset(Reason::INTERNAL_ERROR);
        return Err(Unsent::NotFinal(parts.status));
    }
    let length = prepare(&mut parts, &body, head_only);
    let end = length == Some(0);
    let stream = to.sender().send_response(Response::from_parts(parts, ()), end)?;
    if end {
        return Ok(());
    }
    let mut sending = Sending { stream, body, left: length, chunk: Bytes::new(), last: false, write_time, stuck: None };
    let sent = poll_fn(|cx| sending.poll(cx)).await;
    match &sent {
        Err(Unsent::Broken(_) | Unsent::WrongLength) => {
            // A reset overtakes what waits to be written. The client is to have what came before the break, if it takes
            // it: the connection's turn comes first.
            tokio::task::yield_now().await;
            sending.stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Err(Unsent::Stuck(_)) => sending.stream.send_reset(Reason::CANCEL),
        Ok(()) | Err(Unsent::Gone | Unsent::Refused(_) | Unsent::NotFinal(_)) => {}
    }
    sent
}

/// Makes the head one of HTTP/2, and finds out how long the body is; `None` when only its end will tell.
fn prepare(parts: &mut response::Parts, body: &ResponseBody, head_only: bool) -> Option<u64> {
    let headers = &mut parts.headers;
    remove_connection_fields(headers);
    if !headers.contains_key(header::DATE) {
        headers.insert(header::DATE, http1::date());
    }
    let no_content = parts.status == StatusCode::NO_CONTENT;
    if no_content {
        headers.remove(header::CONTENT_LENGTH);
    }
    if no_content || head_only || parts.status == StatusCode::NOT_MODIFIED {
        return Some(0);
    }
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if said.is_some() {
        return said;
    }
    let length = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    match length {
        Some(length) => headers.insert(header::CONTENT_LENGTH, length.into()),
        None => headers.remove(header::CONTENT_LENGTH),
    };
    length
}

/// A body on its way out.
struct Sending {
    stream: SendStream<Bytes>,
    body: ResponseBody,
    /// How much of it is still to come.
    left: Option<u64>,
    /// What the client has no room for yet.
    chunk: Bytes,
    /// Whether that is the end of it.
    last: bool,
    write_time: Duration,
    /// Runs as long as the client has no room.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        loop {
            ready!(self.poll_chunk(cx))?;
            if self.last {
                return Poll::Ready(Ok(()));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                return self.stream.poll_reset(cx).map(|_| Err(Unsent::Gone));
            };
            let Some(frame) = frame.transpose().map_err(Unsent::Broken)? else {
                return Poll::Ready(self.finish(None));
            };
            match frame.into_data() {
                Ok(data) => self.take(data)?,
                Err(frame) => return Poll::Ready(self.finish(frame.into_trailers().ok())),
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), Unsent> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(data.len() as u64).ok_or(Unsent::WrongLength)?;
        }
        self.chunk = data;
        // The end goes with the last of it.
        self.last = !self.chunk.is_empty() && self.body.is_end_stream();
        if self.last && matches!(self.left, Some(1..)) { Err(Unsent::WrongLength) } else { Ok(()) }
    }

    /// Sends what has been taken of the body, as far as the client has room for it.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        while !self.chunk.is_empty() {
            self.stream.reserve_capacity(self.chunk.len());
            let room = self.stream.capacity().min(self.chunk.len());
            if room > 0 {
                self.stuck = None;
                let piece = self.chunk.split_to(room);
                self.stream.send_data(piece, self.last && self.chunk.is_empty())?;
                continue;
            }
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(room)) => drop(room?),
                Poll::Ready(None) => return Poll::Ready(Err(Unsent::Gone)),
                Poll::Pending => {
                    let until = Instant::now() + self.write_time;
                    let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep_until(until)));
                    ready!(stuck.as_mut().poll(cx));
                    return Poll::Ready(Err(Unsent::Stuck(self.write_time)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), Unsent> {
        if matches!(self.left, Some(1..)) {
            return Err(Unsent::WrongLength);
        }
        let trailers = trailers.map(|mut trailers| {
            http1::remove_forbidden(&mut trailers);
            remove_connection_fields(&mut trailers);
            trailers
        });
        match trailers.filter(|trailers| !trailers.is_empty()) {
            Some(trailers) => self.stream.send_trailers(trailers)?,
            None => self.stream.send_data(Bytes::new(), true)?,
        }
        Ok(())
    }
}
