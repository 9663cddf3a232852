use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TE, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::{Body, FieldError, Fields, HttpRequest, HttpResponse, MAX_BODY};
use crate::head::{HeadError, RequestHead, ResponseHead};

/// Fields that frame a message on one connection, or promise what version 1.0 does not have. Others that belong to a
/// connection are the proxy's to remove, with those that `connection` names.
const FRAMING: [HeaderName; 2] = [TRANSFER_ENCODING, TRAILER];

/// Why an `http_response` is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// The status is not that of a final response.
    #[error("{0} is not the status of a final response")]
    Status(u16),
    /// A header field is not valid.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There are too many header fields, or too long ones.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The body is not base64.
    #[error("the body is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The body is longer than [`MAX_BODY`].
    #[error("the body has {0} bytes, more than {MAX_BODY}")]
    TooLong(usize),
}

impl HttpRequest {
    /// The message for a request whose body has been gathered. A `content-length` is there when the client sent one or
    /// there is a body; `expect` and `te` have been dealt with by then.
    pub fn new(request_id: String, head: &RequestHead, body: &[u8]) -> Self {
        let mut headers = head.headers.clone();
        for name in FRAMING.iter().chain(&[EXPECT, TE]) {
            headers.remove(name);
        }
        if !body.is_empty() || headers.contains_key(CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Self {
            request_id,
            method: head.method.as_str().to_owned(),
            path: head.target.path().to_owned(),
            query: head.target.query().unwrap_or_default().to_owned(),
            headers: Fields::from(&headers),
            body: Body::new(body),
        }
    }
}

impl HttpResponse {
    /// The response to a request with `method`, framed: `content-length` is that of the body. An answer that has none
    /// by its nature (to HEAD, 204, 304) loses the one it came with, and to HEAD and with 304 its `content-length`
    /// stays what it would have been (RFC 9110 §8.6).
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn into_parts(self, method: &Method) -> Result<(ResponseHead, Bytes), BadResponse> {
        let status = StatusCode::from_u16(self.status).map_err(|_| BadResponse::Status(self.status))?;
        if status.is_informational() {
            return Err(BadResponse::Status(self.status));
        }
        // Four characters hold three bytes: what is far too long is not decoded to find that out.
        if self.body.encoded_len() / 4 * 3 > MAX_BODY + 3 {
            return Err(BadResponse::TooLong(self.body.encoded_len() / 4 * 3));
        }
        let mut body = self.body.decode()?;
        if body.len() > MAX_BODY {
            return Err(BadResponse::TooLong(body.len()));
        }
        let mut headers = HeaderMap::try_from(&self.headers)?;
        for name in &FRAMING {
            headers.remove(name);
        }
        let announced = headers.remove(CONTENT_LENGTH).filter(is_length);
        if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
            // With 304 the length is that of what the client has, which is not what this body is.
            let body_length = (method == Method::HEAD && !body.is_empty()).then(|| HeaderValue::from(body.len()));
            headers.extend(announced.or(body_length).map(|length| (CONTENT_LENGTH, length)));
            body = Bytes::new();
        } else if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
            body = Bytes::new();
        } else {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let head = ResponseHead { status, headers };
        head.check()?;
        Ok((head, body))
    }
}

fn is_length(value: &HeaderValue) -> bool {
    !value.is_empty() && value.len() < 19 && value.as_bytes().iter().all(u8::is_ascii_digit)
}
