//! One open socket.
//!
//! There is no queue: while a message is on its way to a slow reader the next is not even made, and
//! [`Watch`](server_core::Watch) answers with a fresh snapshot once it is asked again.

use std::{ops::ControlFlow, pin::Pin, time::Duration};

use bytes::Bytes;
use domain::{LiveRequests, LiveUpdate};
use futures_util::{SinkExt, StreamExt, stream};
use server_core::{Change, CoreError, ExchangeFeed, ExchangeNews, Inspected, Services, Subject};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, Interval, MissedTickBehavior, Sleep, error::Elapsed, interval_at, sleep, timeout},
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};
use tokio_util::sync::CancellationToken;

use super::{upgrade::Socket, who::Who};
use crate::api::error::describe;

const PING_EVERY: Duration = Duration::from_secs(20);
/// Unanswered pings after which a peer counts as dead.
const MAX_MISSED: u32 = 2;
/// How long a reader may take for one message.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// A longer message goes out in fragments of this size, bytes (RFC 6455 section 5.4), so that what waits for a reader is
/// bounded however much there is to tell.
const FRAGMENT: usize = 16 * 1024;
/// Messages that a client may send between two pings; more is an attack or a mistake.
const MAX_CHATTER: u32 = 100;

/// How often is said that nothing was recorded, where nothing else is said either: a browser takes long silence for a
/// dead connection.
const QUIET: Duration = Duration::from_secs(5);

/// What a socket tells about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    /// Traffic and state.
    pub(super) subject: Option<Subject>,
    /// Exchanges as they are recorded.
    pub(super) requests: Option<Inspected>,
}

/// What a socket is fed from.
pub(super) struct Feed {
    services: Services,
    who: Who,
    topic: Topic,
    stop: CancellationToken,
}

/// Why a socket ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The peer closed it, is dead or does not read.
    Peer,
    /// The tunnel is gone, and its last message is sent.
    Done,
    Stopping,
    NotAllowed,
    Chatter,
    Failed,
}

/// What the peer did since the last ping.
#[derive(Default)]
struct Peer {
    missed: u32,
    chatter: u32,
}

// === impl Feed ===

impl Feed {
    pub(super) fn new(services: Services, who: Who, topic: Topic, stop: CancellationToken) -> Self {
        Self { services, who, topic, stop }
    }

    /// Serves the socket until one side ends it.
    pub(super) async fn run(self, mut socket: Socket) {
        let end = self.serve(&mut socket).await;
        tracing::debug!(user = %self.who.viewer.id(), ?end, "a live connection ended");
        if let Some((code, reason)) = end.close() {
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            // The peer may be gone already, and then there is nobody to tell.
            let _ = timeout(SEND_DEADLINE, socket.send(close)).await;
        }
    }

    async fn serve(&self, socket: &mut Socket) -> End {
        let watch = self.topic.subject.map(|subject| self.services.watch(self.who.viewer.clone(), subject));
        let requests = match self.requests().await {
            Ok(requests) => requests,
            Err(end) => return end,
        };
        let quiet = if self.topic.subject.is_some() { Duration::MAX } else { QUIET };
        // As streams, because a step of them that was begun goes on after another branch was taken.
        let updates = stream::unfold(watch, |watch| async move {
            let mut watch = watch?;
            Some((watch.next().await, Some(watch)))
        });
        let requests = stream::unfold(requests, |requests| async move {
            let mut requests = requests?;
            Some((recorded(&mut requests, quiet).await?, Some(requests)))
        });
        // What there is none of ends at once, and is asked again all the same.
        let (mut updates, mut requests) = (std::pin::pin!(updates.fuse()), std::pin::pin!(requests.fuse()));
        let mut changes = self.services.changes().subscribe();
        let mut pings = every(PING_EVERY);
        // At once for the first time: what ended before the changes were listened for is told by nobody.
        let mut look = std::pin::pin!(sleep(Duration::ZERO));
        let mut peer = Peer::default();
        loop {
            let step = tokio::select! {
                () = self.stop.cancelled() => ControlFlow::Break(End::Stopping),
                Some(update) = updates.next() => forward(socket, update).await,
                Some(update) = requests.next() => forward(socket, Ok(update)).await,
                message = socket.next() => peer.heard(message),
                _ = pings.tick() => peer.ping(socket).await,
                () = self.concerns_us(&mut changes) => self.look_again(look.as_mut()).await,
                () = look.as_mut() => self.look_again(look.as_mut()).await,
            };
            if let ControlFlow::Break(end) = step {
                return end;
            }
        }
    }

