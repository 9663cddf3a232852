//! One connection, from its preface to its last stream.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::exchange::Exchange;
use super::transport::{Transport, Watch};
use super::uploads::{FIRST_WINDOW, Uploads, WINDOW};
use crate::ingress::connection::Shared;
use crate::ingress::{Handler, Limits};

/// How many requests of a client may be under way on a connection.
const MAX_STREAMS: u32 = 100;
/// How much of all requests' bodies a client may send before somebody reads them, bytes.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of a response waits to be written, bytes: of each, so that there are 6.4 MiB of a connection at most.
const MAX_UNSENT: usize = 64 * 1024;
/// The largest list of fields that is read at all, counted as in RFC 9113 section 6.5.2: a target of 16 KiB, fields of
/// 32 KiB, and 32 bytes for each of them. What fits in here and is still too much is answered with a text of ours.
const MAX_HEADER_LIST: u32 = 64 * 1024;
/// How many streams a client may make us reset (CVE-2025-8671), and how many of its requests may be malformed.
const MAX_FAULTS: u32 = 200;
/// How long a client may take to see that the connection has ended.
const LINGER: Duration = Duration::from_secs(2);

/// Serves HTTP/2 until the client or `shared.stop` ends it; the requests under way are answered in any case. `received`
/// was read already, and begins with the preface.
pub(in crate::ingress) async fn serve<T, H>(
    io: T,
    received: BytesMut,
    accepted: Instant,
    peer: SocketAddr,
    shared: &Arc<Shared<H>>,
) where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    let watch = Watch::new();
    let transport = Transport::new(io, received.freeze(), watch.clone());
    let first = accepted + shared.limits.head;
    let connection = match timeout_at(first, settings().handshake(transport)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "no HTTP/2 connection came about"),
        Err(_) => return,
    };
    let mut serving = Serving::new(connection, watch, accepted, peer, shared.clone());
    let mut stopping = pin!(shared.stop.stopped());
    // Wakes this task when it is time to stop.
    let _stopped = poll_fn(|cx| Poll::Ready(stopping.as_mut().poll(cx))).await;
    poll_fn(|cx| serving.poll(cx)).await;
}

fn settings() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(FIRST_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_UNSENT)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_local_error_reset_streams(Some(MAX_FAULTS as usize));
    builder
}

/// A connection and the requests on it.
struct Serving<T: AsyncRead + AsyncWrite + Unpin, H> {
    connection: Connection<Transport<T>, Bytes>,
    watch: Watch,
    /// Each request is a task: they do not wait for one another, and a panic is the end of one. They end with this.
    exchanges: JoinSet<()>,
    uploads: Uploads,
    /// Whether the client was told that more of a body may come at once.
    widened: bool,
    peer: SocketAddr,
    shared: Arc<Shared<H>>,
    ping: Option<PingPong>,
    /// Whether the client was asked if it is there, and has not answered.
    asked: bool,
    /// When the last request was over; when the connection was accepted, as long as there was none.
    rest: Instant,
    /// Whether there was a request.
    used: bool,
    faults: u32,
    phase: Phase,
    timer: Pin<Box<Sleep>>,
}

/// How far a connection is from its end.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Requests may come.
    Open,
    /// Since then none are to come; those under way are answered.
    Finishing(Instant),
    /// It is cut, since then.
    Ending(Instant),
}

