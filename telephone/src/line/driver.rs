//! The task that moves a line's bytes.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep, timeout};
use wire::control::{Control, Drain};
use wire::mux::Side;
use wire::websocket::{CloseReason, Received};

use super::heartbeat::Heartbeat;
use super::shared::{Shared, wake};
use super::{LineError, Socket, SocketError};

/// About how much goes into one WebSocket message: what a new request waits for at most. With its header it fits into two
/// of the pieces of nearly 64 KiB in which TCP hands it down; the last few bytes in a third one would cost as much.
const MAX_MESSAGE: usize = 127 * 1024;
/// How many messages are read or written before other tasks have their turn.
const BUDGET: usize = 32;
/// After how many bytes read those who wait for them have their turn: no more than the processor still has at hand then.
const BYTES: u64 = 512 * 1024;
/// How long what goes before a close frame may take, and the closing handshake after that.
const GOODBYE: Duration = Duration::from_secs(2);

/// Reads and writes the WebSocket of a line. Dropping it ends the line.
#[derive(Debug)]
pub struct Driver<S> {
    socket: Socket<S>,
    shared: Arc<Shared>,
    control: mpsc::Sender<Control>,
    heartbeat: Heartbeat,
    /// What had been received and sent when the heartbeat last heard of it.
    moved: (u64, u64),
    /// The peer's `drain` has been answered.
    drained: bool,
    /// All that was urgent is in the latest message, and a control message waited: the next one is its.
    control_is_next: bool,
    /// Since this end closes the line: until when it waits for the peer to take what goes before.
    closing: Option<Pin<Box<Sleep>>>,
    wakers: Vec<Waker>,
}

