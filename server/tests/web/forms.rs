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
async fn what_may_be_secret_comes_back_to_who_entered_it_and_is_in_no_address() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let (mut browser, mut bob) = (Browser::signed_in(&switchboard).await, Browser::new(&switchboard));
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    for (action, field, entered, other) in [
        ("create_domain", "request_headers", "authorization: Bearer 5ecret", ("domain", "no host")),
        ("create_domain", "response_headers", "x-signature: 5ecret", ("domain", "no host")),
        ("create_route", "request_headers", "x-api-key: 5ecret", ("mount", "no mount")),
        ("create_alert", "webhook", "https://hooks.example.com/5ecret", ("name", "")),
    ] {
        let form = [other, (field, entered)];
        let refused = browser.submit(&format!("/web/action/{action}"), &form).await;
        let back = refused.goes_to().to_owned();
        assert!(back.contains("error=") && back.contains("draft=") && !back.contains("5ecret"), "{action}: {back}");
        let shown = browser.open(&back).await;
        assert!(shown.status == 200 && shown.body.contains(entered), "{action}: {}", shown.body);
        // Who else has the address sees a form with nothing of it.
        let shown = bob.open(&back).await;
        assert!(shown.status == 200 && !shown.body.contains("5ecret"), "{action}: {}", shown.body);
    }
}

#[tokio::test]
async fn what_is_too_long_for_an_address_comes_back_too() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let tunnel = switchboard.client().post("/api/v1/tunnels", &serde_json::json!({"subdomain": "shop"})).await.1;
    let page = format!("/web/tunnels/{}/front", tunnel["id"].as_str().unwrap());
    let networks: Vec<_> = (0..900).map(|place| format!("2001:db8:{place:x}::/48")).collect();
    let (networks, html) = (networks.join("\n"), "<p>We are \"away\" for a while.</p>".repeat(200));
    let of = format!("tunnel:{}", tunnel["id"].as_str().unwrap());
    let form =
        [("of", &*of), ("allow", &networks), ("page_502", &html), ("max_body", "much"), ("rate_limits", "5/1 all")];
    let refused = browser.submit("/web/action/set_front", &form).await;
    let back = refused.goes_to().to_owned();
    assert!(back.starts_with(&page) && back.contains("field=max_body") && back.len() < 1_000, "{back}");
    let shown = browser.open(&back).await.body;
    assert!(shown.contains("2001:db8:383::/48") && shown.contains("much") && shown.contains("5/1 all"), "{shown}");
    assert!(shown.matches("away").count() >= 200, "{shown}");
    // Who goes on to be refused keeps the last few only.
    for _ in 0..5 {
        browser.submit("/web/action/set_front", &form).await;
    }
    assert!(!browser.open(&back).await.body.contains("2001:db8:383::/48"));
}

#[tokio::test]
async fn a_token_is_good_for_what_its_form_says() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let form = [
        ("name", "laptop"),
        ("subdomains", "shop blog"),
        ("hosts", "shop.example.com"),
        ("paths", "/api"),
        ("tags", "blue"),
        ("networks", "192.0.2.0/24 2001:db8::/32"),
        ("max_sessions", "2"),
        ("rate_limit", "1000/60 burst 50"),
        ("expires_in_days", "7"),
    ];
    let made = browser.submit("/web/action/create_token", &form).await;
    assert!(made.goes_to().contains("done=token_created"), "{made:?}");
    let tokens = switchboard.client().get("/api/v1/tokens").await.1;
    let scope = serde_json::json!({
        "type": "subdomains", "subdomains": ["shop", "blog"], "hosts": ["shop.example.com"], "paths": ["/api"],
        "tags": ["blue"], "networks": ["192.0.2.0/24", "2001:db8::/32"], "max_sessions": 2,
        "rate_limit": {"requests": 1000, "seconds": 60, "burst": 50},
    });
    assert_eq!(tokens["items"][0]["scope"], scope, "{tokens}");
    assert!(tokens["items"][0]["expires_at"].is_string(), "{tokens}");
}

#[tokio::test]
async fn signing_in_leads_on_and_only_within_the_dashboard() {
    let switchboard = Switchboard::start().await;
    for (next, expected) in [
        ("/web/tokens", "/web/tokens"),
        ("//evil.example/web", "/web"),
        ("https://evil.example", "/web"),
        ("/\\evil.example", "/web"),
        ("\\\\evil.example", "/web"),
        ("https:evil.example", "/web"),
        ("/web//evil.example", "/web"),
        ("/web/../..//evil.example", "/web"),
        ("/web\\..\\evil.example", "/web"),
        ("/\t/evil.example", "/web"),
        ("/web\r\nLocation: https://evil.example", "/web"),
        ("javascript:alert(1)", "/web"),
        ("/webevil", "/web"),
        ("/api/v1/me", "/web"),
    ] {
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD), ("next", next)];
        let answer = Browser::new(&switchboard).submit("/web/action/sign_in", &account).await;
        assert_eq!(answer.goes_to(), expected, "{next}");
    }
}

