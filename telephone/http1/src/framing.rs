//! Where a message ends (RFC 9112 section 6.3).

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};

use crate::fields::{Present, tokens};
use crate::{RequestError, ResponseError};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in bytes; 0 for no body.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// By the end of the connection: responses only.
    UntilClose,
}

impl Framing {
    /// No body.
    pub const NONE: Self = Self::Length(0);

    /// That of a request.
    pub(crate) fn of_request(version: Version, headers: &HeaderMap, present: Present) -> Result<Self, RequestError> {
        if !present.content_length && !present.transfer_encoding {
            return Ok(Self::NONE);
        }
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        let length = lengths.next();
        if lengths.next().is_some() {
            return Err(RequestError::Malformed("more than one Content-Length"));
        }
        if !present.transfer_encoding {
            let malformed = RequestError::Malformed("a Content-Length that is no number");
            return length.map_or(Ok(Self::NONE), |length| number(length).map(Self::Length).ok_or(malformed));
        }
        if length.is_some() {
            return Err(RequestError::Malformed("both Content-Length and Transfer-Encoding"));
        }
        if version != Version::HTTP_11 {
            return Err(RequestError::Malformed("a Transfer-Encoding in HTTP/1.0"));
        }
        match codings(headers) {
            (1, 0) => Ok(Self::Chunked),
            (0 | 1, 1..) => Err(RequestError::TransferCoding),
            _ => Err(RequestError::Malformed("a Transfer-Encoding that makes no sense")),
        }
    }

    /// That of the response to a request with `method`.
    pub(crate) fn of_response(
        method: &Method,
        status: StatusCode,
        version: Version,
        headers: &HeaderMap,
        present: Present,
    ) -> Result<Self, ResponseError> {
        let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let chunked = present.transfer_encoding;
        let lengths = present.content_length.then(|| headers.get_all(header::CONTENT_LENGTH).iter());
        let mut lengths = lengths.into_iter().flatten();
        let length = lengths.next();
        if chunked && length.is_some() {
            return Err(ResponseError::Framing("it sent both Content-Length and Transfer-Encoding"));
        }
        if lengths.any(|other| Some(other) != length) {
            return Err(ResponseError::Framing("it sent more than one Content-Length"));
        }
        if chunked && (codings(headers) != (1, 0) || version != Version::HTTP_11) {
            return Err(ResponseError::Framing("it used a transfer coding other than chunked"));
        }
        let length =
            length.map(|length| number(length).ok_or(ResponseError::Framing("its Content-Length is no number")));
        match length.transpose()? {
            _ if bodiless || *method == Method::HEAD => Ok(Self::NONE),
            Some(length) => Ok(Self::Length(length)),
            None if chunked => Ok(Self::Chunked),
            None => Ok(Self::UntilClose),
        }
    }
}

/// Digits and nothing else: what one parser takes for a number, the next may not.
fn number(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// How often chunked, and how many others.
fn codings(headers: &HeaderMap) -> (usize, usize) {
    tokens(headers, header::TRANSFER_ENCODING).fold((0, 0), |(chunked, others), coding| {
        if coding.eq_ignore_ascii_case(b"chunked") { (chunked + 1, others) } else { (chunked, others + 1) }
    })
}
