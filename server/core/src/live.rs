//! What the live WebSockets send.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::{
    BackendId, BackendLive, BackendNow, LiveDelta, LiveSnapshot, LiveUpdate, RequestId, RuleId, RuleNow, ServiceId,
    Switch, Tag, Tunnel, TunnelDelta, TunnelId, TunnelNow, TunnelState, TunnelStatus,
};
use tokio::sync::broadcast::{Receiver, error::TryRecvError};
use tokio::sync::watch;

use crate::store::now;
use crate::traffic::subject_id;
use crate::{BackendQuery, Change, CoreError, Page, Result, ServiceRef, Services, Subject, Viewer};

/// How many of the latest requests go into one delta.
const RECENT: usize = 20;
/// How often it is checked that the viewer still has an account.
const VIEWER_CHECK: Duration = Duration::from_secs(60);
/// How often a tunnel's sessions are looked at for their round trips.
const DETAIL_REFRESH: Duration = Duration::from_secs(5);

/// One reader of live figures. Nothing is queued for it: it is sent what is so when it is ready for more.
#[derive(Debug)]
pub struct Watch {
    services: Services,
    viewer: Viewer,
    of: Subject,
    seconds: watch::Receiver<u64>,
    changes: Receiver<Change>,
    /// The second of the last message; `None` before the first.
    sent: Option<u64>,
    states: HashMap<TunnelId, TunnelState>,
    shown: HashMap<TunnelId, TunnelNow>,
    /// The backends of a service, and how they were in the last message.
    backends: HashMap<BackendId, (Option<TunnelId>, Option<BackendLive>)>,
    /// What leads to a service, with its tag and its switch.
    rules: HashMap<RuleId, (Option<Tag>, Option<Switch>)>,
    /// How that was in the last message.
    rules_shown: HashMap<RuleId, RuleNow>,
    newest: Option<RequestId>,
    viewer_checked: Instant,
    detail_read: Instant,
}

impl Services {
    /// Watches live figures. The caller has made sure that the viewer may see the tunnel or service, with
    /// `tunnels().get` or `pools().service`.
    pub fn watch(&self, viewer: Viewer, of: Subject) -> Watch {
        Watch {
            seconds: self.traffic().seconds(),
            changes: self.changes().subscribe(),
            services: self.clone(),
            viewer,
            of,
            sent: None,
            states: HashMap::new(),
            shown: HashMap::new(),
            backends: HashMap::new(),
            rules: HashMap::new(),
            rules_shown: HashMap::new(),
            newest: None,
            viewer_checked: Instant::now(),
            detail_read: Instant::now(),
        }
    }
}

impl Watch {
    /// Waits for the next message: first a snapshot, then a delta each second, a snapshot again when seconds were missed.
    ///
    /// # Errors
    /// [`Unauthorized`](CoreError::Unauthorized) when the account is gone; others when the database is away.
    pub async fn next(&mut self) -> Result<LiveUpdate> {
        let Some(sent) = self.sent else { return self.snapshot().await };
        if self.seconds.changed().await.is_err() {
            return Err(CoreError::Unavailable("nothing is measured any more".into()));
        }
        let now = *self.seconds.borrow_and_update();
        self.check_viewer().await?;
        if now != sent + 1 {
            return self.snapshot().await;
        }
        self.sent = Some(now);
        self.delta().await
    }

    async fn check_viewer(&mut self) -> Result<()> {
        if self.viewer_checked.elapsed() < VIEWER_CHECK {
            return Ok(());
        }
        self.viewer_checked = Instant::now();
        let viewer = self.services.accounts().viewer(self.viewer.id()).await?;
        self.viewer = viewer.ok_or(CoreError::Unauthorized("the account is gone; sign in with another"))?;
        Ok(())
    }

    async fn snapshot(&mut self) -> Result<LiveUpdate> {
        self.sent = Some(*self.seconds.borrow_and_update());
        self.take_changes();
        self.read_states().await?;
        let detail = match self.detail(true).await {
            Err(CoreError::NotFound(_)) => return Ok(LiveUpdate::Gone),
            detail => detail?,
        };
        let series = self.services.traffic().history(&self.viewer, self.of, domain::Range::Live).await?;
        let tunnels: Vec<_> = self.states.iter().map(|(id, state)| self.now(*id, *state)).collect();
        self.shown = tunnels.iter().map(|tunnel| (tunnel.id, *tunnel)).collect();
        let recent = self.services.traffic().recent(&self.viewer, self.of);
        self.newest = recent.first().map(|request| request.id);
        self.backends.values_mut().for_each(|(_, shown)| *shown = None);
        let backends = self.backends_now();
        self.rules_shown.clear();
        let rules = self.rules_now();
        Ok(LiveUpdate::Snapshot(LiveSnapshot { series, tunnels, recent, detail, backends, rules }))
    }

