//! The log of what has to do with security.

use serde_json::{Value, json};

use crate::answer::{Answer, OPEN, call, member};
use crate::support::{Client, Switchboard};

async fn events(client: &Client, query: &str) -> Vec<Value> {
    let answer = call(client, "GET", &format!("/api/v1/audit{query}"), Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["items"].as_array().unwrap().clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

async fn login(client: &Client, email: &str, password: &str) -> Answer {
    call(client, "POST", "/api/v1/auth/login", json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn what_happens_is_written_down_with_who_and_from_where() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = admin.clone().bearer("");
    let token = call(&bob, "POST", "/api/v1/tokens", json!({"name": "laptop"})).await.json;
    let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
    let rotated = call(&bob, "POST", &format!("{path}/rotate"), Value::Null).await.json;
    assert_eq!(call(&bob, "DELETE", &path, Value::Null).await.status, 204);
    let session = login(&anyone, "bob@example.com", "a different long one").await.json;
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let next = call(&anyone, "POST", "/api/v1/auth/refresh", refresh.clone()).await.json;
    assert_eq!(call(&anyone, "POST", "/api/v1/auth/refresh", refresh).await.status, 401);
    let logout =
        json!({"refresh_token": login(&anyone, "bob@example.com", "a different long one").await.json["refresh_token"]});
    assert_eq!(call(&anyone, "POST", "/api/v1/auth/logout", logout).await.status, 204);

    let own = events(&bob, "").await;
    let expected = [
        "signed_out",
        "signed_in",
        "refresh_reused",
        "signed_in",
        "token_revoked",
        "token_rotated",
        "token_created",
        "signed_in",
        "account_made",
    ];
    assert_eq!(kinds(&own), expected);
    let revoked = &own[4];
    assert_eq!((&revoked["detail"], &revoked["address"]), (&json!("laptop"), &json!("127.0.0.1")));
    assert_eq!((&revoked["actor_email"], &revoked["times"]), (&json!("bob@example.com"), &json!(1)));
    assert_eq!(own[2]["actor_email"], Value::Null, "whoever has the copy");

    let id = own[0]["account_id"].as_str().unwrap();
    let invited = call(&admin, "POST", "/api/v1/invitations", json!({"email": "eve@example.com"})).await.json;
    for (method, path, body) in [
        ("PATCH", format!("/api/v1/users/{id}"), json!({"role": "admin"})),
        ("PATCH", format!("/api/v1/users/{id}"), json!({"role": "member"})),
        ("POST", format!("/api/v1/users/{id}/deactivate"), Value::Null),
        ("POST", format!("/api/v1/users/{id}/reactivate"), Value::Null),
        ("POST", format!("/api/v1/users/{id}/reset"), Value::Null),
        ("DELETE", format!("/api/v1/invitations/{}", invited["id"].as_str().unwrap()), Value::Null),
    ] {
        assert!(call(&admin, method, &path, body).await.status < 300, "{method} {path}");
    }
    let all = events(&admin, "?limit=7").await;
    let expected = [
        "invitation_withdrawn",
        "reset_offered",
        "account_reactivated",
        "account_deactivated",
        "role_changed",
        "role_changed",
        "invited",
    ];
    assert_eq!(kinds(&all), expected);
    let role = &all[4];
    assert_eq!((&role["actor_email"], &role["account_email"]), (&json!(Switchboard::EMAIL), &json!("bob@example.com")));
    assert_eq!(role["detail"], "to member");

    let whole = Value::from(events(&admin, "?limit=100").await).to_string();
    for secret in
        [&token["token"], &rotated["token"], &session["refresh_token"], &next["access_token"], &invited["link"]]
    {
        assert!(!whole.contains(secret.as_str().unwrap()));
    }
    assert!(!whole.contains("a different long one"));
}

#[tokio::test]
async fn failures_are_counted_and_tell_nothing_of_what_was_entered() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = admin.clone().bearer("");
    for _ in 0..3 {
        assert_eq!(login(&anyone, "bob@example.com", "wrong horse battery").await.status, 401);
        assert_eq!(login(&anyone, "my-secret-password@example.com", "wrong horse battery").await.status, 401);
    }
    assert_eq!(login(&anyone, "nobody@example.com", "wrong horse battery").await.status, 401);
    let failed = events(&admin, "?kind=sign_in_failed").await;
    let told: Vec<_> = failed.iter().map(|event| (&event["account_email"], &event["times"])).collect();
    assert_eq!(told, [(&Value::Null, &json!(4)), (&json!("bob@example.com"), &json!(3))]);
    assert!(failed.iter().all(|event| event["address"] == "127.0.0.1" && event["actor_id"] == Value::Null));
    assert!(!Value::from(failed).to_string().contains("my-secret"));
    assert_eq!(events(&bob, "?kind=sign_in_failed").await.len(), 1, "only what is about bob");
}

#[tokio::test]
async fn who_has_to_wait_and_links_that_are_worth_nothing_are_written_down() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let anyone = admin.clone().bearer("");
    for path in ["/api/v1/auth/accept", "/api/v1/auth/reset"] {
        let worthless = json!({"token": "made-up", "password": "a different long one"});
        let refused = call(&anyone, "POST", path, worthless).await;
        assert_eq!(refused.refusal(), (400, "link_ended"), "{refused:?}");
    }
    let links = events(&admin, "?kind=link_refused").await;
    assert_eq!(links.iter().map(|event| &event["times"]).collect::<Vec<_>>(), [&json!(2)]);

    // Until an attempt is not even looked at, and a few more, which cost nothing.
    let mut late = 0;
    while late < 3 {
        late += usize::from(login(&anyone, "bob@example.com", "wrong horse battery").await.status == 429);
    }
    let waits = events(&admin, "?kind=sign_in_delayed").await;
    assert!(!waits.is_empty() && waits.iter().all(|event| event["address"] == "127.0.0.1"), "{waits:?}");
    // Whoever is signed in need not wait with the others.
    let change = json!({"current_password": "a different long one", "password": "another different one"});
    assert_eq!(call(&bob, "POST", "/api/v1/me/password", change).await.status, 204);
}

#[tokio::test]
async fn domains_that_are_trusted_and_new_secrets_of_webhooks_are_written_down() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let domain = call(&bob, "POST", "/api/v1/domains", json!({"domain": "shop.example.com"})).await;
    assert_eq!(domain.status, 201, "{domain:?}");
    for _ in 0..2 {
        assert_eq!(
            call(&admin, "POST", "/api/v1/domains/shop.example.com/verify?skip_check=true", Value::Null).await.status,
            200
        );
    }
    let webhook = json!({"name": "mine", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/x"});
    let alert = call(&bob, "POST", "/api/v1/alerts", webhook).await;
    assert_eq!(alert.status, 201, "{alert:?}");
    let rotate = format!("/api/v1/alerts/{}/rotate", alert.json["id"].as_str().unwrap());
    let rotated = call(&bob, "POST", &rotate, Value::Null).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    for (kind, who, detail) in
        [("domain_trusted", Switchboard::EMAIL, "shop.example.com"), ("webhook_key_rotated", "bob@example.com", "mine")]
    {
        let events = events(&admin, &format!("?kind={kind}")).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((&events[0]["actor_email"], &events[0]["detail"]), (&json!(who), &json!(detail)));
    }
}

#[tokio::test]
async fn what_is_recorded_wrong_passwords_and_personal_tokens_are_written_down() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let tunnel = call(&bob, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let capture = format!("/api/v1/tunnels/{}/capture", tunnel["id"].as_str().unwrap());
    // An administrator has a member's bodies recorded, who sees that.
    assert_eq!(call(&admin, "PUT", &capture, json!({"level": "bodies"})).await.status, 200);
    let token = call(&bob, "POST", "/api/v1/me/tokens", json!({"name": "robot", "scopes": ["read"]})).await.json;
    let path = format!("/api/v1/me/tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(call(&bob, "DELETE", &path, Value::Null).await.status, 204);
    let wrong = json!({"current_password": "not the right one", "password": "yet another long one"});
    assert_eq!(call(&bob, "POST", "/api/v1/me/password", wrong).await.status, 422);
    for (kind, who, detail) in [
        ("capture_changed", json!(Switchboard::EMAIL), json!("tunnel: bodies")),
        ("personal_token_created", json!("bob@example.com"), json!("robot")),
        ("personal_token_revoked", json!("bob@example.com"), json!("robot")),
        ("sign_in_failed", Value::Null, Value::Null),
    ] {
        let events = events(&bob, &format!("?kind={kind}")).await;
        assert_eq!(events.len(), 1, "{kind}: {events:?}");
        assert_eq!((&events[0]["actor_email"], &events[0]["detail"]), (&who, &detail), "{kind}");
        assert_eq!(events[0]["account_email"], "bob@example.com", "{kind}");
    }
}

#[tokio::test]
async fn the_log_is_narrowed_and_comes_in_pages() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    for name in ["a", "b", "c"] {
        assert_eq!(call(&bob, "POST", "/api/v1/tokens", json!({"name": name})).await.status, 201);
    }
    let mut details = Vec::new();
    let mut path = "/api/v1/audit?kind=token_created&email=bob@example.com&limit=2".to_owned();
    loop {
        let page = call(&admin, "GET", &path, Value::Null).await;
        details.extend(page.json["items"].as_array().unwrap().iter().map(|event| event["detail"].clone()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/api/v1/audit?kind=token_created&email=bob@example.com&limit=2&cursor={cursor}");
    }
    assert_eq!(details, ["c", "b", "a"]);
    assert!(events(&admin, "?address=192.0.2.1").await.is_empty());
    assert!(events(&admin, "?until=2020-01-01T00:00:00Z").await.is_empty());
    assert!(!events(&admin, "?from=2020-01-01T00:00:00Z&address=127.0.0.1").await.is_empty());
    assert!(events(&admin, "?email=eve@example.com").await.is_empty());
    for wrong in ["?kind=nonsense", "?address=here", "?from=today", "?email=x"] {
        assert_eq!(call(&admin, "GET", &format!("/api/v1/audit{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn share_links_and_short_lived_tokens_are_written_down() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let tunnel = call(&bob, "POST", "/api/v1/tunnels", json!({"subdomain": "shop"})).await.json;
    let front = format!("/api/v1/tunnels/{}/front", tunnel["id"].as_str().unwrap());
    let links = format!("{front}/links");
    let mut secrets = Vec::new();
    for name in ["preview", "second", "third"] {
        let made = call(&bob, "POST", &links, json!({"name": name, "expires_in": 600})).await;
        assert_eq!(made.status, 201, "{made:?}");
        secrets.push(made.json["query"].as_str().unwrap().split_once('=').unwrap().1.to_owned());
    }
    assert_eq!(call(&bob, "DELETE", &format!("{links}?name=second"), Value::Null).await.status, 204);
    // What changes something else ends no link, and what takes everything away ends all of them.
    assert_eq!(call(&bob, "PATCH", &front, json!({"body_limit": 1_000})).await.status, 200);
    assert_eq!(call(&bob, "DELETE", &front, Value::Null).await.status, 204);

    let token = call(&bob, "POST", "/api/v1/tokens", json!({"name": "machine"})).await.json;
    let exchange = format!("/api/v1/tokens/{}/exchange", token["id"].as_str().unwrap());
    let by_secret = admin.clone().bearer(token["token"].as_str().unwrap());
    for _ in 0..2 {
        let made = call(&bob, "POST", &exchange, json!({})).await;
        assert_eq!(made.status, 201, "{made:?}");
        secrets.push(made.json["token"].as_str().unwrap().to_owned());
        let made = call(&by_secret, "POST", "/api/v1/tokens/exchange", json!({})).await;
        assert_eq!(made.status, 201, "{made:?}");
        secrets.push(made.json["token"].as_str().unwrap().to_owned());
    }

    for client in [&admin, &bob] {
        // The limit that was set, and taken away again.
        let changed = events(client, "?kind=front_changed").await;
        let details: Vec<_> = changed.iter().map(|event| event["detail"].as_str().unwrap()).collect();
        assert_eq!(details, ["shop", "shop"]);
        let made = events(client, "?kind=share_link_made&email=bob@example.com").await;
        let details: Vec<_> = made.iter().map(|event| event["detail"].as_str().unwrap()).collect();
        assert_eq!(details, ["third of shop", "second of shop", "preview of shop"]);
        let ended = events(client, "?kind=share_link_ended&email=bob@example.com").await;
        let mut details: Vec<_> = ended.iter().map(|event| event["detail"].as_str().unwrap()).collect();
        details.sort_unstable();
        assert_eq!(details, ["preview of shop", "second of shop", "third of shop"]);
        let exchanged = events(client, "?kind=token_exchanged").await;
        assert_eq!(exchanged.len(), 1, "{exchanged:?}");
        let event = &exchanged[0];
        assert_eq!((&event["times"], &event["detail"]), (&json!(4), &json!("of machine")));
        assert_eq!((&event["account_email"], &event["address"]), (&json!("bob@example.com"), &json!("127.0.0.1")));
    }
    let all = format!("{:?}", events(&admin, "?limit=100").await);
    assert!(secrets.iter().all(|secret| !all.contains(secret)), "{all}");
}
