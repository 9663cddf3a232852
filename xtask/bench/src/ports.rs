//! Free ports for programs that cannot choose one and tell.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng;

/// A free loopback address whose port lies below those that the kernel gives to outgoing connections: the load makes
/// very many of them, and one could take the port before the program does.
pub fn free() -> SocketAddr {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|port| port.parse().ok()).filter(|first| *first > 10_001);
    loop {
        let address =
            SocketAddr::from((Ipv4Addr::LOCALHOST, rand::rng().random_range(10_000..first.unwrap_or(32_768))));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
