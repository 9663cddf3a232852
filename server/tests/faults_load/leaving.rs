//! Visitors who leave, at every stage of a request. The local request ends within a second of it, and nothing is left.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::raw::{Connection, RawOrigin};
use crate::support::{Switchboard, figure, until, within};
use crate::{SOON, telephone};

/// How soon a local request ends whose visitor has left.
const AT_ONCE: Duration = Duration::from_secs(1);

/// When a visitor leaves: what it has sent by then, and what it has seen of the answer.
struct Stage {
    name: &'static str,
    path: &'static str,
    /// The rest of the request after its first line and `Host`.
    sends: String,
    sees: &'static str,
}

fn stage(name: &'static str, path: &'static str, sends: impl Into<String>, sees: &'static str) -> Stage {
    Stage { name, path, sends: sends.into(), sees }
}

fn stages() -> Vec<Stage> {
    const UPGRADE: &str = "Connection: upgrade\r\nUpgrade: x\r\n\r\n";
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n1000\r\n{}\r\n", "x".repeat(0x1000));
    vec![
        stage("before the body", "/silent", "Content-Length: 100\r\n\r\n", ""),
        stage("in the body", "/silent", "Content-Length: 100\r\n\r\n0123456789", ""),
        stage("between two chunks", "/silent", chunk, ""),
        stage("in a chunk", "/silent", "Transfer-Encoding: chunked\r\n\r\n1000\r\nxxx", ""),
        stage("before the response", "/silent", "\r\n", ""),
        stage("before the response to a body", "/silent", "Content-Length: 3\r\n\r\nabc", ""),
        stage("before the switch of protocols", "/silent", UPGRADE, ""),
        stage("in the head of the response", "/head", "\r\n", ""),
        stage("in the head of the switch", "/head", UPGRADE, ""),
        stage("after the head of the response", "/sized", "\r\n", "\r\n\r\n"),
        stage("in the response", "/sized", "\r\n", "part"),
        stage("between two chunks of the response", "/chunked", "\r\n", "part"),
        stage("in a response without an end", "/endless", "\r\n", "xxxx"),
        stage("in a response that it does not read", "/endless", "\r\n", ""),
        stage("after the switch of protocols", "/upgrade", UPGRADE, "part"),
        stage("in an exchange of bytes", "/upgrade", format!("{UPGRADE}hello"), "part"),
    ]
}

/// What happens at the local server.
#[derive(Debug, PartialEq, Eq)]
enum Local {
    Asked,
    Left,
}

async fn serve(mut connection: Connection, tell: Sender<Local>) {
    let Some(head) = connection.head().await else { return };
    let says: &[u8] = match head.split(' ').nth(1).unwrap() {
        "/head" => b"HTTP/1.1 200 OK\r\nContent-Le",
        "/sized" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        "/chunked" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        "/upgrade" => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\npart",
        "/endless" => b"HTTP/1.1 200 OK\r\n\r\n",
        _ => b"",
    };
    connection.write(says).await;
    tell.send(Local::Asked).await.unwrap();
    if head.starts_with("POST /endless ") {
        while connection.write(&[b'x'; 64 * 1024]).await {}
    }
    connection.gone().await;
    tell.send(Local::Left).await.unwrap();
}

#[derive(Clone, Copy, Debug)]
enum Leaves {
    Properly,
    AtOnce,
}

async fn leave(switchboard: &Switchboard, local: &mut Receiver<Local>, stage: &Stage, how: Leaves) {
    let what = format!("{} ({how:?})", stage.name);
    let mut visitor = Connection::to(switchboard.address).await;
    let host = format!("leaving.localhost:{}", switchboard.address.port());
    visitor.write(format!("POST {} HTTP/1.1\r\nHost: {host}\r\n{}", stage.path, stage.sends).as_bytes()).await;
    assert_eq!(within(SOON, &what, local.recv()).await, Some(Local::Asked), "{what}");
    if !stage.sees.is_empty() {
        assert!(within(SOON, &what, visitor.read_to(stage.sees.as_bytes())).await.is_some(), "{what}");
    }
    match how {
        Leaves::Properly => drop(visitor),
        Leaves::AtOnce => visitor.reset(),
    }
    let left = within(AT_ONCE, &format!("the end of the local request, {what}"), local.recv()).await;
    assert_eq!(left, Some(Local::Left), "{what}");
}

#[tokio::test]
async fn whoever_leaves_ends_the_local_request_at_once() {
    let switchboard = Switchboard::start().await;
    let (tell, mut local) = mpsc::channel(2);
    let origin = RawOrigin::start(move |connection| serve(connection, tell.clone())).await;
    let _telephone = telephone(&switchboard, "leaving", origin.address).await;
    let asked = origin.accepted();
    for how in [Leaves::Properly, Leaves::AtOnce] {
        // Whoever leaves while the head is being sent is never heard of at the local server.
        let host = format!("leaving.localhost:{}", switchboard.address.port());
        for head in ["PO", "POST /silent HTTP/1.1\r\n", &format!("POST /silent HTTP/1.1\r\nHost: {host}\r\n")] {
            let mut visitor = Connection::to(switchboard.address).await;
            visitor.write(head.as_bytes()).await;
            match how {
                Leaves::Properly => drop(visitor),
                Leaves::AtOnce => visitor.reset(),
            }
        }
        for stage in stages() {
            leave(&switchboard, &mut local, &stage, how).await;
        }
    }
    assert_eq!(origin.accepted() - asked, 2 * stages().len());
    for gauge in ["switchboard_requests_in_flight", "switchboard_streams"] {
        until(SOON, gauge, async || figure(switchboard.metrics, gauge).await == 0.0).await;
    }
}

#[tokio::test]
async fn whoever_leaves_an_upload_that_is_not_read_ends_it_as_well() {
    let switchboard = Switchboard::start().await;
    let (tell, mut local) = mpsc::channel(2);
    let origin = RawOrigin::start(move |mut connection| {
        let tell = tell.clone();
        async move {
            connection.head().await.unwrap();
            tell.send(Local::Asked).await.unwrap();
            connection.gone_unread().await;
            tell.send(Local::Left).await.unwrap();
        }
    })
    .await;
    let _telephone = telephone(&switchboard, "stuck", origin.address).await;
    let mut visitor = Connection::to(switchboard.address).await;
    let host = format!("stuck.localhost:{}", switchboard.address.port());
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000000\r\n\r\n");
    visitor.write(head.as_bytes()).await;
    assert_eq!(within(SOON, "the request", local.recv()).await, Some(Local::Asked));
    visitor.write_until_stuck().await;
    visitor.reset();
    assert_eq!(within(AT_ONCE, "the end of the local request", local.recv()).await, Some(Local::Left));
}
