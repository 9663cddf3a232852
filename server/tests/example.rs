//! The telephone of `docs/examples`, in Python, as a process of its own against a real switchboard.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unused_imports, reason = "each test binary uses a part of this")]
mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::{Method, Response};
use http_body_util::BodyExt;
use support::{Body, Client, Origin, Program, Programs, full, text, until, whole};
use tokio::process::Command;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/telephone.py");

/// A Python that has the package `websockets`: named by `cargo xtask test`, or one that is found.
async fn python() -> String {
    let named = std::env::var("PYTHON_BIN").ok();
    for python in named.into_iter().chain(["python3".to_owned(), "/usr/bin/python3".to_owned()]) {
        let mut command = Command::new(&python);
        command.args(["-c", "import websockets"]).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return python;
        }
    }
    panic!("there is no Python with `websockets`: install it with `apt-get install python3-websockets`");
}

async fn telephone(programs: &Programs, target: std::net::SocketAddr, subdomain: &str) -> Program {
    telephone_with(programs, target, subdomain, "[]").await
}

async fn telephone_with(programs: &Programs, target: std::net::SocketAddr, subdomain: &str, services: &str) -> Program {
    let (_, token) = programs.token().await;
    let mut command = Command::new(python().await);
    let server = format!("ws://{}/tunnel", programs.address);
    command.args([EXAMPLE, &target.to_string(), &server, subdomain]).env("TELEPHONE_TOKEN", token);
    command.env("TELEPHONE_SERVICES", services);
    let mut telephone = Program::start(command);
    telephone.line_with("tunnel_created").await;
    telephone
}

#[test]
fn it_has_less_than_forty_lines() {
    let lines = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap().lines().count();
    assert!(lines < 40, "{lines}");
}

#[tokio::test]
async fn it_serves_a_tunnel_and_comes_back() {
    let mut programs = Programs::start().await;
    let origin = Origin::start(async |request| {
        let (parts, body) = request.into_parts();
        let received = body.collect().await.unwrap().to_bytes();
        let fields: Vec<_> = parts.headers.get_all("x-twice").iter().map(|value| value.as_bytes().to_vec()).collect();
        let uri = parts.uri.to_string();
        let said = [parts.method.as_str().as_bytes(), uri.as_bytes(), &fields.concat(), &received];
        let mut response = Response::new(full(said.join(&b'|')));
        response.headers_mut().append("set-cookie", "a=1".parse().unwrap());
        response.headers_mut().append("set-cookie", "b=2".parse().unwrap());
        response
    })
    .await;
    let _telephone = telephone(&programs, origin.address, "python").await;
    let visitor = programs.visitor("python");
    let request = visitor.request(Method::PUT, "/a%20b?c=d").header("x-twice", "1").header("x-twice", "2");
    let request = request.body(full(vec![b'x'; 3 * 1024 * 1024])).unwrap();
    let response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().cloned().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let answered = whole(response).await;
    assert!(answered.starts_with(b"PUT|/a%20b?c=d|12|xxx"), "{:?}", &answered[..40]);
    assert_eq!(answered.len(), "PUT|/a%20b?c=d|12|".len() + 3 * 1024 * 1024);

    let visits: Vec<_> = (0..20)
        .map(|n| {
            let visitor = visitor.clone();
            tokio::spawn(async move { visitor.text(&format!("/{n}")).await })
        })
        .collect();
    for (n, visit) in visits.into_iter().enumerate() {
        assert_eq!(visit.await.unwrap(), (200, format!("GET|/{n}||")));
    }

    // The server is gone, and is back; so is the telephone.
    programs.switchboard.kill().await;
    programs.restart().await;
    while visitor.text("/back").await.0 != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_announces_a_service() {
    // Nobody is waited for, so that who has gone is seen to have gone.
    let programs = Programs::start_with(&[("SWITCHBOARD_HOLD_TIMEOUT", "0s")]).await;
    let origin = Origin::mirror().await;
    let services = r#"[{"host": "shop.example.com", "path": "/api", "tag": "blue"}]"#;
    let mut telephone = telephone_with(&programs, origin.address, "shop", services).await;
    let visitor = Client::new(programs.address, "shop.example.com");
    until(Duration::from_secs(10), "it is ready", async || {
        let (status, text) = visitor.text("/api/x").await;
        status == 200 && text.starts_with("GET /api/x\n")
    })
    .await;
    telephone.kill().await;
    until(Duration::from_secs(10), "it has left the pool", async || visitor.text("/api/x").await.0 == 503).await;
}

#[tokio::test]
async fn it_says_when_the_local_server_is_down() {
    let programs = Programs::start().await;
    let gone = Origin::mirror().await.address;
    let _telephone = telephone(&programs, gone, "down").await;
    let visitor = programs.visitor("down");
    let response = visitor.send(visitor.request(Method::GET, "/").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["x-switchboard-error"].to_str().unwrap()),
        (502, "local_unreachable")
    );
    assert!(text(response).await.contains(&gone.to_string()));
}
