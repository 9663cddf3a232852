//! A log of traffic, replayed; and the figures that it must lead to, computed from the log alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::support::{Body, Client, Origin, full, whole};

/// By how much a percentile may be off: the width of a bucket.
const BUCKET: f64 = 0.032;

/// A request as the log has it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: String,
    /// The group that the path belongs to.
    pub group: &'static str,
    pub client: &'static str,
    pub status: u16,
    /// How long the local server takes.
    pub takes: Duration,
    pub sends: usize,
    pub receives: usize,
}

/// Makes a path with a number in it.
type Path = fn(usize) -> String;

/// A request that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub entry: Entry,
    pub id: String,
    /// What the server gave as the reason, when it answered itself.
    pub code: Option<String>,
    /// Which local server answered.
    pub by: String,
    /// From before the request was sent until its answer began.
    pub took: Duration,
}

/// A local server that does what the log says of each request.
pub async fn origin(name: &'static str) -> Origin {
    Origin::start(move |request: Request<Incoming>| async move {
        let number =
            |name: &str| request.headers().get(name).map_or(0, |value| value.to_str().unwrap().parse::<u64>().unwrap());
        let (status, takes, sends) = (number("x-status"), number("x-takes"), number("x-sends"));
        request.into_body().collect().await.unwrap();
        tokio::time::sleep(Duration::from_millis(takes)).await;
        let status = u16::try_from(status).unwrap();
        Response::builder()
            .status(status)
            .header("x-name", name)
            .body(full(vec![b'x'; usize::try_from(sends).unwrap()]))
            .unwrap()
    })
    .await
}

/// A part of a day's traffic; `turn` tells one part from another.
pub fn part(turn: usize) -> Vec<Entry> {
    let kinds: [(Path, &str, u16); 9] = [
        (|_| "/".into(), "/", 200),
        (|n| format!("/users/{n}"), "/users/:id", 200),
        (|n| format!("/users/{n}/orders?page={n}"), "/users/:id/orders", 200),
        (|n| format!("/files/{:032x}", n * 7919 + 1), "/files/:id", 304),
        (|_| "/old".into(), "/old", 301),
        (|n| format!("/missing?token={n}"), "/missing", 404),
        (|_| "/broken".into(), "/broken", 500),
        (|n| format!("/a/0190f5e2-7d3c-7a51-9c3e-{n:012x}"), "/a/:id", 201),
        (|_| "/=1+1".into(), "/=1+1", 200),
    ];
    let clients = ["203.0.113.7", "203.0.113.8", "198.51.100.20", "2001:db8::17"];
    (0..90)
        .map(|n| {
            let (path, group, status) = kinds[(n * n + turn) % kinds.len()];
            Entry {
                path: path(n + turn * 1_000),
                group,
                client: clients[(n * 3 + n / 7) % clients.len()],
                status,
                takes: Duration::from_millis(if n % 10 == 3 { 40 + n as u64 } else { 0 }),
                sends: n * 13 % 700,
                receives: if status == 304 { 0 } else { n * 101 % 3_000 },
            }
        })
        .collect()
}

/// Makes the requests, one after the other.
pub async fn replay(visitor: &Client, log: Vec<Entry>) -> Vec<Made> {
    let mut all = Vec::new();
    for entry in log {
        let request = visitor
            .request(Method::POST, &entry.path)
            .header("x-forwarded-for", entry.client)
            .header("x-status", entry.status)
            .header("x-takes", u64::try_from(entry.takes.as_millis()).unwrap())
            .header("x-sends", entry.receives);
        let began = Instant::now();
        let body = if entry.sends == 0 { Body::default() } else { full(vec![b'y'; entry.sends]) };
        let response = visitor.send(request.body(body).unwrap()).await.unwrap();
        let took = began.elapsed();
        assert_eq!(response.status().as_u16(), entry.status, "{entry:?}");
        let text = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (id, code, by) = (text("x-request-id").unwrap(), text("x-switchboard-error"), text("x-name").unwrap());
        assert_eq!(whole(response).await.len(), entry.receives);
        all.push(Made { entry, id, code, by, took });
    }
    all
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Compares a sample, or the whole of a series, with the log.
pub fn check_sample(sample: &Value, log: &[Made]) {
    for class in 1..=5 {
        let expected = log.iter().filter(|made| made.entry.status / 100 == class).count() as u64;
        assert_eq!(number(&sample["by_status"][format!("{class}xx")]), expected, "{class}xx");
    }
    assert_eq!(number(&sample["bytes_in"]), log.iter().map(|made| made.entry.sends as u64).sum::<u64>());
    assert_eq!(number(&sample["bytes_out"]), log.iter().map(|made| made.entry.receives as u64).sum::<u64>());
    if log.is_empty() {
        assert!(sample["latency_ms"].is_null());
        return;
    }
    // What the local server took is less than what was measured, and what the client waited is more.
    let sorted = |of: fn(&Made) -> Duration| {
        let mut all: Vec<_> = log.iter().map(|made| of(made).as_secs_f64() * 1_000.0).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (least, most) = (sorted(|made| made.entry.takes), sorted(|made| made.took));
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let rank = (share * log.len() as f64).ceil() as usize - 1;
        let measured = sample["latency_ms"][name].as_f64().unwrap();
        let bounds = least[rank] * (1.0 - BUCKET)..=most[rank] * (1.0 + BUCKET) + 0.001;
        assert!(bounds.contains(&measured), "{name} {measured} not in {bounds:?}");
    }
}

/// Compares a series with the log: its whole, and its samples together.
pub fn check_series(series: &Value, log: &[Made]) {
    check_sample(&series["whole"], log);
    let samples = series["samples"].as_array().unwrap();
    let sum = |of: &dyn Fn(&Value) -> u64| samples.iter().map(of).sum::<u64>();
    for class in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
        assert_eq!(sum(&|sample| number(&sample["by_status"][class])), number(&series["whole"]["by_status"][class]));
    }
    for name in ["bytes_in", "bytes_out"] {
        assert_eq!(sum(&|sample| number(&sample[name])), number(&series["whole"][name]));
    }
}

