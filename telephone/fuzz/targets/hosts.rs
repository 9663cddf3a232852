//! What a request's head says of its host, its client and its session: whatever strangers write, it is one host in one
//! spelling, a client whom nobody has made up, and one session at most.
#![no_main]

use std::net::IpAddr;

use bytes::Bytes;
use server_heads::{Client, RequestHost, TrustedProxies, has_cookie, only_plain};
use http::header::COOKIE;
use http1::{HeadScan, parse_request};
use libfuzzer_sys::fuzz_target;

const SESSION: &str = "__Host-switchboard";

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        one_key(text);
    }
    let Ok(Some(length)) = HeadScan::default().find(data, true) else { return };
    let Ok(request) = parse_request(Bytes::copy_from_slice(&data[..length]), 16 * 1024) else { return };
    let mut headers = request.head.headers().clone();
    if let Ok(host) = RequestHost::of(request.head.uri(), &headers) {
        one_key(&host.name);
    }

    let [stranger, proxy] = [[192, 0, 2, 1], [10, 0, 0, 1]].map(IpAddr::from);
    let network: ipnet::IpNet = "10.0.0.0/8".parse().unwrap_or_else(|_| unreachable!("it is a network"));
    let trusted = TrustedProxies::new(vec![network]);
    let client = Client::of(stranger, &headers, &trusted);
    assert!(client.address == stranger && !client.secure && !client.through_trusted_proxy);
    let client = Client::of(proxy, &headers, &trusted);
    assert!(client.through_trusted_proxy && client.peer == proxy);
    let hops = headers.get_all("x-forwarded-for").iter().rev().map_while(|line| line.to_str().ok());
    let hops = hops.flat_map(|line| line.rsplit(',')).map_while(|hop| hop.trim().parse::<IpAddr>().ok());
    let (mut from_here, mut believed) = (hops.map(|hop| hop.to_canonical()), proxy);
    while network.contains(&believed)
        && let Some(hop) = from_here.next()
    {
        believed = hop;
    }
    assert_eq!(client.address, believed, "what stands left of a stranger is what that one says");

    let lines = headers.get_all(COOKIE).iter().filter(|line| line.to_str().is_ok()).count();
    let had = has_cookie(&headers, SESSION);
    only_plain(&mut headers, SESSION);
    assert!(had || !has_cookie(&headers, SESSION), "a session from nowhere");
    let left: Vec<_> = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).collect();
    let names = left.iter().flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let names: Vec<_> = names.map(|(name, _)| name.trim()).collect();
    assert!(lines > 0 || left.is_empty());
    assert!(names.iter().all(|name| !name.contains('%')));
    assert!(names.iter().filter(|name| **name == SESSION).count() <= 1);
});

/// A host's key is its own key, and has nothing in it that would be read differently elsewhere.
fn one_key(text: &str) {
    let Ok(host) = RequestHost::parse(text) else { return };
    assert!(host.name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/@?#,%\\".contains(&byte)));
    if !host.name.contains(':') {
        assert_eq!(RequestHost::parse(&host.name).as_ref(), Ok(&host));
    }
}
