//! A database that is away loses records, says so, and nothing else.

use serde_json::json;

use super::setup::{RECORDED, Setup};
use crate::support::until;

async fn dropped(setup: &Setup) -> f64 {
    setup.switchboard.figure("switchboard_exchanges_dropped_total{reason=\"database\"}").await
}

#[tokio::test]
async fn traffic_goes_on_while_another_holds_the_database() {
    // Of PostgreSQL below.
    let home = crate::support::Home::of_files();
    let file = home.path().join("switchboard.db");
    let url = format!("sqlite://{}", file.display());
    let setup = Setup::start_with(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    setup.capture(json!({"level": "bodies"})).await;
    setup.send(setup.get("/before")).await;
    let mut options = sea_orm::ConnectOptions::new(format!("{url}?mode=rw"));
    options.max_connections(1);
    let other = sea_orm::Database::connect(options).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&other, "BEGIN IMMEDIATE").await.unwrap();
    until(RECORDED, "what is recorded is dropped", async || {
        assert_eq!(setup.visitor.text("/during").await.0, 200);
        dropped(&setup).await > 0.0
    })
    .await;
    assert_eq!(setup.switchboard.figure("switchboard_recorder_up").await.to_string(), "0");
    sea_orm::ConnectionTrait::execute_unprepared(&other, "ROLLBACK").await.unwrap();
    until(RECORDED, "it is recorded again", async || {
        assert_eq!(setup.visitor.text("/after").await.0, 200);
        !setup.found("q=/after").await.is_empty()
    })
    .await;
    assert_eq!(setup.switchboard.figure("switchboard_recorder_up").await.to_string(), "1");
}

#[tokio::test]
async fn traffic_goes_on_when_postgresql_is_gone() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("recorded").unwrap();
    let setup = Setup::start_with(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    setup.send(setup.get("/before")).await;
    drop(server);
    until(RECORDED, "what is recorded is dropped", async || {
        assert_eq!(setup.visitor.text("/during").await.0, 200);
        dropped(&setup).await > 0.0
    })
    .await;
}

#[tokio::test]
async fn more_than_the_rate_is_counted() {
    let setup = Setup::start_with(&[("SWITCHBOARD_CAPTURE_RATE", "10")]).await;
    until(RECORDED, "some are beyond the rate", async || {
        for _ in 0..20 {
            assert_eq!(setup.visitor.text("/").await.0, 200);
        }
        setup.switchboard.figure("switchboard_exchanges_dropped_total{reason=\"rate\"}").await > 0.0
    })
    .await;
}
