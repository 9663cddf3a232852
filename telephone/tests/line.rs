//! Both ends of a line over a real socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use support::hub::settings;
use support::{collect, get, pattern, request};
use telephone::line::{
    self, ControlReceiver, Head, Incoming, Line, LineError, OpenError, OpenStreamError, SessionBudget, Side, Socket,
    StreamError, pipe,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use wire::control::{Control, Drain, Status, UpdateTunnel};
use wire::frame::ResetCode;
use wire::head::ResponseHead;
use wire::websocket::{Limits, Role};

struct End {
    line: Line,
    incoming: Incoming,
    control: ControlReceiver,
    driver: JoinHandle<LineError>,
}

/// A connection: the server's end and the telephone's.
async fn sockets() -> (TcpStream, TcpStream) {
    sockets_with(TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap()).await
}

/// The same where the kernel takes little that the telephone's end does not read.
async fn narrow_sockets() -> (TcpStream, TcpStream) {
    let (listen, dial) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap());
    listen.set_send_buffer_size(16 * 1024).unwrap();
    dial.set_recv_buffer_size(16 * 1024).unwrap();
    sockets_with(listen, dial).await
}

async fn sockets_with(listen: TcpSocket, dial: TcpSocket) -> (TcpStream, TcpStream) {
    listen.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listen.listen(1).unwrap();
    let near = dial.connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    (far.unwrap().0, near.unwrap())
}

/// The telephone's end as another implementation has it.
async fn tungstenite(stream: TcpStream) -> WebSocketStream<TcpStream> {
    WebSocketStream::from_raw_socket(stream, tungstenite::protocol::Role::Client, None).await
}

fn end(stream: TcpStream, side: Side, settings: line::Settings) -> End {
    end_in(&SessionBudget::new(u32::MAX), stream, side, settings)
}

fn end_in(session: &SessionBudget, stream: TcpStream, side: Side, settings: line::Settings) -> End {
    let role = if side == Side::Server { Role::Server } else { Role::Client };
    let socket = Socket::new(stream, role, Limits::default(), &[]);
    let (line, driver, incoming, control) = line::new_in(session, socket, side, settings);
    End { line, incoming, control, driver: tokio::spawn(driver.run()) }
}

async fn pair() -> (End, End) {
    let (server, telephone) = sockets().await;
    (end(server, Side::Server, settings()), end(telephone, Side::Telephone, settings()))
}

fn response(status: u16) -> ResponseHead {
    ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new() }
}

#[tokio::test]
async fn bodies_stream_both_ways_through_a_slow_reader() {
    let (server, mut telephone) = pair().await;
    let (mut send, answer) = server.line.open(&request(Method::POST, "/"), false).unwrap();
    let body = pattern(1024 * 1024);
    let sending = body.clone();
    let upload = tokio::spawn(async move {
        send.send(sending).await.unwrap();
        send.finish().unwrap();
    });
    let (_, respond, mut arriving) = telephone.incoming.next().await.unwrap();
    let mut leaving = respond.send(&response(200), false).unwrap();
    // Each piece goes back only when the next one is asked for.
    let echo = tokio::spawn(async move {
        while let Some(frame) = arriving.frame().await {
            leaving.send(frame.unwrap().into_data().unwrap()).await.unwrap();
            tokio::task::yield_now().await;
        }
        leaving.finish().unwrap();
    });
    let (head, back) = answer.await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(collect(back).await.unwrap().0, body);
    upload.await.unwrap();
    echo.await.unwrap();
    server.line.idle().await;
    telephone.line.idle().await;
}

#[tokio::test]
async fn a_thousand_streams_at_once() {
    let (server, mut telephone) = pair().await;
    let answering = tokio::spawn(async move {
        let mut waiting = Vec::new();
        while waiting.len() < 1000 {
            waiting.push(telephone.incoming.next().await.unwrap());
        }
        for (head, respond, _) in waiting {
            let mut body = respond.send(&response(200), false).unwrap();
            body.send(Bytes::from(head.target.to_string())).await.unwrap();
            body.finish().unwrap();
        }
        telephone
    });
    let answers: Vec<_> = (0..1000).map(|n| server.line.open(&get(&format!("/{n}")), true).unwrap().1).collect();
    for (n, answer) in answers.into_iter().enumerate() {
        let (_, body) = answer.await.unwrap();
        assert_eq!(support::text(body).await, format!("/{n}"));
    }
    answering.await.unwrap();
    assert_eq!(server.line.active_streams(), 0);
}

