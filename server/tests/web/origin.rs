//! No other site can act for who is signed in.

use http::{Method, header};

use crate::browser::Browser;
use crate::support::{Switchboard, full};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_form_from_elsewhere_is_refused_and_changes_nothing() {
    let switchboard = Switchboard::start().await;
    let browser = Browser::signed_in(&switchboard).await;
    let port = switchboard.address.port();
    for origin in [
        "https://evil.example".to_owned(),
        // A tunnelled application: the same site, but not the dashboard.
        format!("http://app.localhost:{port}"),
        "http://localhost".to_owned(),
        format!("https://localhost:{port}"),
        "null".to_owned(),
        String::new(),
    ] {
        let mut forged = Browser { origin: origin.clone(), ..browser.clone() };
        for (action, field) in [
            ("create_token", ("name", "x")),
            ("create_tunnel", ("subdomain", "x")),
            ("sign_out", ("a", "b")),
            ("set_theme", ("theme", "dark")),
            ("end_other_sessions", ("a", "b")),
        ] {
            let answer = forged.submit(&format!("/web/action/{action}"), &[field]).await;
            assert_eq!(answer.status, 403, "{action} from {origin:?}");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
        if !origin.is_empty() {
            let mut forged = Browser { cookie: None, ..forged };
            assert_eq!(forged.submit("/web/action/sign_in", &account).await.status, 403, "signing in from {origin}");
        }
    }
    assert_eq!(browser.clone().open("/web").await.status, 200, "still signed in");
    let client = switchboard.client();
    assert_eq!(client.get("/api/v1/tokens").await.1["items"], serde_json::json!([]));
    assert_eq!(client.get("/api/v1/tunnels").await.1["items"], serde_json::json!([]));
}

/// Every form there is, as the router knows them: none may be forgotten.
#[tokio::test]
async fn no_form_at_all_is_taken_from_elsewhere_or_by_reading() {
    let switchboard = Switchboard::start().await;
    let browser = Browser::signed_in(&switchboard).await;
    let cookie = browser.cookie.clone().unwrap();
    let actions: Vec<_> = leptos::server_fn::axum::server_fn_paths().collect();
    assert!(actions.len() >= 40, "{}", actions.len());
    let sibling = format!("http://app.localhost:{}", switchboard.address.port());
    for (path, method) in actions {
        assert_eq!(method, Method::POST, "{path}");
        for said in [("origin", sibling.as_str()), ("origin", "null"), ("sec-fetch-site", "same-site"), ("x-none", "")]
        {
            let request = browser.client.request(Method::POST, path).header(said.0, said.1);
            let request = request.header(header::COOKIE, &cookie).header(header::CONTENT_TYPE, FORM);
            let response = browser.client.send(request.body(full("a=b")).unwrap()).await.unwrap();
            assert_eq!(response.status(), 403, "{path} with {said:?}");
            assert!(!response.headers().contains_key(header::SET_COOKIE), "{path} with {said:?}");
        }
        let mut reading = browser.clone();
        let status = reading.open(path).await.status;
        assert!([404, 405].contains(&status), "GET {path}: {status}");
    }
    assert_eq!(browser.clone().open("/web").await.status, 200, "still signed in");
}

/// So that no other site can use the API in the name of who is signed in to the dashboard.
#[tokio::test]
async fn the_api_does_not_know_the_cookie() {
    let switchboard = Switchboard::start().await;
    let browser = Browser::signed_in(&switchboard).await;
    let (client, cookie) = (&browser.client, browser.cookie.clone().unwrap());
    let rows = include_str!("../api/matrix.txt").lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut asked = 0;
    for row in rows.filter(|row| row.len() == 6 && row[2] == "401" && row[1].starts_with('/')) {
        let path = match ["/web/", "/ws", "/auth/"].iter().any(|start| row[1].starts_with(start)) {
            // These are the dashboard's own, or take what they need from the body.
            true => continue,
            false => format!("/api/v1{}", row[1].replace(['{', '}'], "")),
        };
        let request = client.request(row[0].parse().unwrap(), &path).header(header::COOKIE, &cookie);
        let request = request.header(header::ORIGIN, &browser.origin).header(header::CONTENT_TYPE, "application/json");
        let response = client.send(request.body(full("{}")).unwrap()).await.unwrap();
        assert_eq!(response.status(), 401, "{} {path}", row[0]);
        asked += 1;
    }
    assert!(asked >= 100, "{asked}");
}
