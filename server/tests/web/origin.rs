//! No other site can act for who is signed in.

use crate::browser::Browser;
use crate::support::Switchboard;

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
