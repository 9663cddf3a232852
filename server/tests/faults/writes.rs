//! Programs that are killed while they write: what was acknowledged is there, and nothing is there by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use rand::Rng;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::{Body, Client, Home, Programs, full, until, within};

const SOON: Duration = Duration::from_secs(120);
const WRITERS: usize = 4;

/// How often somebody is killed when nobody has said how often: the switchboard, which is back at once, and PostgreSQL or a
/// migration, which take longer.
const KILLS: (u32, u32) = (200, 20);

/// How often they are killed: so often, or as was asked for.
fn kills(usual: u32) -> u32 {
    std::env::var("SWITCHBOARD_TEST_KILLS").map_or(usual, |kills| kills.parse().unwrap())
}

/// What is made and deleted. What each leaves beside itself is said here, too: a change is made as a whole.
#[derive(Clone, Copy)]
enum Kind {
    Service,
    Token,
    /// With a domain of its own.
    Tunnel,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Service, Self::Token, Self::Tunnel];

    fn path(self) -> &'static str {
        match self {
            Self::Service => "/api/v1/services",
            Self::Token => "/api/v1/tokens",
            Self::Tunnel => "/api/v1/tunnels",
        }
    }

    fn spec(self, name: &str) -> Value {
        match self {
            Self::Service | Self::Token => json!({"name": name}),
            Self::Tunnel => json!({"subdomain": name, "custom_domains": [format!("{name}{CUSTOM}")]}),
        }
    }

    /// The names of those that are there, or are deleted.
    fn rows(self, deleted: bool) -> String {
        let table = match self {
            Self::Service => "services",
            Self::Token => "tokens",
            Self::Tunnel => "tunnels",
        };
        format!("SELECT name FROM {table} WHERE deleted_at IS {} NULL", if deleted { "NOT" } else { "" })
    }

    /// What says who made or deleted one: its name and, behind a space, what was done.
    fn traces(self) -> Vec<&'static str> {
        match self {
            Self::Service => vec!["SELECT object_name || ' ' || action FROM revisions WHERE kind = 'service'"],
            Self::Token => vec!["SELECT detail || ' ' || kind FROM audit_events WHERE kind LIKE 'token_%'"],
            Self::Tunnel => vec![
                "SELECT object_name || ' ' || action FROM revisions WHERE kind = 'tunnel'",
                "SELECT replace(object_name, '.customers.example', '') || ' ' || action FROM revisions WHERE kind = 'domain'",
            ],
        }
    }
}

/// What the domains of tunnels end in.
const CUSTOM: &str = ".customers.example";

/// How much of what an account has deleted is kept, of each kind, when the switchboard starts.
const KEPT: usize = 1_000;

/// What was asked for, and what of it was acknowledged.
#[derive(Default, Clone)]
struct Log {
    asked: BTreeSet<String>,
    made: BTreeSet<String>,
    asked_to_delete: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// The log of each of [`Kind::ALL`].
type Logs = [Log; 3];

fn made(logs: &Mutex<Logs>) -> usize {
    logs.lock().unwrap().iter().map(|log| log.made.len()).sum()
}

/// Makes one after the other and deletes most of them again, until nobody answers.
async fn write(client: Client, names: String, logs: Arc<Mutex<Logs>>) {
    for n in 0.. {
        let (at, name) = (n % Kind::ALL.len(), format!("{names}-{n}"));
        let (kind, log) = (Kind::ALL[at], |note: &dyn Fn(&mut Log)| note(&mut logs.lock().unwrap()[at]));
        log(&|log| assert!(log.asked.insert(name.clone())));
        let id = match answered(&client, Method::POST, kind.path(), full(kind.spec(&name).to_string())).await {
            Some((201, object)) => {
                log(&|log| assert!(log.made.insert(name.clone())));
                object["id"].as_str().unwrap().to_owned()
            }
            // After many rounds there are as many tunnels or tokens as an account may have.
            Some((409, refused)) if refused["error"]["code"].as_str().is_some_and(|code| code.ends_with("_limit")) => {
                log(&|log| assert!(log.asked.remove(&name)));
                continue;
            }
            Some((503, _)) | None => return,
            other => panic!("{name} was answered {other:?}"),
        };
        // An account has only so many.
        if n / Kind::ALL.len() % 9 == 3 {
            continue;
        }
        log(&|log| assert!(log.asked_to_delete.insert(name.clone())));
        match answered(&client, Method::DELETE, &format!("{}/{id}", kind.path()), Body::default()).await {
            Some((204, _)) => log(&|log| assert!(log.deleted.insert(name.clone()))),
            Some((503, _)) | None => return,
            other => panic!("that {name} is deleted was answered {other:?}"),
        }
    }
}

/// The whole answer, when there was one.
async fn answered(client: &Client, method: Method, path: &str, body: Body) -> Option<(u16, Value)> {
    // `Client` takes for granted that somebody listens.
    drop(TcpStream::connect(client.address()).await.ok()?);
    let request = client.request(method, path).header("content-type", "application/json");
    let sent = tokio::spawn({
        let (client, request) = (client.clone(), request.body(body).unwrap());
        async move {
            let response = client.send(request).await.ok()?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() }))
        }
    });
    // It panics when the connection is refused after all.
    sent.await.ok()?
}

