//! What is taken away from heads and added to them on the way through. Pure.

use std::io::Write;
use std::net::IpAddr;

use bytes::BytesMut;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Version};
use http1::remove_hop_by_hop;

use super::problem::X_REQUEST_ID;
use crate::ingress::Client;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// What a request's head has that has to be looked at on its way. Most have little of it: to go once through the names
/// costs less than to ask for each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noticed {
    /// A `Cookie`.
    pub cookies: bool,
    /// A field that only switchboards send each other, or to telephones.
    pub ours: bool,
    /// An `Upgrade`.
    pub upgrade: bool,
    /// What a proxy says of its client.
    forwarded: bool,
    /// A name that servers behind may take for another one.
    aliases: bool,
}

impl Noticed {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut noticed = Self::default();
        for name in headers.keys() {
            let name = name.as_str();
            match name.as_bytes().first() {
                Some(b'c') => noticed.cookies |= name == "cookie",
                Some(b'f') => noticed.forwarded |= name == "forwarded",
                Some(b'u') => noticed.upgrade |= name == "upgrade",
                Some(b'x') => {
                    noticed.ours |= name.starts_with("x-switchboard-");
                    noticed.forwarded |= name.starts_with("x-forwarded-") || name == "x-real-ip";
                }
                _ => {}
            }
            noticed.aliases |= name.contains('_');
        }
        noticed
    }
}

/// The protocol a request wants to switch to (RFC 9110 section 7.8). `h2c` is ignored, which the RFC allows: behind a
/// proxy it would be a way around it.
pub(super) fn requested_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let nominated = tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(header::UPGRADE).filter(|_| nominated)?;
    let is_h2c = protocol.as_bytes().to_ascii_lowercase().starts_with(b"h2");
    (!is_h2c && !protocol.is_empty()).then(|| protocol.clone())
}

/// Makes a client's request head one that the local server can believe: whatever the client said about who it is, is
/// replaced by what the connection shows, unless a trusted proxy said it. `id` is the request's.
pub(super) fn prepare_request(
    headers: &mut HeaderMap,
    noticed: Noticed,
    client: &Client,
    version: Version,
    id: &HeaderValue,
) {
    remove_hop_by_hop(headers);
    if noticed.aliases {
        remove_aliases(headers);
    }
    let proto = if client.secure { "https" } else { "http" };
    let host = headers.get(header::HOST).cloned();
    let told = noticed.forwarded && client.through_trusted_proxy;
    // Both values are written into one buffer, which they share.
    let mut text = BytesMut::with_capacity(256);
    let (address, length) = written(client.peer);
    let address = &address[..length];
    let forwarded_for = forwarded_for(headers, address, told, &mut text);
    let forwarded = forwarded(headers, (client.peer.is_ipv4(), address), told, proto, host.as_ref(), &mut text);
    let mut kept_host = None;
    if noticed.forwarded {
        kept_host = headers.remove(&X_FORWARDED_HOST).filter(|_| told);
        headers.remove(X_REAL_IP);
    }
    headers.insert(X_FORWARDED_FOR, forwarded_for);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    headers.insert(header::FORWARDED, forwarded);
    if let Some(host) = kept_host.or(host) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    headers.insert(X_REQUEST_ID, id.clone());
    headers.append(header::VIA, via(version));
}

/// Takes out what else a client says that it would know from a proxy, such as `X-Forwarded-Port`, where it is no trusted one.
pub(super) fn remove_untrusted(headers: &mut HeaderMap, noticed: Noticed, client: &Client) {
    if noticed.forwarded && !client.through_trusted_proxy {
        remove_all(headers, |name| name.starts_with("x-forwarded-"));
    }
}

/// `X_Forwarded_For` and the like become the real thing in servers that hand fields on as CGI variables.
fn remove_aliases(headers: &mut HeaderMap) {
    remove_all(headers, |name| {
        let alias = name.replace('_', "-");
        name.contains('_')
            && (alias.starts_with("x-forwarded-") || matches!(&*alias, "x-real-ip" | "x-request-id" | "forwarded"))
    });
}

