//! Where to listen and how people reach it.

use domain::Hostname;
use ipnet::IpNet;
use std::net::{Ipv4Addr, SocketAddr};
use url::{Host, Url};

use super::{parse, reader::Reader, setting};

/// Where to listen and how people reach it.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `listen`: where browsers, API clients and telephones connect. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// `metrics_listen`: where Prometheus reads; `None` when switched off.
    pub metrics_listen: Option<SocketAddr>,
    /// `tunnel_domain`: the domain below which tunnels get their names.
    pub tunnel_domain: Hostname,
    /// `trusted_proxies`: whose forwarded headers are believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// `dns_resolver`: name servers that are asked whose a domain is. Empty: the system's.
    pub dns_resolver: Vec<SocketAddr>,
    /// `upstream_resolver`: name servers that are asked where backends, webhooks and the sign-in provider are. Empty: the
    /// system's, and what else the system knows.
    pub upstream_resolver: Vec<SocketAddr>,
    public_url: Option<Url>,
}

impl Addresses {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let addresses = Self {
            listen: reader.take(&setting::LISTEN, parse::address, loopback(8080)),
            metrics_listen: reader.take(&setting::METRICS_LISTEN, parse::address_or_off, Some(loopback(9090))),
            tunnel_domain: reader.take(&setting::TUNNEL_DOMAIN, parse::hostname, localhost()),
            trusted_proxies: reader.take(&setting::TRUSTED_PROXIES, parse::networks, Vec::new()),
            dns_resolver: reader.take(&setting::DNS_RESOLVER, parse::name_servers, Vec::new()),
            upstream_resolver: reader.take(&setting::UPSTREAM_RESOLVER, parse::name_servers, Vec::new()),
            public_url: reader.take_optional(&setting::PUBLIC_URL, parse::origin),
        };
        if addresses.metrics_listen == Some(addresses.listen) && addresses.listen.port() != 0 {
            let problem =
                format!("{} is already the address of listen; give metrics another port, or off", addresses.listen);
            reader.refuse(&setting::METRICS_LISTEN, problem);
        }
        addresses
    }

    /// The address people type: the one that is set, else `localhost` with the port that was bound.
    pub fn public_url(&self, bound: SocketAddr) -> Url {
        self.public_url.clone().unwrap_or_else(|| {
            let mut url = base_url();
            // Only a URL without a host refuses a port, and this one has a host.
            let _ = url.set_port(Some(bound.port()));
            url
        })
    }

    /// Whether only this machine reaches the server. Listening on loopback is not enough: a public address or trusted
    /// proxies mean that somebody on this machine passes on what comes from elsewhere.
    pub fn loopback_only(&self) -> bool {
        let public = self.public_url.as_ref().is_some_and(|url| !is_local(url));
        self.listen.ip().is_loopback() && !public && self.trusted_proxies.is_empty()
    }
}

/// Names below `localhost` never leave the machine (RFC 6761 section 6.3).
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[expect(clippy::unwrap_used, reason = "a constant that a test parses")]
fn base_url() -> Url {
    "http://localhost".parse().unwrap()
}

#[expect(clippy::unwrap_used, reason = "a constant that a test parses")]
fn localhost() -> Hostname {
    "localhost".parse().unwrap()
}
