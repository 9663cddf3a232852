//! What a meter tells apart besides counting: errors, paths, clients, the slowest requests.
//!
//! Each data plane thread writes to a shard of its own, which only the sampler takes besides it, once a second. So nobody
//! waits, and what was seen before within the second is counted without an allocation.

use std::cell::Cell;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{Breakdown, RequestId, SlowRequest, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::figures::MAX_LATENCY_US;
use super::grouping::group_into;
use super::shares::{Shares, Tallied};

/// How many values are told apart in a second on one thread.
const SEEN: usize = 1_000;
/// How many values are kept of a step; twice as many while it is under way.
const KEPT: usize = 100;
/// How many of the slowest requests are kept.
const SLOWEST: usize = 20;
/// How much of their paths, bytes.
const SHOWN_PATH: usize = 256;
/// The longest code of an error that is told apart, bytes.
const LONGEST_CODE: usize = 64;
/// Threads that have shards of their own; more share them.
const SHARDS: usize = 8;

/// An answered request.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Its id.
    pub id: RequestId,
    /// Its method.
    pub method: &'a str,
    /// Its path; a query is cut off.
    pub path: &'a str,
    /// The client's address.
    pub client: IpAddr,
    /// The final status.
    pub status: u16,
    /// What `X-Switchboard-Error` says, when the answer is not the local server's.
    pub code: Option<&'a str>,
    /// From arrival to response head.
    pub latency: Duration,
}

/// Traffic told apart, over any time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Details {
    errors: Shares<Box<str>>,
    paths: Shares<Box<str>>,
    clients: Shares<IpAddr>,
    slowest: Slowest,
    /// Where names are put together.
    scratch: String,
}

/// The slowest requests, in no order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Slowest(Vec<SlowRequest>);

/// Those of one meter, by thread.
#[derive(Debug, Default)]
pub(super) struct Shards([Mutex<Details>; SHARDS]);

impl Shards {
    /// Counts a request.
    pub fn record(&self, subject: Uuid, request: &Answered<'_>) {
        self.0[shard()].lock().unwrap_or_else(PoisonError::into_inner).record(subject, request);
    }

    /// What was counted since this was last asked for.
    pub fn take(&self) -> Details {
        let mut all = Details::default();
        for shard in &self.0 {
            let taken = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
            all.merge(&taken);
        }
        all
    }
}

/// The shard of this thread.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<Option<usize>> = const { Cell::new(None) });
    MINE.with(|mine| match mine.get() {
        Some(shard) => shard,
        None => {
            let shard = NEXT.fetch_add(1, Relaxed) % SHARDS;
            mine.set(Some(shard));
            shard
        }
    })
}

impl Details {
    fn record(&mut self, subject: Uuid, request: &Answered<'_>) {
        let latency_us = u64::try_from(request.latency.as_micros()).unwrap_or(u64::MAX).min(MAX_LATENCY_US);
        let one = Tallied::one(request.status, latency_us);
        group_into(request.path, &mut self.scratch);
        let path = self.scratch.as_str();
        self.paths.add(path, || path.into(), one, SEEN);
        self.clients.add(&request.client, || request.client, one, SEEN);
        if request.status >= 400 {
            self.scratch.clear();
            // Writing to a `String` does not fail.
            let _ = write!(self.scratch, "{}", request.status);
            if let Some(code) = request.code.filter(|code| is_code(code)) {
                self.scratch.push(' ');
                self.scratch.push_str(code);
            }
            let error = self.scratch.as_str();
            self.errors.add(error, || error.into(), one, SEEN);
        }
        self.slowest.record(subject, request);
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.errors.merge(&other.errors);
        self.paths.merge(&other.paths);
        self.clients.merge(&other.clients);
        self.slowest.merge(&other.slowest);
    }

    /// Adds what was seen in a second, and keeps what a step may keep. The rarest values go, and only now and then, so that
    /// one that has just become frequent stays.
    pub fn gather(&mut self, second: &Self) {
        self.merge(second);
        if [self.errors.len(), self.paths.len(), self.clients.len()].iter().any(|len| *len > 2 * KEPT) {
            self.errors.cut(KEPT);
            self.paths.cut(KEPT);
            self.clients.cut(KEPT);
        }
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.paths.total().requests
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.requests() == 0
    }

    /// As it is shown, with at most so many values of each property.
    pub fn breakdown(&self, (from, until): (i64, i64), most: usize) -> Breakdown {
        let mut slowest = self.slowest.0.clone();
        slowest.sort_by(|one, other| other.duration_ms.total_cmp(&one.duration_ms).then(one.id.0.cmp(&other.id.0)));
        Breakdown {
            from,
            until,
            requests: self.requests(),
            errors: self.errors.parts(most),
            paths: self.paths.parts(most),
            clients: self.clients.parts(most),
            slowest,
        }
    }

