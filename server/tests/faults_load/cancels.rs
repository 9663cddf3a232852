//! Ten thousand visitors who leave: what a line, a socket or a task costs would add up by now.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use tokio::task::JoinSet;

use crate::raw::{Connection, RawOrigin};
use crate::support::{Body, Program, Programs, full, until};

const VISITORS: usize = 10_000;
/// How many of them are there at once.
const AT_ONCE: usize = 100;
/// More than the credit of a connection in either direction: it does not fit through if any has been lost.
const LARGE: usize = 40 * 1024 * 1024;
/// How much a process may grow, bytes: a tenth of a first window for each visitor would be four times as much.
const GROWTH: u64 = 16 * 1024 * 1024;
/// How many more files and tasks there may be afterwards: the figures are asked for over connections as well.
const SPARE: usize = 8;
const TIME: Duration = Duration::from_secs(30);

/// A part of an answer; then it waits for its visitor to leave. What is asked of `/all` is answered whole.
async fn serve(mut connection: Connection) {
    let Some(head) = connection.head().await else { return };
    match head.split(' ').nth(1).unwrap() {
        "/head" => drop(connection.write(b"HTTP/1.1 200 OK\r\nContent-Le").await),
        "/body" => drop(connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n").await),
        "/upgrade" => drop(connection.write(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\npart").await),
        "/endless" => {
            connection.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while connection.write(&[b'x'; 16 * 1024]).await {}
        }
        "/large" => {
            connection
                .write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\nConnection: close\r\n\r\n").as_bytes())
                .await;
            connection.write(&vec![b'x'; LARGE]).await;
        }
        "/upload" => {
            connection.skip(LARGE).await;
            connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nread").await;
        }
        _ => {}
    }
    connection.gone().await;
}

/// One visitor, who leaves at the `n`th stage in turn.
async fn visit(programs: std::net::SocketAddr, n: usize) {
    const UPGRADE: &str = "Connection: upgrade\r\nUpgrade: x\r\n\r\n";
    let upload = format!("Content-Length: 100000\r\n\r\n{}", "x".repeat(30_000));
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n1000\r\n{}\r\n", "x".repeat(0x1000));
    let (path, sends, sees) = match n % 8 {
        0 => ("/silent", "Half-a-he", ""),
        1 => ("/silent", upload.as_str(), ""),
        2 => ("/silent", chunk.as_str(), ""),
        3 => ("/silent", "\r\n", ""),
        4 => ("/head", "\r\n", ""),
        5 => ("/body", "\r\n", "part"),
        6 => ("/endless", "\r\n", "xxxx"),
        _ => ("/upgrade", UPGRADE, "part"),
    };
    let mut visitor = Connection::to(programs).await;
    let host = format!("cancels.localhost:{}", programs.port());
    visitor.write(format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{sends}").as_bytes()).await;
    if !sees.is_empty() {
        assert!(visitor.read_to(sees.as_bytes()).await.is_some(), "{path}");
    }
    if n % 16 < 8 {
        visitor.reset();
    }
}

async fn visits(programs: &Programs, count: usize) {
    let mut under_way = JoinSet::new();
    for n in 0..count {
        if under_way.len() == AT_ONCE {
            under_way.join_next().await.unwrap().unwrap();
        }
        under_way.spawn(visit(programs.address, n));
    }
    while let Some(visited) = under_way.join_next().await {
        visited.unwrap();
    }
    for gauge in ["switchboard_requests_in_flight", "switchboard_streams"] {
        until(TIME, gauge, async || programs.figure(gauge).await == 0.0).await;
    }
}

#[tokio::test]
async fn ten_thousand_who_leave_leave_nothing() {
    let origin = RawOrigin::start(serve).await;
    let programs = Programs::start().await;
    let (_, token) = programs.token().await;
    let telephone = programs.telephone_with(&token, "cancels", origin.address, &[]).await;
    let each: [(&str, &Program); 2] = [("switchboard", &programs.switchboard), ("telephone", &telephone)];
    // What is made once and kept is there after the first few.
    visits(&programs, VISITORS / 10).await;
    let tasks = programs.figure("switchboard_tasks").await;
    let before = each.map(|(_, program)| (program.memory(), program.open_files()));

    visits(&programs, VISITORS).await;
    until(TIME, "as few tasks as before", async || programs.figure("switchboard_tasks").await <= tasks + SPARE as f64)
        .await;
    for ((name, program), (memory, files)) in each.into_iter().zip(before) {
        until(TIME, "as few open files as before", async || program.open_files() <= files + SPARE).await;
        let growth = program.memory().saturating_sub(memory);
        println!("{name}: {} KiB more, {files} files before and {} now", growth / 1024, program.open_files());
        assert!(growth < GROWTH, "{name} has grown by {} KiB", growth / 1024);
    }

    // All credit is there.
    let visitor = programs.visitor("cancels");
    let response = visitor.send(visitor.request(Method::GET, "/large").body(Body::default()).unwrap()).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), LARGE);
    let upload = visitor.request(Method::PUT, "/upload").body(full(vec![b'x'; LARGE])).unwrap();
    assert_eq!(visitor.send(upload).await.unwrap().into_body().collect().await.unwrap().to_bytes(), "read");
}
