//! What is seen of an exchange that is to be recorded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{
    AnsweredBy, CaptureLevel, CaptureSettings, ExchangeEnd, ExchangeKind, RequestId, RuleId, ServiceId, Tag,
    TelephoneSessionId, Timings, TunnelId, UserId,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use server_core::{Captured, CapturedBody, CapturedHead, CapturedMessage, Record, Services};

use super::messages::Messages;
use super::problem::X_SWITCHBOARD_ERROR;
use super::seen_heads::{fields, kind, protocol, request_head, response_head, text};
use crate::ingress::{Client, ClientBody, RequestHost, ResponseBody};
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

/// What is known of an exchange that begins, besides the request.
pub(super) struct Beginning<'a> {
    /// Whose it is.
    pub owner: UserId,
    /// The rule that it came by.
    pub rule: Option<RuleId>,
    /// The tunnel whose telephones are to answer.
    pub tunnel: Option<TunnelId>,
    /// The service whose backends are to answer.
    pub service: Option<ServiceId>,
    /// Who asks.
    pub client: &'a Client,
    /// Path and query as they were asked for.
    pub asked: &'a PathAndQuery,
    pub arrived: Instant,
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
        beginning: &Beginning<'_>,
        request: &mut Request<ClientBody>,
    ) -> Option<Arc<Self>> {
        let head = request.body_mut().take_head();
        let replay = request.extensions_mut().remove::<Replay>();
        let inspector = services.inspector();
        let &Beginning { owner, rule, tunnel, service, client, asked, arrived } = beginning;
        let settings = match &replay {
            Some(replay) => replay.settings.clone(),
            None => inspector.wanted(rule, tunnel)?,
        };
        let head = (settings.level >= CaptureLevel::Headers).then(|| request_head(request, &head));
        let target = asked.as_str();
        let room = inspector.room(BASE + head.as_ref().map_or(0, CapturedHead::size) + target.len())?;
        let host = RequestHost::of(request.uri(), request.headers()).map(|host| host.name.into_owned());
        let id = match &replay {
            Some(replay) => replay.id,
            // A trusted proxy may say the same twice.
            None if client.through_trusted_proxy => RequestId(uuid::Uuid::now_v7()),
            None => client.request_id,
        };
        let since = chrono::Utc::now() - chrono::TimeDelta::from_std(arrived.elapsed()).unwrap_or_default();
        let captured = Captured {
            id,
            request_id: client.request_id,
            owner,
            settings: settings.clone(),
            tunnel,
            rule,
            service,
            at: since,
            client: client.address,
            secure: client.secure,
            protocol: protocol(request.version()),
            method: request.method().to_string(),
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
            arrived,
            settings,
            seen: Mutex::new(Seen { captured: Some(Box::new(captured)), closed: [!bodies; 2], messages: None }),
        }))
    }

    /// Whether heads are kept.
    pub(super) fn keeps_heads(&self) -> bool {
        self.settings.level >= CaptureLevel::Headers
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
        let head = self.keeps_heads().then(|| match raw.is_empty() {
            true => response_head(status, headers, protocol(version)),
            false => CapturedHead::Raw(Bytes::copy_from_slice(raw)),
        });
        let content_type = text(headers, &header::CONTENT_TYPE);
        let kind = kind(status, headers, content_type.as_deref());
        let mut seen = self.seen();
        let Some(captured) = self.grown(&mut seen, head.as_ref().map_or(0, CapturedHead::size)) else { return };
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
        if begun.room.is_none() {
            self.lose(&mut seen);
            return;
        }
        if self.settings.level >= CaptureLevel::Bodies {
            // Its messages are kept in place of its bytes.
            seen.messages = Messages::of(kind, headers, self.settings.body_limit as usize);
            seen.closed[Side::Response as usize] |= seen.messages.is_some();
        }
        drop(seen);
        self.services.inspector().submit(Record::Begun(begun));
    }

    /// The answer is ours.
    pub(super) fn ours(&self, response: &Response<ResponseBody>) {
        let now = self.now();
        let (status, headers) = (response.status(), response.headers());
        let mut seen = self.seen();
        let Some(captured) = &mut seen.captured else { return };
        let head = self.keeps_heads().then(|| response_head(status, headers, captured.protocol));
        let body = match response.body() {
            ResponseBody::Whole(Some(text)) if captured.method != Method::HEAD.as_str() => text.clone(),
            _ => Bytes::new(),
        };
        let kept = match self.settings.level {
            CaptureLevel::Bodies => &body[..body.len().min(self.settings.body_limit as usize)],
            _ => &[],
        };
        let size = head.as_ref().map_or(0, CapturedHead::size) + kept.len();
        let Some(captured) = self.grown(&mut seen, size) else { return };
        captured.status = Some(status.as_u16());
        captured.error = text(headers, &X_SWITCHBOARD_ERROR);
        captured.response_head = head;
        captured.content_type = text(headers, &header::CONTENT_TYPE);
        captured.response_body.size = body.len() as u64;
        captured.response_body.bytes = kept.to_vec();
        captured.timings.first_byte_us = Some(now);
        captured.timings.done_us = Some(now);
        captured.end = ExchangeEnd::Complete;
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
        if !self.keeps_heads() {
            return;
        }
        let trailers = fields(trailers);
        let mut seen = self.seen();
        let Some(captured) = self.grown(&mut seen, CapturedHead::size_of_fields(&trailers)) else { return };
        match side {
            Side::Request => captured.request_body.trailers = trailers,
            Side::Response => captured.response_body.trailers = trailers,
        }
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

    /// The exchange, with room for so many bytes more. Where there is none it is not recorded: without a part of it that
    /// should be there it would tell something that was not.
    fn grown<'s>(&self, seen: &'s mut Seen, bytes: usize) -> Option<&'s mut Captured> {
        let room = seen.captured.as_mut()?.room.as_mut();
        if !room.is_some_and(|room| room.grow(bytes)) {
            self.lose(seen);
        }
        seen.captured.as_deref_mut()
    }

    fn lose(&self, seen: &mut Seen) {
        if let Some(captured) = seen.captured.take() {
            self.services.inspector().lose(Record::Ended(captured));
        }
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

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
