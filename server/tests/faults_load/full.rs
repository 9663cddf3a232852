//! More connections than there are places, in all and of one client; and what comes of a handler that fails.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;

use crate::raw::Connection;
use crate::support::{Home, Origin, Switchboard, skipped, until, within};

/// Far longer than anything here takes.
const TIME: Duration = Duration::from_secs(60);
/// How many connections beyond the limit are told so.
const SPARE: usize = 128;

/// A client that begins a request and never ends it.
async fn half_a_head(mut connection: Connection) -> Connection {
    assert!(connection.write(b"GET / HTTP/1.1\r\nHost: loc").await);
    connection
}

/// Asks and gives the whole answer.
async fn ask(mut connection: Connection, host: &str, path: &str) -> String {
    connection.write(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
    String::from_utf8_lossy(&connection.rest().await).into_owned()
}

pub(crate) fn is_told_so(answer: &str) -> bool {
    let fields = ["\r\nretry-after: 1\r\n", "\r\nx-switchboard-error: overloaded\r\n", "\r\nconnection: close\r\n"];
    answer.starts_with("HTTP/1.1 503 ") && fields.iter().all(|field| answer.contains(field))
}

async fn open(switchboard: &Switchboard, count: usize) {
    let what = format!("{count} connections");
    until(TIME, &what, async || switchboard.figure("switchboard_connections").await == count as f64).await;
}

#[tokio::test]
async fn beyond_the_limit_whoever_comes_is_told_so_and_health_is_seen() {
    let switchboard =
        Switchboard::start_with(&[("SWITCHBOARD_MAX_CONNECTIONS", "8"), ("SWITCHBOARD_HEADER_TIMEOUT", "600s")]).await;
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("open", &origin).await;
    // The telephone's line is no request any more, and keeps its place.
    open(&switchboard, 1).await;
    let mut taken = Vec::new();
    for _ in 0..7 {
        taken.push(half_a_head(Connection::to(switchboard.address).await).await);
    }
    open(&switchboard, 8).await;

    let host = format!("open.localhost:{}", switchboard.address.port());
    let told = ask(Connection::to(switchboard.address).await, &host, "/").await;
    assert!(is_told_so(&told), "{told}");
    let dashboard = format!("localhost:{}", switchboard.address.port());
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = ask(Connection::to(switchboard.address).await, &dashboard, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    assert_eq!(by_http2(switchboard.address, &host).await, 503);

    // Those who take the spare places and are silent have them for a moment only.
    let mut silent = Vec::new();
    for _ in 0..SPARE {
        silent.push(half_a_head(Connection::to(switchboard.address).await).await);
    }
    let told = within(TIME, "a spare place", ask(Connection::to(switchboard.address).await, &host, "/")).await;
    assert!(is_told_so(&told), "{told}");
    assert!(switchboard.figure("switchboard_connections_refused_total").await >= 5.0 + SPARE as f64);
    assert_eq!(switchboard.figure("switchboard_connections").await, 8.0, "nobody else was let in");

    drop(taken.pop());
    until(TIME, "a place", async || switchboard.visitor("open").text("/").await.0 == 200).await;
    telephone.shutdown().await;
}

/// The status, and the proper end of the connection after it.
async fn by_http2(address: SocketAddr, host: &str) -> u16 {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{host}/")).body(()).unwrap();
    let (response, _) = sender.ready().await.unwrap().send_request(request, true).unwrap();
    let status = response.await.unwrap().status().as_u16();
    within(TIME, "the end of the connection", connection).await.unwrap().unwrap();
    status
}

/// Runs the test below where this machine has addresses that are not the loopback's.
#[tokio::test]
async fn one_client_does_not_take_all_places() {
    const NETWORK: &str = "ip link set lo up && ip addr add 198.51.100.7/32 dev lo && \
                           ip addr add 198.51.100.8/32 dev lo && ip addr add 198.51.100.9/32 dev lo";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", script, "sh"]).kill_on_drop(true);
        command
    };
    if !unshare(NETWORK).status().await.is_ok_and(|status| status.success()) {
        skipped("a network namespace (unshare, ip)");
        return;
    }
    let mut inside = unshare(&format!("{NETWORK} && exec \"$@\""));
    inside.arg(std::env::current_exe().unwrap());
    inside.args(["full::clients_with_addresses", "--exact", "--ignored", "--nocapture"]).env("FAULTS_PART", "here");
    let output = inside.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "a part of another test, which starts it in a network of its own"]
async fn clients_with_addresses() {
    if std::env::var_os("FAULTS_PART").is_none() {
        return;
    }
    let settings = [
        ("SWITCHBOARD_CLIENT_CONNECTIONS", "4"),
        ("SWITCHBOARD_TRUSTED_PROXIES", "198.51.100.9/32"),
        ("SWITCHBOARD_HEADER_TIMEOUT", "600s"),
    ];
    let switchboard = Switchboard::start_in(Home::new(), &settings).await;
    open(&switchboard, 0).await;
    let from = async |address: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0)).unwrap();
        Connection::new(socket.connect(switchboard.address).await.unwrap())
    };
    let host = format!("localhost:{}", switchboard.address.port());
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(half_a_head(from("198.51.100.7").await).await);
    }
    open(&switchboard, 4).await;
    let told = ask(from("198.51.100.7").await, &host, "/healthz").await;
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    let told = ask(from("198.51.100.7").await, &host, "/nothing").await;
    assert!(is_told_so(&told), "{told}");
    // A spare place for each of them, up to half of those there are; the rest is closed without a word.
    let mut more = Vec::new();
    for _ in 0..SPARE {
        more.push(half_a_head(from("198.51.100.7").await).await);
    }
    for connection in &mut more[SPARE / 2..] {
        within(TIME, "the end of one too many", connection.gone()).await;
    }

    // Nobody else is told anything: not another client, nor who comes through a proxy that is known, or from here.
    for address in ["198.51.100.8", "198.51.100.9", "127.0.0.1"] {
        let count = if address == "198.51.100.8" { 3 } else { 8 };
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(half_a_head(from(address).await).await);
        }
        let mut connection = from(address).await;
        connection.write(format!("GET /nothing HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        let answer = connection.head().await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{address}: {answer}");
    }
    drop(taken.pop());
    until(TIME, "a place that became free", async || {
        let mut connection = from("198.51.100.7").await;
        connection.write(format!("GET /nothing HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        connection.head().await.is_some_and(|head| head.starts_with("HTTP/1.1 404 "))
    })
    .await;
}
