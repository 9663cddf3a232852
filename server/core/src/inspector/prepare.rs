//! From what the engine has seen to what is stored: masked and packed.

use std::collections::HashMap;
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    BodyInfo, CaptureLevel, CaptureSettings, ExchangeEnd, ExchangeKind, ExchangeMessage, ExchangeSummary, MessageKind,
    RequestId,
};
use uuid::Uuid;

use super::captured::{Captured, CapturedMessage};
use super::pack::pack;
use super::redact::{Kept, Redactor};
use super::rows::{Detail, rule_columns, summary};
use super::{Record, Room};
use crate::store::rows::{request_contents, request_messages, tunnel_requests};
use crate::store::{now, write_json};
use crate::{CoreError, Result};

/// The longest path that a list shows, bytes.
const LONGEST_PATH: usize = 2_048;
/// The longest of the other texts in a list, bytes.
const LONGEST_TEXT: usize = 255;
/// The most messages of an exchange.
const MOST_MESSAGES: u64 = 5_000;
/// The most open exchanges whose messages are recorded.
const MOST_OPEN: usize = 20_000;
/// What rows and indexes take besides what is in them, about, bytes.
const OVERHEAD: usize = 350;

/// An exchange as it is stored.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) row: tunnel_requests::Model,
    pub(super) contents: request_contents::Model,
    pub(super) summary: ExchangeSummary,
    /// It was begun before, and is over now.
    pub(super) was_open: bool,
    _room: Option<Room>,
}

/// Messages as they are stored, with the bytes that they take.
#[derive(Debug)]
pub(super) struct PreparedMessages {
    pub(super) row: request_messages::Model,
    pub(super) subject: Uuid,
    pub(super) stored: i64,
}

/// What is stored at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) exchanges: Vec<Prepared>,
    pub(super) messages: Vec<PreparedMessages>,
    /// How many records it is made of, beyond those of messages.
    pub(super) records: u64,
}

/// What is known of an exchange that is open.
#[derive(Debug)]
struct Open {
    subject: Uuid,
    settings: Arc<CaptureSettings>,
    messages: u64,
    left_out: u64,
}

/// Makes batches, and knows which exchanges are open.
#[derive(Debug)]
pub(super) struct Preparer {
    node: String,
    open: HashMap<RequestId, Open>,
    redactors: Redactors,
}

/// The redactor that was used last, and for what settings: whoever's exchanges come one after the other wants the same
/// masked.
#[derive(Debug, Default)]
struct Redactors(Option<(Arc<CaptureSettings>, Arc<Redactor>)>);

impl Redactors {
    fn of(&mut self, settings: &Arc<CaptureSettings>) -> Arc<Redactor> {
        match &self.0 {
            Some((of, redactor)) if Arc::ptr_eq(of, settings) => redactor.clone(),
            _ => {
                let redactor = Arc::new(Redactor::new(&settings.redact));
                self.0 = Some((settings.clone(), redactor.clone()));
                redactor
            }
        }
    }
}

impl Preparer {
    pub(super) fn new(node: String) -> Self {
        Self { node, open: HashMap::new(), redactors: Redactors::default() }
    }

