//! Who is asking.

use std::net::IpAddr;

use domain::RequestId;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use uuid::{ContextV7, Timestamp, Uuid};

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

thread_local! {
    /// What keeps the ids of one millisecond apart and in order. Threads do not wait for each other for that.
    static SEQUENCE: ContextV7 = const { ContextV7::new() };
}

/// The client of a request, as far as it can be believed. In the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The client's address: the peer's, or behind a trusted proxy the one that the proxy saw.
    pub address: IpAddr,
    /// The address of the connection's other end.
    pub peer: IpAddr,
    /// The id under which logs, answers and the inspector know this request.
    pub request_id: RequestId,
    /// Whether the client's own connection is encrypted.
    pub secure: bool,
    /// Whether the connection's peer is a trusted proxy, whose `Forwarded` and `X-Forwarded-*` are kept.
    pub through_trusted_proxy: bool,
}

/// The networks whose `X-Forwarded-*` fields are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl Client {
    /// Finds out who is behind `peer`. `X-Forwarded-For` is read from its end as long as its entries are trusted
    /// proxies, because everything further left may have been made up by the client.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let peer = peer.to_canonical();
        let request_id = RequestId(Uuid::new_v7(SEQUENCE.with(|sequence| Timestamp::now(sequence))));
        let through_trusted_proxy = trusted.contains(peer);
        // All that a proxy tells is in such fields: to ask for each of them costs more than to see that there is none.
        if !through_trusted_proxy || !headers.keys().any(|name| name.as_str().starts_with("x-")) {
            return Self { address: peer, peer, request_id, secure: false, through_trusted_proxy };
        }
        // An id of the proxy's own making is kept when it is one of our kind, so that its log and ours tell of the same.
        let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let request_id = given.unwrap_or(request_id);
        let secure =
            headers.get(X_FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        let address = told(headers, trusted).unwrap_or(peer);
        Self { address, peer, request_id, secure, through_trusted_proxy }
    }
}

/// The address that trusted proxies tell of.
fn told(headers: &HeaderMap, trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut address = None;
    for field in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        let Ok(text) = field.to_str() else { return address };
        for entry in text.rsplit(',') {
            let Ok(hop) = entry.trim().parse::<IpAddr>() else { return address };
            let hop = hop.to_canonical();
            address = Some(hop);
            if !trusted.contains(hop) {
                return address;
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn client(peer: &str, forwarded_for: &str) -> Client {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded_for.parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        headers.insert("x-request-id", uuid::Uuid::nil().to_string().parse().unwrap());
        Client::of(peer.parse().unwrap(), &headers, &trusted)
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        let client = client("203.0.113.7", "6.6.6.6");
        assert_eq!(client.address.to_string(), "203.0.113.7");
        assert!(!client.secure);
        assert_ne!(client.request_id.0, uuid::Uuid::nil());
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_hop_is_the_client() {
        let client = client("10.0.0.1", "6.6.6.6, 198.51.100.4, 10.0.0.2");
        assert_eq!(client.address.to_string(), "198.51.100.4");
        assert!(client.secure);
        assert_eq!(client.request_id.0, uuid::Uuid::nil());
    }
}
