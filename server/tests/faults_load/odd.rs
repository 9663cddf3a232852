//! Small requests that are made to cost much. Envoy's rule: one of up to 10 KiB costs less than 1 MiB, and less than a hundred
//! times the work that it costs its client.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Request;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::raw::Connection;
use crate::support::{Origin, Program, Programs, within};

/// The longest of them, bytes.
const LONGEST: usize = 10 * 1024;
/// How many of each are under way at once, and how often that is done.
const AT_ONCE: u8 = 48;
const ROUNDS: usize = 4;
/// What each may cost at most, bytes.
const MEMORY: u64 = 1024 * 1024;
/// How much more work each may be for the server than for its client.
const WORK: u32 = 100;
/// What it may cost to look at a password, which is not held against [`WORK`] and [`MEMORY`]: its hash takes 20 ms and 19 MiB,
/// since that is what makes passwords hard to guess, and to judge a new one about as long. As many at once as there are cores
/// are looked at, and as much memory again may wait to be given back. A machine may be slow; 100 characters that are judged as
/// one piece took two seconds.
const PASSWORD_WORK: Duration = Duration::from_millis(250);
const PASSWORD_MEMORY: u64 = 2 * 20 * 1024 * 1024;
/// In `/proc/PID/stat`, whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);
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
    let sized = |body: &str| call("/", body);
    let account = |email: &str, password: &str| json!({"email": email, "password": password}).to_string();
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
        (
            "a long address for an account",
            call(
                "/api/v1/auth/register",
                &account(&format!("{}@example.com", times(4_500, "a.")), "a long enough one"),
            ),
        ),
        (
            "what looks like a pattern, for an account",
            call("/api/v1/auth/register", &account(&times(1_000, "(a+)+$@"), "a long enough one")),
        ),
        (
            "a password that is too long, for an account",
            call("/api/v1/auth/register", &account("odd@example.com", &times(450, FIGURES))),
        ),
        (
            "a password that is too long, to sign in",
            call("/api/v1/auth/login", &account("odd@example.com", &times(450, FIGURES))),
        ),
    ]
}

/// Each may stand for a letter, or for another one.
const FIGURES: &str = "4@8({[<3691!|70$5+%2";

/// The same for who wants an account or wants in with passwords that are looked at: `{n}` is who it is, in three digits.
fn with_passwords() -> Vec<(&'static str, String)> {
    let account = |path: &str, who: &str, password: &str| {
        call(path, &json!({"email": format!("{who}-{{n}}@example.com"), "password": password}).to_string())
    };
    let (figures, sequences) = (FIGURES.repeat(5), "abcdefgh19871231qwertyui".repeat(5));
    vec![
        ("figures for letters, to sign in", account("/api/v1/auth/login", "figures", &figures)),
        ("figures for letters, for an account", account("/api/v1/auth/register", "figures", &figures)),
        ("sequences and dates, for an account", account("/api/v1/auth/register", "dates", &sequences)),
    ]
}

fn call(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {{host}}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// How long a process has worked.
fn work(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may have spaces: the twelfth and the thirteenth field.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| TICK * ticks.parse::<u32>().unwrap()).sum()
}

/// How long this thread has worked, on which all clients of this test are, and nobody else.
fn own_work() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}

/// A local server on a thread of its own, so that its work is not taken for the clients'.
struct Aside {
    address: SocketAddr,
    /// It ends with this.
    _open: oneshot::Sender<()>,
}

impl Aside {
    async fn mirror() -> Self {
        let (tell, told) = oneshot::channel();
        let (open, closed) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let origin = Origin::mirror().await;
                tell.send(origin.address).unwrap();
                closed.await.ok();
            });
        });
        Self { address: told.await.unwrap(), _open: open }
    }
}

/// What it costs to have something done.
#[derive(Debug)]
struct Cost {
    /// How much more memory there was at its worst than before, bytes.
    memory: u64,
    ours: Duration,
    theirs: Duration,
}

impl Cost {
    async fn of(switchboard: &Program, something: impl Future<Output = ()>) -> Self {
        switchboard.forget_peak_memory();
        let (memory, ours, theirs) = (switchboard.memory(), own_work(), work(switchboard.pid()));
        something.await;
        let (ours, theirs) = (own_work() - ours, work(switchboard.pid()) - theirs);
        Self { memory: switchboard.peak_memory().saturating_sub(memory), ours, theirs }
    }

    /// Fails when each of those that were under way at once costs more than it may, beside `passwords` that were looked at.
    fn assert_little(&self, what: &str, passwords: u32) {
        let Self { memory, ours, theirs } = *self;
        println!("{what}: {} bytes each; {theirs:?} for {ours:.1?}", memory / u64::from(AT_ONCE));
        let cores = std::thread::available_parallelism().map_or(2, usize::from) as u64;
        let of_passwords = if passwords > 0 { cores * PASSWORD_MEMORY } else { 0 };
        assert!(memory < u64::from(AT_ONCE) * MEMORY + of_passwords, "{what}: {memory} bytes for all");
        // Of less than a tick nothing can be said.
        let most = WORK * ours.max(TICK) + passwords * PASSWORD_WORK;
        assert!(theirs <= most, "{what}: {theirs:?} of work for {ours:?}");
    }
}

