//! A tunnel gets another address while the real telephone serves it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::fault::{Direction, End, Relay};
use support::{Origin, Program, Programs, until, within};

const SOON: Duration = Duration::from_secs(10);

/// The address in the telephone's next event of this kind.
async fn address_in(telephone: &mut Program, event: &str) -> String {
    let line = within(SOON, event, telephone.line_with(&format!("\"event\":\"{event}\""))).await;
    serde_json::from_str::<Value>(&line).unwrap()["public_url"].as_str().unwrap().to_owned()
}

async fn rename(programs: &Programs, from: &str, to: &str) -> String {
    let (_, list) = programs.client().get("/api/v1/tunnels").await;
    let tunnel = list["items"].as_array().unwrap().iter().find(|tunnel| tunnel["subdomain"] == from).unwrap();
    let path = format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap());
    let (status, renamed) = programs.client().patch(&path, &json!({"subdomain": to})).await;
    assert_eq!((status, &renamed["subdomain"]), (200, &json!(to)), "{renamed}");
    renamed["public_url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_telephone_shows_the_new_address_and_keeps_the_tunnel_when_it_comes_back() {
    let programs = Programs::start().await;
    let origin = Origin::mirror().await;
    let relay = Relay::to(programs.address).await;
    let (_, token) = programs.token().await;
    let more = ["--connections", "2", "--server", &relay.url()];
    let mut telephone = programs.telephone_with(&token, "before", origin.address, &more).await;
    until(SOON, "both lines", async || programs.figure("switchboard_lines").await == 2.0).await;

    let address = rename(&programs, "before", "after").await;
    assert_eq!(address_in(&mut telephone, "updated").await, address);
    assert_eq!(programs.visitor("after").text("/").await.0, 200);
    assert_eq!(programs.visitor("before").text("/").await.0, 404);

    // One line is lost, and then all are: it asks for the tunnel it had, not for the name it was started with.
    relay.cut_after(Direction::Forth, 0, End::Reset);
    assert_eq!(programs.visitor("after").text("/").await.0, 200);
    assert_eq!(address_in(&mut telephone, "connected").await, address);
    relay.end_all(End::Reset);
    assert_eq!(address_in(&mut telephone, "connected").await, address);
    assert_eq!(programs.visitor("after").text("/").await.0, 200);
    let (_, list) = programs.client().get("/api/v1/tunnels").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "no second tunnel was made: {list}");
}
