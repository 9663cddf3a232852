//! A request and its response over HTTP/2.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, Parts, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use wire::head::{RequestHead, ResponseHead};

use super::MAX_INFORMATIONAL;
use super::answer::{Answer, UpstreamBody};
use super::error::{Failed, UpstreamBodyError, UpstreamError};
use super::multiplexed::{Stream, StreamPlace};
use super::outgoing::Outgoing;

/// A request on its way and the body of its response. What is dropped before its end is reset.
pub(super) struct Running<B> {
    sending: Sending<B>,
    /// `None` once it is over.
    receiving: Option<(RecvStream, StreamPlace)>,
    /// All data has come, and trailers may.
    trailing: bool,
}

/// The request's half of a stream.
struct Sending<B> {
    /// `None` when all is sent, or no more is wanted.
    stream: Option<SendStream<Bytes>>,
    body: Outgoing<B>,
    /// What was taken of the body and has no credit yet.
    taken: Bytes,
}

/// Sends a request and waits for the head of the response; those before it are given to `informed`.
pub(super) async fn run<B>(
    mut stream: Stream,
    secure: bool,
    head: &RequestHead,
    body: Outgoing<B>,
    authority: &HeaderValue,
    informed: &mut impl FnMut(StatusCode, HeaderMap),
) -> Result<Answer<B>, Failed<B>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let request = match request(head, secure, authority) {
        Ok(request) => request,
        Err(error) => return Err(body.failed(UpstreamError::Request(error.to_string()))),
    };
    let ended = body.is_end_stream();
    let (mut response, send) = match stream.sender.send_request(request, ended) {
        Ok(opened) => opened,
        // Nothing was sent: the connection ends.
        Err(error) if error.is_io() || error.is_go_away() => return Err(body.failed(UpstreamError::Refused)),
        Err(error) => return Err(body.failed(UpstreamError::Request(error.to_string()))),
    };
    let mut sending = Sending { stream: Some(send).filter(|_| !ended), body, taken: Bytes::new() };
    for before in 0..=MAX_INFORMATIONAL {
        match poll_fn(|cx| sending.poll_head(&mut response, cx)).await {
            Ok(Head::Informational(response)) => {
                stream.place.heard();
                let (head, ()) = response.into_parts();
                // "Continue" was between us and the client.
                if head.status != StatusCode::CONTINUE {
                    informed(head.status, head.headers);
                }
            }
            Ok(Head::Final(response)) => {
                stream.place.heard();
                return Ok(answer(response, sending, stream.place));
            }
            Err(UpstreamError::Silent) if before > 0 => {
                let reason = "it was closed within the head".to_owned();
                return Err(sending.body.failed(UpstreamError::Broken(reason)));
            }
            Err(error) => return Err(sending.body.failed(error)),
        }
    }
    let reason = format!("more than {MAX_INFORMATIONAL} informational heads came before it");
    Err(sending.body.failed(UpstreamError::Invalid(reason)))
}

