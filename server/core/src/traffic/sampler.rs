//! Once a second: what was counted becomes a sample, and samples become roll-ups. Takes the time from its caller.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use domain::{LatencySummary, Range, Sample, Series};
use uuid::Uuid;

use super::details::Details;
use super::figures::{Counts, Measured, summarise};
use super::meter::Meter;
use super::types::Lately;

/// All subjects together.
pub(super) const EVERYTHING: Uuid = Uuid::nil();
/// Seconds that the live view shows.
const LIVE: usize = 300;
/// The lengths of the stored steps, seconds.
pub(super) const STEPS: [i64; 2] = [60, 3_600];
/// A pause longer than this is a gap in the figures, seconds.
const PAUSE: i64 = 5;
/// How many finished steps of a subject wait for a database that is away; two hours of minutes.
const MAX_WAITING: usize = 122;

/// How many ended runs wait for a database that is away.
const MAX_ENDED: usize = 64;

/// A stretch of time in which this process measured without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub id: Uuid,
    /// The first second measured.
    pub start: i64,
    /// The end of the last second measured.
    pub until: i64,
}

/// One step that is being filled, or is full and not stored yet.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub run: Uuid,
    pub length: i64,
    pub start: i64,
    pub measured: Measured,
    /// Shared with whoever stores it.
    pub details: Arc<Details>,
    /// Different from what is stored.
    dirty: bool,
}

/// What is known of a tunnel or service, a user, or everything.
#[derive(Debug, Default)]
struct Subject {
    /// Seconds with traffic, oldest first.
    live: VecDeque<Sample>,
    steps: Vec<Step>,
    /// Of the present run.
    totals: Counts,
    totals_dirty: bool,
    in_flight: u64,
}

/// Something to be stored; absolute, so that storing it twice changes nothing.
#[derive(Debug, Default)]
pub(super) struct Unstored {
    pub runs: Vec<Run>,
    pub totals: Vec<(Uuid, Uuid, Counts)>,
    pub steps: Vec<(Uuid, Step)>,
}

/// All that was measured and is kept in memory.
#[derive(Debug)]
pub(super) struct Sampler {
    run: Run,
    /// Runs that ended and are not stored yet.
    ended: Vec<(Run, Vec<(Uuid, Counts)>)>,
    /// The seconds that were measured, oldest first.
    ticks: VecDeque<i64>,
    last: HashMap<Uuid, Counts>,
    subjects: HashMap<Uuid, Subject>,
    /// Since the process was started.
    pub overall: Measured,
}

impl Sampler {
    /// Begins to measure at `now`, seconds since the Unix epoch.
    pub fn new(now: i64) -> Self {
        Self {
            run: Run { id: Uuid::now_v7(), start: now, until: now },
            ended: Vec::new(),
            ticks: VecDeque::new(),
            last: HashMap::new(),
            subjects: HashMap::new(),
            overall: Measured::default(),
        }
    }

    /// Measures the second that ends at `now`. Returns whether it did: a clock that stands still measures nothing, and
    /// what was counted meanwhile belongs to the next second.
    pub fn tick(&mut self, now: i64, meters: &[Arc<Meter>]) -> bool {
        match now - self.run.until {
            0 | -1 => return false,
            passed if !(0..=PAUSE).contains(&passed) => self.begin_run(now - 1),
            _ => {}
        }
        self.measure(now - 1, meters);
        true
    }

    /// Measures the second of which `now` is a part: there will be no other time to do it. What it brought before belongs
    /// to it as well.
    pub fn finish(&mut self, now: i64, meters: &[Arc<Meter>]) {
        if !self.tick(now + 1, meters) {
            self.measure(self.run.until - 1, meters);
        }
    }

    /// What was counted since the last time is of the second that begins at `at`.
    fn measure(&mut self, at: i64, meters: &[Arc<Meter>]) {
        self.run.until = at + 1;
        if self.ticks.back() != Some(&at) {
            self.ticks.push_back(at);
        }
        let from = at - LIVE as i64 + 1;
        while self.ticks.front().is_some_and(|tick| *tick < from) {
            self.ticks.pop_front();
        }
        let mut measured: HashMap<Uuid, (Measured, Details)> = HashMap::new();
        for meter in meters {
            self.read(meter, &mut measured);
        }
        for subject in self.subjects.values_mut() {
            subject.in_flight = 0;
            while subject.live.front().is_some_and(|sample| sample.at < from) {
                subject.live.pop_front();
            }
        }
        if let Some((everything, _)) = measured.get(&EVERYTHING) {
            self.overall.add_in_time(everything);
        }
        for (id, (measured, details)) in measured {
            let run = self.run.id;
            self.subjects.entry(id).or_default().add(run, at, &measured, &details);
        }
    }

