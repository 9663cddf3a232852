//! What belongs to one connection and not to the message.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::fields::tokens;

/// Fields of one connection (RFC 9110 section 7.6.1). `Trailer` is none of them.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields that a sender cannot take away by naming them in `Connection`: without them the message would mean another, or
/// come from somebody else. A proxy in front may pass on what its client says there.
const NEVER_NOMINATED: [HeaderName; 10] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::AUTHORIZATION,
    header::SET_COOKIE,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// What `Connection` nearly always says: no field, or one that goes anyway.
const NO_OTHER_FIELD: [&[u8]; 4] = [b"keep-alive", b"close", b"upgrade", b"te"];

/// Removes the fields that belong to the connection the message came in on, those named by `Connection` included. Of
/// `TE` the wish for trailers is left, the one transfer coding that survives a hop.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name) || name == header::TE) {
        return;
    }
    let nominated = tokens(headers, header::CONNECTION)
        .filter(|token| !NO_OTHER_FIELD.iter().any(|known| token.eq_ignore_ascii_case(known)))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !NEVER_NOMINATED.contains(name))
        .collect::<Vec<_>>();
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if headers.contains_key(header::TE) {
        let trailers = tokens(headers, header::TE).any(|token| token.eq_ignore_ascii_case(b"trailers"));
        headers.remove(header::TE);
        if trailers {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::try_from(*name).unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn what_belongs_to_the_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Secret, Host, Authorization, X-Forwarded-For"),
            ("x-secret", "1"),
            ("x-forwarded-for", "192.0.2.7"),
            ("host", "a.example"),
            ("authorization", "Bearer x"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
        ]);
        remove_hop_by_hop(&mut headers);
        let stays = [("x-forwarded-for", "192.0.2.7"), ("host", "a.example"), ("authorization", "Bearer x")];
        assert_eq!(headers, map(&[stays.as_slice(), &[("te", "trailers")]].concat()));
    }

    #[test]
    fn several_connection_fields_count_together() {
        let mut headers =
            map(&[("connection", "Keep-Alive"), ("connection", "x-a ,, x-b"), ("x-a", "1"), ("x-b", "1")]);
        remove_hop_by_hop(&mut headers);
        assert!(headers.is_empty());
    }
}
