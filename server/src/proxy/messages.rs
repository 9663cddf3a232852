//! The messages of a WebSocket or an event stream, as far as they are recorded.

use domain::{ExchangeKind, Party};
use http::{HeaderMap, header};
use observers::{Deflate, EventStreamObserver, Observed, WebSocketObserver};
use server_core::{Captured, CapturedMessage};

use super::capture::Side;

/// How many messages of one exchange are kept.
const MAX_MESSAGES: usize = 1_000;
/// What a message takes besides its payload, roughly, bytes.
const MESSAGE: usize = 96;

/// Tells messages from the bytes that pass.
#[derive(Debug)]
pub(super) struct Messages {
    observer: Observer,
    kept: usize,
}

#[derive(Debug)]
enum Observer {
    Events(EventStreamObserver),
    /// What the client sends, and what it gets.
    Socket(Box<[WebSocketObserver; 2]>),
    Over,
}

impl Messages {
    /// For an exchange whose response has these headers; `limit`: how much of all messages in one direction is kept,
    /// bytes. `None` when it has no messages, or none that can be told.
    pub(super) fn of(kind: ExchangeKind, headers: &HeaderMap, limit: usize) -> Option<Self> {
        let observer = match kind {
            ExchangeKind::EventStream if headers.contains_key(header::CONTENT_ENCODING) => return None,
            ExchangeKind::EventStream => Observer::Events(EventStreamObserver::new(limit)),
            ExchangeKind::WebSocket => {
                let agreed = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
                let deflate = Deflate::agreed(agreed.filter_map(|value| value.to_str().ok())).ok()?;
                let observer = |sender| WebSocketObserver::new(sender, deflate, limit);
                Observer::Socket(Box::new([Party::Client, Party::Server].map(observer)))
            }
            ExchangeKind::Http | ExchangeKind::Upgrade => return None,
        };
        Some(Self { observer, kept: 0 })
    }

    /// Takes in bytes that pass, `now` microseconds after the request arrived: the messages that are complete with them.
    pub(super) fn pass(&mut self, side: Side, bytes: &[u8], now: u64, captured: &mut Captured) -> Vec<CapturedMessage> {
        let mut found = Vec::new();
        match &mut self.observer {
            Observer::Events(events) => events.observe(bytes, |event| found.push(event)),
            Observer::Socket(sides) => {
                if let Err(error) = sides[side as usize].observe(bytes, |message| found.push(message)) {
                    let request_id = captured.request_id;
                    tracing::debug!(%request_id, %error, "no more messages of this WebSocket can be told");
                    captured.messages_left_out += 1;
                }
            }
            Observer::Over => {}
        }
        self.keep(side, found, now, captured)
    }

    /// The response is over: what is left of the last event.
    pub(super) fn finish(mut self, now: u64, captured: &mut Captured) -> Vec<CapturedMessage> {
        match std::mem::replace(&mut self.observer, Observer::Over) {
            Observer::Events(events) => self.keep(Side::Response, events.finish(), now, captured),
            Observer::Socket(_) | Observer::Over => Vec::new(),
        }
    }

    fn keep(
        &mut self,
        side: Side,
        found: impl IntoIterator<Item = Observed>,
        now: u64,
        captured: &mut Captured,
    ) -> Vec<CapturedMessage> {
        let mut kept = Vec::new();
        for Observed { kind, payload, size } in found {
            let room = captured.room.as_ref().and_then(|room| room.another(MESSAGE + payload.len()));
            if self.kept == MAX_MESSAGES || room.is_none() {
                captured.messages_left_out += 1;
                continue;
            }
            self.kept += 1;
            let from = match side {
                Side::Request => Party::Client,
                Side::Response => Party::Server,
            };
            kept.push(CapturedMessage { at_us: now, from, kind, payload, size, room });
        }
        kept
    }
}