/// Compares a breakdown with the log.
pub fn check_breakdown(breakdown: &Value, log: &[Made]) {
    assert_eq!(number(&breakdown["requests"]), log.len() as u64);
    check_parts(&breakdown["paths"], log, |made| Some(made.entry.group.to_owned()));
    check_parts(&breakdown["clients"], log, |made| Some(made.entry.client.to_owned()));
    check_parts(&breakdown["errors"], log, |made| {
        let status = made.entry.status;
        let code = made.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        (status >= 400).then(|| format!("{status}{code}"))
    });
    check_slowest(breakdown["slowest"].as_array().unwrap(), log);
}

fn check_parts(parts: &Value, log: &[Made], of: fn(&Made) -> Option<String>) {
    let mut expected: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    for made in log {
        let Some(name) = of(made) else { continue };
        let sum = expected.entry(name).or_default();
        sum.0 += 1;
        sum.1 += u64::from((400..500).contains(&made.entry.status));
        sum.2 += u64::from(made.entry.status >= 500);
    }
    let items = parts["items"].as_array().unwrap();
    let named = items.iter().map(|item| {
        let counts = ["requests", "client_errors", "server_errors"].map(|name| number(&item[name]));
        (item["name"].as_str().unwrap().to_owned(), (counts[0], counts[1], counts[2]))
    });
    assert_eq!(named.collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(number(&parts["other"]["requests"]), 0);
    assert!(items.iter().map(|item| number(&item["requests"])).is_sorted_by(|one, other| one >= other));
    for item in items {
        let of_item = || log.iter().filter(|made| of(made).as_deref() == item["name"].as_str());
        let mean = |times: Duration| times.as_secs_f64() * 1_000.0 / of_item().count() as f64;
        let least = mean(of_item().map(|made| made.entry.takes).sum());
        let most = mean(of_item().map(|made| made.took).sum());
        let measured = item["mean_ms"].as_f64().unwrap();
        assert!((least - 0.001..=most + 0.001).contains(&measured), "{item}: {measured} not in {least} to {most}");
    }
}

fn check_slowest(slowest: &[Value], log: &[Made]) {
    assert_eq!(slowest.len(), log.len().min(20));
    let durations: Vec<_> = slowest.iter().map(|slow| slow["duration_ms"].as_f64().unwrap()).collect();
    assert!(durations.is_sorted_by(|one, other| one >= other), "{durations:?}");
    for slow in slowest {
        let made = log.iter().find(|made| made.id == slow["id"].as_str().unwrap()).unwrap();
        assert_eq!(slow["path"].as_str(), made.entry.path.split('?').next(), "without the query");
        assert_eq!((slow["status"].as_u64(), slow["method"].as_str()), (Some(made.entry.status.into()), Some("POST")));
        assert_eq!(slow["client"], made.entry.client);
        let measured = Duration::from_secs_f64(slow["duration_ms"].as_f64().unwrap() / 1_000.0);
        assert!((made.entry.takes..=made.took).contains(&measured), "{slow} {made:?}");
    }
    // Whoever certainly took longer than the fastest of them is among them.
    let fastest = durations.last().copied().unwrap_or_default();
    let must = log.iter().filter(|made| made.entry.takes.as_secs_f64() * 1_000.0 > fastest);
    let named = |made: &&Made| !slowest.iter().any(|slow| slow["id"] == made.id.as_str());
    assert_eq!(must.filter(named).count(), 0);
}
