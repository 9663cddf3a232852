//! Security headers.

use http::{Method, header};

use crate::browser::{Answer, Browser};
use crate::support::{Body, Origin, Switchboard};

fn nonce(answer: &Answer) -> String {
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    let (_, rest) = policy.split_once("script-src 'self' 'nonce-").unwrap();
    rest.split('\'').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_inline_script_has_the_nonce_of_the_header() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    for path in ["/web", "/web/tunnels", "/web/tokens", "/web/settings", "/web/nothing-here"] {
        let page = browser.open(path).await;
        let nonce = nonce(&page);
        assert!(nonce.len() >= 22, "128 bits");
        for script in page.body.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            let is_ours = tag.contains("src=\"/pkg/") || tag.contains(&format!("nonce=\"{nonce}\""));
            assert!(is_ours, "{path}: <script{tag}>");
        }
        for forbidden in [" style=\"", " onclick=", " onsubmit="] {
            assert!(!page.body.contains(forbidden), "{path} has{forbidden}");
        }
    }
    let (first, second) = (browser.open("/web").await, browser.open("/web").await);
    assert_ne!(nonce(&first), nonce(&second));
}

#[tokio::test]
async fn pages_cannot_be_framed_sniffed_or_kept() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::new(&switchboard);
    for path in ["/web/login", "/web", "/", "/nothing", "/web/nothing"] {
        let page = browser.open(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for rule in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {rule}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.headers[name], value, "{path}: {name}");
        }
        assert!(page.headers.contains_key("x-request-id"), "{path}");
        assert!(!page.headers.contains_key("strict-transport-security"), "this is plain http");
    }
    assert_eq!(browser.open("/nothing").await.status, 404);
    assert_eq!(Browser::signed_in(&switchboard).await.open("/web/nothing").await.status, 404);
}

#[tokio::test]
async fn behind_a_proxy_with_https_cookies_and_headers_are_for_https() {
    let settings = [("SWITCHBOARD_PUBLIC_URL", "https://localhost"), ("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")];
    let account = Switchboard::start().await.stop().await;
    let switchboard = Switchboard::start_in(account, &settings).await;
    let client = switchboard.client().bearer("");
    let form = format!("email={}&password={}", Switchboard::EMAIL, Switchboard::PASSWORD.replace(' ', "+"));
    let request = client
        .request(Method::POST, "/web/action/sign_in")
        .header("x-forwarded-proto", "https")
        .header(header::ORIGIN, "https://localhost")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(crate::support::full(form))
        .unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), 303);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-switchboard=") && cookie.contains("; Secure"), "{cookie}");
    assert!(response.headers().contains_key("strict-transport-security"));

    // In another page of the browser the session may have got another id meanwhile: that cookie is left alone.
    let stale =
        client.request(Method::GET, "/web/login").header(header::COOKIE, "__Host-switchboard=AAAAAAAAAAAAAAAAAAAAAA");
    let response = client.send(stale.body(Body::default()).unwrap()).await.unwrap();
    assert!(!response.headers().contains_key("set-cookie"), "{response:?}");
    // A removed cookie keeps what the prefix demands, or browsers keep the cookie.
    let leaving = client
        .request(Method::POST, "/web/action/sign_out")
        .header("x-forwarded-proto", "https")
        .header(header::ORIGIN, "https://localhost")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, cookie.split(';').next().unwrap());
    let response = client.send(leaving.body(Body::default()).unwrap()).await.unwrap();
    let removal = response.headers()["set-cookie"].to_str().unwrap();
    assert!(removal.contains("Max-Age=0") && removal.contains("; Secure") && removal.contains("Path=/"), "{removal}");
}

#[tokio::test]
async fn what_is_tunnelled_has_headers_of_its_own_only() {
    let settings = [("SWITCHBOARD_PUBLIC_URL", "https://localhost"), ("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")];
    let account = Switchboard::start().await.stop().await;
    let mut switchboard = Switchboard::start_in(account, &settings).await;
    switchboard.sign_in().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    for (subdomain, status) in [("shop", 200), ("nobody", 404)] {
        let visitor = switchboard.visitor(subdomain);
        let request = visitor.request(Method::GET, "/").header("x-forwarded-proto", "https");
        let response = visitor.send(request.body(Body::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        for name in OF_THE_DASHBOARD {
            assert!(!response.headers().contains_key(name), "{subdomain}: {name}");
        }
    }
}

/// What makes the dashboard safe would break applications.
const OF_THE_DASHBOARD: [&str; 9] = [
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-resource-policy",
    "cross-origin-opener-policy",
    "strict-transport-security",
    "set-cookie",
];

#[tokio::test]
async fn no_path_leads_out_of_the_assets() {
    let switchboard = Switchboard::start().await;
    let host = format!("localhost:{}", switchboard.address.port());
    for path in [
        "/pkg/../switchboard.toml",
        "/pkg/../../../../etc/passwd",
        "/pkg/%2e%2e/%2e%2e/etc/passwd",
        "/pkg/..%2f..%2fetc%2fpasswd",
        "/pkg/..%5c..%5cetc%5cpasswd",
        "/pkg/..\\..\\etc\\passwd",
        "/pkg/%252e%252e%252fetc%252fpasswd",
        "/pkg//etc/passwd",
        "/pkg/%2fetc%2fpasswd",
        "/pkg/%00",
        "/pkg/a%00.js",
        "/pkg/",
        "/pkg",
        "//etc/passwd",
        "/..",
        "/%2e%2e/etc/passwd",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = switchboard.client().raw(request.as_bytes()).await;
        let refused = ["HTTP/1.1 404 ", "HTTP/1.1 400 "].iter().any(|status| answer.starts_with(status));
        assert!(refused && !answer.contains("root:"), "{path}: {answer}");
    }
}
