//! Where connections may lead that somebody has asked for: backends, their health checks, replays, webhooks and the proofs of
//! domains. What is looked at is the address that is about to be connected to, so that no spelling of it and no answer of
//! a name server gets around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use domain::{BackendAddress, BackendHost};
use ipnet::IpNet;

/// Which addresses may be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectPolicy {
    /// All: what is an administrator's.
    Anything,
    /// The Internet, and what else administrators allow: what is a member's.
    Public(Arc<Outside>),
}

/// What tells inside from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Where this node listens, for the dashboard as well as for metrics. Never connected to, whatever is allowed.
    pub own: Vec<SocketAddr>,
    /// `member_networks`: those that may be connected to although they are not of the Internet.
    pub allowed: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is an address of this switchboard.
    #[error("{0} is this switchboard itself; name another server")]
    Own(SocketAddr),
    /// It leads to this machine, to its networks, or to no machine at all.
    #[error("{0} may not be connected to: {1}; an administrator can allow it with the setting member_networks")]
    Address(IpAddr, &'static str),
    /// A socket of this machine.
    #[error("only an administrator's backend may be a Unix socket of the server's machine")]
    Unix,
}

impl ConnectPolicy {
    /// Whether `address` may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: SocketAddr) -> Result<(), PolicyError> {
        match self {
            Self::Anything => Ok(()),
            Self::Public(outside) => outside.check(address, is_of_this_machine),
        }
    }

    /// The same where this node itself may be what is connected to: at its public address, as everybody reaches it.
    ///
    /// # Errors
    /// Why not.
    pub fn check_network(&self, address: IpAddr) -> Result<(), PolicyError> {
        match self {
            Self::Anything => Ok(()),
            Self::Public(outside) => outside.check_network(unwrapped(address)),
        }
    }

    /// Whether what is written there may be connected to, as far as that can be told before a name is looked up.
    ///
    /// # Errors
    /// Why not.
    pub fn check_written(&self, address: &BackendAddress) -> Result<(), PolicyError> {
        match address {
            BackendAddress::Unix(_) => self.check_unix(),
            BackendAddress::Tcp { host: BackendHost::Ip(ip), port, .. } => self.check(SocketAddr::new(*ip, *port)),
            BackendAddress::Tcp { host: BackendHost::Name(_), .. } => Ok(()),
        }
    }

    /// Whether a Unix socket may be connected to.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_unix(&self) -> Result<(), PolicyError> {
        if *self == Self::Anything { Ok(()) } else { Err(PolicyError::Unix) }
    }
}

impl Outside {
    /// Where connections of what is an administrator's or a member's may lead.
    pub fn policy(self: &Arc<Self>, of_administrator: bool) -> ConnectPolicy {
        if of_administrator { ConnectPolicy::Anything } else { ConnectPolicy::Public(self.clone()) }
    }

    fn check(&self, address: SocketAddr, is_ours: impl Fn(IpAddr) -> bool) -> Result<(), PolicyError> {
        let ip = unwrapped(address.ip());
        let is_same = |own: IpAddr| own == ip || ip.is_unspecified() || own.is_unspecified() && is_ours(ip);
        if self.own.iter().any(|own| own.port() == address.port() && is_same(unwrapped(own.ip()))) {
            return Err(PolicyError::Own(SocketAddr::new(ip, address.port())));
        }
        self.check_network(ip)
    }

    fn check_network(&self, ip: IpAddr) -> Result<(), PolicyError> {
        match what_is_wrong(ip) {
            Some(wrong) if !self.allowed.iter().any(|network| network.contains(&ip)) => {
                Err(PolicyError::Address(ip, wrong))
            }
            _ => Ok(()),
        }
    }
}

/// Whether one of this machine's interfaces has the address: nobody else's can be bound to.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

/// The IPv4 address that a packet to an IPv6 one ends at: mapped (RFC 4291 section 2.5.5.2), compatible (2.5.5.1),
/// translated (RFC 6052 section 2.1, RFC 7915), 6to4 (RFC 3056 section 2) or ISATAP (RFC 5214 section 6.1).
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(address) = ip.to_canonical() else { return ip.to_canonical() };
    let inside = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => inside(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if address != Ipv6Addr::UNSPECIFIED && address != Ipv6Addr::LOCALHOST => {
            inside(high, low)
        }
        _ => IpAddr::V6(address),
    }
}

