//! The task that moves a line's bytes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wire::control::{Control, Drain};
use wire::mux::Side;

use super::LineError;
use super::heartbeat::Heartbeat;
use super::shared::{Shared, wake};

/// About how much goes into one WebSocket message: what a new request waits for at most, and what the peer has to take
/// within two heartbeats.
const MAX_MESSAGE: usize = 128 * 1024;
/// How many messages are read or written before other tasks have their turn.
const BUDGET: usize = 32;
/// How long the closing handshake may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Reads and writes the WebSocket of a line. Dropping it ends the line.
#[derive(Debug)]
pub struct Driver<S> {
    ws: WebSocketStream<S>,
    shared: Arc<Shared>,
    control: mpsc::Sender<Control>,
    heartbeat: Heartbeat,
    unflushed: bool,
    /// The peer's `drain` has been answered.
    drained: bool,
    wakers: Vec<Waker>,
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.shared.end(LineError::Dropped);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        ws: WebSocketStream<S>,
        shared: Arc<Shared>,
        control: mpsc::Sender<Control>,
        heartbeat: Duration,
    ) -> Self {
        Self {
            ws,
            shared,
            control,
            heartbeat: Heartbeat::new(heartbeat),
            unflushed: false,
            drained: false,
            wakers: Vec::new(),
        }
    }

    /// Runs the line until it ends and says why. All streams have failed by then.
    pub async fn run(mut self) -> LineError {
        let reason = poll_fn(|cx| self.poll(cx)).await;
        self.shared.end(reason.clone());
        // A peer that does not take part in the handshake is left alone after the deadline.
        let _elapsed = timeout(GOODBYE, self.say_goodbye(&reason)).await;
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
        for _ in 0..BUDGET {
            match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(None) => return Err(LineError::PeerGone),
                Poll::Ready(Some(message)) => {
                    self.heartbeat.heard();
                    self.take_message(message?)?;
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn take_message(&mut self, message: Message) -> Result<(), LineError> {
        match message {
            Message::Binary(frames) => {
                let mut state = self.shared.lock();
                state.mux.receive(frames)?;
                state.dispatch(&mut self.wakers);
                Ok(())
            }
            Message::Text(text) => {
                let control = Control::decode(&text).map_err(|error| LineError::BadControl(Arc::new(error)))?;
                self.take_control(control)
            }
            Message::Close(frame) => Err(match frame {
                Some(frame) => {
                    LineError::PeerClosed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
                }
                // RFC 6455 §7.1.5: a close frame without a code.
                None => LineError::PeerClosed { code: 1005, reason: String::new() },
            }),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
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
        Ok(())
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        match self.poll_write(cx) {
            Poll::Pending | Poll::Ready(Ok(None)) => Ok(()),
            Poll::Ready(Ok(Some(reason))) => Err(reason),
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// Writes what is ready, one message at a time; `Some` when that was the last because this end closes the line.
    ///
    /// The next message is made only when the socket has taken the last one: what is ready by then shares it, and
    /// nothing urgent queues behind data that has left the multiplexer's hands.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<LineError>, LineError>> {
        for _ in 0..BUDGET {
            if self.unflushed {
                let flushed = Pin::new(&mut self.ws).poll_flush(cx);
                self.heartbeat.written(flushed.is_ready());
                ready!(flushed)?;
                self.unflushed = false;
            }
            let Some(message) = self.next_message()? else {
                let closing = self.shared.lock().closing.clone();
                return Poll::Ready(Ok(closing.map(|(code, reason)| LineError::ClosedByUs { code, reason })));
            };
            // A WebSocket whose last message has been flushed is ready for the next one.
            Pin::new(&mut self.ws).start_send(message)?;
            self.unflushed = true;
        }
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(None))
    }

    /// What to write next: streams first, then control messages, one of which may say that no stream follows.
    fn next_message(&mut self) -> Result<Option<Message>, LineError> {
        let mut state = self.shared.lock();
        if let Some(pong) = state.pong.take() {
            state.outbox.push_front(Control::Pong { timestamp: pong });
        }
        if let Some(frames) = state.mux.next_message(MAX_MESSAGE) {
            state.dispatch(&mut self.wakers);
            return Ok(Some(Message::Binary(frames)));
        }
        let Some(control) = state.outbox.pop_front() else { return Ok(None) };
        drop(state);
        let text = control.encode().map_err(|error| LineError::BadControl(Arc::new(error)))?;
        Ok(Some(Message::Text(text.into())))
    }

    async fn say_goodbye(&mut self, reason: &LineError) {
        if let Some((code, reason)) = reason.close_frame() {
            let frame = CloseFrame { code: code.into(), reason: shorten(&reason).into() };
            if self.ws.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        } else if !matches!(reason, LineError::PeerClosed { .. }) {
            return;
        }
        // The closing handshake of RFC 6455 §7.1.2: the answer to the peer's close frame goes out, or its answer comes.
        while let Some(Ok(_)) = self.ws.next().await {}
    }
}

/// A close frame holds at most 123 bytes of reason (RFC 6455 §5.5).
fn shorten(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(123)]
}
