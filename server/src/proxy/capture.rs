//! What is seen of an exchange that is to be recorded.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{
    AnsweredBy, CaptureLevel, CaptureSettings, ExchangeEnd, ExchangeKind, RequestId, Tag, TelephoneSessionId, Timings,
};
use http::{HeaderMap, Request, StatusCode, Version, header};
use server_core::{Captured, CapturedBody, CapturedHead, CapturedMessage, Record, Services};

use super::exchange::{Exchange, To};
use super::messages::Messages;
use super::problem::{Problem, X_SWITCHBOARD_ERROR};
use crate::ingress::{ClientBody, RequestHost};
use crate::routing::{Candidate, Origin};

/// What an exchange takes besides its head and bodies, roughly, bytes.
const BASE: usize = 1024;
/// The most that is kept of a target, bytes: as long as one may be.
const MAX_TARGET: usize = 8 * 1024;

/// Says that a request is sent again, in the extensions of a [`Request`].
#[derive(Clone, Debug)]
pub struct Replay {
    /// The exchange that it is a replay of.
    pub of: RequestId,
    /// What is recorded of it, whatever is usual there.
    pub settings: Arc<CaptureSettings>,
    /// The id under which it is recorded.
    pub id: RequestId,
}

/// What has been seen of one exchange so far. Whoever carries a part of it has it; when the last one lets go, the
/// exchange is over and handed to the recorder.
pub(super) struct Capture {
    services: Services,
    arrived: Instant,
    settings: Arc<CaptureSettings>,
    seen: Mutex<Seen>,
}

struct Seen {
    captured: Option<Box<Captured>>,
    /// No more is kept of the bodies: that of the request, and that of the response.
    closed: [bool; 2],
    messages: Option<Messages>,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What the client sends.
    Request = 0,
    /// What it gets.
    Response = 1,
}

impl Capture {
    /// Begins to look, if the exchange is to be recorded. The head of the request is taken from `request` in any case,
    /// since it keeps memory.
    pub(super) fn begin(
        services: &Services,
        exchange: &Exchange<'_>,
        request: &mut Request<ClientBody>,
    ) -> Option<Arc<Self>> {
        let head = request.body_mut().take_head();
        let replay = request.extensions_mut().remove::<Replay>();
        let inspector = services.inspector();
        let rule = exchange.rule.map(|rule| rule.entry.id);
        let tunnel = exchange.to.tunnel().map(|route| route.id);
        let settings = match &replay {
            Some(replay) => replay.settings.clone(),
            None => inspector.wanted(rule, tunnel)?,
        };
        let room = inspector.room(BASE + head.len() + exchange.asked.as_str().len())?;
        let head = (settings.level >= CaptureLevel::Headers).then(|| request_head(request, &head));
        let client = &exchange.client;
        let host = RequestHost::of(request.uri(), request.headers()).map(|host| host.name.into_owned());
        let target = exchange.asked.as_str();
        let id = match &replay {
            Some(replay) => replay.id,
            // A trusted proxy may say the same twice.
            None if client.through_trusted_proxy => RequestId(uuid::Uuid::now_v7()),
            None => client.request_id,
        };
        let since = chrono::Utc::now() - chrono::TimeDelta::from_std(exchange.arrived.elapsed()).unwrap_or_default();
        let captured = Captured {
            id,
            request_id: client.request_id,
            owner: exchange.to.owner(),
            settings: settings.clone(),
            tunnel,
            rule,
            service: match exchange.to {
                To::Pool(pool) => Some(pool.service),
                To::Tunnel(_) => None,
            },
            at: since,
            client: client.address,
            secure: client.secure,
            protocol: protocol(request.version()),
            method: exchange.method.to_string(),
            host: host.unwrap_or_default(),
            target: target[..target.floor_char_boundary(MAX_TARGET)].to_owned(),
            status: None,
            error: None,
            end: ExchangeEnd::ClientLeft,
            kind: ExchangeKind::Http,
            timings: Timings::default(),
            answered_by: None,
            request_head: head,
            response_head: None,
            content_type: None,
            request_body: CapturedBody::default(),
            response_body: CapturedBody::default(),
            messages_left_out: 0,
            replay_of: replay.map(|replay| replay.of),
            room: Some(room),
        };
        let bodies = settings.level >= CaptureLevel::Bodies;
        Some(Arc::new(Self {
            services: services.clone(),
            arrived: exchange.arrived,
            settings,
            seen: Mutex::new(Seen { captured: Some(Box::new(captured)), closed: [!bodies; 2], messages: None }),
        }))
    }