    async fn delta(&mut self) -> Result<LiveUpdate> {
        let changed = self.take_changes();
        if changed {
            self.read_states().await?;
        }
        let detail = match self.detail(changed || self.detail_read.elapsed() >= DETAIL_REFRESH).await {
            Err(CoreError::NotFound(_)) => return Ok(LiveUpdate::Gone),
            detail => detail?,
        };
        let removed: Vec<_> = self.shown.keys().copied().filter(|id| !self.states.contains_key(id)).collect();
        let now: Vec<_> = self.states.iter().map(|(id, state)| self.now(*id, *state)).collect();
        let tunnels: Vec<_> = now.into_iter().filter(|tunnel| self.shown.get(&tunnel.id) != Some(tunnel)).collect();
        self.shown.retain(|id, _| self.states.contains_key(id));
        self.shown.extend(tunnels.iter().map(|tunnel| (tunnel.id, *tunnel)));
        let recent = self.services.traffic().recent(&self.viewer, self.of);
        let newest = recent.first().map(|request| request.id);
        let recent = recent.into_iter().take_while(|request| Some(request.id) != self.newest).take(RECENT).collect();
        self.newest = newest.or(self.newest);
        let sample = self.services.traffic().latest(subject_id(&self.viewer, self.of));
        let (backends, rules) = (self.backends_now(), self.rules_now());
        Ok(LiveUpdate::Delta(LiveDelta { sample, tunnels, removed, recent, detail, backends, rules }))
    }

    /// The backends that are not as they were told last.
    fn backends_now(&mut self) -> Vec<BackendNow> {
        if self.services.engine().is_none() {
            return vec![];
        }
        let changed = self.backends.iter_mut().filter_map(|(id, (tunnel, shown))| {
            let live = self.services.live_of(*id, *tunnel);
            if shown.as_ref() == Some(&live) {
                return None;
            }
            *shown = Some(live.clone());
            Some(BackendNow { id: *id, live })
        });
        changed.collect()
    }

    /// What leads to the service and is not as it was told last.
    fn rules_now(&mut self) -> Vec<RuleNow> {
        let moment = now();
        let rules = self.rules.iter().map(|(rule, (tag, switch))| RuleNow {
            rule: *rule,
            tag: tag.clone(),
            switch: switch.as_ref().and_then(|switch| switch.at(moment)),
        });
        let changed: Vec<_> = rules.filter(|now| self.rules_shown.get(&now.rule) != Some(now)).collect();
        self.rules_shown.extend(changed.iter().map(|now| (now.rule, now.clone())));
        changed
    }

    /// Whether anything changed since the last call that this reader shows.
    fn take_changes(&mut self) -> bool {
        let mut changed = false;
        loop {
            match self.changes.try_recv() {
                Ok(Change::Tunnel(id) | Change::Presence(id)) => {
                    changed |= self.of == Subject::All || self.of == Subject::Tunnel(id);
                }
                Ok(Change::Routing) => changed |= matches!(self.of, Subject::Service(_)),
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => changed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return changed,
            }
        }
    }

    async fn read_states(&mut self) -> Result<()> {
        if matches!(self.of, Subject::Service(_)) {
            return Ok(());
        }
        let entries = self.services.tunnels().routing_entries().await?;
        let mine = entries.into_iter().filter(|entry| match self.of {
            Subject::All => self.viewer.is_admin() || entry.owner_id == self.viewer.id(),
            Subject::Tunnel(id) => entry.tunnel_id == id,
            Subject::Service(_) => false,
        });
        self.states = mine.map(|entry| (entry.tunnel_id, entry.state)).collect();
        Ok(())
    }

    fn now(&self, id: TunnelId, state: TunnelState) -> TunnelNow {
        let sessions = self.services.presence().count(id);
        let latest = self.services.traffic().latest(id.0);
        let status = match state {
            TunnelState::Active if sessions > 0 => TunnelStatus::Online,
            TunnelState::Active => TunnelStatus::Offline,
            TunnelState::Paused => TunnelStatus::Paused,
            TunnelState::Deleted => TunnelStatus::Deleted,
        };
        let (held, _) = self.services.traffic().held_and_retried(id);
        TunnelNow { id, status, sessions, requests: latest.by_status.total(), in_flight: latest.in_flight, held }
    }

    /// The tunnel of `/ws/tunnels/:id`; of a service only whether it is still there.
    async fn detail(&mut self, whole: bool) -> Result<Option<TunnelDelta>> {
        let id = match self.of {
            Subject::All => return Ok(None),
            Subject::Service(id) if whole => return self.check_service(id).await.map(|()| None),
            Subject::Service(_) => return Ok(None),
            Subject::Tunnel(id) => id,
        };
        let tunnel = if whole { Some(self.tunnel(id).await?) } else { None };
        let stats = self.services.tunnels().stats_of(id).await?;
        Ok(Some(TunnelDelta { tunnel, stats }))
    }

    async fn check_service(&mut self, id: ServiceId) -> Result<()> {
        self.detail_read = Instant::now();
        let service = self.services.pools().service(&self.viewer, &ServiceRef::Id(id)).await?;
        if service.deleted_at.is_some() {
            return Err(CoreError::NotFound("service"));
        }
        let query = BackendQuery { service: Some(id), ..BackendQuery::default() };
        let backends = self.services.pools().backends(&self.viewer, query, Page { limit: 100, cursor: None }).await?;
        self.backends = backends
            .items
            .into_iter()
            .map(|backend| {
                let shown = self.backends.get(&backend.key).and_then(|(_, shown)| shown.clone());
                (backend.key, (backend.tunnel_id, shown))
            })
            .collect();
        let known = self.rules.values().filter_map(|(_, switch)| switch.as_ref()).map(|switch| switch.id);
        self.rules = self.services.switches().leading_to(&self.viewer, id, known).await?;
        Ok(())
    }

    async fn tunnel(&mut self, id: TunnelId) -> Result<Tunnel> {
        self.detail_read = Instant::now();
        let tunnel = self.services.tunnels().get(&self.viewer, id).await?;
        if tunnel.status == TunnelStatus::Deleted { Err(CoreError::NotFound("tunnel")) } else { Ok(tunnel) }
    }
}
