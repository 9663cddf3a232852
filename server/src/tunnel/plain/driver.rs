//! The task between a telephone that speaks version 1.0 and the line that stands for it.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use telephone::line::{End, Heartbeat, Joint, LineError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout};
use wire::control::{Control, ControlError, Drain, ErrorCode, Refusal};
use wire::plain::{Http, HttpCancel, Message, find_request_id};
use wire::websocket::Skipped;

use super::budget::Budget;
use super::exchange::{self, Answer, Command, LARGE, Office, Question};
use super::socket::{Received, TextSocket};
use crate::tunnel::endpoint::Socket;

/// How many messages are read or written before other tasks have their turn.
const BUDGET: usize = 32;
/// How many short messages may wait to be written before the line has to wait.
const MAX_NOTES: usize = 64;
/// How fast a telephone reads long requests at least, in bytes per second: until it has come to the end of one it neither
/// sees a `ping` nor answers it.
const READING: f64 = 512.0 * 1024.0;
/// How long the closing handshake may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Carries exchanges between the telephone and its line. Dropping it ends both.
#[derive(Debug)]
pub(in crate::tunnel) struct Driver {
    socket: TextSocket,
    joint: Joint,
    end: End,
    heartbeat: Heartbeat,
    /// What had been received and sent when the heartbeat last heard of it.
    moved: (u64, u64),
    /// Until when the telephone is taken to be reading what was sent.
    reading: Instant,
    office: Office,
    commands: mpsc::Receiver<Command>,
    exchanges: JoinSet<()>,
    /// Who waits for the answer to which request.
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    /// A long message that is being decoded; until then no other is read.
    decoding: Option<JoinHandle<Result<Message, ControlError>>>,
    /// The latest `ping` to answer.
    pong: Option<u64>,
    /// Short messages, which go before requests.
    notes: VecDeque<Control>,
    cancels: VecDeque<u64>,
    requests: VecDeque<Question>,
    /// Requests that were taken from the line and have not been written.
    unsent: usize,
    /// The telephone drains; the answer to that is still to come.
    draining: bool,
    /// That answer, which goes behind the last request.
    drained: Option<Control>,
}

