//! Which telephones serve what, in this process.

use domain::{TelephoneSession, TunnelId};

/// The telephones that are connected to this process.
#[derive(Debug)]
pub struct Presence(());

impl Presence {
    /// A telephone came; it is there until the guard is dropped.
    pub fn join(&self, _session: TelephoneSession) -> PresenceGuard {
        todo!()
    }
    /// Those that serve a tunnel, the oldest first.
    pub fn of(&self, _id: TunnelId) -> Vec<TelephoneSession> {
        todo!()
    }
    /// How many serve a tunnel.
    pub fn count(&self, _id: TunnelId) -> u32 {
        todo!()
    }
    /// How many there are.
    pub fn total(&self) -> usize {
        todo!()
    }
}

/// A telephone's place in [`Presence`]; dropping it means that the telephone left.
#[derive(Debug)]
#[must_use = "the telephone leaves when this is dropped"]
pub struct PresenceGuard(());

impl PresenceGuard {
    /// Notes the last measured round trip, milliseconds.
    pub fn set_round_trip(&self, _milliseconds: f64) {
        todo!()
    }
}
