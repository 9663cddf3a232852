//! Requests one after the other on a number of connections, by `wrk`.

use std::{path::Path, process::Stdio};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::{origin, subjects::Running};

/// A load of small requests.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// On how many connections at once.
    pub connections: u32,
    /// Whether each request has a connection of its own.
    pub fresh: bool,
}

/// What `wrk` has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Answers.
    pub requests: f64,
    /// Answers a second.
    pub rate: f64,
    /// The median time to an answer, in microseconds.
    pub p50: f64,
    /// What 99 of 100 answers took at most, in microseconds.
    pub p99: f64,
    /// Connections that broke or could not be made, and answers that did not come in time.
    pub errors: u64,
}

/// Loads the subject for so many seconds.
///
/// # Errors
/// When `wrk` cannot be run, or anything but a success was answered.
pub async fn run(wrk: &Path, subject: &Running, load: Load, seconds: u32) -> anyhow::Result<Seen> {
    // One thread of wrk makes fewer connections a second than a proxy takes, and would be all that is measured.
    let threads = if load.connections > 100 || load.fresh { 2 } else { 1 };
    let mut command = Command::new(wrk);
    command.args(["--latency", "--timeout", "10s"]);
    command.args(["-t", &threads.to_string(), "-c", &load.connections.to_string(), "-d", &format!("{seconds}s")]);
    command.args(["-H", &format!("Host: {}", subject.host)]);
    if load.fresh {
        command.args(["-H", "Connection: close"]);
    }
    command.arg(format!("http://{}{}", subject.address, origin::SMALL));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("wrk ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    parse(&text).with_context(|| format!("wrk said {text:?}"))
}

fn parse(text: &str) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["50%", time] => seen.p50 = microseconds(time)?,
            ["99%", time] => seen.p99 = microseconds(time)?,
            ["Requests/sec:", rate] => seen.rate = rate.parse()?,
            [requests, "requests", "in", ..] => seen.requests = requests.parse()?,
            ["Socket", "errors:", counts @ ..] => {
                let counts = counts.iter().filter_map(|word| word.trim_end_matches(',').parse::<u64>().ok());
                seen.errors = counts.sum();
            }
            ["Non-2xx", .., count] => bail!("{count} answers were no success"),
            _ => {}
        }
    }
    if seen.requests == 0.0 || seen.rate == 0.0 {
        bail!("there was no answer");
    }
    Ok(seen)
}

fn microseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6)];
    let found = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.with_context(|| format!("{text} is no time"))?;
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Running 2s test @ http://127.0.0.1:1/small
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   450.10us   91.01us   3.21ms   91.41%
    Req/Sec    70.60k     2.10k   73.00k    80.00%
  Latency Distribution
     50%  431.00us
     75%  480.00us
     90%  531.00us
     99%    1.25ms
  141207 requests in 2.01s, 20.20MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
Requests/sec:  70252.24
Transfer/sec:     10.05MB
";

    #[test]
    fn a_report_is_understood() {
        let seen = parse(REPORT).expect("a report");
        assert_eq!(seen, Seen { requests: 141_207.0, rate: 70_252.24, p50: 431.0, p99: 1250.0, errors: 4 });
    }

    #[test]
    fn answers_that_are_no_success_are_no_measurement() {
        assert!(parse(&format!("{REPORT}  Non-2xx or 3xx responses: 17\n")).is_err());
        assert!(parse("").is_err());
    }
}