    /// What a meter counted since it was last read, for its subject, its owner and everything.
    fn read(&mut self, meter: &Meter, measured: &mut HashMap<Uuid, (Measured, Details)>) {
        let (counts, in_flight) = (meter.counts(), meter.in_flight());
        let last = self.last.insert(meter.subject, counts).unwrap_or_default();
        let new = counts - last;
        if new.is_empty() && in_flight == 0 {
            return;
        }
        let answered = new.by_status.total() > 0;
        let latencies = answered.then(|| meter.take_latencies()).flatten();
        let details = answered.then(|| meter.take_details()).flatten();
        let (held, _) = meter.held_and_retried();
        let new = Measured { counts: new, in_flight, held, latencies };
        for id in meter.subjects() {
            let (sum, all) = measured.entry(id).or_default();
            sum.add_beside(&new);
            details.iter().for_each(|details| all.merge(details));
        }
    }

    /// The clock was changed or the process slept: what follows is not continuous with what went before.
    fn begin_run(&mut self, at: i64) {
        let totals = self.subjects.iter_mut().filter(|(_, subject)| !subject.totals.is_empty());
        let totals = totals.map(|(id, subject)| (*id, std::mem::take(&mut subject.totals))).collect();
        self.ended.push((self.run, totals));
        if self.ended.len() > MAX_ENDED {
            self.ended.remove(0);
        }
        self.run = Run { id: Uuid::now_v7(), start: at, until: at };
        self.ticks.retain(|tick| *tick < at);
        for subject in self.subjects.values_mut() {
            subject.live.retain(|sample| sample.at < at);
        }
    }

    /// Counted in the present run.
    pub fn totals(&self, id: Uuid) -> Counts {
        self.subjects.get(&id).map(|subject| subject.totals).unwrap_or_default()
    }

    /// The runs of this process, whose totals must not be taken from the database.
    pub fn runs(&self) -> Vec<Uuid> {
        self.ended.iter().map(|(run, _)| run.id).chain([self.run.id]).collect()
    }

    /// Counted in runs that ended and are not stored yet.
    pub fn ended_totals(&self, id: Uuid) -> Counts {
        let mut sum = Counts::default();
        for (_, totals) in &self.ended {
            totals.iter().filter(|(subject, _)| *subject == id).for_each(|(_, counts)| sum += *counts);
        }
        sum
    }

    /// Under way when the last second ended.
    pub fn in_flight(&self, id: Uuid) -> u64 {
        self.subjects.get(&id).map_or(0, |subject| subject.in_flight)
    }

    /// The latencies of the last five minutes.
    pub fn latency(&self, id: Uuid) -> Option<LatencySummary> {
        self.latency_of(id, LIVE as i64)
    }

    /// The last minute. Latencies are of this minute of the clock and the one before, as they are kept.
    pub fn lately(&self, id: Uuid) -> Lately {
        let from = self.run.until - STEPS[0];
        let mut lately =
            Lately { p95_ms: self.latency_of(id, STEPS[0]).map(|latency| latency.p95), ..Lately::default() };
        let seconds = self.subjects.get(&id).map(|subject| subject.live.iter().rev()).into_iter().flatten();
        for second in seconds.take_while(|second| second.at >= from) {
            lately.answers += second.by_status.total();
            lately.errors += second.by_status.server_error;
        }
        lately
    }

    fn latency_of(&self, id: Uuid, seconds: i64) -> Option<LatencySummary> {
        // What was measured before the clock was set back may be later than this.
        let (from, until) = (self.run.until - seconds, self.run.until);
        let is_meant = |step: &&Step| step.length == STEPS[0] && step.start + step.length > from && step.start < until;
        let mut sum = Measured::default();
        for step in self.subjects.get(&id)?.steps.iter().filter(is_meant) {
            sum.add_in_time(&step.measured);
        }
        sum.latencies.as_ref().and_then(summarise)
    }

    /// The sample of the second that was measured last; zeros without traffic.
    pub fn latest(&self, id: Uuid) -> Sample {
        let at = self.run.until - 1;
        let sample = self.subjects.get(&id).and_then(|subject| subject.live.back()).filter(|sample| sample.at == at);
        sample.copied().unwrap_or_else(|| Measured::default().sample(at))
    }

