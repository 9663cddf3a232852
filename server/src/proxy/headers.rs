//! What is taken away from heads and added to them on the way through. Pure.

use std::fmt::Write;

use bytes::BytesMut;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Version};
use http1::remove_hop_by_hop;

use super::problem::{X_REQUEST_ID, id_value};
use crate::ingress::Client;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The protocol a request wants to switch to (RFC 9110 section 7.8). `h2c` is ignored, which the RFC allows: behind a
/// proxy it would be a way around it.
pub(super) fn requested_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let nominated = tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(header::UPGRADE).filter(|_| nominated)?;
    let is_h2c = protocol.as_bytes().to_ascii_lowercase().starts_with(b"h2");
    (!is_h2c && !protocol.is_empty()).then(|| protocol.clone())
}

/// Makes a client's request head one that the local server can believe: whatever the client said about who it is, is
/// replaced by what the connection shows, unless a trusted proxy said it.
pub(super) fn prepare_request(headers: &mut HeaderMap, client: &Client, version: Version) {
    remove_hop_by_hop(headers);
    remove_aliases(headers);
    let proto = if client.secure { "https" } else { "http" };
    let host = headers.get(header::HOST).cloned();
    // All values are written into one buffer, which they share.
    let mut text = BytesMut::with_capacity(256);
    let forwarded_for = forwarded_for(headers, client, &mut text);
    let forwarded = forwarded(headers, client, proto, host.as_ref(), &mut text);
    let kept_host = headers.remove(&X_FORWARDED_HOST).filter(|_| client.through_trusted_proxy);
    headers.remove(X_REAL_IP);
    headers.insert(X_FORWARDED_FOR, forwarded_for);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    headers.insert(header::FORWARDED, forwarded);
    if let Some(host) = kept_host.or(host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    put(&mut text, format_args!("{}", client.request_id.0.hyphenated()));
    headers.insert(X_REQUEST_ID, value(&mut text));
    headers.append(header::VIA, via(version));
}

/// `X_Forwarded_For` and the like become the real thing in servers that hand fields on as CGI variables.
fn remove_aliases(headers: &mut HeaderMap) {
    let aliases = headers.keys().filter(|name| name.as_str().contains('_')).filter(|name| {
        let name = name.as_str().replace('_', "-");
        name.starts_with("x-forwarded-") || matches!(&*name, "x-real-ip" | "x-request-id" | "forwarded")
    });
    for name in aliases.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Makes a telephone's response head one that goes to a client.
pub(super) fn prepare_response(headers: &mut HeaderMap, client: &Client, version: Version) {
    remove_hop_by_hop(headers);
    headers.insert(X_REQUEST_ID, id_value(client.request_id));
    headers.append(header::VIA, via(version));
}

/// This hop, with the version in which the message came to it (RFC 9110 section 7.6.3).
fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_2 => "2 switchboard",
        Version::HTTP_10 => "1.0 switchboard",
        _ => "1.1 switchboard",
    })
}

/// The chain of addresses, this connection's peer last.
fn forwarded_for(headers: &HeaderMap, client: &Client, text: &mut BytesMut) -> HeaderValue {
    if client.through_trusted_proxy {
        for hop in tokens(headers, &X_FORWARDED_FOR) {
            put(text, format_args!("{hop}, "));
        }
    }
    put(text, format_args!("{}", client.peer));
    value(text)
}

/// What a trusted proxy has said and what this hop saw (RFC 7239): an IPv6 address is quoted and in brackets, and so is a
/// host with a port.
fn forwarded(
    headers: &HeaderMap,
    client: &Client,
    proto: &str,
    host: Option<&HeaderValue>,
    text: &mut BytesMut,
) -> HeaderValue {
    if client.through_trusted_proxy {
        for hop in tokens(headers, &header::FORWARDED) {
            put(text, format_args!("{hop}, "));
        }
    }
    match client.peer {
        std::net::IpAddr::V4(address) => put(text, format_args!("for={address}")),
        std::net::IpAddr::V6(address) => put(text, format_args!("for=\"[{address}]\"")),
    }
    if let Some(host) = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\'])) {
        put(text, format_args!(";host=\"{host}\""));
    }
    put(text, format_args!(";proto={proto}"));
    value(text)
}

fn put(text: &mut BytesMut, arguments: std::fmt::Arguments<'_>) {
    // A buffer that grows refuses nothing.
    let _infallible = text.write_fmt(arguments);
}

/// Takes what was written as the value of a field.
fn value(text: &mut BytesMut) -> HeaderValue {
    HeaderValue::from_maybe_shared(text.split().freeze()).unwrap_or(HeaderValue::from_static("unknown"))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let pairs = fields.iter().map(|(name, value)| (HeaderName::try_from(*name).unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    fn stranger() -> Client {
        Client {
            address: "203.0.113.7".parse().unwrap(),
            peer: "203.0.113.7".parse().unwrap(),
            request_id: domain::RequestId(uuid::Uuid::nil()),
            secure: false,
            through_trusted_proxy: false,
        }
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let mut headers = map(&[
            ("host", "a.example"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ]);
        prepare_request(&mut headers, &stranger(), Version::HTTP_11);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers["x-forwarded-host"], "a.example");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["forwarded"], "for=203.0.113.7;host=\"a.example\";proto=http");
        assert!(!format!("{headers:?}").contains("6.6.6.6"));
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_named() {
        let client = Client { peer: "10.0.0.1".parse().unwrap(), through_trusted_proxy: true, ..stranger() };
        let mut headers = map(&[
            ("host", "inner.example"),
            ("x-forwarded-for", "198.51.100.4"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "outer.example"),
            ("forwarded", "for=198.51.100.4;proto=https"),
        ]);
        prepare_request(&mut headers, &client, Version::HTTP_11);
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.4;proto=https, for=10.0.0.1;host=\"inner.example\";proto=http"
        );
        assert_eq!(headers["x-forwarded-for"], "198.51.100.4, 203.0.113.7, 10.0.0.1");
        assert_eq!(headers["x-forwarded-host"], "outer.example");
    }

    #[test]
    fn only_a_nominated_upgrade_counts_and_never_h2c() {
        assert_eq!(
            requested_upgrade(&map(&[("connection", "Upgrade"), ("upgrade", "websocket")])).unwrap(),
            "websocket"
        );
        assert_eq!(requested_upgrade(&map(&[("upgrade", "websocket")])), None);
        assert_eq!(requested_upgrade(&map(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")])), None);
    }
}
