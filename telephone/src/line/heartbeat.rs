use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, Sleep, sleep_until};

use super::LineError;

/// When to ping, and when to give the peer up.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    timer: Pin<Box<Sleep>>,
    next_ping: Instant,
    heard: Instant,
    /// Since when what was written waits for the peer to take it.
    stalled: Option<Instant>,
    /// The last `ping` sent.
    asked: Option<(u64, Instant)>,
}

impl Heartbeat {
    /// A heartbeat whose first `ping` is due now.
    pub fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self { interval, timer: Box::pin(sleep_until(now)), next_ping: now, heard: now, stalled: None, asked: None }
    }

    /// Something came from the peer.
    pub fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The peer took all that was written, or not.
    pub fn written(&mut self, all: bool) {
        if all {
            self.stalled = None;
        } else if self.stalled.is_none() {
            self.stalled = Some(Instant::now());
            // The deadline of a stall may come before what the timer is set to.
            let deadline = self.deadline();
            self.timer.as_mut().reset(deadline);
        }
    }

    /// A `pong` came: the round-trip time, if it answers the last `ping`.
    pub fn answered(&mut self, timestamp: u64) -> Option<Duration> {
        let (_, asked) = self.asked.take_if(|(sent, _)| *sent == timestamp)?;
        Some(asked.elapsed())
    }

    /// The timestamp of a `ping` to send now, or why the peer is given up.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, LineError>> {
        loop {
            std::task::ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.heard + 2 * self.interval {
                return Poll::Ready(Err(LineError::HeartbeatLost));
            }
            if self.stalled.is_some_and(|since| now >= since + 2 * self.interval) {
                return Poll::Ready(Err(LineError::WriteStalled));
            }
            let due = now >= self.next_ping;
            if due {
                self.next_ping = now + self.interval;
            }
            let deadline = self.deadline();
            self.timer.as_mut().reset(deadline);
            if due {
                let timestamp = unix_millis();
                self.asked = Some((timestamp, now));
                return Poll::Ready(Ok(timestamp));
            }
        }
    }

    /// When something has to be done at the latest.
    fn deadline(&self) -> Instant {
        let lost = self.stalled.map_or(self.heard, |since| since.min(self.heard)) + 2 * self.interval;
        self.next_ping.min(lost)
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
