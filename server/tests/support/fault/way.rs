//! One direction of the connections through a relay.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// How much is read at once, bytes.
const PIECE: usize = 16 * 1024;
/// How many pieces are on their way at once when there is a delay.
const PIECES: usize = 256;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connects to the target.
    Forth,
    /// From the target to whoever has connected.
    Back,
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Properly, as by a program that ends (FIN).
    Close,
    /// At once, as by a router that has forgotten it (RST).
    Reset,
}

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They are passed on.
    #[default]
    Pass,
    /// They stay where they are, and arrive when they may flow again.
    Stall,
    /// They are taken and never arrive.
    Swallow,
    /// The receiver is told that there are no more (FIN), and what still comes is dropped.
    Closed,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub flow: Flow,
    /// How much later everything arrives.
    pub delay: Duration,
    /// Bytes per second.
    pub rate: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Way {
    pub rules: watch::Sender<Rules>,
    passed: AtomicU64,
    /// After how many more bytes the connection that carries the last of them ends, and how.
    cut: Mutex<Option<(u64, End)>>,
}

impl Way {
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    pub(super) fn cut_after(&self, bytes: u64, end: End) {
        *self.cut.lock().unwrap() = Some((bytes, end));
    }

    /// Cuts nothing any more; whether there was a cut to come.
    pub(super) fn cut_nothing(&self) -> bool {
        self.cut.lock().unwrap().take().is_some()
    }

    /// How much of `length` bytes may pass, and what comes then.
    fn admit(&self, length: usize) -> (usize, Option<End>) {
        let mut cut = self.cut.lock().unwrap();
        match *cut {
            Some((left, end)) if left <= length as u64 => {
                *cut = None;
                (left as usize, Some(end))
            }
            Some((left, end)) => {
                *cut = Some((left - length as u64, end));
                (length, None)
            }
            None => (length, None),
        }
    }

    /// Carries bytes until there are no more, or until the connection is to be ended.
    pub(super) async fn carry(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<Option<End>> {
        let mut rules = self.rules.subscribe();
        let mut pieces: VecDeque<(Instant, Bytes)> = VecDeque::new();
        let mut ended = false;
        loop {
            let now = *rules.borrow_and_update();
            match now.flow {
                Flow::Pass => {}
                Flow::Stall => {
                    // A relay that is gone changes nothing any more.
                    rules.changed().await.map_err(io::Error::other)?;
                    continue;
                }
                Flow::Swallow => pieces.clear(),
                Flow::Closed => {
                    to.shutdown().await?;
                    while from.read(&mut [0; PIECE]).await? > 0 {}
                    return Ok(None);
                }
            }
            if ended && pieces.is_empty() {
                to.shutdown().await?;
                return Ok(None);
            }
            let mut piece = BytesMut::with_capacity(PIECE);
            tokio::select! {
                _changed = rules.changed() => {}
                () = due(pieces.front()) => {
                    let Some((_, piece)) = pieces.pop_front() else { continue };
                    if let Some(end) = self.pass_on(&piece, &mut to, now.rate).await? {
                        return Ok(Some(end));
                    }
                }
                read = from.read_buf(&mut piece), if !ended && pieces.len() < PIECES => match read? {
                    0 => ended = true,
                    _ => pieces.push_back((Instant::now() + now.delay, piece.freeze())),
                }
            }
        }
    }

    async fn pass_on(&self, piece: &[u8], to: &mut WriteHalf<'_>, rate: Option<u64>) -> io::Result<Option<End>> {
        let (length, end) = self.admit(piece.len());
        to.write_all(&piece[..length]).await?;
        self.passed.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(rate) = rate {
            sleep(Duration::from_secs_f64(length as f64 / rate as f64)).await;
        }
        Ok(end)
    }
}

/// Until a piece may arrive; for ever when there is none.
async fn due(piece: Option<&(Instant, Bytes)>) {
    match piece {
        Some((at, _)) => sleep_until(*at).await,
        None => std::future::pending().await,
    }
}
