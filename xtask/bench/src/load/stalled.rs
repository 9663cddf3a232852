//! Readers who have stopped reading, beside others on the same line.

use std::time::Duration;

use anyhow::Context;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use super::bulk;
use crate::{http, origin, subjects::Running};

/// How many never read what they have asked for.
const STALLED: usize = 500;
/// What their sockets take, in bytes: all the rest stays with whom is measured.
const WINDOW: u32 = 16 << 10;
/// How long after the last of them has asked nothing moves any more.
const STANDSTILL: Duration = Duration::from_secs(2);
/// On how many connections the others read.
const OTHERS: usize = 8;

/// What is left of the throughput of bodies of 1 MiB on 8 connections beside 500 who never read, as a share of what it is
/// before and after them.
///
/// # Errors
/// When a connection breaks, or the others are held up for good.
pub async fn share(subject: &Running, time: Duration) -> anyhow::Result<f64> {
    let before = speed(subject, time).await?;
    let stalled = stall(subject).await.context("somebody who is not to read could not ask")?;
    let beside = speed(subject, time).await?;
    drop(stalled);
    tokio::time::sleep(STANDSTILL).await;
    let after = speed(subject, time).await?;
    Ok(2.0 * beside / (before + after))
}

async fn speed(subject: &Running, time: Duration) -> anyhow::Result<f64> {
    let bulk = bulk::download(subject, origin::BODY_1M, OTHERS, time).await?;
    Ok(bulk.bytes / bulk.seconds)
}

async fn stall(subject: &Running) -> anyhow::Result<Vec<TcpStream>> {
    let request = http::get(&subject.host, origin::UNREAD);
    let mut stalled = Vec::with_capacity(STALLED);
    for _ in 0..STALLED {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(WINDOW)?;
        let mut stream = socket.connect(subject.address).await?;
        stream.write_all(&request).await?;
        stalled.push(stream);
    }
    tokio::time::sleep(STANDSTILL).await;
    Ok(stalled)
}
