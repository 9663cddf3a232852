//! The bytes of each frame, spelt out: a change here is a change of the protocol.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::frame::{Header, Kind, ResetCode, put_data_header, put_head_frame, put_reset, put_stop, put_window};
use wire::head::{RequestHead, ResponseHead, decode_trailers, encode_trailers};

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}

/// What `encode` writes is `golden` (hex, blanks ignored), and its header reads back as `header`.
#[track_caller]
fn check(golden: &str, header: Header, encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    encode(&mut out);
    assert_eq!(hex::encode(&out), golden.split_whitespace().collect::<String>());
    let mut message = out.freeze();
    let (decoded, payload) = Header::decode(&mut message).unwrap();
    assert_eq!(decoded, header);
    assert!(message.is_empty());
    payload
}

#[test]
fn request() {
    let head = RequestHead {
        method: Method::GET,
        target: "/a?b=1".parse().unwrap(),
        headers: headers(&[("host", "x.test"), ("accept", "*/*")]),
        upgrade: None,
    };
    let payload = check(
        "81 000024 00000001   03 474554   06 2f613f623d31   00   02   04 686f7374 06 782e74657374   06 616363657074 03 2a2f2a",
        Header { kind: Kind::Request, end: true, stream: 1, length: 36 },
        |out| put_head_frame(out, Kind::Request, 1, true, |out| head.encode(out)).unwrap(),
    );
    assert_eq!(RequestHead::decode(payload).unwrap(), head);
}

#[test]
fn request_with_an_upgrade() {
    let head = RequestHead {
        method: Method::GET,
        target: "/".parse().unwrap(),
        headers: HeaderMap::new(),
        upgrade: Some(HeaderValue::from_static("websocket")),
    };
    let payload = check(
        "01 000011 00000002   03 474554   01 2f   09 776562736f636b6574   00",
        Header { kind: Kind::Request, end: false, stream: 2, length: 17 },
        |out| put_head_frame(out, Kind::Request, 2, false, |out| head.encode(out)).unwrap(),
    );
    assert_eq!(RequestHead::decode(payload).unwrap(), head);
}

#[test]
fn response() {
    let head = ResponseHead { status: StatusCode::OK, headers: headers(&[("set-cookie", "a"), ("set-cookie", "b")]) };
    let payload = check(
        "02 00001d 00000003   00c8   02   0a 7365742d636f6f6b6965 01 61   0a 7365742d636f6f6b6965 01 62",
        Header { kind: Kind::Response, end: false, stream: 3, length: 29 },
        |out| put_head_frame(out, Kind::Response, 3, false, |out| head.encode(out)).unwrap(),
    );
    assert_eq!(ResponseHead::decode(payload).unwrap(), head);
}

#[test]
fn data() {
    let payload =
        check("83 000005 00000004 68656c6c6f", Header { kind: Kind::Data, end: true, stream: 4, length: 5 }, |out| {
            put_data_header(out, 4, 5, true);
            out.extend_from_slice(b"hello");
        });
    assert_eq!(&payload[..], b"hello");
}

#[test]
fn trailers() {
    let trailers = headers(&[("grpc-status", "0")]);
    let payload = check(
        "84 00000f 00000005   01   0b 677270632d737461747573 01 30",
        Header { kind: Kind::Trailers, end: true, stream: 5, length: 15 },
        |out| put_head_frame(out, Kind::Trailers, 5, true, |out| encode_trailers(&trailers, out)).unwrap(),
    );
    assert_eq!(decode_trailers(payload).unwrap(), trailers);
}

#[test]
fn numbers() {
    let header = |kind, stream| Header { kind, end: false, stream, length: 4 };
    check("05 000004 00000006 00000001", header(Kind::Reset, 6), |out| put_reset(out, 6, ResetCode::CANCEL));
    check("06 000004 00000007 00000000", header(Kind::Stop, 7), |out| put_stop(out, 7, ResetCode::NO_ERROR));
    check("07 000004 00000008 00010000", header(Kind::Window, 8), |out| put_window(out, 8, 65_536));
    check("07 000004 00000000 00000001", header(Kind::Window, 0), |out| put_window(out, 0, 1));
}

#[test]
fn a_long_value_has_a_two_byte_length() {
    let head = ResponseHead {
        status: StatusCode::NOT_FOUND,
        headers: HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_bytes(&[b'x'; 300]).unwrap())]),
    };
    let mut out = BytesMut::new();
    head.encode(&mut out).unwrap();
    assert_eq!(hex::encode(&out[..12]), "01940106736572766572412c");
    assert_eq!(ResponseHead::decode(out.freeze()).unwrap(), head);
}
