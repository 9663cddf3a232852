//! Alerts: users are told when something is not as it should be, and when it is again.
//!
//! [`watch`] looks once a second at what is in memory anyway, [`judge`] decides what has lasted long enough to be told,
//! each notice is written down ([`events`]), and [`deliver`] sends what is written down until it has arrived.

mod courier;
mod deliver;
mod events;
mod judge;
mod rows;
mod rules;
mod watch;

use crate::{Changes, Outside, Presence, SigningSecret, Traffic, store::Store, tokens::Reveals};
pub use courier::{Courier, Notice};
use dashmap::DashMap;
use domain::{Alert, AlertId, Email};
pub use events::AlertEventQuery;
pub(crate) use events::purge;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// What users want to be told of, and what they were told; cheap to clone.
#[derive(Debug, Clone)]
pub struct Alerts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    presence: Presence,
    traffic: Arc<Traffic>,
    changes: Changes,
    outside: Arc<Outside>,
    courier: OnceLock<Arc<dyn Courier>>,
    reveals: Reveals<SigningSecret>,
    /// Of how many things it was told that they are not as they should be, where there are any.
    firing: DashMap<AlertId, u32>,
    /// An alert was made, changed or deleted.
    changed: Notify,
    /// A notice waits to be sent.
    waiting: Notify,
}

impl Alerts {
    pub(crate) fn new(
        store: Store,
        presence: Presence,
        traffic: Arc<Traffic>,
        changes: Changes,
        outside: Arc<Outside>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            presence,
            traffic,
            changes,
            outside,
            courier: OnceLock::new(),
            reveals: Reveals::default(),
            firing: DashMap::new(),
            changed: Notify::new(),
            waiting: Notify::new(),
        }))
    }

    /// Has this one take notices to where they go. The first one stays.
    pub fn set_courier(&self, courier: Arc<dyn Courier>) {
        self.0.courier.set(courier).ok();
    }

    /// The same alert with how it is now.
    fn with_present(&self, alert: Alert) -> Alert {
        Alert { firing: self.0.firing.get(&alert.id).map_or(0, |firing| *firing), ..alert }
    }

    fn note_firing(&self, id: AlertId, firing: usize) {
        let _before = match u32::try_from(firing).unwrap_or(u32::MAX) {
            0 => self.0.firing.remove(&id).map(|_| ()),
            firing => self.0.firing.insert(id, firing).map(|_| ()),
        };
    }

    /// Whether this server sends mail.
    pub fn can_mail(&self) -> bool {
        self.0.courier.get().is_some_and(|courier| courier.can_mail())
    }

    /// Mails a text; `None`: this server sends no mail.
    pub(crate) async fn mail(&self, to: &Email, subject: &str, text: &str) -> Option<Result<(), String>> {
        let courier = self.0.courier.get().filter(|courier| courier.can_mail())?;
        Some(courier.mail(to, subject, text).await)
    }
}
