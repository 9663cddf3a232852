//! The network that fails, by itself: what the other tests rely on.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::fault::{Direction, End, Flow, Relay};
use crate::support::within;

const SOON: Duration = Duration::from_secs(5);

/// Both ends of one connection through a relay.
async fn connected() -> (Relay, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::to(listener.local_addr().unwrap()).await;
    let near = TcpStream::connect(relay.address).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (relay, near, far)
}

async fn arrives(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    within(SOON, "bytes", stream.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, bytes);
}

#[tokio::test]
async fn a_relay_passes_on_what_it_is_not_told_to_break() {
    let (relay, mut near, mut far) = connected().await;
    near.write_all(b"hello").await.unwrap();
    arrives(&mut far, b"hello").await;
    far.write_all(b"hi").await.unwrap();
    arrives(&mut near, b"hi").await;
    // One direction ends, the other goes on.
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    far.write_all(b"more").await.unwrap();
    arrives(&mut near, b"more").await;
    assert_eq!((relay.passed(Direction::Forth), relay.passed(Direction::Back)), (5, 6));
    assert_eq!((relay.accepted(), relay.connections()), (1, 1));
}

#[tokio::test]
async fn a_stalled_network_delivers_when_it_heals() {
    let (relay, mut near, mut far) = connected().await;
    relay.stall();
    near.write_all(b"late").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), far.read(&mut [0])).await;
    assert!(early.is_err(), "something came through");
    relay.heal();
    arrives(&mut far, b"late").await;

    relay.flow(Direction::Forth, Flow::Closed);
    assert_eq!(within(SOON, "the half-close", far.read(&mut [0])).await.unwrap(), 0);
    far.write_all(b"still").await.unwrap();
    arrives(&mut near, b"still").await;
}

#[tokio::test]
async fn a_connection_ends_right_after_the_byte_that_was_named() {
    for end in [End::Close, End::Reset] {
        for cut in 0..=5 {
            let (relay, mut near, mut far) = connected().await;
            relay.cut_after(Direction::Forth, cut, end);
            near.write_all(b"hello").await.unwrap();
            let mut read = Vec::new();
            let outcome = within(SOON, "the end", far.read_to_end(&mut read)).await;
            assert_eq!(read, b"hello"[..cut as usize]);
            assert_eq!(outcome.is_err(), end == End::Reset, "{end:?} after {cut}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn delay_and_rate_are_kept() {
    let (relay, mut near, mut far) = connected().await;
    relay.delay(Direction::Forth, Duration::from_millis(50));
    relay.throttle(Direction::Back, 100_000);
    let begun = Instant::now();
    near.write_all(b"late").await.unwrap();
    arrives(&mut far, b"late").await;
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let begun = Instant::now();
    far.write_all(&[0; 10_000]).await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(near.read_to_end(&mut Vec::new()).await.unwrap(), 10_000);
    assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn all_connections_end_when_they_are_told_to() {
    for end in [End::Close, End::Reset] {
        let (relay, mut near, mut far) = connected().await;
        relay.end_all(end);
        for side in [&mut near, &mut far] {
            let read = within(SOON, "the end", side.read(&mut [0])).await;
            assert_eq!(read.ok(), (end == End::Close).then_some(0), "{end:?}");
        }
    }
}
