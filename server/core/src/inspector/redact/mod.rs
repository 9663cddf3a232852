//! Masking what is not to be stored.

mod cookies;
mod json;
mod multipart;

use std::borrow::Cow;

use bytes::Bytes;
use domain::{BodyInfo, HeadField, MessageHead, Redaction};
use masking::{Kind, MASK, Names, SECRET_PARAMETERS};

use super::captured::{CapturedBody, CapturedHead};
use super::decode::decode;
use json::{Outcome, Path};

/// Fields that are never stored, in lower case; of [cookies] the names are.
const ALWAYS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// Masks as the owner wants it.
#[derive(Debug)]
pub(super) struct Redactor {
    headers: Vec<String>,
    names: Names,
    paths: Vec<Path>,
}

/// A body as it is to be stored.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) info: BodyInfo,
}

impl Redactor {
    pub(super) fn new(redaction: &Redaction) -> Self {
        Self {
            headers: redaction.headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            names: Names::new(redaction.query.iter().map(String::as_str).chain(SECRET_PARAMETERS)),
            paths: redaction.json_paths.iter().map(|path| Path::new(path)).collect(),
        }
    }

    /// A request's path and query.
    pub(super) fn target(&self, target: &str) -> String {
        self.in_text(target, Kind::Target).0.into_owned()
    }