    /// Nothing more comes of this one.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.open.remove(&id);
    }

    /// Masks and packs. `subject` says whose bounds an exchange counts against.
    pub(super) fn prepare(&mut self, records: Vec<(Record, Option<Uuid>)>) -> Batch {
        let mut batch = Batch::default();
        for (record, subject) in records {
            let prepared = match (record, subject) {
                (Record::Messages(id, messages), _) => {
                    batch.messages.extend(self.messages(id, &messages));
                    continue;
                }
                (Record::Begun(captured), Some(subject)) => {
                    batch.records += 1;
                    if self.open.len() < MOST_OPEN {
                        let settings = captured.settings.clone();
                        self.open.insert(captured.id, Open { subject, settings, messages: 0, left_out: 0 });
                    }
                    self.exchange(*captured, subject, false)
                }
                (Record::Ended(mut captured), Some(subject)) => {
                    batch.records += 1;
                    let open = self.open.remove(&captured.id);
                    captured.messages_left_out += open.as_ref().map_or(0, |open| open.left_out);
                    let was_open = captured.kind != ExchangeKind::Http;
                    // It counts against whom it has begun with.
                    self.exchange(*captured, open.map_or(subject, |open| open.subject), was_open)
                }
                // It came by nothing that anybody could look at.
                (Record::Begun(_) | Record::Ended(_), None) => continue,
            };
            match prepared {
                Ok(prepared) => batch.exchanges.push(prepared),
                Err(error) => tracing::warn!(cause = error.cause(), "an exchange was not recorded: {error}"),
            }
        }
        batch
    }

    fn exchange(&mut self, captured: Captured, subject: Uuid, was_open: bool) -> Result<Prepared> {
        let redactor = self.redactors.of(&captured.settings);
        let limit = captured.settings.body_limit as usize;
        let settings_level = captured.settings.level;
        let (request, response) = (captured.request_head.as_ref(), captured.response_head.as_ref());
        let heads = [(request, &captured.request_body), (response, &captured.response_body)];
        let [request_head, response_head] =
            heads.map(|(head, body)| head.map(|head| redactor.head(head, &body.trailers)));
        let (request_size, response_size) = (captured.request_body.size, captured.response_body.size);
        let request_body = redactor.body(captured.request_body, request, None, limit);
        let response_body = redactor.body(captured.response_body, response, captured.content_type.as_deref(), limit);
        let path = cut(&redactor.target(&captured.target), LONGEST_PATH);
        let detail = Detail {
            request_id: captured.request_id,
            protocol: captured.protocol.to_owned(),
            secure: captured.secure,
            timings: captured.timings,
            answered_by: captured.answered_by,
            request: request_head,
            response: response_head,
            request_body: request_body.info.clone(),
            response_body: response_body.info.clone(),
            messages_left_out: captured.messages_left_out,
        };
        let contents = request_contents::Model {
            request_id: captured.id.0,
            detail: pack(write_json(&detail)?.as_bytes(), false),
            request_body: packed(request_body, settings_level),
            response_body: packed(response_body, settings_level),
        };
        let content_type = captured.content_type.as_deref().map(|text| text.split(';').next().unwrap_or(text).trim());
        let (rule_kind, rule_id) = rule_columns(captured.rule);
        let lasted = captured.timings.done_us.or(match captured.end {
            ExchangeEnd::Open => captured.timings.first_byte_us,
            _ => (now() - captured.at).num_microseconds().and_then(|us| u64::try_from(us).ok()),
        });
        let mut row = tunnel_requests::Model {
            id: captured.id.0,
            at: captured.at.timestamp_millis(),
            owner_id: captured.owner.0,
            subject_id: subject,
            node: self.node.clone(),
            tunnel_id: captured.tunnel.map(|id| id.0),
            rule_kind,
            rule_id,
            service_id: captured.service.map(|id| id.0),
            method: cut(&captured.method, LONGEST_TEXT),
            host: cut(&captured.host, LONGEST_TEXT),
            path,
            status: captured.status.map(i32::from),
            error: captured.error,
            ended: captured.end.as_str().to_owned(),
            kind: captured.kind.as_str().to_owned(),
            duration_us: signed(lasted.unwrap_or_default()),
            bytes_in: signed(request_size),
            bytes_out: signed(response_size),
            content_type: content_type.map(|text| cut(&text.to_ascii_lowercase(), LONGEST_TEXT)),
            client: captured.client.to_string(),
            pinned: false,
            note: None,
            replay_of: captured.replay_of.map(|id| id.0),
            stored: 0,
        };
        row.stored = size(&row, &contents);
        let summary = summary(row.clone())?;
        Ok(Prepared { row, contents, summary, was_open, _room: captured.room })
    }

    fn messages(&mut self, id: RequestId, messages: &[CapturedMessage]) -> Option<PreparedMessages> {
        let open = self.open.get_mut(&id)?;
        let first = open.messages;
        let room = usize::try_from(MOST_MESSAGES - first).unwrap_or_default();
        open.left_out += messages.len().saturating_sub(room) as u64;
        let messages = &messages[..messages.len().min(room)];
        if messages.is_empty() {
            return None;
        }
        open.messages += messages.len() as u64;
        let redactor = self.redactors.of(&open.settings);
        let shown: Vec<_> = messages.iter().map(|message| shown(message, &redactor)).collect();
        let json = write_json(&shown).ok()?;
        let row =
            request_messages::Model { request_id: id.0, first: signed(first), messages: pack(json.as_bytes(), false) };
        let stored = signed((row.messages.len() + OVERHEAD / 4) as u64);
        Some(PreparedMessages { row, subject: open.subject, stored })
    }
}

fn shown(message: &CapturedMessage, redactor: &Redactor) -> ExchangeMessage {
    let CapturedMessage { at_us, from, kind, payload, size, .. } = message;
    let whole = usize::try_from(*size) == Ok(payload.len());
    let (payload, masked) = redactor.message(*kind, payload, whole);
    let payload = match kind {
        MessageKind::Binary => STANDARD.encode(&payload),
        _ => String::from_utf8_lossy(&payload).into_owned(),
    };
    ExchangeMessage { at_us: *at_us, from: *from, kind: *kind, payload, size: *size, masked }
}

/// A body packed; `None` when nothing of it was to be kept.
fn packed(body: Kept, level: CaptureLevel) -> Option<Vec<u8>> {
    let nothing = body.bytes.is_empty() && (level < CaptureLevel::Bodies || body.info.size > 0 || body.info.masked);
    (!nothing).then(|| pack(&body.bytes, is_dense(&body.info)))
}

/// Whether it was compressed before.
fn is_dense(info: &BodyInfo) -> bool {
    let essence = info.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let picture = ["image/", "video/", "audio/", "font/woff"].iter().any(|family| essence.starts_with(family));
    let archive = ["/zip", "/gzip", "/zstd", "/x-7z-compressed"].iter().any(|subtype| essence.contains(subtype));
    info.content_encoding.is_some() || picture && !essence.contains("svg") && !essence.contains("bmp") || archive
}

fn size(row: &tunnel_requests::Model, contents: &request_contents::Model) -> i64 {
    let bodies = [&contents.request_body, &contents.response_body];
    let bodies: usize = bodies.iter().filter_map(|body| body.as_ref()).map(Vec::len).sum();
    let size = OVERHEAD + row.path.len() + row.host.len() + row.method.len() + contents.detail.len() + bodies;
    signed(size as u64)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// At most so many bytes of a text; neither database takes NUL in it.
fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text[..end].replace('\0', "\u{fffd}")
}

/// What is wrong with a batch that could not be made.
pub(super) fn failed(error: &tokio::task::JoinError) -> CoreError {
    CoreError::Internal(format!("preparing exchanges: {error}"))
}
