use http::{Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answer::{OPEN, call, member};
use crate::setup::{answers, backend, create, delete, get, origin, post, put, visitor};
use crate::support::{Body, Origin, Switchboard, full, text};

async fn app(switchboard: &Switchboard, tags: &[&str]) -> Origin {
    let (client, mirror) = (switchboard.client(), Origin::mirror().await);
    backend(&client, "web", &mirror, tags).await;
    create(&client, "domains", json!({"domain": "app.example.com"})).await;
    mirror
}

#[tokio::test]
async fn a_route_lives() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let _web = app(&switchboard, &["v1"]).await;
    let body = json!({
        "domain": "app.example.com", "mount": "/api/", "strip_prefix": true, "enabled_backends_tag": "v1",
        "headers": {"request": {"set": {"X-Team": "shop"}}},
    });
    let created = post(&client, "routes", body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let path = format!("routes/{}", created.json["id"].as_str().unwrap());
    assert_eq!(created.headers["location"], format!("/api/v1/{path}").as_str());
    assert_eq!(
        (&created.json["mount"], &created.json["domain"], &created.json["enabled"], &created.json["service"]),
        (&json!("/api"), &json!("app.example.com"), &json!(true), &json!("default"))
    );
    assert_eq!(get(&client, &path).await.json, created.json);
    answers(&switchboard, "app.example.com", "/api/users?id=1", 200, "GET /users?id=1\n").await;
    answers(&switchboard, "app.example.com", "/api/users", 200, "x-team: shop\n").await;
    answers(&switchboard, "app.example.com", "/apix", 404, "").await;

    let whole = call(&client, "PATCH", &format!("/api/v1/{path}"), json!({"strip_prefix": false})).await;
    assert_eq!((whole.status, &whole.json["enabled_backends_tag"]), (200, &json!("v1")));
    answers(&switchboard, "app.example.com", "/api/users", 200, "GET /api/users\n").await;
    assert_eq!(put(&client, &path, json!({"enabled": false})).await.json["enabled"], false);
    answers(&switchboard, "app.example.com", "/api/users", 404, "").await;
    assert_eq!(put(&client, &path, json!({"enabled": true, "mount": "/v2"})).await.status, 200);
    answers(&switchboard, "app.example.com", "/v2", 200, "GET /v2\n").await;

    assert_eq!(delete(&client, &path).await.status, 204);
    answers(&switchboard, "app.example.com", "/v2", 404, "").await;
    assert_eq!(get(&client, "routes").await.json["items"], json!([]));
    assert_eq!(get(&client, "routes?deleted=true").await.json["items"][0]["mount"], "/v2");
    assert_eq!(put(&client, &path, json!({"enabled": false})).await.refusal(), (409, "route_deleted"));
    assert_eq!(post(&client, &format!("{path}/restore"), Value::Null).await.status, 200);
    answers(&switchboard, "app.example.com", "/v2", 200, "GET /v2\n").await;
}

#[tokio::test]
async fn an_overlapping_mount_is_refused_with_the_one_in_the_way() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let _web = app(&switchboard, &["v1"]).await;
    let on = |mount: &str| json!({"domain": "app.example.com", "mount": mount, "enabled_backends_tag": "v1"});
    let first = create(&client, "routes", on("/shop/cart")).await;
    create(&client, "routes", on("/shopping")).await;
    for mount in ["/shop/cart", "/shop", "/", "/shop/cart/items", "/shop/c%61rt"] {
        let refused = post(&client, "routes", on(mount)).await;
        assert_eq!(refused.refusal(), (409, "mount_overlaps"), "{mount}");
        let message = refused.json["error"]["message"].as_str().unwrap();
        assert!(message.contains("/shop/cart") || mount == "/" && message.contains("/shopping"), "{message}");
    }
    let second = create(&client, "routes", on("/shop/carts")).await;
    let path = format!("routes/{}", second["id"].as_str().unwrap());
    assert_eq!(put(&client, &path, json!({"mount": "/shop"})).await.refusal(), (409, "mount_overlaps"));

    let gone = format!("routes/{}", first["id"].as_str().unwrap());
    assert_eq!(delete(&client, &gone).await.status, 204);
    create(&client, "routes", on("/shop/cart/items")).await;
    assert_eq!(post(&client, &format!("{gone}/restore"), Value::Null).await.refusal(), (409, "mount_overlaps"));
    assert_eq!(get(&client, "routes?domain=app.example.com").await.json["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let _web = app(&switchboard, &["v1"]).await;
    for (body, expected) in [
        (json!({"domain": "app.example.com"}), (400, "(none)")),
        (json!({"domain": "app.example.com", "mount": "/a", "path": "/a"}), (400, "path")),
        (json!({"domain": "app.example.com", "mount": "a"}), (422, "mount")),
        (json!({"domain": "app.example.com", "mount": "/a"}), (422, "service")),
        (
            json!({"domain": "app.example.com", "mount": "/a", "enabled_backends_tag": "v9"}),
            (400, "enabled_backends_tag"),
        ),
        (json!({"domain": "app.example.com", "mount": "/a", "redirect": {"to": "/a/b"}}), (422, "redirect")),
    ] {
        assert_eq!(post(&client, "routes", body.clone()).await.at_fault(), expected, "{body}");
    }
    let nowhere = json!({"domain": "other.example.com", "mount": "/a", "enabled_backends_tag": "v1"});
    assert_eq!(post(&client, "routes", nowhere).await.refusal(), (404, "not_found"));
    for path in ["routes/no-id", "routes/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"] {
        assert_eq!(get(&client, path).await.refusal(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn the_dashboards_paths_stay_the_dashboards() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let web = origin("a route").await;
    backend(&client, "web", &web, &["v1"]).await;
    let own = json!({"domain": "localhost", "enabled_backends_tag": "v1"});
    assert_eq!(post(&client, "domains", own).await.refusal(), (409, "reserved_host"));
    create(&client, "domains", json!({"domain": "localhost"})).await;
    for mount in ["/", "/web", "/api/v1", "/tunnel", "/healthz"] {
        let route = json!({"domain": "localhost", "mount": mount, "enabled_backends_tag": "v1"});
        assert_eq!(post(&client, "routes", route).await.refusal(), (409, "reserved_mount"), "{mount}");
    }
    create(&client, "routes", json!({"domain": "localhost", "mount": "/shop", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "localhost", "/shop", 200, "a route").await;
    assert_eq!(client.get("/api/v1/health").await.0, 200);
}

#[tokio::test]
async fn what_is_mounted_on_the_dashboards_host_neither_gets_its_cookies_nor_sets_them() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let shop = Origin::start(async |request| {
        let cookie = request.headers().get("cookie").map_or("none", |cookie| cookie.to_str().unwrap()).to_owned();
        let mut response = Response::new(full(cookie));
        response.headers_mut().insert("clear-site-data", "\"cookies\"".parse().unwrap());
        for cookie in [
            "switchboard=x",
            "__Host-switchboard=; Max-Age=0",
            "cart=2",
            "switchboard-oidc=y; Path=/",
            "=switchboard=z",
        ] {
            response.headers_mut().append("set-cookie", cookie.parse().unwrap());
        }
        response
    })
    .await;
    backend(&client, "web", &shop, &["v1"]).await;
    create(&client, "domains", json!({"domain": "localhost"})).await;
    create(&client, "routes", json!({"domain": "localhost", "mount": "/shop", "enabled_backends_tag": "v1"})).await;
    create(&client, "domains", json!({"domain": "shop.example.com", "enabled_backends_tag": "v1"})).await;
    let cookies = "switchboard=s; a=b; __Host-switchboard=t; __Host-switchboard-oidc=u";
    for (host, gets, sets) in [("localhost", "a=b", 1), ("shop.example.com", cookies, 5)] {
        answers(&switchboard, host, "/shop", 200, "none").await;
        let visitor = visitor(&switchboard, host);
        let request = visitor.request(Method::GET, "/shop").header("cookie", cookies).body(Body::default()).unwrap();
        let answer = visitor.send(request).await.unwrap();
        assert_eq!(answer.headers().contains_key("clear-site-data"), sets > 1, "{host}");
        assert_eq!(answer.headers().get_all("set-cookie").iter().count(), sets, "{host}");
        assert_eq!(text(answer).await, gets, "{host}");
    }
}

#[tokio::test]
async fn only_administrators_have_routes_for_any_host() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let web = origin("for all").await;
    backend(&admin, "web", &web, &["v1"]).await;
    let any = json!({"mount": "/status", "enabled_backends_tag": "v1"});
    assert_eq!(post(&bob, "routes", any.clone()).await.refusal(), (403, "admin_only"));
    let route = create(&admin, "routes", any).await;
    assert_eq!(route["domain"], Value::Null);
    answers(&switchboard, "whatever.example.com", "/status", 200, "for all").await;
    assert_eq!(get(&admin, "routes?any_host=true").await.json["items"].as_array().unwrap().len(), 1);

    create(&admin, "domains", json!({"domain": "app.example.com"})).await;
    let theirs = json!({"domain": "app.example.com", "mount": "/spy", "redirect": {"to": "/"}});
    assert_eq!(post(&bob, "routes", theirs).await.refusal(), (404, "not_found"));
    let path = format!("routes/{}", route["id"].as_str().unwrap());
    for (method, path) in [("GET", path.clone()), ("PUT", path.clone()), ("DELETE", path.clone())] {
        let answer = call(&bob, method, &format!("/api/v1/{path}"), json!({})).await;
        assert_eq!(answer.refusal(), (404, "not_found"), "{method}");
    }
    assert_eq!(get(&bob, "routes").await.json["items"], json!([]));
}

#[tokio::test]
async fn of_a_hundred_who_want_a_mount_one_gets_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let _web = app(&switchboard, &["v1"]).await;
    let mut claims = JoinSet::new();
    for claim in 0..100 {
        let client = client.clone();
        // Half of them want what lies under what the others want.
        let mount = if claim % 2 == 0 { "/api" } else { "/api/v1" };
        claims.spawn(async move {
            let route = json!({"domain": "app.example.com", "mount": mount, "enabled_backends_tag": "v1"});
            post(&client, "routes", route).await
        });
    }
    let answers = claims.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let taken = answers.iter().filter(|answer| answer.refusal() == (409, "mount_overlaps")).count();
    assert_eq!(taken, 99, "{answers:?}");
    assert_eq!(get(&client, "routes").await.json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_routes_that_come_back_to_a_mount_or_move_there_one_gets_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let _web = app(&switchboard, &["v1"]).await;
    let route = |mount: &str| json!({"domain": "app.example.com", "mount": mount, "enabled_backends_tag": "v1"});
    let (mut coming_back, mut moving) = (Vec::new(), Vec::new());
    for n in 0..20 {
        let made = create(&client, "routes", route("/api")).await;
        let path = format!("routes/{}", made["id"].as_str().unwrap());
        assert!(delete(&client, &path).await.status < 300);
        coming_back.push(format!("{path}/restore"));
        let made = create(&client, "routes", route(&format!("/aside-{n}"))).await;
        moving.push(format!("routes/{}", made["id"].as_str().unwrap()));
    }
    let mut claims = JoinSet::new();
    for path in coming_back {
        let client = client.clone();
        claims.spawn(async move { post(&client, &path, Value::Null).await });
    }
    for path in moving {
        let client = client.clone();
        // Under what the others want.
        claims.spawn(async move { put(&client, &path, json!({"mount": "/api/v1"})).await });
    }
    let answers = claims.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    let taken = answers.iter().filter(|answer| answer.refusal() == (409, "mount_overlaps")).count();
    assert_eq!(taken, 39, "{answers:?}");
    let routes = get(&client, "routes?limit=100").await.json["items"].as_array().unwrap().clone();
    let below = routes.iter().filter(|route| route["mount"].as_str().unwrap().starts_with("/api")).count();
    assert_eq!(below, 1, "{routes:?}");
}