    /// As it is stored.
    pub fn encode(&self) -> String {
        let stored = Stored {
            version: VERSION,
            errors: self.errors.ranked(KEPT),
            paths: self.paths.ranked(KEPT),
            clients: self.clients.ranked(KEPT),
            slowest: self.slowest.clone(),
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// What [`encode`](Self::encode) made; whatever else it may be counts as nothing seen.
    pub fn decode(text: &str) -> Self {
        match serde_json::from_str::<Stored>(text) {
            Ok(stored) if stored.version == VERSION => Self {
                errors: Shares::from_ranked(stored.errors),
                paths: Shares::from_ranked(stored.paths),
                clients: Shares::from_ranked(stored.clients),
                slowest: stored.slowest,
                scratch: String::new(),
            },
            _ => Self::default(),
        }
    }
}

/// A word of a few letters, as ours are.
fn is_code(code: &str) -> bool {
    (1..=LONGEST_CODE).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Slowest {
    fn record(&mut self, subject: Uuid, request: &Answered<'_>) {
        let duration_ms = request.latency.as_secs_f64() * 1_000.0;
        if self.0.len() >= SLOWEST && self.0.iter().all(|kept| kept.duration_ms >= duration_ms) {
            return;
        }
        let path = request.path.split('?').next().unwrap_or_default();
        self.push(SlowRequest {
            id: request.id,
            at: Timestamp::from(std::time::SystemTime::now()),
            subject,
            method: request.method.to_owned(),
            path: path[..path.floor_char_boundary(SHOWN_PATH)].to_owned(),
            status: request.status,
            duration_ms,
            client: request.client,
        });
    }

    fn push(&mut self, request: SlowRequest) {
        if self.0.len() < SLOWEST {
            self.0.push(request);
            return;
        }
        let fastest = self.0.iter_mut().min_by(|one, other| one.duration_ms.total_cmp(&other.duration_ms));
        if let Some(fastest) = fastest.filter(|fastest| fastest.duration_ms < request.duration_ms) {
            *fastest = request;
        }
    }

    fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|request| self.push(request.clone()));
    }
}

/// The version of the form below.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(rename = "v")]
    version: u8,
    #[serde(rename = "e")]
    errors: (Vec<(Box<str>, Tallied)>, Tallied),
    #[serde(rename = "p")]
    paths: (Vec<(Box<str>, Tallied)>, Tallied),
    #[serde(rename = "c")]
    clients: (Vec<(IpAddr, Tallied)>, Tallied),
    #[serde(rename = "s")]
    slowest: Slowest,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(path: &'a str, status: u16, code: Option<&'a str>, millis: u64) -> Answered<'a> {
        Answered {
            id: RequestId(Uuid::now_v7()),
            method: "GET",
            path,
            client: IpAddr::from([127, 0, 0, 1]),
            status,
            code,
            latency: Duration::from_millis(millis),
        }
    }

    #[test]
    fn everything_is_told_apart_and_survives_storage() {
        let shards = Shards::default();
        let subject = Uuid::now_v7();
        for (path, status, code, millis) in [
            ("/users/1?secret=x", 200, None, 10),
            ("/users/2", 404, None, 20),
            ("/users/3", 503, Some("tunnel_offline"), 30),
            ("/", 503, Some("<b>no word"), 40),
        ] {
            shards.record(subject, &request(path, status, code, millis));
        }
        let details = shards.take();
        assert!(shards.take().is_empty());
        let seen = details.breakdown((0, 60), 10);
        let names = |parts: &domain::Parts| parts.items.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&seen.errors), ["404", "503", "503 tunnel_offline"]);
        assert_eq!(names(&seen.paths), ["/users/:id", "/"]);
        assert_eq!((seen.paths.items[0].share.requests, seen.paths.items[0].share.mean_ms), (3, Some(20.0)));
        assert_eq!(names(&seen.clients), ["127.0.0.1"]);
        assert_eq!((seen.requests, seen.slowest[0].duration_ms, seen.slowest[3].path.as_str()), (4, 40.0, "/users/1"));
        assert_eq!(Details::decode(&details.encode()).breakdown((0, 60), 10), seen);
        assert!(Details::decode("{}").is_empty() && Details::decode("").is_empty());
    }

    #[test]
    fn a_flood_of_paths_takes_no_more_room_and_is_counted() {
        let shards = Shards::default();
        let mut step = Details::default();
        for second in 0..5 {
            for number in 0..2_000 {
                shards.record(Uuid::nil(), &request(&format!("/scan-{second}-{number}"), 404, None, 1));
                shards.record(Uuid::nil(), &request("/real", 200, None, 1));
            }
            step.gather(&shards.take());
            assert!(step.paths.len() <= 2 * KEPT);
        }
        let seen = step.breakdown((0, 60), 5);
        assert_eq!((seen.requests, seen.paths.requests(), seen.errors.requests()), (20_000, 20_000, 10_000));
        assert_eq!((seen.paths.items[0].name.as_str(), seen.paths.items[0].share.requests), ("/real", 10_000));
        assert_eq!(seen.slowest.len(), SLOWEST);
    }
}