    /// The last five minutes.
    pub fn live(&self, id: Uuid) -> Series {
        let mut with_traffic =
            self.subjects.get(&id).map(|subject| subject.live.iter()).into_iter().flatten().peekable();
        let samples = self.ticks.iter().map(|at| {
            while with_traffic.next_if(|sample| sample.at < *at).is_some() {}
            with_traffic.next_if(|sample| sample.at == *at).copied().unwrap_or_else(|| Measured::default().sample(*at))
        });
        let (from, until, samples) =
            (self.run.until - Range::Live.seconds(), self.run.until, samples.collect::<Vec<_>>());
        let mut whole = Sample { at: from, latency_ms: self.latency(id), ..Sample::default() };
        for sample in &samples {
            whole.by_status += sample.by_status;
            whole.bytes_in += sample.bytes_in;
            whole.bytes_out += sample.bytes_out;
            whole.in_flight = whole.in_flight.max(sample.in_flight);
            whole.held = whole.held.max(sample.held);
        }
        Series { step: 1, from, until, samples, whole }
    }

    /// The present run, and the steps of a subject that are in memory.
    pub fn in_memory(&self, id: Uuid) -> (Run, Vec<Step>) {
        (self.run, self.subjects.get(&id).map(|subject| subject.steps.clone()).unwrap_or_default())
    }

    /// What the database does not know yet.
    pub fn unstored(&self) -> Unstored {
        let mut unstored = Unstored { runs: self.ended.iter().map(|(run, _)| *run).collect(), ..Default::default() };
        unstored.runs.push(self.run);
        for (run, totals) in &self.ended {
            unstored.totals.extend(totals.iter().map(|(id, counts)| (*id, run.id, *counts)));
        }
        for (id, subject) in &self.subjects {
            if subject.totals_dirty {
                unstored.totals.push((*id, self.run.id, subject.totals));
            }
            unstored.steps.extend(subject.steps.iter().filter(|step| step.dirty).map(|step| (*id, step.clone())));
        }
        unstored
    }

    /// That was stored. What was counted since then stays to be stored. Returns whether a run is now only in the
    /// database.
    pub fn stored(&mut self, unstored: &Unstored) -> bool {
        let ended = self.ended.len();
        self.ended.retain(|(run, _)| !unstored.runs.contains(run));
        for (id, run, counts) in &unstored.totals {
            if let Some(subject) = self.subjects.get_mut(id) {
                subject.totals_dirty &= *run != self.run.id || subject.totals != *counts;
            }
        }
        for (id, stored) in &unstored.steps {
            let Some(subject) = self.subjects.get_mut(id) else { continue };
            let same =
                |step: &&mut Step| (step.run, step.length, step.start) == (stored.run, stored.length, stored.start);
            if let Some(step) = subject.steps.iter_mut().find(same) {
                step.dirty &= step.measured.counts != stored.measured.counts
                    || (step.measured.in_flight, step.measured.held)
                        != (stored.measured.in_flight, stored.measured.held);
            }
        }
        let recently = self.run.until - LIVE as i64;
        for subject in self.subjects.values_mut() {
            subject.steps.retain(|step| step.dirty || step.start + step.length > recently);
        }
        self.ended.len() < ended
    }

    /// Whether there is nothing in a meter that was not read.
    pub fn has_read(&self, meter: &Meter) -> bool {
        self.last.get(&meter.subject).copied().unwrap_or_default() == meter.counts()
    }

    /// Lets go of a meter's last reading when the meter is gone.
    pub fn keep_meters(&mut self, exists: impl Fn(Uuid) -> bool) {
        self.last.retain(|id, _| exists(*id));
    }
}