#[tokio::test]
async fn the_lines_of_a_session_share_its_streams() {
    let session = SessionBudget::new(3);
    let (near, far) = (sockets().await, sockets().await);
    let one = end_in(&session, near.0, Side::Server, settings());
    let other = end_in(&session, far.0, Side::Server, settings());
    let mut ends = [near.1, far.1].map(|socket| end(socket, Side::Telephone, settings()));
    let first = one.line.open(&get("/"), true).unwrap();
    let more = (one.line.open(&get("/"), true).unwrap(), other.line.open(&get("/"), true).unwrap());
    for line in [&one.line, &other.line] {
        let refused = line.open(&get("/"), true).unwrap_err();
        assert!(matches!(refused, OpenStreamError::Refused(OpenError::TooManyStreams)), "{refused:?}");
    }
    assert!(session.is_full());
    // What has ended on one of them makes room on the other.
    let (_, respond, _) = ends[0].incoming.next().await.unwrap();
    respond.send(&response(204), true).unwrap();
    assert_eq!(first.1.await.unwrap().0.status, 204);
    let _again = other.line.open(&get("/"), true).unwrap();
    assert!(session.is_full());
    // And what was on a line that is lost.
    one.driver.abort();
    one.line.closed().await;
    drop(more);
    assert!(!session.is_full());
}

const KIB: usize = 1024;
/// Responses on each of two lines, each of as much as the first window of a stream takes, and how much one line may hold.
const UNREAD: usize = 40;
const HELD: usize = KIB * KIB;

/// Responses that nobody reads, and the telephone's end of their line.
async fn unread(session: &SessionBudget) -> (End, End, Vec<telephone::line::RecvBody>) {
    let window = wire::control::Limits { connection_window: 256 * 1024, ..wire::control::Limits::default() };
    let mux = wire::mux::Settings { max_held: HELD, ..wire::mux::Settings::new(window, window) };
    let few = line::Settings { mux, ..settings() };
    let (near, far) = sockets().await;
    let server = end_in(session, near, Side::Server, few);
    let mut telephone = end(far, Side::Telephone, few);
    let mut bodies = Vec::new();
    for _ in 0..UNREAD {
        let (_, answer) = server.line.open(&get("/"), true).unwrap();
        let (_, respond, _) = telephone.incoming.next().await.unwrap();
        let mut leaving = respond.send(&response(200), false).unwrap();
        tokio::spawn(async move {
            leaving.send(pattern(64 * KIB)).await.unwrap();
            leaving.finish().unwrap();
        });
        bodies.push(answer.await.unwrap().1);
    }
    while telephone.line.pressure().starved == 0 || server.line.pressure().held < 256 * KIB {
        tokio::task::yield_now().await;
    }
    (server, telephone, bodies)
}

#[tokio::test]
async fn the_lines_of_a_session_share_what_lies_unread() {
    let session = SessionBudget::new(u32::MAX);
    let (one, _its_telephone, read_first) = unread(&session).await;
    while one.line.pressure().held < HELD {
        tokio::task::yield_now().await;
    }
    let (other, _its_other_telephone, read_last) = unread(&session).await;
    let held = [&one, &other].map(|end| end.line.pressure().held);
    // Each has besides what its window lets through.
    assert!(held[1] <= (256 + 256 + 64) * KIB && held[0] <= HELD + (256 + 64) * KIB, "{held:?}");
    // All at once: what one of them waits for may be held back for what the others have not read.
    let mut reading: JoinSet<_> = read_first.into_iter().chain(read_last).map(collect).collect();
    while let Some(read) = reading.join_next().await {
        assert_eq!(read.unwrap().unwrap().0.len(), 64 * KIB);
    }
}

