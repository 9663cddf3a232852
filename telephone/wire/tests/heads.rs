//! Heads: every valid one survives the round trip, every other input is a typed error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use wire::frame::Header;
use wire::head::{HeadError, MAX_HEADERS, RequestHead, ResponseHead, decode_trailers};

fn short(out: &mut BytesMut, value: &[u8]) {
    out.put_u8(u8::try_from(value.len()).unwrap());
    out.put_slice(value);
}

/// A request block of strings below 64 bytes.
fn block(method: &[u8], target: &[u8], upgrade: &[u8], fields: &[(&[u8], &[u8])]) -> Bytes {
    let mut out = BytesMut::new();
    short(&mut out, method);
    short(&mut out, target);
    short(&mut out, upgrade);
    out.put_u8(u8::try_from(fields.len()).unwrap());
    for (name, value) in fields {
        short(&mut out, name);
        short(&mut out, value);
    }
    out.freeze()
}

#[test]
fn what_no_http_message_may_hold_is_refused() {
    let decode = |method: &str, target: &str, upgrade: &str, fields: &[(&[u8], &[u8])]| {
        RequestHead::decode(block(method.as_bytes(), target.as_bytes(), upgrade.as_bytes(), fields)).map(drop)
    };
    assert_eq!(decode("GET", "/", "", &[(b"a", b"b")]), Ok(()));
    assert_eq!(decode("OPTIONS", "*", "", &[]), Ok(()));
    assert_eq!(decode("", "/", "", &[]), Err(HeadError::Method));
    assert_eq!(decode("G T", "/", "", &[]), Err(HeadError::Method));
    assert_eq!(decode(&"M".repeat(33), "/", "", &[]), Err(HeadError::Malformed));
    for target in ["", "a", "?a", "http://a/", "/a b", "/a\r\nb", "/a#b", "*a"] {
        assert_eq!(decode("GET", target, "", &[]), Err(HeadError::Target), "{target:?}");
    }
    assert_eq!(decode("GET", "/", "a\nb", &[]), Err(HeadError::Upgrade));
    for name in [&b""[..], b"a b", b"a:", b"A", b"a\n", b"\xff"] {
        assert_eq!(decode("GET", "/", "", &[(name, b"")]), Err(HeadError::Name), "{name:?}");
    }
    for value in [&b"a\rb"[..], b"a\nb", b"\0", b"\x7f"] {
        assert_eq!(decode("GET", "/", "", &[(b"a", value)]), Err(HeadError::Value), "{value:?}");
    }
    assert_eq!(ResponseHead::decode(Bytes::from_static(&[0, 99, 0])), Err(HeadError::Status));
    assert_eq!(ResponseHead::decode(Bytes::from_static(&[3, 232, 0])), Err(HeadError::Status));
    assert_eq!(ResponseHead::decode(Bytes::from_static(&[0, 200, 0, 0])), Err(HeadError::TrailingBytes));
}

#[test]
fn limits_hold_both_ways_and_a_failed_encoding_leaves_nothing() {
    let many = HeaderMap::from_iter(
        (0..=MAX_HEADERS).map(|n| (HeaderName::try_from(format!("h{n}")).unwrap(), HeaderValue::from_static(""))),
    );
    let long = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_bytes(&[b'x'; 40_000]).unwrap())]);
    for (headers, error) in [(many, HeadError::TooManyHeaders), (long, HeadError::TooLong)] {
        let mut out = BytesMut::from(&b"before"[..]);
        let head = ResponseHead { status: StatusCode::OK, headers };
        assert_eq!(head.encode(&mut out), Err(error));
        assert_eq!(&out[..], b"before");
    }
    assert_eq!(RequestHead::decode(Bytes::from(vec![0; 40_000])), Err(HeadError::TooLong));
    let mut counted = BytesMut::from(&[0, 200, 0x40, 101][..]);
    counted.extend_from_slice(&[1, b'a', 0].repeat(101));
    assert_eq!(ResponseHead::decode(counted.freeze()), Err(HeadError::TooManyHeaders));
}

fn header_map() -> impl Strategy<Value = HeaderMap> {
    let field = ("[a-z][a-z0-9-]{0,20}", proptest::collection::vec(0x20_u8..0x7f, 0..200));
    proptest::collection::vec(field, 0..MAX_HEADERS).prop_map(|fields| {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        map
    })
}

fn request_head() -> impl Strategy<Value = RequestHead> {
    let upgrade = proptest::option::of("[a-z][a-z0-9/.]{0,20}");
    ("[A-Z]{1,32}", "/[a-zA-Z0-9/._~%?=&-]{0,500}", upgrade, header_map()).prop_map(|(method, target, up, headers)| {
        RequestHead {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target: target.parse().unwrap(),
            headers,
            upgrade: up.map(|up| HeaderValue::try_from(up).unwrap()),
        }
    })
}

proptest! {
    #[test]
    fn request_round_trip(head in request_head()) {
        let mut out = BytesMut::new();
        head.encode(&mut out).unwrap();
        prop_assert_eq!(RequestHead::decode(out.freeze()), Ok(head));
    }

    #[test]
    fn response_round_trip(status in 100_u16..1000, headers in header_map()) {
        let head = ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers };
        let mut out = BytesMut::new();
        head.encode(&mut out).unwrap();
        prop_assert_eq!(ResponseHead::decode(out.freeze()), Ok(head));
    }

    #[test]
    fn a_cut_head_is_refused(head in request_head(), cut in any::<prop::sample::Index>()) {
        let mut out = BytesMut::new();
        head.encode(&mut out).unwrap();
        let length = cut.index(out.len());
        prop_assert!(RequestHead::decode(out.freeze().slice(..length)).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        let _outcome = (RequestHead::decode(bytes.clone()), ResponseHead::decode(bytes.clone()));
        let _outcome = (decode_trailers(bytes.clone()), Header::decode(&mut bytes.clone()));
    }
}
