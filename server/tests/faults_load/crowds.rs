//! Ten thousand requests at once, through one tunnel and through a hundred: none fails, and afterwards nothing is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::parts;
use crate::raw::{Connection, RawOrigin};
use crate::support::{Program, Programs, until, within};

const REQUESTS: usize = 10_000;
const TUNNELS: usize = 100;
/// For the whole crowd to be there, or to be gone.
const TIME: Duration = Duration::from_secs(60);
/// How many more files and tasks there may be afterwards: the figures are asked for over connections as well.
const SPARE: usize = 8;

/// A local server at which everybody waits, each with half of an answer, until all are released.
struct Gate {
    origin: RawOrigin,
    arrived: Arc<AtomicUsize>,
    open: watch::Sender<bool>,
}

impl Gate {
    async fn start() -> Self {
        rlimit::increase_nofile_limit(u64::MAX).unwrap();
        let (arrived, open) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false));
        let (arriving, opening) = (arrived.clone(), open.clone());
        let origin = RawOrigin::start(move |connection| wait(connection, arriving.clone(), opening.subscribe())).await;
        Self { origin, arrived, open }
    }
}

async fn wait(mut connection: Connection, arrived: Arc<AtomicUsize>, mut open: watch::Receiver<bool>) {
    if connection.head().await.is_none() {
        return;
    }
    // Connections kept for a next request would hide those that have been forgotten.
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nbegun").await;
    arrived.fetch_add(1, Ordering::Relaxed);
    open.wait_for(|open| *open).await.unwrap();
    connection.write(b" done").await;
}

/// Sends the crowd to the tunnels through `telephone`, and looks at everybody's figures before, during and after.
async fn pass(programs: &Programs, gate: &Gate, telephone: &Program, subdomains: &[String]) {
    let each = [("switchboard", &programs.switchboard), ("telephone", telephone)];
    let tasks = programs.figure("switchboard_tasks").await;
    let before = each.map(|(_, program)| (program.memory(), program.open_files()));

    let begun = Instant::now();
    let port = programs.address.port();
    let hosts: Vec<_> = subdomains.iter().map(|subdomain| format!("{subdomain}.localhost:{port}")).collect();
    let mut visitors = parts::visitors(programs.address, &hosts, REQUESTS, "begun done".len());
    let here = async {
        until(TIME, "all requests at the local server", async || gate.arrived.load(Ordering::Relaxed) == REQUESTS)
            .await;
    };
    tokio::select! {
        () = here => {}
        refused = visitors.line_with("not answered") => panic!("{} are here; {refused}", gate.arrived.load(Ordering::Relaxed)),
    }
    println!("{REQUESTS} requests through {} tunnels within {:?}", subdomains.len(), begun.elapsed());
    assert_eq!(programs.figure("switchboard_streams").await, REQUESTS as f64);
    for ((name, program), (memory, _)) in each.into_iter().zip(before) {
        println!("{name}: {} bytes a request", program.memory().saturating_sub(memory) / REQUESTS as u64);
    }

    gate.open.send_replace(true);
    let answered = within(TIME, "all answers", visitors.line_with("answered ")).await;
    assert!(answered.contains(&format!("answered {REQUESTS}, 0 not")), "{answered}");
    for gauge in ["switchboard_requests_in_flight", "switchboard_streams"] {
        until(TIME, gauge, async || programs.figure(gauge).await == 0.0).await;
    }
    until(TIME, "as few tasks as before", async || programs.figure("switchboard_tasks").await <= tasks + SPARE as f64)
        .await;
    for ((name, program), (_, files)) in each.into_iter().zip(before) {
        until(TIME, "as few open files as before", async || program.open_files() <= files + SPARE).await;
        println!("{name}: {files} open files before, {} after", program.open_files());
    }
}

#[tokio::test]
async fn ten_thousand_requests_share_one_telephone() {
    let gate = Gate::start().await;
    let programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let telephone = programs.telephone_with(&token, "crowd", gate.origin.address, &[]).await;
    pass(&programs, &gate, &telephone, &["crowd".to_owned()]).await;
}

#[tokio::test]
async fn ten_thousand_requests_go_through_a_hundred_tunnels() {
    let gate = Gate::start().await;
    let programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let subdomains: Vec<_> = (0..TUNNELS).map(|n| format!("crowd-{n}")).collect();
    let mut telephones = parts::telephones(&programs.url(), &token, gate.origin.address, &subdomains);
    within(TIME, "all telephones", telephones.line_with("ready")).await;
    let before = tasks(&telephones.line_with("tasks ").await);
    pass(&programs, &gate, &telephones, &subdomains).await;
    within(TIME, "as few tasks as before", async {
        while tasks(&telephones.line_with("tasks ").await) > before + SPARE {}
    })
    .await;
}

fn tasks(line: &str) -> usize {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
