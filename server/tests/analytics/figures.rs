//! Every figure, against the log of what was asked for.

use serde_json::{Value, json};

use super::log::{Entry, Made, check_breakdown, check_series, origin, part, replay};
use super::setup::{get, restart, service, trusting, until_measured};
use super::support::{Switchboard, until};

/// What the switchboard says of a subject in every stretch of time that holds the whole log.
async fn check(switchboard: &Switchboard, subject: &str, log: &[Made], windows: &[&str]) {
    until_measured(switchboard, subject, log.len()).await;
    let from = chrono::Utc::now() - chrono::TimeDelta::minutes(20);
    let custom = format!("from={}", from.format("%Y-%m-%dT%H:%M"));
    for window in windows.iter().copied().chain([custom.as_str()]) {
        check_series(&get(switchboard, &format!("{subject}/metrics?{window}")).await, log);
        check_breakdown(&get(switchboard, &format!("{subject}/breakdown?{window}")).await, log);
    }
}

const ALL: &[&str] = &["range=live", "range=1h", "range=24h", "range=7d", "range=30d"];
const STORED: &[&str] = &["range=1h", "range=24h", "range=7d", "range=30d"];

#[tokio::test]
async fn a_known_log_leads_to_these_figures_also_after_a_restart() {
    let switchboard = trusting().await;
    let origin = origin("shop").await;
    let telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = format!("tunnels/{}", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    let app = service(&switchboard, &[&origin]).await;

    let mut of_tunnel = replay(&switchboard.visitor("shop"), part(0)).await;
    let mut of_service = replay(&app, part(1)).await;
    check(&switchboard, &tunnel, &of_tunnel, ALL).await;
    check(&switchboard, "services/app", &of_service, ALL).await;
    check(&switchboard, "traffic", &[of_tunnel.clone(), of_service.clone()].concat(), ALL).await;
    telephone.shutdown().await;

    let switchboard = restart(switchboard).await;
    check(&switchboard, &tunnel, &of_tunnel, STORED).await;
    let telephone = switchboard.telephone("shop", &origin).await;
    of_tunnel.extend(replay(&switchboard.visitor("shop"), part(2)).await);
    let app = super::support::Client::new(switchboard.address, "app.example.com");
    of_service.extend(replay(&app, part(3)).await);
    check(&switchboard, &tunnel, &of_tunnel, STORED).await;
    check(&switchboard, "services/app", &of_service, STORED).await;
    check(&switchboard, "traffic", &[of_tunnel.clone(), of_service.clone()].concat(), STORED).await;
    telephone.shutdown().await;

    // What a deleted tunnel has done stays done.
    let (status, _) = switchboard.client().delete(&format!("/api/v1/{tunnel}")).await;
    assert_eq!(status, 204);
    let switchboard = restart(switchboard).await;
    check(&switchboard, &tunnel, &of_tunnel, STORED).await;
    check(&switchboard, "traffic", &[of_tunnel, of_service].concat(), STORED).await;
    switchboard.stop().await;
}

#[tokio::test]
async fn errors_of_the_switchboards_own_are_told_by_their_code() {
    let switchboard = trusting().await;
    let (status, tunnel) = switchboard.client().post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await;
    assert_eq!(status, 201);
    let path = format!("/api/v1/tunnels/{}", tunnel["id"].as_str().unwrap());
    assert_eq!(switchboard.client().post(&format!("{path}/pause"), &Value::Null).await.0, 200);
    let visitor = switchboard.visitor("shop");
    let mut requests = 0;
    until(std::time::Duration::from_secs(10), "the pause is known", async || {
        let (status, text) = visitor.text("/").await;
        requests += usize::from(status == 503);
        text.contains("paused")
    })
    .await;
    until_measured(&switchboard, path.trim_start_matches("/api/v1/"), requests).await;
    let seen = get(&switchboard, &format!("{}/breakdown", path.trim_start_matches("/api/v1/"))).await;
    let names: Vec<_> = seen["errors"]["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert!(names.contains(&json!("503 tunnel_paused")), "{names:?}");
    switchboard.stop().await;
}

#[tokio::test]
async fn a_scan_of_thousands_of_paths_is_counted_and_named_in_part() {
    let switchboard = trusting().await;
    let origin = origin("shop").await;
    let telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = format!("tunnels/{}", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    let mut connection = switchboard.visitor("shop").connect().await;
    let (mut ready, visitor) = (0, switchboard.visitor("shop"));
    for n in 0..600 {
        for path in [format!("/scan-{n}"), "/real".to_owned()] {
            let entry = Entry {
                path,
                group: "",
                client: "203.0.113.7",
                status: 404,
                takes: std::time::Duration::ZERO,
                sends: 0,
                receives: 0,
            };
            let request = visitor
                .request(http::Method::GET, &entry.path)
                .header("x-forwarded-for", entry.client)
                .header("x-status", entry.status);
            let response =
                connection.send_request(request.body(super::support::Body::default()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 404);
            super::support::whole(response).await;
            connection.ready().await.unwrap();
            ready += 1;
        }
    }
    until_measured(&switchboard, &tunnel, ready).await;
    let seen = get(&switchboard, &format!("{tunnel}/breakdown?range=24h")).await;
    let items = seen["paths"]["items"].as_array().unwrap();
    let count = |value: &Value| value["requests"].as_u64().unwrap();
    assert!(items.len() <= 20);
    assert_eq!((&items[0]["name"], count(&items[0])), (&json!("/real"), 600));
    assert_eq!(items.iter().map(count).sum::<u64>() + count(&seen["paths"]["other"]), 1_200);
    telephone.shutdown().await;
    switchboard.stop().await;
}
