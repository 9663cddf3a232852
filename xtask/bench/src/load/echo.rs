//! WebSocket messages that come back.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use super::frames;
use crate::{http::Connection, origin, subjects::Running};

const CONNECTIONS: usize = 8;
/// How many messages of each connection are under way.
const IN_FLIGHT: usize = 32;
const MESSAGE: &[u8] = &[b'm'; 100];
const MASK: Option<[u8; 4]> = Some([0x1f, 0x2e, 0x3d, 0x4c]);
/// A message that does not come back within this time is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps 32 messages in flight on each of 8 connections; how many came back, in which time (seconds).
///
/// # Errors
/// When a connection is not upgraded, breaks, or loses a message.
pub async fn run(subject: &Running, time: Duration) -> anyhow::Result<(f64, f64)> {
    let mut running = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(subject.address).await?;
        running.spawn(echo(connection, subject.host.clone(), start + time));
    }
    let mut messages = 0;
    while let Some(ended) = running.join_next().await {
        messages += ended??;
    }
    Ok((messages as f64, start.elapsed().as_secs_f64()))
}

async fn echo(mut connection: Connection, host: String, until: Instant) -> anyhow::Result<usize> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        origin::ECHO
    );
    connection.send(request.as_bytes()).await?;
    let answer = connection.answer().await?;
    if answer.status != 101 {
        bail!("the upgrade was answered {}", answer.status);
    }
    let (mut stream, mut read) = connection.into_parts();
    let mut outgoing = Vec::new();
    let (mut messages, mut back) = (0, IN_FLIGHT);
    while Instant::now() < until {
        outgoing.clear();
        (0..back).for_each(|_| frames::put(&mut outgoing, MESSAGE, MASK));
        stream.write_all(&outgoing).await?;
        back = 0;
        while back == 0 {
            let arrived = tokio::time::timeout(PATIENCE, stream.read_buf(&mut read)).await;
            if arrived.context("a message did not come back")?? == 0 {
                bail!("the connection was closed");
            }
            let used = frames::take(&mut read, |_| back += 1);
            read.drain(..used);
        }
        messages += back;
    }
    Ok(messages)
}
