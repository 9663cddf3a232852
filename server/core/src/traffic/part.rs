//! Counting for whoever took a request within a subject: a backend of a service, a telephone of a tunnel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::{Sample, SessionFigures, TelephoneSession, TelephoneSessionId, Timestamp, TunnelId, UserId};
use uuid::Uuid;

use super::figures::Measured;
use super::meter::{InFlight, Meter};

/// How long the figures of a telephone that left are kept, seconds.
const KEPT: i64 = 3_600;
/// Of how many that left, for each tunnel.
const KEPT_OF_TUNNEL: usize = 20;
/// Of how many that left in all.
const KEPT_IN_ALL: usize = 2_000;

/// A request that was given to somebody; it is over when this is dropped.
#[derive(Debug)]
#[must_use = "the request is over when this is dropped"]
pub struct Given {
    in_flight: InFlight,
    since: Instant,
}

impl Given {
    /// The response head came, measured from when the request was given.
    pub fn answered(&self, status: u16) {
        self.in_flight.answered(status, self.since.elapsed());
    }

    /// Bytes of the response body were sent.
    pub fn add_bytes_out(&self, n: u64) {
        self.in_flight.meter().add_bytes_out(n);
    }

    /// What counts it.
    pub fn meter(&self) -> &Arc<Meter> {
        self.in_flight.meter()
    }
}

impl Meter {
    /// A request was given to whom this meter is for.
    pub fn give(self: &Arc<Self>) -> Given {
        Given { in_flight: self.begin(), since: Instant::now() }
    }
}

/// The telephones' own figures: while they are connected, and a while after.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<HashMap<TelephoneSessionId, Kept>>>);

#[derive(Debug)]
struct Kept {
    session: TelephoneSession,
    ended: Option<Timestamp>,
    meter: Arc<Meter>,
}

/// Counts for one telephone; when this is dropped it has left.
#[derive(Debug)]
pub struct SessionMeter {
    sessions: Sessions,
    id: TelephoneSessionId,
    meter: Arc<Meter>,
}

impl SessionMeter {
    /// What counts for it.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }
}

impl Drop for SessionMeter {
    fn drop(&mut self) {
        let now = chrono::Utc::now();
        let mut all = self.sessions.lock();
        if let Some(kept) = all.get_mut(&self.id) {
            kept.ended = Some(now);
        }
        forget_old(&mut all, now);
    }
}

impl Sessions {
    /// A telephone came.
    pub fn begin(&self, session: &TelephoneSession) -> SessionMeter {
        // It is counted for itself only: whose requests these are is known where they arrive.
        let meter = Arc::new(Meter::new(session.id.0, UserId(Uuid::nil())));
        let kept = Kept { session: session.clone(), ended: None, meter: meter.clone() };
        self.lock().insert(session.id, kept);
        SessionMeter { sessions: self.clone(), id: session.id, meter }
    }

    /// Those of a tunnel: who is connected first, then who left last.
    pub fn of(&self, tunnel: TunnelId) -> Vec<SessionFigures> {
        let mut all = self.lock();
        forget_old(&mut all, chrono::Utc::now());
        let of_tunnel = all.values().filter(|kept| kept.session.tunnel_id == tunnel);
        let mut figures: Vec<_> = of_tunnel.map(Kept::figures).collect();
        figures.sort_by_key(|figures| {
            let ended = figures.ended_at.map_or(i64::MIN, |at| -at.timestamp_millis());
            (ended, figures.connected_at, figures.id)
        });
        figures
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TelephoneSessionId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn figures(&self) -> SessionFigures {
        let (held, _) = self.meter.held_and_retried();
        let measured = Measured {
            counts: self.meter.counts(),
            in_flight: self.meter.in_flight(),
            held,
            latencies: self.meter.all_latencies(),
        };
        SessionFigures {
            id: self.session.id,
            agent: self.session.agent.clone(),
            machine: self.session.machine.clone(),
            address: self.session.address,
            connected_at: self.session.connected_at,
            ended_at: self.ended,
            figures: Sample { at: self.session.connected_at.timestamp(), ..measured.sample(0) },
        }
    }
}

/// Lets go of those who left long ago, and of the oldest where there are too many.
fn forget_old(all: &mut HashMap<TelephoneSessionId, Kept>, now: Timestamp) {
    let mut ended: Vec<_> =
        all.iter().filter_map(|(id, kept)| Some((kept.ended?, kept.session.tunnel_id, *id))).collect();
    ended.sort_unstable_by(|one, other| other.cmp(one));
    let mut of_tunnel: HashMap<TunnelId, usize> = HashMap::new();
    for (place, (at, tunnel, id)) in ended.into_iter().enumerate() {
        let places = of_tunnel.entry(tunnel).or_default();
        *places += 1;
        if *places > KEPT_OF_TUNNEL || place >= KEPT_IN_ALL || (now - at).num_seconds() > KEPT {
            all.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telephone(tunnel: TunnelId) -> TelephoneSession {
        TelephoneSession {
            id: TelephoneSessionId(Uuid::now_v7()),
            tunnel_id: tunnel,
            token_id: domain::TokenId(Uuid::now_v7()),
            address: std::net::IpAddr::from([127, 0, 0, 1]),
            agent: "telephone".into(),
            machine: None,
            protocol: "2".into(),
            lines: 1,
            round_trip_ms: None,
            connected_at: chrono::Utc::now(),
            quality: domain::LineQuality::default(),
        }
    }

    #[test]
    fn a_telephone_has_figures_of_its_own_which_stay_a_while() {
        let (sessions, tunnel) = (Sessions::default(), TunnelId(Uuid::now_v7()));
        let (here, left) = (sessions.begin(&telephone(tunnel)), sessions.begin(&telephone(tunnel)));
        let given = here.meter().give();
        given.answered(200);
        given.add_bytes_out(5);
        left.meter().give().answered(502);
        drop(left);
        let seen = sessions.of(tunnel);
        assert_eq!((seen[0].id, seen[0].ended_at), (here.id, None));
        assert_eq!(
            (seen[0].figures.by_status.success, seen[0].figures.bytes_out, seen[0].figures.in_flight),
            (1, 5, 1)
        );
        assert!(seen[0].figures.latency_ms.is_some());
        assert!(seen[1].ended_at.is_some());
        assert_eq!((seen[1].figures.by_status.server_error, seen[1].figures.in_flight), (1, 0));
        assert!(sessions.of(TunnelId(Uuid::now_v7())).is_empty());
    }

    #[test]
    fn who_comes_and_goes_takes_no_more_and_more_room() {
        let (sessions, tunnel) = (Sessions::default(), TunnelId(Uuid::now_v7()));
        let here = sessions.begin(&telephone(tunnel));
        (0..100).for_each(|_| drop(sessions.begin(&telephone(tunnel))));
        assert_eq!(sessions.of(tunnel).len(), 1 + KEPT_OF_TUNNEL);
        let later = chrono::Utc::now() + chrono::TimeDelta::seconds(KEPT + 1);
        forget_old(&mut sessions.lock(), later);
        assert_eq!(sessions.of(tunnel).len(), 1);
        drop(here);
    }
}