#[tokio::test]
async fn informational_heads_and_trailers_arrive() {
    let (server, mut telephone) = pair().await;
    let (_, mut answer) = server.line.open(&get("/"), true).unwrap();
    let (_, mut respond, _) = telephone.incoming.next().await.unwrap();
    respond.informational(&response(103)).unwrap();
    let mut body = respond.send(&response(200), false).unwrap();
    body.send(Bytes::from_static(b"body")).await.unwrap();
    let trailers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("x"))]);
    body.trailers(&trailers).unwrap();
    assert!(matches!(answer.next_head().await.unwrap(), Head::Informational(head) if head.status == 103));
    let (_, body) = answer.await.unwrap();
    assert_eq!(collect(body).await.unwrap(), (Bytes::from_static(b"body"), trailers));
}

#[tokio::test]
async fn a_body_that_is_dropped_is_never_taken_for_a_whole_one() {
    let (server, mut telephone) = pair().await;
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, respond, _) = telephone.incoming.next().await.unwrap();
    let mut body = respond.send(&response(200), false).unwrap();
    body.send(Bytes::from_static(b"half")).await.unwrap();
    let (_, arriving) = answer.await.unwrap();
    drop(body);
    assert!(matches!(collect(arriving).await, Err(StreamError::Reset(ResetCode::CANCEL))));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_by_the_telephone() {
    let (server, mut telephone) = pair().await;
    // Before the response, and after its head.
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, mut respond, _) = telephone.incoming.next().await.unwrap();
    drop(answer);
    assert!(matches!(respond.reset_received().await, StreamError::Reset(ResetCode::CANCEL)));
    drop(respond);

    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, respond, _) = telephone.incoming.next().await.unwrap();
    let mut body = respond.send(&response(200), false).unwrap();
    drop(answer.await.unwrap());
    assert!(matches!(body.reset_received().await, StreamError::Reset(ResetCode::CANCEL)));
    drop(body);
    assert_eq!(telephone.line.active_streams(), 0);
}

#[tokio::test]
async fn a_request_that_is_turned_away_says_so() {
    let (server, mut telephone) = pair().await;
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, respond, _) = telephone.incoming.next().await.unwrap();
    respond.reset(ResetCode::REFUSED);
    assert!(answer.await.unwrap_err().is_refused());
    drop(telephone.incoming);
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    assert!(answer.await.unwrap_err().is_refused());
}

#[tokio::test]
async fn a_lost_line_fails_every_stream_at_once() {
    let (server, mut telephone) = pair().await;
    let (mut send, waiting) = server.line.open(&request(Method::POST, "/waiting"), false).unwrap();
    let (_, begun) = server.line.open(&get("/begun"), true).unwrap();
    let _kept = telephone.incoming.next().await.unwrap();
    let (_, respond, _) = telephone.incoming.next().await.unwrap();
    let _body = respond.send(&response(200), false).unwrap();
    let (_, body) = begun.await.unwrap();
    telephone.driver.abort();
    assert!(matches!(waiting.await, Err(StreamError::Line(_))));
    assert!(matches!(collect(body).await, Err(StreamError::Line(_))));
    assert!(matches!(send.reset_received().await, StreamError::Line(_)));
    assert!(matches!(server.driver.await.unwrap(), LineError::PeerGone | LineError::Io(_)));
    assert!(matches!(server.line.open(&get("/"), true), Err(OpenStreamError::Line(_))));
}

#[tokio::test]
async fn a_response_that_was_received_survives_the_line() {
    let (server, mut telephone) = pair().await;
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    let (_, respond, _) = telephone.incoming.next().await.unwrap();
    let mut body = respond.send(&response(200), false).unwrap();
    body.send(Bytes::from_static(b"all of it")).await.unwrap();
    body.finish().unwrap();
    let (_, arrived) = answer.await.unwrap();
    telephone.line.close(1000, "done");
    assert!(matches!(server.driver.await.unwrap(), LineError::PeerClosed { code: 1000, reason } if reason == "done"));
    assert!(matches!(telephone.driver.await.unwrap(), LineError::ClosedByUs { code: 1000, .. }));
    assert_eq!(support::text(arrived).await, "all of it");
}