/// The answers to a request that many send at once, each from an address of its own where `apart`.
async fn send(to: SocketAddr, request: &str, apart: bool) -> Vec<Vec<u8>> {
    let mut visits = JoinSet::new();
    for n in 0..AT_ONCE {
        let request = request.replace("{n}", &format!("{n:03}"));
        visits.spawn(async move {
            let socket = TcpSocket::new_v4().unwrap();
            if apart {
                socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 3, n + 1), 0))).unwrap();
            }
            let mut connection = Connection::new(socket.connect(to).await.unwrap());
            connection.write(request.as_bytes()).await;
            connection.rest().await
        });
    }
    within(TIME, request, visits.join_all()).await
}

/// The same over HTTP/2, with one field again and again: it is sent in full once, and then takes a byte each time.
async fn send_by_http2(to: SocketAddr, host: &str) {
    let mut visits = JoinSet::new();
    for _ in 0..AT_ONCE {
        let mut request = Request::get(format!("http://{host}/"));
        for _ in 0..90 {
            request = request.header("x-same", "a value of some length");
        }
        let request = request.body(()).unwrap();
        visits.spawn(async move {
            let stream = TcpStream::connect(to).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            let connection = tokio::spawn(connection);
            let (response, _) = sender.ready().await.unwrap().send_request(request, true).unwrap();
            let mut body = response.await.unwrap().into_body();
            while let Some(data) = body.data().await {
                let length = data.unwrap().len();
                body.flow_control().release_capacity(length).unwrap();
            }
            drop(body);
            connection.await.unwrap().unwrap();
        });
    }
    within(TIME, "answers over HTTP/2", visits.join_all()).await;
}

#[tokio::test]
async fn a_small_request_costs_little() {
    let origin = Aside::mirror().await;
    let settings = [("SWITCHBOARD_CAPTURE_LEVEL", "bodies"), ("SWITCHBOARD_SIGNUP", "open")];
    let programs = Programs::start_with(&settings).await;
    let (_, token) = programs.token().await;
    let _telephone = programs.telephone_with(&token, "odd", origin.address, &[]).await;
    let backend = json!({"id": "one", "address": origin.address.to_string()});
    assert_eq!(programs.client().post("/api/v1/backends", &backend).await.0, 201);
    let domain = json!({"domain": "odd.example.com", "service": "default"});
    let made = programs.client().post("/api/v1/domains", &domain).await;
    assert_eq!(made.0, 201, "{}", made.1);
    let (address, port) = (programs.address, programs.address.port());
    let hosts = [format!("localhost:{port}"), format!("odd.localhost:{port}"), "odd.example.com".to_owned()];
    for host in &hosts {
        // Threads, connections and tables that the first ones bring are not what this is about.
        send(address, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), false).await;
    }
    for (what, request) in corpus() {
        assert!(request.len() <= LONGEST, "{what}: {}", request.len());
        for host in &hosts {
            let (request, what) = (request.replace("{host}", host), format!("{what} to {host}"));
            let cost = Cost::of(&programs.switchboard, async {
                for _ in 0..ROUNDS {
                    let answers = send(address, &request, false).await;
                    assert!(answers.iter().all(|answer| answer.starts_with(b"HTTP/1.1 ")), "{what}");
                }
            });
            cost.await.assert_little(&what, 0);
        }
    }
    for host in &hosts {
        let cost = Cost::of(&programs.switchboard, async {
            for _ in 0..ROUNDS {
                send_by_http2(address, host).await;
            }
        });
        cost.await.assert_little(&format!("one field again and again, over HTTP/2, to {host}"), 0);
    }
    assert_eq!(programs.figure("switchboard_panics_total").await, 0.0);
    assert_eq!(programs.client().text("/healthz").await.0, 200);
}

/// Nobody is slowed down here for having come before: each comes from an address of its own, and to an account of its own.
#[tokio::test]
async fn an_odd_password_costs_no_more_than_any_other() {
    let programs = Programs::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let host = format!("localhost:{}", programs.address.port());
    send(programs.address, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), true).await;
    for (what, request) in with_passwords() {
        assert!(request.len() <= LONGEST, "{what}: {}", request.len());
        let mut looked_at = 0;
        let cost = Cost::of(&programs.switchboard, async {
            for answer in send(programs.address, &request.replace("{host}", &host), true).await {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                let status = answer.split(' ').nth(1).unwrap_or_default();
                assert!(["201", "401", "403", "422", "429", "503"].contains(&status), "{what}: {answer}");
                looked_at += u32::from(!["429", "503"].contains(&status));
            }
        });
        let cost = cost.await;
        assert!(looked_at > 0, "{what}: nobody's was looked at");
        cost.assert_little(what, looked_at);
    }
    assert_eq!(programs.figure("switchboard_panics_total").await, 0.0);
}
