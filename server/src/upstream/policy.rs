//! Where a backend's connections may lead. What is looked at is the address that is about to be connected to, so that no
//! spelling of it and no answer of a name server gets around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use ipnet::IpNet;

/// Which addresses may be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectPolicy {
    /// All: what an administrator has entered.
    Anything,
    /// Not the switchboard itself nor its own machine and link: what a member has entered.
    Outside(Arc<Outside>),
    /// The same, and no private network either: what a member has entered to be told of alerts.
    Public(Arc<Outside>),
}

/// What tells inside from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Where this node listens, for the dashboard as well as for metrics. Never connected to, whatever is allowed.
    pub own: Vec<SocketAddr>,
    /// Networks that may be connected to although they would not be otherwise.
    pub allowed: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is an address of this switchboard.
    #[error("{0} is this switchboard itself; name another server")]
    Own(SocketAddr),
    /// It leads to this machine or its neighbours on the link, or to no machine at all.
    #[error("{0} may not be connected to: {1}; ask an administrator to allow it")]
    Address(IpAddr, &'static str),
    /// A socket of this machine.
    #[error("only an administrator may enter a backend on a Unix socket")]
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
            Self::Outside(outside) => outside.check(address, is_of_this_machine, what_is_wrong),
            Self::Public(outside) => {
                outside.check(address, is_of_this_machine, |ip| what_is_wrong(ip).or_else(|| what_is_private(ip)))
            }
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
    fn check(
        &self,
        address: SocketAddr,
        is_ours: impl Fn(IpAddr) -> bool,
        what_is_wrong: impl Fn(IpAddr) -> Option<&'static str>,
    ) -> Result<(), PolicyError> {
        let ip = unmapped(address.ip());
        let is_same = |own: IpAddr| own == ip || ip.is_unspecified() || own.is_unspecified() && is_ours(ip);
        if self.own.iter().any(|own| own.port() == address.port() && is_same(unmapped(own.ip()))) {
            return Err(PolicyError::Own(SocketAddr::new(ip, address.port())));
        }
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

/// The IPv4 address that an IPv6 one stands for: mapped (RFC 4291 section 2.5.5.2), compatible (2.5.5.1) or translated
/// (RFC 6052 section 2.1).
fn unmapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(address) = ip.to_canonical() else { return ip.to_canonical() };
    let [.., high, low] = address.segments();
    let inside = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => IpAddr::V4(inside),
        [0, 0, 0, 0, 0, 0, ..] if address != Ipv6Addr::UNSPECIFIED && address != Ipv6Addr::LOCALHOST => {
            IpAddr::V4(inside)
        }
        _ => IpAddr::V6(address),
    }
}

fn what_is_wrong(ip: IpAddr) -> Option<&'static str> {
    let link_local = match ip {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let nowhere = match ip {
        // "This network" (RFC 791 section 3.2), which Linux takes for the machine itself.
        IpAddr::V4(address) => address.octets()[0] == 0 || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unspecified(),
    };
    match ip {
        _ if ip.is_loopback() => Some("it is this machine"),
        _ if link_local => Some("it is link-local"),
        _ if ip.is_multicast() => Some("it is a multicast address"),
        _ if nowhere => Some("it is no machine's address"),
        _ => None,
    }
}

