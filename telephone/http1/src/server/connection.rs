use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::deadline::Deadline;
use super::io::{RequestBody, Shared};
use super::reading::{Heads, Next};
use super::writing::Writing;
use super::{Body, Limits, Service, Stop, Transport};
use crate::encode::ResponseFrame;
use crate::outbound::Outbound;
use crate::{BodyError, Decoded, Request, RequestError, Upgraded, encode};

/// How often it is looked whether a client is gone whose request body waits to be read: only what was read shows an end.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How much of a body that nobody wants is read, so that the connection can be used again.
const MAX_DISCARDED: u64 = 256 * 1024;
/// How long a client that is still sending is listened to after the last response: closing at once would reset the
/// connection, and the client might not see what it was told (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// How [`Connection::serve`] has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There was no request for a while; [`serve`](Connection::serve) may be called again.
    Quiet,
    /// The connection is over.
    Closed,
    /// Another protocol has it.
    Upgraded,
}

/// A connection of a client.
pub struct Connection<S> {
    shared: Shared<S>,
    limits: Limits,
}

/// How a request was seen through.
enum After {
    /// The next one may come.
    KeepAlive,
    /// There is nothing more to be said.
    Close,
    Upgrade,
    /// The client is gone, or the response broke.
    Broken,
}

/// What becomes of a request while its answer is being made.
enum Answer<R> {
    Ready(R),
    Gone,
    Malformed,
}

/// What is known of a request when its answer is written.
struct About {
    head: bool,
    version: http::Version,
    keep_alive: bool,
    takes_trailers: bool,
}

impl<S: Transport> Connection<S> {
    /// Makes one of a stream of which only `received` was read yet.
    pub fn new(stream: S, received: BytesMut, limits: Limits) -> Self {
        Self { shared: Shared::new(stream, received), limits }
    }

