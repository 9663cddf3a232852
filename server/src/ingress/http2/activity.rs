//! What goes on on a connection, as its bytes tell.

use std::time::Duration;

use tokio::time::Instant;

use super::PREFACE;
use super::budget::Budget;
use super::frames::{Frames, Kind, Seen};

/// How many frames there may be at once that carry nothing of a request or response: PING, SETTINGS, WINDOW_UPDATE,
/// PRIORITY, empty DATA and CONTINUATION, and those nobody knows.
const CHORES: u32 = 10_000;
/// After how long there may be one more.
const CHORE_EACH: Duration = Duration::from_millis(10);
/// How many more there may be for each frame with a part of a request or response: what is received is acknowledged,
/// by the stream and by the connection, and some measure the round trip as they go.
const CHORES_PER_WORK: u32 = 8;
/// How many requests may be taken back at once (CVE-2023-44487), beside one of four.
const RESETS: u32 = 500;
/// After how long there may be one more.
const RESET_EACH: Duration = Duration::from_millis(20);
/// For how many requests there may be one more that is taken back.
const REQUESTS_PER_RESET: u32 = 4;

/// Who knows what has passed in both directions.
#[derive(Debug)]
pub(super) struct Activity {
    inbound: Frames,
    outbound: Frames,
    chores: Budget,
    resets: Budget,
    requests: u32,
    /// When something came of the client last, or it took something that had to wait for it.
    alive: Instant,
    /// Since when something other than a part of a body is on its way and not whole.
    amid: Option<Instant>,
    /// Whether what was to be written had to wait.
    stuck: bool,
    excess: Option<&'static str>,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            inbound: Frames::behind(PREFACE.len()),
            outbound: Frames::behind(0),
            chores: Budget::new(CHORES, CHORE_EACH, now),
            resets: Budget::new(RESETS, RESET_EACH, now),
            requests: 0,
            alive: now,
            amid: None,
            stuck: false,
            excess: None,
        }
    }

    /// The client has sent this.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.alive = now;
        self.inbound.pass(bytes, |seen| match seen {
            Seen::Whole => self.amid = None,
            Seen::Begun(Kind::Headers) => {
                self.chores.give(CHORES_PER_WORK);
                self.requests += 1;
                if self.requests == REQUESTS_PER_RESET {
                    self.requests = 0;
                    self.resets.give(1);
                }
            }
            Seen::Begun(Kind::Data) => self.chores.give(CHORES_PER_WORK),
            Seen::Begun(Kind::Reset) => {
                if !self.resets.take(|| now) {
                    self.excess = Some("it takes too many of its requests back");
                }
            }
            Seen::Begun(Kind::Chore) => {
                if !self.chores.take(|| now) {
                    self.excess = Some("it sends too many frames that carry nothing");
                }
            }
        });
        if self.inbound.is_amid() {
            self.amid.get_or_insert(now);
        } else {
            self.amid = None;
        }
    }

    /// The client's connection has taken this.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.outbound.pass(bytes, |seen| {
            if matches!(seen, Seen::Begun(Kind::Headers | Kind::Data)) {
                self.chores.give(CHORES_PER_WORK);
            }
        });
        if std::mem::take(&mut self.stuck) {
            self.alive = Instant::now();
        }
    }

    /// The client's connection takes nothing for the moment.
    pub(super) fn stuck(&mut self) {
        self.stuck = true;
    }

    /// When there was the last sign of life.
    pub(super) fn alive(&self) -> Instant {
        self.alive
    }

    /// Since when something is on its way of which no part is of use alone.
    pub(super) fn amid(&self) -> Option<Instant> {
        self.amid
    }

    /// What there is too much of.
    pub(super) fn excess(&self) -> Option<&'static str> {
        self.excess
    }
}
