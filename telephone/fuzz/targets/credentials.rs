//! What a request shows to be let in: a bearer token, a name and a password, cookies, a secret in the query. Whatever strangers
//! write, it is one token or one password or none, no cookie of ours goes on, and nobody is sent to another host.
#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use http1::{HeadScan, parse_request};
use libfuzzer_sys::fuzz_target;
use server_heads::{basic, bearer, cookie_values, parameter, take_cookies_out};

const OURS: [&str; 2] = ["switchboard-visitor", "__Host-switchboard-visitor"];
const PARAMETER: &str = "switchboard-ticket";
const LONGEST: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Ok(Some(length)) = HeadScan::default().find(data, true) else { return };
    let Ok(request) = parse_request(Bytes::copy_from_slice(&data[..length]), 16 * 1024) else { return };
    let headers = request.head.headers();
    one_token(headers);
    one_password(headers);
    cookies(headers.clone());
    if let Some(target) = request.head.uri().path_and_query() {
        same_host(target.path(), target.query());
    }
});

fn one_token(headers: &HeaderMap) {
    let lines = headers.get_all(AUTHORIZATION).iter().count();
    match bearer(headers) {
        Ok(None) => assert_eq!(lines, 0),
        Ok(Some(token)) => {
            assert_eq!(lines, 1);
            assert!(!token.is_empty() && token.trim() == token);
        }
        Err(_) => assert!(lines > 0),
    }
}

/// There is one way to write a name and a password, but for spaces: who reads it otherwise than we do reads nothing.
fn one_password(headers: &HeaderMap) {
    let Some(said) = basic(headers) else { return };
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { panic!("one of several") };
    assert!(!said.name.contains(':') && bearer(headers).is_err());
    let again = BASE64_STANDARD.encode(format!("{}:{}", said.name, said.password));
    assert_eq!(line.as_bytes()[6..].trim_ascii(), again.as_bytes());
}

fn cookies(mut headers: HeaderMap) {
    let before = all(&headers);
    for name in OURS {
        for value in cookie_values(&headers, name, LONGEST) {
            assert!(value.len() <= LONGEST && !value.contains(';'));
            assert!(before.iter().any(|(known, said)| known == name.as_bytes() && said == value.as_bytes()));
        }
    }
    let is_ours = |name: &[u8]| OURS.iter().any(|ours| ours.as_bytes() == name);
    take_cookies_out(&mut headers, is_ours);
    let expected: Vec<_> = before.into_iter().filter(|(name, _)| !is_ours(name)).collect();
    assert_eq!(all(&headers), expected, "theirs, and nothing else");
    assert!(OURS.iter().all(|name| cookie_values(&headers, name, usize::MAX).next().is_none()));
}

/// All cookies as one reads them who knows nothing of how they are taken out.
fn all(headers: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                all.push((name.to_vec(), value.to_vec()));
            }
        }
    }
    all
}

fn same_host(path: &str, query: Option<&str>) {
    let Some((value, rest)) = parameter(PARAMETER, path, query) else { return };
    assert!(!value.contains('&'));
    assert!(rest.starts_with('/') && !rest[1..].starts_with(['/', '\\']), "{rest}");
    let left = rest.split_once('?').map(|(_, query)| query);
    assert_eq!(parameter(PARAMETER, "/", left), None, "the secret goes no further");
}
