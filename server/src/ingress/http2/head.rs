//! Heads of requests, as strict as those of HTTP/1.1. Pure.
//!
//! `h2` has refused already what RFC 9113 sections 8.2 and 8.3 call malformed: upper-case names, fields of the connection,
//! pseudo-fields that are missing, repeated or out of place, a length that the body cannot have.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Uri, request};
use http1::RequestError;

/// The longest path and query, bytes; beyond it 414.
const MAX_TARGET: usize = super::super::connection::MAX_TARGET;

/// Why a request does not reach a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It makes no sense (RFC 9113 section 8.1.1): its stream is reset.
    Malformed(&'static str),
    /// It is answered.
    Answered(RequestError),
}

/// Makes of a request head one as HTTP/1.1 would have it.
pub(super) fn understand(head: &mut request::Parts) -> Result<(), Refusal> {
    check_fields(&head.headers)?;
    join_cookies(&mut head.headers);
    if head.method != Method::CONNECT {
        check_target(&head.method, &head.uri)?;
        agree_on_host(head)?;
    }
    Ok(())
}

fn check_fields(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.len() > http1::MAX_FIELDS {
        return Err(Refusal::Answered(RequestError::HeadTooLarge));
    }
    // Section 8.2.1. Across the next hop the value would be another one.
    let padded = |value: &HeaderValue| value.as_bytes().trim_ascii().len() != value.len();
    if headers.values().any(padded) {
        return Err(Refusal::Malformed("a field that begins or ends with a space"));
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(length), None) if !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(Refusal::Malformed("a Content-Length that is no number, or more than one")),
    }
}

fn check_target(method: &Method, uri: &Uri) -> Result<(), Refusal> {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if target.len() > MAX_TARGET {
        return Err(Refusal::Answered(RequestError::TargetTooLong));
    }
    let is_asterisk = target == "*" && *method == Method::OPTIONS;
    if !target.starts_with('/') && !is_asterisk {
        return Err(Refusal::Malformed("a path that is none"));
    }
    match uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Refusal::Malformed("a scheme that leads nowhere")),
    }
}

/// `Host` is what `:authority` says (RFC 9113 section 8.3.1). Where the two differ, both are kept, and whoever looks the
/// host up refuses the request.
fn agree_on_host(head: &mut request::Parts) -> Result<(), Refusal> {
    let Some(authority) = head.uri.authority() else { return Ok(()) };
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => {
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::Malformed("the authority"))?;
            head.headers.insert(header::HOST, host);
        }
        (Some(host), None) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {}
        _ => return Ok(()),
    }
    // What is left is the target as nearly every client of HTTP/1.1 sends it.
    head.uri = head.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    Ok(())
}

/// Clients may send each cookie in a field of its own, which HTTP/1.1 does not know (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    if let (Some(_), Some(_)) = (crumbs.next(), crumbs.next()) {
        let crumbs = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        if let Ok(joined) = HeaderValue::from_maybe_shared(bytes::Bytes::from(crumbs.join(b"; ".as_slice()))) {
            headers.insert(header::COOKIE, joined);
        }
    }
}

/// The fields of a connection, which no message of HTTP/2 has (RFC 9113 section 8.2.2).
const OF_CONNECTIONS: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what must not go out.
pub(super) fn remove_connection_fields(headers: &mut HeaderMap) {
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
    // In a response it means nothing.
    headers.remove(header::TE);
}
