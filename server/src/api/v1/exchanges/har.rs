//! Exchanges as HTTP Archive, version 1.2, which browsers and other tools read.

use std::io;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::DateTime;
use domain::{Exchange, ExchangeFilter, HeadField, MessageHead, Party, RequestId};
use futures_util::stream;
use serde_json::{Value, json};
use server_core::{CoreError, Inspected, Services, StoredBody, Viewer};
use tower_sessions::cookie::Cookie;

use super::{first_page, unwritten};

/// The most exchanges in one archive.
const MOST: usize = 1_000;
/// The most of a body, bytes.
const MOST_BODY: usize = 1024 * 1024;

/// Of one exchange.
pub(crate) async fn of_one(
    services: &Services,
    viewer: &Viewer,
    of: Inspected,
    id: RequestId,
) -> Result<Response, CoreError> {
    let mut text = beginning();
    text.extend_from_slice(&entry(services, viewer, of, id).await?);
    text.extend_from_slice(END);
    Ok(attachment(Body::from(text), &format!("{id}.har")))
}

/// Of all that are as the filter says, newest first, the first thousand. They are read as they are sent.
pub(crate) async fn of_all(
    services: Services,
    viewer: Viewer,
    of: Inspected,
    filter: ExchangeFilter,
) -> Result<Response, CoreError> {
    let first = services.inspector().list(&viewer, of, &filter, &first_page()).await?;
    let mut archive = Archive {
        services,
        viewer,
        of,
        filter,
        waiting: first.items.iter().rev().map(|exchange| exchange.id).collect(),
        cursor: first.next_cursor,
        sent: 0,
        ended: false,
    };
    archive.waiting.truncate(MOST);
    let pieces = stream::once(async { Ok(Bytes::from(beginning())) });
    let entries = stream::unfold(archive, |mut archive| async move { Some((archive.next().await?, archive)) });
    let body = Body::from_stream(futures_util::StreamExt::chain(pieces, entries));
    Ok(attachment(body, "requests.har"))
}

struct Archive {
    services: Services,
    viewer: Viewer,
    of: Inspected,
    filter: ExchangeFilter,
    /// The next one is last.
    waiting: Vec<RequestId>,
    cursor: Option<String>,
    sent: usize,
    ended: bool,
}

impl Archive {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.ended {
            return None;
        }
        let piece = self.piece().await;
        if let Err(error) = &piece {
            // The reader sees that it breaks off.
            tracing::warn!(cause = error.cause(), "an archive of exchanges breaks off: {error}");
            self.ended = true;
        }
        Some(piece.map_err(io::Error::other))
    }

    async fn piece(&mut self) -> Result<Bytes, CoreError> {
        loop {
            if self.waiting.is_empty() {
                let Some(cursor) = self.cursor.take().filter(|_| self.sent < MOST) else {
                    self.ended = true;
                    return Ok(Bytes::from_static(END));
                };
                let page = server_core::Page { cursor: Some(cursor), ..first_page() };
                let found = self.services.inspector().list(&self.viewer, self.of, &self.filter, &page).await?;
                self.waiting = found.items.iter().rev().map(|exchange| exchange.id).collect();
                self.cursor = found.next_cursor;
                continue;
            }
            let Some(id) = self.waiting.pop().filter(|_| self.sent < MOST) else {
                self.waiting.clear();
                self.cursor = None;
                continue;
            };
            let entry = match entry(&self.services, &self.viewer, self.of, id).await {
                // It was deleted meanwhile.
                Err(CoreError::NotFound(_)) => continue,
                entry => entry?,
            };
            let mut piece = if self.sent == 0 { vec![] } else { b",\n".to_vec() };
            piece.extend_from_slice(&entry);
            self.sent += 1;
            return Ok(piece.into());
        }
    }
}

