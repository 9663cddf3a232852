//! `switchboard demo`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Place, Server};

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer to a request, whole.
fn ask(address: &str, host: &str, request: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|_| panic!("{answer}"))
}

#[test]
fn it_shows_a_tunnel_with_visitors_and_leaves_nothing() {
    let place = Place::new();
    let mut command = place.switchboard(&["demo", "--listen", "127.0.0.1:0"]);
    // Elsewhere than where other demos may be.
    command.env("TMPDIR", place.0.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let shown = BufReader::new(child.stdout.take().unwrap());
    let told: Vec<_> = shown.lines().map(Result::unwrap).take_while(|line| !line.contains("Ctrl-C")).collect();
    let said = |label: &str| {
        let line = told.iter().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} is missing in {told:?}")).trim().to_owned()
    };
    let dashboard = said("Dashboard");
    let port = dashboard.strip_prefix("http://localhost:").unwrap().strip_suffix("/web").unwrap().to_owned();
    let listen = format!("127.0.0.1:{port}");
    let mut server = Server { child, listen: listen.clone(), metrics: String::new(), ready: String::new() };
    assert_eq!(said("Tunnel"), format!("http://shop.localhost:{port}"));
    let data = said("Data");
    assert!(Path::new(&data).is_dir());

    let shop = format!("shop.localhost:{port}");
    assert!(ask(&listen, &shop, "GET /things/bell", "", "").contains("\"name\":\"bell\""));
    let dashboard = format!("localhost:{port}");
    let account = json!({"email": said("Account"), "password": said("Password")}).to_string();
    let kind = "Content-Type: application/json\r\n";
    let access = body(&ask(&listen, &dashboard, "POST /api/v1/auth/login", kind, &account));
    let bearer = format!("Authorization: Bearer {}\r\n", access["access_token"].as_str().unwrap());
    // Besides the one above, others come.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tunnels = body(&ask(&listen, &dashboard, "GET /api/v1/tunnels", &bearer, ""));
        if tunnels["items"][0]["request_count"].as_u64().unwrap() > 2 {
            break;
        }
        assert!(Instant::now() < deadline, "nobody has come: {tunnels}");
    }
    server.signal("-TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!Path::new(&data).exists(), "its data is deleted");
}
