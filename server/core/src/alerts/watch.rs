//! Looks once a second at what is in memory, and asks the database only when something has changed.

use super::{
    Alerts,
    events::{News, firing},
    judge::Judge,
    rows::to_alert,
};
use crate::{
    Change, Engine, Lately, Result,
    store::rows::{alerts, backends, services, tunnels},
};
use domain::{
    Alert, AlertKind, AlertState, AlertSubject, BackendId, HealthStatus, ServiceId, Timestamp, TunnelId, UserId,
};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// After how long the alerts are read anew although nothing is known to have changed: another node may have.
const READ_EVERY: Duration = Duration::from_secs(30);
/// How soon after a change they are read again at the earliest.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How many alerts are looked after.
const MOST: u64 = 20_000;
/// How many subjects of one alert are followed.
const MOST_SUBJECTS: usize = 2_000;
/// How many backends that are new among the unhealthy ones are looked up within a second.
const LOOK_UPS: usize = 500;
/// With fewer answers in a minute, shares and percentiles say nothing.
const LEAST_ANSWERS: u64 = 5;

/// What is looked after.
#[derive(Debug, Default)]
struct Watch {
    rules: Vec<Rule>,
    tunnels: Vec<TunnelRow>,
    /// Tunnels that were served since this process was started; those that no alert is about are forgotten now and then.
    served: HashSet<TunnelId>,
    /// Of backends that were unhealthy; `None` for those that are not there.
    backends: HashMap<BackendId, Option<BackendRow>>,
}

#[derive(Debug)]
struct Rule {
    alert: Alert,
    judges: HashMap<Uuid, Judge>,
}

