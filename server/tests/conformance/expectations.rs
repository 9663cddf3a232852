//! Requests that wait to be told to continue, and those that take their time (check H9).

use std::time::Duration;

use super::Ways;

const EXPECTS: &str = "HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

#[tokio::test]
async fn a_client_is_told_once_to_continue_and_the_origin_is_not_bothered() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let mut client = way.connect().await;
        client.write(&format!("POST /whole {EXPECTS}")).await;
        assert_eq!(client.read_to("\r\n\r\n").await, CONTINUE, "{}", way.name);
        client.write("hello").await;
        let answer = client.read_to("\r\n\r\nok").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        // Who does not wait gets the same answer, and is not told more than once.
        client.write(&format!("POST /whole {EXPECTS}hello")).await;
        let answer = client.read_to("\r\n\r\nok").await;
        let answer = answer.strip_prefix(CONTINUE).unwrap_or(&answer);
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("100 Continue"), "{}: {answer}", way.name);
        // The connection is in step.
        client.write("GET /next HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
        assert!(client.read_to("\r\n\r\nok").await.starts_with("HTTP/1.1 200 "), "{}", way.name);
        let seen = way.origin.received().to_ascii_lowercase();
        assert!(!seen.contains("expect"), "{}: {seen}", way.name);
        assert_eq!(seen.matches("hello").count(), 2, "{}: {seen}", way.name);
        way.origin.forget();
    }
}

#[tokio::test]
async fn an_expectation_of_something_else_fails() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for expected in ["200-ok", "100-continue, more", "100-continue\r\nExpect: more"] {
            let answer = way
                .raw(&format!(
                    "POST /a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 5\r\nExpect: {expected}\r\n\r\nhello"
                ))
                .await;
            assert!(answer.starts_with("HTTP/1.1 417 "), "{}, {expected}: {answer}", way.name);
            assert_eq!(way.origin.received(), "", "{}, {expected}", way.name);
        }
        // HTTP/1.0 does not know it: nobody waits (RFC 9110 section 10.1.1).
        let answer = way
            .raw("POST /whole HTTP/1.0\r\nHost: HOST\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        way.origin.forget();
    }
}

/// The answer is final at once. Whoever sends the body nevertheless sends nobody a request with it.
#[tokio::test]
async fn who_is_refused_is_not_told_to_continue() {
    let ways = Ways::open().await;
    let way = &ways.ways[0];
    let request = format!("POST / {}", EXPECTS.replace("HOST", "nobody.test"));
    let answer = way.raw(&format!("{request}GET /smuggled HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
    assert_eq!(way.origin.received(), "");
}

/// Nobody can answer a request that is still being sent: the time for a response runs from the last piece of it.
#[tokio::test]
async fn a_long_upload_is_not_cut_off_while_it_goes_on() {
    const PIECES: usize = 24;
    let ways = Ways::open_with(&[("SWITCHBOARD_RESPONSE_TIMEOUT", "2s")]).await;
    let upload = async |way: &super::Way| {
        let mut client = way.connect().await;
        client.write(&format!("PUT /whole HTTP/1.1\r\nHost: HOST\r\nContent-Length: {PIECES}\r\n\r\n")).await;
        let mut pace = tokio::time::interval(Duration::from_millis(250));
        for _ in 0..PIECES {
            pace.tick().await;
            client.write("x").await;
        }
        let answer = client.read_to("\r\n\r\nok").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        assert!(way.origin.received().ends_with(&"x".repeat(PIECES)), "{}", way.name);
    };
    let [direct, tunnel] = &ways.ways;
    tokio::join!(upload(direct), upload(tunnel));
    // Once it stands still, it is over.
    let stall = async |way: &super::Way| {
        let mut client = way.connect().await;
        client.write("PUT /whole HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\nx").await;
        let answer = client.read_to("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 504 "), "{}: {answer}", way.name);
    };
    tokio::join!(stall(direct), stall(tunnel));
}
