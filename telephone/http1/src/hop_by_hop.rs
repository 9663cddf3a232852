//! What belongs to one connection and not to the message.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::fields::tokens;

/// Fields that a sender cannot take away by naming them in `Connection`: without them the message would mean another, or
/// come from somebody else. A proxy in front may pass on what its client says there.
static NEVER_NOMINATED: [HeaderName; 10] = [
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

/// Whether a field is one of the connection (RFC 9110 section 7.6.1). `Trailer` is none of them; of `TE` something may be
/// left.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes the fields that `Connection` names.
fn remove_nominated(headers: &mut HeaderMap) {
    let nominated = tokens(headers, header::CONNECTION)
        .filter(|token| !NO_OTHER_FIELD.iter().any(|known| token.eq_ignore_ascii_case(known)))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !NEVER_NOMINATED.contains(name))
        .collect::<Vec<_>>();
    for name in &nominated {
        headers.remove(name);
    }
}

/// Removes the fields that belong to the connection the message came in on, those named by `Connection` included. Of
/// `TE` the wish for trailers is left, the one transfer coding that survives a hop.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let (mut any, mut nominates) = (false, false);
    for name in headers.keys().filter(|name| is_hop_by_hop(name)) {
        any = true;
        nominates |= *name == header::CONNECTION;
    }
    if !any {
        return;
    }
    if nominates {
        remove_nominated(headers);
    }
    let takes_trailers = tokens(headers, header::TE).any(|token| token.eq_ignore_ascii_case(b"trailers"));
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)).cloned() {
        headers.remove(name);
    }
    if takes_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
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
