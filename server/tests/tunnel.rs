//! Telephones that come, stay, are sent away and come back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Method;
use http_body::Frame;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::fault::{Direction, Relay};
use support::{Body, Client, Origin, Switchboard, full, streamed, until, within};
use telephone::{Agent, AgentError, Target};
use tokio_tungstenite::tungstenite::Message;
use wire::close::OPENING_TIMEOUT;

/// Starts a telephone that is expected to be refused, and says how.
async fn refused(switchboard: &Switchboard, token: &str, subdomain: &str) -> AgentError {
    let target = Target::parse("3000").unwrap();
    let agent = Agent::builder(switchboard.url(), token).target(target).subdomain(subdomain).start().unwrap();
    agent.ready().await.unwrap_err()
}

#[tokio::test]
async fn a_telephone_without_a_name_gets_its_address_back() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let mut urls = Vec::new();
    for _ in 0..2 {
        let target = Target::parse(&origin.address.to_string()).unwrap();
        let agent = Agent::builder(switchboard.url(), &token).target(target).start().unwrap();
        urls.push(agent.ready().await.unwrap().public_url);
        agent.shutdown().await;
    }
    assert_eq!(urls[0], urls[1]);
}

#[tokio::test]
async fn who_may_not_serve_a_name_is_told_so_for_good() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("taken", &origin).await;

    let other = json!({"email": "eve@example.com", "password": "another long password"});
    assert_eq!(switchboard.client().post("/api/v1/auth/register", &other).await.0, 201);
    let (_, tokens) = switchboard.client().post("/api/v1/auth/login", &other).await;
    let eve = switchboard.client().bearer(tokens["access_token"].as_str().unwrap());
    let (_, token) = eve.post("/api/v1/tokens", &json!({"name": "eve"})).await;
    let token = token["token"].as_str().unwrap();

    for (subdomain, code) in [("taken", "subdomain_taken"), ("www", "subdomain_reserved"), ("a_b", "subdomain_invalid")]
    {
        let error = refused(&switchboard, token, subdomain).await.to_string();
        assert!(error.contains(code) || error.contains("subdomain"), "{subdomain}: {error}");
    }
    let stranger = format!("sbt_{}", "A".repeat(43));
    let error = refused(&switchboard, &stranger, "mine").await.to_string();
    assert!(error.contains("token"), "{error}");
    // Nothing of this made a tunnel.
    let (_, list) = eve.get("/api/v1/tunnels").await;
    assert_eq!(list["items"], json!([]));
    // And what is another's is as good as not there.
    let id = switchboard.tunnel("taken").await["id"].as_str().unwrap().to_owned();
    assert_eq!(eve.get(&format!("/api/v1/tunnels/{id}")).await.0, 404);
    assert_eq!(eve.delete(&format!("/api/v1/tunnels/{id}")).await.0, 404);
}

#[tokio::test]
async fn revoking_a_token_sends_its_telephone_away() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (id, token) = switchboard.token().await;
    let telephone = switchboard.telephone_with(&token, "gone", &origin).await;
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    let error = telephone.ended().await.to_string();
    assert!(error.contains("revoked"), "{error}");
    let error = refused(&switchboard, &token, "gone").await.to_string();
    assert!(error.contains("revoked"), "{error}");
}

#[tokio::test]
async fn revoking_a_token_does_not_wait_for_the_end_of_an_upload() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let relay = Relay::to(switchboard.address).await;
    relay.throttle(Direction::Back, 1_000_000);
    let (id, token) = switchboard.token().await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let telephone = Agent::builder(relay.url(), &token).target(target).subdomain("gone").start().unwrap();
    telephone.ready().await.unwrap();
    let (pieces, body) = streamed();
    let sending =
        tokio::spawn(async move { while pieces.send(Ok(Frame::data(vec![b'x'; 64 * 1024].into()))).await.is_ok() {} });
    let visitor = switchboard.visitor("gone");
    let request = visitor.request(Method::POST, "/").body(body).unwrap();
    let visit = tokio::spawn(async move { visitor.send(request).await.map(|response| response.status().as_u16()) });
    until(Duration::from_secs(20), "it is under way", async || relay.passed(Direction::Back) > 2_000_000).await;
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{id}")).await.0, 204);
    let error = within(Duration::from_secs(20), "the telephone is told", telephone.ended()).await.to_string();
    assert!(error.contains("revoked"), "{error}");
    let visit = visit.await.unwrap();
    assert!(matches!(visit, Ok(502) | Err(_)), "the upload is cut: {visit:?}");
    assert_eq!(relay.accepted(), 1, "it was told on the line that it had");
    sending.await.unwrap();
}

