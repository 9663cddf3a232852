//! Bodies, whatever way they come.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http1::{BodyDecoder, BodyError, Decoded, Framing, parse_response};
use proptest::prelude::*;

/// A whole body: its data, its trailers, and what was left behind its end.
type Whole = (Vec<u8>, HeaderMap, Vec<u8>);

/// What a body comes to when it comes in pieces.
fn read(framing: Framing, pieces: &[&[u8]]) -> Result<Option<Whole>, BodyError> {
    let (mut decoder, mut buffer) = (BodyDecoder::new(framing), BytesMut::new());
    let (mut data, mut trailers, mut ended) = (Vec::new(), HeaderMap::new(), false);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while !ended {
            match decoder.decode(&mut buffer)? {
                Decoded::Data(bytes) => data.extend_from_slice(&bytes),
                Decoded::Trailers(fields) => (trailers, ended) = (fields, true),
                Decoded::End => ended = true,
                Decoded::More => break,
            }
        }
    }
    assert_eq!(ended, decoder.is_ended() || framing == Framing::NONE);
    Ok(ended.then(|| (data, trailers, buffer.to_vec())))
}

fn chunked(body: &str) -> Result<Option<Whole>, BodyError> {
    read(Framing::Chunked, &[body.as_bytes()])
}

#[test]
fn a_chunked_body_ends_with_its_last_chunk() {
    let (data, trailers, left) = chunked("5;a=b\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\nGET").unwrap().unwrap();
    assert_eq!((&data[..], trailers.len(), &left[..]), (&b"hello0123456789"[..], 0, &b"GET"[..]));
}

#[test]
fn trailers_are_kept_but_none_that_would_change_the_message() {
    let (_, trailers, _) = chunked("0\r\nX-Sum: 1\r\nHost: evil\r\nContent-Length: 9\r\n\r\n").unwrap().unwrap();
    assert_eq!(trailers, HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]));
}

#[test]
fn chunks_that_others_may_read_differently_are_refused() {
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 x\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "\r\n",
        ";a\r\n",
        "11111111111111111\r\n",
        "5;a\rb\r\nhello\r\n",
        "0\r\nX: 1\n\r\n",
        "0\r\nX : 1\r\n Y\r\n\r\n",
    ] {
        assert!(matches!(chunked(body), Err(BodyError::Chunk(_))), "{body:?}: {:?}", chunked(body));
    }
    let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(5000));
    assert!(matches!(chunked(&long), Err(BodyError::Chunk(_))));
    let many = format!("1;{}\r\nx\r\n", "a".repeat(1000)).repeat(20);
    assert!(matches!(chunked(&many), Err(BodyError::Chunk(_))));
    let trailers = format!("0\r\n{}\r\n", "X: 0123456789\r\n".repeat(2000));
    assert!(matches!(chunked(&trailers), Err(BodyError::Chunk(_))));
}

#[test]
fn a_body_that_breaks_off_is_no_whole_one() {
    for framing in [Framing::Length(10), Framing::Chunked] {
        let mut decoder = BodyDecoder::new(framing);
        let _some = decoder.decode(&mut BytesMut::from(&b"3\r\nabc\r\n"[..])).unwrap();
        assert!(matches!(decoder.close(), Err(BodyError::Incomplete)), "{framing:?}");
    }
    assert!(BodyDecoder::new(Framing::UntilClose).close().is_ok());
}

fn framing(method: Method, head: &str) -> Result<Framing, String> {
    let head = format!("HTTP/1.1 {head}\r\n\r\n");
    parse_response(Bytes::from(head), &method).map(|response| response.framing).map_err(|error| error.to_string())
}

#[test]
fn a_response_ends_where_rfc_9112_says() {
    assert_eq!(framing(Method::GET, "200 OK\r\nContent-Length: 3"), Ok(Framing::Length(3)));
    assert_eq!(framing(Method::GET, "200 OK\r\nContent-Length: 3\r\nContent-Length: 3"), Ok(Framing::Length(3)));
    assert_eq!(framing(Method::GET, "200 OK\r\nTransfer-Encoding: chunked"), Ok(Framing::Chunked));
    assert_eq!(framing(Method::GET, "200 OK"), Ok(Framing::UntilClose));
    assert_eq!(framing(Method::HEAD, "200 OK\r\nContent-Length: 3"), Ok(Framing::NONE));
    for head in ["204 No Content\r\nContent-Length: 3", "304 Not Modified\r\nContent-Length: 3", "103 Early Hints"] {
        assert_eq!(framing(Method::GET, head), Ok(Framing::NONE), "{head}");
    }
}

#[test]
fn a_length_that_is_said_twice_is_passed_on_once() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n";
    let response = parse_response(Bytes::from(head), &Method::GET).unwrap();
    assert_eq!(response.headers.get_all(http::header::CONTENT_LENGTH).iter().count(), 1);
}

#[test]
fn a_response_that_may_end_in_two_places_is_refused() {
    for head in [
        "200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
        "200 OK\r\nContent-Length: 3\r\nContent-Length: 4",
        "200 OK\r\nContent-Length: x",
        "200 OK\r\nTransfer-Encoding: gzip, chunked",
        "200 OK\r\nTransfer-Encoding: gzip",
    ] {
        assert!(framing(Method::GET, head).is_err(), "{head}");
    }
}

proptest! {
    /// However a chunked body is cut up, it is the same body.
    #[test]
    fn a_chunked_body_does_not_depend_on_how_it_comes(
        chunks in proptest::collection::vec("[a-z\r\n]{1,40}", 0..6),
        cuts in proptest::collection::vec(0usize..300, 0..10),
        trailer: bool,
    ) {
        let mut body: String = chunks.iter().map(|chunk| format!("{:X}\r\n{chunk}\r\n", chunk.len())).collect();
        body += if trailer { "0\r\nx: y\r\n\r\n" } else { "0\r\n\r\n" };
        let bytes = body.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let (data, trailers, left) = read(Framing::Chunked, &pieces).unwrap().unwrap();
        prop_assert_eq!(data, chunks.concat().into_bytes());
        prop_assert_eq!(trailers.len(), usize::from(trailer));
        prop_assert!(left.is_empty());
    }

    /// Whatever comes, it is read or refused.
    #[test]
    fn no_body_does_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _either = read(Framing::Chunked, &[&bytes]);
    }
}
