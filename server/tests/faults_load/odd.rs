//! Small requests that are made to cost much. Envoy's rule: one of up to 10 KiB costs less than 1 MiB, and less than a hundred
//! times the work that it costs its client.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::raw::Connection;
use crate::support::{Origin, Programs, within};

/// The longest of them, bytes.
const LONGEST: usize = 10 * 1024;
/// How many of each are under way at once, and how often that is done.
const AT_ONCE: usize = 48;
const ROUNDS: usize = 4;
/// What each may cost at most, bytes.
const MEMORY: u64 = 1024 * 1024;
/// How much more work each may be for the server than for its client.
const WORK: u64 = 100;
const TIME: Duration = Duration::from_secs(120);

/// Head and body, and what it is that makes them odd. `{host}` is the host, and each ends its connection.
fn corpus() -> Vec<(&'static str, String)> {
    let get = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {{host}}\r\n{fields}Connection: close\r\n\r\n")
    };
    let post = |fields: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nHost: {{host}}\r\n{fields}Connection: close\r\n\r\n{body}")
    };
    let times = |count: usize, text: &str| text.repeat(count);
    let numbered =
        |count: usize, field: &str| -> String { (0..count).map(|n| field.replace("{n}", &n.to_string())).collect() };
    let sized =
        |body: &str| post(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()), body);
    vec![
        ("as many fields as there may be", get("/", &numbered(97, "X-{n}: a value of some length, as they are\r\n"))),
        ("more fields than there may be", get("/", &numbered(1_000, "X{n}: 1\r\n"))),
        ("one field again and again", get("/", &times(90, "X-Same: a value of some length\r\n"))),
        ("cookies", get("/", &format!("Cookie: {}\r\n", numbered(700, "c{n}=%25%32; ")))),
        ("a long list of encodings", get("/", &format!("Accept-Encoding: {}\r\n", times(1_400, "br;q=0,")))),
        ("a long list of types", get("/", &format!("Accept: {}\r\n", times(700, "a/b;q=0.1, ")))),
        ("ranges", get("/", &format!("Range: bytes={}\r\n", times(1_900, "0-,1-")))),
        ("proxies that it came through", get("/", &format!("X-Forwarded-For: {}\r\n", times(1_000, "1.1.1.1, ")))),
        ("names in Connection", get("/", &format!("Connection: {}\r\n", numbered(1_500, "x{n},")))),
        ("a long path", get(&times(2_500, "/a"), "")),
        ("dots in the path", get(&times(2_500, "/.."), "")),
        ("an encoded path", get(&times(3_000, "/%2"), "")),
        ("a long query", get(&format!("/?{}", times(2_000, "a=b&")), "")),
        ("empty lines", format!("{}{}", times(4_500, "\r\n"), get("/", ""))),
        (
            "one chunk for each byte",
            post("Transfer-Encoding: chunked\r\n", &format!("{}0\r\n\r\n", times(1_500, "1\r\nx\r\n"))),
        ),
        (
            "extensions of chunks",
            post("Transfer-Encoding: chunked\r\n", &format!("1{}\r\nx\r\n0\r\n\r\n", times(3_000, ";a"))),
        ),
        (
            "trailers",
            post("Transfer-Encoding: chunked\r\n", &format!("0\r\n{}\r\n", numbered(90, "X-{n}: some value\r\n"))),
        ),
        ("nested JSON", sized(&times(9_000, "["))),
        ("a long number", sized(&times(9_000, "9"))),
        ("escapes", sized(&format!("{{\"email\": \"{}\"}}", times(1_400, "\\ud83d")))),
    ]
}

/// Clock ticks that a process has worked.
fn work(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may have spaces: the twelfth and the thirteenth field.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn a_small_request_costs_little() {
    let origin = Origin::mirror().await;
    let mut programs = Programs::start_with(&[("SWITCHBOARD_CAPTURE_LEVEL", "bodies")]).await;
    programs.telephone("odd", &origin).await;
    let backend = json!({"id": "one", "address": origin.address.to_string()});
    assert_eq!(programs.client().post("/api/v1/backends", &backend).await.0, 201);
    let domain = json!({"domain": "odd.example.com", "service": "default"});
    let made = programs.client().post("/api/v1/domains", &domain).await;
    assert_eq!(made.0, 201, "{}", made.1);
    let port = programs.address.port();
    let hosts = [format!("localhost:{port}"), format!("odd.localhost:{port}"), "odd.example.com".to_owned()];
    let send = async |request: &str| {
        let mut visits = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (address, request) = (programs.address, request.to_owned());
            visits.spawn(async move {
                let mut connection = Connection::to(address).await;
                connection.write(request.as_bytes()).await;
                connection.rest().await
            });
        }
        within(TIME, request, visits.join_all()).await
    };
    for host in &hosts {
        // Threads, connections and tables that the first ones bring are not what this is about.
        send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    }
    let pid = programs.switchboard.pid();
    for (what, request) in corpus() {
        assert!(request.len() <= LONGEST, "{what}: {}", request.len());
        for host in &hosts {
            let request = request.replace("{host}", host);
            let (memory, ours, theirs) = (programs.switchboard.memory(), work(std::process::id()), work(pid));
            let mut most = memory;
            for _ in 0..ROUNDS {
                let answers = send(&request).await;
                most = most.max(programs.switchboard.memory());
                assert!(answers.iter().all(|answer| answer.starts_with(b"HTTP/1.1 ")), "{what} to {host}");
            }
            let (ours, theirs) = (work(std::process::id()) - ours, work(pid) - theirs);
            let each = (most - memory) / AT_ONCE as u64;
            println!("{what} to {host}: {each} bytes each; {theirs} ticks for {ours}");
            assert!(each < MEMORY, "{what} to {host}: {each} bytes each");
            assert!(theirs <= WORK * ours.max(1), "{what} to {host}: {theirs} ticks of work for {ours}");
        }
    }
    assert_eq!(programs.figure("switchboard_panics_total").await, 0.0);
    assert_eq!(programs.client().text("/healthz").await.0, 200);
}