/// Networks that are nobody's on the Internet (RFC 1918, 6598, 6890, 2544, 4193, 3879).
fn what_is_private(ip: IpAddr) -> Option<&'static str> {
    let is_private = match ip {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            address.is_private()
                || a == 100 && b & 0xc0 == 64
                || a == 192 && b == 0 && c == 0
                || a == 198 && b & 0xfe == 18
                || a >= 240
        }
        IpAddr::V6(address) => address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0,
    };
    is_private.then_some("it is in a private network")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn outside(own: &[&str], allowed: &[&str]) -> ConnectPolicy {
        let own = own.iter().map(|address| address.parse().unwrap()).collect();
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        ConnectPolicy::Outside(Arc::new(Outside { own, allowed }))
    }

    #[test]
    fn members_reach_other_machines_only() {
        let policy = outside(&[], &[]);
        for inside in [
            "127.0.0.1:80",
            "127.8.8.8:80",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::127.0.0.1]:80",
            "[64:ff9b::127.0.0.1]:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "[::]:80",
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[fe80::1]:80",
            "224.0.0.1:80",
            "[ff02::1]:80",
            "255.255.255.255:80",
        ] {
            let address = inside.parse().unwrap();
            assert!(matches!(policy.check(address), Err(PolicyError::Address(..))), "{inside}");
            assert_eq!(ConnectPolicy::Anything.check(address), Ok(()), "{inside}");
        }
        for other in ["203.0.113.7:80", "10.0.0.5:3000", "[2001:db8::1]:443", "[::ffff:203.0.113.7]:80"] {
            assert_eq!(policy.check(other.parse().unwrap()), Ok(()), "{other}");
        }
        assert_eq!(policy.check_unix(), Err(PolicyError::Unix));
        assert_eq!(ConnectPolicy::Anything.check_unix(), Ok(()));
    }

    #[test]
    fn what_is_allowed_is_reached_but_never_this_node() {
        let policy = outside(&["0.0.0.0:8080", "127.0.0.1:9090", "10.0.0.1:8080"], &["127.0.0.0/8", "10.0.0.0/8"]);
        // On all addresses: those of this machine, whichever they are.
        let here = Outside { own: vec!["0.0.0.0:8080".parse().unwrap()], allowed: Vec::new() };
        let ours = |ip: IpAddr| ip == IpAddr::from([192, 0, 2, 1]);
        assert!(matches!(here.check("192.0.2.1:8080".parse().unwrap(), ours, what_is_wrong), Err(PolicyError::Own(_))));
        assert_eq!(here.check("192.0.2.1:8081".parse().unwrap(), ours, what_is_wrong), Ok(()));
        assert_eq!(here.check("192.0.2.2:8080".parse().unwrap(), ours, what_is_wrong), Ok(()));
        for own in ["127.0.0.1:8080", "[::ffff:127.0.0.1]:9090", "10.0.0.1:8080", "[::1]:8080", "0.0.0.0:9090"] {
            assert!(matches!(policy.check(own.parse().unwrap()), Err(PolicyError::Own(_))), "{own}");
        }
        for other in ["127.0.0.1:3000", "[::ffff:127.0.0.1]:3000", "10.0.0.2:8080"] {
            assert_eq!(policy.check(other.parse().unwrap()), Ok(()), "{other}");
        }
        assert!(policy.check("[::1]:3000".parse().unwrap()).is_err());
    }

    #[test]
    fn notices_reach_the_internet_and_what_is_allowed() {
        let allowed = vec!["10.1.0.0/16".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        let policy = ConnectPolicy::Public(Arc::new(Outside { own: vec!["127.0.0.1:8080".parse().unwrap()], allowed }));
        for inside in [
            "10.0.0.5:80",
            "172.16.0.1:80",
            "192.168.1.1:80",
            "100.64.0.1:80",
            "198.19.0.1:80",
            "240.0.0.1:80",
            "[fd00::1]:80",
            "[::ffff:10.0.0.5]:80",
            "[64:ff9b::10.0.0.5]:80",
            "127.0.0.2:80",
            "169.254.169.254:80",
            "127.0.0.1:8080",
        ] {
            assert!(policy.check(inside.parse().unwrap()).is_err(), "{inside}");
        }
        for outside in ["203.0.113.7:443", "[2001:db8::1]:443", "10.1.2.3:80", "127.0.0.1:3000"] {
            assert_eq!(policy.check(outside.parse().unwrap()), Ok(()), "{outside}");
        }
        assert_eq!(policy.check_unix(), Err(PolicyError::Unix));
    }
}
