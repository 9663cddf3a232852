//! Response heads.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, StatusCode, Version};

use crate::fields::{Present, map, names};
use crate::{Framing, MAX_FIELDS, ResponseError};

/// A response head and what it says about its connection.
#[derive(Debug)]
pub struct Response {
    /// The version in its status line.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
    /// All of the head as it came, its empty line included.
    pub raw: Bytes,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the server means to use the connection again.
    pub keep_alive: bool,
}

impl Response {
    /// Whether another head follows this one (RFC 9110 section 15.2); after a 101 there is no HTTP any more.
    pub fn is_informational(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Reads a whole head, its empty line included, of an answer to a request with `method`. Servers are given some leeway
/// in their spelling, but none in their framing.
pub fn parse(head: Bytes, method: &Method) -> Result<Response, ResponseError> {
    let mut places = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, &head, &mut places) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(ResponseError::Malformed("the head ends too early")),
        Err(httparse::Error::TooManyHeaders) => return Err(ResponseError::HeadTooLarge),
        Err(error) => return Err(ResponseError::Malformed(what(error))),
    }
    let (Some(code), Some(version)) = (parsed.code, parsed.version) else {
        return Err(ResponseError::Malformed("the status line is not whole"));
    };
    let status = StatusCode::from_u16(code).map_err(|_| ResponseError::Malformed("the status"))?;
    let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut headers = map(&head, parsed.headers).ok_or(ResponseError::Malformed("a header field"))?;
    let present = Present::of(&headers);
    let framing = Framing::of_response(method, status, version, &headers, present)?;
    // Said twice, the same is said once from here on (RFC 9112 section 6.3).
    let repeated = present.content_length && headers.keys_len() < headers.len();
    if repeated && let Some(length) = headers.get(header::CONTENT_LENGTH).cloned() {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    let said = |token| present.connection && names(&headers, header::CONNECTION, token);
    let keep_alive = if version == Version::HTTP_11 { !said(b"close") } else { said(b"keep-alive") };
    let keep_alive = keep_alive && framing != Framing::UntilClose;
    Ok(Response { version, status, framing, keep_alive, headers, raw: head })
}

fn what(error: httparse::Error) -> &'static str {
    use httparse::Error;
    match error {
        Error::HeaderName => "the name of a header field",
        Error::HeaderValue => "the value of a header field",
        Error::NewLine => "the end of a line",
        Error::Version => "the version",
        Error::Status | Error::Token | Error::TooManyHeaders => "the status line",
    }
}
