//! Heads as they are recorded.

use bytes::Bytes;
use domain::ExchangeKind;
use http::{HeaderMap, HeaderName, Request, StatusCode, Version, header};
use server_core::CapturedHead;

use crate::ingress::ClientBody;

/// The most that is kept of a field's value for itself, bytes.
const LONGEST_TEXT: usize = 256;

/// A request's head; `raw` is empty where it came in another form than HTTP/1.1's.
pub(super) fn request_head(request: &Request<ClientBody>, raw: &Bytes) -> CapturedHead {
    if !raw.is_empty() {
        return CapturedHead::Raw(Bytes::copy_from_slice(raw));
    }
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let start = format!("{} {target} {}", request.method(), protocol(request.version()));
    CapturedHead::Fields(start, fields(request.headers()))
}

/// A response's head of which nothing else is known.
pub(super) fn response_head(status: StatusCode, headers: &HeaderMap, protocol: &str) -> CapturedHead {
    let reason = status.canonical_reason().unwrap_or_default();
    let start = format!("{protocol} {} {reason}", status.as_u16());
    CapturedHead::Fields(start.trim_end().to_owned(), fields(headers))
}

/// Fields in their order.
pub(super) fn fields(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))).collect()
}

/// The value of a field, or its beginning.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(value[..value.floor_char_boundary(LONGEST_TEXT)].to_owned())
}

/// What is carried by an exchange that has such an answer.
pub(super) fn kind(status: StatusCode, headers: &HeaderMap, content_type: Option<&str>) -> ExchangeKind {
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

/// A version of HTTP as it is written.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
