//! What a request's head says of its host, its client and its session, and what it says of the client when it goes on: whatever
//! strangers write, it is one host in one spelling, a client whom nobody has made up, and one session at most.
#![no_main]

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{COOKIE, FORWARDED, HOST, HeaderName};
use http1::{HeadScan, parse_request};
use libfuzzer_sys::fuzz_target;
use server_heads::{Client, RequestHost, TrustedProxies, forwarded, has_cookie, only_plain};

const SESSION: &str = "__Host-switchboard";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

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
    goes_on(&headers, &client);
    let client = Client::of(proxy, &headers, &trusted);
    goes_on(&headers, &client);
    let other = IpAddr::from([0xfd00_u16, 0, 0, 0, 0, 0, 0, 1]);
    goes_on(&headers, &Client { peer: other, ..client });
    assert!(client.through_trusted_proxy && client.peer == proxy);
    let hops = headers.get_all(X_FORWARDED_FOR).iter().rev().map_while(|line| line.to_str().ok());
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

/// Whoever is told of the client hears of this hop last, in one element that nothing leads out of, and before it what a trusted
/// proxy has said, in its order and all of it. Of a stranger's words there are none.
fn goes_on(headers: &HeaderMap, client: &Client) {
    let host = headers.get(HOST);
    let (chain, hops) = forwarded(headers, client, client.through_trusted_proxy, host);
    let (chain, hops) = (chain.to_str().expect("an ASCII text"), hops.to_str().expect("an ASCII text"));
    let (peer, proto) = (client.peer, if client.secure { "https" } else { "http" });
    let own = if peer.is_ipv4() { format!("for={peer}") } else { format!("for=\"[{peer}]\"") };
    let quoted = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\', '\t']));
    let own = quoted.map_or(format!("{own};proto={proto}"), |host| format!("{own};host=\"{host}\";proto={proto}"));
    let (addresses, elements) = match client.through_trusted_proxy {
        true => (listed(headers, &X_FORWARDED_FOR), whole(headers)),
        false => Default::default(),
    };
    for (told, said, last) in [(addresses, chain, peer.to_string()), (elements, hops, own)] {
        let before = said.strip_suffix(&last).expect("this hop is the last");
        assert_eq!(before, told.iter().map(|entry| format!("{entry}, ")).collect::<String>());
    }
}

/// The entries of a list that may come in several fields.
fn listed(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let texts: Vec<_> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let entries = texts.join(",");
    entries.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

/// The values of `Forwarded` that leave none of their quotes open.
fn whole(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(FORWARDED).iter().filter_map(|line| line.to_str().ok()).map(str::trim);
    let is_whole = |value: &&str| {
        // Whether quotes are open, and whether the next character is escaped.
        let (open, _) = value.chars().fold((false, false), |(open, escaped), next| match next {
            _ if escaped => (open, false),
            '\\' => (open, open),
            '"' => (!open, false),
            _ => (open, false),
        });
        !open
    };
    values.filter(|value| !value.is_empty()).filter(is_whole).map(str::to_owned).collect()
}

/// A host's key is its own key, and has nothing in it that would be read differently elsewhere.
fn one_key(text: &str) {
    let Ok(host) = RequestHost::parse(text) else { return };
    assert!(
        host.name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/@?#,%\\".contains(&byte))
    );
    if !host.name.contains(':') {
        assert_eq!(RequestHost::parse(&host.name).as_ref(), Ok(&host));
    }
}