/// The head as HTTP/2 has it: where it goes is no field of it, and what concerns connections cannot be said.
fn request(head: &RequestHead, secure: bool, authority: &HeaderValue) -> Result<Request<()>, http::Error> {
    let host = head.headers.get(header::HOST).unwrap_or(authority);
    let mut parts = Parts::default();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(Authority::try_from(host.as_bytes())?);
    parts.path_and_query = Some(head.target.clone());
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from_parts(parts)?;
    let mut headers = head.headers.clone();
    for name in [header::HOST, header::EXPECT, header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

fn answer<B: Body>(response: Response<RecvStream>, sending: Sending<B>, place: StreamPlace) -> Answer<B> {
    let (parts, body) = response.into_parts();
    let head = ResponseHead { status: parts.status, headers: parts.headers };
    if body.is_end_stream() {
        return Answer::Response(head, UpstreamBody::ended());
    }
    let running = Running { sending, receiving: Some((body, place)), trailing: false };
    Answer::Response(head, UpstreamBody::http2(running))
}

enum Head {
    Informational(Response<()>),
    Final(Response<RecvStream>),
}

impl<B: Body<Data = Bytes> + Unpin> Sending<B> {
    fn poll_head(
        &mut self,
        response: &mut ResponseFuture,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, UpstreamError<B::Error>>> {
        self.send(cx).map_err(UpstreamError::Body)?;
        match response.poll_informational(cx) {
            Poll::Ready(Some(Ok(informational))) => return Poll::Ready(Ok(Head::Informational(informational))),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(of_h2(&error))),
            Poll::Ready(None) | Poll::Pending => {}
        }
        let head = ready!(Pin::new(response).poll(cx));
        Poll::Ready(head.map(Head::Final).map_err(|error| of_h2(&error)))
    }

    /// Sends what can be sent of the request without waiting. The task is woken when there is more to do.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), B::Error> {
        while let Some(stream) = &mut self.stream {
            if !self.taken.is_empty() {
                stream.reserve_capacity(self.taken.len());
                let capacity = match stream.capacity() {
                    0 => stream.poll_capacity(cx),
                    capacity => Poll::Ready(Some(Ok(capacity))),
                };
                let more = match capacity {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Some(Ok(capacity))) => {
                        let piece = self.taken.split_to(capacity.min(self.taken.len()));
                        let last = self.taken.is_empty() && self.body.is_end_stream();
                        (piece.is_empty() || stream.send_data(piece, last).is_ok()) && !last
                    }
                    Poll::Ready(_) => false,
                };
                self.go_on(more);
                continue;
            }
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(frame) => frame.transpose(),
                Poll::Pending => {
                    // The backend may want no more of it meanwhile.
                    let refused = stream.poll_reset(cx).is_ready();
                    self.go_on(!refused);
                    return Ok(());
                }
            };
            let frame = frame.inspect_err(|_| stream.send_reset(Reason::CANCEL))?;
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.taken = data,
                Some(Err(frame)) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        let _refused = stream.send_trailers(trailers);
                        self.stream = None;
                    }
                }
                None => {
                    let _refused = stream.send_data(Bytes::new(), true);
                    self.stream = None;
                }
            }
        }
        Ok(())
    }

    /// Sends no more if there is no more, or the backend takes no more, which may answer nevertheless.
    fn go_on(&mut self, more: bool) {
        if !more {
            self.stream = None;
            self.taken = Bytes::new();
        }
    }
}

impl<B> Running<B>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        self.sending.send(cx).map_err(|error| UpstreamBodyError::Request(error.to_string()))?;
        let frame = ready!(self.poll_receive(cx));
        // Over as soon as it is known to be: whoever has the last frame need not ask again.
        let ended = frame.is_none() || self.receiving.as_ref().is_none_or(|(stream, _)| stream.is_end_stream());
        if ended {
            self.receiving = None;
            self.sending.go_on(false);
        }
        Poll::Ready(frame)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        let Some((stream, place)) = &mut self.receiving else { return Poll::Ready(None) };
        let failed = |error: h2::Error| Some(Err(UpstreamBodyError::Response(error.to_string())));
        while !self.trailing {
            match ready!(stream.poll_data(cx)) {
                None => self.trailing = true,
                Some(Err(error)) => return Poll::Ready(failed(error)),
                Some(Ok(data)) => {
                    place.heard();
                    // The reader takes it: the backend may send as much again.
                    if let Err(error) = stream.flow_control().release_capacity(data.len()) {
                        return Poll::Ready(failed(error));
                    }
                    if !data.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
            }
        }
        Poll::Ready(match ready!(stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => failed(error),
        })
    }
}

impl<B> Running<B> {
    pub(super) fn is_over(&self) -> bool {
        self.receiving.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        if self.is_over() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

fn of_h2<E>(error: &h2::Error) -> UpstreamError<E> {
    let remote_reset = error.is_reset() && error.is_remote();
    // A stream that a GOAWAY ends was not looked at (RFC 9113 section 6.8).
    if error.is_remote() && error.is_go_away() || remote_reset && error.reason() == Some(Reason::REFUSED_STREAM) {
        return UpstreamError::Refused;
    }
    match error {
        _ if error.is_io() => UpstreamError::Silent,
        _ if error.is_library() => UpstreamError::Invalid(error.to_string()),
        _ => UpstreamError::Broken(error.to_string()),
    }
}
