//! What each backend and each telephone did.

use serde_json::Value;

use super::log::{Made, check_sample, origin, part, replay};
use super::setup::{get, restart, service, trusting, until_measured};
use super::support::until;

fn of(log: &[Made], name: &str) -> Vec<Made> {
    log.iter().filter(|made| made.by == name).cloned().collect()
}

#[tokio::test]
async fn each_backend_has_its_figures_also_after_a_restart() {
    let switchboard = trusting().await;
    let (one, other) = (origin("app-0").await, origin("app-1").await);
    let app = service(&switchboard, &[&one, &other]).await;
    let log = replay(&app, part(4)).await;
    until_measured(&switchboard, "services/app", log.len()).await;
    let check = async |switchboard: &super::support::Switchboard, windows: &[&str]| {
        for window in windows {
            let list = get(switchboard, &format!("services/app/backends?{window}")).await;
            let items = list["items"].as_array().unwrap();
            assert_eq!(items.len(), 2);
            for item in items {
                let log = of(&log, item["id"].as_str().unwrap());
                assert!(!log.is_empty());
                check_sample(&item["figures"], &log);
            }
        }
    };
    check(&switchboard, &["range=live", "range=1h", "range=24h", "range=30d"]).await;
    let switchboard = restart(switchboard).await;
    check(&switchboard, &["range=1h", "range=7d"]).await;
    switchboard.stop().await;
}

#[tokio::test]
async fn each_telephone_has_its_figures_also_when_it_has_left() {
    let switchboard = trusting().await;
    let (one, other) = (origin("one").await, origin("other").await);
    let (_, token) = switchboard.token().await;
    let first = switchboard.telephone_with(&token, "shop", &one).await;
    let second = switchboard.telephone_with(&token, "shop", &other).await;
    let tunnel = format!("tunnels/{}", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    let log = replay(&switchboard.visitor("shop"), part(5)).await;
    let sessions = async || get(&switchboard, &format!("{tunnel}/sessions")).await["items"].as_array().unwrap().clone();
    let total = |session: &Value| {
        session["figures"]["by_status"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    let check = |seen: &[Value]| {
        assert_eq!(seen.len(), 2);
        let (mut logs, mut seen) = (vec![of(&log, "one"), of(&log, "other")], seen.to_vec());
        logs.sort_by_key(Vec::len);
        seen.sort_by_key(total);
        // Two in turn: which session is which is told by what it was given.
        let bytes = |log: &Vec<Made>| log.iter().map(|made| made.entry.sends as u64).sum::<u64>();
        if logs[0].len() == logs[1].len() && seen[0]["figures"]["bytes_in"] != bytes(&logs[0]) {
            logs.reverse();
        }
        logs.iter().zip(&seen).for_each(|(log, session)| check_sample(&session["figures"], log));
    };
    let seen = sessions().await;
    assert!(seen.iter().all(|session| session["ended_at"].is_null()));
    check(&seen);
    first.shutdown().await;
    second.shutdown().await;
    until(super::setup::MEASURED, "both have left", async || {
        sessions().await.iter().all(|session| session["ended_at"].is_string())
    })
    .await;
    check(&sessions().await);
    switchboard.stop().await;
}