/// What there is to write.
enum Next {
    /// A message, which the socket has now.
    Put,
    /// Nothing for now.
    Nothing,
    /// Nothing any more: this end closes the line, with this code and reason.
    Close(u16, String),
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.end(LineError::Dropped);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        socket: Socket<S>,
        shared: Arc<Shared>,
        control: mpsc::Sender<Control>,
        heartbeat: Duration,
    ) -> Self {
        let heartbeat = match shared.lock().mux.side() {
            Side::Server => Heartbeat::new(heartbeat),
            Side::Telephone => Heartbeat::following(heartbeat),
        };
        Self {
            socket,
            shared,
            control,
            heartbeat,
            moved: (0, 0),
            drained: false,
            control_is_next: false,
            closing: None,
            wakers: Vec::new(),
        }
    }

    /// Runs the line until it ends and says why. All streams have failed by then.
    pub async fn run(mut self) -> LineError {
        let reason = poll_fn(|cx| self.poll(cx)).await;
        self.shared.end(reason.clone());
        // A peer that has fallen silent is told, in case it hears, but not waited for: whoever dials anew is kept waiting.
        let patience = if matches!(reason, LineError::HeartbeatLost) { Duration::ZERO } else { GOODBYE };
        match timeout(patience, self.say_goodbye(&reason)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the peer broke off the closing handshake"),
            Err(_) => tracing::debug!("the peer did not take part in the closing handshake"),
        }
        reason
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        self.listen_for_changes(cx);
        let result = self.poll_in(cx).and_then(|()| self.poll_heartbeat(cx)).and_then(|()| self.poll_out(cx));
        wake(&mut self.wakers);
        self.shared.notify_if_idle();
        match result {
            Ok(()) => Poll::Pending,
            Err(reason) => Poll::Ready(reason),
        }
    }

    fn listen_for_changes(&self, cx: &Context<'_>) {
        let mut state = self.shared.lock();
        if !state.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.driver = Some(cx.waker().clone());
        }
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        let mut budget = BUDGET;
        let enough = self.socket.moved().0 + BYTES;
        while let Poll::Ready(received) = self.socket.poll_receive(cx) {
            self.take(received?)?;
            budget -= 1;
            if budget == 0 || self.socket.moved().0 >= enough {
                cx.waker().wake_by_ref();
                break;
            }
        }
        // A part of a long message is a sign of life too.
        let (received, _) = self.socket.moved();
        if received != self.moved.0 {
            self.moved.0 = received;
            self.heartbeat.heard();
        }
        Ok(())
    }

    fn take(&mut self, received: Received) -> Result<(), LineError> {
        match received {
            Received::Binary(frames) => {
                let mut state = self.shared.lock();
                state.mux.receive(frames)?;
                state.dispatch(&mut self.wakers);
                Ok(())
            }
            Received::Text(text) => {
                let control = Control::decode(&text).map_err(|error| LineError::BadControl(Arc::new(error)))?;
                self.take_control(control)
            }
            Received::Close(reason) => Err(match reason {
                Some(CloseReason { code, reason }) => LineError::PeerClosed { code, reason },
                // RFC 6455 §7.1.5: a close frame without a code.
                None => LineError::PeerClosed { code: 1005, reason: String::new() },
            }),
            Received::TooLong(_) => Err(LineError::Unexpected("a message that is too long")),
            Received::Ping(_) | Received::Pong(_) => Ok(()),
        }
    }

    fn take_control(&mut self, control: Control) -> Result<(), LineError> {
        match control {
            Control::Ping { timestamp } => self.shared.lock().pong = Some(timestamp),
            Control::Pong { timestamp } => {
                if let Some(rtt) = self.heartbeat.answered(timestamp) {
                    self.shared.set_rtt(rtt);
                }
            }
            control => {
                if matches!(control, Control::Drain(_)) {
                    self.stop_opening();
                }
                if let Err(mpsc::error::TrySendError::Full(_)) = self.control.try_send(control) {
                    return Err(LineError::ControlFlood);
                }
            }
        }
        Ok(())
    }

    /// The peer drains. A server answers when it has opened its last stream: what `open` has queued goes out before
    /// the answer does, so that a telephone that has seen the answer has seen all its requests.
    fn stop_opening(&mut self) {
        let mut state = self.shared.lock();
        state.stop_opening();
        if state.mux.side() == Side::Server && !std::mem::replace(&mut self.drained, true) {
            state.outbox.push_back(Control::Drain(Drain::default()));
        }
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        while let Poll::Ready(ping) = self.heartbeat.poll(cx) {
            let timestamp = ping?;
            self.shared.lock().outbox.push_back(Control::Ping { timestamp });
        }
        self.shared.set_silent(self.heartbeat.is_silent());
        Ok(())
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        match self.poll_write(cx) {
            Poll::Pending => self.poll_closing(cx),
            Poll::Ready(Ok(None)) => Ok(()),
            Poll::Ready(Ok(Some(reason))) => Err(reason),
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// Ends a line that this end closes when the peer does not take what goes before in time. Where all streams are over,
    /// their last bytes go before, too, and have as long as the heartbeat lets them.
    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        let state = self.shared.lock();
        let closing = state.closing.clone().filter(|_| state.mux.active_streams() > 0);
        drop(state);
        let Some((code, reason)) = closing else { return Ok(()) };
        let limit = self.closing.get_or_insert_with(|| Box::pin(sleep(GOODBYE)));
        match limit.as_mut().poll(cx) {
            Poll::Ready(()) => Err(LineError::ClosedByUs { code, reason }),
            Poll::Pending => Ok(()),
        }
    }

    /// Writes what is ready, one message at a time; `Some` when that was the last because this end closes the line.
    ///
    /// The next message is made only when the socket has taken the last one: what is ready by then shares it, and
    /// nothing urgent queues behind data that has left the multiplexer's hands.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<LineError>, LineError>> {
        for _ in 0..BUDGET {
            if self.socket.has_unsent() {
                ready!(self.poll_flush(cx))?;
            }
            match self.put_next()? {
                Next::Put => {}
                Next::Nothing => return Poll::Ready(Ok(None)),
                Next::Close(code, reason) => return Poll::Ready(Ok(Some(LineError::ClosedByUs { code, reason }))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(None))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LineError>> {
        let flushed = self.socket.poll_flush(cx);
        let (_, sent) = self.socket.moved();
        if sent != self.moved.1 {
            self.moved.1 = sent;
            self.heartbeat.written(true);
        }
        self.heartbeat.written(flushed.is_ready());
        flushed.map_err(LineError::from)
    }

    /// Queues what to write next: streams, and control messages between two messages of theirs. One of those may say that
    /// no stream follows, and goes behind all that have been opened. Once this end closes the line, bodies are not sent any
    /// more.
    fn put_next(&mut self) -> Result<Next, LineError> {
        let mut state = self.shared.lock();
        if let Some(pong) = state.pong.take() {
            state.outbox.push_front(Control::Pong { timestamp: pong });
        }
        let control_first = std::mem::take(&mut self.control_is_next);
        let has_output = if state.closing.is_some() { state.mux.has_urgent() } else { state.mux.has_output() };
        if has_output
            && !control_first
            && self.socket.put_binary(MAX_MESSAGE, |out| state.mux.put_message(MAX_MESSAGE, out))
        {
            self.control_is_next = !state.outbox.is_empty() && !state.mux.has_urgent();
            state.dispatch(&mut self.wakers);
            return Ok(Next::Put);
        }
        let Some(control) = state.outbox.pop_front() else {
            let closing = state.closing.clone();
            return Ok(closing.map_or(Next::Nothing, |(code, reason)| Next::Close(code, reason)));
        };
        drop(state);
        let text = control.encode().map_err(|error| LineError::BadControl(Arc::new(error)))?;
        self.socket.put_text(&text);
        Ok(Next::Put)
    }

    /// The closing handshake, when there is a point in it.
    async fn say_goodbye(&mut self, reason: &LineError) -> Result<(), SocketError> {
        match (reason.close_frame(), reason) {
            (Some((code, reason)), _) => self.socket.close(code, &reason).await,
            // The answer to the peer's close frame is on its way.
            (None, LineError::PeerClosed { .. }) => self.socket.close(wire::close::NORMAL, "").await,
            _ => Ok(()),
        }
    }
}
