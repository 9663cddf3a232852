//! What is asked again, and what is not (checks H12, H13).

use super::Ways;

#[tokio::test]
async fn what_may_not_happen_twice_is_asked_once_and_the_rest_twice_at_most() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for method in ["POST", "PATCH"] {
            for path in ["/silence", "/half-a-head"] {
                // Once over a fresh connection, and once over one that is kept from before.
                for _ in 0..2 {
                    let answer = way
                        .raw(&format!("{method} {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"))
                        .await;
                    assert!(answer.starts_with("HTTP/1.1 502 "), "{}, {method} {path}: {answer}", way.name);
                    let seen = way.origin.received();
                    assert_eq!(seen.matches(path).count(), 1, "{}, {method}: {seen}", way.name);
                    way.origin.forget();
                    assert!(way.client().text("/usual").await.0 == 200);
                    way.origin.forget();
                }
            }
        }
        for method in ["GET", "PUT", "DELETE"] {
            let answer = way
                .raw(&format!(
                    "{method} /silence HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
                ))
                .await;
            assert!(answer.starts_with("HTTP/1.1 502 "), "{}, {method}: {answer}", way.name);
            let seen = way.origin.received();
            let times = seen.matches("/silence").count();
            assert!((1..=2).contains(&times), "{}, {method}: {seen}", way.name);
            way.origin.forget();
            assert!(way.client().text("/usual").await.0 == 200);
            way.origin.forget();
        }
    }
}

#[tokio::test]
async fn a_storm_of_heads_leaves_nothing_behind() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way.raw("POST /storm HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
        // All of them may pass, or be too many.
        let last = answer.rsplit("HTTP/1.1 ").next().unwrap();
        let whole = last.starts_with("200 ") && last.ends_with("\r\n\r\nok");
        assert!(whole || last.starts_with("502 "), "{}: {last}", way.name);
        let next = way.raw("GET /next HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
        assert!(next.starts_with("HTTP/1.1 200 ") && next.ends_with("\r\n\r\nok"), "{}: {next}", way.name);
    }
}
