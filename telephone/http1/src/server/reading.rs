use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Buf;
use tokio::time::Instant;

use super::deadline::Deadline;
use super::io::{Io, Shared};
use super::{Limits, Stop, Transport};
use crate::{HeadScan, Request, RequestError, request};

/// Reads heads.
pub(super) struct Heads {
    limits: Limits,
    timer: Deadline,
}

/// What came.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is nearly always the large one")]
pub(super) enum Next {
    Request(Request),
    Refused(RequestError),
    /// Nothing, for a while.
    Quiet,
    /// The end, or not a whole head in time.
    Closed,
}

impl Heads {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, timer: Deadline::default() }
    }

    pub(super) async fn next<S: Transport>(&mut self, shared: &Shared<S>, began: Option<Instant>, stop: &Stop) -> Next {
        let mut head = Head { scan: HeadScan::default(), began, idle: None };
        poll_fn(|cx| head.poll(self, &mut shared.lock(), stop, cx)).await
    }
}

/// A head on its way.
struct Head {
    scan: HeadScan,
    /// Since when it is on its way.
    began: Option<Instant>,
    /// Since when nothing is.
    idle: Option<Instant>,
}

impl Head {
    fn poll<S: Transport>(
        &mut self,
        heads: &mut Heads,
        io: &mut Io<S>,
        stop: &Stop,
        cx: &mut Context<'_>,
    ) -> Poll<Next> {
        loop {
            match self.take(io, heads.limits) {
                Ok(Some(request)) => return Poll::Ready(Next::Request(request)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Next::Refused(error)),
            }
            // What has begun may have come behind the request before, too.
            if !io.inbound.buffer.is_empty() {
                self.began.get_or_insert_with(Instant::now);
            }
            let (deadline, late) = match self.began {
                None if stop.is_stopped() => return Poll::Ready(Next::Closed),
                None => (*self.idle.get_or_insert_with(Instant::now) + heads.limits.quiet, Next::Quiet),
                Some(began) => (began + heads.limits.head_time, Next::Closed),
            };
            match io.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::Closed),
                Poll::Pending if heads.timer.has_passed(deadline, cx) => return Poll::Ready(late),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes the head when it is whole.
    fn take<S>(&mut self, io: &mut Io<S>, limits: Limits) -> Result<Option<Request>, RequestError> {
        // RFC 9112 section 2.2: an empty line before a request is overlooked.
        while self.scan.lines() == 0 && io.inbound.buffer.starts_with(b"\r\n") {
            io.inbound.buffer.advance(2);
            self.scan = HeadScan::default();
        }
        let bare = |_| RequestError::Malformed("a line that does not end in CRLF");
        let length = self.scan.find(&io.inbound.buffer, true).map_err(bare)?;
        if length.unwrap_or(io.inbound.buffer.len()) > limits.head {
            return Err(if self.scan.lines() == 0 { RequestError::TargetTooLong } else { RequestError::HeadTooLarge });
        }
        length.map(|length| request::parse(io.inbound.buffer.split_to(length).freeze(), limits.target)).transpose()
    }
}
