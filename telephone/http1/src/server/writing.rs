use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{StatusCode, Version, response};
use http_body::Body;
use tokio::time::Instant;

use super::Transport;
use super::deadline::Deadline;
use super::io::Shared;
use crate::Framing;
use crate::encode::BodyEncoder;
use crate::fields::{Present, names};
use crate::outbound::Outbound;

/// Writes responses.
pub(super) struct Writing {
    out: Outbound,
    encoder: BodyEncoder,
    body: Rest,
    time: Duration,
    timer: Deadline,
    /// Since when the client takes nothing.
    stuck: Option<Instant>,
}

/// What is to be expected of the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    More,
    Nothing,
    /// It broke, which the client is to see once it has what came before.
    Broken,
}

/// How a response goes out.
pub(super) struct Frame {
    pub(super) framing: Option<Framing>,
    pub(super) close: bool,
}

impl Writing {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            out: Outbound::default(),
            encoder: BodyEncoder::new(Framing::NONE),
            body: Rest::Nothing,
            time,
            timer: Deadline::default(),
            stuck: None,
        }
    }

    pub(super) fn out(&mut self) -> &mut Outbound {
        &mut self.out
    }

    /// Decides how the end of a response is told (RFC 9112 section 6), and takes the fields away that say it otherwise.
    pub(super) fn frame(
        &mut self,
        parts: &mut response::Parts,
        body: &impl Body,
        head: bool,
        version: Version,
    ) -> Frame {
        let headers = &mut parts.headers;
        let present = Present::of(headers);
        if present.transfer_encoding {
            headers.remove(header::TRANSFER_ENCODING);
        }
        let (status, switches) = (parts.status, parts.status == StatusCode::SWITCHING_PROTOCOLS);
        let mut close = false;
        if !switches && present.connection {
            close = names(headers, header::CONNECTION, b"close");
            if close {
                headers.remove(header::CONNECTION);
            }
        }
        let bodiless = status.is_informational() || status == StatusCode::NO_CONTENT;
        if bodiless {
            headers.remove(header::CONTENT_LENGTH);
        }
        if bodiless || head || status == StatusCode::NOT_MODIFIED {
            self.begin(Framing::NONE);
            return Frame { framing: None, close };
        }
        let length = if present.content_length { headers.get(header::CONTENT_LENGTH) } else { None };
        let said = length.and_then(|length| length.to_str().ok()?.parse().ok());
        if said.is_none() && present.content_length {
            headers.remove(header::CONTENT_LENGTH);
        }
        let framing = match said.or_else(|| if body.is_end_stream() { Some(0) } else { body.size_hint().exact() }) {
            Some(length) => Framing::Length(length),
            None if version == Version::HTTP_11 => Framing::Chunked,
            None => Framing::UntilClose,
        };
        self.begin(framing);
        Frame { framing: Some(framing), close: close || framing == Framing::UntilClose }
    }

    fn begin(&mut self, framing: Framing) {
        self.encoder = BodyEncoder::new(framing);
        self.body = if self.encoder.is_ended() { Rest::Nothing } else { Rest::More };
    }

    /// Writes until all is written.
    pub(super) fn poll<S: Transport, B>(
        &mut self,
        shared: &Shared<S>,
        body: &mut B,
        trailers: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        loop {
            let waiting = self.gather(body, trailers, cx).is_pending();
            ready!(self.poll_flush(shared, cx))?;
            match self.body {
                Rest::More if waiting => return Poll::Pending,
                Rest::More => {}
                Rest::Nothing => return Poll::Ready(Ok(())),
                Rest::Broken => {
                    // The end of the connection would be the proper end of this body.
                    if self.encoder.framing() == Framing::UntilClose
                        && let Some(stream) = &shared.lock().stream
                    {
                        stream.abort();
                    }
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
    }

    /// Takes of the body what is there; pending when more of it is to be waited for.
    fn gather<B>(&mut self, body: &mut B, trailers: bool, cx: &mut Context<'_>) -> Poll<()>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        while self.body == Rest::More && self.out.wants_more() {
            let taken = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    // Who knows that this was the last is not asked again.
                    Ok(data) => self.encoder.data(data, &mut self.out).and_then(|()| match body.is_end_stream() {
                        true => self.finish(None),
                        false => Ok(()),
                    }),
                    Err(frame) => self.finish(frame.into_trailers().ok().filter(|_| trailers)),
                },
                None => self.finish(None),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the body of a response broke");
                    self.body = Rest::Broken;
                    Ok(())
                }
            };
            if taken.is_err() {
                tracing::debug!("the body of a response has another length than its head has said");
                self.body = Rest::Broken;
            }
        }
        Poll::Ready(())
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), crate::encode::WrongLength> {
        self.body = Rest::Nothing;
        self.encoder.finish(trailers, &mut self.out)
    }

    fn poll_flush<S: Transport>(&mut self, shared: &Shared<S>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let before = self.out.len();
        let written = self.out.poll_write(shared.lock().stream()?, cx);
        if written.is_ready() || self.out.len() < before {
            self.stuck = None;
        }
        if written.is_pending() {
            let since = *self.stuck.get_or_insert_with(Instant::now);
            if self.timer.has_passed(since + self.time, cx) {
                // With a proper end the kernel would keep what is not taken, and offer it for minutes.
                if let Some(stream) = &shared.lock().stream {
                    stream.abort();
                }
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }

    /// Ends the sending direction.
    pub(super) async fn poll_shutdown<S: Transport>(&mut self, shared: &Shared<S>) -> io::Result<()> {
        poll_fn(|cx| Pin::new(shared.lock().stream()?).poll_shutdown(cx)).await
    }
}
