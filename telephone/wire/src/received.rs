//! Heads of responses as the local server wrote them: in upper and lower case, in their order, with the spaces and the
//! phrase. They are told on request only, so that nobody else pays for it.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::head::{MAX_HEADERS, RequestHead, ResponseHead};

/// The field of a request that asks for the head of the response as it is received, and of the response that tells it.
/// Neither goes any further than from one end of the line to the other.
pub const AS_RECEIVED: HeaderName = HeaderName::from_static("x-switchboard-head");

/// The same request with the wish, if there is room for it.
pub fn asking(head: &RequestHead) -> Option<RequestHead> {
    if head.headers.len() >= MAX_HEADERS {
        return None;
    }
    let mut asking = head.clone();
    asking.headers.insert(AS_RECEIVED, HeaderValue::from_static("1"));
    Some(asking)
}

/// Takes the wish out of a request; whether there was one.
pub fn is_asked(head: &mut RequestHead) -> bool {
    head.headers.remove(AS_RECEIVED).is_some()
}

/// Tells a head of HTTP/1.1 as it was received, unless it is too long for that. It replaces whatever the local server says
/// in this field.
pub fn tell(head: &mut ResponseHead, received: &[u8]) {
    head.headers.remove(AS_RECEIVED);
    let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(STANDARD_NO_PAD.encode(received))) else { return };
    if !value.is_empty() {
        head.headers.insert(AS_RECEIVED, value);
    }
    if head.check().is_err() {
        head.headers.remove(AS_RECEIVED);
    }
}

/// Takes what was told out of a response; empty when that was nothing that could be read.
pub fn told(head: &mut ResponseHead) -> Bytes {
    let told = head.headers.remove(AS_RECEIVED);
    told.and_then(|told| STANDARD_NO_PAD.decode(told.as_bytes()).ok()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use http::{HeaderMap, Method, StatusCode};

    use super::*;

    fn response(fields: &[(&'static str, &str)]) -> ResponseHead {
        let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        ResponseHead { status: StatusCode::OK, headers: fields.collect() }
    }

    #[test]
    fn a_request_asks_and_is_then_as_before() {
        let headers = HeaderMap::from_iter([(http::header::ACCEPT, "*/*".parse().unwrap())]);
        let head = RequestHead { method: Method::GET, target: "/".parse().unwrap(), headers, upgrade: None };
        let mut asked = asking(&head).unwrap();
        assert!(is_asked(&mut asked));
        assert_eq!(asked, head);
        assert!(!is_asked(&mut asked));
    }

    #[test]
    fn what_was_received_is_told_byte_by_byte() {
        let raw = b"HTTP/1.1 200 Fine\r\nX-A:  1\r\nx-a: \xe4\r\n\r\n";
        let mut head = response(&[("x-a", "1")]);
        tell(&mut head, raw);
        assert_eq!(told(&mut head), raw[..]);
        assert_eq!(head, response(&[("x-a", "1")]));
        assert!(told(&mut head).is_empty());
    }

    #[test]
    fn what_is_too_long_or_was_never_received_is_not_told() {
        let long = "x".repeat(30 * 1024);
        for raw in [long.as_bytes(), b""] {
            let mut head = response(&[("x-a", "1"), ("x-switchboard-head", "forged")]);
            tell(&mut head, raw);
            assert_eq!(head, response(&[("x-a", "1")]));
        }
        assert!(told(&mut response(&[("x-switchboard-head", "no base64!")])).is_empty());
    }
}
