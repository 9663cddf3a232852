//! Requests that pass, and what the origin sees of them (checks H2, H3, H4, H10, H11).

use super::Ways;

/// The one request the origin got, in lower case.
fn seen(way: &super::Way) -> String {
    let seen = way.origin.received().to_ascii_lowercase();
    way.origin.forget();
    seen
}

#[tokio::test]
async fn what_belongs_to_the_connection_or_was_made_up_does_not_arrive() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way
            .raw(
                "GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: close, X-Own, Host, Cookie, Content-Length\r\nX-Own: 1\r\n\
                 Connection: Authorization, X-Forwarded-For, X-Forwarded-Proto, Forwarded\r\nAuthorization: Bearer y\r\n\
                 X-Forwarded-Port: 6666\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Server: evil.test\r\n\
                 X-Forwarded-User: eve\r\nX-Forwarded-Ssl: on\r\nX_Forwarded_Port: 6666\r\n\
                 Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nTE: gzip, trailers\r\n\
                 Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nCookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\n\
                 X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\n\
                 Forwarded: for=6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n\
                 X-Request-Id: mine\r\nX-Switchboard-Hop: 1\r\n\r\n",
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        let seen = seen(way);
        for gone in [
            "x-own",
            "6666",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "x-forwarded-user",
            "x-forwarded-ssl",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "gzip",
            "upgrade",
            "6.6.6.6",
            "evil.test",
            "x_forwarded",
            "x_real_ip",
            "x-real-ip",
            "x-request-id: mine",
            "x-switchboard-hop",
            "connection: close",
        ] {
            assert!(!seen.contains(gone), "{}: {gone} in {seen}", way.name);
        }
        let host = format!("\r\nhost: {}\r\n", way.host);
        for there in [
            "get /a http/1.1\r\n",
            &host,
            "\r\ncookie: a=b\r\n",
            "\r\nauthorization: bearer y\r\n",
            "\r\nx-forwarded-proto: http\r\n",
            "\r\nx-forwarded-for: 127.0.0.1\r\n",
        ] {
            assert!(seen.contains(there), "{}: {there} not in {seen}", way.name);
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_what_it_says_of_the_client() {
    let ways = Ways::open_with(&[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    for way in &ways.ways {
        let answer = way
            .raw(
                "GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.4\r\n\
                 X-Forwarded-Host: outer.test\r\nX-Forwarded-Proto: https\r\nForwarded: for=198.51.100.4\r\n\
                 X-Forwarded-Port: 8443\r\n\
                 X-Real-IP: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Switchboard-Hop: 1\r\n\r\n",
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        let seen = seen(way);
        for there in [
            "\r\nx-forwarded-port: 8443\r\n",
            "\r\nx-forwarded-for: 198.51.100.4, 127.0.0.1\r\n",
            "\r\nx-forwarded-host: outer.test\r\n",
            "\r\nx-forwarded-proto: https\r\n",
            "\r\nforwarded: for=198.51.100.4, for=127.0.0.1;",
        ] {
            assert!(seen.contains(there), "{}: {there} not in {seen}", way.name);
        }
        assert!(!seen.contains("6.6.6.6") && !seen.contains("x-switchboard-hop"), "{}: {seen}", way.name);
    }
}

#[tokio::test]
async fn one_host_is_spelled_in_many_ways_and_passed_on_as_it_was() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let name = way.host.split(':').next().unwrap();
        for host in [way.host.to_uppercase(), format!("{name}."), format!("{name}:65535"), format!("{name}:")] {
            let request = format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = way.client().raw(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{}, {host}: {answer}", way.name);
            let received = way.origin.received();
            way.origin.forget();
            assert!(
                received.to_ascii_lowercase().contains(&format!("\r\nhost: {}\r\n", host.to_ascii_lowercase())),
                "{received}"
            );
        }
        let answer = way.raw("GET http://HOST/abs?x HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        assert!(seen(way).starts_with("get /abs?x http/1.1\r\n"));
    }
}

#[tokio::test]
async fn each_hop_says_in_which_version_the_message_came() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for version in ["1.0", "1.1"] {
            let request = format!("GET /a HTTP/{version}\r\nHost: HOST\r\nVia: 2 edge\r\nConnection: close\r\n\r\n");
            let answer = way.raw(&request).await.to_ascii_lowercase();
            assert!(answer.contains("\r\nvia: 1.1 switchboard\r\n"), "{}: {answer}", way.name);
            let seen = seen(way);
            let via = format!("\r\nvia: 2 edge\r\nvia: {version} switchboard\r\n");
            assert!(seen.contains(&via), "{}: {seen}", way.name);
        }
    }
}

#[tokio::test]
async fn a_chunk_extension_does_not_pass() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way
            .raw("POST /a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;evil=1\r\nok\r\n0\r\n\r\n")
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        let seen = seen(way);
        assert!(seen.contains("ok") && !seen.contains("evil"), "{}: {seen}", way.name);
    }
}

/// HTTP/2 within a connection would be a way around what is looked at here.
#[tokio::test]
async fn http2_is_taken_out_of_a_wish_for_an_upgrade() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        for (asked, left) in [
            ("Upgrade: h2c\r\n", None),
            ("Upgrade: H2C\r\n", None),
            ("Upgrade: h2, h2c\r\n", None),
            ("Upgrade: x, h2c\r\n", Some("x")),
            ("Upgrade: H2c ,chat/2,, h2, x\r\n", Some("chat/2, x")),
            ("Upgrade: h2c\r\nUpgrade: x\r\n", Some("x")),
        ] {
            let answer = way
                .raw(&format!(
                    "GET /a HTTP/1.1\r\nHost: HOST\r\nConnection: upgrade, HTTP2-Settings, close\r\n\
                     HTTP2-Settings: AAMAAABkAAQAAP__\r\n{asked}\r\n"
                ))
                .await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{}, {asked}: {answer}", way.name);
            let seen = seen(way);
            for gone in ["h2c", "http2-settings", "aamaaabkaaqaap"] {
                assert!(!seen.contains(gone), "{}, {asked}: {gone} in {seen}", way.name);
            }
            let upgrades: Vec<_> = seen.lines().filter_map(|line| line.strip_prefix("upgrade: ")).collect();
            assert_eq!(upgrades, Vec::from_iter(left), "{}, {asked}: {seen}", way.name);
            assert_eq!(seen.contains("connection: upgrade\r\n"), left.is_some(), "{}, {asked}: {seen}", way.name);
        }
    }
}

/// What follows a request that asks for another protocol is held until the origin agrees; if it does not, it is the next
/// request of its client, and none of the origin's.
#[tokio::test]
async fn what_follows_a_wish_for_an_upgrade_waits_for_the_answer() {
    let ways = Ways::open().await;
    for way in &ways.ways {
        let answer = way
            .raw(
                "GET /refuses HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n\
                 GET /admin HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n",
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", way.name);
        assert!(answer.contains("HTTP/1.1 404 "), "{}: {answer}", way.name);
        let seen = seen(way);
        assert!(seen.contains("upgrade: chat") && !seen.contains("/admin"), "{}: {seen}", way.name);

        let answer =
            way.raw("GET /upgrade HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello").await;
        assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\nwelcome"), "{}: {answer}", way.name);
        way.origin.forget();
    }
}