#[tokio::test]
async fn who_signs_in_on_the_way_to_a_page_gets_to_just_that_page() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::new(&switchboard);
    for wanted in ["/web/tunnels?q=50%25", "/web/tunnels?q=a%2526b%23c", "/web/domains?q=a+b%2Bc"] {
        let asked = browser.open(wanted).await;
        let login = asked.headers["location"].to_str().unwrap().to_owned();
        let page = browser.open(&login).await;
        let field = page.body.split("name=\"next\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
        let next = field.split('"').next().unwrap();
        let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD), ("next", next)];
        assert_eq!(Browser::new(&switchboard).submit("/web/action/sign_in", &account).await.goes_to(), wanted);
    }
    // What is looked for is in its field as it was typed.
    let page = Browser::signed_in(&switchboard).await.open("/web/tunnels?q=50%2541").await;
    assert!(page.body.contains("value=\"50%41\""), "{}", page.body);
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
async fn a_personal_token_is_made_and_revoked_with_forms() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let made = browser
        .submit("/web/action/create_personal_token", &[("name", "export"), ("read", "on"), ("expires_in_days", "30")])
        .await;
    let page = made.goes_to().to_owned();
    assert!(page.starts_with("/web/settings?") && !page.contains("sbp_"), "{page}");
    let shown = browser.open(&page).await;
    let (_, after) = shown.body.split_once("sbp_").unwrap();
    let secret = format!("sbp_{}", after.get(..43).unwrap());
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert!(!browser.open(&page).await.body.contains(&secret), "it is shown once");

    let robot = switchboard.client().bearer(&secret);
    assert_eq!(robot.get("/api/v1/tunnels").await.0, 200);
    assert_eq!(robot.post("/api/v1/tunnels", &serde_json::json!({"subdomain": "shop"})).await.0, 403);
    let listed = switchboard.client().get("/api/v1/me/tokens").await.1;
    let token = &listed["items"][0];
    assert_eq!((&token["name"], &token["scopes"]), (&"export".into(), &serde_json::json!(["read"])));
    assert!(token["expires_at"].is_string());
    let id = token["id"].as_str().unwrap();
    let revoked = browser.submit("/web/action/revoke_personal_token", &[("id", id)]).await;
    assert!(revoked.goes_to().contains("done="), "{revoked:?}");
    assert_eq!(robot.get("/api/v1/tunnels").await.0, 401);
}

#[tokio::test]
async fn a_personal_token_for_nothing_is_refused_and_what_was_entered_is_kept() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let fields = [("name", "export"), ("admin", "on"), ("expires_in_days", "30")];
    let refused = browser.submit("/web/action/create_personal_token", &fields).await;
    let page = refused.goes_to().to_owned();
    assert!(page.contains("error=") && page.contains("form=personal_token"), "{page}");
    let body = browser.open(&page).await.body;
    assert!(body.contains("value=\"export\"") && body.contains("Tick what the token is good for"), "{page}");
    assert_eq!(switchboard.client().get("/api/v1/me/tokens").await.1["items"], serde_json::json!([]));
}

/// The value of a hidden field.
fn hidden(body: &str, name: &str) -> String {
    let (_, after) = body.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn of_two_forms_at_once_the_second_overwrites_nothing_unseen() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let mut browser = Browser::signed_in(&switchboard).await;
    let tunnel = client.post("/api/v1/tunnels", &serde_json::json!({"subdomain": "shop"})).await.1;
    let page = format!("/web/tunnels/{}", tunnel["id"].as_str().unwrap());
    let version = hidden(&browser.open(&page).await.body, "version");
    let id = tunnel["id"].as_str().unwrap();
    let submit = async |browser: &mut Browser, name: &str, version: &str| {
        let fields = [("id", id), ("name", name), ("subdomain", "shop"), ("version", version)];
        browser.submit("/web/action/update_tunnel", &fields).await.goes_to().to_owned()
    };
    assert!(submit(&mut browser, "theirs", &version).await.contains("done="));
    let refused = submit(&mut browser, "mine", &version).await;
    assert!(refused.contains("error=changed_meanwhile"), "{refused}");
    assert_eq!(client.get(&format!("/api/v1/tunnels/{id}")).await.1["name"], "theirs");
    // The form is kept, and says what happened; saving it again is a decision.
    let body = browser.open(&refused).await.body;
    assert!(body.contains("This was changed meanwhile") && body.contains("value=\"mine\""));
    let version = hidden(&body, "version");
    assert!(submit(&mut browser, "mine", &version).await.contains("done="));
    assert_eq!(client.get(&format!("/api/v1/tunnels/{id}")).await.1["name"], "mine");
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