/// What a look at the clock has shown.
enum Due {
    /// Nothing, before this.
    Nothing(Instant),
    /// The client is to be asked whether it is there.
    Ask,
    /// There was no request for too long.
    Finish,
    /// There was none at all.
    Unused,
    /// The client makes too much of us, or takes too long over it.
    Excess(&'static str),
    /// The client is gone.
    Gone(&'static str),
}

impl<T, H> Serving<T, H>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    fn new(
        mut connection: Connection<Transport<T>, Bytes>,
        watch: Watch,
        accepted: Instant,
        peer: SocketAddr,
        shared: Arc<Shared<H>>,
    ) -> Self {
        let ping = connection.ping_pong();
        let timer = Box::pin(sleep_until(accepted + look_every(shared.limits)));
        Self {
            connection,
            watch,
            exchanges: JoinSet::new(),
            uploads: Uploads::default(),
            widened: false,
            peer,
            shared,
            ping,
            asked: false,
            rest: accepted,
            used: false,
            faults: 0,
            phase: Phase::Open,
            timer,
        }
    }

    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.reap(cx);
            self.widen();
            if self.shared.stop.is_stopped() {
                self.finish();
            }
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, sender)))) => {
                    self.begin(request, sender);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(peer = %self.peer, %error, "an HTTP/2 connection broke off");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            let excess = self.watch.activity().excess();
            if let Some(what) = excess.filter(|_| !matches!(self.phase, Phase::Ending(_))) {
                self.end(Reason::ENHANCE_YOUR_CALM, what);
                continue;
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.look() {
                return Poll::Ready(());
            }
        }
    }

    fn begin(&mut self, request: Request<RecvStream>, sender: SendResponse<Bytes>) {
        // Some may have come before the client was told that it is over.
        if matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        self.used = true;
        match Exchange::begin(self.shared.clone(), self.peer.ip(), request, sender, &self.uploads) {
            Some(exchange) => drop(self.exchanges.spawn(exchange.run())),
            None => self.fault(),
        }
        if self.shared.spare {
            self.finish();
        }
    }

    /// Lets more of a body come at once where bodies are read.
    fn widen(&mut self) {
        if !self.widened && self.uploads.deserve_more() {
            // It fails while the client has not acknowledged the first settings, and is tried again with the next frame.
            self.widened = self.connection.set_initial_window_size(WINDOW).is_ok();
        }
    }

    /// Lets go of the exchanges that are over.
    fn reap(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.exchanges.poll_join_next(cx) {
            self.rest = Instant::now();
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(peer = %self.peer, %error, "the handler of a request failed");
            }
        }
        if self.asked
            && let Some(ping) = &mut self.ping
            && ping.poll_pong(cx).is_ready()
        {
            self.asked = false;
        }
    }

    fn fault(&mut self) {
        self.faults += 1;
        if self.faults > MAX_FAULTS {
            self.end(Reason::ENHANCE_YOUR_CALM, "too many of its requests are malformed");
        }
    }

    /// Has no more requests come.
    fn finish(&mut self) {
        if matches!(self.phase, Phase::Open) {
            let now = Instant::now();
            self.phase = Phase::Finishing(now);
            self.connection.graceful_shutdown();
            self.timer.as_mut().reset(now + LINGER);
        }
    }

    /// Ends the connection with all that is under way.
    fn end(&mut self, reason: Reason, why: &'static str) {
        tracing::debug!(peer = %self.peer, why, "an HTTP/2 connection is ended");
        let now = Instant::now();
        self.phase = Phase::Ending(now);
        self.exchanges.abort_all();
        self.connection.abrupt_shutdown(reason);
        self.timer.as_mut().reset(now + LINGER);
    }

    /// Looks at the clock; whether the connection is over.
    fn look(&mut self) -> bool {
        let now = Instant::now();
        let mut next = now + look_every(self.shared.limits);
        match self.due(now) {
            Due::Nothing(until) => next = next.min(until),
            Due::Ask => {
                if let Some(ping) = &mut self.ping {
                    // It fails when the connection is over, which shows by itself.
                    self.asked = ping.send_ping(Ping::opaque()).is_ok();
                }
            }
            // These set the timer.
            Due::Finish => {
                self.finish();
                return false;
            }
            Due::Unused => {
                self.end(Reason::NO_ERROR, "there was no request in time");
                return false;
            }
            Due::Excess(what) => {
                self.end(Reason::ENHANCE_YOUR_CALM, what);
                return false;
            }
            Due::Gone(why) => {
                tracing::debug!(peer = %self.peer, why, "an HTTP/2 connection is cut");
                return true;
            }
        }
        self.timer.as_mut().reset(next);
        false
    }

    fn due(&self, now: Instant) -> Due {
        let limits = self.shared.limits;
        let (alive, amid) = {
            let activity = self.watch.activity();
            (activity.alive(), activity.amid())
        };
        if let Phase::Ending(since) = self.phase {
            return Due::at(since + LINGER, now, Due::Gone("it was told"));
        }
        if amid.is_some_and(|since| now >= since + limits.head) {
            return Due::Excess("it takes too long over a frame");
        }
        if !self.exchanges.is_empty() || self.connection.has_streams() {
            let asking = alive + limits.idle / 2;
            return match self.asked {
                false => Due::at(asking, now, Due::Ask),
                true => Due::at(alive + limits.idle, now, Due::Gone("the client is silent")),
            };
        }
        match self.phase {
            Phase::Finishing(since) => {
                Due::at(since.max(self.rest) + LINGER, now, Due::Gone("it has nothing more to do"))
            }
            _ if self.used => Due::at(self.rest + limits.idle, now, Due::Finish),
            _ => Due::at(self.rest + limits.head, now, Due::Unused),
        }
    }
}

impl Due {
    fn at(time: Instant, now: Instant, due: Self) -> Self {
        if now >= time { due } else { Self::Nothing(time) }
    }
}

/// How often the clock is looked at, at least: none of what is looked for begins and is due within less.
fn look_every(limits: Limits) -> Duration {
    limits.head.min(limits.idle / 2)
}