/// One column of texts.
async fn column(database: &DatabaseConnection, query: &str) -> Vec<String> {
    let statement = Statement::from_string(database.get_database_backend(), query);
    let rows = database.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// What the logs say holds, and nothing else does.
async fn compare(database: &DatabaseConnection, logs: &Logs) {
    for (kind, log) in Kind::ALL.into_iter().zip(logs) {
        let live: BTreeSet<_> = column(database, &kind.rows(false)).await.into_iter().collect();
        let gone: BTreeSet<_> = column(database, &kind.rows(true)).await.into_iter().collect();
        // On a fast machine more is deleted than is kept.
        let forgotten = |name: &String| log.asked_to_delete.len() > KEPT && log.asked_to_delete.contains(name);
        let known: BTreeSet<_> = live.union(&gone).cloned().collect();
        for name in &log.made {
            assert!(known.contains(name) || forgotten(name), "{name} was acknowledged and is not there");
            assert!(
                live.contains(name) || log.asked_to_delete.contains(name),
                "{name} is gone, which nobody asked for"
            );
        }
        for name in &log.deleted {
            assert!(!live.contains(name), "that {name} is deleted was acknowledged, and it is there");
        }
        assert!(known.iter().all(|name| log.asked.contains(name)));
        // A change and what says who made it are one transaction.
        for query in kind.traces() {
            let mut traces: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for entry in column(database, query).await {
                let (name, action) = entry.split_once(' ').unwrap();
                traces.entry(name.to_owned()).or_default().push(action.to_owned());
            }
            assert!(known.iter().all(|name| traces.contains_key(name)), "one without a trace: {query}");
            for (name, actions) in traces {
                assert!(known.contains(&name) || forgotten(&name), "a trace of nothing: {name}, {query}");
                assert_eq!(actions.len(), if live.contains(&name) { 1 } else { 2 }, "{name}: {actions:?}");
            }
        }
        if let Kind::Tunnel = kind {
            let query = "SELECT tunnels.name FROM tunnels JOIN domains ON domains.tunnel_id = tunnels.id \
                         WHERE domains.deleted_at IS NULL ORDER BY tunnels.name";
            let with_domains: BTreeSet<_> = column(database, query).await.into_iter().collect();
            assert_eq!(with_domains, live, "tunnels without their domain, or the reverse");
        }
    }
}

/// Says how much was tried.
fn tell(kills: u32, logs: &Mutex<Logs>) {
    for (kind, log) in Kind::ALL.into_iter().zip(&*logs.lock().unwrap()) {
        let (path, made, deleted) = (kind.path(), log.made.len(), log.deleted.len());
        println!("{kills} kills, {path}: {made} made and {deleted} deleted were acknowledged");
    }
}

/// Writes until somebody is killed; what was acknowledged goes to the logs.
async fn until_killed(programs: &Programs, round: u32, logs: &Arc<Mutex<Logs>>, kill: impl AsyncFnOnce()) {
    let before = made(logs);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(programs.client(), format!("r{round}-{writer}"), logs.clone())))
        .collect();
    // Any moment will do, since no event tells which one hurts.
    let (written, moment) = (rand::rng().random_range(1..20), rand::rng().random_range(0..50));
    until(SOON, "something is written", async || made(logs) >= before + written).await;
    tokio::time::sleep(Duration::from_millis(moment)).await;
    kill().await;
    for writer in writers {
        within(SOON, "a writer notices", writer).await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_switchboard_has_all_that_it_acknowledged() {
    let mut programs = Programs::start_in_files(&[]).await;
    let logs = Arc::new(Mutex::new(Logs::default()));
    let url = format!("sqlite://{}/switchboard.db", programs.folder().display());
    let kills = kills(KILLS.0);
    for round in 0..kills {
        let pid = programs.switchboard.pid().to_string();
        until_killed(&programs, round, &logs, async || {
            assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        })
        .await;
        programs.switchboard.ended().await;
        within(SOON, "it starts again", programs.restart()).await;
        programs.sign_in().await;
        let database = Database::connect(&url).await.unwrap();
        let seen = logs.lock().unwrap().clone();
        compare(&database, &seen).await;
        database.close().await.unwrap();
    }
    tell(kills, &logs);
}

#[tokio::test]
async fn a_killed_postgresql_has_all_that_was_acknowledged() {
    let mut server = test_postgres::Server::start().unwrap();
    let url = server.new_database("killed").unwrap();
    let mut programs = Programs::start_in_files(&[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    let logs = Arc::new(Mutex::new(Logs::default()));
    let kills = kills(KILLS.1);
    for round in 0..kills {
        if round % 3 == 0 {
            let pid = programs.switchboard.pid().to_string();
            until_killed(&programs, round, &logs, async || {
                assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
            })
            .await;
            programs.switchboard.ended().await;
            within(SOON, "it starts again", programs.restart()).await;
        } else {
            let killed = &mut server;
            until_killed(&programs, round, &logs, async || killed.kill(round % 3 == 1).unwrap()).await;
            until(SOON, "it is there again", async || server.start_again().unwrap()).await;
            let client = programs.client();
            until(SOON, "the switchboard finds it", async || client.text("/readyz").await.0 == 200).await;
        }
        programs.sign_in().await;
        let database = Database::connect(&url).await.unwrap();
        let seen = logs.lock().unwrap().clone();
        compare(&database, &seen).await;
        database.close().await.unwrap();
    }
    tell(kills, &logs);
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
    for round in 0..kills(KILLS.1) {
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
