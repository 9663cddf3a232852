use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, ExchangeError, ResponseBodyError};
use crate::encode::{self, BodyEncoder, WrongLength};
use crate::outbound::Outbound;
use crate::{BodyDecoder, BodyError, Decoded, Framing, HeadScan, Response, ResponseError, Upgraded, response};

/// The longest response head, bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A part of the body of a response.
type Part<E> = Result<Frame<Bytes>, ResponseBodyError<E>>;

/// A request on its way and the response to it, whose body this is once there was its [head](Self::response). The
/// request goes on being sent as long as the response is asked for; a server may answer before it has all of it.
///
/// Dropping it closes the connection at once.
pub struct Exchange<S, B> {
    connection: Connection<S>,
    method: Method,
    out: Outbound,
    encoder: BodyEncoder,
    /// The request body, kept until there is an answer for whoever may have to send it again.
    body: Option<B>,
    /// Whether more of it is to be sent.
    sending: bool,
    /// Something was written that may not have left yet: TLS keeps what the network does not take of a record.
    unflushed: bool,
    /// Why the server takes no more. It may have answered nevertheless.
    refused: Option<io::ErrorKind>,
    scan: HeadScan,
    answered: bool,
    decoder: BodyDecoder,
    keep_alive: bool,
}

impl<S, B> Exchange<S, B> {
    /// What carries it.
    pub fn stream(&self) -> &S {
        self.connection.stream()
    }
}

impl<S, B> Exchange<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes> + Unpin,
{
    /// Makes `connection` carry a request. `headers` go out as they are; those that frame the body are taken from them
    /// or put in.
    pub fn new(mut connection: Connection<S>, method: Method, target: &str, headers: &mut HeaderMap, body: B) -> Self {
        let framing = match take_length(headers) {
            Some(length) => Framing::Length(length),
            None if body.is_end_stream() => Framing::NONE,
            None => Framing::Chunked,
        };
        connection.make_room();
        let mut out = Outbound::default();
        out.write(|tail| encode::request(&method, target, headers, framing, tail));
        Self {
            connection,
            method,
            out,
            encoder: BodyEncoder::new(framing),
            sending: !(framing == Framing::NONE && body.is_end_stream()),
            body: Some(body),
            unflushed: false,
            refused: None,
            scan: HeadScan::default(),
            answered: false,
            decoder: BodyDecoder::new(Framing::NONE),
            keep_alive: false,
        }
    }

    /// The next head of a response: any number of [informational](Response::is_informational) ones, then the final one.
    pub async fn response(&mut self) -> Result<Response, ExchangeError<B::Error>> {
        poll_fn(|cx| self.poll_response(cx)).await
    }

    /// Like [`response`](Self::response).
    pub fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response, ExchangeError<B::Error>>> {
        self.send(cx)?;
        loop {
            let input = &mut self.connection.inbound.buffer;
            // Not strict, so that there is no bare line feed to complain of.
            let length = self.scan.find(input, false).ok().flatten();
            if length.unwrap_or(input.len()) > MAX_HEAD {
                return Poll::Ready(Err(ResponseError::HeadTooLarge.into()));
            }
            if let Some(length) = length {
                self.scan = HeadScan::default();
                let response = response::parse(input.split_to(length).freeze(), &self.method)?;
                if !response.is_informational() {
                    self.answered = true;
                    self.body = self.body.take().filter(|_| self.sending);
                    self.decoder = BodyDecoder::new(response.framing);
                    self.keep_alive = response.keep_alive;
                }
                return Poll::Ready(Ok(response));
            }
            match ready!(self.connection.poll_read(None, usize::MAX, cx)) {
                Ok(1..) => {}
                Ok(0) if self.connection.inbound.buffer.is_empty() => return Poll::Ready(Err(ExchangeError::Silent)),
                Ok(0) => return Poll::Ready(Err(ExchangeError::Incomplete)),
                Err(error) if self.connection.inbound.buffer.is_empty() && is_reset(error.kind()) => {
                    return Poll::Ready(Err(ExchangeError::Silent));
                }
                Err(error) => return Poll::Ready(Err(ExchangeError::Io(error))),
            }
        }
    }