impl Subject {
    fn add(&mut self, run: Uuid, at: i64, measured: &Measured, details: &Details) {
        self.live.push_back(measured.sample(at));
        self.in_flight = measured.in_flight;
        self.totals += measured.counts;
        self.totals_dirty = true;
        for length in STEPS {
            let start = at.div_euclid(length) * length;
            let step =
                match self.steps.iter_mut().find(|step| (step.run, step.length, step.start) == (run, length, start)) {
                    Some(step) => step,
                    None => {
                        if self.steps.len() > MAX_WAITING {
                            self.steps.remove(0);
                        }
                        let (measured, details) = (Measured::default(), Arc::default());
                        self.steps.push(Step { run, length, start, measured, details, dirty: true });
                        let last = self.steps.len() - 1;
                        &mut self.steps[last]
                    }
                };
            step.measured.add_in_time(measured);
            if !details.is_empty() {
                Arc::make_mut(&mut step.details).gather(details);
            }
            step.dirty = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::UserId;

    use super::*;

    fn meter() -> Arc<Meter> {
        Arc::new(Meter::new(Uuid::now_v7(), UserId(Uuid::now_v7())))
    }

    fn answer(meter: &Arc<Meter>, status: u16, times: usize) {
        for _ in 0..times {
            meter.begin().answered(status, Duration::from_millis(10));
        }
    }

    #[test]
    fn a_second_is_counted_for_tunnel_owner_and_everything() {
        let (one, other) = (meter(), meter());
        let mut sampler = Sampler::new(1_000);
        answer(&one, 200, 3);
        answer(&other, 503, 1);
        let open = one.begin();
        one.add_bytes_in(7);
        assert!(sampler.tick(1_001, &[one.clone(), other.clone()]));
        let sample = sampler.latest(one.subject);
        assert_eq!((sample.at, sample.by_status.success, sample.bytes_in, sample.in_flight), (1_000, 3, 7, 1));
        assert_eq!(sampler.latest(one.owner.0), sample);
        let everything = sampler.latest(EVERYTHING);
        assert_eq!((everything.by_status.success, everything.by_status.server_error), (3, 1));
        drop(open);
        assert!(sampler.tick(1_002, &[one.clone(), other]));
        assert_eq!(sampler.in_flight(one.subject), 0);
        assert_eq!(sampler.latest(one.subject).by_status.total(), 0);
        assert_eq!(sampler.totals(one.subject).by_status.success, 3);
    }

    #[test]
    fn a_pause_is_a_gap_and_a_clock_set_back_counts_nothing_twice() {
        let meter = meter();
        let meters = [meter.clone()];
        let mut sampler = Sampler::new(1_000);
        answer(&meter, 200, 1);
        assert!(sampler.tick(1_001, &meters));
        assert!(!sampler.tick(1_001, &meters), "the same second again");
        answer(&meter, 200, 2);
        assert!(sampler.tick(1_100, &meters));
        let at: Vec<_> = sampler.live(meter.subject).samples.iter().map(|sample| sample.at).collect();
        assert_eq!(at, [1_000, 1_099]);
        answer(&meter, 200, 4);
        assert!(sampler.tick(900, &meters));
        assert_eq!(sampler.runs().len(), 3);
        let all =
            sampler.ended_totals(meter.subject).by_status.success + sampler.totals(meter.subject).by_status.success;
        assert_eq!(all, 7);
    }

    #[test]
    fn latencies_from_before_the_clock_was_set_back_are_not_of_late() {
        let meter = meter();
        let meters = [meter.clone()];
        let mut sampler = Sampler::new(90_000);
        for _ in 0..100 {
            meter.begin().answered(200, Duration::from_secs(1));
        }
        assert!(sampler.tick(90_001, &meters));
        sampler.stored(&sampler.unstored());
        answer(&meter, 200, 1);
        assert!(sampler.tick(1_000, &meters));
        let p95 = sampler.lately(meter.subject).p95_ms;
        assert!(p95.is_some_and(|p95| (9.0..11.0).contains(&p95)), "{p95:?}");
    }

    #[test]
    fn nothing_is_of_a_second_that_has_not_come() {
        let meter = meter();
        let meters = [meter.clone()];
        let mut sampler = Sampler::new(1_010);
        for _ in 0..3 {
            answer(&meter, 200, 1);
            sampler.finish(1_019, &meters);
        }
        let (run, steps) = sampler.in_memory(meter.subject);
        assert_eq!((run.start, run.until), (1_019, 1_020));
        let minutes: Vec<_> = steps.iter().filter(|step| step.length == STEPS[0]).collect();
        assert_eq!(minutes.len(), 1);
        assert_eq!((minutes[0].start, minutes[0].measured.counts.by_status.success), (960, 3));
    }

    #[test]
    fn only_what_changed_is_stored_again() {
        let meter = meter();
        let meters = [meter.clone()];
        let mut sampler = Sampler::new(1_200);
        answer(&meter, 200, 1);
        sampler.tick(1_201, &meters);
        let first = sampler.unstored();
        assert_eq!(first.steps.len(), 6, "a minute and an hour of tunnel, owner and everything");
        answer(&meter, 200, 1);
        sampler.tick(1_202, &meters);
        sampler.stored(&first);
        assert_eq!(sampler.unstored().totals.len(), 3, "what came after the reading is still to be stored");
        let second = sampler.unstored();
        sampler.stored(&second);
        let nothing = sampler.unstored();
        assert!(nothing.steps.is_empty() && nothing.totals.is_empty());
    }

    #[test]
    fn the_live_view_forgets_what_is_older_than_five_minutes() {
        let meter = meter();
        let meters = [meter.clone()];
        let mut sampler = Sampler::new(0);
        for second in 1..=400 {
            answer(&meter, 200, 1);
            sampler.tick(second, &meters);
        }
        let live = sampler.live(meter.subject);
        assert_eq!((live.samples.len(), live.samples[0].at, live.until), (LIVE, 100, 400));
        assert_eq!(sampler.totals(meter.subject).by_status.success, 400);
    }
}
