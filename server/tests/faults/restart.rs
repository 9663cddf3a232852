//! One process of the switchboard after the other: under load, and with what is under way for longer than a restart takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{Method, header};
use http_body_util::BodyExt;
use telephone::{Agent, Event, Target};
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::support::{Body, Client, Origin, Programs, until, within};
use crate::talk::{self, Talk};

const SOON: Duration = Duration::from_secs(120);
/// Visitors of each of the two hosts.
const VISITORS: usize = 8;
const RESTARTS: usize = 5;

/// A process that is no child of the test's.
struct Stranger(String);

impl Stranger {
    fn make_room(&self) {
        make_room(&self.0);
    }

    fn is_there(&self) -> bool {
        std::path::Path::new(&format!("/proc/{}", self.0)).exists()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ =
            std::process::Command::new("kill").args(["-KILL", &self.0]).stderr(std::process::Stdio::null()).status();
    }
}

/// Asks a process to have another take its place.
fn make_room(process: &str) {
    let status = std::process::Command::new("kill").args(["-USR2", process]).status().unwrap();
    assert!(status.success());
}

/// Asks again and again, each time over a new connection; what did not become of it.
async fn visit(visitor: Client, stop: Arc<AtomicBool>, served: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = Vec::new();
    while !stop.load(Relaxed) {
        let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
        match within(SOON, "an answer", visitor.send(request)).await {
            Ok(response) if response.status() == 200 => _ = served.fetch_add(1, Relaxed),
            Ok(response) => failures.push(format!("{} {:?}", response.status(), response.headers())),
            Err(error) => failures.push(format!("{error:?}")),
        }
    }
    failures
}

/// Asks again and again over a connection that it keeps until it is told that it ends; what did not become of it.
async fn stay(visitor: Client, stop: Arc<AtomicBool>, served: Arc<AtomicUsize>, told: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut connection = visitor.connect().await;
    while !stop.load(Relaxed) {
        let request = visitor.request(Method::GET, "/").body(Body::default()).unwrap();
        let answer = async {
            let response = connection.send_request(request).await?;
            let (head, body) = response.into_parts();
            body.collect().await?;
            let ends = head.headers.get(header::CONNECTION).is_some_and(|value| value == "close");
            if !ends {
                connection.ready().await?;
            }
            hyper::Result::Ok((head.status, ends))
        };
        let ends = match within(SOON, "an answer", answer).await {
            Ok((status, ends)) if status == 200 => {
                served.fetch_add(1, Relaxed);
                ends
            }
            Ok((status, _)) => {
                failures.push(format!("{status} on a connection that is kept"));
                true
            }
            Err(error) => {
                failures.push(format!("a connection that is kept: {error:?}"));
                true
            }
        };
        if ends {
            told.fetch_add(1, Relaxed);
            connection = visitor.connect().await;
        }
    }
    failures
}

/// A host that is an address, and one behind a telephone.
async fn both_ways(programs: &mut Programs, origin: &Origin) -> [Client; 2] {
    programs.telephone("blog", origin).await;
    let hosts = [talk::at_address(programs, origin).await, programs.visitor("blog")];
    for host in &hosts {
        until(SOON, "it is served", async || host.text("/").await.0 == 200).await;
    }
    hosts
}

/// Has the process that was started here replaced; the one that serves now.
async fn replace(programs: &mut Programs) -> Stranger {
    make_room(&programs.switchboard.pid().to_string());
    next(programs).await
}

