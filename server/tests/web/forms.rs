//! Forms work without scripts.

use crate::browser::Browser;
use crate::support::{Home, Switchboard};

#[tokio::test]
async fn a_fresh_server_is_set_up_with_a_form() {
    let switchboard = Switchboard::start_in(Home::new(), &[]).await;
    let mut browser = Browser::new(&switchboard);
    let home = browser.open("/").await;
    assert_eq!(home.goes_to(), "/web");
    let start = browser.open("/web").await;
    assert!((300..400).contains(&start.status), "{}", start.status);
    assert!(start.headers["location"].to_str().unwrap().starts_with("/web/setup"));
    let page = browser.open("/web/setup").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("action=\"/web/action/set_up\"") && page.body.contains("method=\"post\""));
    assert!(page.headers.get("set-cookie").is_none() && start.headers.get("set-cookie").is_none());

    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    let made = browser.submit("/web/action/set_up", &account).await;
    assert_eq!(made.goes_to(), "/web");
    let cookie = made.headers["set-cookie"].to_str().unwrap();
    for part in ["switchboard=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(browser.open("/web").await.status, 200);

    let again = Browser::new(&switchboard).submit("/web/action/set_up", &account).await;
    assert!(again.goes_to().contains("error="), "{again:?}");
}

#[tokio::test]
async fn a_wrong_password_leads_back_to_the_form_and_signs_nobody_in() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::new(&switchboard);
    let wrong = [("email", Switchboard::EMAIL), ("password", "wrong horse battery"), ("next", "/web/tokens")];
    let answer = browser.submit("/web/action/sign_in", &wrong).await;
    let back = answer.goes_to().to_owned();
    assert!(back.starts_with("/web/login?") && back.contains("error="), "{back}");
    assert!(!back.contains("wrong"), "no password in an address: {back}");
    assert!(browser.cookie.is_none());
    let page = browser.open(&back).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(Switchboard::EMAIL), "what was typed is kept");
    assert!((300..400).contains(&browser.open("/web/tokens").await.status));
}

#[tokio::test]
async fn signing_in_leads_on_and_only_within_the_dashboard() {
    let switchboard = Switchboard::start().await;
    for (next, expected) in [
        ("/web/tokens", "/web/tokens"),
        ("//evil.example/web", "/web"),
        ("https://evil.example", "/web"),
        ("/\\evil.example", "/web"),
        ("/api/v1/me", "/web"),
    ] {
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD), ("next", next)];
        let answer = Browser::new(&switchboard).submit("/web/action/sign_in", &account).await;
        assert_eq!(answer.goes_to(), expected, "{next}");
    }
}

#[tokio::test]
async fn a_token_is_made_with_a_form_and_its_secret_shown_once() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let made = browser.submit("/web/action/create_token", &[("name", "laptop")]).await;
    let page = made.goes_to().to_owned();
    assert!(page.starts_with("/web/tokens?") && !page.contains("sbt_"), "{page}");
    let shown = browser.open(&page).await;
    assert!(shown.status == 200 && shown.body.contains("sbt_") && shown.body.contains("telephone http"));
    assert_eq!(shown.headers["cache-control"], "no-store");
    let secret_is_shown = |body: &str| body.contains("--token sbt_");
    assert!(secret_is_shown(&shown.body));
    assert!(!secret_is_shown(&browser.open(&page).await.body));
}

#[tokio::test]
async fn a_form_of_nonsense_changes_nothing() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let large = "x".repeat(70_000);
    assert_eq!(browser.submit("/web/action/create_token", &[("name", &large)]).await.status, 413);
    let named_badly = browser.submit("/web/action/create_tunnel", &[("subdomain", "www")]).await;
    assert!(named_badly.goes_to().contains("error="), "{named_badly:?}");
    assert_eq!(browser.submit("/web/action/nothing", &[]).await.status, 405);
    let twice = browser.submit("/web/action/create_token", &[("name", "a"), ("name", "b")]).await;
    assert_eq!(twice.status, 400, "{}", twice.body);
    for action in ["create_token", "sign_out", "create_tunnel"] {
        let answer = browser.open(&format!("/web/action/{action}?name=x")).await;
        assert!(matches!(answer.status, 404 | 405), "{action}: {}", answer.status);
    }
    assert_eq!(browser.open("/web").await.status, 200, "still signed in");
    let client = switchboard.client();
    assert_eq!(client.get("/api/v1/tokens").await.1["items"], serde_json::json!([]));
    assert_eq!(client.get("/api/v1/tunnels").await.1["items"], serde_json::json!([]));
}
