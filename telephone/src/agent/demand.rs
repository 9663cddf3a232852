//! How many lines there is work for.

use std::time::Duration;

use tokio::time::Instant;

/// How often the work of all lines is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// One more line is opened when each has this many requests under way, or more; fewer go out together on a line of
/// their own, which costs more for each.
const CROWD: usize = 48;
/// And when the threads of the lines have worked for this part of the time. Requests that merely wait, for events that
/// are still to happen, need no second line, however many they are.
const BUSY: f64 = 0.5;
/// The last line is let go when the others would have no more requests than this each …
const FEW: usize = 24;
/// … or work for no more than this part of the time, with what it has done …
const IDLE: f64 = 0.4;
/// … and it has been so for this long.
pub(super) const QUIET: Duration = Duration::from_secs(60);

/// How many lines are kept open at least and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// The number there is from the start.
    pub least: usize,
    /// What it grows to when there is work for so many.
    pub most: usize,
    /// How long there has to be little work before it shrinks.
    pub quiet: Duration,
}

/// What the lines have done since they were looked at last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// How many lines are to be open.
    pub kept: usize,
    /// How many are.
    pub open: usize,
    /// Requests under way on all of them.
    pub streams: usize,
    /// For how long their threads together have worked since their start.
    pub busy: Duration,
}

/// What is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// One line more.
    More,
    /// One line fewer.
    Fewer,
}

/// Says how many lines there is work for.
#[derive(Debug)]
pub(super) struct Demand {
    lines: Lines,
    /// When it was asked last, and how long the threads had worked by then.
    last: Option<(Instant, Duration)>,
    /// Since when there has been little work.
    quiet_since: Option<Instant>,
}

impl Demand {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, last: None, quiet_since: None }
    }

    /// Looks at what was done until `now`.
    pub(super) fn look(&mut self, now: Instant, work: Work) -> Change {
        let Some((then, before)) = self.last.replace((now, work.busy)) else { return Change::None };
        let passed = now.duration_since(then).as_secs_f64().max(f64::EPSILON);
        // How many threads' work it was.
        let busy = work.busy.saturating_sub(before).as_secs_f64() / passed;
        if self.wants_more(&work, busy) {
            self.quiet_since = None;
            return Change::More;
        }
        if !self.could_do_with_fewer(&work, busy) {
            self.quiet_since = None;
            return Change::None;
        }
        let since = *self.quiet_since.get_or_insert(now);
        if now.duration_since(since) < self.lines.quiet {
            return Change::None;
        }
        // The next one stays for as long again.
        self.quiet_since = None;
        Change::Fewer
    }

    /// A line that is not open yet is waited for before another one is.
    fn wants_more(&self, work: &Work, busy: f64) -> bool {
        let crowded = work.streams >= CROWD * work.kept && busy >= BUSY * threads(work.kept);
        work.kept < self.lines.most && work.open >= work.kept && crowded
    }

    fn could_do_with_fewer(&self, work: &Work, busy: f64) -> bool {
        let others = work.kept.saturating_sub(1);
        others >= self.lines.least && (work.streams <= FEW * others || busy <= IDLE * threads(others))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a telephone has no more than 16")]
fn threads(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Lines = Lines { least: 1, most: 3, quiet: QUIET };

    /// Looks every half second at lines that work as `busy` says, in threads, for so long; what changed, and how often.
    struct Watched {
        demand: Demand,
        now: Instant,
        busy: Duration,
        kept: usize,
        open: Option<usize>,
    }

    impl Watched {
        fn new() -> Self {
            Self { demand: Demand::new(LINES), now: Instant::now(), busy: Duration::ZERO, kept: 1, open: None }
        }

        fn work(&mut self, seconds: u32, streams: usize, busy: f64) -> usize {
            for _ in 0..seconds * 2 {
                self.now += LOOK;
                self.busy += LOOK.mul_f64(busy);
                let work = Work { kept: self.kept, open: self.open.unwrap_or(self.kept), streams, busy: self.busy };
                match self.demand.look(self.now, work) {
                    Change::None => {}
                    Change::More => self.kept += 1,
                    Change::Fewer => self.kept -= 1,
                }
            }
            self.kept
        }
    }

    #[test]
    fn many_requests_that_keep_the_thread_busy_get_more_lines() {
        let mut watched = Watched::new();
        assert_eq!(watched.work(10, 60, 0.9), 1 + 1, "60 are enough for two, and too few for three");
        assert_eq!(watched.work(10, 250, 1.9), 3, "as many as there may be");
        assert_eq!(watched.work(10, 2000, 2.9), 3);
    }

    #[test]
    fn neither_many_that_wait_nor_few_that_work_do() {
        let mut watched = Watched::new();
        assert_eq!(watched.work(60, 2000, 0.05), 1, "streams of events");
        assert_eq!(watched.work(60, 4, 1.0), 1, "large downloads");
        assert_eq!(watched.work(60, 32, 0.9), 1);
    }

    #[test]
    fn a_line_that_does_not_open_is_waited_for() {
        let mut watched = Watched::new();
        watched.open = Some(1);
        assert_eq!(watched.work(60, 2000, 1.0), 2);
    }

    #[test]
    fn lines_are_let_go_one_by_one_when_it_has_been_quiet_for_a_while() {
        let mut watched = Watched::new();
        assert_eq!(watched.work(10, 500, 3.0), 3);
        assert_eq!(watched.work(59, 0, 0.0), 3);
        assert_eq!(watched.work(1, 500, 3.0), 3, "there is work again, so that the minute begins anew");
        assert_eq!(watched.work(59, 0, 0.0), 3);
        assert_eq!(watched.work(2, 0, 0.0), 2);
        assert_eq!(watched.work(300, 0, 0.0), 1);
        assert_eq!(watched.work(10, 60, 0.9), 2);
    }

    #[test]
    fn what_has_brought_a_line_keeps_it() {
        let mut watched = Watched::new();
        assert_eq!(watched.work(10, 60, 0.6), 2);
        assert_eq!(watched.work(600, 60, 0.6), 2);
        assert_eq!(watched.work(600, 30, 0.5), 2);
    }

    #[test]
    fn a_fixed_number_stays() {
        let mut watched = Watched::new();
        watched.demand = Demand::new(Lines { least: 1, most: 1, quiet: QUIET });
        assert_eq!(watched.work(60, 2000, 1.0), 1);
        assert_eq!(watched.work(600, 0, 0.0), 1);
    }
}
