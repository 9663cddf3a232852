//! Which request heads are taken, and which are refused with what: the table of docs/reliability.md.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http1::{Framing, HeadScan, Request, RequestError, parse_request};
use proptest::prelude::*;

const MAX_TARGET: usize = 16 * 1024;

/// The whole head goes through the same two steps as one from a socket.
fn read(head: &str) -> Result<Request, RequestError> {
    let found = HeadScan::default().find(head.as_bytes(), true);
    let length = found.map_err(|_| RequestError::Malformed("a line that does not end in CRLF"))?.unwrap();
    assert_eq!(length, head.len());
    parse_request(Bytes::copy_from_slice(head.as_bytes()), MAX_TARGET)
}

fn with(fields: &str) -> Result<Request, RequestError> {
    read(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

fn status(refused: Result<Request, RequestError>) -> u16 {
    refused.unwrap_err().status().as_u16()
}

#[test]
fn a_body_ends_where_there_is_no_doubt() {
    assert_eq!(with("").unwrap().framing, Framing::NONE);
    assert_eq!(with("Content-Length: 5\r\n").unwrap().framing, Framing::Length(5));
    assert_eq!(with("Transfer-Encoding: Chunked\r\n").unwrap().framing, Framing::Chunked);
}

#[test]
fn a_body_that_may_end_in_two_places_is_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 6\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        assert_eq!(status(with(fields)), 400, "{fields:?}");
    }
    for fields in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
    ] {
        assert_eq!(status(with(fields)), 501, "{fields:?}");
    }
    assert_eq!(status(read("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")), 400);
}

#[test]
fn heads_that_others_may_read_differently_are_refused() {
    for head in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/x\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ] {
        assert_eq!(status(read(head)), 400, "{head:?}");
    }
    assert_eq!(status(read("GET / HTTP/2.0\r\nHost: a\r\n\r\n")), 505);
    assert_eq!(status(read("PRI * HTTP/2.0\r\n\r\n")), 505);
    assert_eq!(status(read(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(MAX_TARGET)))), 414);
    assert_eq!(status(with(&"X: 1\r\n".repeat(100))), 431);
}

#[test]
fn the_four_forms_of_a_target_are_understood() {
    let target = |line: &str| read(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap().head.uri().to_string();
    assert_eq!(target("GET /a/b?c=d"), "/a/b?c=d");
    assert_eq!(target("GET http://b.example/x"), "http://b.example/x");
    assert_eq!(target("OPTIONS *"), "*");
    assert_eq!(target("CONNECT a:443"), "a:443");
}

#[test]
fn what_a_client_says_of_its_connection_is_understood() {
    assert!(with("").unwrap().keep_alive);
    assert!(!with("Connection: X, Close\r\n").unwrap().keep_alive);
    assert!(!read("GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
    assert!(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap().keep_alive);
    assert!(with("Content-Length: 1\r\nExpect: 100-Continue\r\n").unwrap().expects_continue);
    assert!(with("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").unwrap().wants_upgrade);
    assert!(!with("Upgrade: websocket\r\n").unwrap().wants_upgrade);
    let with_body = "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n";
    assert!(!with(with_body).unwrap().wants_upgrade);
    assert!(with("TE: gzip, trailers\r\n").unwrap().takes_trailers);
}

proptest! {
    /// However a head is cut up on its way, its end is found in the same place.
    #[test]
    fn the_end_of_a_head_does_not_depend_on_how_it_comes(
        head in "[A-Za-z :/\r\n]{0,200}", cuts in proptest::collection::vec(0usize..200, 0..10), strict: bool,
    ) {
        let bytes = head.as_bytes();
        let whole = HeadScan::default().find(bytes, strict);
        let mut scan = HeadScan::default();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let found = cuts.iter().map(|cut| scan.find(&bytes[..*cut], strict)).find(|found| *found != Ok(None));
        prop_assert_eq!(found.unwrap_or(Ok(None)), whole);
    }

    /// Whatever comes, it is read or refused.
    #[test]
    fn no_head_does_harm(head in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _either = parse_request(Bytes::from(head), MAX_TARGET);
    }
}
