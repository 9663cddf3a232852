//! What a page knows from its live socket: a snapshot, kept up to date by deltas. Everything has a fixed size.

use crate::{
    format,
    summary::{Metric, Summary},
};
use domain::{
    BackendId, BackendLive, LiveDelta, LiveSnapshot, LiveUpdate, Range, RecentRequest, RuleId, RuleNow, Sample,
    TelephoneSession, TunnelDelta, TunnelId, TunnelNow, TunnelStats, TunnelStatus,
};
use std::collections::{HashMap, VecDeque};

/// Points of a sparkline, one a second.
pub const SPARK_POINTS: usize = 60;
/// Requests in the list of the latest ones.
pub const RECENT: usize = 50;

/// The state of a page's live parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveState {
    /// Whether a snapshot was received; until then a page shows what the server rendered.
    pub known: bool,
    /// Whether the tunnel of the page was deleted.
    pub gone: bool,
    /// The last five minutes, in the order of time.
    pub samples: VecDeque<Sample>,
    /// The end of the last second that was measured, seconds since the Unix epoch.
    pub until: i64,
    /// Each tunnel, now and in the last minute.
    pub tunnels: HashMap<TunnelId, Trace>,
    /// The latest requests, newest first.
    pub recent: VecDeque<RecentRequest>,
    /// The telephones of the page's tunnel.
    pub sessions: Vec<TelephoneSession>,
    /// The figures of the page's tunnel.
    pub stats: Option<TunnelStats>,
    /// How the backends of the page's service are doing.
    pub backends: HashMap<BackendId, BackendLive>,
    /// What leads to the page's service.
    pub rules: HashMap<RuleId, RuleNow>,
}

/// A tunnel with its requests in each second since the page was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its present state.
    pub now: TunnelNow,
    /// Requests a second, oldest first.
    pub requests: VecDeque<u64>,
}

impl LiveState {
    /// Takes in a message of the server.
    pub fn apply(&mut self, update: LiveUpdate) {
        match update {
            LiveUpdate::Snapshot(snapshot) => self.replace(snapshot),
            LiveUpdate::Delta(delta) => self.advance(delta),
            // The list of the inspector has them.
            LiveUpdate::Requests(_) => {}
            LiveUpdate::Gone => self.gone = true,
        }
    }

    /// How many tunnels a telephone serves, and how many there are.
    pub fn online(&self) -> (usize, usize) {
        let online = self.tunnels.values().filter(|trace| trace.now.status == TunnelStatus::Online).count();
        (online, self.tunnels.len())
    }

    /// How many requests wait for a telephone.
    pub fn held(&self) -> u64 {
        self.tunnels.values().map(|trace| trace.now.held).sum()
    }

    /// A figure as text.
    pub fn text(&self, metric: Metric) -> String {
        match metric {
            Metric::Online => {
                let (online, all) = self.online();
                format!("{} of {}", format::count(online as u64), format::count(all as u64))
            }
            Metric::InFlight if self.held() > 0 => {
                let all = Summary::of(&self.samples).text(metric).unwrap_or_default();
                format!("{all}, {} waiting for telephone", format::count(self.held()))
            }
            Metric::Telephones => format::count(self.sessions.len() as u64),
            Metric::Retried => {
                self.stats.as_ref().map_or_else(|| format::NOTHING.into(), |stats| format::count(stats.retried))
            }
            _ => Summary::of(&self.samples).text(metric).unwrap_or_default(),
        }
    }

    fn replace(&mut self, snapshot: LiveSnapshot) {
        let mut traces = std::mem::take(&mut self.tunnels);
        self.known = true;
        self.until = snapshot.series.until;
        self.samples = snapshot.series.samples.into();
        self.tunnels = snapshot
            .tunnels
            .into_iter()
            .map(|now| {
                let requests = traces.remove(&now.id).map(|trace| trace.requests).unwrap_or_default();
                (now.id, Trace { now, requests })
            })
            .collect();
        self.recent = snapshot.recent.into();
        self.recent.truncate(RECENT);
        self.detail(snapshot.detail);
        self.backends = snapshot.backends.into_iter().map(|now| (now.id, now.live)).collect();
        self.rules = snapshot.rules.into_iter().map(|now| (now.rule, now)).collect();
    }

    fn advance(&mut self, delta: LiveDelta) {
        self.until = delta.sample.at + Range::Live.step();
        self.samples.push_back(delta.sample);
        let from = self.until - Range::Live.seconds();
        while self.samples.front().is_some_and(|sample| sample.at < from) {
            self.samples.pop_front();
        }
        for now in delta.tunnels {
            let trace = self.tunnels.entry(now.id).or_insert_with(|| Trace { now, requests: VecDeque::new() });
            trace.now = now;
        }
        for id in delta.removed {
            self.tunnels.remove(&id);
        }
        // A tunnel that is not named goes on as it was.
        for trace in self.tunnels.values_mut() {
            trace.requests.push_back(trace.now.requests);
            if trace.requests.len() > SPARK_POINTS {
                trace.requests.pop_front();
            }
        }
        for request in delta.recent.into_iter().rev() {
            self.recent.push_front(request);
        }
        self.recent.truncate(RECENT);
        self.detail(delta.detail);
        self.backends.extend(delta.backends.into_iter().map(|now| (now.id, now.live)));
        self.rules.extend(delta.rules.into_iter().map(|now| (now.rule, now)));
    }

