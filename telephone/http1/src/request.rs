//! Request heads.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::uri::PathAndQuery;
use http::{Method, Uri, Version};

use crate::fields::{Present, map, names};
use crate::{Framing, MAX_FIELDS, RequestError};

/// A request head and what it says about its connection.
#[derive(Debug)]
pub struct Request {
    /// Method, target, version and fields.
    pub head: http::Request<()>,
    /// All of the head as it came, its empty line included.
    pub raw: Bytes,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the client means to use the connection again.
    pub keep_alive: bool,
    /// Whether the client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    /// Whether the client would like to switch to another protocol (RFC 9110 section 7.8), which it cannot with a body.
    pub wants_upgrade: bool,
    /// Whether the client takes trailers.
    pub takes_trailers: bool,
}

/// Reads a whole head, its empty line included.
pub fn parse(head: Bytes, max_target: usize) -> Result<Request, RequestError> {
    let mut places = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(&head, &mut places) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(RequestError::Malformed("the head ends too early")),
        Err(error) => return Err(refused(error, &head)),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(RequestError::Malformed("the request line is not whole"));
    };
    if target.len() > max_target {
        return Err(RequestError::TargetTooLong);
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| RequestError::Malformed("the method"))?;
    let target = uri(&method, head.slice_ref(target.as_bytes()))?;
    let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let headers = map(&head, parsed.headers).ok_or(RequestError::Malformed("a header field"))?;
    let mut parsed_head = http::Request::new(());
    *parsed_head.method_mut() = method;
    *parsed_head.uri_mut() = target;
    *parsed_head.version_mut() = version;
    *parsed_head.headers_mut() = headers;
    understand(parsed_head, head)
}

fn understand(head: http::Request<()>, raw: Bytes) -> Result<Request, RequestError> {
    let (version, headers) = (head.version(), head.headers());
    let present = Present::of(headers);
    let framing = Framing::of_request(version, headers, present)?;
    let said = |token| names(headers, header::CONNECTION, token);
    let (mut keep_alive, mut upgrade) = (version == Version::HTTP_11, false);
    if present.connection {
        keep_alive = if keep_alive { !said(b"close") } else { said(b"keep-alive") && !said(b"close") };
        upgrade = version == Version::HTTP_11 && present.upgrade && said(b"upgrade");
    }
    Ok(Request {
        framing,
        keep_alive,
        expects_continue: present.expect && version == Version::HTTP_11 && expects_continue(headers),
        wants_upgrade: upgrade && framing == Framing::NONE,
        takes_trailers: present.te && names(headers, header::TE, b"trailers"),
        head,
        raw,
    })
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The four forms of a target (RFC 9112 section 3.2).
fn uri(method: &Method, target: Bytes) -> Result<Uri, RequestError> {
    let malformed = RequestError::Malformed("the request target");
    let first = target.first().copied();
    // A parser of URIs would cut a fragment off, and the next server might not.
    if target.contains(&b'#') {
        return Err(malformed);
    }
    if first == Some(b'/') || (target == "*" && *method == Method::OPTIONS) {
        return PathAndQuery::from_maybe_shared(target).map(Uri::from).map_err(|_| malformed);
    }
    let uri = Uri::from_maybe_shared(target).map_err(|_| malformed)?;
    let scheme = uri.scheme_str();
    match (uri.authority(), *method == Method::CONNECT) {
        (Some(_), true) if scheme.is_none() => Ok(uri),
        (Some(_), false) if matches!(scheme, Some("http" | "https")) => Ok(uri),
        _ => Err(malformed),
    }
}

fn refused(error: httparse::Error, head: &[u8]) -> RequestError {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => RequestError::HeadTooLarge,
        Error::Version if is_other_version(head) => RequestError::Version,
        Error::Version => RequestError::Malformed("the version"),
        Error::HeaderName => RequestError::Malformed("the name of a header field"),
        Error::HeaderValue => RequestError::Malformed("the value of a header field"),
        Error::NewLine => RequestError::Malformed("the end of a line"),
        Error::Status | Error::Token => RequestError::Malformed("the request line"),
    }
}

/// Whether the request line has a version of HTTP that is none of ours.
fn is_other_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    match line.split(|byte| *byte == b' ').nth(2) {
        Some(b"HTTP/1.0" | b"HTTP/1.1") | None => false,
        Some(word) => {
            matches!(word, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
        }
    }
}