fn beginning() -> Vec<u8> {
    let creator = json!({"name": "Switchboard", "version": env!("CARGO_PKG_VERSION")});
    format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[\n").into_bytes()
}

const END: &[u8] = b"\n]}}\n";

fn attachment(body: Body, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

async fn entry(services: &Services, viewer: &Viewer, of: Inspected, id: RequestId) -> Result<Vec<u8>, CoreError> {
    let inspector = services.inspector();
    let exchange = inspector.get(viewer, of, id).await?;
    let sent = inspector.body(viewer, of, id, Party::Client).await?;
    let received = inspector.body(viewer, of, id, Party::Server).await?;
    let value = json!({
        "startedDateTime": exchange.summary.at,
        "time": exchange.summary.duration_ms,
        "request": request(&exchange, sent.as_ref()),
        "response": response(&exchange, received.as_ref()),
        "cache": {},
        "timings": timings(&exchange),
        "_id": exchange.summary.id,
        "_clientAddress": exchange.summary.client,
        "_error": exchange.summary.error,
        "_end": exchange.summary.end,
        "_messages": exchange.messages,
    });
    serde_json::to_vec(&value).map_err(|error| unwritten(&error))
}

fn request(exchange: &Exchange, body: Option<&StoredBody>) -> Value {
    let summary = &exchange.summary;
    let head = exchange.request.as_ref();
    let scheme = if exchange.secure { "https" } else { "http" };
    // With its port, where the head is kept.
    let host = head.and_then(|head| value_of(head, "host")).unwrap_or(&summary.host);
    let target = head.and_then(|head| head.start_line.split(' ').nth(1)).unwrap_or(&summary.path);
    let url = if target.starts_with('/') { format!("{scheme}://{host}{target}") } else { target.to_owned() };
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let query: Vec<_> = pairs.map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut request = json!({
        "method": summary.method,
        "url": url,
        "httpVersion": exchange.protocol,
        "cookies": head.map(sent_cookies).unwrap_or_default(),
        "headers": head.map(|head| fields(&head.fields)).unwrap_or_default(),
        "queryString": query,
        "headersSize": -1,
        "bodySize": exchange.request_body.size,
    });
    if let Some(body) = body.filter(|body| !body.bytes.is_empty()) {
        let mut content = content(body);
        content["mimeType"] = json!(exchange.request_body.content_type.clone().unwrap_or_default());
        content["params"] = json!([]);
        request["postData"] = content;
    }
    request
}

fn response(exchange: &Exchange, body: Option<&StoredBody>) -> Value {
    let head = exchange.response.as_ref();
    let mut words = head.map(|head| head.start_line.splitn(3, ' ')).into_iter().flatten();
    let version = words.next().unwrap_or(&exchange.protocol);
    let phrase = words.nth(1).unwrap_or_default();
    let mut content = body.map_or_else(|| json!({}), content);
    content["size"] = json!(exchange.response_body.size);
    content["mimeType"] = json!(exchange.response_body.content_type.clone().unwrap_or_default());
    json!({
        // What HAR says where there was none.
        "status": exchange.summary.status.unwrap_or(0),
        "statusText": phrase,
        "httpVersion": version,
        "cookies": head.map(cookies_set).unwrap_or_default(),
        "headers": head.map(|head| fields(&head.fields)).unwrap_or_default(),
        "content": content,
        "redirectURL": head.and_then(|head| value_of(head, "location")).unwrap_or_default(),
        "headersSize": -1,
        "bodySize": exchange.response_body.size,
    })
}

/// The text of a body; of what is no text as base64.
fn content(body: &StoredBody) -> Value {
    let (bytes, all) = body.decoded(MOST_BODY);
    let mut content = match std::str::from_utf8(&bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"text": STANDARD.encode(&bytes), "encoding": "base64"}),
    };
    let told = match (body.info.masked, all && body.bytes.len() as u64 == body.info.size) {
        (true, _) => Some("parts of it were masked before it was stored"),
        (false, false) => Some("this is its beginning"),
        (false, true) => None,
    };
    if let Some(told) = told {
        content["comment"] = json!(told);
    }
    content
}

fn fields(fields: &[HeadField]) -> Vec<Value> {
    fields.iter().map(|field| json!({"name": field.name, "value": field.value})).collect()
}

/// Their values are masked, as they are in the fields.
fn sent_cookies(head: &MessageHead) -> Vec<Value> {
    let cookies = values_of(head, "cookie").flat_map(Cookie::split_parse).flatten();
    cookies.map(|cookie| json!({"name": cookie.name(), "value": cookie.value()})).collect()
}

fn cookies_set(head: &MessageHead) -> Vec<Value> {
    let cookies = values_of(head, "set-cookie").filter_map(|value| Cookie::parse(value).ok());
    let values = cookies.map(|cookie| {
        let at = cookie.expires_datetime().and_then(|at| DateTime::from_timestamp(at.unix_timestamp(), 0));
        let mut value = json!({
            "name": cookie.name(),
            "value": cookie.value(),
            "path": cookie.path(),
            "domain": cookie.domain(),
            "expires": at,
            "httpOnly": cookie.http_only(),
            "secure": cookie.secure(),
            // Not of HAR, but what browsers write.
            "sameSite": cookie.same_site().map(|policy| policy.to_string()),
        });
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        value
    });
    values.collect()
}

fn values_of<'h>(head: &'h MessageHead, name: &str) -> impl Iterator<Item = &'h str> {
    head.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
}

fn value_of<'h>(head: &'h MessageHead, name: &'static str) -> Option<&'h str> {
    values_of(head, name).next()
}

fn timings(exchange: &Exchange) -> Value {
    let ms = |us: u64| std::time::Duration::from_micros(us).as_secs_f64() * 1_000.0;
    let timings = exchange.timings;
    let sent = timings.sent_us.unwrap_or_default();
    let first = timings.first_byte_us.unwrap_or(sent).max(sent);
    let done = timings.done_us.unwrap_or(first).max(first);
    json!({"blocked": ms(sent), "send": 0, "wait": ms(first - sent), "receive": ms(done - first)})
}
