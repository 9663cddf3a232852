//! How the telephones of this process are sent away: not all at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::endpoint::Endpoint;
use super::session::Session;
use crate::handover::Wanted;

/// From one line that comes back to the next.
const STEP: Duration = Duration::from_millis(10);
/// All have come back after this long, however many they are: requests are held for as long by default.
const LONGEST: Duration = Duration::from_secs(10);
/// How long telephones may take to take part in the closing handshake.
const GOODBYE: Duration = Duration::from_secs(3);

/// Over how long so many lines had better come back.
pub(super) fn spread(lines: usize) -> Duration {
    STEP.saturating_mul(u32::try_from(lines).unwrap_or(u32::MAX)).min(LONGEST)
}

/// Sessions that have not been told to dial again, each with how long it is from its turn to the next one.
struct Queue {
    sessions: VecDeque<(Arc<Session>, Duration)>,
}

impl Queue {
    /// All of them have had their turn within `most`.
    fn of(sessions: &[Arc<Session>], most: Duration) -> Self {
        let counted: Vec<_> = sessions.iter().map(|session| (session, session.lines().len())).collect();
        let lines = counted.iter().map(|(_, lines)| lines).sum::<usize>().max(1);
        let whole = spread(lines).min(most);
        let step = |own: usize| whole.mul_f64(own as f64 / lines as f64);
        Self { sessions: counted.into_iter().map(|(session, own)| (session.clone(), step(own))).collect() }
    }

    /// Tells each when to dial again, for nobody waits for their requests to end.
    fn tell_all(self, deadline: Instant) {
        let mut redial = Duration::ZERO;
        for (session, step) in self.sessions {
            session.drain(deadline, redial);
            redial += step;
        }
    }

    /// Tells each in its turn, and before that those that are asked for, to dial again at once. Until then it serves.
    async fn tell_in_turn(mut self, deadline: Instant, mut wanted: Wanted) {
        let (mut turn, mut asks) = (Instant::now(), true);
        while !self.sessions.is_empty() {
            tokio::select! {
                biased;
                tunnel = wanted.next(), if asks => match tunnel {
                    Some(tunnel) => self.sessions.retain(|(session, _)| {
                        let is_wanted = session.tunnel == tunnel;
                        if is_wanted {
                            session.drain(deadline, Duration::ZERO);
                        }
                        !is_wanted
                    }),
                    None => asks = false,
                },
                () = sleep_until(turn) => {
                    if let Some((session, step)) = self.sessions.pop_front() {
                        session.drain(deadline, Duration::ZERO);
                        turn += step;
                    }
                }
            }
        }
    }
}

impl Endpoint {
    /// Sends all telephones away, waits until what is in flight has ended or `grace` has passed, and then closes what is left.
    ///
    /// They are told to come back one after the other. With a next process, which says what is `wanted` of them, they go one
    /// after the other, too, and serve until then.
    pub async fn drain(&self, grace: Duration, wanted: Option<Wanted>) {
        let deadline = Instant::now() + grace;
        self.stop.cancel();
        self.sessions.close();
        self.registry.stop_holding();
        let sessions = self.registry.all();
        // What is in flight with the last one has as long again.
        let queue = Queue::of(&sessions, grace / 2);
        match wanted {
            Some(wanted) => queue.tell_in_turn(deadline, wanted).await,
            None => queue.tell_all(deadline),
        }
        let idle = async {
            for line in sessions.iter().flat_map(|session| session.lines()) {
                line.line.idle().await;
            }
        };
        if timeout_at(deadline, idle).await.is_err() {
            tracing::warn!("requests were still in flight at the end of the grace period and are cut");
        }
        for session in self.registry.all() {
            session.close(wire::close::GOING_AWAY, "the server is shutting down");
        }
        if timeout(GOODBYE, self.sessions.wait()).await.is_err() {
            tracing::debug!("telephones did not take part in the closing handshake");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_come_back_at_once_and_a_thousand_over_ten_seconds() {
        assert_eq!(spread(0), Duration::ZERO);
        assert_eq!(spread(5), Duration::from_millis(50));
        assert_eq!(spread(1_000), Duration::from_secs(10));
        assert_eq!(spread(usize::MAX), LONGEST);
    }
}
