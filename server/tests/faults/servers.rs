//! A switchboard that is killed and started again, as a process.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use telephone::{Agent, AgentHandle, Event, Target};
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::endless::{SOON, endless};
use crate::support::{Origin, Program, Programs, until, within};
use crate::visit::{Seen, get, read, visit};

/// The public address in the telephone's next word that it is connected.
async fn connected(telephone: &mut Program) -> String {
    let line = within(SOON, "the telephone", telephone.line_with("\"event\":\"connected\"")).await;
    serde_json::from_str::<Value>(&line).unwrap()["public_url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_switchboard_has_its_telephones_back_under_the_same_addresses() {
    let mut programs = Programs::start().await;
    let (origin, mut arrived) = endless().await;
    let mirror = Origin::mirror().await;
    let (_, token) = programs.token().await;
    let _busy = programs.telephone_with(&token, "busy", origin.address, &[]).await;
    let mut telephone = programs.start_telephone(&token, "killed", mirror.address, &[]);
    let address = connected(&mut telephone).await;
    let (busy, visitor) = (programs.visitor("busy"), programs.visitor("killed"));
    let begun = busy.send(get(&busy, "/begun")).await.unwrap();
    within(SOON, "the request at the local server", arrived.recv()).await.unwrap();
    assert_eq!(visit(&visitor, get(&visitor, "/")).await.status(), Some(200));

    programs.switchboard.kill().await;
    let seen = within(SOON, "the end of the request in flight", read(begun)).await;
    assert_eq!(seen, Seen::Truncated { status: 200, body: Bytes::from_static(b"begun") });
    within(SOON, "the telephone's word", telephone.line_with("\"event\":\"disconnected\"")).await;

    programs.restart().await;
    // Whoever comes before the telephone is back waits for it.
    let seen = within(SOON, "an answer", visit(&visitor, get(&visitor, "/"))).await;
    assert_eq!(seen.status(), Some(200));
    assert_eq!(connected(&mut telephone).await, address);
}

/// The telephones of the stampede, and the tunnels that they share: one telephone has at most 64 beside it.
const TELEPHONES: usize = 1_000;
const TUNNELS: usize = 25;
/// How often each has lost or not reached the switchboard before that is back: once each, as it is after a quick start.
const FAILURES: usize = 2;
/// Telephones of a switchboard that is told to stop, and over how long it has them come back: 10 ms each.
const FEW: usize = 200;
const SPREAD: Duration = Duration::from_secs(2);

/// Keeps a telephone, and tells once it is back after the switchboard's restart how long it had meant to wait for that. When
/// it is seen to be back says less: on a busy machine many may be seen at once.
async fn keep(url: String, token: String, subdomain: String, down: Arc<Barrier>, back: mpsc::Sender<Duration>) {
    let agent = Agent::builder(url, token).target(Target::parse("1").unwrap()).subdomain(subdomain).connections(1);
    let agent = agent.start().unwrap();
    let mut events = agent.events();
    let (mut failures, mut wait) = (0, Duration::ZERO);
    agent.ready().await.unwrap();
    down.wait().await;
    loop {
        match events.recv().await.unwrap() {
            Event::Disconnected { retry_in, .. } => {
                failures += 1;
                wait = retry_in;
                if failures == FAILURES {
                    down.wait().await;
                }
            }
            Event::Connected(_) if failures >= FAILURES => break,
            _ => {}
        }
    }
    back.send(wait).await.unwrap();
    std::future::pending::<()>().await;
}

async fn all_are_there(programs: &Programs, telephones: usize) {
    let sessions = async || programs.figure("switchboard_telephone_sessions").await;
    until(SOON, "all sessions", async || sessions().await == telephones as f64).await;
}

/// Keeps a telephone, and tells once its switchboard has taken leave when it is to dial again.
async fn leave(url: String, token: String, subdomain: String, there: Arc<Barrier>) -> (AgentHandle, Duration) {
    let agent = Agent::builder(url, token).target(Target::parse("1").unwrap()).subdomain(subdomain).connections(1);
    let agent = agent.start().unwrap();
    let mut events = agent.events();
    agent.ready().await.unwrap();
    there.wait().await;
    while !matches!(events.recv().await.unwrap(), Event::Draining) {}
    loop {
        if let Event::Disconnected { retry_in, .. } = events.recv().await.unwrap() {
            return (agent, retry_in);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchboard_that_is_told_to_stop_has_its_telephones_come_back_one_after_the_other() {
    rlimit::increase_nofile_limit(8 * FEW as u64).unwrap();
    let mut programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let there = Arc::new(Barrier::new(FEW + 1));
    let mut telephones = JoinSet::new();
    for n in 0..FEW {
        telephones.spawn(leave(programs.url(), token.clone(), format!("few-{}", n % 10), there.clone()));
    }
    within(SOON, "all telephones", there.wait()).await;
    all_are_there(&programs, FEW).await;

    programs.switchboard.terminate();
    let told = within(SOON, "all are told", telephones.join_all()).await;
    assert!(within(SOON, "the end of the switchboard", programs.switchboard.ended()).await.success());
    programs.restart().await;
    all_are_there(&programs, FEW).await;
    let (_agents, mut waits): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    waits.sort_unstable();
    println!("{FEW} telephones were told to come back within {:?}", waits[FEW - 1]);
    assert!(waits[FEW - 1] < SPREAD && waits[FEW - 1] > SPREAD * 9 / 10, "{waits:?}");
    assert!(waits.windows(FEW / 4).all(|some| some[FEW / 4 - 1] - some[0] > SPREAD / 5), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_telephones_come_back_without_a_stampede() {
    // No wait is longer than half a minute.
    const LIMIT: Duration = Duration::from_secs(45);
    rlimit::increase_nofile_limit(8 * TELEPHONES as u64).unwrap();
    let mut programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let down = Arc::new(Barrier::new(TELEPHONES + 1));
    let (back_at, mut back) = mpsc::channel(TELEPHONES);
    let mut telephones = JoinSet::new();
    for n in 0..TELEPHONES {
        let subdomain = format!("herd-{}", n % TUNNELS);
        telephones.spawn(keep(programs.url(), token.clone(), subdomain, down.clone(), back_at.clone()));
    }
    within(LIMIT, "all telephones", down.wait()).await;
    all_are_there(&programs, TELEPHONES).await;

    programs.switchboard.kill().await;
    within(LIMIT, "all telephones have failed", down.wait()).await;
    programs.restart().await;
    let mut waits = Vec::new();
    within(LIMIT, "all telephones are back", async {
        while waits.len() < TELEPHONES {
            tokio::select! {
                wait = back.recv() => waits.push(wait.unwrap()),
                Some(ended) = telephones.join_next() => panic!("a telephone has ended: {ended:?}"),
            }
        }
    })
    .await;
    all_are_there(&programs, TELEPHONES).await;
    waits.sort_unstable();
    let spread = waits[TELEPHONES - 1] - waits[0];
    println!("{TELEPHONES} telephones meant to come back within {spread:?}");
    // Those that came in the last seconds were told of fewer than there are now.
    assert!(spread > Duration::from_secs(5), "all telephones meant to come within {spread:?}");
}
