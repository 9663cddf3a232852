//! Whose requests are that a switchboard of one region passes on to another's.
//!
//! What the first one knows of a client goes along, encrypted with the key that all nodes on a database have and bound to the
//! request, so that nobody else can say it, and nobody else can read it. Everything else the other switchboard finds out
//! itself.

use crate::{Result, tickets::Seal};
use chrono::TimeDelta;
use domain::RequestId;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How long it is good: what the clocks of two nodes differ by, and the way.
const LIFE: TimeDelta = TimeDelta::seconds(60);

/// The client of a request that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedClient {
    /// Its address.
    pub address: IpAddr,
    /// Whether its own connection is encrypted.
    pub secure: bool,
    /// The id under which both switchboards know the request.
    pub request_id: RequestId,
}

/// The request that is passed on.
#[derive(Debug, Clone, Copy)]
pub struct RelayedRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// The host it is for, as routing compares it.
    pub host: &'a str,
    /// Its path and query.
    pub target: &'a str,
}

impl RelayedRequest<'_> {
    fn purpose(&self) -> String {
        // Neither method nor host has a space.
        format!("relay {} {} {}", self.method, self.host, self.target)
    }
}

/// Tells other switchboards, and believes them.
#[derive(Debug)]
pub struct Relays {
    pub(crate) seal: Seal,
}

impl Relays {
    /// What is sent along with the request.
    ///
    /// # Errors
    /// `Internal`.
    pub fn tell(&self, client: &RelayedClient, request: RelayedRequest<'_>) -> Result<String> {
        self.seal.ticket(&request.purpose(), client, LIFE)
    }

    /// Whose the request is, if a switchboard with the same key has said so lately.
    pub fn told(&self, text: &str, request: RelayedRequest<'_>) -> Option<RelayedClient> {
        self.seal.redeem(&request.purpose(), text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::Secret;
    use uuid::Uuid;

    #[test]
    fn only_who_has_the_key_tells_and_of_this_request_only() {
        let relays = |key| Relays { seal: Seal::new(&Secret::new([key; 32])).unwrap() };
        let request = RelayedRequest { method: "GET", host: "app.example.com", target: "/a?b" };
        let client = RelayedClient {
            address: "2001:db8::1".parse().unwrap(),
            secure: true,
            request_id: RequestId(Uuid::from_u128(1)),
        };
        let told = relays(1).tell(&client, request).unwrap();
        assert_eq!(relays(1).told(&told, request), Some(client));
        assert_eq!(relays(2).told(&told, request), None);
        for other in [
            RelayedRequest { method: "POST", ..request },
            RelayedRequest { host: "app.example.org", ..request },
            RelayedRequest { target: "/a?c", ..request },
        ] {
            assert_eq!(relays(1).told(&told, other), None, "{other:?}");
        }
    }
}
