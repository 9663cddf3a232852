//! Bodies of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use http1::BodyError;

use super::informing::Informing;
use super::uploads::Uploads;

/// The body of a request. The client gets room for more as it is read; dropping it before its end says that the rest is
/// not wanted.
#[derive(Debug)]
pub struct Body {
    stream: RecvStream,
    informing: Informing,
    uploads: Uploads,
    next: Next,
    /// How much of it is still to come, where that was said.
    left: Option<u64>,
    /// Whether the client waits for a 100.
    expects_continue: bool,
}

#[derive(Debug)]
enum Next {
    Data,
    Trailers,
    Nothing,
}

impl Body {
    pub(super) fn new(
        stream: RecvStream,
        informing: Informing,
        uploads: Uploads,
        length: Option<u64>,
        expects_continue: bool,
    ) -> Self {
        Self { stream, informing, uploads, next: Next::Data, left: length, expects_continue }
    }

    /// A way to tell the client something before its response.
    pub fn informing(&self) -> Informing {
        self.informing.clone()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        loop {
            match self.next {
                Next::Data => match self.poll_data(cx)? {
                    Poll::Ready(Some(data)) if data.is_empty() => {}
                    Poll::Ready(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Poll::Ready(None) => self.next = Next::Trailers,
                    Poll::Pending => return Poll::Pending,
                },
                Next::Trailers => {
                    let trailers = ready!(self.stream.poll_trailers(cx))?;
                    self.next = Next::Nothing;
                    let trailers = trailers.map(|mut trailers| {
                        http1::remove_forbidden(&mut trailers);
                        trailers
                    });
                    let trailers = trailers.filter(|trailers| !trailers.is_empty());
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Next::Nothing => return Poll::Ready(None),
            }
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Result<Poll<Option<Bytes>>, h2::Error> {
        match self.stream.poll_data(cx) {
            Poll::Ready(data) => {
                let data = data.transpose()?;
                if let Some(data) = &data {
                    self.expects_continue = false;
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    // Before the room is given back, which wakes the connection.
                    self.uploads.read(data.len());
                    self.stream.flow_control().release_capacity(data.len())?;
                }
                Ok(Poll::Ready(data))
            }
            Poll::Pending => {
                if std::mem::take(&mut self.expects_continue) {
                    self.informing.send(StatusCode::CONTINUE, HeaderMap::new());
                }
                Ok(Poll::Pending)
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(self.poll(cx));
        if let Some(Err(error)) = &frame {
            tracing::debug!(%error, "the body of a request broke off");
            self.next = Next::Nothing;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|error| broken(&error))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.next, Next::Nothing) || self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if http_body::Body::is_end_stream(self) {
            return SizeHint::with_exact(0);
        }
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A client that takes its request back, and one whose connection breaks, leave the same behind: a part of a body.
fn broken(error: &h2::Error) -> BodyError {
    BodyError::Io(error.get_io().map_or(io::ErrorKind::ConnectionReset, io::Error::kind))
}