/// The process that serves from now on.
async fn next(programs: &mut Programs) -> Stranger {
    let line = within(SOON, "the next one", programs.switchboard.line_with("the next process serves")).await;
    let next = line.split("process=").nth(1).unwrap();
    Stranger(next.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_restarts_under_load_lose_nothing() {
    let origin = Origin::mirror().await;
    let mut programs = Programs::start_in_files(&[]).await;
    let hosts = both_ways(&mut programs, &origin).await;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitors: Vec<_> = (0..VISITORS)
        .flat_map(|_| hosts.clone())
        .map(|host| tokio::spawn(visit(host, stop.clone(), served.clone())))
        .collect();
    let told = Arc::new(AtomicUsize::new(0));
    let kept = (0..VISITORS).flat_map(|_| hosts.clone());
    let kept: Vec<_> = kept.map(|host| tokio::spawn(stay(host, stop.clone(), served.clone(), told.clone()))).collect();

    let mut process = Stranger(programs.switchboard.pid().to_string());
    for _ in 0..RESTARTS {
        process.make_room();
        let before = std::mem::replace(&mut process, next(&mut programs).await);
        if before.0 == programs.switchboard.pid().to_string() {
            assert!(within(SOON, "the first one's end", programs.switchboard.ended()).await.success());
        } else {
            until(SOON, "the end of the one before", async || !before.is_there()).await;
        }
        let seen = served.load(Relaxed);
        until(SOON, "the next one serves", async || served.load(Relaxed) > seen + 50).await;
    }
    stop.store(true, Relaxed);
    let mut failures = Vec::new();
    for visitor in visitors.into_iter().chain(kept) {
        failures.extend(visitor.await.unwrap());
    }
    let told = told.load(Relaxed);
    println!("{RESTARTS} restarts, {} served, {} lost, {told} connections ended", served.load(Relaxed), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(told >= RESTARTS, "those who keep their connections are told that these end: {told}");
    assert!(process.is_there());
}

/// One of each kind of conversation with each of the hosts, and the connections that carry those over HTTP/2.
async fn talks(programs: &Programs, hosts: &[Client; 2]) -> (Vec<Talk>, Vec<SendRequest<Bytes>>) {
    let (mut talks, mut connections) = (Vec::new(), Vec::new());
    for host in hosts {
        let connection = talk::connect(programs.address).await;
        talks.push(Talk::upgraded(host).await);
        talks.push(Talk::http1(host).await);
        talks.push(Talk::http2(&connection, host.host()).await);
        connections.push(connection);
    }
    for talk in &mut talks {
        talk.go_on().await;
    }
    (talks, connections)
}

#[tokio::test]
async fn what_is_under_way_goes_on_with_the_process_that_began_it() {
    let origin = talk::echo().await;
    // It has to end by itself when all is said.
    let mut programs = Programs::start_in_files(&[("SWITCHBOARD_SHUTDOWN_GRACE", "600s")]).await;
    let hosts = both_ways(&mut programs, &origin).await;
    let (talks, connections) = talks(&programs, &hosts).await;
    let next = replace(&mut programs).await;
    for connection in connections {
        // Nothing more may be asked of it, which is not the fault of what was asked.
        let end = within(SOON, "GOAWAY", async {
            loop {
                let Err(error) = connection.clone().ready().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                return error;
            }
        });
        let end = end.await;
        assert!(end.is_go_away() && end.is_remote() && end.reason() == Some(Reason::NO_ERROR), "{end:?}");
    }
    for host in &hosts {
        until(SOON, "the next one serves", async || host.text("/").await.0 == 200).await;
        let connection = talk::connect(programs.address).await;
        Talk::http2(&connection, host.host()).await.end().await;
    }
    for mut talk in talks {
        talk.go_on().await;
        talk.end().await;
    }
    assert!(within(SOON, "the end of the first one", programs.switchboard.ended()).await.success());
    assert!(next.is_there());
}

#[tokio::test]
async fn what_does_not_end_is_cut_after_the_grace_period() {
    let origin = talk::echo().await;
    let mut programs = Programs::start_in_files(&[("SWITCHBOARD_SHUTDOWN_GRACE", "2s")]).await;
    let hosts = both_ways(&mut programs, &origin).await;
    let (talks, _connections) = talks(&programs, &hosts).await;
    let next = replace(&mut programs).await;
    for talk in talks {
        talk.breaks_off().await;
    }
    assert!(within(SOON, "the end of the first one", programs.switchboard.ended()).await.success());
    for host in &hosts {
        until(SOON, "the next one serves", async || host.text("/").await.0 == 200).await;
    }
    assert!(next.is_there());
}

/// Telephones that have a next process to go to, and their tunnels. They take ten seconds for it.
const TELEPHONES: usize = 1_000;
const TUNNELS: usize = 25;

/// Keeps a telephone, and tells when it is told to go.
async fn go(
    url: String,
    token: String,
    tunnel: usize,
    target: String,
    there: Arc<Barrier>,
    told: mpsc::Sender<(usize, Instant)>,
) {
    let agent = Agent::builder(url, token).target(Target::parse(&target).unwrap()).connections(1);
    let agent = agent.subdomain(format!("herd-{tunnel}")).start().unwrap();
    let mut events = agent.events();
    agent.ready().await.unwrap();
    there.wait().await;
    while !matches!(events.recv().await.unwrap(), Event::Draining) {}
    told.try_send((tunnel, Instant::now())).unwrap();
    while !matches!(events.recv().await.unwrap(), Event::Connected(_)) {}
    there.wait().await;
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telephones_move_one_after_the_other_and_those_that_are_asked_for_at_once() {
    rlimit::increase_nofile_limit(8 * TELEPHONES as u64).unwrap();
    let origin = Origin::mirror().await;
    let mut programs = Programs::start_in_files(&[]).await;
    let (_, token) = programs.token().await;
    let there = Arc::new(Barrier::new(TELEPHONES + 1));
    let (tell, mut told) = mpsc::channel(TELEPHONES);
    let mut telephones = JoinSet::new();
    for n in 0..TELEPHONES {
        let target = origin.address.to_string();
        telephones.spawn(go(programs.url(), token.clone(), n % TUNNELS, target, there.clone(), tell.clone()));
    }
    within(SOON, "all telephones", there.wait()).await;
    let next = replace(&mut programs).await;
    for tunnel in [3, 17] {
        let (status, _) = within(SOON, "an answer", programs.visitor(&format!("herd-{tunnel}")).text("/")).await;
        assert_eq!(status, 200, "herd-{tunnel}");
    }
    assert!(told.len() < TELEPHONES, "there was no need to wait for all");
    within(SOON, "all telephones are with the next one", there.wait()).await;
    assert!(within(SOON, "the end of the first one", programs.switchboard.ended()).await.success());
    let (mut asked_for, mut in_turn) = (Vec::new(), Vec::new());
    while let Ok((tunnel, at)) = told.try_recv() {
        if [3, 17].contains(&tunnel) { asked_for.push(at) } else { in_turn.push(at) }
    }
    let [spread, early] = [&mut in_turn, &mut asked_for].map(|moments| {
        moments.sort_unstable();
        moments[moments.len() - 1] - moments[0]
    });
    println!("{TELEPHONES} telephones were told to go within {spread:?}, those that were asked for within {early:?}");
    assert_eq!(in_turn.len() + asked_for.len(), TELEPHONES);
    assert!(spread > Duration::from_secs(5), "{spread:?}");
    assert!(in_turn[in_turn.len() - 1] > asked_for[asked_for.len() - 1], "those that were asked for came first");
    assert!(next.is_there());
}
