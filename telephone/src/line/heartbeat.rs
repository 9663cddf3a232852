use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, Sleep, sleep_until};

use super::LineError;

/// How often the way there and back is measured, even when the peer is heard all the time.
const MEASURE: Duration = Duration::from_secs(15);
/// For how many intervals, and for how long at most, a peer that is heard may take nothing of what is written: its
/// network may be slow in this direction only.
const STALL: (u32, Duration) = (15, Duration::from_secs(30));

/// When to ping, and when to give the peer up.
///
/// A peer that was heard within the last interval is not asked, except to measure the way. On a silent line one end
/// asks, and to the other one, which waits a little longer, the `ping` is as good as an answer to its own.
#[derive(Debug)]
pub struct Heartbeat {
    pulse: Pulse,
    timer: Pin<Box<Sleep>>,
    /// The last `ping` sent.
    asked: Option<(u64, Instant)>,
}

impl Heartbeat {
    /// For the end that asks on a silent line, the server's. The peer is heard now.
    pub fn new(interval: Duration) -> Self {
        Self::of(Pulse::new(interval, interval, Instant::now()))
    }

    /// For the end that asks only if it has not been asked.
    pub fn following(interval: Duration) -> Self {
        Self::of(Pulse::new(interval, interval + interval / 4, Instant::now()))
    }

    fn of(pulse: Pulse) -> Self {
        let timer = Box::pin(sleep_until(pulse.deadline()));
        Self { pulse, timer, asked: None }
    }

    /// Something came from the peer.
    pub fn heard(&mut self) {
        self.pulse.heard(Instant::now());
    }

    /// The peer took all that was written, or not.
    pub fn written(&mut self, all: bool) {
        if all {
            self.pulse.stalled = None;
        } else if self.pulse.stalled.is_none() {
            self.pulse.stalled = Some(Instant::now());
        }
    }

    /// A `pong` came: the round-trip time, if it answers the last `ping`.
    pub fn answered(&mut self, timestamp: u64) -> Option<Duration> {
        let (_, asked) = self.asked.take_if(|(sent, _)| *sent == timestamp)?;
        Some(asked.elapsed())
    }

    /// Whether the peer was asked and has not answered for half an interval.
    pub fn is_silent(&self) -> bool {
        self.pulse.silent
    }

    /// The timestamp of a `ping` to send now, or why the peer is given up. What is there to be read has been read.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, LineError>> {
        loop {
            std::task::ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let due = self.pulse.beat(now, now.duration_since(self.timer.deadline()));
            let deadline = self.pulse.deadline();
            self.timer.as_mut().reset(deadline);
            if due? {
                let timestamp = unix_millis();
                self.asked = Some((timestamp, now));
                return Poll::Ready(Ok(timestamp));
            }
        }
    }
}

/// The times of a heartbeat, without a clock.
#[derive(Debug)]
struct Pulse {
    interval: Duration,
    /// After how much silence the peer is asked.
    ask_after: Duration,
    heard: Instant,
    /// Nothing has come for so long that this peer is not the one to turn to.
    silent: bool,
    /// When a silent peer is asked.
    next_ping: Instant,
    next_measure: Instant,
    /// Since when what was written waits for the peer to take it.
    stalled: Option<Instant>,
}

impl Pulse {
    fn new(interval: Duration, ask_after: Duration, now: Instant) -> Self {
        Self {
            interval,
            ask_after,
            heard: now,
            silent: false,
            next_ping: now + ask_after,
            next_measure: now,
            stalled: None,
        }
    }

    fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.silent = false;
        self.next_ping = now + self.ask_after;
    }

    /// Whether the peer is to be asked at `now`, which is `late` after the last [`deadline`](Self::deadline).
    fn beat(&mut self, now: Instant, late: Duration) -> Result<bool, LineError> {
        if late > self.interval / 4 {
            // Time in which this end did not run, because it was starved or stopped, is not held against the peer.
            self.heard += late;
            self.stalled = self.stalled.map(|since| since + late);
        }
        if now >= self.heard + 2 * self.interval {
            return Err(LineError::HeartbeatLost);
        }
        if self.stalled.is_some_and(|since| now >= since + self.patience()) {
            return Err(LineError::WriteStalled);
        }
        self.silent = now >= self.silent_from();
        let due = now >= self.next_ping.min(self.next_measure);
        if due {
            self.next_ping = now + self.ask_after;
            self.next_measure = now + MEASURE.max(self.interval);
        }
        Ok(due)
    }

    fn silent_from(&self) -> Instant {
        self.heard + self.ask_after + self.interval / 2
    }

    fn patience(&self) -> Duration {
        (STALL.0 * self.interval).min(STALL.1).max(2 * self.interval)
    }

    /// When something has to be looked at. What is heard or written until then puts it off.
    fn deadline(&self) -> Instant {
        let lost = self.heard + 2 * self.interval;
        let lost = self.stalled.map_or(lost, |since| lost.min(since + self.patience()));
        let next = if self.silent { lost } else { lost.min(self.silent_from()) };
        next.min(self.next_ping).min(self.next_measure)
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    /// What happens at the next deadline, and when that is, in milliseconds since `start`.
    fn next(pulse: &mut Pulse, start: Instant) -> (u128, Result<bool, LineError>) {
        let at = pulse.deadline();
        (at.duration_since(start).as_millis(), pulse.beat(at, Duration::ZERO))
    }

    #[test]
    fn a_silent_peer_is_asked_once_and_then_given_up() {
        for ask_after in [2000, 2500] {
            let start = Instant::now();
            let mut pulse = Pulse::new(INTERVAL, Duration::from_millis(ask_after as u64), start);
            assert!(matches!(next(&mut pulse, start), (0, Ok(true))), "the way is measured at once");
            pulse.heard(start);
            assert!(matches!(next(&mut pulse, start), (at, Ok(true)) if at == ask_after));
            assert!(matches!(next(&mut pulse, start), (at, Ok(false)) if at == ask_after + 1000));
            assert!(pulse.silent);
            assert!(matches!(next(&mut pulse, start), (4000, Err(LineError::HeartbeatLost))));
        }
    }

    #[test]
    fn a_peer_that_is_heard_is_asked_only_to_measure_the_way() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, INTERVAL, start);
        let beats = (0..60).map(|second| {
            let now = start + Duration::from_secs(second);
            pulse.heard(now);
            pulse.beat(now, Duration::ZERO)
        });
        assert_eq!(beats.filter(|beat| matches!(beat, Ok(true))).count(), 4);
    }

    #[test]
    fn time_in_which_this_end_stood_still_does_not_count() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, INTERVAL, start);
        assert!(pulse.beat(start, Duration::ZERO).is_ok());
        let late = Duration::from_secs(60);
        assert!(matches!(pulse.beat(start + INTERVAL + late, late), Ok(true)));
        assert!(matches!(next(&mut pulse, start), (63_000, Ok(false))));
        assert!(matches!(next(&mut pulse, start), (64_000, Err(LineError::HeartbeatLost))));
    }

    #[test]
    fn a_peer_that_is_heard_may_take_its_time_to_read() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, INTERVAL, start);
        pulse.stalled = Some(start);
        for second in 1..30 {
            let now = start + Duration::from_secs(second);
            pulse.heard(now);
            assert!(pulse.beat(now, Duration::ZERO).is_ok());
        }
        let now = start + Duration::from_secs(30);
        pulse.heard(now);
        assert!(matches!(pulse.beat(now, Duration::ZERO), Err(LineError::WriteStalled)));
    }
}
