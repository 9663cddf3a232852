//! Requests that are refused (RELIABILITY §3; checks H1, H2, H5, H6).

use super::Ways;

#[tokio::test]
async fn what_is_ambiguous_is_refused_and_not_a_byte_of_it_arrives() {
    let ways = Ways::open().await;
    let (some, long, longer) = ("x".repeat(12_000), "x".repeat(20_000), "x".repeat(70_000));
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let cases: Vec<(&str, String, &[u16])> = vec![
        ("TE and CL", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("CL and TE", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("TE and CL 0", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("lengths that differ", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde".into(), &[400]),
        ("lengths in a list", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4, 5\r\n\r\nabcde".into(), &[400]),
        ("the same length twice", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd".into(), &[400]),
        ("a length with a sign", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: +3\r\n\r\nabc".into(), &[400]),
        ("a negative length", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n".into(), &[400]),
        ("a length in hexadecimal", "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x3\r\n\r\nabc".into(), &[400]),
        ("another coding", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(), &[501]),
        ("chunked twice", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("chunked in two fields", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("a coding that is none", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".into(), &[400, 501]),
        ("TE on HTTP/1.0", "POST / HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("a space before the colon", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A : 1\r\n\r\n".into(), &[400]),
        ("TE with a space before the colon", "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n".into(), &[400]),
        ("a folded line", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: 1\r\n 2\r\n\r\n".into(), &[400]),
        ("a line that begins with a space", "GET / HTTP/1.1\r\n X-A: 1\r\nHost: HOST\r\n\r\n".into(), &[400]),
        ("bare line feeds", "GET / HTTP/1.1\nHost: HOST\n\n".into(), &[400]),
        ("one bare line feed", "GET / HTTP/1.1\r\nHost: HOST\nX-A: 1\r\n\r\n".into(), &[400]),
        ("a bare carriage return", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: 1\rX-B: 2\r\n\r\n".into(), &[400]),
        ("NUL in a value", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: 1\0\r\n\r\n".into(), &[400]),
        ("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: HOST\r\n\r\n".into(), &[400]),
        ("a name that is none", "GET / HTTP/1.1\r\nHost: HOST\r\nX(A): 1\r\n\r\n".into(), &[400]),
        ("a field without a colon", "GET / HTTP/1.1\r\nHost: HOST\r\nX-A\r\n\r\n".into(), &[400]),
        ("a method that is none", "G@T / HTTP/1.1\r\nHost: HOST\r\n\r\n".into(), &[400]),
        ("another version", "GET / HTTP/2.0\r\nHost: HOST\r\n\r\n".into(), &[505]),
        ("HTTP/0.9", "GET /\r\n\r\n".into(), &[400, 505]),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n".into(), &[400]),
        ("no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into(), &[400]),
        ("two Hosts", "GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nHost: HOST\r\n\r\n".into(), &[400]),
        ("two Hosts that differ", "GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nHost: other.test\r\n\r\n".into(), &[400]),
        ("an empty Host", "GET / HTTP/1.1\r\nConnection: close\r\nHost: \r\n\r\n".into(), &[400]),
        ("a user in Host", "GET / HTTP/1.1\r\nConnection: close\r\nHost: user@HOST\r\n\r\n".into(), &[400]),
        ("a path in Host", "GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST/x\r\n\r\n".into(), &[400]),
        ("a list in Host", "GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST, other.test\r\n\r\n".into(), &[400]),
        ("a target of another host", "GET http://other.test/ HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n\r\n".into(), &[400]),
        ("CONNECT", "CONNECT HOST HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n\r\n".into(), &[405]),
        ("TRACE", "TRACE / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n".into(), &[405]),
        ("a long target", format!("GET /{long} HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n\r\n"), &[414]),
        ("a very long target", format!("GET /{longer} HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n\r\n"), &[414, 431]),
        ("a field of 1 MB", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nX-A: {}\r\n\r\n", "x".repeat(1_000_000)), &[431]),
        ("a field of 70 kB", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nX-A: {longer}\r\n\r\n"), &[431]),
        ("a field of 20 kB", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nX-A: {long}\r\n\r\n"), &[431]),
        ("three fields of 12 kB", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\nX-A: {some}\r\nX-B: {some}\r\nX-C: {some}\r\n\r\n"), &[431]),
        ("150 fields", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n{}\r\n", fields(150)), &[431]),
        ("5,000 fields", format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: HOST\r\n{}\r\n", fields(5_000)), &[431]),
    ];
    for way in &ways.ways {
        for (what, request, expected) in &cases {
            let answer = way.raw(request).await;
            let status = answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
            assert!(status.is_some_and(|status| expected.contains(&status)), "{}, {what}: {answer}", way.name);
            // The connection has ended, or it would still be read from; and there was one answer only.
            assert_eq!(answer.matches("x-request-id:").count(), 1, "{}, {what}: {answer}", way.name);
            assert_eq!(way.origin.received(), "", "{}, {what}", way.name);
        }
    }
}

#[tokio::test]
async fn a_body_whose_framing_breaks_is_never_whole_to_the_origin() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for (what, body) in [
            ("a chunk that ends with a line feed", "2\nok\n0\n\n"),
            ("a length that is none", "zz\r\nok\r\n0\r\n\r\n"),
            ("more than the chunk said", "2\r\nokok\r\n0\r\n\r\n"),
            ("a length that overflows", "fffffffffffffffff\r\nok\r\n0\r\n\r\n"),
        ] {
            let request = format!("POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            let answer = way.raw(&request).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{}, {what}: {answer}", way.name);
            let received = way.origin.received();
            assert!(!received.ends_with("0\r\n\r\n"), "{}, {what}: {received}", way.name);
            way.origin.forget();
        }
    }
}