/// A request whose body has no end, and an answer whose body has none.
async fn bulk(server: &Line, telephone: &mut Incoming) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (mut upload, answer) = server.open(&request(Method::POST, "/"), false).unwrap();
    let (_, respond, mut uploaded) = telephone.next().await.unwrap();
    let mut download = respond.send(&response(200), false).unwrap();
    let (_, mut downloaded) = answer.await.unwrap();
    tasks.spawn(async move { while upload.send(pattern(64 * 1024)).await.is_ok() {} });
    tasks.spawn(async move { while download.send(pattern(64 * 1024)).await.is_ok() {} });
    tasks.spawn(async move { while matches!(uploaded.frame().await, Some(Ok(_))) {} });
    tasks.spawn(async move { while matches!(downloaded.frame().await, Some(Ok(_))) {} });
    tasks
}

#[tokio::test(flavor = "multi_thread")]
async fn control_messages_and_the_end_do_not_wait_for_the_end_of_bodies() {
    let (server, mut telephone) = pair().await;
    let bodies = bulk(&server.line, &mut telephone.incoming).await;
    let update = |subdomain: &str| {
        Control::UpdateTunnel(UpdateTunnel { subdomain: Some(subdomain.to_owned()), ..UpdateTunnel::default() })
    };
    for at in 0..100 {
        server.line.send_control(update(&at.to_string())).unwrap();
        assert_eq!(telephone.control.recv().await, Some(update(&at.to_string())));
    }
    telephone.line.send_control(Control::Drain(Drain::default())).unwrap();
    assert_eq!(telephone.control.recv().await, Some(Control::Drain(Drain::default())));
    server.line.send_control(update("last")).unwrap();
    server.line.close(4006, "the token was revoked");
    assert_eq!(telephone.control.recv().await, Some(update("last")));
    assert!(matches!(telephone.driver.await.unwrap(), LineError::PeerClosed { code: 4006, .. }));
    assert!(matches!(server.driver.await.unwrap(), LineError::ClosedByUs { code: 4006, .. }));
    bodies.join_all().await;
}

#[tokio::test]
async fn a_line_is_closed_though_the_peer_reads_nothing() {
    let (server, telephone) = narrow_sockets().await;
    let server = end(server, Side::Server, settings());
    let path = format!("/{}", "x".repeat(8_000));
    let _streams: Vec<_> = (0..100).map(|_| server.line.open(&get(&path), true).unwrap()).collect();
    server.line.close(4006, "the token was revoked");
    assert!(matches!(server.driver.await.unwrap(), LineError::ClosedByUs { code: 4006, .. }));
    drop(telephone);
}

#[tokio::test]
async fn draining_is_answered_after_the_last_request() {
    let (server, mut telephone) = pair().await;
    let (_, answer) = server.line.open(&get("/last"), true).unwrap();
    telephone.line.send_control(Control::Drain(Drain::default())).unwrap();
    assert_eq!(telephone.control.recv().await, Some(Control::Drain(Drain::default())));
    let refused = server.line.open(&get("/late"), true).unwrap_err();
    assert!(matches!(refused, OpenStreamError::Refused(OpenError::Draining)));
    let (head, respond, _) = telephone.incoming.next().await.unwrap();
    assert_eq!(head.target, "/last");
    respond.send(&response(204), true).unwrap();
    assert_eq!(answer.await.unwrap().0.status, 204);
}

#[tokio::test]
async fn an_upgraded_stream_is_a_pipe_with_half_close() {
    let (server, mut telephone) = pair().await;
    let mut head = get("/");
    head.upgrade = Some(HeaderValue::from_static("echo"));
    let (send, answer) = server.line.open(&head, false).unwrap();
    let (head, respond, recv) = telephone.incoming.next().await.unwrap();
    assert_eq!(head.upgrade.unwrap(), "echo");
    let (mut backend, telephone_io) = duplex(64);
    let body = respond.send(&response(101), false).unwrap();
    let far = tokio::spawn(pipe(body, recv, telephone_io));
    let (head, recv) = answer.await.unwrap();
    assert_eq!(head.status, 101);
    let (mut client, server_io) = duplex(64);
    let near = tokio::spawn(pipe(send, recv, server_io));

    let sent = pattern(300_000);
    let writing = async {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (_, read) = tokio::join!(writing, backend.read_to_end(&mut received));
    read.unwrap();
    assert_eq!(received, sent);
    // The other direction is still open.
    backend.write_all(b"and back").await.unwrap();
    backend.shutdown().await.unwrap();
    let mut back = String::new();
    client.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "and back");
    assert_eq!(near.await.unwrap().unwrap(), (300_000, 8));
    assert_eq!(far.await.unwrap().unwrap(), (8, 300_000));
}

