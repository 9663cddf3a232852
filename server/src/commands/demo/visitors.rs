//! Those who visit the demo's shop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use super::shop::THINGS;

/// How long one stays at most.
const VISIT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const MOST: u64 = 64 * 1024;
/// How long it takes until the next one comes, in milliseconds.
const PAUSE: std::ops::Range<u64> = 60..900;

/// What is visited, the more often the more often it stands here.
const PLACES: [&str; 12] = [
    "/",
    "/",
    "/",
    "/things",
    "/things",
    "/things/",
    "/things/",
    "/orders",
    "/search?q=bell",
    "/search?q=dial",
    "/broken",
    "/gone",
];

/// Lets them come, one after the other, for good.
pub(super) async fn come(server: SocketAddr, tunnel: String) {
    let host = Url::parse(&tunnel).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    loop {
        let request = request(&host);
        match timeout(VISIT, visit(server, &request)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a visitor did not get through"),
            Err(_) => tracing::debug!("a visitor has gone away"),
        }
        let pause = rand::rng().random_range(PAUSE);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// What the next one asks for.
fn request(host: &str) -> String {
    let mut rng = rand::rng();
    let (thing, _) = THINGS.choose(&mut rng).copied().unwrap_or_default();
    let place = PLACES.choose(&mut rng).copied().unwrap_or("/");
    let place = if place.ends_with("things/") { format!("{place}{thing}") } else { place.to_owned() };
    let (method, body) = match place.as_str() {
        "/orders" => ("POST", format!("{{\"thing\": \"{thing}\", \"count\": {}}}", rng.random_range(1..5))),
        _ => ("GET", String::new()),
    };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!(
        "{method} {place} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: switchboard-demo\r\nAccept: */*\r\n\
         Connection: close\r\n{kind}{length}\r\n{body}"
    )
}

async fn visit(server: SocketAddr, request: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.take(MOST).read_to_end(&mut Vec::new()).await?;
    Ok(())
}
