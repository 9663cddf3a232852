//! Telephones that join pools by themselves.

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};
use telephone::wire::control::ErrorCode;
use telephone::{Agent, AgentError, AgentHandle, Announced, Announcement, Event, Target};

use super::setup::{Named, make, until_served, visitor};
use super::support::{Body, Client, Origin, Programs, Switchboard, full, until};

const SOON: Duration = Duration::from_secs(20);
const HOST: &str = "shop.example.com";

fn shop(tag: &str) -> Announcement {
    Announcement { host: Some(HOST.to_owned()), tag: Some(tag.to_owned()), ..Announcement::default() }
}

fn dial(
    switchboard: &Switchboard,
    token: &str,
    origin: &Origin,
    subdomain: Option<&str>,
    services: impl IntoIterator<Item = Announcement>,
) -> AgentHandle {
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let mut agent = Agent::builder(switchboard.url(), token).target(target);
    for service in services {
        agent = agent.announce(service);
    }
    if let Some(subdomain) = subdomain {
        agent = agent.subdomain(subdomain);
    }
    agent.start().unwrap()
}

async fn backends(client: &Client) -> Vec<Value> {
    let (status, list) = client.get("/api/v1/backends").await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

async fn switch(switchboard: &Switchboard, fields: Value) -> (u16, Value) {
    switchboard.client().post(&format!("/api/v1/domains/{HOST}/switch"), &fields).await
}

async fn explain(switchboard: &Switchboard) -> Value {
    let url = json!({"url": format!("http://{HOST}/")});
    let (status, told) = switchboard.client().post("/api/v1/routes/explain", &url).await;
    assert_eq!(status, 200, "{told}");
    told["outcome"].clone()
}

/// A telephone is told of its tunnel before it says that it is ready; the switchboard hears that a moment later.
async fn until_all_serve(switchboard: &Switchboard) {
    let client = switchboard.client();
    until(SOON, "all backends are announced and healthy", async || {
        let all = backends(&client).await;
        all.iter().all(|backend| backend["announced"] == true && backend["health"]["status"] == "healthy")
    })
    .await;
}

#[tokio::test]
async fn blue_and_green_with_telephones_alone() {
    let switchboard = Switchboard::start().await;
    let (blue, green) = tokio::join!(Named::start("blue"), Named::start("green"));
    let (_, token) = switchboard.token().await;
    let telephone = dial(&switchboard, &token, &blue.origin, None, [shop("blue")]);
    let told = telephone.ready().await.unwrap();
    let url = format!("http://{HOST}:{}", switchboard.address.port());
    let expected = Announced {
        host: Some(HOST.to_owned()),
        path: None,
        tag: Some("blue".to_owned()),
        service: HOST.to_owned(),
        public_url: Some(url),
        verification: None,
    };
    assert_eq!(told.services, [expected]);
    // What was announced works when the telephone is told of it.
    let visitor = visitor(&switchboard, HOST);
    assert_eq!(visitor.text("/").await, (200, "blue".to_owned()));

    let second = dial(&switchboard, &token, &green.origin, None, [shop("green")]);
    second.ready().await.unwrap();
    assert_eq!(visitor.text("/").await, (200, "blue".to_owned()));
    until_all_serve(&switchboard).await;
    let (status, switched) = switch(&switchboard, json!({"new_tag": "green"})).await;
    assert_eq!(status, 200, "{switched}");
    until_served(&visitor, "/", "green").await;
    let outcome = explain(&switchboard).await;
    assert_eq!((&outcome["kind"], &outcome["candidates"][0]["announced"]), (&json!("service"), &json!(true)));

    // It leaves the pool as soon as it takes its leave.
    second.shutdown().await;
    until(SOON, "nobody serves green", async || visitor.text("/").await.0 == 503).await;
    let outcome = explain(&switchboard).await;
    let reason = outcome["candidates"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("no telephone that announces it"), "{outcome}");
    let (status, _) = switch(&switchboard, json!({"new_tag": "blue"})).await;
    assert_eq!(status, 200);
    until_served(&visitor, "/", "blue").await;
    let (status, refused) = switch(&switchboard, json!({"new_tag": "green"})).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("unhealthy_target")), "{refused}");

    // The same telephone again is the same backend again.
    let before = backends(&switchboard.client()).await.len();
    let second = dial(&switchboard, &token, &green.origin, None, [shop("green")]);
    second.ready().await.unwrap();
    assert_eq!(backends(&switchboard.client()).await.len(), before);
    until_all_serve(&switchboard).await;
    assert_eq!(switch(&switchboard, json!({"new_tag": "green"})).await.0, 200);
    until_served(&visitor, "/", "green").await;
}

