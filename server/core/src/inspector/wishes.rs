//! What owners want to be kept, in memory: the engine asks with every request.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use domain::{CaptureLevel, CaptureSettings, RuleId, TunnelId};
use uuid::Uuid;

/// What is kept where nobody has said anything.
static USUAL: LazyLock<Arc<CaptureSettings>> = LazyLock::new(Arc::default);

/// The settings that differ from the usual ones, by the id of their tunnel, domain or route.
#[derive(Debug, Default)]
pub(super) struct Wishes(ArcSwap<HashMap<Uuid, Arc<CaptureSettings>>>);

impl Wishes {
    /// What is wanted of an exchange; `None`: nothing.
    pub(super) fn of(&self, rule: Option<RuleId>, tunnel: Option<TunnelId>) -> Option<Arc<CaptureSettings>> {
        let wishes = self.0.load();
        let rule = rule.map(|rule| match rule {
            RuleId::Domain(id) => id.0,
            RuleId::Route(id) => id.0,
        });
        let said = [rule, tunnel.map(|tunnel| tunnel.0)].into_iter().flatten().find_map(|id| wishes.get(&id));
        let settings = said.unwrap_or(&USUAL);
        (settings.level > CaptureLevel::Off).then(|| settings.clone())
    }
}
