//! What a request says, when it goes on, of whom it comes from: `Forwarded` (RFC 7239), and what was there before that.

use std::io::Write;
use std::net::IpAddr;

use bytes::BytesMut;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::Client;
use crate::client::X_FORWARDED_FOR;

/// The values of `X-Forwarded-For` and `Forwarded` with which a request goes on: this hop last, and before it what others have
/// said in these fields where that is to be kept, which is what a trusted proxy says and nobody else. `host` is the host that
/// was asked for.
pub fn forwarded(
    headers: &HeaderMap,
    client: &Client,
    keep: bool,
    host: Option<&HeaderValue>,
) -> (HeaderValue, HeaderValue) {
    // Both values are written into one buffer, which they share.
    let mut text = BytesMut::with_capacity(256);
    let (address, length) = written(client.peer);
    let address = &address[..length];
    let forwarded_for = chain(headers, address, keep, &mut text);
    let forwarded = hops(headers, (client, address), keep, host, &mut text);
    (forwarded_for, forwarded)
}

/// What fields of this name list, in order.
pub fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// The chain of addresses, this connection's peer last.
fn chain(headers: &HeaderMap, peer: &[u8], keep: bool, text: &mut BytesMut) -> HeaderValue {
    if keep {
        put_list(tokens(headers, &X_FORWARDED_FOR), text);
    }
    text.extend_from_slice(peer);
    value(text)
}

/// What was said, and what this hop saw: an IPv6 address is quoted and in brackets, and so is a host with a port.
fn hops(
    headers: &HeaderMap,
    (client, peer): (&Client, &[u8]),
    keep: bool,
    host: Option<&HeaderValue>,
    text: &mut BytesMut,
) -> HeaderValue {
    if keep {
        let values = headers.get_all(header::FORWARDED).iter().filter_map(|value| value.to_str().ok()).map(str::trim);
        put_list(values.filter(|value| !value.is_empty() && ends_its_quotes(value)), text);
    }
    let (before, after) = if client.peer.is_ipv4() { ("for=", "") } else { ("for=\"[", "]\"") };
    text.extend_from_slice(before.as_bytes());
    text.extend_from_slice(peer);
    text.extend_from_slice(after.as_bytes());
    if let Some(host) = host.filter(|host| host.as_bytes().iter().all(|byte| is_quotable(*byte))) {
        text.extend_from_slice(b";host=\"");
        text.extend_from_slice(host.as_bytes());
        text.extend_from_slice(b"\"");
    }
    text.extend_from_slice(if client.secure { b";proto=https" } else { b";proto=http" });
    value(text)
}

/// Whether what follows a value is outside of its quotes (RFC 9110 section 5.6.4): otherwise what this hop says would be
/// taken for a part of what somebody else has said.
fn ends_its_quotes(value: &str) -> bool {
    let mut quoted = false;
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                bytes.next();
            }
            _ => {}
        }
    }
    !quoted
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

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
}
