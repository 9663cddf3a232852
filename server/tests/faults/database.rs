//! A database that is there and does not answer: traffic goes on, changes are refused with a word, and it is over soon
//! after it is over.

use std::time::{Duration, Instant};

use http::{Method, header};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::support::{Client, Origin, Programs, full, text, until, within};

/// Well above what the server gives a request of the API, and a connection to the database.
const SOON: Duration = Duration::from_secs(120);
/// How long it takes to be as before, at most.
const PROMISED: Duration = Duration::from_secs(10);

/// A switchboard with a tunnel and a domain, both served; who visits them, and the token's id.
async fn served(settings: &[(&str, &str)], origin: &Origin) -> (Programs, [Client; 2], String) {
    let mut programs = Programs::start_in_files(settings).await;
    let api = programs.client();
    let service = json!({"name": "shop", "health_check": {"enabled": false}});
    for (what, fields) in [
        ("services", service),
        ("backends", json!({"address": origin.address.to_string(), "service": "shop"})),
        ("domains", json!({"domain": "shop.example.com", "service": "shop"})),
    ] {
        let (status, made) = api.post(&format!("/api/v1/{what}"), &fields).await;
        assert_eq!(status, 201, "{made}");
    }
    programs.telephone("blog", origin).await;
    let (_, tokens) = api.get("/api/v1/tokens").await;
    let token = tokens["items"][0]["id"].as_str().unwrap().to_owned();
    let visitors = [Client::new(programs.address, "shop.example.com"), programs.visitor("blog")];
    for visitor in &visitors {
        until(SOON, "it is served", async || visitor.text("/").await.0 == 200).await;
    }
    (programs, visitors, token)
}

/// For how long it stands still: as long as it takes to see what there is to see, longer when asked for.
fn stall() -> Duration {
    Duration::from_secs(std::env::var("SWITCHBOARD_TEST_STALL").map_or(0, |seconds| seconds.parse().unwrap()))
}

/// Every request is answered, one after the other, until `done`. Says how fast, since that is to be the same throughout.
async fn all_served<T>(when: &str, visitors: &[Client; 2], done: impl Future<Output = T>) -> T {
    let mut took = Vec::new();
    tokio::pin!(done);
    loop {
        tokio::select! {
            biased;
            outcome = &mut done, if took.len() >= 200 => {
                took.sort_unstable();
                let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)];
                println!("{when}: {} requests, {:?} in the middle, {:?} at 99 %", took.len(), at(50), at(99));
                return outcome;
            }
            () = async {
                for visitor in visitors {
                    let began = Instant::now();
                    assert_eq!(within(SOON, "an answer", visitor.text("/")).await.0, 200);
                    took.push(began.elapsed());
                }
            } => {}
        }
    }
}

/// Refused, with what to do about it.
async fn refused(api: &Client, method: Method, path: &str, body: Value) {
    let request = api.request(method, path).header(header::CONTENT_TYPE, "application/json");
    let response = within(SOON, "a refusal", api.send(request.body(full(body.to_string())).unwrap())).await.unwrap();
    let (status, retry) = (response.status(), response.headers().get(header::RETRY_AFTER).cloned());
    let said = text(response).await;
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("try again"), "{said}");
    assert!(retry.unwrap().to_str().unwrap().parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_stalled_postgresql_holds_up_changes_and_nothing_else() {
    let server = test_postgres::Server::start().unwrap();
    let url = server.new_database("stalled").unwrap();
    let origin = Origin::mirror().await;
    let (programs, visitors, token) = served(&[("SWITCHBOARD_DATABASE_URL", &url)], &origin).await;
    let api = programs.client();

    all_served("before", &visitors, tokio::time::sleep(stall() / 10)).await;
    server.freeze().unwrap();
    let began = Instant::now();
    all_served("while it stands still", &visitors, async {
        until(SOON, "it is seen", async || api.text("/readyz").await.0 == 503).await;
        refused(&api, Method::POST, "/api/v1/services", json!({"name": "late"})).await;
        // What was not stored has not happened: the telephone goes on.
        refused(&api, Method::DELETE, &format!("/api/v1/tokens/{token}"), json!({})).await;
        while began.elapsed() < stall() {
            refused(&api, Method::POST, "/api/v1/services", json!({"name": "late"})).await;
        }
    })
    .await;
    let ready = api.text("/readyz").await;
    assert!(ready.1.contains("\"code\":\"database\""), "{ready:?}");

    server.thaw().unwrap();
    recovered(&api, &visitors).await;
    // Now it ends what is connected.
    let (status, said) = api.delete(&format!("/api/v1/tokens/{token}")).await;
    assert_eq!(status, 204, "{said}");
    until(SOON, "the telephone is gone", async || visitors[1].text("/").await.0 == 503).await;
    assert_eq!(visitors[0].text("/").await.0, 200);
}

/// Everything is as before, and what was refused is done.
async fn recovered(api: &Client, visitors: &[Client; 2]) {
    let began = Instant::now();
    until(SOON, "it is ready again", async || api.text("/readyz").await.0 == 200).await;
    until(SOON, "it takes changes", async || {
        let (status, made) = api.post("/api/v1/services", &json!({"name": "later"})).await;
        assert!([201, 503].contains(&status), "{made}");
        status == 201
    })
    .await;
    println!("changes were taken {:?} after the database was back", began.elapsed());
    assert!(began.elapsed() < PROMISED, "{:?}", began.elapsed());
    for visitor in visitors {
        assert_eq!(visitor.text("/").await.0, 200);
    }
}

#[tokio::test]
async fn a_sqlite_file_that_somebody_else_locks_holds_up_changes_and_nothing_else() {
    let origin = Origin::mirror().await;
    let (programs, visitors, token) = served(&[], &origin).await;
    let api = programs.client();
    let mut options = ConnectOptions::new(format!("sqlite://{}/switchboard.db", programs.folder().display()));
    options.max_connections(1);
    let database = Database::connect(options).await.unwrap();
    until(SOON, "it is locked", async || database.execute_unprepared("BEGIN IMMEDIATE").await.is_ok()).await;
    all_served("while it is locked", &visitors, async {
        refused(&api, Method::POST, "/api/v1/services", json!({"name": "late"})).await;
        refused(&api, Method::DELETE, &format!("/api/v1/tokens/{token}"), json!({})).await;
        // Who only reads is not held up.
        assert_eq!(api.get("/api/v1/services").await.0, 200);
    })
    .await;
    database.execute_unprepared("ROLLBACK").await.unwrap();
    recovered(&api, &visitors).await;
}

#[tokio::test]
async fn a_start_without_the_database_says_so_and_serves_nobody() {
    let mut server = test_postgres::Server::start().unwrap();
    let url = server.new_database("missing").unwrap();
    let mut programs = Programs::start_in_files(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    programs.switchboard.terminate();
    programs.switchboard.ended().await;
    for frozen in [false, true] {
        if frozen {
            until(SOON, "it is there again", async || server.start_again().unwrap()).await;
            server.freeze().unwrap();
        } else {
            server.kill(true).unwrap();
        }
        let mut command = programs.command(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
        let ended = within(SOON, "it gives up", command.output()).await.unwrap();
        assert_eq!(ended.status.code(), Some(69), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot reach the database"), "{ended:?}");
    }
    server.thaw().unwrap();
    within(SOON, "it starts", programs.restart()).await;
    assert_eq!(programs.client().get("/api/v1/services").await.0, 200);
}
