//! A line whose two ends are in one process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::future::poll_fn;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use support::{collect, get, pattern, request};
use telephone::line::{End, LineError, SessionBudget, StreamError, joined};
use tokio::task::JoinHandle;
use wire::control::{Control, Drain, Stats, Status, TunnelStatus};
use wire::frame::ResetCode;
use wire::head::ResponseHead;
use wire::mux::Settings;

fn pair() -> (End, End, JoinHandle<LineError>) {
    let (server, telephone, mut joint) =
        joined(&SessionBudget::new(u32::MAX), Settings::default(), Settings::default());
    (server, telephone, tokio::spawn(async move { poll_fn(|cx| joint.poll(cx)).await }))
}

fn ok() -> ResponseHead {
    ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() }
}

#[tokio::test]
async fn bodies_go_both_ways() {
    let (server, mut telephone, _) = pair();
    let (send, answer) = server.line.open(&request(Method::POST, "/"), false).unwrap();
    let body = pattern(1024 * 1024);
    let sending = body.clone();
    tokio::spawn(async move { send.send_all(http_body_util::Full::new(sending)).await.unwrap() });
    let (_, respond, arriving) = telephone.incoming.next().await.unwrap();
    let back = respond.send(&ok(), false).unwrap();
    tokio::spawn(async move { back.send_all(arriving).await.unwrap() });
    let (_, arriving) = answer.await.unwrap();
    assert_eq!(collect(arriving).await.unwrap().0, body);
    server.line.idle().await;
    telephone.line.idle().await;
}

#[tokio::test]
async fn a_cancel_arrives() {
    let (server, mut telephone, _) = pair();
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, mut respond, _) = telephone.incoming.next().await.unwrap();
    drop(answer);
    assert!(matches!(respond.reset_received().await, StreamError::Reset(ResetCode::CANCEL)));
}

#[tokio::test]
async fn control_messages_arrive_and_a_drain_is_answered_behind_the_last_request() {
    let (mut server, mut telephone, _) = pair();
    let status =
        Control::TunnelStatus(TunnelStatus { status: Status::Active, stats: Stats::default(), spread_ms: None });
    server.line.send_control(status.clone()).unwrap();
    assert_eq!(telephone.control.recv().await, Some(status));
    let (_, _answer) = server.line.open(&get("/"), true).unwrap();
    telephone.line.send_control(Control::Drain(Drain::default())).unwrap();
    assert_eq!(telephone.control.recv().await, Some(Control::Drain(Drain::default())));
    assert_eq!(server.control.recv().await, Some(Control::Drain(Drain::default())));
    server.line.open(&get("/"), true).unwrap_err();
    assert!(telephone.incoming.next().await.is_some());
}

#[tokio::test]
async fn closing_one_end_ends_both() {
    let (server, telephone, joint) = pair();
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    server.line.close(4005, "paused");
    assert!(matches!(joint.await.unwrap(), LineError::ClosedByUs { code: 4005, .. }));
    assert!(matches!(answer.await.unwrap_err(), StreamError::Line(LineError::ClosedByUs { .. })));
    assert!(telephone.line.is_closed());

    let (server, telephone, joint) = pair();
    telephone.line.close(1000, "done");
    assert!(matches!(joint.await.unwrap(), LineError::PeerClosed { code: 1000, .. }));
    assert!(matches!(server.line.closed().await, LineError::PeerClosed { code: 1000, .. }));
}

#[tokio::test]
async fn who_knows_the_distance_may_tell_it() {
    let (server, _telephone, joint) = joined(&SessionBudget::new(u32::MAX), Settings::default(), Settings::default());
    assert_eq!(server.line.rtt(), None);
    joint.set_rtt(Duration::from_millis(20));
    assert_eq!(server.line.rtt(), Some(Duration::from_millis(20)));
    drop(joint);
    assert!(matches!(server.line.closed().await, LineError::Dropped));
}
