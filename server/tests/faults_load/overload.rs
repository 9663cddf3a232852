//! Far more who ask than there are places for, for as long as it takes: each is answered, and whoever watches the server
//! as well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Response;
use tokio::task::JoinSet;

use crate::full::is_told_so;
use crate::raw::Connection;
use crate::support::{Origin, Programs, full, within};

/// Far longer than any answer takes.
const TIME: Duration = Duration::from_secs(60);
/// Clients that ask again and again, each time over a new connection: fewer than there are places for being told.
const CLIENTS: usize = 100;
const PLACES: &str = "8";
/// For how long the local server keeps a place taken.
const BUSY: Duration = Duration::from_millis(20);
/// How often the server is looked at meanwhile.
const LOOKS: usize = 100;

/// How long answers took, of each kind.
#[derive(Default)]
struct Seen {
    served: Vec<Duration>,
    refused: Vec<Duration>,
}

/// Asks over a new connection, and gives the whole answer.
async fn ask(address: SocketAddr, host: &str, path: &str) -> String {
    let mut connection = Connection::to(address).await;
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write(head.as_bytes()).await;
    String::from_utf8_lossy(&connection.rest().await).into_owned()
}

async fn ask_again_and_again(address: SocketAddr, stop: Arc<AtomicBool>) -> Seen {
    let host = format!("busy.localhost:{}", address.port());
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let answer = within(TIME, "an answer", ask(address, &host, "/")).await;
        if is_told_so(&answer) {
            seen.refused.push(begin.elapsed());
        } else {
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("served"), "{answer:?}");
            seen.served.push(begin.elapsed());
        }
    }
    seen
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: {}, median {:.1?}, 99 % {:.1?}, worst {:.1?}", times.len(), at(0.5), at(0.99), at(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_answered_and_health_is_seen() {
    let origin = Origin::start(async |_| {
        tokio::time::sleep(BUSY).await;
        Response::new(full("served"))
    })
    .await;
    let programs = Programs::start_with(&[("SWITCHBOARD_MAX_CONNECTIONS", PLACES)]).await;
    let (_, token) = programs.token().await;
    let _telephone = programs.telephone_with(&token, "busy", origin.address, &[]).await;
    let (stop, mut clients) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..CLIENTS {
        clients.spawn(ask_again_and_again(programs.address, stop.clone()));
    }

    let dashboard = format!("localhost:{}", programs.address.port());
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        for path in ["/healthz", "/readyz"] {
            let begin = Instant::now();
            let answer = within(TIME, path, ask(programs.address, &dashboard, path)).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
            looks.push(begin.elapsed());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut seen = Seen::default();
    while let Some(of_one) = clients.join_next().await {
        let of_one = of_one.unwrap();
        seen.served.extend(of_one.served);
        seen.refused.extend(of_one.refused);
    }
    assert!(seen.refused.len() > CLIENTS && !seen.served.is_empty());
    tell("refused", seen.refused);
    tell("served", seen.served);
    tell("looks at health", looks);
    // Nothing of it stays.
    let answer = ask(programs.address, &dashboard, "/nothing").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer:?}");
}
