//! Measured traffic.
//!
//! The hot path counts in a [`Meter`]. Once a second the [`sampler`] reads all meters; its samples are the live view,
//! and every ten seconds its [`rollups`] go to the database. Figures are stored as absolute numbers under the id of
//! their *run*, a stretch of time in which one process measured without a pause: storing twice changes nothing, and
//! a process that was killed leaves at most its last ten seconds behind.
//!
//! A meter also tells requests apart, in its [`details`]: these go the same way into [`breakdowns`]. Backends have meters of
//! their own, which are not added to their owner's; so have telephones, whose [`part`] is kept only while they are connected
//! and a while after.

mod breakdowns;
#[cfg(test)]
mod clock;
mod details;
mod figures;
mod grouping;
mod meter;
mod part;
mod recent;
mod rollups;
mod sampler;
mod shares;
mod tally;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use domain::{
    Backend, BackendFigures, BackendId, Breakdown, LatencySummary, RecentRequest, Sample, Series, SessionFigures,
    TelephoneSession, TunnelId, UserId, Window,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::Store;
use crate::{Presence, Result, Viewer};
pub use details::Answered;
pub(crate) use figures::Counts;
pub use meter::{Held, InFlight, Meter};
use part::Sessions;
pub use part::{Given, SessionMeter};
use recent::Recent;
use sampler::{EVERYTHING, Sampler};
pub use tally::{Tallied, Tally};
pub use types::{Lately, Now, Overall, Subject};

/// How many values of each property a breakdown names.
const NAMED: usize = 20;
/// How often roll-ups are stored, seconds.
const STORE_EVERY: u64 = 10;
/// How often old roll-ups are removed, seconds.
const PURGE_EVERY: u64 = 600;
/// How often idle meters are dropped, seconds.
const DROP_EVERY: i64 = 600;
/// The bounds of the latency buckets of `/metrics`, seconds.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts, charts and the latest requests.
#[derive(Debug)]
pub struct Traffic {
    store: Store,
    presence: Presence,
    meters: DashMap<Uuid, Arc<Meter>>,
    sampler: Mutex<Sampler>,
    recent: Recent,
    sessions: Sessions,
    /// What was counted before this process, by subject, once somebody asked.
    before: DashMap<Uuid, Counts>,
    /// How many seconds were measured.
    seconds: watch::Sender<u64>,
    storing: tokio::sync::Mutex<()>,
}

impl Traffic {
    pub(crate) fn new(store: Store, presence: Presence) -> Self {
        Self {
            store,
            presence,
            meters: DashMap::new(),
            sampler: Mutex::new(Sampler::new(chrono::Utc::now().timestamp())),
            recent: Recent::default(),
            sessions: Sessions::default(),
            before: DashMap::new(),
            seconds: watch::Sender::new(0),
            storing: tokio::sync::Mutex::new(()),
        }
    }

    /// The meter of a tunnel or a service, by its id. Never waits for the database.
    pub fn meter(&self, subject: Uuid, owner: UserId) -> Arc<Meter> {
        self.meters.entry(subject).or_insert_with(|| Arc::new(Meter::new(subject, owner))).clone()
    }

    /// The meter of a backend, whose traffic is that of services as well. Never waits for the database.
    pub fn backend_meter(&self, backend: BackendId) -> Arc<Meter> {
        self.meter(backend.0, UserId(Uuid::nil()))
    }

    /// Counts for a telephone that came.
    pub fn session_meter(&self, session: &TelephoneSession) -> SessionMeter {
        self.sessions.begin(session)
    }

    /// What the telephones of a tunnel did, those that are connected first. The caller has made sure that the viewer may
    /// see it.
    pub fn sessions(&self, tunnel: TunnelId) -> Vec<SessionFigures> {
        self.sessions.of(tunnel)
    }

    /// What these backends did. The caller has made sure that the viewer may see them.
    ///
    /// # Errors
    /// [`Unavailable`](crate::CoreError::Unavailable) when the database is away; never for what is live.
    pub async fn backends(&self, backends: &[Backend], window: impl Into<Window>) -> Result<Vec<BackendFigures>> {
        let (window, now) = (window.into(), chrono::Utc::now().timestamp());
        let ids: Vec<_> = backends.iter().map(|backend| backend.key.0).collect();
        let mut wholes = if window.is_live() {
            let sampler = self.sampler();
            ids.iter().map(|id| (*id, sampler.live(*id).whole)).collect()
        } else {
            let in_memory: Vec<_> = ids.iter().map(|id| (*id, self.sampler().in_memory(*id).1)).collect();
            let span = breakdowns::whole_steps(window.span(now), now);
            rollups::wholes(&self.store, &in_memory, span).await?
        };
        let figures = backends.iter().map(|backend| BackendFigures {
            key: backend.key,
            id: backend.id.clone(),
            figures: wholes.remove(&backend.key.0).unwrap_or_default(),
        });
        Ok(figures.collect())
    }

