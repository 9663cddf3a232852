//! Large bodies, down and up.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::JoinSet;

use crate::{
    http::{self, Connection},
    origin,
    subjects::Running,
};

/// The length of an upload, in bytes.
const UPLOAD: usize = 64 << 20;
/// An upload is sent in pieces of this many bytes.
const PIECE: &[u8] = &[b'x'; 256 << 10];
/// What takes longer than this for one body is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for a body again and again, on a number of connections; how many bytes came a second.
///
/// # Errors
/// When a connection breaks, something other than 200 is answered, or nothing comes any more.
pub async fn download(
    subject: &Running,
    path: &'static str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Bulk> {
    let mut running = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        let (address, request) = (subject.address, http::get(&subject.host, path));
        running.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut bytes = 0;
            while start.elapsed() < time {
                connection.send(&request).await?;
                bytes += tokio::time::timeout(PATIENCE, take(&mut connection)).await.context("a body is stuck")??;
            }
            anyhow::Ok(bytes)
        });
    }
    let mut bytes = 0;
    while let Some(ended) = running.join_next().await {
        bytes += ended??;
    }
    Ok(Bulk { bytes: bytes as f64, seconds: start.elapsed().as_secs_f64() })
}

async fn take(connection: &mut Connection) -> anyhow::Result<u64> {
    let answer = connection.answer().await?;
    if answer.status != 200 {
        bail!("the answer was {}", answer.status);
    }
    connection.skip(answer.length).await?;
    Ok(answer.length)
}

/// Sends 64 MiB again and again on one connection; how many bytes went a second.
///
/// # Errors
/// When the connection breaks, something other than 200 is answered, or nothing goes any more.
pub async fn upload(subject: &Running, time: Duration) -> anyhow::Result<Bulk> {
    let mut connection = Connection::open(subject.address).await?;
    let head = format!("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {UPLOAD}\r\n\r\n", origin::SINK, subject.host);
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < time {
        let sent = async {
            connection.send(head.as_bytes()).await?;
            for _ in 0..UPLOAD / PIECE.len() {
                connection.send(PIECE).await?;
            }
            take(&mut connection).await
        };
        tokio::time::timeout(PATIENCE, sent).await.context("an upload is stuck")??;
        bytes += UPLOAD;
    }
    Ok(Bulk { bytes: bytes as f64, seconds: start.elapsed().as_secs_f64() })
}

/// How much went in which time.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// Bytes of bodies.
    pub bytes: f64,
    /// The time from the first request to the last byte.
    pub seconds: f64,
}
