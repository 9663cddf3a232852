//! Which stretches of time can be asked for, and by whom.

use serde_json::json;

use super::setup::get;
use super::support::Switchboard;

#[tokio::test]
async fn a_stretch_of_time_is_checked_and_cut_into_few_steps() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    for (query, field) in [
        ("range=2h", "range"),
        ("range=1h&from=2026-01-01T00:00", "range"),
        ("from=yesterday", "from"),
        ("from=1999-01-01T00:00", "from"),
        ("from=9999-01-01T00:00&until=9999-02-01T00:00", "from"),
        ("until=2026-01-01T00:00", "from"),
    ] {
        for what in ["metrics", "breakdown"] {
            let (status, refused) = client.get(&format!("/api/v1/traffic/{what}?{query}")).await;
            assert_eq!((status, &refused["error"]["field"]), (422, &json!(field)), "{query}");
        }
    }
    let now = chrono::Utc::now();
    for (hours, step) in [(1, 60), (24, 300), (24 * 10, 3_600), (24 * 60, 14_400)] {
        let from = (now - chrono::TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M");
        let series = get(&switchboard, &format!("traffic/metrics?from={from}")).await;
        assert_eq!(series["step"], json!(step), "{hours}");
        let length = series["until"].as_i64().unwrap() - series["from"].as_i64().unwrap();
        assert!(length / step <= 400 && length >= hours * 3_600 - 60, "{length}");
    }
    switchboard.stop().await;
}

#[tokio::test]
async fn figures_are_their_owners_and_the_administrators() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let (status, tunnel) = switchboard.client().post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await;
    assert_eq!(status, 201);
    let (status, service) = switchboard.client().post("/api/v1/services", &json!({"name": "app"})).await;
    assert_eq!(status, 201);
    let anonymous = switchboard.client().bearer("");
    let account = json!({"email": "bob@example.com", "password": "a different long one"});
    assert_eq!(anonymous.post("/api/v1/auth/register", &account).await.0, 201);
    let (_, tokens) = anonymous.post("/api/v1/auth/login", &account).await;
    let stranger = anonymous.clone().bearer(tokens["access_token"].as_str().unwrap());
    let (tunnel, service) = (tunnel["id"].as_str().unwrap(), service["id"].as_str().unwrap());
    for of in [format!("tunnels/{tunnel}"), format!("services/{service}")] {
        for what in ["metrics", "breakdown"] {
            let path = format!("/api/v1/{of}/{what}");
            assert_eq!(switchboard.client().get(&path).await.0, 200, "{path}");
            assert_eq!(stranger.get(&path).await.0, 404, "{path}");
            assert_eq!(anonymous.get(&path).await.0, 401, "{path}");
        }
    }
    assert_eq!(stranger.get("/api/v1/traffic/breakdown").await.0, 200);
    switchboard.stop().await;
}
