//! Everything at once, for as long as somebody wants: what is used has to come back to what it was.

use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::fault::{End, Relay};
use crate::support::{Body, Client, Origin, Program, Programs, full, until, within};
use crate::talk::{self, Talk};

/// For what is a matter of milliseconds, beside all else that is going on here.
const SOON: Duration = Duration::from_secs(120);
/// Rounds before figures are compared: what is made once and kept is there after these.
const FIRST: u32 = 3;
/// How many there are when nobody wants to wait.
const ROUNDS: u32 = 5;
/// How much a process may grow, bytes, and how many more files and tasks there may be: the database may still open
/// connections. A round has several hundred connections and requests.
const GROWTH: u64 = 64 * 1024 * 1024;
const SPARE: usize = 32;
const UPLOAD: usize = 1024 * 1024;

/// For how long it is to go on.
fn time() -> Option<Duration> {
    let minutes = std::env::var("SWITCHBOARD_TEST_SOAK").ok()?;
    Some(Duration::from_secs(minutes.parse::<u64>().unwrap() * 60))
}

/// What the two programs have of the machine when nothing is under way.
#[derive(Clone, Copy, Debug)]
struct Used {
    /// Bytes.
    memory: [u64; 2],
    files: [usize; 2],
    /// The switchboard's.
    tasks: usize,
}

impl Used {
    fn is_about(&self, before: &Self) -> bool {
        self.files.iter().zip(before.files).all(|(now, before)| *now <= before + SPARE)
            && self.tasks <= before.tasks + SPARE
    }
}

/// All that takes part.
struct Soak {
    programs: Programs,
    /// The telephone that stays; the one that is cut off again and again.
    telephones: [Program; 2],
    token: String,
    /// Hosts at which every request is answered: an address, and the telephone that stays.
    steady: [Client; 2],
    relay: Relay,
    origin: Origin,
}

impl Soak {
    async fn start() -> Self {
        let origin = talk::echo().await;
        let programs = Programs::start_in_files(&[]).await;
        let (_, token) = programs.token().await;
        let relay = Relay::to(programs.address).await;
        let steady = programs.telephone_with(&token, "steady", origin.address, &[]).await;
        let shaky = programs.telephone_with(&token, "shaky", origin.address, &["--server", &relay.url()]).await;
        let hosts = [talk::at_address(&programs, &origin).await, programs.visitor("steady")];
        for host in &hosts {
            until(SOON, "it is served", async || host.text("/").await.0 == 200).await;
        }
        Self { programs, telephones: [steady, shaky], token, steady: hosts, relay, origin }
    }

    /// A few seconds of everything.
    async fn round(&mut self, n: u32) {
        self.programs.sign_in().await;
        let mut parts = JoinSet::new();
        for host in self.steady.clone() {
            parts.spawn(ask(host.clone()));
            parts.spawn(upload(host.clone()));
            parts.spawn(converse(host.clone()));
            parts.spawn(leave(host));
        }
        parts.spawn(change(self.programs.client(), n));
        parts.spawn(be_cut_off(self.programs.visitor("shaky")));
        self.come_and_go(n).await;
        self.relay.end_all(if n.is_multiple_of(2) { End::Reset } else { End::Close });
        while let Some(done) = parts.join_next().await {
            done.unwrap();
        }
    }

    /// A telephone that is there for one request, and ends in either way.
    async fn come_and_go(&self, n: u32) {
        let mut guest = self.programs.telephone_with(&self.token, "guest", self.origin.address, &[]).await;
        let host = self.programs.visitor("guest");
        until(SOON, "the guest serves", async || host.text("/").await.0 == 200).await;
        if n.is_multiple_of(2) {
            return guest.kill().await;
        }
        guest.terminate();
        within(SOON, "the guest's end", guest.ended()).await;
    }

    /// Waits until nothing is under way, and looks.
    async fn used(&self) -> Used {
        for gauge in ["switchboard_requests_in_flight", "switchboard_requests_held", "switchboard_streams"] {
            until(SOON, gauge, async || self.programs.figure(gauge).await == 0.0).await;
        }
        let count = self.telephones.len() as f64;
        let sessions = "switchboard_telephone_sessions";
        until(SOON, sessions, async || self.programs.figure(sessions).await == count).await;
        self.used_now().await
    }

