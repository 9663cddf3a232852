//! What is taken away from heads and added to them on the way through. Pure.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Version};
use http1::remove_hop_by_hop;
use server_heads::{forwarded, tokens};

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

/// The protocols a request wants to switch to, one of them (RFC 9110 section 7.8). HTTP/2 is left out of the list, which the
/// RFC allows: behind a proxy `h2c` would be a way around it.
pub(super) fn requested_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    if !tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade")) {
        return None;
    }
    let is_http2 = |protocol: &str| protocol.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("h2"));
    let others: Vec<_> = tokens(headers, &header::UPGRADE).filter(|protocol| !is_http2(protocol)).collect();
    HeaderValue::try_from(others.join(", ")).ok().filter(|others| !others.is_empty())
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
    let (forwarded_for, forwarded) = forwarded(headers, client, told, host.as_ref());
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
    fn what_a_trusted_proxy_has_put_in_quotes_is_neither_cut_nor_left_open() {
        let client = Client { through_trusted_proxy: true, ..stranger() };
        let ours = "for=203.0.113.7;host=\"a.example\";proto=http";
        for (said, kept) in [
            (r#"for="_a,b";by="x\",y""#, Some(r#"for="_a,b";by="x\",y""#)),
            (r#"for="[2001:db8::1]:80", for=6.6.6.6"#, Some(r#"for="[2001:db8::1]:80", for=6.6.6.6"#)),
            (r#"for="6.6.6.6"#, None),
            (r#"for="6.6.6.6\""#, None),
            (" ", None),
        ] {
            let headers = prepared(map(&[("host", "a.example"), ("forwarded", said)]), &client);
            let expected = kept.map_or(ours.to_owned(), |kept| format!("{kept}, {ours}"));
            assert_eq!(headers["forwarded"], expected, "{said}");
        }
    }

    #[test]
    fn only_a_nominated_upgrade_counts_and_never_h2c() {
        let requested = |fields: &[(&str, &str)]| {
            requested_upgrade(&map(fields)).map(|protocols| protocols.to_str().unwrap().to_owned())
        };
        assert_eq!(requested(&[("upgrade", "websocket")]), None);
        let nominated = ("connection", "Upgrade, HTTP2-Settings");
        for (asked, left) in [
            ("websocket", Some("websocket")),
            ("chat/2, websocket", Some("chat/2, websocket")),
            ("h2c", None),
            ("H2C", None),
            ("h2c, h2 ,,h2c-14", None),
            ("x, h2c", Some("x")),
            ("H2c,x ,h2, y/1", Some("x, y/1")),
            ("", None),
            // It is how the name begins.
            ("xh2c", Some("xh2c")),
        ] {
            assert_eq!(requested(&[nominated, ("upgrade", asked)]).as_deref(), left, "{asked}");
        }
        assert_eq!(requested(&[nominated, ("upgrade", "h2c"), ("upgrade", "x")]).as_deref(), Some("x"));
    }
}