#[derive(Debug)]
struct TunnelRow {
    id: TunnelId,
    owner: UserId,
    subdomain: String,
    last_active_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct BackendRow {
    owner: UserId,
    service: ServiceId,
    name: String,
}

/// How one subject of an alert is.
struct Seen {
    subject: AlertSubject,
    /// `None`: not known.
    bad: Option<bool>,
    value: Option<f64>,
    detail: Option<String>,
}

impl Alerts {
    /// Looks after all alerts until it is stopped.
    pub(crate) async fn watch(&self, engine: &OnceLock<Arc<dyn Engine>>, stop: CancellationToken) {
        let mut seconds = self.0.traffic.seconds();
        let mut changes = self.0.changes.subscribe();
        let mut watch = Watch::default();
        let (began, mut read_at, mut is_stale) = (Instant::now(), None::<Instant>, true);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.changed.notified() => { is_stale = true; continue }
                served = changed(&mut changes) => {
                    is_stale |= served.is_none();
                    watch.served.extend(served);
                    continue;
                }
                second = seconds.changed() => if second.is_err() { return },
            }
            let age = read_at.map(|at| at.elapsed());
            if age.is_none_or(|age| age >= READ_EVERY || is_stale && age >= READ_AGAIN) {
                match self.read(&mut watch).await {
                    Ok(()) => (read_at, is_stale) = (Some(Instant::now()), false),
                    Err(error) => tracing::warn!(cause = error.cause(), "alerts could not be read: {error}"),
                }
            }
            if let Err(error) = self.look(&mut watch, engine.get(), began.elapsed().as_secs()).await {
                tracing::warn!(cause = error.cause(), "a notice was not written down; it is tried again: {error}");
            }
        }
    }

    /// Reads what is to be looked after; what was seen of it stays known.
    async fn read(&self, watch: &mut Watch) -> Result<()> {
        let store = &self.0.store;
        let rows = enabled().order_by_asc(alerts::Column::Id).limit(MOST).all(store.read()).await?;
        let mut before: HashMap<_, _> = watch.rules.drain(..).map(|rule| (rule.alert.id, rule.judges)).collect();
        let mut rules = Vec::with_capacity(rows.len());
        for row in rows {
            let alert = to_alert(&row, store.vault())?;
            let judges = match before.remove(&alert.id) {
                Some(judges) => judges,
                None => firing(store, alert.id).await?.into_iter().map(|id| (id, Judge::told(true))).collect(),
            };
            let rule = Rule { alert, judges };
            self.note_firing(rule.alert.id, rule.firing());
            rules.push(rule);
        }
        watch.rules = rules;
        self.0.firing.retain(|id, _| watch.rules.binary_search_by_key(id, |rule| rule.alert.id).is_ok());
        watch.backends.clear();
        watch.tunnels = if watch.has(AlertKind::TunnelOffline) { self.tunnels().await? } else { Vec::new() };
        let known: HashSet<_> = watch.tunnels.iter().map(|tunnel| tunnel.id).collect();
        watch.served.retain(|id| known.contains(id));
        Ok(())
    }

    /// The tunnels that some alert is about.
    async fn tunnels(&self) -> Result<Vec<TunnelRow>> {
        use tunnels::Column;
        let of_tunnels = || enabled().filter(alerts::Column::Kind.eq(AlertKind::TunnelOffline.as_str()));
        let owners = of_tunnels()
            .filter(alerts::Column::TunnelId.is_null())
            .select_only()
            .column(alerts::Column::OwnerId)
            .into_query();
        let named = of_tunnels()
            .filter(alerts::Column::TunnelId.is_not_null())
            .select_only()
            .column(alerts::Column::TunnelId)
            .into_query();
        let rows = tunnels::Entity::find()
            .select_only()
            .columns([Column::Id, Column::OwnerId, Column::Subdomain, Column::LastActiveAt])
            .filter(Column::DeletedAt.is_null())
            .filter(Column::Paused.eq(false))
            .filter(Column::OwnerId.in_subquery(owners).or(Column::Id.in_subquery(named)))
            .into_tuple::<(Uuid, Uuid, String, Option<Timestamp>)>()
            .all(self.0.store.read())
            .await?;
        let tunnel = |(id, owner, subdomain, last_active_at)| TunnelRow {
            id: TunnelId(id),
            owner: UserId(owner),
            subdomain,
            last_active_at,
        };
        Ok(rows.into_iter().map(tunnel).collect())
    }

    /// One look at everything; `now` in seconds.
    async fn look(&self, watch: &mut Watch, engine: Option<&Arc<dyn Engine>>, now: u64) -> Result<()> {
        if watch.rules.is_empty() {
            return Ok(());
        }
        let online: HashSet<_> = self.0.presence.online().into_iter().collect();
        watch.served.extend(watch.tunnels.iter().map(|tunnel| tunnel.id).filter(|id| online.contains(id)));
        if let Some(engine) = engine.filter(|_| watch.has(AlertKind::BackendUnhealthy)) {
            self.look_up(&mut watch.backends, &engine.unhealthy()).await?;
        }
        let Watch { rules, tunnels, served, backends } = watch;
        for rule in rules {
            let seen = match rule.alert.kind {
                AlertKind::TunnelOffline => of_tunnels(&rule.alert, tunnels, served, &online),
                AlertKind::BackendUnhealthy => {
                    engine.map(|engine| of_backends(rule, backends, engine.as_ref())).unwrap_or_default()
                }
                AlertKind::ErrorShare | AlertKind::Latency => vec![self.of_figures(&rule.alert)],
            };
            self.judge(rule, seen, now).await?;
        }
        Ok(())
    }

    async fn judge(&self, rule: &mut Rule, seen: Vec<Seen>, now: u64) -> Result<()> {
        for mut seen in seen {
            let id = seen.subject.id;
            if seen.bad != Some(true) && !rule.judges.contains_key(&id)
                || !rule.judges.contains_key(&id) && rule.judges.len() >= MOST_SUBJECTS
            {
                continue;
            }
            let judge = rule.judges.entry(id).or_default();
            let is_due = judge.see(seen.bad, now, u64::from(rule.alert.for_seconds));
            let is_firing = !judge.is_firing();
            if is_due {
                if seen.subject.kind != "tunnel" || seen.subject.name.is_empty() {
                    self.name(&mut seen.subject).await?;
                }
                let state = if is_firing { AlertState::Firing } else { AlertState::Recovered };
                let message = message(&rule.alert, &seen, is_firing);
                let news = News { state, subject: seen.subject, value: seen.value, message };
                self.tell(&rule.alert, news).await?;
            }
            if let Some(judge) = rule.judges.get_mut(&id) {
                if is_due {
                    judge.flip();
                }
                if judge.is_quiet() {
                    rule.judges.remove(&id);
                }
            }
            if is_due {
                self.note_firing(rule.alert.id, rule.firing());
            }
        }
        Ok(())
    }

    /// Finds out which backends these are; of those that are known already nothing is asked.
    async fn look_up(&self, known: &mut HashMap<BackendId, Option<BackendRow>>, ids: &[BackendId]) -> Result<()> {
        use backends::Column;
        let unknown: Vec<_> = ids.iter().filter(|id| !known.contains_key(id)).map(|id| id.0).take(LOOK_UPS).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = backends::Entity::find()
            .select_only()
            .columns([Column::Id, Column::OwnerId, Column::ServiceId, Column::Name])
            .filter(Column::Id.is_in(unknown.iter().copied()))
            .filter(Column::DeletedAt.is_null())
            .into_tuple::<(Uuid, Uuid, Uuid, String)>()
            .all(self.0.store.read())
            .await?;
        known.extend(unknown.into_iter().map(|id| (BackendId(id), None)));
        known.extend(rows.into_iter().map(|(id, owner, service, name)| {
            (BackendId(id), Some(BackendRow { owner: UserId(owner), service: ServiceId(service), name }))
        }));
        Ok(())
    }

    /// The share of errors, or the latency, of the last minute.
    fn of_figures(&self, alert: &Alert) -> Seen {
        let (kind, id) = match (alert.tunnel_id, alert.service_id) {
            (Some(tunnel), _) => ("tunnel", tunnel.0),
            (None, Some(service)) => ("service", service.0),
            (None, None) => ("all", alert.owner_id.0),
        };
        let Lately { answers, errors, p95_ms } = self.0.traffic.lately(id);
        let value = match alert.kind {
            _ if answers < LEAST_ANSWERS => None,
            AlertKind::ErrorShare => Some(errors as f64 / answers as f64),
            _ => p95_ms,
        };
        let bad = value.zip(alert.limit).map(|(value, limit)| value > limit);
        let subject = AlertSubject { kind: kind.into(), id, name: String::new() };
        Seen { subject, bad, value, detail: None }
    }

    /// What people call it.
    async fn name(&self, subject: &mut AlertSubject) -> Result<()> {
        let read = self.0.store.read();
        let found = match subject.kind.as_str() {
            "tunnel" => tunnels::Entity::find_by_id(subject.id).one(read).await?.map(|row| row.subdomain),
            "service" => services::Entity::find_by_id(subject.id).one(read).await?.map(|row| row.name),
            "backend" => match backends::Entity::find_by_id(subject.id).one(read).await? {
                Some(row) => {
                    let service = services::Entity::find_by_id(row.service_id).one(read).await?;
                    Some(
                        service.map_or_else(|| row.name.clone(), |service| format!("{} of {}", row.name, service.name)),
                    )
                }
                None => None,
            },
            _ => Some("all your tunnels and services".into()),
        };
        subject.name = found.unwrap_or_else(|| subject.id.to_string());
        Ok(())
    }
}