    /// It has waited for a telephone.
    pub(super) fn held(&self, time: Duration) {
        self.note(|captured| captured.timings.held_us += micros(time));
    }

    /// It was handed to a telephone.
    pub(super) fn given_to_session(&self, session: TelephoneSessionId) {
        let now = self.now();
        self.note(|captured| {
            captured.timings.sent_us = Some(now);
            let by = captured.answered_by.get_or_insert_default();
            by.session = Some(session);
            by.attempts += 1;
        });
    }

    /// It is handed to a backend.
    pub(super) fn given_to_backend(&self, candidate: &Candidate, tag: Option<&Tag>) {
        let now = self.now();
        self.note(|captured| {
            captured.timings.sent_us = Some(now);
            let attempts = captured.answered_by.as_ref().map_or(0, |by| by.attempts);
            let (tunnel, asked) = match &candidate.origin {
                // The telephone counts when it is there.
                Origin::Tunnel(route) => (Some(route.id), attempts),
                Origin::Address(_) | Origin::Region(_) => (None, attempts + 1),
            };
            captured.tunnel = tunnel;
            captured.answered_by = Some(AnsweredBy {
                session: None,
                backend: Some(candidate.backend.id),
                backend_name: Some(candidate.name.clone()),
                tag: tag.cloned(),
                elsewhere: matches!(candidate.origin, Origin::Region(_)),
                attempts: asked,
            });
        });
    }

    /// The final head of the response is there; `raw` is empty where it came in another form than HTTP/1.1's.
    pub(super) fn answered(&self, status: StatusCode, headers: &HeaderMap, raw: &Bytes, version: Version) {
        let now = self.now();
        let head = (self.settings.level >= CaptureLevel::Headers).then(|| match raw.is_empty() {
            true => {
                let reason = status.canonical_reason().unwrap_or_default();
                let start = format!("{} {} {reason}", protocol(version), status.as_u16());
                CapturedHead::Fields(start.trim_end().to_owned(), fields(headers))
            }
            false => CapturedHead::Raw(Bytes::copy_from_slice(raw)),
        });
        let content_type = text(headers, &header::CONTENT_TYPE);
        let kind = kind(status, headers, content_type.as_deref());
        let mut seen = self.seen();
        let Some(captured) = &mut seen.captured else { return };
        captured.timings.first_byte_us = Some(now);
        captured.status = Some(status.as_u16());
        captured.response_head = head;
        captured.content_type = content_type;
        captured.kind = kind;
        // A telephone says so when it is not the local server that answers.
        if captured.answered_by.as_ref().is_some_and(|by| by.session.is_some()) {
            captured.error = text(headers, &X_SWITCHBOARD_ERROR);
        }
        if kind == ExchangeKind::Http {
            return;
        }
        let begun = Box::new(captured.begun());
        if self.settings.level >= CaptureLevel::Bodies {
            // Its messages are kept in place of its bytes.
            seen.messages = Messages::of(kind, headers, self.settings.body_limit as usize);
            seen.closed[Side::Response as usize] |= seen.messages.is_some();
        }
        drop(seen);
        self.services.inspector().submit(Record::Begun(begun));
    }

    /// The answer is ours.
    pub(super) fn refused(&self, problem: &Problem) {
        let now = self.now();
        self.note(|captured| {
            captured.status = Some(problem.status().as_u16());
            captured.error = Some(problem.code().to_owned());
            captured.timings.done_us = Some(now);
            captured.end = ExchangeEnd::Complete;
        });
    }

