//! Peers that fall silent: a telephone that is frozen, as a process, and a network that stands still for too long.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use http_body_util::BodyExt;
use telephone::Event;

use crate::endless::{AT_ONCE, SOON, endless, nothing_is_left};
use crate::networks::{HEARTBEAT, piece, switchboard, telephone, told};
use crate::support::fault::{Flow, Relay};
use crate::support::{Origin, Programs, text, until, within};
use crate::visit::{Seen, get, read, visit};

#[tokio::test]
async fn a_frozen_telephone_is_found_within_two_heartbeats() {
    let settings = [("SWITCHBOARD_HEARTBEAT", "1s"), ("SWITCHBOARD_HOLD_TIMEOUT", "1s")];
    let programs = Programs::start_with(&settings).await;
    let (origin, mut arrived) = endless().await;
    let (_, token) = programs.token().await;
    let telephone = programs.telephone_with(&token, "frozen", origin.address, &[]).await;
    let visitor = programs.visitor("frozen");
    let begun = visitor.send(get(&visitor, "/begun")).await.unwrap();
    within(SOON, "the request at the local server", arrived.recv()).await.unwrap();

    telephone.freeze();
    // Two heartbeats, and what a busy machine takes to notice.
    let found = 2 * HEARTBEAT + Duration::from_secs(1);
    let gone = async || programs.figure("switchboard_telephone_sessions").await == 0.0;
    until(found, "the frozen telephone is found", gone).await;
    let seen = within(AT_ONCE, "the end of the request in flight", read(begun)).await;
    assert_eq!(seen, Seen::Truncated { status: 200, body: Bytes::from_static(b"begun") });
    nothing_is_left(&programs, 0.0).await;

    // Who comes now is held, and told to come again when the telephone does not.
    let response = within(SOON, "an answer", visitor.send(get(&visitor, "/"))).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-switchboard-error"], "tunnel_offline");
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(text(response).await, "Service Unavailable - tunnel offline");

    telephone.thaw();
    until(SOON, "the telephone is back", async || programs.figure("switchboard_telephone_sessions").await == 1.0).await;
    let begun = visitor.send(get(&visitor, "/begun")).await.unwrap();
    assert_eq!(begun.into_body().frame().await.unwrap().unwrap().into_data().unwrap(), "begun");
}

#[tokio::test]
async fn a_long_standstill_costs_the_session_and_no_more() {
    let switchboard = switchboard().await;
    let (origin, chunks) = told().await;
    let relay = Relay::to(switchboard.address).await;
    let telephone = telephone(&switchboard, &relay, &origin).await;
    let mut events = telephone.events();
    let visitor = switchboard.visitor("line");
    chunks.send(piece("begun")).await.unwrap();
    let begun = visitor.send(get(&visitor, "/")).await.unwrap();

    relay.stall();
    // Each end finds the other silent, within two heartbeats, and what a busy machine takes to notice.
    let found = 2 * HEARTBEAT + Duration::from_secs(1);
    within(found, "the telephone's end notices", async {
        while !matches!(events.recv().await.unwrap(), Event::Disconnected { .. }) {}
    })
    .await;
    let sessions = async || switchboard.tunnel("line").await["sessions"].as_array().unwrap().len();
    until(found, "the switchboard's end notices", async || sessions().await == 0).await;
    let seen = within(SOON, "the end of the request in flight", read(begun)).await;
    assert_eq!(seen, Seen::Truncated { status: 200, body: Bytes::from_static(b"begun") });

    // Who comes now is held, and served when the network is.
    let held = tokio::spawn({
        let visitor = visitor.clone();
        async move { visit(&visitor, get(&visitor, "/")).await }
    });
    relay.heal();
    assert_eq!(within(SOON, "an answer", held).await.unwrap().status(), Some(200));
    assert_eq!(sessions().await, 1);
}

#[tokio::test]
async fn a_session_from_beyond_a_partition_does_not_disturb_the_new_one() {
    let switchboard = switchboard().await;
    let origin = Origin::mirror().await;
    let relay = Relay::to(switchboard.address).await;
    let telephone = telephone(&switchboard, &relay, &origin).await;
    let mut events = telephone.events();
    let visitor = switchboard.visitor("line");
    for (round, flow) in [Flow::Stall, Flow::Swallow, Flow::Stall].into_iter().enumerate() {
        // Nothing comes through on this line any more, and the next one goes another way.
        let stranded = relay.strand(flow);
        let session = within(SOON, "the telephone's next line", async {
            loop {
                if let Event::Connected(tunnel) = events.recv().await.unwrap() {
                    return tunnel.session_id;
                }
            }
        })
        .await;
        assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200), "round {round}");
        // What was on its way on the old line arrives, and its end.
        stranded.heal();
        until(SOON, "the old line has ended", async || relay.connections() == 1).await;
        let tunnel = switchboard.tunnel("line").await;
        let sessions = tunnel["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 1, "{tunnel}");
        assert_eq!(sessions[0]["id"], session.as_str(), "round {round}");
        assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200), "round {round}");
    }
}