    /// Sends what can be sent of the request without waiting; to be called when the response is not asked for, and the
    /// request is to go on. The task is woken when there is more to do.
    pub fn send(&mut self, cx: &mut Context<'_>) -> Result<(), ExchangeError<B::Error>> {
        loop {
            let waiting = self.gather(cx)?.is_pending();
            if self.out.is_empty() {
                break;
            }
            self.unflushed = true;
            match self.out.poll_write(&mut self.connection.stream, cx) {
                Poll::Ready(Ok(())) if waiting || !self.sending => break,
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => {
                    self.refuse(&error);
                    return Ok(());
                }
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.connection.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => self.refuse(&error),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// The server takes no more.
    fn refuse(&mut self, error: &io::Error) {
        self.refused = Some(error.kind());
        self.sent();
        self.out = Outbound::default();
        self.unflushed = false;
    }

    /// Takes of the request body what is there; pending when more of it is to be waited for.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, ExchangeError<B::Error>> {
        while self.sending
            && let Some(body) = &mut self.body
            && self.out.wants_more()
        {
            let frame = match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(frame) => frame.transpose().map_err(ExchangeError::Body)?,
            };
            let wrong = |WrongLength| ExchangeError::Length;
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.encoder.data(data, &mut self.out).map_err(wrong)?,
                Some(Err(frame)) => {
                    self.sent();
                    self.encoder.finish(frame.into_trailers().ok(), &mut self.out).map_err(wrong)?;
                }
                None => {
                    self.sent();
                    self.encoder.finish(None, &mut self.out).map_err(wrong)?;
                }
            }
        }
        Ok(Poll::Ready(()))
    }

    /// The next part of the body of the response, as [`poll_frame`](Body::poll_frame) has it, for whoever has a use for no more
    /// than `wanted` bytes now: what else the server has stays with the kernel, which tells the server so.
    pub fn poll_part(&mut self, wanted: usize, cx: &mut Context<'_>) -> Poll<Option<Part<B::Error>>> {
        if self.decoder.is_ended() {
            return Poll::Ready(None);
        }
        self.send(cx).map_err(ResponseBodyError::Request)?;
        loop {
            match self.decoder.decode(&mut self.connection.inbound.buffer).map_err(ResponseBodyError::Response)? {
                Decoded::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Decoded::Trailers(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Decoded::End => return Poll::Ready(None),
                Decoded::More => {}
            }
            let read = self.connection.poll_read(self.decoder.left(), wanted, cx);
            if ready!(read).map_err(BodyError::from)? == 0 {
                self.decoder.close()?;
                return Poll::Ready(None);
            }
        }
    }

    /// Nothing more is sent of the request body.
    fn sent(&mut self) {
        self.sending = false;
        if self.answered {
            self.body = None;
        }
    }

    /// The body of a request that was not answered, as far as it was taken. The connection is closed.
    pub fn into_request_body(self) -> Option<B> {
        self.body
    }

    /// The connection, for the next request, when all of the response was read and the server had all of the request.
    pub fn finish(self) -> Option<Connection<S>> {
        self.finish_with_room().map(|mut connection| {
            connection.shrink();
            connection
        })
    }

    /// The same, with the buffer of the response, a few KiB: for a connection that is used again before long.
    pub fn finish_with_room(self) -> Option<Connection<S>> {
        let sent = self.encoder.is_ended() && self.out.is_empty() && !self.unflushed && self.refused.is_none();
        let read = self.answered && self.decoder.is_ended() && self.connection.inbound.buffer.is_empty();
        (sent && read && self.keep_alive).then_some(self.connection)
    }

    /// The connection, which has switched to another protocol.
    pub fn into_upgraded(self) -> Upgraded<S> {
        self.connection.into_upgraded()
    }
}

/// The length that the fields tell of the body. Those that would frame it otherwise are taken out.
fn take_length(headers: &mut HeaderMap) -> Option<u64> {
    let (mut coded, mut told) = (false, None);
    for (name, value) in &*headers {
        coded |= *name == header::TRANSFER_ENCODING;
        if *name == header::CONTENT_LENGTH {
            told.get_or_insert(value);
        }
    }
    let length = told.map(|value| value.to_str().ok()?.parse().ok());
    if coded {
        headers.remove(header::TRANSFER_ENCODING);
    }
    if length == Some(None) {
        headers.remove(header::CONTENT_LENGTH);
    }
    length.flatten()
}

fn is_reset(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted)
}

impl<S, B> Body for Exchange<S, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = ResponseBodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBodyError<B::Error>>>> {
        self.poll_part(usize::MAX, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<S, B> fmt::Debug for Exchange<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