    /// Shows a request among the latest ones, unless there are more than can be looked at; then it is not even made.
    pub fn record_recent(&self, owner: UserId, request: impl FnOnce() -> RecentRequest) {
        self.recent.record(owner, request);
    }

    /// What was measured. The caller has made sure that the viewer may see the tunnel or service, with
    /// `tunnels().get` or `pools().service`.
    ///
    /// # Errors
    /// [`Unavailable`](crate::CoreError::Unavailable) when the database is away; never for what is live.
    pub async fn history(&self, viewer: &Viewer, of: Subject, window: impl Into<Window>) -> Result<Series> {
        let (id, window) = (subject_id(viewer, of), window.into());
        if window.is_live() {
            return Ok(self.sampler().live(id));
        }
        let in_memory = self.sampler().in_memory(id);
        rollups::history(&self.store, id, window.span(chrono::Utc::now().timestamp()), in_memory).await
    }

    /// What was measured, told apart by error, path and client, and the slowest requests. The caller has made sure that the
    /// viewer may see the tunnel or service, as for [`history`](Self::history).
    ///
    /// # Errors
    /// [`Unavailable`](crate::CoreError::Unavailable) when the database is away; never for what is live.
    pub async fn breakdown(&self, viewer: &Viewer, of: Subject, window: impl Into<Window>) -> Result<Breakdown> {
        let (id, window, now) = (subject_id(viewer, of), window.into(), chrono::Utc::now().timestamp());
        let (_, in_memory) = self.sampler().in_memory(id);
        let (from, until) = breakdowns::whole_steps(window.span(now), now);
        let details = match window.is_live() {
            true => breakdowns::of_steps(&in_memory, from, until),
            false => breakdowns::of(&self.store, id, (from, until), in_memory).await?,
        };
        Ok(details.breakdown((from, until), NAMED))
    }

    /// The latest requests, newest first.
    pub fn recent(&self, viewer: &Viewer, of: Subject) -> Vec<RecentRequest> {
        self.recent.of(subject_id(viewer, of))
    }

    /// A tunnel's figures since this process was started, without asking the database.
    pub fn now(&self, tunnel: TunnelId) -> Now {
        let (held, retried) = self.held_and_retried(tunnel);
        let sampler = self.sampler();
        Now {
            held,
            retried,
            requests: sampler.totals(tunnel.0).by_status.total(),
            in_flight: sampler.in_flight(tunnel.0),
            latency_ms: sampler.latency(tunnel.0),
        }
    }

    /// How many requests for a tunnel wait for a telephone now, and how many were sent a second time since this process
    /// was started.
    pub(crate) fn held_and_retried(&self, tunnel: TunnelId) -> (u64, u64) {
        self.meters.get(&tunnel.0).map_or((0, 0), |meter| meter.held_and_retried())
    }

    /// All of this process's traffic since it was started.
    pub fn overall(&self) -> Overall {
        let sampler = self.sampler();
        let overall = &sampler.overall;
        let latencies = overall.latencies.as_ref();
        let at_most = |seconds: f64| {
            let micros = (seconds * 1e6) as u64;
            latencies.map_or(0, |latencies| {
                latencies.into_iter().take_while(|bucket| bucket.end() <= micros).map(|bucket| bucket.count()).sum()
            })
        };
        Overall {
            by_status: overall.counts.by_status,
            in_flight: sampler.in_flight(EVERYTHING),
            bytes_in: overall.counts.bytes_in,
            bytes_out: overall.counts.bytes_out,
            latency_buckets: BOUNDS.iter().map(|bound| (*bound, at_most(*bound))).collect(),
            latency_sum: overall.counts.latency_us as f64 / 1e6,
            latency_count: overall.counts.by_status.total(),
        }
    }