#[tokio::test]
async fn a_revoked_token_takes_its_telephones_out_of_the_pool() {
    let switchboard = Switchboard::start().await;
    let (kept, revoked) = tokio::join!(Named::start("kept"), Named::start("revoked"));
    let ((_, token), (id, ending)) = (switchboard.token().await, switchboard.token().await);
    let first = dial(&switchboard, &token, &kept.origin, None, [shop("live")]);
    let second = dial(&switchboard, &ending, &revoked.origin, None, [shop("live")]);
    let (first, told) = tokio::join!(first.ready(), second.ready());
    assert_eq!(first.unwrap().services[0].service, told.unwrap().services[0].service);
    let visitor = visitor(&switchboard, HOST);
    until(SOON, "both serve", async || {
        visitor.text("/").await;
        kept.asked() > 0 && revoked.asked() > 0
    })
    .await;
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    assert!(matches!(second.ended().await, AgentError::Refused { code: ErrorCode::TokenRevoked, .. }));
    let asked = revoked.asked();
    for _ in 0..20 {
        assert_eq!(visitor.text("/").await, (200, "kept".to_owned()));
    }
    assert_eq!(revoked.asked(), asked);
}

#[tokio::test]
async fn telephones_of_a_tunnel_announce_the_same() {
    let switchboard = Switchboard::start().await;
    let origin = Named::start("shop").await;
    let (_, token) = switchboard.token().await;
    let first = dial(&switchboard, &token, &origin.origin, Some("shop"), [shop("blue")]);
    first.ready().await.unwrap();
    let same = dial(&switchboard, &token, &origin.origin, Some("shop"), [shop("blue")]);
    same.ready().await.unwrap();
    let other = dial(&switchboard, &token, &origin.origin, Some("shop"), [shop("green")]);
    let mut events = other.events();
    let refused = async {
        loop {
            if let Event::Refused { code, message } = events.recv().await.unwrap() {
                return (code, message);
            }
        }
    };
    let (code, message) = tokio::time::timeout(SOON, refused).await.unwrap();
    assert_eq!(code, ErrorCode::ServiceConflict);
    assert!(message.contains("announce something else"), "{message}");
    let visitor = visitor(&switchboard, HOST);
    assert_eq!(visitor.text("/").await.0, 200);
    // It is not given up: once the others have gone it serves.
    tokio::join!(first.shutdown(), same.shutdown());
    let told = tokio::time::timeout(SOON, other.ready()).await.unwrap().unwrap();
    assert_eq!(told.services[0].tag.as_deref(), Some("green"));
    let all = backends(&switchboard.client()).await;
    assert_eq!((all.len(), &all[0]["tags"]), (1, &json!(["green"])));
}

