//! The engine as pages and API see it.

use std::sync::{Arc, Weak};

use domain::{BackendId, BackendLive, ExplainRequest, Explanation, HealthReport};
use server_core::{CoreError, Doorstep, Engine, Gate, Result, Viewer};

use super::{Destination, Question, Routing, Target};
use crate::ingress::RequestHost;

/// Tells of the engine for as long as it is there. The services keep this, and the engine keeps the services.
#[derive(Debug)]
pub struct Window(Weak<Routing>);

impl Window {
    /// Tells of this engine.
    pub fn of(routing: &Arc<Routing>) -> Self {
        Self(Arc::downgrade(routing))
    }
}

impl Engine for Window {
    fn explain(&self, viewer: &Viewer, request: &ExplainRequest) -> Result<Explanation> {
        let question = Question::new(request)?;
        let routing = self.0.upgrade().ok_or_else(|| CoreError::Unavailable("the engine has stopped".to_owned()))?;
        let limits = routing.backends().limits();
        Ok(routing.table().explain(&question, limits, |owner| viewer.is_admin() || viewer.id() == owner))
    }

    fn gate(&self, host: &str, path: &str) -> Option<Gate> {
        let (routing, host) = (self.0.upgrade()?, RequestHost::parse(host).ok()?);
        let fronts: Vec<_> = match routing.table().find(&host, path).ok()? {
            Destination::Dashboard => return None,
            Destination::Tunnel(route) => route.front.iter().cloned().collect(),
            Destination::Rule(rule, _) => {
                let of_tunnels: Vec<_> = match &rule.target {
                    Target::Tunnel(route) => route.front.iter().cloned().collect(),
                    Target::Pool(split) => {
                        let (now, next) = split.pools();
                        now.fronts().chain(next.into_iter().flat_map(|(next, _)| next.fronts())).cloned().collect()
                    }
                    Target::Redirect(_) | Target::Nothing => Vec::new(),
                };
                rule.fronts.iter().cloned().chain(of_tunnels).collect()
            }
        };
        let asking = fronts.iter().filter(|front| front.settings().sign_in.is_some());
        let fronts: Vec<_> = asking.map(|front| (front.owner(), front.settings().clone())).collect();
        let owner = fronts.first()?.0;
        Some(Gate { doorstep: Doorstep { host: host.name.into_owned(), owner }, fronts })
    }

    fn backend(&self, id: BackendId) -> BackendLive {
        let Some(routing) = self.0.upgrade() else { return BackendLive::default() };
        let report = routing.health().board().report(id);
        let mut live = BackendLive {
            since: report.as_ref().map(|report| report.since),
            detail: report.as_ref().and_then(|report| report.last()).map(|last| last.outcome.clone()),
            ..BackendLive::default()
        };
        if let Some(state) = routing.backends().known(id) {
            live.health = state.health();
            live.ejected = state.is_ejected();
            live.in_flight = state.in_flight();
            (live.answered, live.failed) = state.counts();
        }
        live
    }

    fn unhealthy(&self) -> Vec<BackendId> {
        self.0.upgrade().map(|routing| routing.health().board().unhealthy()).unwrap_or_default()
    }

    fn health(&self, id: BackendId) -> Option<HealthReport> {
        self.0.upgrade()?.health().board().report(id)
    }
}