/// Why an address is not one of the Internet (RFC 6890 and what has been added to its registries since). Those that are
/// for examples lead nowhere, and are no secret to anybody.
fn what_is_wrong(ip: IpAddr) -> Option<&'static str> {
    let (link_local, nowhere, private) = match ip {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let shared = a == 100 && b & 0xc0 == 64;
            let assigned = a == 192 && b == 0 && c == 0;
            let benchmarks = a == 198 && b & 0xfe == 18;
            // "This network" (RFC 791 section 3.2), which Linux takes for the machine itself.
            (address.is_link_local(), a == 0 || a >= 240, address.is_private() || shared || assigned || benchmarks)
        }
        IpAddr::V6(address) => {
            let site_local = address.segments()[0] & 0xffc0 == 0xfec0;
            // Of translators (RFC 8215), discarded (RFC 6666), of Teredo (RFC 4380), which tunnels to any address, of
            // benchmarks (RFC 5180), and those that SRv6 routes by (RFC 9602).
            let special = matches!(
                address.segments(),
                [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0 | 1, ..] | [0x2001, 0 | 2, ..] | [0x5f00, ..]
            );
            (
                address.is_unicast_link_local(),
                address.is_unspecified(),
                address.is_unique_local() || site_local || special,
            )
        }
    };
    match ip {
        _ if ip.is_loopback() => Some("it is this machine"),
        _ if link_local => Some("it is link-local"),
        _ if ip.is_multicast() => Some("it is a multicast address"),
        _ if nowhere => Some("it is no machine's address"),
        _ if private => Some("it is in a private network"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn policy(own: &[&str], allowed: &[&str]) -> ConnectPolicy {
        let own = own.iter().map(|address| address.parse().unwrap()).collect();
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        ConnectPolicy::Public(Arc::new(Outside { own, allowed }))
    }

    #[test]
    fn members_reach_the_internet_only() {
        let policy = policy(&[], &[]);
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.5",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.5",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.5",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2002:7f00:1::",
            "2002:a00:5::1",
            "2002:a9fe:a9fe::1",
            "2001:db8::5efe:127.0.0.1",
            "2001:db8::200:5efe:10.0.0.5",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address = SocketAddr::new(inside.parse().unwrap(), 80);
            assert!(matches!(policy.check(address), Err(PolicyError::Address(..))), "{inside}");
            assert_eq!(ConnectPolicy::Anything.check(address), Ok(()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.113.7",
            "223.255.255.255",
            "2001:db8::1",
            "2002:cb00:7107::1",
            "2606:4700::1111",
            "::ffff:203.0.113.7",
            "64:ff9b::203.0.113.7",
        ] {
            assert_eq!(policy.check(SocketAddr::new(outside.parse().unwrap(), 80)), Ok(()), "{outside}");
        }
        assert_eq!(policy.check_unix(), Err(PolicyError::Unix));
        assert_eq!(ConnectPolicy::Anything.check_unix(), Ok(()));
    }

    #[test]
    fn what_is_allowed_is_reached_but_never_this_node() {
        let policy = policy(&["0.0.0.0:8080", "127.0.0.1:9090", "10.0.0.1:8080"], &["127.0.0.0/8", "10.0.0.0/8"]);
        for own in ["127.0.0.1:8080", "[::ffff:127.0.0.1]:9090", "10.0.0.1:8080", "[::1]:8080", "0.0.0.0:9090"] {
            assert!(matches!(policy.check(own.parse().unwrap()), Err(PolicyError::Own(_))), "{own}");
        }
        for other in ["127.0.0.1:3000", "[::ffff:127.0.0.1]:3000", "10.0.0.2:8080", "203.0.113.7:443"] {
            assert_eq!(policy.check(other.parse().unwrap()), Ok(()), "{other}");
        }
        for other in ["[::1]:3000", "192.168.0.1:80", "169.254.169.254:80"] {
            assert!(matches!(policy.check(other.parse().unwrap()), Err(PolicyError::Address(..))), "{other}");
        }
    }

    #[test]
    fn whoever_listens_on_all_addresses_is_at_those_of_its_machine() {
        let here = Outside { own: vec!["0.0.0.0:8080".parse().unwrap()], allowed: Vec::new() };
        let ours = |ip: IpAddr| ip == IpAddr::from([192, 0, 2, 1]);
        assert!(matches!(here.check("192.0.2.1:8080".parse().unwrap(), ours), Err(PolicyError::Own(_))));
        assert_eq!(here.check("192.0.2.1:8081".parse().unwrap(), ours), Ok(()));
        assert_eq!(here.check("192.0.2.2:8080".parse().unwrap(), ours), Ok(()));
    }

    #[test]
    fn what_is_written_is_told_before_it_is_connected_to() {
        let policy = policy(&[], &["10.1.0.0/16"]);
        for (address, good) in [
            ("127.0.0.1:80", false),
            ("https://[::ffff:7f00:1]:8443", false),
            ("h2c://192.168.0.9:50051", false),
            ("unix:/run/app.sock", false),
            ("10.1.2.3:80", true),
            ("203.0.113.7:80", true),
            // It is looked up when it is connected to.
            ("localhost:80", true),
        ] {
            let address: BackendAddress = address.parse().unwrap();
            assert_eq!(policy.check_written(&address).is_ok(), good, "{address}");
            assert_eq!(ConnectPolicy::Anything.check_written(&address), Ok(()), "{address}");
        }
    }
}
