//! Responses, and what the client sees of them (checks H3, H7, H8, H12).

use super::Ways;

#[tokio::test]
async fn a_response_that_may_be_read_in_two_ways_is_a_bad_gateway() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for path in ["/te-and-cl", "/two-lengths", "/not-asked", "/garbage", "/silence", "/half-a-head"] {
            for method in ["POST", "GET"] {
                let request = format!("{method} {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
                let answer = way.raw(&request).await;
                assert!(answer.starts_with("HTTP/1.1 502 "), "{}, {method} {path}: {answer}", way.name);
                assert!(!answer.contains("evil"), "{}, {method} {path}: {answer}", way.name);
            }
        }
    }
}

/// An origin may switch to one of the protocols that it was asked for, and to nothing else (RFC 9110 section 7.8).
#[tokio::test]
async fn a_switch_to_what_was_not_asked_for_is_a_bad_gateway() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for path in ["/not-asked", "/no-protocol", "/one-more"] {
            let answer = way
                .raw(&format!(
                    "GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: other/1, chat\r\n\r\n\
                     GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
                ))
                .await;
            assert!(answer.starts_with("HTTP/1.1 502 "), "{}, {path}: {answer}", way.name);
            assert!(!answer.contains("evil"), "{}, {path}: {answer}", way.name);
            // The client's connection is HTTP as before.
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{}, {path}: {answer}", way.name);
            assert!(
                answer.contains("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok"),
                "{}, {path}: {answer}",
                way.name
            );
        }
        for (path, asked) in [("/upgrade", "other/1, CHAT"), ("/version", "chat"), ("/version", "other, chat/2")] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: {asked}\r\n\r\n");
            let answer = way.raw(&request).await;
            let switched = answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\nwelcome");
            assert!(switched, "{}, {path} for {asked}: {answer}", way.name);
        }
    }
}

#[tokio::test]
async fn a_response_cut_short_has_no_clean_end() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for path in ["/short", "/short-chunks", "/bad-chunk"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", way.host);
            // Closing and resetting both show it.
            let answer = read_what_comes(way, &request).await;
            let clean = answer.ends_with("0\r\n\r\n") || answer.contains("Content-Length: 5\r\n");
            assert!(
                !clean && !answer.contains("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"),
                "{}, {path}: {answer}",
                way.name
            );
        }
    }
}

async fn read_what_comes(way: &super::Way, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(way.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while matches!(stream.read_buf(&mut answer).await, Ok(1..)) {}
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn responses_without_a_body_keep_the_connection_in_step() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way
            .raw(
                "GET /no-content HTTP/1.1\r\nHost: HOST\r\n\r\nGET /not-modified HTTP/1.1\r\nHost: HOST\r\n\r\n\
                 HEAD /a HTTP/1.1\r\nHost: HOST\r\n\r\nGET /hints HTTP/1.1\r\nHost: HOST\r\n\r\n\
                 GET /last HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
            )
            .await;
        let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!(statuses, ["204", "304", "200", "103", "200", "200"], "{}: {answer}", way.name);
        let no_content = answer.split("HTTP/1.1 ").nth(1).unwrap().to_ascii_lowercase();
        assert!(!no_content.contains("content-length") && no_content.ends_with("\r\n\r\n"), "{}: {answer}", way.name);
        assert!(answer.ends_with("\r\n\r\nok"), "{}: {answer}", way.name);
        assert_eq!(answer.matches("\r\n\r\nok").count(), 2, "{}: {answer}", way.name);
    }
}

#[tokio::test]
async fn what_belongs_to_the_connection_does_not_come_back() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way.raw("GET /hop HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
        let answer = answer.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 200 "), "{}: {answer}", way.name);
        for gone in ["x-own", "keep-alive", "proxy-authenticate"] {
            assert!(!answer.contains(gone), "{}: {gone} in {answer}", way.name);
        }
        let answer = way.raw("GET /until-close HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
        assert!(answer.contains("all of it"), "{}: {answer}", way.name);
    }
}

/// An origin that says more than it was asked for says it to nobody.
#[tokio::test]
async fn nobody_gets_the_rest_of_somebody_elses_response() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for _ in 0..20 {
            let answer = way.raw("GET /too-much HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
            assert!(answer.ends_with("\r\n\r\nok"), "{}: {answer}", way.name);
            let next = way.raw("GET /next HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
            assert!(next.ends_with("\r\n\r\nok") && !next.contains("EVIL"), "{}: {next}", way.name);
        }
    }
}