    /// Samples each second and stores every ten, until it is stopped; then stores once more.
    pub async fn run(&self, stop: CancellationToken) {
        let mut count = 0_u64;
        loop {
            let into_second = u64::from(chrono::Utc::now().timestamp_subsec_millis().min(999));
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(1_001 - into_second)) => {}
                () = stop.cancelled() => break,
            }
            self.tick(chrono::Utc::now().timestamp());
            count += 1;
            if count.is_multiple_of(STORE_EVERY) {
                self.store_or_say().await;
            }
            if count.is_multiple_of(PURGE_EVERY)
                && let Err(error) = rollups::purge(&self.store, chrono::Utc::now().timestamp()).await
            {
                tracing::warn!(%error, "old traffic figures were not removed; it is tried again");
            }
        }
        self.sampler().finish(chrono::Utc::now().timestamp(), &self.all_meters());
        self.store_or_say().await;
    }

    fn all_meters(&self) -> Vec<Arc<Meter>> {
        self.meters.iter().map(|meter| meter.value().clone()).collect()
    }

    fn tick(&self, now: i64) {
        let measured = self.sampler().tick(now, &self.all_meters());
        if now % DROP_EVERY == 0 {
            self.drop_idle_meters();
        }
        self.recent.tick();
        if measured {
            self.seconds.send_modify(|seconds| *seconds += 1);
        }
    }

    /// Lets go of meters that nobody holds and that were read to the end; the next request makes them anew.
    fn drop_idle_meters(&self) {
        let mut sampler = self.sampler();
        // While its entry is looked at nobody can get hold of a meter.
        self.meters.retain(|_, meter| Arc::strong_count(meter) > 1 || !sampler.has_read(meter));
        sampler.keep_meters(|id| self.meters.contains_key(&id));
    }

    async fn store_or_say(&self) {
        if let Err(error) = self.store_now().await {
            tracing::warn!(%error, "traffic figures were not stored; they are kept and stored later");
        }
    }

    /// Stores what the database does not know yet.
    pub(crate) async fn store_now(&self) -> Result<()> {
        let _turn = self.storing.lock().await;
        let unstored = self.sampler().unstored();
        let seen = self.presence.take_seen();
        if let Err(error) = rollups::store(&self.store, &unstored, &seen).await {
            self.presence.put_back_seen(seen);
            return Err(error);
        }
        if self.sampler().stored(&unstored) {
            // A run of this process ended and is now counted by the database.
            self.before.clear();
        }
        Ok(())
    }

    /// Removes the figures of what is gone for good; how many rows.
    pub(crate) async fn purge_gone(&self) -> Result<u64> {
        // What is left is asked for again: otherwise it would hold whatever there ever was.
        self.before.clear();
        rollups::purge_gone(&self.store).await
    }

    /// A tunnel's counts since it was created.
    pub(crate) async fn totals(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Counts>> {
        let known = |id: &Uuid| self.before.get(id).map(|before| (*id, *before));
        let mut before: HashMap<_, _> = ids.iter().filter_map(known).collect();
        let unknown: Vec<_> = ids.iter().copied().filter(|id| !before.contains_key(id)).collect();
        if !unknown.is_empty() {
            let _turn = self.storing.lock().await;
            let runs = self.sampler().runs();
            let stored = rollups::totals_before(&self.store, &unknown, &runs).await?;
            for id in unknown {
                let counts = stored.get(&id).copied().unwrap_or_default();
                self.before.insert(id, counts);
                before.insert(id, counts);
            }
        }
        let sampler = self.sampler();
        let total = |id: &Uuid| {
            let mut sum = before.get(id).copied().unwrap_or_default();
            sum += sampler.ended_totals(*id);
            sum += sampler.totals(*id);
            (*id, sum)
        };
        Ok(ids.iter().map(total).collect())
    }

    /// Under way now, by tunnel or user.
    pub(crate) fn in_flight(&self, id: Uuid) -> u64 {
        self.sampler().in_flight(id)
    }

    /// The latencies of the last five minutes, by tunnel or user.
    pub(crate) fn latency(&self, id: Uuid) -> Option<LatencySummary> {
        self.sampler().latency(id)
    }

    /// The last minute's figures, by tunnel, service or user.
    pub(crate) fn lately(&self, id: Uuid) -> Lately {
        self.sampler().lately(id)
    }

    /// The second that was measured last.
    pub(crate) fn latest(&self, id: Uuid) -> Sample {
        self.sampler().latest(id)
    }

    /// Told of each second that was measured, by its number.
    pub(crate) fn seconds(&self) -> watch::Receiver<u64> {
        self.seconds.subscribe()
    }

    /// Lets go of what is kept in memory for a tunnel that was deleted; it is made again should it be restored.
    pub(crate) fn forget(&self, tunnel: TunnelId) {
        self.recent.forget(tunnel);
    }

    fn sampler(&self) -> MutexGuard<'_, Sampler> {
        self.sampler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose figures a viewer sees: an administrator sees everything.
pub(crate) fn subject_id(viewer: &Viewer, of: Subject) -> Uuid {
    match of {
        Subject::Tunnel(tunnel) => tunnel.0,
        Subject::Service(service) => service.0,
        Subject::All if viewer.is_admin() => EVERYTHING,
        Subject::All => viewer.id().0,
    }
}
