//! What a client is told when there is no answer to pass on.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use domain::{Maintenance, RequestId};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http1::RequestError;
use server_routing::path::PathError;

use crate::front::Reason;
use crate::html::escape;
use crate::ingress::{HostError, ResponseBody};

/// The id of a request, in answers and towards the local server.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The machine code of an error of ours; a telephone's own errors carry it as well.
pub(super) const X_SWITCHBOARD_ERROR: HeaderName = HeaderName::from_static("x-switchboard-error");

/// The code of those who have to sign in first.
const SIGN_IN_REQUIRED: &str = "sign_in_required";
/// How much of a telephone's own words is passed on, in characters.
const MAX_SAID: usize = 500;

/// An error answer: one row of the table in the design's section 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    retry_after: Option<u32>,
    reason: Option<Reason>,
    /// What its answer says besides.
    fields: Option<Box<HeaderMap>>,
}

/// How many owners' pages were shown.
static OWN_PAGES: AtomicU64 = AtomicU64::new(0);

/// How often this process has shown an owner's page in place of its own.
pub fn own_pages() -> u64 {
    OWN_PAGES.load(Relaxed)
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            message: message.into(),
            retry_after: None,
            reason: None,
            fields: None,
        }
    }

    /// It was turned away at the front.
    fn at_front(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// No host or mount leads anywhere.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_route", "Service Not Found")
    }

    /// None of the backends that the tag chooses may serve.
    pub fn no_healthy_backend() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_healthy_backend", "Service Unavailable - VM not responding")
            .retry_after(5)
    }

    /// The tunnel is known, but no telephone serves it.
    pub fn tunnel_offline() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "tunnel_offline", "Service Unavailable - tunnel offline")
            .retry_after(5)
    }

    /// The tunnel is paused by its owner.
    pub fn tunnel_paused() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "tunnel_paused", "Service Unavailable - tunnel paused")
            .retry_after(60)
    }

    /// The link that a visitor came by is good no more, or never was.
    pub fn link_ended() -> Self {
        let message = "Forbidden - this link has ended; ask whoever gave it to you for another";
        Self::new(StatusCode::FORBIDDEN, "link_ended", message).at_front(Reason::Link)
    }

    /// A visitor came by a link that lets in, and goes on to what it is a link to, with a cookie.
    pub fn sent_on(location: HeaderValue, cookie: HeaderValue) -> Self {
        let fields = [
            (header::LOCATION, location),
            (header::SET_COOKIE, cookie),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ];
        let problem = Self::new(StatusCode::SEE_OTHER, "", "See Other");
        Self { fields: Some(Box::new(HeaderMap::from_iter(fields))), ..problem }
    }

    /// A visitor goes to another address of the same host.
    pub fn elsewhere(location: HeaderValue) -> Self {
        let problem = Self::new(StatusCode::SEE_OTHER, "", "See Other");
        Self { fields: Some(Box::new(HeaderMap::from_iter([(header::LOCATION, location)]))), ..problem }
    }

    /// A visitor goes to where one signs in, with a cookie by which the browser is known again.
    pub fn sign_in_at(location: HeaderValue, cookie: HeaderValue) -> Self {
        let fields = [
            (header::LOCATION, location),
            (header::SET_COOKIE, cookie),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ];
        let problem = Self::new(StatusCode::SEE_OTHER, SIGN_IN_REQUIRED, "See Other - sign in first");
        Self { fields: Some(Box::new(HeaderMap::from_iter(fields))), ..problem }.at_front(Reason::SignIn)
    }

    /// The same for what is no page in a browser.
    pub fn sign_in_required() -> Self {
        let message = "Unauthorized - open a page of this address in a browser and sign in there, then send this again; \
                       for programs, its owner has share links";
        let problem = Self::new(StatusCode::UNAUTHORIZED, SIGN_IN_REQUIRED, message);
        // No scheme that a browser would ask a password for (RFC 9110 section 11.6.1 wants one).
        let challenge = HeaderValue::from_static("Switchboard");
        let fields = Some(Box::new(HeaderMap::from_iter([(header::WWW_AUTHENTICATE, challenge)])));
        Self { fields, ..problem }.at_front(Reason::SignIn)
    }

    /// Who is signed in is not let in.
    pub fn not_let_in() -> Self {
        let message = "Forbidden - the owner of this address does not let your account in";
        Self::new(StatusCode::FORBIDDEN, "not_let_in", message).at_front(Reason::SignIn)
    }

    /// A visitor came back from signing in with what is worth nothing here.
    pub fn sign_in_failed() -> Self {
        let message = "Forbidden - signing in took too long, or began in another browser, or this browser keeps no \
                       cookies; open the address again without what begins with switchboard-ticket";
        Self::new(StatusCode::FORBIDDEN, "sign_in_failed", message).at_front(Reason::SignIn)
    }

    /// It cannot be looked up who is signed in.
    pub fn sign_in_unavailable() -> Self {
        let message = "Service Unavailable - who is signed in cannot be looked up at the moment";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "sign_in_unavailable", message);
        problem.retry_after(2).at_front(Reason::SignIn)
    }

    /// As much is under way as may be.
    pub fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "Service Unavailable - too many requests are under way",
        )
        .retry_after(1)
    }

    /// As many connections are open as may.
    pub fn full() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "Service Unavailable - too many connections are open, here or from your address",
        )
        .retry_after(1)
    }

    /// The telephone or the local server broke off, or its response makes no sense.
    pub fn bad_gateway() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "bad_gateway", "Bad Gateway")
    }

    /// The backend is where its owner's connections may not lead.
    pub fn address_refused() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "address_refused", "Bad Gateway - the backend's address is not allowed here")
    }

    /// A telephone of version 1.0 gave an answer that is none.
    pub fn bad_response(cause: &dyn std::fmt::Display) -> Self {
        let message = format!("Bad Gateway - the telephone's answer cannot be passed on: {cause}");
        Self::new(StatusCode::BAD_GATEWAY, "bad_response", message)
    }

    /// The response does not fit into one message of version 1.0.
    pub fn response_too_large() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "response_too_large",
            "Bad Gateway - the response has more than 8 MiB, which is the most that the telephone here can pass on",
        )
    }

    /// A telephone of version 1.0 says that it has no answer, and why; `code` is a word of its own.
    pub fn of_telephone(code: &str, message: &str) -> Self {
        let problem = match code {
            "timeout" => Self::gateway_timeout(),
            "busy" => Self::busy(),
            _ => Self::bad_gateway(),
        };
        let known = matches!(code, "timeout" | "busy");
        let is_word = code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let code = match is_word && !known && (1..=64).contains(&code.len()) {
            true => Cow::Owned(code.to_owned()),
            false => problem.code,
        };
        let said: String = message.chars().filter(|c| !c.is_control()).take(MAX_SAID).collect();
        let message = if said.is_empty() { problem.message } else { format!("{} - {said}", problem.message) };
        Self { code, message, ..problem }
    }

    /// The request does not fit into one message of version 1.0.
    pub fn body_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "Content Too Large - a request has at most 8 MiB here, which is the most that the telephone can take",
        )
    }

    /// Version 1.0 has whole responses only.
    pub fn no_upgrades() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "upgrade_not_supported",
            "Not Implemented - the telephone here carries no WebSockets and no other upgrades",
        )
    }

    /// The local server took too long to answer.
    pub fn gateway_timeout() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", "Gateway Timeout")
    }

    /// The request cannot be read as RFC 9112 section 3.2 asks.
    pub fn bad_host(error: &HostError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_host", format!("Bad Request - {error}"))
    }

    /// The path cannot be compared with mounts.
    pub fn bad_path(error: PathError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_path", format!("Bad Request - {error}"))
    }

    /// A method that no route takes.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed")
    }

    /// An expectation that is none of HTTP's (RFC 9110 section 10.1.1).
    pub fn expectation_failed() -> Self {
        Self::new(
            StatusCode::EXPECTATION_FAILED,
            "expectation_failed",
            "Expectation Failed - only 100-continue is known",
        )
    }

    /// A request that cannot be read, or of which it is in doubt how it is to be read (RFC 9112).
    pub fn unreadable(error: RequestError) -> Self {
        match error {
            RequestError::Malformed(_) => Self::new(error.status(), "bad_request", format!("Bad Request - {error}")),
            RequestError::TargetTooLong => {
                Self::new(error.status(), "uri_too_long", "URI Too Long - path and query have at most 16 KiB")
            }
            RequestError::HeadTooLarge => Self::head_too_large(),
            RequestError::Version => Self::new(
                error.status(),
                "version_not_supported",
                "HTTP Version Not Supported - HTTP/1.1 and HTTP/1.0 are",
            ),
            RequestError::TransferCoding => Self::new(
                error.status(),
                "not_implemented",
                "Not Implemented - the only transfer coding here is chunked",
            ),
        }
    }

    /// The head does not fit the line.
    pub fn head_too_large() -> Self {
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head_too_large",
            "Request Header Fields Too Large - at most 100 fields, 16 KiB each and 32 KiB in all",
        )
    }

    /// Somebody else than a telephone at the tunnel endpoint.
    pub fn not_a_telephone() -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_required",
            "Upgrade Required - this is where telephones connect, with a WebSocket; run `telephone http PORT --server URL --token TOKEN`",
        )
    }

    /// The client's network is not let in.
    pub fn network_denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "network_denied", "Forbidden - not from this network")
            .at_front(Reason::Network)
    }

    /// Nobody is let in for the time being.
    pub fn maintenance(maintenance: &Maintenance) -> Self {
        let message =
            maintenance.message.as_ref().map_or("Service Unavailable - under maintenance", |text| text.as_str());
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "maintenance", message);
        let wait = maintenance.retry_after_seconds.filter(|seconds| *seconds > 0);
        Self { retry_after: wait, ..problem }.at_front(Reason::Maintenance)
    }

    /// A password is asked for.
    pub fn unauthorized(challenge: HeaderValue) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "password_required", "Unauthorized - a password is needed");
        let fields = Some(Box::new(HeaderMap::from_iter([(header::WWW_AUTHENTICATE, challenge)])));
        Self { fields, ..problem }.at_front(Reason::Password)
    }

    /// Too many passwords were tried.
    pub fn too_many_attempts(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "Too Many Requests - too many passwords were tried",
        )
        .retry_after(whole_seconds(wait))
        .at_front(Reason::Password)
    }

    /// More requests came than may; `fields` say how many that are.
    pub fn rate_limited(wait: Duration, reason: Reason, fields: HeaderMap) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too Many Requests");
        let problem = Self { fields: Some(Box::new(fields)), ..problem };
        problem.retry_after(whole_seconds(wait)).at_front(reason)
    }

    /// As many requests are under way as the owner allows.
    pub fn too_many_at_once() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_at_once",
            "Service Unavailable - too many requests are under way here",
        )
        .retry_after(1)
        .at_front(Reason::Busy)
    }

    /// The header fields are larger than the owner allows.
    pub fn fields_over(limit: u32) -> Self {
        let message = format!("Request Header Fields Too Large - a request has at most {limit} bytes of them here");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", message).at_front(Reason::Headers)
    }

    /// The body is larger than the owner or the server allows.
    pub fn body_over(limit: u64) -> Self {
        let message = format!("Content Too Large - a request has at most {limit} bytes here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).at_front(Reason::Body)
    }

    /// A fault of ours.
    pub fn of_ours(status: StatusCode) -> Self {
        Self::new(status, "internal", "Internal Server Error")
    }

    /// The code in `X-Switchboard-Error`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What people read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why it was turned away at the front, if it was.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether a page would be shown to a person.
    pub fn is_for_a_page(request: &HeaderMap) -> bool {
        Form::preferred(request) == Form::Page
    }

    /// The answer in the form the client likes best: JSON, a page, or text.
    pub fn response(&self, request: &HeaderMap, id: RequestId) -> Response<ResponseBody> {
        self.response_with(request, id, None)
    }

    /// The same with an owner's page in place of ours.
    pub fn response_with(&self, request: &HeaderMap, id: RequestId, page: Option<&str>) -> Response<ResponseBody> {
        let (content_type, body) = match Form::preferred(request) {
            Form::Text => ("text/plain; charset=utf-8", self.message.clone()),
            Form::Json => ("application/json", self.json(id)),
            Form::Page => {
                let page = match page {
                    None => self.page(id),
                    Some(page) => {
                        OWN_PAGES.fetch_add(1, Relaxed);
                        self.filled(page, id)
                    }
                };
                ("text/html; charset=utf-8", page)
            }
        };
        let mut response = Response::new(ResponseBody::text(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(code) = HeaderValue::from_str(&self.code)
            && !code.is_empty()
        {
            headers.insert(X_SWITCHBOARD_ERROR, code);
        }
        headers.insert(X_REQUEST_ID, id_value(id));
        if let Some(fields) = &self.fields {
            headers.extend(HeaderMap::clone(fields));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.status {
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
            }
            _ => {}
        }
        response
    }

    fn json(&self, id: RequestId) -> String {
        serde_json::json!({"error": {"code": self.code, "message": self.message, "request_id": id}}).to_string()
    }

    /// An owner's page, with what happened in its places.
    fn filled(&self, page: &str, id: RequestId) -> String {
        let places = [
            ("{status}", self.status.as_u16().to_string()),
            ("{code}", escape(&self.code)),
            ("{request_id}", id.to_string()),
            ("{message}", escape(&self.message)),
        ];
        let (mut filled, mut rest) = (String::with_capacity(page.len() + 128), page);
        // One after another, so that nothing is filled in twice.
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            match places.iter().find(|(place, _)| rest.starts_with(place)) {
                Some((place, value)) => (filled.push_str(value), rest = &rest[place.len()..]).1,
                None => (filled.push('{'), rest = &rest[1..]).1,
            }
        }
        filled + rest
    }

    /// Without script or style of its own: it is shown under the names of other people's sites.
    fn page(&self, id: RequestId) -> String {
        let (status, message) = (self.status.as_u16(), &self.message);
        let message = message.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>{status} {message}</title></head>\
             <body><h1>{message}</h1><p>Status {status}, code <code>{}</code>, request <code>{id}</code></p></body></html>\n",
            self.code,
        )
    }
}

/// At least one, for `Retry-After`.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// A request id as a header value.
pub(super) fn id_value(id: RequestId) -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text: &str = id.0.hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("invalid"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Page,
}

impl Form {
    /// By the weights of `Accept` (RFC 9110 section 12.5.1); text when nothing is preferred.
    fn preferred(request: &HeaderMap) -> Self {
        let mut best = (Self::Text, 0.0);
        let values = request.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')).take(32) {
            let mut parts = range.split(';').map(str::trim);
            let form = match parts.next() {
                Some(kind) if kind.eq_ignore_ascii_case("text/html") => Self::Page,
                Some(kind) if kind.eq_ignore_ascii_case("application/json") => Self::Json,
                Some(kind) if kind.eq_ignore_ascii_case("text/plain") => Self::Text,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > best.1 {
                best = (form, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_form_follows_accept() {
        for (accept, form) in [
            ("*/*", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Page),
            ("application/json", Form::Json),
            ("application/json;q=0.5, text/html", Form::Page),
            ("text/html;q=0, application/json;q=0.1", Form::Json),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Form::preferred(&headers), form, "{accept}");
        }
        assert_eq!(Form::preferred(&HeaderMap::new()), Form::Text);
    }
}