fn remove_all(headers: &mut HeaderMap, is_one: impl Fn(&str) -> bool) {
    for name in headers.keys().filter(|name| is_one(name.as_str())).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Makes a telephone's response head one that goes to a client. `id` is the request's.
pub(super) fn prepare_response(headers: &mut HeaderMap, version: Version, id: HeaderValue) {
    remove_hop_by_hop(headers);
    headers.insert(X_REQUEST_ID, id);
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

/// The chain of addresses, this connection's peer last; `told` is whether what a proxy says of the others is kept.
fn forwarded_for(headers: &HeaderMap, peer: &[u8], told: bool, text: &mut BytesMut) -> HeaderValue {
    if told {
        put_list(tokens(headers, &X_FORWARDED_FOR), text);
    }
    text.extend_from_slice(peer);
    value(text)
}

/// What a trusted proxy has said and what this hop saw (RFC 7239): an IPv6 address is quoted and in brackets, and so is a
/// host with a port.
fn forwarded(
    headers: &HeaderMap,
    (is_ipv4, peer): (bool, &[u8]),
    told: bool,
    proto: &str,
    host: Option<&HeaderValue>,
    text: &mut BytesMut,
) -> HeaderValue {
    if told {
        put_list(tokens(headers, &header::FORWARDED), text);
    }
    let (before, after) = if is_ipv4 { ("for=", "") } else { ("for=\"[", "]\"") };
    text.extend_from_slice(before.as_bytes());
    text.extend_from_slice(peer);
    text.extend_from_slice(after.as_bytes());
    if let Some(host) = host.filter(|host| host.as_bytes().iter().all(|byte| is_quotable(*byte))) {
        text.extend_from_slice(b";host=\"");
        text.extend_from_slice(host.as_bytes());
        text.extend_from_slice(b"\"");
    }
    text.extend_from_slice(b";proto=");
    text.extend_from_slice(proto.as_bytes());
    value(text)
}

/// Whether a byte may stand in quotes as it is.
fn is_quotable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\')
}

fn put_list<'a>(entries: impl Iterator<Item = &'a str>, text: &mut BytesMut) {
    for entry in entries {
        text.extend_from_slice(entry.as_bytes());
        text.extend_from_slice(b", ");
    }
}

/// An address as it is written, and how many bytes that is. Formatting costs more than all else that is written here, and
/// nearly all of them are of IPv4.
fn written(address: IpAddr) -> ([u8; 48], usize) {
    let mut text = [0; 48];
    let IpAddr::V4(address) = address else {
        let mut left = &mut text[..];
        // The longest has 39 bytes.
        let _infallible = write!(left, "{address}");
        let length = 48 - left.len();
        return (text, length);
    };
    let mut length = 0;
    let mut put = |byte| {
        text[length] = byte;
        length += 1;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            put(b'.');
        }
        if octet >= 100 {
            put(b'0' + octet / 100);
        }
        if octet >= 10 {
            put(b'0' + octet / 10 % 10);
        }
        put(b'0' + octet % 10);
    }
    (text, length)
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

    fn prepared(mut headers: HeaderMap, client: &Client) -> HeaderMap {
        let noticed = Noticed::of(&headers);
        remove_untrusted(&mut headers, noticed, client);
        prepare_request(&mut headers, noticed, client, Version::HTTP_11, &HeaderValue::from_static("id"));
        headers
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let headers = map(&[
            ("host", "a.example"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "6.6.6.6"),
            ("x-forwarded-user", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ]);
        let headers = prepared(headers, &stranger());
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers["x-forwarded-host"], "a.example");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["forwarded"], "for=203.0.113.7;host=\"a.example\";proto=http");
        assert!(!format!("{headers:?}").contains("6.6.6.6"));
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_named() {
        let client = Client { peer: "10.0.0.1".parse().unwrap(), through_trusted_proxy: true, ..stranger() };
        let headers = map(&[
            ("host", "inner.example"),
            ("x-forwarded-for", "198.51.100.4"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-host", "outer.example"),
            ("forwarded", "for=198.51.100.4;proto=https"),
        ]);
        let headers = prepared(headers, &client);
        assert_eq!(
            headers["forwarded"],
            "for=198.51.100.4;proto=https, for=10.0.0.1;host=\"inner.example\";proto=http"
        );
        assert_eq!(headers["x-forwarded-for"], "198.51.100.4, 203.0.113.7, 10.0.0.1");
        assert_eq!(headers["x-forwarded-host"], "outer.example");
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for address in [
            "0.0.0.0",
            "1.20.255.100",
            "255.255.255.255",
            "99.9.10.200",
            "::1",
            "2001:db8:1111:2222:3333:4444:5555:6666",
        ] {
            let (text, length) = written(address.parse().unwrap());
            assert_eq!(&text[..length], address.as_bytes());
        }
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