#[tokio::test]
async fn control_messages_arrive_and_heartbeats_measure_the_way() {
    let (server, mut telephone) = pair().await;
    let update = Control::UpdateTunnel(UpdateTunnel { status: Some(Status::Paused), ..UpdateTunnel::default() });
    server.line.send_control(update.clone()).unwrap();
    assert_eq!(telephone.control.recv().await, Some(update));
    // The first ping went before the message, so its answer comes back soon; streams go on meanwhile.
    while server.line.rtt().is_none() {
        let (_, answer) = server.line.open(&get("/"), true).unwrap();
        telephone.incoming.next().await.unwrap().1.send(&response(204), true).unwrap();
        answer.await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_given_up() {
    let (server, _silent) = sockets().await;
    let heartbeat = Duration::from_millis(20);
    let server = end(server, Side::Server, line::Settings { heartbeat, ..settings() });
    let (_, answer) = server.line.open(&get("/"), true).unwrap();
    assert!(matches!(server.driver.await.unwrap(), LineError::HeartbeatLost));
    assert!(matches!(answer.await, Err(StreamError::Line(LineError::HeartbeatLost))));
}

#[tokio::test]
async fn a_peer_that_talks_but_takes_nothing_is_given_up() {
    let (server, deaf) = narrow_sockets().await;
    let mut deaf = tungstenite(deaf).await;
    let heartbeat = Duration::from_millis(50);
    let server = end(server, Side::Server, line::Settings { heartbeat, ..settings() });
    let talking = tokio::spawn(async move {
        let mut pulse = tokio::time::interval(Duration::from_millis(20));
        while deaf.send(Message::text(r#"{"type":"ready"}"#)).await.is_ok() {
            pulse.tick().await;
        }
    });
    let mut control = server.control;
    tokio::spawn(async move { while control.recv().await.is_some() {} });
    let (mut send, _answer) = server.line.open(&request(Method::POST, "/"), false).unwrap();
    send.send(pattern(64 * 1024)).await.unwrap();
    assert!(matches!(server.driver.await.unwrap(), LineError::WriteStalled));
    talking.abort();
}

#[tokio::test]
async fn garbage_ends_the_line_with_a_reason() {
    for (message, part) in [
        (Message::binary(vec![0xff; 20]), "unknown frame kind"),
        (Message::binary(vec![3, 0, 0, 1, 0, 0, 0, 9, 1]), "never opened"),
        (Message::text("garbage"), "malformed control message"),
        (Message::text(r#"{"type":"http_request"}"#), "unknown control message type"),
    ] {
        let (server, peer) = sockets().await;
        let mut peer = tungstenite(peer).await;
        let server = end(server, Side::Server, settings());
        peer.send(message).await.unwrap();
        let close = loop {
            match peer.next().await.unwrap().unwrap() {
                Message::Close(close) => break close.unwrap(),
                _ => continue,
            }
        };
        assert_eq!(u16::from(close.code), wire::close::PROTOCOL);
        assert!(close.reason.contains(part), "{}", close.reason);
        drop(peer);
        let reason = server.driver.await.unwrap();
        assert!(matches!(reason, LineError::Protocol(_) | LineError::BadControl(_)), "{reason}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_line() {
    let (server, peer) = sockets().await;
    let server = end(server, Side::Server, settings());
    let mut peer = tungstenite(peer).await;
    peer.feed(Message::binary(vec![0; 1536 * 1024])).await.unwrap();
    let _cut = peer.flush().await;
    assert!(matches!(server.driver.await.unwrap(), LineError::WebSocket(_) | LineError::Io(_)));
}