#[tokio::test]
async fn a_paused_tunnel_answers_nobody_until_it_is_resumed() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("pause", &origin).await;
    let id = switchboard.tunnel("pause").await["id"].as_str().unwrap().to_owned();
    let mut events = telephone.events();
    assert_eq!(switchboard.client().post(&format!("/api/v1/tunnels/{id}/pause"), &Value::Null).await.0, 200);
    while !matches!(events.recv().await.unwrap(), telephone::Event::Disconnected { .. }) {}
    let visitor = switchboard.visitor("pause");
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-switchboard-error"], "tunnel_paused");
    assert_eq!(switchboard.client().post(&format!("/api/v1/tunnels/{id}/resume"), &Value::Null).await.0, 200);
    telephone.ready().await.unwrap();
    // The telephone may hear of the change a moment before what routes requests does.
    until(Duration::from_secs(10), "it is served again", async || visitor.text("/").await.0 == 200).await;
}

#[tokio::test]
async fn two_telephones_share_a_tunnel_and_one_may_leave() {
    let switchboard = Switchboard::start().await;
    let (one, other) = (Origin::mirror().await, Origin::mirror().await);
    let (_, token) = switchboard.token().await;
    let stays = switchboard.telephone_with(&token, "shared", &one).await;
    let leaves = switchboard.telephone_with(&token, "shared", &other).await;
    // The server learns of a telephone a moment after that has said that it is ready.
    until(Duration::from_secs(10), "both are there", async || {
        switchboard.tunnel("shared").await["sessions"].as_array().unwrap().len() == 2
    })
    .await;
    let visitor = switchboard.visitor("shared");
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let visitor = visitor.clone();
        visits.spawn(async move { visitor.text("/").await.0 });
    }
    leaves.shutdown().await;
    while let Some(status) = visits.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(visitor.text("/").await.0, 200);
    drop(stays);
}

#[tokio::test]
async fn a_tunnel_is_also_reached_by_its_own_domain() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("named", &origin).await;
    let own = Client::new(switchboard.address, "App.Customer.example:8443");
    assert_eq!(own.text("/").await.0, 404);
    let id = switchboard.tunnel("named").await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/tunnels/{id}");
    let (status, tunnel) =
        switchboard.client().patch(&path, &json!({"custom_domains": ["app.customer.example"]})).await;
    assert_eq!(status, 200, "{tunnel}");
    // The change is live at the latest when the routing table has followed it.
    let answer = loop {
        match own.text("/").await {
            (404, _) => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    assert_eq!(answer.0, 200);
    assert!(answer.1.contains("host: App.Customer.example:8443"), "{}", answer.1);
}

#[tokio::test]
async fn requests_wait_for_a_telephone_that_broke_off() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let (_, token) = switchboard.token().await;
    let telephone = switchboard.telephone_with(&token, "waits", &origin).await;
    let mut events = telephone.events();
    drop(telephone);
    // The agent's own view of things ends at once; the server's follows when it reads the end of the connection.
    while events.recv().await.is_ok() {}
    while switchboard.tunnel("waits").await["status"] == "online" {
        tokio::task::yield_now().await;
    }
    let visitor = switchboard.visitor("waits");
    let visit = tokio::spawn(async move { visitor.text("/").await });
    let _telephone = switchboard.telephone_with(&token, "waits", &origin).await;
    assert_eq!(visit.await.unwrap().0, 200);
}

#[tokio::test]
async fn what_is_no_telephone_is_told_so() {
    let switchboard = Switchboard::start().await;
    let (status, body) = switchboard.client().text("/tunnel").await;
    assert_eq!(status, 426);
    assert!(body.contains("telephone"), "{body}");

    let url = format!("ws://{}/tunnel", switchboard.address);
    for (garbage, code) in [
        (Message::text("garbage"), "bad_message"),
        (Message::text("{\"type\":\"ready\"}"), "bad_message"),
        (Message::binary(vec![0; 64]), "bad_message"),
        (
            Message::text(json!({"type": "init", "version": "9", "token": "sbt_x", "local_url": "x"}).to_string()),
            "bad_version",
        ),
    ] {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let challenge: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(challenge["type"], "auth_challenge");
        socket.send(garbage.clone()).await.unwrap();
        let error: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(error["code"], code, "{garbage}");
        assert!(matches!(socket.next().await.unwrap().unwrap(), Message::Close(Some(_))));
    }
    // The node is as well as before.
    assert_eq!(switchboard.client().text("/healthz").await.0, 200);
}

