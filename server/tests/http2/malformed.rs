//! Requests that make no sense (RFC 9113 section 8.1.1): their stream is reset, and nothing of them arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;

use crate::SOON;
use crate::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR, Raw, fields, get};
use crate::support::{Origin, Switchboard, full, within};

/// A local server that counts its requests.
async fn counting() -> (Origin, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let origin = Origin::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Response::new(full("answered")) }
    })
    .await;
    (origin, count)
}

#[tokio::test]
async fn malformed_heads_are_refused_and_nothing_arrives() {
    let switchboard = Switchboard::start().await;
    let (origin, arrived) = counting().await;
    let _telephone = switchboard.telephone("strict", &origin).await;
    let authority = format!("strict.localhost:{}", switchboard.address.port());
    let authority = authority.as_str();
    let with = |more: &[(&str, &str)]| get(authority, more);
    let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority)];
    let replaced = |name: &str, value: &str| {
        fields(
            &usual
                .map(|(known, usual)| if known == name { (known, value.to_owned()) } else { (known, usual.to_owned()) })
                .each_ref()
                .map(|(name, value)| (*name, value.as_str())),
        )
    };
    let without = |name: &str| fields(&usual.into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>());
    let blocks = [
        ("a field of the connection", with(&[("connection", "keep-alive")])),
        ("keep-alive", with(&[("keep-alive", "timeout=5")])),
        ("proxy-connection", with(&[("proxy-connection", "keep-alive")])),
        ("a transfer coding", with(&[("transfer-encoding", "chunked")])),
        ("an upgrade", with(&[("upgrade", "websocket")])),
        ("te beside trailers", with(&[("te", "gzip")])),
        ("a space before a value", with(&[("x-a", " b")])),
        ("a tab behind a value", with(&[("x-a", "b\t")])),
        ("two equal lengths", with(&[("content-length", "0"), ("content-length", "0")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "1")])),
        ("a length with a sign", with(&[("content-length", "+0")])),
        ("a length without a body", with(&[("content-length", "5")])),
        ("a pseudo-field behind a field", fields(&[usual[0], usual[1], usual[2], ("x-a", "b"), usual[3]])),
        ("a pseudo-field twice", with(&[(":path", "/other")])),
        ("a status", with(&[(":status", "200")])),
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("an empty path", replaced(":path", "")),
        ("a path without a slash", replaced(":path", "other")),
        ("an asterisk for a GET", replaced(":path", "*")),
        ("a path with a space", replaced(":path", "/a b")),
        ("another scheme", replaced(":scheme", "gopher")),
        ("an extended CONNECT", with(&[(":protocol", "websocket")])),
    ];
    let mut client = Raw::to(switchboard.address).await;
    for (number, (what, block)) in blocks.iter().enumerate() {
        let stream = 2 * u32::try_from(number).unwrap() + 1;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, block).await;
        let reset = within(SOON, what, client.reset_of(stream)).await;
        assert_eq!(reset, Some(PROTOCOL_ERROR), "{what}");
    }
    // The connection goes on.
    client.send(HEADERS, END_HEADERS | END_STREAM, 201, &with(&[])).await;
    assert!(within(SOON, "an answer", client.next_of(DATA, 201)).await.is_some());
    assert_eq!(arrived.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_confuses_the_whole_connection_ends_it() {
    let switchboard = Switchboard::start().await;
    let (origin, arrived) = counting().await;
    let _telephone = switchboard.telephone("strict", &origin).await;
    let authority = format!("strict.localhost:{}", switchboard.address.port());
    for (what, stream, block) in [
        ("an upper-case name", 1, get(&authority, &[("X-A", "b")])),
        ("a line break in a value", 1, get(&authority, &[("x-a", "b\r\nhost: other")])),
        ("a NUL in a value", 1, get(&authority, &[("x-a", "b\0")])),
        ("a name with a space", 1, get(&authority, &[("x a", "b")])),
        ("an unknown pseudo-field", 1, get(&authority, &[(":other", "value")])),
        ("an even stream", 2, get(&authority, &[])),
        ("no field block at all", 1, vec![0xff; 20]),
    ] {
        let mut client = Raw::to(switchboard.address).await;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &block).await;
        // Either the stream or the connection; what is after it is not waited for.
        let mut refused = false;
        within(SOON, what, async {
            while let Some(frame) = client.next().await {
                refused |= matches!(frame.kind, crate::raw::RST_STREAM | crate::raw::GOAWAY);
                assert_ne!(frame.kind, HEADERS, "{what}");
                if refused {
                    break;
                }
            }
        })
        .await;
        assert!(refused, "{what}");
    }
    assert_eq!(arrived.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_body_of_another_length_than_was_said_is_never_taken_for_whole() {
    let switchboard = Switchboard::start().await;
    let whole = Arc::new(AtomicUsize::new(0));
    let counted = whole.clone();
    let origin = Origin::start(move |request| {
        let counted = counted.clone();
        async move {
            use http_body_util::BodyExt;
            if request.into_body().collect().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Response::new(full("answered"))
        }
    })
    .await;
    let _telephone = switchboard.telephone("lengths", &origin).await;
    let authority = format!("lengths.localhost:{}", switchboard.address.port());
    let post = |length: &str| {
        let pseudo = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", authority.as_str())];
        fields(&[pseudo[0], pseudo[1], pseudo[2], pseudo[3], ("content-length", length)])
    };
    let bodies: [(_, &[&[u8]]); 5] =
        [("5", &[b"four"]), ("3", &[b"four"]), ("5", &[b""]), ("9", &[b"four", b"four"]), ("7", &[b"four", b"four"])];
    for (length, body) in bodies {
        let mut client = Raw::to(switchboard.address).await;
        client.send(HEADERS, END_HEADERS, 1, &post(length)).await;
        for (number, part) in body.iter().enumerate() {
            client.send(DATA, if number + 1 == body.len() { END_STREAM } else { 0 }, 1, part).await;
        }
        assert_eq!(within(SOON, "a reset", client.reset_of(1)).await, Some(PROTOCOL_ERROR), "{length}: {body:?}");
    }
    // Trailers that are not for the other end of the line.
    for trailer in [("connection", "close"), ("transfer-encoding", "chunked")] {
        let mut client = Raw::to(switchboard.address).await;
        client.send(HEADERS, END_HEADERS, 1, &post("4")).await;
        client.send(DATA, 0, 1, b"four").await;
        client.send(HEADERS, END_HEADERS | END_STREAM, 1, &fields(&[trailer])).await;
        let reset = within(SOON, trailer.0, client.reset_of(1)).await;
        assert_eq!(reset, Some(PROTOCOL_ERROR), "{trailer:?}");
    }
    assert_eq!(whole.load(Ordering::Relaxed), 0);
}
