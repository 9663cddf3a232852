//! Programs that are killed while they write: what was acknowledged is there, and nothing is there by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use rand::Rng;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Body, Client, Home, Programs, full, until, within};

const SOON: Duration = Duration::from_secs(120);
const WRITERS: usize = 4;

/// How often they are killed: enough to find what happens often, more when asked for.
fn kills() -> u32 {
    std::env::var("SWITCHBOARD_TEST_KILLS").map_or(20, |kills| kills.parse().unwrap())
}

/// What was asked for, and what of it was acknowledged.
#[derive(Default, Clone)]
struct Log {
    asked: BTreeSet<String>,
    made: BTreeSet<String>,
    asked_to_delete: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Makes services and deletes two of three again, until nobody answers.
async fn write(client: Client, names: String, log: Arc<Mutex<Log>>) {
    for n in 0.. {
        let name = format!("{names}-{n}");
        log.lock().unwrap().asked.insert(name.clone());
        let body = full(json!({"name": name}).to_string());
        match answered(&client, Method::POST, "/api/v1/services", body).await {
            Some(201) => assert!(log.lock().unwrap().made.insert(name.clone())),
            Some(503) | None => return,
            Some(other) => panic!("{name} was answered {other}"),
        }
        if n % 3 == 0 {
            continue;
        }
        log.lock().unwrap().asked_to_delete.insert(name.clone());
        let path = format!("/api/v1/services/{name}");
        match answered(&client, Method::DELETE, &path, Body::default()).await {
            Some(204) => assert!(log.lock().unwrap().deleted.insert(name)),
            Some(503) | None => return,
            Some(other) => panic!("that {name} is deleted was answered {other}"),
        }
    }
}

/// The status, when there was one.
async fn answered(client: &Client, method: Method, path: &str, body: Body) -> Option<u16> {
    // `Client` takes for granted that somebody listens.
    drop(TcpStream::connect(client.address()).await.ok()?);
    let request = client.request(method, path).header("content-type", "application/json");
    let sent = tokio::spawn({
        let (client, request) = (client.clone(), request.body(body).unwrap());
        async move { client.send(request).await.map(|response| response.status().as_u16()) }
    });
    // It panics when the connection is refused after all.
    sent.await.ok()?.ok()
}

/// One column of texts.
async fn column(database: &DatabaseConnection, query: &str) -> Vec<String> {
    let statement = Statement::from_string(database.get_database_backend(), query);
    let rows = database.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// What the log says holds, and nothing else does.
async fn compare(database: &DatabaseConnection, log: &Log) {
    let live: BTreeSet<_> =
        column(database, "SELECT name FROM services WHERE deleted_at IS NULL").await.into_iter().collect();
    let gone: BTreeSet<_> =
        column(database, "SELECT name FROM services WHERE deleted_at IS NOT NULL").await.into_iter().collect();
    for name in &log.made {
        assert!(live.contains(name) || gone.contains(name), "{name} was acknowledged and is not there");
        assert!(live.contains(name) || log.asked_to_delete.contains(name), "{name} is gone, which nobody asked for");
    }
    for name in &log.deleted {
        assert!(gone.contains(name), "that {name} is deleted was acknowledged, and it is there");
    }
    assert!(live.union(&gone).all(|name| log.asked.contains(name)));
    // A change and what says who made it are one transaction.
    let mut revisions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in column(database, "SELECT object_name || ' ' || action FROM revisions WHERE kind = 'service'").await {
        let (name, action) = entry.split_once(' ').unwrap();
        revisions.entry(name.to_owned()).or_default().push(action.to_owned());
    }
    assert!(revisions.keys().eq(live.union(&gone)), "a service without a revision, or the reverse");
    for (name, actions) in revisions {
        assert_eq!(actions.len(), if gone.contains(&name) { 2 } else { 1 }, "{name}: {actions:?}");
    }
}

/// Writes until somebody is killed; what was acknowledged goes to the log.
async fn until_killed(programs: &Programs, round: u32, log: &Arc<Mutex<Log>>, kill: impl AsyncFnOnce()) {
    let before = log.lock().unwrap().made.len();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(programs.client(), format!("r{round}-{writer}"), log.clone())))
        .collect();
    // Any moment will do, since no event tells which one hurts.
    let (written, moment) = (rand::rng().random_range(1..20), rand::rng().random_range(0..50));
    until(SOON, "something is written", async || log.lock().unwrap().made.len() >= before + written).await;
    tokio::time::sleep(Duration::from_millis(moment)).await;
    kill().await;
    for writer in writers {
        within(SOON, "a writer notices", writer).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_switchboard_has_all_that_it_acknowledged() {
    let mut programs = Programs::start_in_files(&[]).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let url = format!("sqlite://{}/switchboard.db", programs.folder().display());
    for round in 0..kills() {
        let pid = programs.switchboard.pid().to_string();
        until_killed(&programs, round, &log, async || {
            assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        })
        .await;
        programs.switchboard.ended().await;
        within(SOON, "it starts again", programs.restart()).await;
        programs.sign_in().await;
        let database = Database::connect(&url).await.unwrap();
        let seen = log.lock().unwrap().clone();
        compare(&database, &seen).await;
        database.close().await.unwrap();
    }
    let log = log.lock().unwrap();
    println!("{} kills, {} made and {} deleted were acknowledged", kills(), log.made.len(), log.deleted.len());
}

#[tokio::test]
async fn a_killed_postgresql_has_all_that_was_acknowledged() {
    let mut server = test_postgres::Server::start().unwrap();
    let url = server.new_database("killed").unwrap();
    let mut programs = Programs::start_in_files(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    let log = Arc::new(Mutex::new(Log::default()));
    for round in 0..kills() {
        if round % 3 == 0 {
            let pid = programs.switchboard.pid().to_string();
            until_killed(&programs, round, &log, async || {
                assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
            })
            .await;
            programs.switchboard.ended().await;
            within(SOON, "it starts again", programs.restart()).await;
        } else {
            let killed = &mut server;
            until_killed(&programs, round, &log, async || killed.kill(round % 3 == 1).unwrap()).await;
            until(SOON, "it is there again", async || server.start_again().unwrap()).await;
            let client = programs.client();
            until(SOON, "the switchboard finds it", async || client.text("/readyz").await.0 == 200).await;
        }
        programs.sign_in().await;
        let database = Database::connect(&url).await.unwrap();
        let seen = log.lock().unwrap().clone();
        compare(&database, &seen).await;
        database.close().await.unwrap();
    }
    let log = log.lock().unwrap();
    println!("{} kills, {} made and {} deleted were acknowledged", kills(), log.made.len(), log.deleted.len());
}

/// Steps that were begun and not finished are as if they had not been.
#[tokio::test]
async fn a_migration_that_failed_halfway_is_made_again() {
    let server = test_postgres::Server::start().unwrap();
    let home = Home::of_files();
    let file = format!("sqlite://{}/switchboard.db", home.path().display());
    for url in [file, server.new_database("halfway").unwrap()] {
        let migrate = async || {
            let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_switchboard"));
            command.args(["migrate", "--database-url", &url]).current_dir(home.path());
            command.output().await.unwrap()
        };
        // An empty file is none of ours; one with a table of somebody else's is what SQLite makes of this.
        let database = Database::connect(format!("{url}{}", if url.starts_with("sqlite") { "?mode=rwc" } else { "" }));
        let database = database.await.unwrap();
        // The second of the tables that one of the steps makes.
        database.execute_unprepared("CREATE TABLE alert_events (id INTEGER)").await.unwrap();
        let failed = migrate().await;
        assert_eq!(failed.status.code(), Some(69), "{failed:?}");
        assert!(String::from_utf8_lossy(&failed.stderr).contains("alert_events"), "{failed:?}");
        database.execute_unprepared("DROP TABLE alert_events").await.unwrap();
        let again = migrate().await;
        assert!(again.status.success(), "{again:?}");
        database.close().await.unwrap();
    }
}

/// Killed at any moment of its first start.
#[tokio::test]
async fn a_migration_that_was_killed_is_made_again() {
    let server = test_postgres::Server::start().unwrap();
    for round in 0..kills() {
        let home = Home::of_files();
        let file = format!("sqlite://{}/switchboard.db", home.path().display());
        for url in [file, server.new_database(&format!("killed_{round}")).unwrap()] {
            let migrate = || {
                let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_switchboard"));
                command.args(["migrate", "--database-url", &url]).current_dir(home.path()).kill_on_drop(true);
                command
            };
            let mut first = migrate().stdout(std::process::Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(rand::rng().random_range(0..400))).await;
            first.kill().await.unwrap();
            let again = migrate().output().await.unwrap();
            assert!(again.status.success(), "{url}: {again:?}");
        }
    }
}
