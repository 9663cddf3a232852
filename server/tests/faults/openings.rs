//! Lines that break while they are being opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use telephone::{Agent, AgentHandle, Target};
use tokio::task::JoinSet;

use crate::endless::SOON;
use crate::support::fault::{Direction, End, Relay};
use crate::support::{Origin, Switchboard, until, within};
use crate::visit::{get, visit};

fn dial(relay: &Relay, token: &str, subdomain: &str, origin: &Origin) -> AgentHandle {
    let target = Target::parse(&origin.address.to_string()).unwrap();
    Agent::builder(relay.url(), token).target(target).subdomain(subdomain).connections(1).start().unwrap()
}

/// How many bytes an opening takes, forth and back.
async fn size_of_an_opening(switchboard: &Switchboard, token: &str, origin: &Origin) -> [u64; 2] {
    let relay = Relay::to(switchboard.address).await;
    let telephone = dial(&relay, token, "whole", origin);
    within(SOON, "the telephone", telephone.ready()).await.unwrap();
    let size = [Direction::Forth, Direction::Back].map(|direction| relay.passed(direction));
    telephone.shutdown().await;
    size
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_cut_at_any_byte_is_tried_again_and_leaves_nothing() {
    let switchboard = Arc::new(Switchboard::start().await);
    let origin = Arc::new(Origin::mirror().await);
    let (_, token) = switchboard.token().await;
    let [forth, back] = size_of_an_opening(&switchboard, &token, &origin).await;
    let mut cuts = Vec::new();
    for (end, first) in [(End::Reset, 0), (End::Close, 1)] {
        cuts.extend((first..forth).step_by(2).map(|bytes| (Direction::Forth, bytes, end)));
        cuts.extend((first..back).step_by(2).map(|bytes| (Direction::Back, bytes, end)));
    }
    let (cuts, next) = (Arc::new(cuts), Arc::new(AtomicUsize::new(0)));
    let mut lanes = JoinSet::new();
    for lane in 0..32 {
        let (switchboard, origin, token) = (switchboard.clone(), origin.clone(), token.clone());
        let (cuts, next) = (cuts.clone(), next.clone());
        lanes.spawn(async move {
            let subdomain = format!("lane-{lane}");
            let visitor = switchboard.visitor(&subdomain);
            while let Some((direction, bytes, end)) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let relay = Relay::to(switchboard.address).await;
                relay.cut_after(*direction, *bytes, *end);
                let telephone = dial(&relay, &token, &subdomain, &origin);
                let what = format!("{direction:?} cut after {bytes} bytes with {end:?}");
                within(SOON, &what, telephone.ready()).await.unwrap();
                let seen = within(SOON, &what, visit(&visitor, get(&visitor, "/"))).await;
                assert_eq!(seen.status(), Some(200), "{what}: {seen:?}");
                telephone.shutdown().await;
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    let sessions = async || switchboard.figure("switchboard_telephone_sessions").await;
    until(SOON, "no session is left", async || sessions().await == 0.0).await;
}