    /// A head, and the fields behind the body.
    pub(super) fn head(&self, head: &CapturedHead, trailers: &[(String, Bytes)]) -> MessageHead {
        let (start_line, fields) = match head {
            CapturedHead::Raw(bytes) => {
                let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
                let start_line = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
                let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
                    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
                    let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
                    self.field(&String::from_utf8_lossy(&line[..colon]), value)
                });
                (start_line, fields.collect())
            }
            CapturedHead::Fields(start_line, fields) => {
                (start_line.clone(), fields.iter().map(|(name, value)| self.field(name, value)).collect())
            }
        };
        MessageHead {
            start_line: self.target_in(&start_line),
            fields,
            trailers: trailers.iter().map(|(name, value)| self.field(name, value)).collect(),
        }
    }

    fn target_in(&self, start_line: &str) -> String {
        let mut words: Vec<_> = start_line.split(' ').map(|word| self.in_text(word, Kind::Target).0).collect();
        // A status line has no target; its phrase is its own affair.
        if start_line.starts_with("HTTP/") {
            words = vec![Cow::Borrowed(start_line)];
        }
        words.join(" ")
    }

    fn field(&self, name: &str, value: &[u8]) -> HeadField {
        let lower = name.trim().to_ascii_lowercase();
        if ALWAYS.contains(&lower.as_str()) || self.headers.contains(&lower) {
            let names = match lower.as_str() {
                // Whoever names it wants to see nothing of it.
                _ if self.headers.contains(&lower) => None,
                "cookie" => cookies::sent(value),
                "set-cookie" => cookies::set(value),
                _ => None,
            };
            let value = names.unwrap_or_else(|| MASK.to_owned());
            return HeadField { name: name.to_owned(), value, masked: true };
        }
        let value = String::from_utf8_lossy(value);
        let (value, masked) = self.in_text(&value, Kind::Field);
        HeadField { name: name.to_owned(), value: value.into_owned(), masked }
    }

    fn in_text<'t>(&self, text: &'t str, kind: Kind) -> (Cow<'t, str>, bool) {
        let text = self.names.mask_text(text, kind);
        let masked = matches!(text, Cow::Owned(_));
        (text, masked)
    }

    /// A body, of which at most `limit` bytes are to be stored; `head` is the head before it, and `content_type` what is
    /// known without it.
    pub(super) fn body(
        &self,
        body: CapturedBody,
        head: Option<&CapturedHead>,
        content_type: Option<&str>,
        limit: usize,
    ) -> Kept {
        let said = |name: &str| head.and_then(|head| value_of(head, name));
        let content_type = said("content-type").or_else(|| content_type.map(str::to_owned));
        let mut info = BodyInfo {
            size: body.size,
            kept: 0,
            whole: usize::try_from(body.size) == Ok(body.bytes.len()),
            masked: false,
            content_type: content_type.clone().map(|text| self.in_text(&text, Kind::Field).0.into_owned()),
            content_encoding: said("content-encoding"),
        };
        let bytes = match self.concern(&body.bytes, content_type.as_deref()) {
            Concern::None => body.bytes,
            concern => {
                let content_type = content_type.unwrap_or_default();
                self.concerned(&body.bytes, concern, &content_type, limit, &mut info).unwrap_or(body.bytes)
            }
        };
        info.kept = bytes.len() as u64;
        Kept { bytes, info }
    }

    /// Masks in a body. `None`: it may be stored as it is.
    fn concerned(
        &self,
        bytes: &[u8],
        concern: Concern,
        content_type: &str,
        limit: usize,
        info: &mut BodyInfo,
    ) -> Option<Vec<u8>> {
        if bytes.is_empty() {
            return None;
        }
        let unreadable = |info: &mut BodyInfo| {
            (info.whole, info.masked) = (false, true);
            Some(vec![])
        };
        let encodings = info.content_encoding.clone();
        let Some(decoded) = decode(bytes, encodings.as_deref().unwrap_or_default(), limit) else {
            return unreadable(info);
        };
        let complete = info.whole && decoded.all;
        let masked = match concern {
            Concern::None => return None,
            Concern::Form => self.names.mask(&decoded.bytes, Kind::Form),
            Concern::Multipart => match multipart::mask(&decoded.bytes, content_type, &self.names) {
                Ok(masked) => masked,
                Err(()) => return unreadable(info),
            },
            Concern::Json | Concern::MaybeJson => match json::mask(&decoded.bytes, complete, &self.paths) {
                Outcome::Clean => None,
                Outcome::Masked(masked) => Some(masked),
                Outcome::Unreadable if concern == Concern::MaybeJson && !looks_like_json(&decoded.bytes) => None,
                Outcome::Unreadable => return unreadable(info),
            },
            Concern::Events => self.events(&decoded.bytes, complete),
        };
        match masked {
            Some(masked) => {
                (info.whole, info.masked, info.content_encoding) = (false, true, None);
                Some(masked)
            }
            // Behind what could be decoded there may be more.
            None if !decoded.all && encodings.is_some() => {
                (info.whole, info.content_encoding) = (false, None);
                Some(decoded.bytes)
            }
            None => None,
        }
    }

    fn concern(&self, bytes: &[u8], content_type: Option<&str>) -> Concern {
        let essence =
            content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !self.names.is_empty() {
            match essence.as_str() {
                "application/x-www-form-urlencoded" => return Concern::Form,
                "multipart/form-data" => return Concern::Multipart,
                _ => {}
            }
        }
        if self.paths.is_empty() || bytes.is_empty() {
            return Concern::None;
        }
        let json = ["json", "jsonl", "ndjson", "json-seq", "jsonlines"];
        let subtype = essence.split('/').nth(1).unwrap_or_default();
        if subtype.split(['+', '-', '.']).any(|part| json.contains(&part)) || essence.ends_with("json-seq") {
            Concern::Json
        } else if essence == "text/event-stream" {
            Concern::Events
        } else if matches!(
            essence.as_str(),
            "" | "text/plain"
                | "application/octet-stream"
                | "text/javascript"
                | "application/javascript"
                | "application/x-www-form-urlencoded"
        ) {
            Concern::MaybeJson
        } else {
            Concern::None
        }
    }

    /// A body of server-sent events.
    fn events(&self, bytes: &[u8], complete: bool) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
        let events: Vec<_> = text.split("\n\n").collect();
        let mut masked = false;
        let out: Vec<_> = (events.iter().enumerate())
            .map(|(number, event)| match self.event(event, complete || number + 1 < events.len()) {
                Some(event) => {
                    masked = true;
                    Cow::Owned(event)
                }
                None => Cow::Borrowed(*event),
            })
            .collect();
        masked.then(|| out.join("\n\n").into_bytes())
    }

    /// A server-sent event; `None` when there is nothing to mask.
    fn event(&self, event: &str, whole: bool) -> Option<String> {
        let data_of = |line: &str| {
            let data = line.strip_prefix("data")?;
            if data.is_empty() {
                return Some(String::new());
            }
            data.strip_prefix(':').map(|data| data.strip_prefix(' ').unwrap_or(data).to_owned())
        };
        let data: Vec<_> = event.lines().filter_map(data_of).collect();
        let masked = self.json_text(data.join("\n").as_bytes(), whole)?;
        let masked = String::from_utf8_lossy(&masked).into_owned();
        let mut lines: Vec<_> = event.lines().filter(|line| data_of(line).is_none()).map(str::to_owned).collect();
        lines.extend(masked.split('\n').map(|line| format!("data: {line}")));
        Some(lines.join("\n"))
    }

    /// Text that may be JSON; `None` when there is nothing to mask.
    fn json_text(&self, text: &[u8], whole: bool) -> Option<Vec<u8>> {
        if self.paths.is_empty() || !looks_like_json(text) {
            return None;
        }
        match json::mask(text, whole, &self.paths) {
            Outcome::Clean => None,
            Outcome::Masked(masked) => Some(masked),
            Outcome::Unreadable => Some(MASK.as_bytes().to_vec()),
        }
    }

    /// The payload of a message, `whole` or its beginning; and whether it was masked.
    pub(super) fn message(&self, kind: domain::MessageKind, payload: &Bytes, whole: bool) -> (Bytes, bool) {
        let masked = match kind {
            domain::MessageKind::Event => self.event(&String::from_utf8_lossy(payload), whole).map(String::into_bytes),
            domain::MessageKind::Text | domain::MessageKind::Binary => self.json_text(payload, whole),
            _ => None,
        };
        masked.map_or_else(|| (payload.clone(), false), |masked| (masked.into(), true))
    }
}

/// What in a body has to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    None,
    Form,
    Multipart,
    Json,
    /// It does not say what it is.
    MaybeJson,
    Events,
}

fn looks_like_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// The value of a field; of repeated ones as a list.
fn value_of(head: &CapturedHead, wanted: &str) -> Option<String> {
    let mut values = vec![];
    let mut take = |name: &[u8], value: &[u8]| {
        if name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()) {
            values.push(String::from_utf8_lossy(value.trim_ascii()).into_owned());
        }
    };
    match head {
        CapturedHead::Raw(bytes) => {
            for line in bytes.split(|byte| *byte == b'\n').skip(1) {
                if let Some(colon) = line.iter().position(|byte| *byte == b':') {
                    take(&line[..colon], &line[colon + 1..]);
                }
            }
        }
        CapturedHead::Fields(_, fields) => fields.iter().for_each(|(name, value)| take(name.as_bytes(), value)),
    }
    (!values.is_empty()).then(|| values.join(", "))
}