    /// What is recorded of what the socket tells about.
    async fn requests(&self) -> Result<Option<ExchangeFeed>, End> {
        let Some(of) = self.topic.requests else { return Ok(None) };
        match self.services.inspector().follow(&self.who.viewer, of).await {
            Ok(feed) => Ok(Some(feed)),
            Err(CoreError::NotFound(_)) => Err(End::Done),
            Err(error) => {
                tracing::warn!(cause = describe(&error), "recorded requests could not be followed");
                Err(End::Failed)
            }
        }
    }

    /// Returns when a session of the viewer was ended, or may have been.
    async fn concerns_us(&self, changes: &mut broadcast::Receiver<Change>) {
        loop {
            match changes.recv().await {
                Ok(Change::UserSessionsEnded(user)) if user == self.who.viewer.id() => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                // The server is shutting down, which `stop` tells as well.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Whether the viewer may look on; says when that is to be asked again.
    async fn look_again(&self, next: Pin<&mut Sleep>) -> ControlFlow<End> {
        match self.who.still_stands(&self.services).await {
            Some(wait) => {
                next.reset(Instant::now() + wait);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(End::NotAllowed),
        }
    }
}

/// What was recorded, or that nothing was. `None`: the recorder has ended.
async fn recorded(feed: &mut ExchangeFeed, quiet: Duration) -> Option<LiveUpdate> {
    let ExchangeNews { exchanges, missed } =
        timeout(quiet, feed.next()).await.unwrap_or(Some(ExchangeNews::default()))?;
    Some(LiveUpdate::Requests(LiveRequests { requests: exchanges, missed }))
}

async fn forward(socket: &mut Socket, update: Result<LiveUpdate, CoreError>) -> ControlFlow<End> {
    let update = match update {
        Ok(update) => update,
        Err(CoreError::Unauthorized(_)) => return ControlFlow::Break(End::NotAllowed),
        Err(error) => {
            tracing::warn!(cause = describe(&error), "a live connection could not go on");
            return ControlFlow::Break(End::Failed);
        }
    };
    let Ok(text) = serde_json::to_string(&update) else { return ControlFlow::Break(End::Failed) };
    send(socket, text).await?;
    if matches!(update, LiveUpdate::Gone) { ControlFlow::Break(End::Done) } else { ControlFlow::Continue(()) }
}

async fn send(socket: &mut Socket, text: String) -> ControlFlow<End> {
    let sending = async {
        let mut rest = Bytes::from(text);
        let mut kind = Data::Text;
        loop {
            let fragment = rest.split_to(rest.len().min(FRAGMENT));
            let frame = Frame::message(fragment, OpCode::Data(kind), rest.is_empty());
            socket.send(Message::Frame(frame)).await?;
            if rest.is_empty() {
                return Ok::<_, Error>(());
            }
            kind = Data::Continue;
        }
    };
    sent(timeout(SEND_DEADLINE, sending).await)
}

fn sent(outcome: Result<Result<(), Error>, Elapsed>) -> ControlFlow<End> {
    match outcome {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) | Err(_) => ControlFlow::Break(End::Peer),
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

// === impl Peer ===

impl Peer {
    /// Takes note of a message; none has a meaning.
    fn heard(&mut self, message: Option<Result<Message, Error>>) -> ControlFlow<End> {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => return ControlFlow::Break(End::Peer),
            Some(Ok(Message::Pong(_))) => self.missed = 0,
            Some(Ok(_)) => {}
        }
        self.chatter += 1;
        if self.chatter > MAX_CHATTER { ControlFlow::Break(End::Chatter) } else { ControlFlow::Continue(()) }
    }

    async fn ping(&mut self, socket: &mut Socket) -> ControlFlow<End> {
        if self.missed >= MAX_MISSED {
            return ControlFlow::Break(End::Peer);
        }
        self.missed += 1;
        self.chatter = 0;
        sent(timeout(SEND_DEADLINE, socket.send(Message::Ping(Bytes::new()))).await)
    }
}

// === impl End ===

impl End {
    /// What the peer is told (RFC 6455 section 7.4.1).
    fn close(self) -> Option<(CloseCode, &'static str)> {
        match self {
            Self::Peer => None,
            Self::Done => Some((CloseCode::Normal, "the tunnel was deleted")),
            Self::Stopping => Some((CloseCode::Away, "the server is shutting down")),
            Self::NotAllowed => Some((CloseCode::Policy, "sign in again")),
            Self::Chatter => Some((CloseCode::Policy, "too many messages")),
            Self::Failed => Some((CloseCode::Again, "try again later")),
        }
    }
}