#[tokio::test]
async fn who_opens_a_line_and_says_nothing_is_sent_away() {
    let switchboard = Switchboard::start().await;
    let url = format!("ws://{}/tunnel", switchboard.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let challenge: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(challenge["type"], "auth_challenge");
    let ending = async {
        let error: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert!(error["message"].as_str().unwrap().contains("10 seconds"), "{error}");
        assert!(
            matches!(socket.next().await.unwrap().unwrap(), Message::Close(Some(frame)) if u16::from(frame.code) == OPENING_TIMEOUT)
        );
    };
    within(Duration::from_secs(30), "the end", ending).await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let switchboard = Switchboard::start().await;
    let (chunks, body) = streamed();
    let body = std::sync::Mutex::new(Some(body));
    let origin = Origin::start(move |_| {
        let body = body.lock().unwrap().take().unwrap_or_else(|| full("another"));
        async { http::Response::new(body) }
    })
    .await;
    let _telephone = switchboard.telephone("drain", &origin).await;
    let visitor = switchboard.visitor("drain");
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    switchboard.begin_stop();
    let mut body = response.into_body();
    for n in 0..3 {
        let chunk = bytes::Bytes::from(format!("{n}"));
        chunks.send(Ok(http_body::Frame::data(chunk.clone()))).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), chunk);
    }
    drop(chunks);
    assert!(body.frame().await.is_none());
    switchboard.stop().await;
}

#[tokio::test]
async fn a_restarted_server_has_everything_and_its_telephones_back() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("back", &origin).await;
    assert_eq!(switchboard.visitor("back").text("/").await.0, 200);
    let port = switchboard.address.port();
    let before = switchboard.tunnel("back").await;
    let folder = switchboard.stop().await;
    let listen = format!("127.0.0.1:{port}");
    let mut switchboard = Switchboard::start_in(folder, &[("SWITCHBOARD_LISTEN", &listen)]).await;
    switchboard.sign_in().await;
    let after = switchboard.tunnel("back").await;
    assert_eq!((&after["id"], &after["public_url"]), (&before["id"], &before["public_url"]));
    assert_eq!(after["request_count"], 1);
    telephone.ready().await.unwrap();
    let mut visits = 0;
    while switchboard.visitor("back").text("/").await.0 != 200 {
        // The telephone's view of the old line may be a moment behind.
        visits += 1;
        assert!(visits < 1_000, "the telephone did not come back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn its_telephones_are_listed_with_how_they_do_and_why_they_went() {
    let mut switchboard = Switchboard::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (token_id, token) = switchboard.token().await;
    let target = Target::parse(&nobody.to_string()).unwrap();
    let builder = Agent::builder(switchboard.url(), &token).target(target).subdomain("shop").name("laptop");
    let agent = builder.start().unwrap();
    agent.ready().await.unwrap();
    assert_eq!(switchboard.visitor("shop").text("/").await.0, 502);
    let path = format!("/api/v1/tunnels/{}/connections", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    let listed = switchboard.client().get(&path).await.1;
    let now = &listed["items"][0];
    assert_eq!((&now["machine"], &now["ended_at"], &now["reason"]), (&json!("laptop"), &Value::Null, &Value::Null));
    assert_eq!(now["quality"]["local_failures"], 1, "{listed:#}");
    assert_eq!(now["quality"]["last_local_failure"]["code"], "local_unreachable");
    until(Duration::from_secs(60), "a round trip is measured", async || {
        let listed = switchboard.client().get(&path).await.1;
        listed["items"][0]["round_trips"][0]["ms"].is_number()
    })
    .await;
    let listed = switchboard.client().get(&path).await.1;
    assert!(listed["items"][0]["quality"]["credit_bytes"].as_u64().unwrap() > 0, "{listed:#}");

    agent.shutdown().await;
    let origin = Origin::echo().await;
    let _second = switchboard.telephone_with(&token, "shop", &origin).await;
    assert_eq!(switchboard.client().delete(&format!("/api/v1/tokens/{token_id}")).await.0, 204);
    let reasons = async |switchboard: &Switchboard| -> Vec<String> {
        let listed = switchboard.client().get(&path).await.1;
        let items = listed["items"].as_array().unwrap().iter();
        items.filter_map(|item| item["reason"].as_str().map(str::to_owned)).collect()
    };
    until(Duration::from_secs(60), "both are told of", async || reasons(&switchboard).await.len() == 2).await;
    switchboard = Switchboard::start_in(switchboard.stop().await, &[]).await;
    switchboard.sign_in().await;
    let told = reasons(&switchboard).await;
    assert!(told[0].contains("the token was revoked"), "{told:?}");
    assert!(told[1].starts_with("the telephone hung up"), "{told:?}");
    let listed = switchboard.client().get(&format!("{path}?limit=1")).await.1;
    let rest = format!("{path}?limit=1&cursor={}", listed["next_cursor"].as_str().unwrap());
    let rest = switchboard.client().get(&rest).await.1;
    assert_eq!((&rest["items"][0]["quality"]["local_failures"], &rest["next_cursor"]), (&json!(1), &Value::Null));
}
