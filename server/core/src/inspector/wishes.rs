//! What owners want to be kept, in memory: the engine asks with every request.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::{CaptureLevel, CaptureSettings, RuleId, TunnelId};
use uuid::Uuid;

use super::access::Inspected;

/// The settings that differ from the usual ones, by the id of their tunnel, domain or route.
#[derive(Debug)]
pub(super) struct Wishes {
    /// What is kept where nobody has said anything.
    usual: Arc<CaptureSettings>,
    said: ArcSwap<HashMap<Uuid, Arc<CaptureSettings>>>,
}

impl Wishes {
    pub(super) fn new(level: CaptureLevel) -> Self {
        Self { usual: Arc::new(CaptureSettings { level, ..CaptureSettings::default() }), said: ArcSwap::default() }
    }

    /// What is wanted of an exchange, if it may be had; `None`: nothing.
    pub(super) fn of(
        &self,
        rule: Option<RuleId>,
        tunnel: Option<TunnelId>,
        may: impl FnOnce(&CaptureSettings) -> bool,
    ) -> Option<Arc<CaptureSettings>> {
        let said = self.said.load();
        let settings = match said.is_empty() {
            true => &self.usual,
            false => ids(rule, tunnel).into_iter().flatten().find_map(|id| said.get(&id)).unwrap_or(&self.usual),
        };
        // Every thread counts its references in one place; under load it is not written to.
        (settings.level > CaptureLevel::Off && may(settings)).then(|| settings.clone())
    }

    /// By whose settings an exchange is recorded, and against whose bounds it counts.
    pub(super) fn subject(&self, rule: Option<RuleId>, tunnel: Option<TunnelId>) -> Option<Uuid> {
        let said = self.said.load();
        let ids = ids(rule, tunnel);
        ids.into_iter().flatten().find(|id| said.contains_key(id)).or_else(|| ids.into_iter().flatten().next())
    }

    /// What is wanted of one tunnel, domain or route.
    pub(super) fn one(&self, id: Uuid) -> Arc<CaptureSettings> {
        self.said.load().get(&id).unwrap_or(&self.usual).clone()
    }

    /// What is wanted where nobody has said anything.
    pub(super) fn usual(&self) -> &CaptureSettings {
        &self.usual
    }

    /// Somebody has said what is wanted, or takes it back.
    pub(super) fn set(&self, id: Uuid, settings: Option<CaptureSettings>) {
        let settings = settings.map(Arc::new);
        self.said.rcu(|said| {
            let mut said = HashMap::clone(said);
            match &settings {
                Some(settings) => said.insert(id, settings.clone()),
                None => said.remove(&id),
            };
            said
        });
    }

    /// All that was said.
    pub(super) fn replace(&self, said: HashMap<Uuid, Arc<CaptureSettings>>) {
        self.said.store(Arc::new(said));
    }
}

fn ids(rule: Option<RuleId>, tunnel: Option<TunnelId>) -> [Option<Uuid>; 2] {
    [rule.map(|rule| Inspected::Rule(rule).id()), tunnel.map(|tunnel| tunnel.0)]
}