    fn detail(&mut self, detail: Option<TunnelDelta>) {
        let Some(TunnelDelta { tunnel, stats }) = detail else { return };
        self.stats = Some(stats);
        if let Some(tunnel) = tunnel {
            self.sessions = tunnel.sessions;
        }
    }
}

/// A message of the server. As what it is in Rust, serde would keep all of it before it knows the type, and how each part is
/// read would be in the program twice.
#[cfg(any(test, feature = "hydrate"))]
pub fn read(text: &str) -> Option<LiveUpdate> {
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type")]
        name: &'a str,
    }
    let kind = serde_json::from_str::<Kind<'_>>(text).ok()?;
    Some(match kind.name {
        "snapshot" => LiveUpdate::Snapshot(serde_json::from_str(text).ok()?),
        "delta" => LiveUpdate::Delta(serde_json::from_str(text).ok()?),
        "requests" => LiveUpdate::Requests(serde_json::from_str(text).ok()?),
        "gone" => LiveUpdate::Gone,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Series, StatusCounts};

    fn sample(at: i64) -> Sample {
        let by_status = StatusCounts { success: 1, ..StatusCounts::default() };
        Sample { at, by_status, ..Sample::default() }
    }

    fn now(number: u128, requests: u64) -> TunnelNow {
        let id = format!("{number:032x}").parse().unwrap_or_else(|error| panic!("{error}"));
        TunnelNow { id, status: TunnelStatus::Online, sessions: 1, requests, in_flight: 0, held: 0 }
    }

    fn snapshot(tunnels: Vec<TunnelNow>) -> LiveUpdate {
        let series = Series {
            step: 1,
            from: 700,
            until: 1_000,
            samples: (700..1_000).map(sample).collect(),
            whole: Sample::default(),
        };
        LiveUpdate::Snapshot(LiveSnapshot {
            series,
            tunnels,
            recent: vec![],
            detail: None,
            backends: vec![],
            rules: vec![],
        })
    }

    fn delta(at: i64, tunnels: Vec<TunnelNow>, removed: Vec<TunnelId>) -> LiveUpdate {
        LiveUpdate::Delta(LiveDelta {
            sample: sample(at),
            tunnels,
            removed,
            recent: vec![],
            detail: None,
            backends: vec![],
            rules: vec![],
        })
    }

    #[test]
    fn messages_are_read_as_they_are_written() {
        let requests = LiveUpdate::Requests(domain::LiveRequests { requests: vec![], missed: 3 });
        for update in [snapshot(vec![now(1, 2)]), delta(1_000, vec![now(1, 7)], vec![]), requests, LiveUpdate::Gone] {
            let text = serde_json::to_string(&update).unwrap_or_default();
            assert_eq!(read(&text), Some(update), "{text}");
        }
        for text in ["", "{}", r#"{"type":"of a newer server"}"#, r#"{"type":"snapshot"}"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_window_moves_on_and_never_grows() {
        let mut state = LiveState::default();
        state.apply(snapshot(vec![now(1, 0)]));
        for at in 1_000..1_100 {
            state.apply(delta(at, vec![], vec![]));
        }
        assert_eq!(state.samples.len(), 300);
        assert_eq!((state.samples.front().map(|s| s.at), state.until), (Some(800), 1_100));
        assert_eq!(state.tunnels[&now(1, 0).id].requests.len(), SPARK_POINTS);
    }

    #[test]
    fn what_was_sent_again_is_known_of_the_pages_tunnel() {
        let mut state = LiveState::default();
        assert_eq!(state.text(Metric::Retried), "—");
        let by_status = StatusCounts::default();
        let stats = TunnelStats {
            requests: 9,
            in_flight: 0,
            by_status,
            bytes_in: 0,
            bytes_out: 0,
            latency_ms: None,
            held: 0,
            retried: 3,
            sessions: 1,
            uptime_seconds: 1,
        };
        let LiveUpdate::Delta(mut told) = delta(1_000, vec![], vec![]) else { panic!("no delta") };
        told.detail = Some(TunnelDelta { tunnel: None, stats });
        state.apply(LiveUpdate::Delta(told));
        assert_eq!(state.text(Metric::Retried), "3");
    }

    #[test]
    fn an_unnamed_tunnel_goes_on_as_it_was_and_a_removed_one_is_forgotten() {
        let mut state = LiveState::default();
        state.apply(snapshot(vec![now(1, 0), now(2, 0)]));
        state.apply(delta(1_000, vec![now(1, 7)], vec![]));
        state.apply(delta(1_001, vec![], vec![now(2, 0).id]));
        assert_eq!(state.tunnels[&now(1, 0).id].requests, [7, 7]);
        assert_eq!(state.online(), (1, 1));
    }

    #[test]
    fn a_new_snapshot_replaces_what_was_known() {
        let mut state = LiveState::default();
        state.apply(snapshot(vec![now(1, 0)]));
        state.apply(delta(1_000, vec![now(1, 7)], vec![]));
        state.apply(snapshot(vec![now(1, 3)]));
        assert_eq!(state.samples.len(), 300);
        assert_eq!(state.tunnels[&now(1, 0).id].requests, [7], "the sparkline stays");
    }
}