#[tokio::test]
async fn what_cannot_be_announced_ends_the_telephone() {
    let switchboard = Switchboard::start().await;
    let origin = Named::start("shop").await;
    make(&switchboard, "domains", json!({"domain": "moved.example.com", "redirect": {"to": "https://example.org"}}))
        .await;
    let scope = json!({"type": "all_tunnels", "hosts": ["*.example.com"], "tags": ["green"]});
    let (status, limited) =
        switchboard.client().post("/api/v1/tokens", &json!({"name": "limited", "scope": scope})).await;
    assert_eq!((status, &limited["scope"]), (201, &scope));
    let scope = json!({"type": "all_tunnels", "paths": ["/api"]});
    let (status, below) = switchboard.client().post("/api/v1/tokens", &json!({"name": "below", "scope": scope})).await;
    assert_eq!(status, 201, "{below}");
    let (_, token) = switchboard.token().await;
    let host = |host: &str| Announcement { host: Some(host.to_owned()), ..Announcement::default() };
    let elsewhere = Announcement { tag: Some("green".to_owned()), ..host("shop.example.org") };
    for (token, wish, code, part) in [
        (&*token, host("moved.example.com"), ErrorCode::ServiceTaken, "redirect"),
        (&token, host("a.localhost"), ErrorCode::ServiceReserved, "tunnels"),
        (&token, host("a b"), ErrorCode::ServiceInvalid, "\"a b\""),
        (limited["token"].as_str().unwrap(), shop("blue"), ErrorCode::TokenScope, "tags green"),
        (limited["token"].as_str().unwrap(), elsewhere, ErrorCode::TokenScope, "*.example.com"),
        (below["token"].as_str().unwrap(), host(HOST), ErrorCode::TokenScope, "the paths /api"),
    ] {
        let telephone = dial(&switchboard, token, &origin.origin, None, [wish.clone()]);
        match telephone.ended().await {
            AgentError::Refused { code: given, message } => {
                assert_eq!(given, code, "{wish:?}: {message}");
                assert!(message.contains(part), "{wish:?}: {message}");
            }
            other => panic!("{wish:?}: {other:?}"),
        }
    }
    let tunnels = switchboard.client().get("/api/v1/tunnels").await.1;
    assert_eq!(tunnels["items"], json!([]), "nothing is half made");
}

#[tokio::test]
async fn a_request_waits_for_a_telephone_that_broke_off() {
    let mut programs = Programs::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = programs.token().await;
    let _telephone = programs.telephone_with(&token, "shop", origin.address, &["--host", HOST]).await;
    let visitor = Client::new(programs.address, HOST);
    assert_eq!(visitor.text("/").await.0, 200);
    programs.switchboard.kill().await;
    programs.restart().await;
    assert_eq!(visitor.text("/").await.0, 200);
}

#[tokio::test]
async fn the_command_joins_under_a_path() {
    // Nobody is waited for, so that who has gone is seen to have gone.
    let programs = Programs::start_with(&[("SWITCHBOARD_HOLD_TIMEOUT", "0s")]).await;
    let origin = Origin::start(async |request| {
        let path = request.uri().path().to_owned();
        Response::<Body>::new(full(path))
    })
    .await;
    let (_, token) = programs.token().await;
    let more = ["--host", HOST, "--path", "/api", "--tag", "v1"];
    let mut telephone = programs.start_telephone(&token, "users", origin.address, &more);
    let line: Value = serde_json::from_str(&telephone.line_with("\"event\":\"connected\"").await).unwrap();
    let url = format!("http://{HOST}:{}/api", programs.address.port());
    let service = format!("{HOST}-api");
    assert_eq!(
        line["services"],
        json!([{"host": HOST, "path": "/api", "tag": "v1", "service": service, "public_url": url}])
    );
    let visitor = Client::new(programs.address, HOST);
    assert_eq!(visitor.text("/api/users").await, (200, "/api/users".to_owned()));
    assert_eq!(visitor.text("/other").await.0, 404);
    telephone.kill().await;
    // Nobody is told that it has gone; its silence tells.
    until(SOON, "it has left the pool", async || visitor.text("/api").await.0 == 503).await;

    let mut refused = programs.start_telephone(&token, "other", origin.address, &["--host", "x.localhost"]);
    assert_eq!(refused.ended().await.code(), Some(73));
}