    /// A piece of a body passed.
    pub(super) fn data(&self, side: Side, data: &[u8]) {
        let limit = self.settings.body_limit as usize;
        let seen = &mut *self.seen();
        let Some(captured) = &mut seen.captured else { return };
        if side == Side::Response
            && let Some(messages) = &mut seen.messages
        {
            self.submit(messages.pass(side, data, self.now(), captured), captured.id);
        }
        let body = match side {
            Side::Request => &mut captured.request_body,
            Side::Response => &mut captured.response_body,
        };
        body.size += data.len() as u64;
        let closed = &mut seen.closed[side as usize];
        if *closed {
            return;
        }
        let kept = &data[..data.len().min(limit - body.bytes.len())];
        if captured.room.as_mut().is_some_and(|room| room.grow(kept.len())) {
            body.bytes.extend_from_slice(kept);
            *closed = body.bytes.len() == limit;
        } else {
            // There must be no hole in it.
            *closed = true;
        }
    }

    /// Bytes passed after a switch of protocols.
    pub(super) fn passed(&self, side: Side, bytes: &[u8]) {
        let seen = &mut *self.seen();
        let Some(captured) = &mut seen.captured else { return };
        match side {
            Side::Request => captured.request_body.size += bytes.len() as u64,
            Side::Response => captured.response_body.size += bytes.len() as u64,
        }
        if let Some(messages) = &mut seen.messages {
            self.submit(messages.pass(side, bytes, self.now(), captured), captured.id);
        }
    }

    fn submit(&self, messages: Vec<CapturedMessage>, id: RequestId) {
        if !messages.is_empty() {
            self.services.inspector().submit(Record::Messages(id, messages));
        }
    }

    /// Fields behind a body passed.
    pub(super) fn trailers(&self, side: Side, trailers: &HeaderMap) {
        if self.settings.level < CaptureLevel::Headers {
            return;
        }
        self.note(|captured| match side {
            Side::Request => captured.request_body.trailers = fields(trailers),
            Side::Response => captured.response_body.trailers = fields(trailers),
        });
    }

    /// The response is over.
    pub(super) fn ended(&self, end: ExchangeEnd) {
        let now = self.now();
        let seen = &mut *self.seen();
        let Some(captured) = &mut seen.captured else { return };
        captured.timings.done_us = Some(now);
        captured.end = end;
        if let Some(messages) = seen.messages.take() {
            self.submit(messages.finish(now, captured), captured.id);
        }
    }

    /// Microseconds since the request arrived.
    pub(super) fn now(&self) -> u64 {
        micros(self.arrived.elapsed())
    }

    fn note(&self, note: impl FnOnce(&mut Captured)) {
        if let Some(captured) = &mut self.seen().captured {
            note(captured);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let now = self.now();
        let seen = self.seen.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut captured) = seen.captured.take() {
            captured.timings.done_us.get_or_insert(now);
            self.services.inspector().submit(Record::Ended(captured));
        }
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn request_head(request: &Request<ClientBody>, raw: &Bytes) -> CapturedHead {
    if !raw.is_empty() {
        return CapturedHead::Raw(Bytes::copy_from_slice(raw));
    }
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let start = format!("{} {target} {}", request.method(), protocol(request.version()));
    CapturedHead::Fields(start, fields(request.headers()))
}

fn fields(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))).collect()
}

fn text(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(match value {
        Cow::Borrowed(text) => text[..text.floor_char_boundary(256)].to_owned(),
        Cow::Owned(text) => text.chars().take(64).collect(),
    })
}

fn kind(status: StatusCode, headers: &HeaderMap, content_type: Option<&str>) -> ExchangeKind {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return match headers.get(header::UPGRADE) {
            Some(protocol) if protocol.as_bytes().eq_ignore_ascii_case(b"websocket") => ExchangeKind::WebSocket,
            _ => ExchangeKind::Upgrade,
        };
    }
    let media = content_type.map(|value| value.split(';').next().unwrap_or_default().trim());
    match media {
        Some(media) if media.eq_ignore_ascii_case("text/event-stream") => ExchangeKind::EventStream,
        _ => ExchangeKind::Http,
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
