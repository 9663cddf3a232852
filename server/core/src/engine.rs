//! What pages and API ask of the engine that carries requests. The services do not know it; they only pass it on.

use std::fmt;
use std::sync::Arc;

use domain::{Backend, BackendId, BackendLive, ExplainRequest, Explanation, HealthReport, HealthStatus, TunnelId};

use crate::{Gate, Result, Services, Viewer};

/// The engine, as far as pages and API look at it.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Tells what would become of a request, with every decision on the way. Of what is not the viewer's nothing is told.
    ///
    /// # Errors
    /// `Invalid` when the URL, the method or a header is none.
    fn explain(&self, viewer: &Viewer, request: &ExplainRequest) -> Result<Explanation>;

    /// What asks for an account in front of this path of this host; `None`: nothing does.
    fn gate(&self, host: &str, path: &str) -> Option<Gate>;

    /// How a backend is doing; the caller has made sure that the viewer may see it.
    fn backend(&self, id: BackendId) -> BackendLive;

    /// The backends whose health checks fail.
    fn unhealthy(&self) -> Vec<BackendId>;

    /// What its health checks have found; `None`: it was never checked.
    fn health(&self, id: BackendId) -> Option<HealthReport>;
}

impl Services {
    /// Has this engine answer from now on. The first one stays.
    pub fn set_engine(&self, engine: Arc<dyn Engine>) {
        self.engine_place().set(engine).ok();
    }

    /// The engine; there is none in commands that carry no requests.
    pub fn engine(&self) -> Option<&Arc<dyn Engine>> {
        self.engine_place().get()
    }

    /// How a backend is doing, as far as this process carries requests; the caller has made sure that the viewer may
    /// see it.
    pub fn backend_live(&self, backend: &Backend) -> BackendLive {
        self.live_of(backend.key, backend.tunnel_id)
    }

    /// Tunnels are not checked: they can serve as long as a telephone is there.
    pub(crate) fn live_of(&self, id: BackendId, tunnel: Option<TunnelId>) -> BackendLive {
        let mut live = self.engine().map(|engine| engine.backend(id)).unwrap_or_default();
        if let Some(tunnel) = tunnel {
            let telephones = self.presence().count(tunnel);
            live.health = if telephones > 0 { HealthStatus::Healthy } else { HealthStatus::Unhealthy };
            live.detail = Some(format!("telephones that serve its tunnel: {telephones}"));
        }
        live
    }
}
