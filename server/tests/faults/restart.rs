//! One process of the switchboard after the other, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{Body, Client, Origin, Programs, until, within};

const SOON: Duration = Duration::from_secs(120);
/// Visitors of each of the two hosts.
const VISITORS: usize = 8;
const RESTARTS: usize = 5;

/// A process that is no child of the test's.
struct Stranger(String);

impl Stranger {
    fn signal(&self, signal: &str) {
        let status = std::process::Command::new("kill").args([signal, &self.0]).status().unwrap();
        assert!(status.success());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_restarts_under_load_lose_nothing() {
    let origin = Origin::mirror().await;
    let mut programs = Programs::start_in_files(&[]).await;
    let api = programs.client();
    for (what, fields) in [
        ("services", json!({"name": "shop", "health_check": {"enabled": false}})),
        ("backends", json!({"address": origin.address.to_string(), "service": "shop"})),
        ("domains", json!({"domain": "shop.example.com", "service": "shop"})),
    ] {
        let (status, made) = api.post(&format!("/api/v1/{what}"), &fields).await;
        assert_eq!(status, 201, "{made}");
    }
    programs.telephone("blog", &origin).await;
    let hosts = [Client::new(programs.address, "shop.example.com"), programs.visitor("blog")];
    for host in &hosts {
        until(SOON, "it is served", async || host.text("/").await.0 == 200).await;
    }
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let visitors: Vec<_> = (0..VISITORS)
        .flat_map(|_| hosts.clone())
        .map(|host| tokio::spawn(visit(host, stop.clone(), served.clone())))
        .collect();

    let mut process = Stranger(programs.switchboard.pid().to_string());
    for _ in 0..RESTARTS {
        process.signal("-USR2");
        let line = within(SOON, "the next one", programs.switchboard.line_with("the next process serves")).await;
        let next = line.split("process=").nth(1).unwrap();
        let next = next.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let before = std::mem::replace(&mut process, Stranger(next));
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
    for visitor in visitors {
        failures.extend(visitor.await.unwrap());
    }
    println!("{RESTARTS} restarts, {} served, {} lost", served.load(Relaxed), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(process.is_there());
}