impl Rule {
    fn firing(&self) -> usize {
        self.judges.values().filter(|judge| judge.is_firing()).count()
    }
}

impl Watch {
    fn has(&self, kind: AlertKind) -> bool {
        self.rules.iter().any(|rule| rule.alert.kind == kind)
    }
}

fn enabled() -> sea_orm::Select<alerts::Entity> {
    alerts::Entity::find().filter(alerts::Column::Enabled.eq(true)).filter(alerts::Column::DeletedAt.is_null())
}

/// Waits for a change of what alerts are about; `Some` when it is that a telephone came to a tunnel, or left it.
async fn changed(changes: &mut broadcast::Receiver<Change>) -> Option<TunnelId> {
    loop {
        match changes.recv().await {
            Ok(Change::Presence(tunnel)) => return Some(tunnel),
            Ok(Change::Tunnel(_) | Change::Routing | Change::Elsewhere) | Err(RecvError::Lagged(_)) => return None,
            Ok(_) => {}
            // The services are going; whoever waits is stopped, too.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A tunnel that was never served since its alert was made or changed is not offline, but not in use.
fn of_tunnels(
    alert: &Alert,
    tunnels: &[TunnelRow],
    served: &HashSet<TunnelId>,
    online: &HashSet<TunnelId>,
) -> Vec<Seen> {
    let is_meant = |tunnel: &&TunnelRow| match alert.tunnel_id {
        Some(id) => id == tunnel.id,
        None => tunnel.owner == alert.owner_id,
    };
    let seen = |tunnel: &TunnelRow| {
        let is_online = online.contains(&tunnel.id);
        let in_use = served.contains(&tunnel.id) || tunnel.last_active_at.is_some_and(|at| at >= alert.updated_at);
        let subject = AlertSubject { kind: "tunnel".into(), id: tunnel.id.0, name: tunnel.subdomain.clone() };
        Seen { subject, bad: (is_online || in_use).then_some(!is_online), value: None, detail: None }
    };
    tunnels.iter().filter(is_meant).map(seen).collect()
}

/// Those that are unhealthy, and those of which that was told.
fn of_backends(rule: &Rule, backends: &HashMap<BackendId, Option<BackendRow>>, engine: &dyn Engine) -> Vec<Seen> {
    let alert = &rule.alert;
    let is_meant = |row: &BackendRow| match alert.service_id {
        Some(id) => id == row.service,
        None => row.owner == alert.owner_id,
    };
    let meant = backends.iter().filter(|(_, row)| row.as_ref().is_some_and(is_meant)).map(|(id, _)| *id);
    let told = rule.judges.keys().map(|id| BackendId(*id));
    let ids: HashSet<_> = meant.chain(told).collect();
    let seen = |id: BackendId| {
        let live = engine.backend(id);
        let bad = match live.health {
            HealthStatus::Unhealthy => Some(true),
            HealthStatus::Healthy => Some(false),
            // Not checked any more, or not yet.
            HealthStatus::Unknown => None,
        };
        let name = backends.get(&id).and_then(|row| row.as_ref()).map(|row| row.name.clone()).unwrap_or_default();
        Seen { subject: AlertSubject { kind: "backend".into(), id: id.0, name }, bad, value: None, detail: live.detail }
    };
    ids.into_iter().map(seen).collect()
}

fn message(alert: &Alert, seen: &Seen, is_firing: bool) -> String {
    let AlertSubject { kind, name, .. } = &seen.subject;
    let subject = if kind == "all" { name.clone() } else { format!("{kind} {name}") };
    let (value, limit) = (seen.value.unwrap_or_default(), alert.limit.unwrap_or_default());
    let lasting = match alert.for_seconds {
        0 => String::new(),
        seconds => format!(", for {seconds} s now"),
    };
    let within = if is_firing { "above" } else { "within" };
    match alert.kind {
        AlertKind::TunnelOffline if is_firing => format!("No telephone serves the {subject}{lasting}: it is offline."),
        AlertKind::TunnelOffline => format!("The {subject} is online again."),
        AlertKind::BackendUnhealthy if is_firing => {
            let found =
                seen.detail.as_ref().map(|detail| format!(" Its last check found: {detail}.")).unwrap_or_default();
            format!("The {subject} is unhealthy{lasting}.{found}")
        }
        AlertKind::BackendUnhealthy => format!("The {subject} is healthy again."),
        AlertKind::ErrorShare => format!(
            "Of the last minute's answers of {subject}, {:.1} % were errors, {within} the limit of {:.1} %{lasting}.",
            value * 100.0,
            limit * 100.0
        ),
        AlertKind::Latency => {
            format!(
                "95 of 100 answers of {subject} came within {value:.0} ms, {within} the limit of {limit:.0} ms{lasting}."
            )
        }
    }
}