    async fn used_now(&self) -> Used {
        let each = [&self.programs.switchboard, &self.telephones[0]];
        let tasks = self.programs.figure("switchboard_tasks").await;
        Used { memory: each.map(Program::memory), files: each.map(Program::open_files), tasks: tasks as usize }
    }
}

/// Requests over connections that are kept, and over such that are not.
async fn ask(host: Client) {
    for _ in 0..10 {
        let mut kept = host.connect().await;
        for n in 0..20 {
            let request = host.request(Method::POST, "/").body(full(n.to_string())).unwrap();
            let response = kept.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), n.to_string());
        }
        assert_eq!(host.text("/").await.0, 200);
    }
}

async fn upload(host: Client) {
    for n in 0..8 {
        let request = host.request(Method::PUT, "/").body(full(vec![n; UPLOAD])).unwrap();
        let response = host.send(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), vec![n; UPLOAD]);
    }
}

/// Conversations of each kind that go on for a while, and end as they should.
async fn converse(host: Client) {
    let connection = talk::connect(host.address()).await;
    for _ in 0..8 {
        let http2 = Talk::http2(&connection, host.host()).await;
        for mut talk in [http2, Talk::upgraded(&host).await, Talk::http1(&host).await] {
            for _ in 0..20 {
                talk.go_on().await;
            }
            talk.end().await;
        }
    }
}

/// Visitors who leave amid what they have asked for, or have not asked for yet.
async fn leave(host: Client) {
    let connection = talk::connect(host.address()).await;
    for _ in 0..20 {
        let http2 = Talk::http2(&connection, host.host()).await;
        for mut talk in [http2, Talk::upgraded(&host).await, Talk::http1(&host).await] {
            talk.go_on().await;
        }
        let mut half = TcpStream::connect(host.address()).await.unwrap();
        half.write_all(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Le", host.host()).as_bytes()).await.unwrap();
    }
}

/// Changes by the API, each of which the routing table follows.
async fn change(api: Client, n: u32) {
    for m in 0..10 {
        let name = format!("soak-{n}-{m}");
        for (what, fields) in [
            ("services", json!({"name": name, "health_check": {"enabled": false}})),
            ("backends", json!({"address": "127.0.0.1:9", "service": name})),
            ("domains", json!({"domain": format!("{name}.example.com"), "service": name})),
        ] {
            let (status, made) = api.post(&format!("/api/v1/{what}"), &fields).await;
            assert_eq!(status, 201, "{made}");
            if what == "backends" {
                let path = format!("/api/v1/backends/{}", made["id"].as_str().unwrap());
                assert_eq!(api.patch(&path, &json!({"weight": 7})).await.0, 200);
                assert_eq!(api.delete(&path).await.0, 204);
            }
        }
        for path in [format!("domains/{name}.example.com"), format!("services/{name}")] {
            assert_eq!(api.delete(&format!("/api/v1/{path}")).await.0, 204, "{path}");
        }
    }
}

/// Requests through the line that is cut: they may fail, and they end.
async fn be_cut_off(host: Client) {
    for _ in 0..100 {
        let request = host.request(Method::GET, "/").body(Body::default()).unwrap();
        if let Ok(response) = within(SOON, "an answer or none", host.send(request)).await {
            assert!(matches!(response.status().as_u16(), 200 | 502 | 503), "{}", response.status());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_on_nothing_is_left_of_it() {
    let mut soak = Soak::start().await;
    let (begin, time) = (Instant::now(), time());
    let (mut before, mut told) = (None, begin);
    for n in 0.. {
        soak.round(n).await;
        if n + 1 == FIRST {
            before = Some(soak.used().await);
        }
        let last = time.map_or(n + 1 >= ROUNDS, |time| n + 1 > FIRST && begin.elapsed() >= time);
        if last || n + 1 == FIRST || told.elapsed() >= Duration::from_secs(60) {
            told = Instant::now();
            println!("after {} rounds, {} s: {:?}", n + 1, begin.elapsed().as_secs(), soak.used().await);
        }
        if last {
            break;
        }
    }
    let before = before.unwrap();
    until(SOON, "as many files and tasks as before", async || soak.used_now().await.is_about(&before)).await;
    for (now, before) in soak.used_now().await.memory.into_iter().zip(before.memory) {
        assert!(now < before + GROWTH, "{} KiB more", now.saturating_sub(before) / 1024);
    }
    assert_eq!(soak.programs.figure("switchboard_panics_total").await, 0.0);
}
