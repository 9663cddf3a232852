use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::ResponseFuture;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};

use crate::connection::{Place, Stream};
use crate::sending::Sending;
use crate::{ExchangeError, ResponseBodyError};

/// A request on its way and the response to it, whose body this is once there was its [head](Self::response). The
/// request goes on being sent as long as the response is asked for; a server may answer before it has all of it.
///
/// Dropping it before its end resets the stream with `CANCEL`.
pub struct Exchange<B> {
    sending: Sending<B>,
    receiving: Receiving,
    /// `None` once it is over.
    place: Option<Place>,
}

/// The response's half of a stream.
enum Receiving {
    /// The connection ends, so that nothing was sent.
    Refused,
    /// The request cannot be sent.
    Unsayable(String),
    /// The head is to come.
    Head {
        response: ResponseFuture,
        /// Another head has come before it.
        informed: bool,
    },
    Data(RecvStream),
    Trailers(RecvStream),
    Over,
}

impl<B: Body<Data = Bytes> + Unpin> Exchange<B> {
    /// Sends a request. Its head has no field that HTTP/2 does not know (RFC 9113 section 8.2.2), and `Host` is said by
    /// its URI.
    pub fn new(mut stream: Stream, request: Request<()>, body: B) -> Self {
        let ended = body.is_end_stream();
        let (sender, receiving) = match stream.sender.send_request(request, ended) {
            Ok((response, sender)) => (Some(sender), Receiving::Head { response, informed: false }),
            Err(error) if error.is_io() || error.is_go_away() => (None, Receiving::Refused),
            Err(error) => (None, Receiving::Unsayable(error.to_string())),
        };
        let sending = Sending::new(sender.filter(|_| !ended), body);
        Self { sending, receiving, place: Some(stream.place) }
    }

    /// The next head of a response: any number of informational ones, then the final one.
    pub async fn response(&mut self) -> Result<Response<()>, ExchangeError<B::Error>> {
        poll_fn(|cx| self.poll_response(cx)).await
    }

    /// Like [`response`](Self::response).
    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>, ExchangeError<B::Error>>> {
        self.sending.send(cx).map_err(ExchangeError::Body)?;
        let (response, before) = match &mut self.receiving {
            Receiving::Head { response, informed } => (response, informed),
            Receiving::Refused => return Poll::Ready(Err(ExchangeError::Refused)),
            Receiving::Unsayable(why) => return Poll::Ready(Err(ExchangeError::Request(std::mem::take(why)))),
            Receiving::Data(_) | Receiving::Trailers(_) | Receiving::Over => {
                return Poll::Ready(Err(ExchangeError::Incomplete));
            }
        };
        let mut informed = *before;
        let heard = match response.poll_informational(cx) {
            Poll::Ready(Some(head)) => {
                informed |= head.is_ok();
                *before = informed;
                head
            }
            Poll::Ready(None) | Poll::Pending => ready!(Pin::new(response).poll(cx)).map(|response| {
                let (head, body) = response.into_parts();
                self.receiving = if body.is_end_stream() { Receiving::Over } else { Receiving::Data(body) };
                Response::from_parts(head, ())
            }),
        };
        let heard = heard.map_err(|error| match ExchangeError::from(error) {
            ExchangeError::Silent if informed => ExchangeError::Incomplete,
            error => error,
        });
        let silent = matches!(heard, Err(ExchangeError::Silent | ExchangeError::Incomplete));
        if let Some(place) = self.place.as_mut().filter(|_| !silent) {
            place.heard();
        }
        self.finish_if_over();
        Poll::Ready(heard)
    }

    /// Sends what can be sent of the request without waiting; to be called when the response is not asked for, and the
    /// request is to go on. The task is woken when there is more to do.
    pub fn send(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        self.sending.send(cx)
    }

    /// The body of a request that was not answered, as far as it was taken. The request is cancelled.
    pub fn into_request_body(self) -> B {
        self.sending.into_body()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        loop {
            match &mut self.receiving {
                Receiving::Data(stream) => match ready!(stream.poll_data(cx)) {
                    Some(Ok(data)) => {
                        if let Some(place) = &mut self.place {
                            place.heard();
                        }
                        // The reader takes it: the server may send as much again.
                        stream.flow_control().release_capacity(data.len())?;
                        if !data.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(data))));
                        }
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        if let Receiving::Data(stream) = std::mem::replace(&mut self.receiving, Receiving::Over) {
                            self.receiving = Receiving::Trailers(stream);
                        }
                    }
                },
                Receiving::Trailers(stream) => {
                    let trailers = ready!(stream.poll_trailers(cx));
                    self.receiving = Receiving::Over;
                    return Poll::Ready(trailers.map(|trailers| trailers.map(Frame::trailers)).transpose());
                }
                Receiving::Refused | Receiving::Unsayable(_) | Receiving::Head { .. } | Receiving::Over => {
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// Over as soon as it is known to be: whoever has the last frame need not ask again.
    fn finish_if_over(&mut self) {
        if matches!(&self.receiving, Receiving::Data(stream) | Receiving::Trailers(stream) if stream.is_end_stream()) {
            self.receiving = Receiving::Over;
        }
        if self.is_end_stream() {
            self.place = None;
            self.sending.stop();
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Exchange<B> {
    type Data = Bytes;
    type Error = ResponseBodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBodyError<B::Error>>>> {
        if let Err(error) = self.sending.send(cx) {
            return Poll::Ready(Some(Err(ResponseBodyError::Request(error))));
        }
        let frame = ready!(self.poll_receive(cx));
        if matches!(frame, None | Some(Err(_))) {
            self.receiving = Receiving::Over;
        }
        self.finish_if_over();
        Poll::Ready(frame.map(|frame| frame.map_err(|error| ResponseBodyError::Response(error.to_string()))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.receiving, Receiving::Over)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

impl<B> fmt::Debug for Exchange<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("place", &self.place).finish_non_exhaustive()
    }
}