/// Brings the answers that have arrived whole to clients that take their time. Whoever still waits for one has heard
/// that there will be none: what was not asked yet is refused, and may be asked elsewhere.
async fn deliver_rest(mut joint: Joint, end: End, mut exchanges: JoinSet<()>) {
    poll_fn(|cx| {
        if joint.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while let Poll::Ready(Some(_)) = exchanges.poll_join_next(cx) {}
        if exchanges.is_empty() && end.line.active_streams() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What the server had to say last, and the closing handshake.
async fn say_goodbye(socket: &mut TextSocket, notes: VecDeque<Control>, reason: &LineError) -> Result<(), LineError> {
    let why = reason.close_frame();
    if why.is_none() && !matches!(reason, LineError::PeerClosed { .. }) {
        return Ok(());
    }
    if why.is_some() {
        for note in notes {
            poll_fn(|cx| socket.poll_ready(cx)).await?;
            socket.send(&note.encode().map_err(|error| LineError::BadControl(error.into()))?);
        }
    }
    socket.close(why).await
}

impl Driver {
    pub(super) fn new(socket: Socket, joint: Joint, end: End, (budget, heartbeat): (Arc<Budget>, Duration)) -> Self {
        let (office, commands) = Office::open(budget);
        Self {
            socket: TextSocket::new(socket),
            joint,
            end,
            heartbeat: Heartbeat::new(heartbeat),
            moved: (0, 0),
            reading: Instant::now(),
            office,
            commands,
            exchanges: JoinSet::new(),
            waiting: HashMap::new(),
            decoding: None,
            pong: None,
            notes: VecDeque::new(),
            cancels: VecDeque::new(),
            requests: VecDeque::new(),
            unsent: 0,
            draining: false,
            drained: None,
        }
    }

    /// Runs the session until it ends and says why. Answers that have arrived whole still reach their clients.
    pub(in crate::tunnel) async fn run(mut self) -> LineError {
        let reason = poll_fn(|cx| self.poll(cx)).await;
        let Self { mut socket, joint, mut end, mut notes, mut exchanges, waiting, requests, commands, .. } = self;
        notes.extend(std::iter::from_fn(|| end.control.try_recv()));
        joint.stop_opening();
        if matches!(reason, LineError::ClosedByUs { .. }) {
            joint.end(&reason);
            exchanges.abort_all();
        }
        // Whoever waits for an answer, or to be asked, hears that it is over.
        drop((waiting, requests, commands));
        tokio::spawn(deliver_rest(joint, end, exchanges));
        // A telephone that does not take part in the handshake is left alone after the deadline, a silent one at once.
        let patience = if matches!(reason, LineError::HeartbeatLost) { Duration::ZERO } else { GOODBYE };
        if let Ok(Err(error)) = timeout(patience, say_goodbye(&mut socket, notes, &reason)).await {
            tracing::debug!(%error, "the telephone did not hear why its session ended");
        }
        reason
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LineError> {
        match self.poll_parts(cx) {
            Ok(()) => Poll::Pending,
            Err(reason) => Poll::Ready(reason),
        }
    }

    fn poll_parts(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        self.poll_in(cx)?;
        // A part of a long message is a sign of life too.
        let (received, _) = self.socket.moved();
        if received != std::mem::replace(&mut self.moved.0, received) || Instant::now() < self.reading {
            self.heartbeat.heard();
        }
        if let Poll::Ready(reason) = self.joint.poll(cx) {
            return Err(reason);
        }
        self.poll_exchanges(cx);
        self.poll_notes(cx);
        while let Poll::Ready(ping) = self.heartbeat.poll(cx) {
            self.notes.push_back(Control::Ping { timestamp: ping? });
        }
        self.poll_out(cx)
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        for _ in 0..BUDGET {
            if let Some(decoding) = &mut self.decoding {
                let Poll::Ready(decoded) = Pin::new(decoding).poll(cx) else { return Ok(()) };
                self.decoding = None;
                // The task is lost only when the process ends.
                let message = decoded.map_err(|_| LineError::Dropped)?;
                self.take_message(message)?;
                continue;
            }
            let Poll::Ready(received) = self.socket.poll_receive(cx) else { return Ok(()) };
            match received? {
                Received::Text(text) if text.len() > LARGE => {
                    self.decoding = Some(spawn_blocking(move || Message::decode(&text)));
                }
                Received::Text(text) => self.take_message(Message::decode(&text))?,
                Received::TooLong(message) => self.take_too_long(&message)?,
                Received::Sign => {}
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn take_message(&mut self, message: Result<Message, ControlError>) -> Result<(), LineError> {
        match message.map_err(|error| LineError::BadControl(error.into()))? {
            Message::Control(Control::Ping { timestamp }) => self.pong = Some(timestamp),
            Message::Control(Control::Pong { timestamp }) => {
                if let Some(rtt) = self.heartbeat.answered(timestamp) {
                    self.joint.set_rtt(rtt);
                }
            }
            Message::Control(other) => {
                self.draining |= matches!(other, Control::Drain(_));
                self.end.line.send_control(other)?;
            }
            Message::Http(Http::HttpResponse(response)) => {
                let id = self.answered(&response.request_id)?;
                let answer = match self.office.budget.hold(response.body.encoded_len()) {
                    Some(held) => Answer::Response(response, held),
                    None => Answer::NoRoom,
                };
                self.hand_back(id, answer);
            }
            Message::Http(Http::HttpError(error)) => {
                let id = self.answered(&error.request_id)?;
                self.hand_back(id, Answer::Error(error));
            }
            Message::Http(Http::HttpRequest(_)) => return Err(LineError::Unexpected("an http_request")),
            Message::Http(Http::HttpCancel(_)) => return Err(LineError::Unexpected("an http_cancel")),
        }
        Ok(())
    }

    /// A message that was not kept. If it was the answer to a request, only that one is the worse for it.
    fn take_too_long(&mut self, message: &Skipped) -> Result<(), LineError> {
        let named = find_request_id(&message.beginning).or_else(|| find_request_id(&message.end));
        let id = self.answered(named.ok_or(LineError::Unexpected("a message that is too long"))?)?;
        self.hand_back(id, Answer::TooLong);
        Ok(())
    }

    /// The request that an answer names.
    fn answered(&self, request_id: &str) -> Result<u64, LineError> {
        let id = request_id.parse().ok().filter(|id| self.office.knows(*id));
        id.ok_or(LineError::Unexpected("an answer to a request that was never made"))
    }

    fn hand_back(&mut self, id: u64, answer: Answer) {
        let Some(waiting) = self.waiting.remove(&id) else {
            return tracing::debug!(id, "an answer for which nobody waits any more");
        };
        if waiting.send(answer).is_err() {
            tracing::debug!(id, "an answer for which nobody waits any more");
        }
    }

    /// Takes requests from the line, and what the exchanges want.
    fn poll_exchanges(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some((head, respond, body))) = self.end.incoming.poll_next(cx) {
            self.unsent += 1;
            self.exchanges.spawn(exchange::serve(head, respond, body, self.office.clone()));
        }
        while let Poll::Ready(Some(command)) = self.commands.poll_recv(cx) {
            match command {
                Command::Ask(question) => self.requests.push_back(question),
                Command::Forget(id) => self.forget(id),
                Command::NotSent => self.unsent -= 1,
                Command::Complain(message) => {
                    tracing::info!(message, "a telephone's answer was not passed on");
                    if self.notes.len() < MAX_NOTES {
                        self.notes.push_back(Control::Error(Refusal { code: ErrorCode::BadMessage, message }));
                    }
                }
            }
        }
        while let Poll::Ready(Some(ended)) = self.exchanges.poll_join_next(cx) {
            if let Err(error) = ended {
                tracing::error!(%error, "an exchange broke down");
            }
        }
    }

    fn forget(&mut self, id: u64) {
        if self.waiting.remove(&id).is_some() {
            self.cancels.push_back(id);
        } else if let Some(place) = self.requests.iter().position(|request| request.id == id) {
            self.requests.remove(place);
            self.unsent -= 1;
        }
    }

    /// Takes what the server has to say besides requests.
    fn poll_notes(&mut self, cx: &mut Context<'_>) {
        while self.notes.len() < MAX_NOTES {
            match self.end.control.poll_recv(cx) {
                // The server's own `drain` has a reason and does not wait for anything.
                Poll::Ready(Some(Control::Drain(Drain { reason: None, deadline_s, .. }))) if self.draining => {
                    self.drained = Some(Control::Drain(Drain { deadline_s, ..Drain::default() }));
                }
                Poll::Ready(Some(note)) => self.notes.push_back(note),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Result<(), LineError> {
        for _ in 0..BUDGET {
            let ready = self.socket.poll_ready(cx);
            let (_, sent) = self.socket.moved();
            if sent != std::mem::replace(&mut self.moved.1, sent) {
                self.heartbeat.written(true);
                if ready.is_pending() {
                    // And so it is that a part of one was taken.
                    self.heartbeat.heard();
                }
            }
            self.heartbeat.written(ready.is_ready());
            let Poll::Ready(ready) = ready else { return Ok(()) };
            ready?;
            let Some(text) = self.next_text()? else { return Ok(()) };
            if text.len() > LARGE {
                let takes = Duration::from_secs_f64(text.len() as f64 / READING);
                self.reading = self.reading.max(Instant::now()) + takes;
            }
            self.socket.send(&text);
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// What to write next: what is short first, then requests, then that no request follows.
    fn next_text(&mut self) -> Result<Option<String>, LineError> {
        let bad = |error: ControlError| LineError::BadControl(error.into());
        if let Some(timestamp) = self.pong.take() {
            return Control::Pong { timestamp }.encode().map(Some).map_err(bad);
        }
        if let Some(note) = self.notes.pop_front() {
            return note.encode().map(Some).map_err(bad);
        }
        if let Some(id) = self.cancels.pop_front() {
            let cancel = Http::HttpCancel(HttpCancel { request_id: id.to_string() });
            return cancel.encode().map(Some).map_err(bad);
        }
        if let Some(request) = self.requests.pop_front() {
            self.unsent -= 1;
            let id = request.id;
            let (message, answer) = request.asked();
            self.waiting.extend(answer.map(|answer| (id, answer)));
            return Ok(Some(message));
        }
        match self.drained.take_if(|_| self.unsent == 0) {
            Some(drain) => drain.encode().map(Some).map_err(bad),
            None => Ok(None),
        }
    }
}