    /// Waits until something can be read.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| {
            let mut io = self.shared.lock();
            if io.inbound.buffer.is_empty() { io.stream()?.poll_readable(cx) } else { Poll::Ready(Ok(())) }
        })
        .await
    }

    /// Serves requests as long as they keep coming, and then returns: an open connection without requests is to cost no
    /// more than its socket. `stop` ends it after the request under way. The time for the first head counts from
    /// `began`.
    pub async fn serve<V: Service<S>>(&self, service: &V, mut began: Option<Instant>, stop: &Stop) -> Ended {
        let mut stopping = pin!(stop.stopped());
        let mut heads = Heads::new(self.limits);
        let mut writing = Writing::new(self.limits.write_time);
        // Wakes this task when it is time to stop.
        let _stopped = poll_fn(|cx| Poll::Ready(stopping.as_mut().poll(cx))).await;
        loop {
            match heads.next(&self.shared, began.take(), stop).await {
                Next::Request(request) => match self.exchange(service, request, &mut writing, stop).await {
                    After::KeepAlive => {}
                    After::Close => return self.linger(&mut writing).await,
                    After::Upgrade => return self.hand_over(),
                    After::Broken => return Ended::Closed,
                },
                Next::Refused(error) => {
                    self.refuse(service, error, &mut writing).await;
                    return self.linger(&mut writing).await;
                }
                Next::Quiet => {
                    self.shared.lock().inbound.shrink();
                    return Ended::Quiet;
                }
                Next::Closed => return Ended::Closed,
            }
        }
    }

    async fn exchange<V: Service<S>>(
        &self,
        service: &V,
        request: Request,
        writing: &mut Writing,
        stop: &Stop,
    ) -> After {
        let about = About {
            head: request.head.method() == http::Method::HEAD,
            version: request.head.version(),
            keep_alive: request.keep_alive,
            takes_trailers: request.takes_trailers,
        };
        self.shared.lock().begin(request.framing, request.expects_continue);
        let answer = {
            let informs = about.version == http::Version::HTTP_11;
            let bodiless = request.framing == crate::Framing::NONE;
            let body = Body::new(self.shared.clone(), request.raw, bodiless, request.wants_upgrade, informs);
            let mut answer = pin!(service.answer(request.head.map(|()| body)));
            let mut beside = Beside::default();
            poll_fn(|cx| match answer.as_mut().poll(cx) {
                // Who has sent chunks that are none is told that, and not what became of them further on.
                Poll::Ready(_) if matches!(self.shared.lock().request, RequestBody::Broken(BodyError::Chunk(_))) => {
                    Poll::Ready(Answer::Malformed)
                }
                Poll::Ready(response) => Poll::Ready(Answer::Ready(response)),
                Poll::Pending => self.poll_beside(&mut beside, Some(writing.out()), cx),
            })
            .await
        };
        match answer {
            Answer::Ready(response) => self.respond(response, &about, writing, stop.is_leaving()).await,
            Answer::Gone => After::Broken,
            Answer::Malformed => {
                self.refuse(service, RequestError::Malformed("the chunks of its body"), writing).await;
                After::Close
            }
        }
    }

    /// What there is to do while an answer is being made: informational heads, and to notice that nobody waits for it
    /// any more.
    fn poll_beside<R>(&self, beside: &mut Beside, out: Option<&mut Outbound>, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        let io = &mut *self.shared.lock();
        let lent = match &io.request {
            RequestBody::Broken(BodyError::Chunk(_)) => return Poll::Ready(Answer::Malformed),
            RequestBody::Broken(_) => return Poll::Ready(Answer::Gone),
            RequestBody::Lent(_) => true,
            RequestBody::Ended | RequestBody::Left(_) => false,
        };
        let Some(stream) = &mut io.stream else { return Poll::Pending };
        // Behind the head of the response they would be part of its body.
        if let Some(out) = out {
            for (status, headers) in &io.informational {
                out.write(|tail| encode::informational(*status, headers, tail));
            }
            if let Poll::Ready(Err(_)) = out.poll_write(stream, cx) {
                return Poll::Ready(Answer::Gone);
            }
        }
        io.informational.clear();
        if !io.connection.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            io.connection = Some(cx.waker().clone());
        }
        if lent || !io.inbound.buffer.is_empty() {
            // Its end stands behind what was not read yet.
            return beside.poll_error(io.stream.as_ref(), cx).map(|()| Answer::Gone);
        }
        match io.poll_read(cx) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Answer::Gone),
            Poll::Ready(Ok(_)) => beside.poll_error(io.stream.as_ref(), cx).map(|()| Answer::Gone),
            Poll::Pending => Poll::Pending,
        }
    }

    async fn refuse<V: Service<S>>(&self, service: &V, error: RequestError, writing: &mut Writing) {
        let about = About { head: false, version: http::Version::HTTP_11, keep_alive: false, takes_trailers: false };
        self.respond(service.refuse(error), &about, writing, true).await;
    }

    async fn respond<B>(&self, response: Response<B>, about: &About, writing: &mut Writing, stop: bool) -> After
    where
        B: http_body::Body<Data = bytes::Bytes, Error: std::fmt::Display> + Unpin,
    {
        let (mut parts, body) = response.into_parts();
        let switches = parts.status == StatusCode::SWITCHING_PROTOCOLS;
        let frame = writing.frame(&mut parts, &body, about.head, about.version);
        let close = stop || !about.keep_alive || frame.close || self.shared.lock().is_broken();
        let connection = match about.version {
            _ if switches => None,
            _ if close => Some("close"),
            http::Version::HTTP_10 => Some("keep-alive"),
            _ => None,
        };
        let frame = ResponseFrame { framing: frame.framing, connection };
        // Those that came together with the response.
        for (status, headers) in self.shared.lock().informational.drain(..) {
            writing.out().write(|tail| encode::informational(status, &headers, tail));
        }
        writing.out().write(|tail| encode::response(parts.status, &parts.headers, frame, tail));
        if let Err(error) = self.write(writing, body, about.takes_trailers).await {
            tracing::debug!(%error, "a response was not written whole");
            return After::Broken;
        }
        if switches {
            return After::Upgrade;
        }
        if !self.rest_of_request().await || close { After::Close } else { After::KeepAlive }
    }

    /// Writes what there is to be written, and the body behind it.
    async fn write<B>(&self, writing: &mut Writing, mut body: B, trailers: bool) -> io::Result<()>
    where
        B: http_body::Body<Data = bytes::Bytes, Error: std::fmt::Display> + Unpin,
    {
        let mut beside = Beside::default();
        poll_fn(|cx| {
            let written = writing.poll(&self.shared, &mut body, trailers, cx);
            if written.is_pending()
                && let Poll::Ready(Answer::<()>::Gone) = self.poll_beside(&mut beside, None, cx)
            {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            written
        })
        .await
    }

    /// Waits until the request was read to its end as well, or its reader wants no more of it; whether another request
    /// can come behind it.
    async fn rest_of_request(&self) -> bool {
        if matches!(self.shared.lock().request, RequestBody::Ended) {
            return true;
        }
        let mut beside = Beside::default();
        let mut discarded = 0;
        poll_fn(|cx| {
            loop {
                let io = &mut *self.shared.lock();
                match &mut io.request {
                    RequestBody::Ended => return Poll::Ready(true),
                    RequestBody::Broken(_) => return Poll::Ready(false),
                    RequestBody::Lent(_) => {
                        io.connection = Some(cx.waker().clone());
                        return beside.poll_error(io.stream.as_ref(), cx).map(|()| false);
                    }
                    // What was never asked for does not come.
                    RequestBody::Left(_) if io.expects_continue => return Poll::Ready(false),
                    RequestBody::Left(decoder) => match decoder.decode(&mut io.inbound.buffer) {
                        Ok(Decoded::Data(data)) => {
                            discarded += data.len() as u64;
                            if discarded + decoder.left().unwrap_or(0) > MAX_DISCARDED {
                                return Poll::Ready(false);
                            }
                        }
                        Ok(Decoded::More) => match std::task::ready!(beside.poll_read_in_time(io, cx)) {
                            true => {}
                            false => return Poll::Ready(false),
                        },
                        Ok(Decoded::End | Decoded::Trailers(_)) => io.request = RequestBody::Ended,
                        Err(_) => return Poll::Ready(false),
                    },
                }
            }
        })
        .await
    }

    /// Says that this was all, and gives the client time to read it.
    async fn linger(&self, writing: &mut Writing) -> Ended {
        let unread = {
            let io = self.shared.lock();
            !matches!(io.request, RequestBody::Ended) || !io.inbound.buffer.is_empty()
        };
        // Who has nothing more to say has nothing to be reset for: dropping the stream ends it properly.
        if unread && writing.poll_shutdown(&self.shared).await.is_ok() {
            let mut beside = Beside::default();
            poll_fn(|cx| {
                let io = &mut *self.shared.lock();
                io.inbound.buffer.clear();
                while std::task::ready!(beside.poll_read_in_time(io, cx)) {
                    io.inbound.buffer.clear();
                }
                Poll::Ready(())
            })
            .await;
        }
        Ended::Closed
    }

    fn hand_over(&self) -> Ended {
        let mut io = self.shared.lock();
        let received = io.inbound.buffer.split().freeze();
        if let (Some(upgrade), Some(stream)) = (io.upgrade.take(), io.stream.take()) {
            // Whoever asked for it may have gone.
            drop(upgrade.send(Upgraded::new(stream, received)));
        }
        Ended::Upgraded
    }
}

/// The timers of what happens beside an answer.
#[derive(Default)]
struct Beside {
    timer: Deadline,
    look: Option<Instant>,
    until: Option<Instant>,
}

impl Beside {
    /// Ready once the connection is known to be broken.
    fn poll_error<S: Transport>(&mut self, stream: Option<&S>, cx: &mut Context<'_>) -> Poll<()> {
        let mut look = *self.look.get_or_insert_with(|| Instant::now() + LOOK_EVERY);
        while self.timer.has_passed(look, cx) {
            if stream.is_none_or(|stream| stream.take_error().is_some()) {
                return Poll::Ready(());
            }
            look = Instant::now() + LOOK_EVERY;
            self.look = Some(look);
        }
        Poll::Pending
    }

    /// Reads what is thrown away; `false` at the end, or when that takes too long.
    fn poll_read_in_time<S: Transport>(&mut self, io: &mut super::io::Io<S>, cx: &mut Context<'_>) -> Poll<bool> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + LINGER);
        match io.poll_read(cx) {
            // A client that never pauses would go on for ever.
            Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..)) && Instant::now() < until),
            Poll::Pending if self.timer.has_passed(until, cx) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("limits", &self.limits).finish_non_exhaustive()
    }
}
